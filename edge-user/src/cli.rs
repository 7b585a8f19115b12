//! The command line.
//!
//! Each command is a variant of `Command`, whose documentation is what `--help` shows.

mod check;
mod feed;
pub mod import;
mod output;
mod preview;

use std::io::IsTerminal as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::node::control::{Request, ask};
use crate::node::explain::{Explanation, Question};
use crate::node::status::Status;
use crate::node::switch_table::SwitchTable;
use crate::ntp::report::Report;
use crate::settings::{self as config, Config};
use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use edge_leaves::{audit, points};
use edge_tables::live::switches::{ReturnPath, Setting};
use feed::{FeedCommand, FleetCommand};
use import::{Flags, Host, Import};
use output::{print, print_json, say, show};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// DNS for an anycast pool, answered in the network driver.
///
/// An XDP program answers A and AAAA queries for the zones of a geodns zone directory before the
/// kernel allocates anything; everything else is answered by the authority in this process.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve, in the foreground, until SIGTERM or SIGINT.
    ///
    /// Writes `ready` to stderr when it serves. Zone files and databases are read anew when they
    /// change; a broken one changes nothing that is being served.
    Run {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Read the configuration, zones and databases, and say what is wrong with them.
    Check {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Show what a running node serves and has answered.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// The node's control socket.
        #[arg(long, value_name = "PATH", default_value = config::SOCKET)]
        socket: PathBuf,
    },
    /// Show why a client gets what it gets: its class, the targets tried, the records' shares, and
    /// who answers.
    ///
    /// Example: edge explain pool.example A --client 192.0.2.7
    Explain {
        /// The name that is asked for.
        name: String,
        /// The type that is asked for, such as A or AAAA.
        #[arg(value_name = "TYPE")]
        rtype: String,
        /// The client's address.
        #[arg(long, value_name = "IP")]
        client: IpAddr,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// The node's control socket.
        #[arg(long, value_name = "PATH", default_value = config::SOCKET)]
        socket: PathBuf,
    },
    /// Show what a running node tells clients of NTP, and where each field comes from; or why it
    /// tells no time.
    ExplainTime {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// The node's control socket.
        #[arg(long, value_name = "PATH", default_value = config::SOCKET)]
        socket: PathBuf,
    },
    /// Show in how many answers servers have been, by their users' country: XDP's answers and the
    /// authority's from the same tables.
    Points {
        /// Servers to show: those that have been in most.
        #[arg(long, value_name = "N", default_value_t = 20)]
        top: usize,
        /// Show what share of answers servers were promised, and what they had, the farthest off
        /// first.
        #[arg(long)]
        audit: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// The node's control socket.
        #[arg(long, value_name = "PATH", default_value = config::SOCKET)]
        socket: PathBuf,
    },
    /// Show what a zone, a feed's snapshot or a policy would change, from what a running node has
    /// been asked: each server's and country's load before and after, and monopolies. If there is a
    /// new one, the exit code is 1.
    ///
    /// Example: edge preview new/pool.example.json
    Preview(preview::Arguments),
    /// Show the switches of a running node, or set one.
    ///
    /// What is set here is so at once, and lasts until it is set again or the node restarts; how
    /// the node starts is configured by `[xdp]` and `[zone."NAME"]`.
    ///
    /// Example: edge switch drain on
    Switch(SwitchArguments),
    /// Make a configuration from that of geodns and its flags.
    ///
    /// Every key and flag is carried over, or a comment says why not. Give the flags that geodns is
    /// run with after `--`, or by --flags.
    ///
    /// Example: edge import /etc/geodns/geodns.conf -- -interface 192.0.2.53 -identifier ns1
    Import(ImportArguments),
    /// Let a refused feed pass, replay a policy, compare snapshots, publish.
    #[command(subcommand)]
    Feed(FeedCommand),
    /// How the nodes are that follow one feed.
    #[command(subcommand)]
    Fleet(FleetCommand),
}

#[derive(Debug, clap::Args)]
struct SwitchArguments {
    #[command(subcommand)]
    switch: Option<Switch>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    /// The node's control socket.
    #[arg(long, global = true, value_name = "PATH", default_value = config::SOCKET)]
    socket: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Switch {
    /// Pass everything in XDP, so that the authority answers alone.
    Drain {
        /// How it is to be.
        state: State,
    },
    /// Count what XDP would answer, and pass it.
    DryRun {
        /// How it is to be.
        state: State,
    },
    /// Refuse (REFUSED) names of no zone in XDP rather than pass them.
    RefuseUnknown {
        /// How it is to be.
        state: State,
    },
    /// Send replies back to where the query came from (mirror), or only where the routing table
    /// would (fib).
    ReturnPath {
        /// How it is to be.
        path: WayBack,
    },
    /// Answer for a zone in XDP, too, or by the authority alone.
    Zone {
        /// The zone's name.
        name: String,
        /// How it is to be.
        state: State,
    },
}

/// Which way replies leave.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum WayBack {
    /// Back to where the query came from.
    Mirror,
    /// Only where the kernel's routing table would send them; the others pass.
    Fib,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    /// It is to be so.
    On,
    /// It isn't.
    Off,
}

