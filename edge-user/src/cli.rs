//! The command line.
//!
//! Each command is a variant of `Command`, whose documentation is what `--help` shows.

mod check;
mod feed;
pub mod import;
mod log;
mod outcome;
mod output;
mod place;
mod preview;
mod replies;
mod version;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::node::control::{Request, ask_for, stop};
use crate::node::explain::{Explanation, Question};
use crate::node::notify;
use crate::node::status::Status;
use crate::node::switch_table::SwitchTable;
use crate::ntp::report::Report;
use crate::settings::Config;
use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use edge_leaves::{audit, points};
use edge_tables::live::switches::{ReturnPath, Setting};
use feed::{FeedCommand, FleetCommand};
use import::{Flags, Host, Import};
use outcome::{EXIT_CODES, Outcome};
use output::{print, print_stderr, show};
use place::{ConfigFile, Node};
use replies::Reloaded;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::{Level, info, warn};
use version::VERSION;

/// DNS for an anycast pool, answered in the network driver.
///
/// An XDP program answers queries from its tables before the kernel allocates memory for them. The
/// authority, in this process, answers all other queries. Zones are in geodns's format.
#[derive(Debug, Parser)]
#[command(name = "edge", version = VERSION.as_str(), after_help = EXIT_CODES)]
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
        #[command(flatten)]
        config: ConfigFile,
        /// Take over from the node that runs with the same control socket and instance.
        ///
        /// It serves until this one has its tables filled, and ends then. No query is lost. If this
        /// one can't start, that one goes on. If no node runs, this one starts as it does without
        /// the option.
        #[arg(long)]
        takeover: bool,
    },
    /// Read the configuration, zones and databases, look at the host, and report errors and
    /// warnings.
    Check {
        #[command(flatten)]
        config: ConfigFile,
        /// Report only what would keep `edge run` from starting. It reads no zones and databases.
        #[arg(long)]
        start: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show what a running node serves, and what it has answered.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        node: Node,
    },
    /// Read a running node's configuration file again, as SIGHUP does.
    ///
    /// A file that isn't good changes nothing. Limits, cookies, switches, zones' options and
    /// interfaces are taken over in place; other keys are named: they need a restart.
    Reload {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        node: Node,
    },
    /// Stop a running node, as SIGTERM does, and wait until it is gone.
    Stop {
        /// Leave XDP attached: it answers on until its lease ends, half a minute later. A node that
        /// starts meanwhile takes it over, and no query that XDP answers is lost.
        #[arg(long)]
        keep_xdp: bool,
        #[command(flatten)]
        node: Node,
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
        #[command(flatten)]
        node: Node,
    },
    /// Show each field of a running node's NTP replies and its source, or why no time is served.
    ExplainTime {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        node: Node,
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
        #[command(flatten)]
        node: Node,
    },
    /// Show what a zone, a feed's snapshot or a policy would change: the load of each server and
    /// country before and after, and monopolies.
    ///
    /// It uses the queries that a running node has counted. The exit code is 3 if there is a new
    /// monopoly.
    ///
    /// Example: edge preview new/pool.example.json
    Preview(preview::Arguments),
    /// Show the switches of a running node, or set one.
    ///
    /// A change takes effect at once. It lasts until the next change, also over crashes and
    /// restarts, unless --until-restart is given. Other states at the start are configured by
    /// `[xdp]` and `[zone."NAME"]`.
    ///
    /// Example: edge switch bypass on
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
    /// Forget the setting when the node ends. Without it the setting is kept over restarts.
    #[arg(long, global = true)]
    until_restart: bool,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    node: Node,
}

#[derive(Debug, Subcommand)]
enum Switch {
    /// Let XDP pass everything, so that the authority answers alone.
    Bypass {
        /// The new state.
        state: State,
    },
    /// The old name of `bypass`.
    #[command(hide = true)]
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
            Switch::Bypass { state } | Switch::Drain { state } => Self::Bypass { on: is(state) },
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
        Ok(outcome) => outcome.into(),
        Err(error) => {
            print_stderr(&log::line(Level::ERROR, &format!("edge: {error:#}")));
            Outcome::Failed.into()
        }
    }
}

fn perform(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Run { config, takeover } => {
            log::start()?;
            let path = config.path;
            let config = Config::load(&path)?;
            info!("{}", version::first_line(&path, &config));
            for warning in &config.warnings {
                warn!("{warning}");
            }
            crate::node::run(config, takeover, || {
                print_stderr(&log::line(Level::INFO, "ready"));
                notify::ready();
            })?;
        }
        Command::Check { config, start, json } => return check(&config.path, start, json),
        Command::Stop { keep_xdp, node } => stop(&node.socket()?, keep_xdp)?,
        Command::Status { json, node } => {
            asked(&node, &Request::Status, json, Status::to_text)?;
        }
        Command::Explain { name, rtype, client, json, node } => {
            let request = Request::Explain(Question { name, rtype, client });
            asked(&node, &request, json, Explanation::to_text)?;
        }
        Command::Reload { json, node } => {
            asked(&node, &Request::Reload, json, Reloaded::to_text)?;
        }
        Command::ExplainTime { json, node } => {
            asked(&node, &Request::ExplainTime, json, Report::to_text)?;
        }
        Command::Points { top, audit, json, node } => {
            let socket = node.socket()?;
            if audit {
                let report: audit::AuditReport = ask_for(&socket, &Request::Audit)?;
                show(&report.first(top), json, audit::AuditReport::table)?;
            } else {
                let report: points::PointsReport = ask_for(&socket, &Request::Points { top })?;
                show(&report, json, points::PointsReport::table)?;
            }
        }
        Command::Preview(arguments) => return preview::perform(&arguments),
        Command::Switch(arguments) => switch(arguments)?,
        Command::Import(arguments) => import(arguments)?,
        Command::Feed(command) => return feed::perform(command),
        Command::Fleet(command) => feed::fleet(command)?,
    }
    Ok(Outcome::Done)
}

/// Asks a node, and prints its reply.
fn asked<T: Serialize + DeserializeOwned>(
    node: &Node,
    request: &Request,
    json: bool,
    text: impl FnOnce(&T) -> String,
) -> anyhow::Result<()> {
    show(&ask_for(&node.socket()?, request)?, json, text)
}

fn switch(arguments: SwitchArguments) -> anyhow::Result<()> {
    let SwitchArguments { switch, until_restart, json, node } = arguments;
    if matches!(switch, Some(Switch::Drain { .. })) {
        let warning = "`edge switch drain` is called `edge switch bypass` now";
        print_stderr(&log::line(Level::WARN, &format!("warning: {warning}")));
    }
    let setting = switch.map(Setting::from);
    let order = if until_restart { Request::SwitchUntilRestart } else { Request::Switch };
    let request = setting.clone().map_or(Request::Switches, order);
    let panel: SwitchTable = ask_for(&node.socket()?, &request)?;
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

fn check(config: &Path, start: bool, json: bool) -> anyhow::Result<Outcome> {
    let report = check::check(config, start);
    if !json {
        for warning in &report.warnings {
            print_stderr(&log::line(Level::WARN, &format!("warning: {warning}")));
        }
        for error in &report.errors {
            print_stderr(&log::line(Level::ERROR, error));
        }
    }
    show(&report, json, check::Report::table)?;
    Ok(if report.errors.is_empty() { Outcome::Done } else { Outcome::Failed })
}

#[cfg(test)]
mod tests;
