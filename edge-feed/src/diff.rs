//! Difference between two snapshots, as a table and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use crate::policy::{ACTIVE_SCORE, eligible};
use crate::{Server, Snapshot};
use edge_leaves::text_table::{Align, columns};

/// What differs between two snapshots, the first being the earlier one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// Servers that are only in the second.
    pub added: Vec<ServerRef>,
    /// Servers that are only in the first.
    pub removed: Vec<ServerRef>,
    /// Servers that are in both, but not the same.
    pub changed: Vec<ServerChange>,
    /// Zones whose fit servers or weight differ, those that lose most first.
    pub zones: Vec<ZoneChange>,
    /// How much of its servers or weight a zone must lose to be alarming, in percent.
    pub alarm_percent: u8,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerRef {
    /// The pool's identifier.
    pub id: u64,
    /// Its address.
    pub ip: IpAddr,
}

/// A server that has changed. Unchanged fields are absent; a changed field has the values before
/// and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServerChange {
    /// The server, as in the second snapshot.
    #[serde(flatten)]
    pub server: ServerRef,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_was: Option<IpAddr>,
    /// Its score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<[f64; 2]>,
    /// Its netspeed, in kbit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netspeed: Option<[u32; 2]>,
    /// Whether its owner has it in the pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_pool: Option<[bool; 2]>,
    /// The day of its deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_on: Option<[Option<jiff::civil::Date>; 2]>,
    /// Its zones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zones: Option<[Vec<String>; 2]>,
}

/// A zone's fit servers of one IP version, before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ZoneChange {
    /// Its name.
    pub zone: String,
    /// Whether this is about its IPv6 servers.
    pub six: bool,
    /// How many servers it has.
    pub servers: [usize; 2],
    /// What they weigh together, in kbit/s.
    pub weight: [u64; 2],
    /// The part of its servers, or of their weight, that is gone, whichever is more, in percent:
    /// negative if it grew.
    pub lost_percent: f64,
    /// Whether that is more than is alarming.
    pub alarming: bool,
}

/// Compares two snapshots. `alarm_percent` is how much of a zone may go before it is alarming.
/// Which servers are fit is decided as the pool does, at each snapshot's own time.
#[must_use]
pub fn diff(before: &Snapshot, after: &Snapshot, alarm_percent: u8) -> Diff {
    let old = by_id(before);
    let new = by_id(after);
    let named = |server: &&Server| ServerRef { id: server.id, ip: server.ip };
    let only = |one: &BTreeMap<u64, &Server>, other: &BTreeMap<u64, &Server>| {
        one.iter()
            .filter(|(id, _)| !other.contains_key(id))
            .map(|(_, server)| named(server))
            .collect()
    };
    let changed = new.iter().filter_map(|(id, server)| changed(old.get(id)?, server)).collect();
    Diff {
        added: only(&new, &old),
        removed: only(&old, &new),
        changed,
        zones: zone_changes(before, after, alarm_percent),
        alarm_percent,
    }
}

fn by_id(snapshot: &Snapshot) -> BTreeMap<u64, &Server> {
    snapshot.servers.iter().map(|server| (server.id, server)).collect()
}

/// The differences of one server. The time of its score doesn't count.
fn changed(before: &Server, after: &Server) -> Option<ServerChange> {
    let sorted = |server: &Server| -> BTreeSet<String> { server.zones.iter().cloned().collect() };
    let zones = [sorted(before), sorted(after)];
    let same_score = before.score.total_cmp(&after.score).is_eq();
    let same_zones = before.zones == after.zones || zones.first() == zones.last();
    let changed = ServerChange {
        server: ServerRef { id: after.id, ip: after.ip },
        ip_was: (before.ip != after.ip).then_some(before.ip),
        score: (!same_score).then_some([before.score, after.score]),
        netspeed: two(before.netspeed, after.netspeed),
        in_pool: two(before.in_pool, after.in_pool),
        deletion_on: two(before.deletion_on, after.deletion_on),
        zones: (!same_zones).then(|| zones.map(|names| names.into_iter().collect())),
    };
    let any = changed.ip_was.is_some()
        || changed.score.is_some()
        || changed.netspeed.is_some()
        || changed.in_pool.is_some()
        || changed.deletion_on.is_some()
        || changed.zones.is_some();
    any.then_some(changed)
}

fn two<T: PartialEq>(before: T, after: T) -> Option<[T; 2]> {
    (before != after).then_some([before, after])
}

/// How many servers there are, and their weight.
type FitSize = (usize, u64);

