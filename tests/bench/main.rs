//! The benchmark of the XDP programs and of the authority.
//!
//! It is run by `cargo xtask bench`, as root, and prints a table; JSON goes into a file if asked
//! for. docs/benchmarks.md explains the numbers.
#![forbid(unsafe_code)]

mod anchor;
mod authority;
mod feed;
mod figures;
mod fleet;
mod link;
mod machine;
mod measure;
mod mix;
mod ntp;
mod offset;
mod pool;
mod process;
mod report;
mod subject;

use std::io::Write as _;
use std::net::SocketAddrV4;
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
    /// Seconds of each run over the link and of dnsperf, and of a feed, 20 at least; 0 leaves them
    /// out
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// A folder with the C programs to compare with, built by clang
    #[arg(long, value_name = "DIR")]
    anchor: Option<PathBuf>,
    /// Measure only this
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
    /// Be the server that is measured, with this configuration.
    #[arg(long, hide = true)]
    serve: Option<PathBuf>,
    /// Be the responder on sockets that is measured, at this address.
    #[arg(long, hide = true)]
    answer: Option<SocketAddrV4>,
    /// Its threads.
    #[arg(long, hide = true, default_value_t = 1)]
    threads: usize,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// The program's time
    Program,
    /// Its replies over a link
    Link,
    /// A node's replies to a pool's mix, and in a flood
    Mix,
    /// The authority
    Authority,
    /// NTP's replies over a link, and how right they are
    Ntp,
    /// The error of the time that NTP clients get
    Offset,
    /// What a node takes that follows a scorer
    Feed,
    /// From a change of the scorer's to the answers of three nodes
    Fleet,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(config) = &args.serve {
        return edge_user::node::run(edge_user::settings::Config::load(config)?, false, || {
            note(format_args!("ready"));
        });
    }
    if let Some(address) = args.answer {
        return ntp::plain::run(address, args.threads);
    }
    let wants = |part| args.only.is_none_or(|only| only == part);
    let has_time = args.seconds > 0.0;
    // Before this process, and all that it starts, has one CPU.
    let offsets = if has_time && wants(Part::Offset) {
        note(format_args!("offset"));
        offset::measure()?
    } else {
        Vec::new()
    };
    let fleet = if has_time && wants(Part::Fleet) { fleet::measure()? } else { Vec::new() };
    let cpu = machine::pin()?;
    let programs = if wants(Part::Program) { programs(&args, cpu)? } else { Vec::new() };
    let rates = if has_time && wants(Part::Link) {
        note(format_args!("link"));
        Some(link::measure(args.seconds, args.rounds.clamp(5, 15))?)
    } else {
        None
    };
    let mix = if has_time && wants(Part::Mix) {
        Some(mix::measure(args.seconds, args.rounds)?)
    } else {
        None
    };
    let authority = if has_time && wants(Part::Authority) {
        authority::measure(args.seconds, args.rounds, &|text| note(format_args!("{text}")))?
    } else {
        Vec::new()
    };
    let (mut stamps, mut ntp) = (None, None);
    if has_time && wants(Part::Ntp) {
        stamps = Some(ntp::stamps::measure()?);
        ntp = Some(ntp::measure(args.seconds, args.rounds)?);
    }
    let feeds =
        if has_time && wants(Part::Feed) { feed::measure(args.seconds)? } else { Vec::new() };
    let machine = machine::read(cpu);
    let report =
        Report { machine, programs, rates, mix, authority, stamps, ntp, offsets, feeds, fleet };
    std::io::stdout().write_all(report.text().as_bytes()).context("print the report")?;
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report.json())?;
        std::fs::write(path, json + "\n").with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

fn programs(args: &Args, cpu: usize) -> Result<Vec<measure::Times>> {
    let anchor = args.anchor.as_deref().map(|folder| anchor::build(folder, cpu)).transpose()?;
    let mut programs = measure::Programs::new()?;
    note(format_args!("{} rounds of {} cases", args.rounds, programs.cases()));
    for round in 1..=args.rounds {
        programs.round(anchor.as_ref())?;
        note(format_args!("round {round}"));
    }
    Ok(programs.finish())
}

/// A line of progress, apart from the report.
fn note(text: std::fmt::Arguments<'_>) {
    // A reader that went away is no reason to stop.
    writeln!(std::io::stderr(), "{text}").ok();
}
