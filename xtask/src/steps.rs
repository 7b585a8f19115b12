//! Runs named commands in order until one fails, then prints their times.

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
}

impl Step {
    /// A step that has no tests to count.
    pub(crate) fn new(name: &str, cmd: Cmd) -> Self {
        Self { name: name.to_owned(), cmd, tests: false }
    }

    /// Runs it. The result is the number of tests that passed, as text; empty without tests.
    fn run(&self, out: &mut impl Write) -> Result<String> {
        if !self.tests {
            self.cmd.run()?;
            return Ok(String::new());
        }
        match passed(&self.cmd.run_and_copy(out)?) {
            0 => bail!("`{}` ended well, but not one test ran", self.cmd),
            1 => Ok("1 test".to_owned()),
            n => Ok(format!("{n} tests")),
        }
    }
}

/// Runs the steps up to the first failure, then prints the table.
pub(crate) fn run(steps: &[Step]) -> Result<()> {
    run_to(&mut io::stdout(), steps)
}

fn run_to(out: &mut impl Write, steps: &[Step]) -> Result<()> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut failure = None;
    for step in steps {
        if failure.is_some() {
            rows.push(row(&step.name, "not run", None, ""));
            continue;
        }
        writeln!(out, "\n── {}: {}", step.name, step.cmd).ok();
        let started = Instant::now();
        let result = step.run(out);
        let time = Some(started.elapsed());
        match result {
            Ok(detail) => rows.push(row(&step.name, "ok", time, &detail)),
            Err(error) => {
                rows.push(row(&step.name, "failed", time, ""));
                failure = Some(error.context(step.name.clone()));
            }
        }
    }
    writeln!(out, "\n{}", print::table(&rows)).ok();
    failure.map_or(Ok(()), Err)
}

fn row(name: &str, outcome: &str, time: Option<Duration>, detail: &str) -> Vec<String> {
    let time = time.map(print::elapsed).unwrap_or_default();
    [name, outcome, &time, detail].map(str::to_owned).to_vec()
}

/// The number of tests that passed, over all of libtest's closing lines.
fn passed(output: &str) -> u64 {
    let closing = output.lines().filter_map(|line| line.trim().strip_prefix("test result: ok. "));
    closing.filter_map(|line| line.split_once(" passed")?.0.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, script: &str, tests: bool) -> Step {
        Step { name: name.to_owned(), cmd: Cmd::new("sh").args(["-c", script]), tests }
    }

    #[test]
    fn passed_tests_are_summed_over_all_targets() {
        let output = "running 2 tests\ntest a ... ok\ntest b ... ok\n\n\
            test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
            running 40 tests\ntest result: ok. 40 passed; 0 failed\n";
        assert_eq!(passed(output), 42);
        assert_eq!(passed("test result: FAILED. 3 passed; 1 failed"), 0);
        assert_eq!(passed(""), 0);
    }

    #[test]
    fn a_tier_in_which_nothing_ran_is_a_failure() {
        let none = step("kernel", "echo 'test result: ok. 0 passed; 0 failed'", true);
        let error = run_to(&mut Vec::new(), &[none]);
        let message = format!("{:#}", error.unwrap_err());
        assert!(message.starts_with("kernel: `sh -c "), "{message}");
        assert!(message.ends_with("ended well, but not one test ran"), "{message}");
        let one = step("kernel", "echo 'test result: ok. 1 passed; 0 failed'", true);
        run_to(&mut Vec::new(), &[one]).unwrap();
    }

    #[test]
    fn nothing_runs_after_a_failure() {
        let marker = std::env::temp_dir().join(format!("edge-xtask-{}", std::process::id()));
        let touch = format!("touch {}", marker.display());
        let mut out = Vec::new();
        let steps = [step("a", "exit 7", false), step("b", &touch, false)];
        let error = run_to(&mut out, &steps).unwrap_err();
        assert_eq!(format!("{error:#}"), "a: `sh -c 'exit 7'` failed with exit status: 7");
        assert!(!marker.exists());
        let out = String::from_utf8(out).unwrap();
        assert!(out.starts_with("\n── a: sh -c 'exit 7'\n\na  failed"), "{out}");
        assert!(out.ends_with("\nb  not run\n"), "{out}");
    }
}