fn zone_changes(before: &Snapshot, after: &Snapshot, alarm_percent: u8) -> Vec<ZoneChange> {
    let mut sizes: BTreeMap<(&str, bool), [FitSize; 2]> = BTreeMap::new();
    for (at, snapshot) in [before, after].into_iter().enumerate() {
        let now = i64::from(snapshot.serial);
        let fit = |server: &&Server| server.score >= ACTIVE_SCORE && eligible(server, now);
        for server in snapshot.servers.iter().filter(fit) {
            for zone in &server.zones {
                let key = (zone.as_str(), server.ip.is_ipv6());
                if let Some(size) = sizes.entry(key).or_default().get_mut(at) {
                    size.0 += 1;
                    size.1 += u64::from(server.netspeed);
                }
            }
        }
    }
    let differ = sizes.into_iter().filter(|(_, [before, after])| before != after);
    let mut changes: Vec<ZoneChange> = differ
        .map(|((zone, six), [before, after])| {
            let lost = lost(before.0 as u64, after.0 as u64).max(lost(before.1, after.1));
            ZoneChange {
                zone: zone.to_owned(),
                six,
                servers: [before.0, after.0],
                weight: [before.1, after.1],
                lost_percent: lost,
                alarming: lost > f64::from(alarm_percent),
            }
        })
        .collect();
    changes.sort_by(|one, other| other.lost_percent.total_cmp(&one.lost_percent));
    changes
}

/// How much of `before` is gone, in percent, to a tenth. A zone that wasn't there has lost nothing.
#[expect(clippy::cast_precision_loss, reason = "weights are below 2^53, and a tenth is shown")]
fn lost(before: u64, after: u64) -> f64 {
    if before == 0 {
        return if after == 0 { 0.0 } else { -100.0 };
    }
    let part = (before as f64 - after as f64) / before as f64;
    (1_000.0 * part).round() / 10.0
}

/// The most servers of a kind that are listed one by one.
const MAX_LISTED: usize = 50;

impl fmt::Display for Diff {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let n_alarming = self.zones.iter().filter(|zone| zone.alarming).count();
        writeln!(
            out,
            "{} added, {} removed, {} changed; {} differ, {n_alarming} of them lose more than {} %",
            count(self.added.len(), "server"),
            self.removed.len(),
            self.changed.len(),
            count(self.zones.len(), "zone"),
            self.alarm_percent
        )?;
        if !self.zones.is_empty() {
            let mut rows = vec![["ZONE", "IP", "SERVERS", "KBIT/S", "LOST", ""].map(str::to_owned)];
            rows.extend(self.zones.iter().map(ZoneChange::row));
            write!(out, "\n{}", columns(&rows, Align::Left))?;
        }
        let named = |sign: &'static str| {
            move |server: &ServerRef| {
                [sign.to_owned(), server.id.to_string(), server.ip.to_string(), String::new()]
            }
        };
        let mut rows = vec![["", "SERVER", "ADDRESS", "CHANGES"].map(str::to_owned)];
        rows.extend(self.added.iter().take(MAX_LISTED).map(named("+")));
        rows.extend(self.removed.iter().take(MAX_LISTED).map(named("-")));
        rows.extend(self.changed.iter().take(MAX_LISTED).map(ServerChange::row));
        if rows.len() > 1 {
            write!(out, "\n{}", columns(&rows, Align::Left))?;
        }
        let all = [self.added.len(), self.removed.len(), self.changed.len()];
        let n_more: usize = all.iter().map(|n| n.saturating_sub(MAX_LISTED)).sum();
        if n_more > 0 {
            writeln!(out, "and {} more", count(n_more, "server"))?;
        }
        Ok(())
    }
}

impl ZoneChange {
    fn row(&self) -> [String; 6] {
        let [servers, servers_after] = self.servers;
        let [weight, weight_after] = self.weight;
        [
            self.zone.clone(),
            if self.six { "IPv6" } else { "IPv4" }.to_owned(),
            format!("{servers} -> {servers_after}"),
            format!("{weight} -> {weight_after}"),
            format!("{:.1} %", self.lost_percent),
            if self.alarming { "!" } else { "" }.to_owned(),
        ]
    }
}

impl ServerChange {
    fn row(&self) -> [String; 4] {
        let mut parts = Vec::new();
        if let Some(was) = self.ip_was {
            parts.push(format!("was {was}"));
        }
        if let Some([before, after]) = self.score {
            parts.push(format!("score {before:.1} -> {after:.1}"));
        }
        if let Some([before, after]) = self.netspeed {
            parts.push(format!("netspeed {before} -> {after}"));
        }
        if let Some([_, after]) = self.in_pool {
            parts.push(if after { "back in the pool" } else { "out of the pool" }.to_owned());
        }
        if let Some([_, after]) = self.deletion_on {
            parts.push(after.map_or_else(
                || "no deletion planned".to_owned(),
                |day| format!("deletion planned for {day}"),
            ));
        }
        if let Some([before, after]) = &self.zones {
            parts.push(format!("zones {} -> {}", before.join(" "), after.join(" ")));
        }
        let ServerRef { id, ip } = &self.server;
        ["~".to_owned(), id.to_string(), ip.to_string(), parts.join(", ")]
    }
}

#[cfg(test)]
mod tests;
