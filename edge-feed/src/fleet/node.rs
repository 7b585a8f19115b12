//! State of each node of a fleet, judged from its last heartbeat.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A node's report of itself.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Heartbeat {
    /// The node's name: letters, digits, `-`, `_` and dots.
    pub node: String,
    /// The process that sends it: text that is random at each start; empty from earlier versions.
    #[serde(default)]
    pub process: String,
    /// The host that the process runs on, by its own name; empty from earlier versions.
    #[serde(default)]
    pub host: String,
    /// The program's version.
    pub version: String,
    /// When it was made, in seconds since 1970, by the node's own clock.
    pub time: i64,
    /// The serial of each zone that it serves.
    #[serde(default)]
    pub serials: BTreeMap<String, u32>,
    /// How old its feed is, in seconds; `None` without a feed.
    #[serde(default)]
    pub feed_age_seconds: Option<u64>,
    /// Answers per second by service, such as `dns` and `ntp`.
    #[serde(default)]
    pub rates: BTreeMap<String, f64>,
    /// The node's problems, a line each; empty if there are none.
    #[serde(default)]
    pub health: Vec<String>,
}

/// State of a node, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerState {
    /// It has been silent for longer than heartbeats last.
    Lost,
    /// Its feed is old, or a serial is behind the fleet's highest for longer than
    /// [`FleetRules::feed_age`].
    Lagging,
    /// It reports a problem.
    Unwell,
    /// No problem is known.
    Well,
}

/// A node as the fleet sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FleetNode {
    /// Its state.
    #[serde(rename = "standing")]
    pub state: PeerState,
    /// Seconds since its last heartbeat arrived, by the servers' clocks and ours; for a lost node
    /// up to a minute too many.
    pub silent_seconds: u64,
    /// Zones whose serial is behind the fleet's highest, with seconds behind (serials are times).
    pub behind: BTreeMap<String, u32>,
    /// Its last heartbeat.
    #[serde(flatten)]
    pub heartbeat: Heartbeat,
}

/// Limits for the state of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FleetRules {
    /// Lifetime of a heartbeat. A node sends at least two in that time.
    pub ttl: Duration,
    /// The greatest age of a feed or serial that doesn't lag.
    pub feed_age: Duration,
    /// Replicas of the buckets.
    pub replicas: usize,
}

impl Default for FleetRules {
    /// 30 s; 600 s, where the pool's own status page turns yellow; one server.
    fn default() -> Self {
        Self { ttl: Duration::from_secs(30), feed_age: Duration::from_secs(600), replicas: 1 }
    }
}

/// The state of each node.
pub(super) fn judge(
    heard: BTreeMap<String, (u64, Heartbeat)>,
    lost: &[String],
    rules: &FleetRules,
) -> Vec<FleetNode> {
    let mut highest: BTreeMap<String, u32> = BTreeMap::new();
    for (_, heartbeat) in heard.values() {
        for (apex, serial) in &heartbeat.serials {
            let high = highest.entry(apex.clone()).or_default();
            *high = (*high).max(*serial);
        }
    }
    let most = rules.feed_age.as_secs();
    let mut nodes: Vec<FleetNode> = heard
        .into_iter()
        .map(|(node, (silent_seconds, heartbeat))| {
            let behind: BTreeMap<String, u32> = heartbeat
                .serials
                .iter()
                .filter_map(|(apex, serial)| {
                    let behind = highest.get(apex)?.saturating_sub(*serial);
                    (behind > 0).then(|| (apex.clone(), behind))
                })
                .collect();
            let state = if lost.contains(&node) {
                PeerState::Lost
            } else if heartbeat.feed_age_seconds.is_some_and(|age| age > most)
                || behind.values().any(|behind| u64::from(*behind) > most)
            {
                PeerState::Lagging
            } else if heartbeat.health.is_empty() {
                PeerState::Well
            } else {
                PeerState::Unwell
            };
            FleetNode { state, silent_seconds, behind, heartbeat }
        })
        .collect();
    nodes.sort_by(|a, b| (a.state, &a.heartbeat.node).cmp(&(b.state, &b.heartbeat.node)));
    nodes
}
