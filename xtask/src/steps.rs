//! Named commands that run one after the other, and a table of their results.
//!
//! A command that fails doesn't keep the others from running, except those that need it.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::cmd::Cmd;
use crate::print;

/// One command of a longer run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// As the table calls it.
    pub(crate) name: String,
    /// What is run.
    pub(crate) cmd: Cmd,
    /// Whether it runs tests, of which there must be some.
    pub(crate) tests: bool,
    /// The step without whose result it doesn't run.
    pub(crate) needs: Option<&'static str>,
}

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tests {
    passed: u64,
    failed: u64,
}

impl Step {
    /// A step that has no tests to count.
    pub(crate) fn new(name: &str, cmd: Cmd) -> Self {
        Self { name: name.to_owned(), cmd, tests: false, needs: None }
    }

    /// Runs it and counts its tests, if it has any.
    fn run(&self, out: &mut impl Write) -> (Tests, Result<()>) {
        if !self.tests {
            return (Tests::default(), self.cmd.run());
        }
        let mut printed = String::new();
        let result = self.cmd.run_and_copy(out, &mut printed);
        let tests = Tests::read(&printed);
        let result = result.and_then(|()| match tests.passed {
            0 => bail!("`{}` ended well, but not one test ran", self.cmd),
            _ => Ok(()),
        });
        (tests, result)
    }
}

impl Tests {
    /// The sums over all closing lines, of libtest and of libtest-mimic.
    fn read(output: &str) -> Self {
        let mut sum = Self::default();
        for line in output.lines() {
            let Some(rest) = line.trim().strip_prefix("test result: ") else { continue };
            let number = |what: &str| -> u64 {
                let before = rest.split_once(what).map_or("", |(before, _)| before);
                before.rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0)
            };
            sum.passed += number(" passed");
            sum.failed += number(" failed");
        }
        sum
    }

    fn cell(self) -> String {
        match self {
            Self { passed: 0, failed: 0 } => String::new(),
            Self { passed, failed: 0 } => passed.to_string(),
            Self { passed, failed } => format!("{passed}, {failed} failed"),
        }
    }
}

/// Runs all steps, then prints the table.
///
/// # Errors
/// When a step fails: with the names of all that did.
pub(crate) fn run(steps: &[Step]) -> Result<()> {
    run_to(&mut io::stdout(), steps)
}

fn run_to(out: &mut impl Write, steps: &[Step]) -> Result<()> {
    let started = Instant::now();
    let mut rows = vec![["step", "result", "tests", "time"].map(str::to_owned).to_vec()];
    let mut failed: Vec<&str> = Vec::new();
    let mut not_run: Vec<&str> = Vec::new();
    for step in steps {
        let needs = step.needs.filter(|needs| failed.contains(needs) || not_run.contains(needs));
        if let Some(needs) = needs {
            not_run.push(&step.name);
            rows.push(row(&step.name, &format!("not run, needs {needs}"), "", None));
            continue;
        }
        writeln!(out, "\n── {}: {}", step.name, step.cmd).ok();
        let begun = Instant::now();
        let (tests, result) = step.run(out);
        let outcome = if result.is_ok() { "ok" } else { "failed" };
        rows.push(row(&step.name, outcome, &tests.cell(), Some(begun.elapsed())));
        if let Err(error) = result {
            writeln!(out, "── {} failed: {error:#}", step.name).ok();
            failed.push(&step.name);
        }
    }
    rows.push(row("all", "", "", Some(started.elapsed())));
    writeln!(out, "\n{}", print::table(&rows)).ok();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn row(name: &str, outcome: &str, tests: &str, time: Option<Duration>) -> Vec<String> {
    let time = time.map(print::elapsed).unwrap_or_default();
    [name, outcome, tests, &time].map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, script: &str, tests: bool) -> Step {
        let cmd = Cmd::new("sh").args(["-c", script]);
        Step { name: name.to_owned(), cmd, tests, needs: None }
    }

    #[test]
    fn tests_are_summed_over_all_targets() {
        let output = "running 2 tests\ntest a ... ok\ntest b ... ok\n\n\
            test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
            running 40 tests\ntest result: FAILED. 39 passed; 1 failed; 0 ignored\n";
        assert_eq!(Tests::read(output), Tests { passed: 41, failed: 1 });
        assert_eq!(Tests::read(output).cell(), "41, 1 failed");
        assert_eq!(Tests::read("").cell(), "");
    }

    #[test]
    fn a_tier_in_which_nothing_ran_is_a_failure() {
        let none = step("kernel", "echo 'test result: ok. 0 passed; 0 failed'", true);
        let mut out = Vec::new();
        let error = run_to(&mut out, &[none]).unwrap_err();
        assert_eq!(error.to_string(), "failed: kernel");
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("ended well, but not one test ran\n"), "{out}");
        let one = step("kernel", "echo 'test result: ok. 1 passed; 0 failed'", true);
        run_to(&mut Vec::new(), &[one]).unwrap();
    }

    #[test]
    fn a_failure_keeps_no_other_step_from_running() {
        let mut out = Vec::new();
        let failing = "echo 'test result: FAILED. 3 passed; 2 failed'; exit 7";
        let passing = "echo 'test result: ok. 5 passed; 0 failed'";
        let steps =
            [step("a", "exit 3", false), step("b", failing, true), step("c", passing, true)];
        let error = run_to(&mut out, &steps).unwrap_err();
        assert_eq!(error.to_string(), "failed: a, b");
        let out = String::from_utf8(out).unwrap();
        assert!(
            out.contains("\n── a failed: `sh -c 'exit 3'` failed with exit status: 3\n"),
            "{out}"
        );
        let rows: Vec<Vec<&str>> = out
            .lines()
            .map(|line| line.split("  ").filter(|cell| !cell.is_empty()).collect())
            .collect();
        let has = |cells: &[&str]| {
            let cells: Vec<_> = cells.to_vec();
            rows.iter()
                .any(|row| row.iter().map(|cell| cell.trim()).take(cells.len()).eq(cells.clone()))
        };
        assert!(has(&["step", "result", "tests", "time"]), "{out}");
        assert!(has(&["a", "failed"]) && has(&["b", "failed", "3, 2 failed"]), "{out}");
        assert!(has(&["c", "ok", "5"]) && has(&["all"]), "{out}");
    }

    #[test]
    fn a_step_runs_only_after_what_it_needs() {
        let after = |name: &str, needs| Step { needs: Some(needs), ..step(name, "true", false) };
        let run = |script: &str| {
            let mut out = Vec::new();
            let steps = [step("build", script, false), after("b", "build"), after("c", "b")];
            let result = run_to(&mut out, &steps).map_err(|error| error.to_string());
            (result, String::from_utf8(out).unwrap())
        };
        let (result, out) = run("exit 1");
        assert_eq!(result, Err("failed: build".to_owned()));
        assert!(
            out.contains("not run, needs build") && out.contains("not run, needs b\n"),
            "{out}"
        );
        let (result, out) = run("true");
        assert_eq!(result, Ok(()));
        assert!(!out.contains("not run"), "{out}");
    }
}
