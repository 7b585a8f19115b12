//! `cargo xtask setup`: installs what the build and the tests need.
//!
//! A table shows what was found, what was installed, and from where. If something can't be
//! installed, the error says what to do. Nothing is changed on a system without apt, for a user who
//! can't become root while packages are missing, or while only the user can put something right.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::facts::Facts;
use crate::print;
use crate::requirement::{self, Purpose, Row, State};

mod install;

/// Arguments of `cargo xtask setup`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only report, change nothing; exit code 1 if something is missing
    #[arg(long)]
    check: bool,
    /// What `cargo xtask bench` needs, too
    #[arg(long)]
    bench: bool,
    /// What `cargo xtask test --tier long` needs, too: ntpd-rs, which takes minutes to build
    #[arg(long)]
    long: bool,
}

/// Runs `cargo xtask setup`.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut purposes = vec![Purpose::Lint, Purpose::Build, Purpose::Network, Purpose::Clients];
    if args.bench {
        purposes.push(Purpose::Bench);
    }
    if args.long {
        purposes.push(Purpose::Long);
    }
    let facts = read_facts();
    let before = requirement::judge(&facts, &purposes);
    let missing = missing(&before);
    if missing.is_empty() || args.check {
        print::line(print::table(&table(&before, &[])));
        print::line("");
        if missing.is_empty() {
            print::line("everything is there");
            return Ok(());
        }
        let bench = if args.bench { " --bench" } else { "" };
        let long = if args.long { " --long" } else { "" };
        bail!("missing: {}; run `cargo xtask setup{bench}{long}`", names(&missing));
    }

    let started = Instant::now();
    let installed = install_missing(&facts, &before);
    let after = requirement::judge(&read_facts(), &purposes);
    print::line(print::table(&table(&after, &before)));
    print::line("");
    installed?;
    finished(&after)?;
    let time = print::elapsed(started.elapsed());
    print::line(format_args!("installed in {time}: {}", names(&missing)));
    Ok(())
}

/// Makes sure that everything for these purposes is there: at once and silently if it is, else
/// like `cargo xtask setup`.
pub(crate) fn ensure(purposes: &[Purpose]) -> Result<Facts> {
    let facts = read_facts();
    let rows = requirement::judge(&facts, purposes);
    if missing(&rows).is_empty() {
        return Ok(facts);
    }
    install_missing(&facts, &rows)?;
    let facts = read_facts();
    finished(&requirement::judge(&facts, purposes))?;
    Ok(facts)
}

/// The facts that the requirements are judged by.
fn read_facts() -> Facts {
    Facts::read(&requirement::commands(), &requirement::packages())
}

fn install_missing(facts: &Facts, rows: &[Row]) -> Result<()> {
    let steps = install::plan(&facts.system, rows)?;
    print::line(format_args!("missing: {}", names(&missing(rows))));
    install::run(&steps, || read_facts().toolchain.linker.is_some())
}

fn finished(rows: &[Row]) -> Result<()> {
    let missing = missing(rows);
    if !missing.is_empty() {
        bail!("still missing after the installation: {}", names(&missing));
    }
    Ok(())
}

fn missing(rows: &[Row]) -> Vec<&Row> {
    rows.iter().filter(|row| matches!(row.state, State::Missing(_))).collect()
}

fn names(rows: &[&Row]) -> String {
    rows.iter().map(|row| row.name).collect::<Vec<_>>().join(", ")
}

/// The rows as table cells; what was missing `before` and is there now was installed.
fn table(rows: &[Row], before: &[Row]) -> Vec<Vec<String>> {
    let was_missing = |name: &str| missing(before).iter().any(|row| row.name == name);
    let mut cells = vec![["requirement", "state", "version", "from"].map(str::to_owned).to_vec()];
    cells.extend(rows.iter().map(|row| {
        let state = match row.state {
            State::Found if was_missing(row.name) => "installed",
            State::Found => "found",
            State::Unneeded => "not needed",
            State::Note => "note",
            State::Missing(_) => "missing",
        };
        vec![row.name.to_owned(), state.to_owned(), row.version.clone(), row.from.clone()]
    }));
    cells
}

#[cfg(test)]
pub(crate) mod tests;
