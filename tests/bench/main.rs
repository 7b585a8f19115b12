//! Measures the XDP program: rounds and an anchor's folder come in, a table and JSON come out.
//!
//! Run by `cargo xtask bench`, as root. docs/benchmarks.md says what the numbers mean.
#![forbid(unsafe_code)]

mod anchor;
mod figures;
mod link;
mod machine;
mod measure;
mod pool;
mod report;
mod subject;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser as _;

use crate::report::Report;

/// Arguments; `cargo xtask bench` has the same.
#[derive(clap::Parser)]
struct Args {
    /// Write the report as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How often everything is measured
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of each run over the link; 0 leaves the link out
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// A folder with the C programs to compare with, built by clang
    #[arg(long, value_name = "DIR")]
    anchor: Option<PathBuf>,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let cpu = machine::pin()?;
    let anchor = args.anchor.as_deref().map(|folder| anchor::build(folder, cpu)).transpose()?;
    let mut programs = measure::Programs::new()?;
    note(format_args!("{} rounds of {} cases", args.rounds, programs.cases()));
    for round in 1..=args.rounds {
        programs.round(anchor.as_ref())?;
        note(format_args!("round {round}"));
    }
    let rates = if args.seconds > 0.0 {
        note(format_args!("link"));
        Some(link::measure(args.seconds, args.rounds.clamp(5, 15))?)
    } else {
        None
    };
    let report = Report { machine: machine::read(cpu), programs: programs.finish(), rates };
    std::io::stdout().write_all(report.text().as_bytes()).context("print the report")?;
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report.json())?;
        std::fs::write(path, json + "\n").with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// A line of progress, apart from the report.
fn note(text: std::fmt::Arguments<'_>) {
    // A reader that went away is no reason to stop.
    writeln!(std::io::stderr(), "{text}").ok();
}
