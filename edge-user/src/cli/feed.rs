//! `edge feed` and `edge fleet`: the commands about feeds and fleets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::node::control::{Request, ask_for};
use crate::settings::{self as config, NatsSource, Sections};
use anyhow::Context as _;
use clap::Subcommand;
use edge_feed::diff::diff;
use edge_feed::fleet::{Fleet, table};
use edge_feed::simulate::{Page, Replay, page, simulate};
use edge_feed::source::nats::{Nats, bucket_of};
use edge_feed::source::{DocumentKind, SourceError};
use edge_feed::{Delta, Snapshot, ZonePolicy};

use super::outcome::Outcome;
use super::output::{print, print_json, show};
use super::place::Node;
use super::replies::{Allowed, FleetPoints, FleetStatus};

/// The commands of `edge feed`.
#[derive(Debug, Subcommand)]
pub(super) enum FeedCommand {
    /// Accept what a running node refused because it was older or smaller. If nothing was refused,
    /// accept the next such feed within 15 minutes.
    AllowOnce {
        /// Take it back: refuse the next such feed.
        #[arg(long)]
        cancel: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        node: Node,
    },
    /// Let all sources of a running node's feed try again now, instead of after their pauses.
    Retry {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        node: Node,
    },
    /// Replay a history of scores by the pool's rules and by a policy, and draw a zone's servers
    /// and size over time.
    ///
    /// Example: edge feed simulate --snapshot s.json --deltas d.ndjson --policy edge.toml --zone cm
    /// --out cm.svg
    Simulate {
        /// The snapshot at the start of the history.
        #[arg(long, value_name = "FILE")]
        snapshot: PathBuf,
        /// The changes after it, as NDJSON.
        #[arg(long, value_name = "FILE")]
        deltas: PathBuf,
        /// A configuration whose [policy] is used.
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        /// The zone to draw: @, a continent or a country.
        #[arg(long, value_name = "NAME", default_value = "@")]
        zone: String,
        /// Draw the IPv6 servers.
        #[arg(long)]
        ipv6: bool,
        /// Seconds between zones.
        #[arg(long, value_name = "N", default_value_t = 60)]
        interval: u32,
        /// The SVG file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Show the differences between two snapshots, and the zones that lose too much. The exit code
    /// is 3 if there is such a zone.
    Diff {
        /// The earlier snapshot.
        before: PathBuf,
        /// The later snapshot.
        after: PathBuf,
        /// The part of a zone's servers or weight that it may lose, in percent.
        #[arg(long, value_name = "N", default_value_t = 20)]
        percent: u8,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Publish a snapshot, a zone or changes to NATS, to the buckets and the stream of [feed.nats].
    ///
    /// Missing buckets and streams are created. A signature in FILE.minisig is published with FILE.
    Publish {
        /// A configuration whose [feed.nats] is used.
        #[arg(short, long, value_name = "FILE", default_value = config::FILE)]
        config: PathBuf,
        /// A snapshot, for feed.nats.bucket.
        #[arg(long, value_name = "FILE")]
        snapshot: Option<PathBuf>,
        /// A zone that others build, for the bucket of its name. May be given more than once.
        #[arg(long, value_name = "ORIGIN=FILE")]
        zone: Vec<String>,
        /// Changes as NDJSON, for feed.nats.stream.
        #[arg(long, value_name = "FILE")]
        deltas: Option<PathBuf>,
    },
}

/// The commands of `edge fleet`.
#[derive(Debug, Subcommand)]
pub(super) enum FleetCommand {
    /// Show all nodes, lost and lagging nodes first.
    Status {
        /// A configuration whose [feed.nats] and [fleet] are used.
        #[arg(short, long, value_name = "FILE", default_value = config::FILE)]
        config: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print, as JSON, how many answers each server was in, as each node has reported.
    Points {
        /// A configuration whose [feed.nats] is used.
        #[arg(short, long, value_name = "FILE", default_value = config::FILE)]
        config: PathBuf,
    },
    /// Forget a node that is out of service.
    Forget {
        /// The node's name.
        node: String,
        /// A configuration whose [feed.nats] is used.
        #[arg(short, long, value_name = "FILE", default_value = config::FILE)]
        config: PathBuf,
    },
}

/// How long connecting to NATS may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Performs a command of `edge feed`.
///
/// # Errors
/// With file and cause.
pub(super) fn perform(command: FeedCommand) -> anyhow::Result<Outcome> {
    match command {
        FeedCommand::AllowOnce { cancel, json, node } => {
            let request =
                if cancel { Request::FeedCancelAllowOnce } else { Request::FeedAllowOnce };
            request_of_node(&node, &request, json)?;
        }
        FeedCommand::Retry { json, node } => {
            request_of_node(&node, &Request::FeedRetry, json)?;
        }
        FeedCommand::Simulate { snapshot, deltas, policy, zone, ipv6, interval, out } => {
            let policy = policy.map(|path| Sections::load(&path)).transpose()?;
            let policy = policy.map(|sections| sections.policy).unwrap_or_default();
            let (snapshot, deltas) = (read_snapshot(&snapshot)?, read_deltas(&deltas)?);
            let replay = Replay { interval_seconds: interval, keep: vec![zone.clone()], seed: 1 };
            let usual = simulate(snapshot.clone(), deltas.clone(), ZonePolicy::default(), &replay)?;
            let wished = simulate(snapshot, deltas, policy, &replay)?;
            let columns = [("the pool's rules", &usual), ("this policy", &wished)];
            let title = format!("{zone} ({})", if ipv6 { "IPv6" } else { "IPv4" });
            let (six, above, names) = (ipv6, &[], &BTreeMap::new());
            let drawn =
                page(&Page { title: &title, columns: &columns, zone: &zone, six, above, names })?;
            std::fs::write(&out, drawn).with_context(|| out.display().to_string())?;
            for (name, simulation) in columns {
                print(&format!("{name}: {simulation}\n"))?;
            }
        }
        FeedCommand::Diff { before, after, percent, json } => {
            let found = diff(&read_snapshot(&before)?, &read_snapshot(&after)?, percent);
            show(&found, json, ToString::to_string)?;
            if found.zones.iter().any(|zone| zone.alarming) {
                return Ok(Outcome::Alarm);
            }
        }
        FeedCommand::Publish { config, snapshot, zone, deltas } => {
            let sections = Sections::load(&config)?;
            let from = nats_of(&config, &sections)?;
            block_on(publish(from, snapshot.as_deref(), &zone, deltas.as_deref()))?;
        }
    }
    Ok(Outcome::Done)
}

/// Asks a node, and prints the messages of its reply.
fn request_of_node(node: &Node, request: &Request, json: bool) -> anyhow::Result<()> {
    let allowed: Allowed = ask_for(&node.socket()?, request)?;
    show(&allowed, json, Allowed::to_text)
}

/// Performs a command of `edge fleet`.
///
/// # Errors
/// With place and cause.
pub(super) fn fleet(command: FleetCommand) -> anyhow::Result<()> {
    let config = match &command {
        FleetCommand::Status { config, .. }
        | FleetCommand::Points { config }
        | FleetCommand::Forget { config, .. } => config,
    };
    let sections = Sections::load(config)?;
    let from = nats_of(config, &sections)?;
    let rules = sections.fleet.clone().unwrap_or_default().rules(&from.keep());
    let open = async || {
        let nats = reach(from).await?;
        Fleet::open(&nats, rules).await.map_err(anyhow::Error::from)
    };
    match command {
        FleetCommand::Status { json, .. } => {
            let nodes = block_on(async { Ok(open().await?.read().await?) })?;
            show(&FleetStatus { nodes }, json, |status| table(&status.nodes))?;
        }
        FleetCommand::Points { .. } => {
            let nodes = block_on(async { Ok(open().await?.points().await?) })?;
            print_json(&FleetPoints { nodes })?;
        }
        FleetCommand::Forget { node, .. } => {
            block_on(async { Ok(open().await?.forget(&node).await?) })?;
        }
    }
    Ok(())
}

async fn publish(
    from: &NatsSource,
    snapshot: Option<&Path>,
    zones: &[String],
    deltas: Option<&Path>,
) -> anyhow::Result<()> {
    let nats = reach(from).await?;
    let keep = from.keep();
    let mut documents = Vec::new();
    if let Some(path) = snapshot {
        let bucket = from.bucket.clone().context("feed.nats.bucket isn't set; name one")?;
        read_snapshot(path)?;
        documents.push((bucket, DocumentKind::Snapshot, path.to_path_buf()));
    }
    for zone in zones {
        let (origin, path) =
            zone.split_once('=').with_context(|| format!("{zone:?}: write ORIGIN=FILE"))?;
        let kind = DocumentKind::Zone { apex: origin.to_owned() };
        documents.push((bucket_of(origin), kind, path.into()));
    }
    for (bucket, kind, path) in documents {
        let octets = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let mut beside = path.clone().into_os_string();
        beside.push(".minisig");
        let signature = std::fs::read(beside).ok();
        nats.make_bucket(&bucket, &keep).await?;
        let revision = nats.put(&bucket, &kind, &octets, signature.as_deref()).await?;
        print(&format!("bucket {bucket}: revision {revision}\n"))?;
    }
    if let Some(path) = deltas {
        let stream = from.stream.as_ref().context("feed.nats.stream isn't set; name one")?;
        let subject = from.subject_of(stream);
        let deltas = read_deltas(path)?;
        nats.make_stream(stream, &subject, &keep).await?;
        let last = nats.publish(&subject, &deltas).await?;
        print(&format!("stream {stream}: {} changes, the last in message {last}\n", deltas.len()))?;
    }
    Ok(())
}

/// A connection that is there.
async fn reach(from: &NatsSource) -> anyhow::Result<Nats> {
    let nats = Nats::connect(&from.client("edge")).await?;
    let end = tokio::time::Instant::now() + PATIENCE;
    while !nats.link().read().connected {
        if tokio::time::Instant::now() > end {
            let cause = nats.link().read().error.unwrap_or_else(|| "no answer".to_owned());
            let place = from.servers.join(", ");
            return Err(SourceError::Unreachable { place, cause }.into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(nats)
}

fn nats_of<'s>(path: &Path, sections: &'s Sections) -> anyhow::Result<&'s NatsSource> {
    let nats = sections.feed.nats.as_ref();
    nats.with_context(|| format!("{}: there is no [feed.nats]; name its servers", path.display()))
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

pub(super) fn read_snapshot(path: &Path) -> anyhow::Result<Snapshot> {
    let octets = std::fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&octets).with_context(|| path.display().to_string())
}

fn read_deltas(path: &Path) -> anyhow::Result<Vec<Delta>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            serde_json::from_str(line).with_context(|| format!("{}:{}", path.display(), at + 1))
        })
        .collect()
}