impl From<Switch> for Setting {
    fn from(switch: Switch) -> Self {
        let is = |state| matches!(state, State::On);
        match switch {
            Switch::Drain { state } => Self::Drain { on: is(state) },
            Switch::DryRun { state } => Self::DryRun { on: is(state) },
            Switch::RefuseUnknown { state } => Self::RefuseUnknown { on: is(state) },
            Switch::ReturnPath { path } => Self::ReturnPath {
                path: match path {
                    WayBack::Mirror => ReturnPath::Mirror,
                    WayBack::Fib => ReturnPath::Fib,
                },
            },
            Switch::Zone { name, state } => Self::Zone { name, on: is(state) },
        }
    }
}

#[derive(Debug, clap::Args)]
struct ImportArguments {
    /// geodns's configuration.
    #[arg(value_name = "GEODNS.CONF")]
    conf: PathBuf,
    /// The zones' directory, if it isn't that of -config or of the configuration.
    #[arg(long, value_name = "DIR")]
    zones: Option<PathBuf>,
    /// The directory that geodns runs in, for relative paths [default: this one].
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// geodns's flags in one text.
    #[arg(long, value_name = "TEXT", default_value = "", allow_hyphen_values = true)]
    flags: String,
    /// The file to write, for its owner only [default: stdout].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it is there.
    #[arg(long, requires = "output")]
    force: bool,
    /// geodns's flags.
    #[arg(last = true, value_name = "FLAGS")]
    geodns: Vec<String>,
}

/// Runs the program: reads the arguments and does what they say.
pub fn main() -> ExitCode {
    match perform(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("edge: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

fn perform(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run { config } => {
            log();
            crate::node::run(Config::load(&config)?, || say("ready\n"))?;
        }
        Command::Check { config } => return check(&config),
        Command::Status { json, socket } => {
            let value = ask(&socket, &Request::Status).map_err(anyhow::Error::msg)?;
            if json {
                print_json(&value)?;
            } else {
                print(&serde_json::from_value::<Status>(value)?.to_text())?;
            }
        }
        Command::Explain { name, rtype, client, json, socket } => {
            let question = Question { name, rtype, client };
            let value = ask(&socket, &Request::Explain(question)).map_err(anyhow::Error::msg)?;
            if json {
                print_json(&value)?;
            } else {
                print(&serde_json::from_value::<Explanation>(value)?.to_text())?;
            }
        }
        Command::ExplainTime { json, socket } => {
            let value = ask(&socket, &Request::ExplainTime).map_err(anyhow::Error::msg)?;
            if json {
                print_json(&value)?;
            } else {
                print(&serde_json::from_value::<Report>(value)?.to_text())?;
            }
        }
        Command::Points { top, audit, json, socket } => {
            let ask = |request| ask(&socket, &request).map_err(anyhow::Error::msg);
            if audit {
                let report: audit::AuditReport = serde_json::from_value(ask(Request::Audit)?)?;
                show(&report.first(top), json, audit::AuditReport::table)?;
            } else {
                let report: points::PointsReport =
                    serde_json::from_value(ask(Request::Points { top })?)?;
                show(&report, json, points::PointsReport::table)?;
            }
        }
        Command::Preview(arguments) => return preview::perform(&arguments),
        Command::Switch(arguments) => switch(arguments)?,
        Command::Import(arguments) => import(arguments)?,
        Command::Feed(command) => return feed::perform(command),
        Command::Fleet(command) => feed::fleet(command)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn switch(arguments: SwitchArguments) -> anyhow::Result<()> {
    let SwitchArguments { switch, json, socket } = arguments;
    let setting = switch.map(Setting::from);
    let request = setting.clone().map_or(Request::Switches, Request::Switch);
    let panel: SwitchTable =
        serde_json::from_value(ask(&socket, &request).map_err(anyhow::Error::msg)?)?;
    show(&panel, json, |panel| {
        setting.map_or_else(|| panel.to_text(), |setting| panel.confirm(&setting))
    })
}

fn import(arguments: ImportArguments) -> anyhow::Result<()> {
    let ImportArguments { conf, zones, directory, flags, output, force, geodns } = arguments;
    let words = Flags::words(&flags)?.into_iter().chain(geodns);
    let text = std::fs::read_to_string(&conf).with_context(|| conf.display().to_string())?;
    let absolute =
        |path: &Path| std::path::absolute(path).with_context(|| path.display().to_string());
    let toml = import::import(&Import {
        path: &absolute(&conf)?,
        text: &text,
        flags: &Flags::parse(words)?,
        zones: zones.as_deref().map(absolute).transpose()?.as_deref(),
        directory: &absolute(directory.as_deref().unwrap_or_else(|| Path::new(".")))?,
        host: &Host::look().context("ask for the host's addresses")?,
    })?;
    match output {
        Some(output) => Ok(import::write(&output, &toml, force)?),
        None => print(&toml),
    }
}

fn check(config: &Path) -> anyhow::Result<ExitCode> {
    let report = check::check(config);
    for warning in &report.warnings {
        say(&format!("warning: {warning}\n"));
    }
    for error in &report.errors {
        say(&format!("{error}\n"));
    }
    print(&report.zones)?;
    Ok(if report.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Logs to stderr; `RUST_LOG` sets how much.
fn log() {
    let wanted = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}
