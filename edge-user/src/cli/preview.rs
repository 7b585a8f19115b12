//! `edge preview`: the changes that publishing a zone or snapshot would make.
//!
//! It asks a running node which questions it has answered.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::node::control::{Request, ask_for};
use crate::node::preview::ServedZone;
use crate::settings::Sections;
use anyhow::{Context as _, bail};
use edge_feed::policy::PolicyState;
use edge_feed::{Pool, Snapshot, ZonePolicy, zone};
use edge_leaves::preview::Preview;
use edge_zone::name::bare;
use edge_zone::{self as dns, Zone};
use serde_json::Value;

use super::outcome::Outcome;
use super::output::{print, print_json};
use super::place::Node;
use super::replies::{Previews, ZonePreview};

/// The arguments of `edge preview`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A zone file or a feed's snapshot.
    file: PathBuf,
    /// The zone's name, if the file has another name; or the zone of the snapshot to show.
    #[arg(long, value_name = "NAME")]
    zone: Option<String>,
    /// A configuration whose [policy] builds the snapshot's zones [default: the pool's rules].
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The smallest part of a country's addresses, in percent, that makes a server a monopoly.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=100))]
    monopoly: u8,
    /// The most rows of each table.
    #[arg(long, value_name = "N", default_value_t = 20)]
    rows: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    node: Node,
}

/// Predicts; alarms where a server comes to be a monopoly.
///
/// # Errors
/// With file and cause, or when the node doesn't serve such a zone.
pub(super) fn perform(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let monopoly = f64::from(arguments.monopoly) / 100.0;
    let socket = arguments.node.socket()?;
    let mut is_well = true;
    let mut all = Previews::default();
    for next in read(arguments)? {
        let zone = bare(&next.apex);
        let served: ServedZone = ask_for(&socket, &Request::Observed { zone: zone.clone() })?;
        let preview = served.predict(&next, monopoly);
        is_well &= !preview.monopolies.iter().any(|it| it.is_new(monopoly));
        if arguments.json {
            let serials = [served.serial, next.serial];
            all.zones.insert(zone, ZonePreview { serials, effect: preview });
        } else {
            print(&page(&zone, [served.serial, next.serial], &preview, arguments.rows))?;
        }
    }
    if arguments.json {
        print_json(&all)?;
    }
    Ok(if is_well { Outcome::Done } else { Outcome::Alarm })
}

fn page(zone: &str, [before, after]: [u32; 2], preview: &Preview, rows: usize) -> String {
    let head = format!("zone {zone}, serial {after} instead of {before}: ");
    if preview.queries == 0 {
        return head + "no queries have been counted yet, so there is nothing to show\n\n";
    }
    head + &preview.table(rows) + "\n"
}

/// The zones of the file.
fn read(arguments: &Arguments) -> anyhow::Result<Vec<Zone>> {
    let Arguments { file, zone, policy, .. } = arguments;
    let (octets, mtime) = dns::read(file)?;
    let Some(snapshot) = snapshot(&octets).with_context(|| file.display().to_string())? else {
        if policy.is_some() {
            bail!("{}: a policy doesn't change a zone file; leave out --policy", file.display());
        }
        let name = zone.as_deref().unwrap_or_else(|| dns::zone_name(file));
        return Ok(vec![dns::parse(name, &octets, mtime, file)?]);
    };
    let sections = policy.as_deref().map(Sections::load).transpose()?;
    let policy = sections.map(|sections| sections.policy).unwrap_or_default();
    built(snapshot, policy, file, zone.as_deref())
}

/// The zones that a policy makes of a snapshot.
fn built(
    snapshot: Snapshot,
    policy: ZonePolicy,
    file: &Path,
    only: Option<&str>,
) -> anyhow::Result<Vec<Zone>> {
    let place = || file.display().to_string();
    let pool = Pool::new(snapshot).with_context(place)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut zones = zone::Zones::new(policy, PolicyState::default(), fastrand::Rng::new())?;
    let mut found = Vec::new();
    for zone in zones.update(&pool, i64::try_from(now).unwrap_or(i64::MAX)) {
        if only.is_none_or(|only| only.trim_end_matches('.').eq_ignore_ascii_case(&zone.apex)) {
            found.push(dns::parse(&zone.apex, zone.text.as_bytes(), UNIX_EPOCH, file)?);
        }
    }
    if found.is_empty() {
        let origins: Vec<&str> = pool.roots().iter().map(|root| root.apex.as_str()).collect();
        bail!("{}: no such zone in it; its zones: {}", place(), origins.join(", "));
    }
    Ok(found)
}

/// A snapshot as the scorer writes it or as a node keeps it; `None` if it is a zone.
fn snapshot(octets: &[u8]) -> anyhow::Result<Option<Snapshot>> {
    // The reader of zones reports what isn't JSON at all.
    let Ok(mut value) = serde_json::from_slice::<Value>(octets) else { return Ok(None) };
    if value.get("kind").and_then(Value::as_str) == Some("snapshot")
        && let Some(kept) = value.get_mut("value")
    {
        value = kept.take();
    }
    let is_snapshot = value.get("servers").is_some_and(Value::is_array);
    Ok(if is_snapshot { Some(serde_json::from_value(value)?) } else { None })
}
