//! The command line.
//!
//! Each command is a variant of `Command`, whose documentation is what `--help` shows.

mod check;
mod feed;
pub mod import;
mod log;
mod output;
mod preview;
mod version;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::node::control::{Request, ask};
use crate::node::explain::{Explanation, Question};
use crate::node::notify;
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
use output::{print, print_json, print_stderr, show};
use tracing::{Level, info};
use version::VERSION;

/// DNS for an anycast pool, answered in the network driver.
///
/// An XDP program answers queries from its tables before the kernel allocates memory for them. The
/// authority, in this process, answers all other queries. Zones are in geodns's format.
#[derive(Debug, Parser)]
#[command(name = "edge", version = VERSION.as_str())]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve, in the foreground, until SIGTERM or SIGINT.
    ///
    /// Logs to stderr; `RUST_LOG` sets how much, such as `warn` or `info,async_nats=debug`.
    /// Writes `ready` to stderr when it serves. Zone files and databases are read again when they
    /// change. A broken file changes nothing that is served.
    Run {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Read the configuration, zones and databases, and report errors and warnings.
    Check {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Report only what would keep `edge run` from starting. It reads no zones and databases.
        #[arg(long)]
        start: bool,
    },
    /// Show what a running node serves, and what it has answered.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// The node's control socket.
        #[arg(long, value_name = "PATH", default_value = config::SOCKET)]
        socket: PathBuf,
    },
    /// Read a running node's configuration file again, as SIGHUP does.
    ///
    /// A file that isn't good changes nothing. Limits, cookies, switches, zones' options and
    /// interfaces are taken over in place; other keys are named: they need a restart.
    Reload {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// The node's control socket.
        #[arg(long, value_name = "PATH", default_value = config::SOCKET)]
        socket: PathBuf,
    },
    /// Show why a client gets its answer: the client's class, the targets tried, the shares of the
    /// records, and whether XDP or the authority answers.
    ///
    /// Example: edge explain pool.example A --client 192.0.2.7
    Explain {
        /// The name to query.
        name: String,
        /// The type to query, such as A or AAAA.
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
    /// Show each field of a running node's NTP replies and its source, or why no time is served.
    ExplainTime {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// The node's control socket.
        #[arg(long, value_name = "PATH", default_value = config::SOCKET)]
        socket: PathBuf,
    },
    /// Show how many answers each server was in, by country of the users.
    ///
    /// Counts XDP's answers, and the authority's answers from the same tables.
    Points {
        /// The number of servers to show, those in most answers first.
        #[arg(long, value_name = "N", default_value_t = 20)]
        top: usize,
        /// Show the share of answers that each server was promised and the share that it had, the
        /// largest difference first.
        #[arg(long)]
        audit: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// The node's control socket.
        #[arg(long, value_name = "PATH", default_value = config::SOCKET)]
        socket: PathBuf,
    },
    /// Show what a zone, a feed's snapshot or a policy would change: the load of each server and
    /// country before and after, and monopolies.
    ///
    /// It uses the queries that a running node has counted. The exit code is 1 if there is a new
    /// monopoly.
    ///
    /// Example: edge preview new/pool.example.json
    Preview(preview::Arguments),
    /// Show the switches of a running node, or set one.
    ///
    /// A change takes effect at once. It lasts until the next change, or until the node restarts.
    /// The state at the start is configured by `[xdp]` and `[zone."NAME"]`.
    ///
    /// Example: edge switch drain on
    Switch(SwitchArguments),
    /// Make a configuration from geodns's configuration and flags.
    ///
    /// Each key and flag is carried over, or a comment gives the reason why it isn't. Give geodns's
    /// flags after `--`, or with --flags.
    ///
    /// Example: edge import /etc/geodns/geodns.conf -- -interface 192.0.2.53 -identifier ns1
    Import(ImportArguments),
    /// Accept a refused feed, replay a policy, compare snapshots, publish.
    #[command(subcommand)]
    Feed(FeedCommand),
    /// Show or forget the nodes that follow one feed.
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
    /// Let XDP pass everything, so that the authority answers alone.
    Drain {
        /// The new state.
        state: State,
    },
    /// Let XDP count what it would answer, and pass it to the authority.
    DryRun {
        /// The new state.
        state: State,
    },
    /// Let XDP refuse (REFUSED) names of no zone, instead of passing them.
    RefuseUnknown {
        /// The new state.
        state: State,
    },
    /// Choose the way that XDP's replies leave.
    ReturnPath {
        /// The new way.
        path: WayBack,
    },
    /// Let XDP answer for a zone (on), or the authority alone (off).
    Zone {
        /// The zone's name.
        name: String,
        /// The new state.
        state: State,
    },
}

/// Which way replies leave.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum WayBack {
    /// Back the way the query came.
    Mirror,
    /// By the kernel's routing table; queries whose reply has another way pass.
    Fib,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    /// Switch it on.
    On,
    /// Switch it off.
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
    /// The directory of the zones [default: that of -config, or of the configuration].
    #[arg(long, value_name = "DIR")]
    zones: Option<PathBuf>,
    /// geodns's working directory, for relative paths [default: this one].
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// geodns's flags as one text.
    #[arg(long, value_name = "TEXT", default_value = "", allow_hyphen_values = true)]
    flags: String,
    /// The file to write, readable by its owner only [default: stdout].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long, requires = "output")]
    force: bool,
    /// geodns's flags.
    #[arg(last = true, value_name = "FLAGS")]
    geodns: Vec<String>,
}

/// Runs the program: reads the arguments and performs the command.
pub fn main() -> ExitCode {
    match perform(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            print_stderr(&log::line(Level::ERROR, &format!("edge: {error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn perform(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run { config } => {
            log::start()?;
            let path = config;
            let config = Config::load(&path)?;
            info!("{}", version::first_line(&path, &config));
            crate::node::run(config, || {
                print_stderr(&log::line(Level::INFO, "ready"));
                notify::ready();
            })?;
        }
        Command::Check { config, start } => return check(&config, start),
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
        Command::Reload { json, socket } => {
            let value = ask(&socket, &Request::Reload).map_err(anyhow::Error::msg)?;
            if json {
                print_json(&value)?;
            } else {
                print(&reloaded(&value))?;
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

/// The reply to `edge reload`, for people.
fn reloaded(reply: &serde_json::Value) -> String {
    let keys = |of: &str| -> Vec<&str> {
        reply[of].as_array().into_iter().flatten().filter_map(|key| key.as_str()).collect()
    };
    let mut text = match &*keys("changed") {
        [] => "nothing that can change in place differs\n".to_owned(),
        changed => format!("taken over: {}\n", changed.join(", ")),
    };
    let restart = keys("needs_restart");
    if !restart.is_empty() {
        text.push_str(&format!("needs a restart: {}\n", restart.join(", ")));
    }
    text
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
        host: &Host::look().context("read the host's addresses")?,
    })?;
    match output {
        Some(output) => Ok(import::write(&output, &toml, force)?),
        None => print(&toml),
    }
}

fn check(config: &Path, start: bool) -> anyhow::Result<ExitCode> {
    let report = check::check(config, start);
    for warning in &report.warnings {
        print_stderr(&log::line(Level::WARN, &format!("warning: {warning}")));
    }
    for error in &report.errors {
        print_stderr(&log::line(Level::ERROR, error));
    }
    print(&report.zones)?;
    Ok(if report.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
