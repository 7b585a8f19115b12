//! Heartbeats of a fleet's nodes, kept in NATS.
//!
//! Two buckets hold heartbeats. Entries of the first expire, so that a silent node disappears from
//! it. Entries of the second stay; it holds the last heartbeat of each minute. A node that is only
//! in the second bucket is lost. [`Fleet::forget`] removes a node that was taken out of service.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::kv::{self, Store};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};

use crate::source::SourceError;
use crate::source::nats::Nats;
use crate::source::nats::publish::failed;
use edge_leaves::points::PointsReport;

mod namesake;
mod node;
mod table;

use namesake::Namesake;
use node::judge;
pub use node::{FleetNode, FleetRules, Heartbeat, PeerState};

/// The bucket of heartbeats that expire, and the bucket of heartbeats that stay.
const BUCKETS: [&str; 2] = ["edge_fleet", "edge_nodes"];
/// The bucket of servers' points.
const POINTS: &str = "edge_points";
/// Time between two writes to the bucket that stays, and to the bucket of points.
const REGISTER: Duration = Duration::from_secs(60);

/// The fleet, as NATS keeps it.
#[derive(Clone, Debug)]
pub struct Fleet {
    nats: Nats,
    rules: FleetRules,
    live: Store,
    known: Store,
    /// When this node was last written to the bucket that stays, in seconds since 1970.
    registered: Option<i64>,
    points: Option<Store>,
    /// Another process of this node's name.
    namesake: Namesake,
    /// When its points were last published, or failed to be, in seconds since 1970.
    points_published: Option<i64>,
}

/// A node's servers' points, as NATS keeps them: counted since `since`, until `time`, in seconds
/// since 1970.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct NodePoints {
    /// When the node began to count.
    pub since: i64,
    /// When the report was made.
    pub time: i64,
    /// The servers that have been in most answers.
    #[serde(flatten)]
    pub points: PointsReport,
}

impl Fleet {
    /// Opens the buckets of heartbeats, made if they aren't there.
    ///
    /// # Errors
    /// When NATS can't be reached or refuses.
    pub async fn open(nats: &Nats, rules: FleetRules) -> Result<Self, SourceError> {
        let [live, known] = BUCKETS;
        Ok(Self {
            nats: nats.clone(),
            rules,
            live: nats.bucket(live, 1, Some(rules.ttl), rules.replicas).await?,
            known: nats.bucket(known, 1, None, rules.replicas).await?,
            registered: None,
            points: None,
            namesake: Namesake::default(),
            points_published: None,
        })
    }

    /// Publishes this node's heartbeat.
    ///
    /// # Errors
    /// When NATS can't be reached or refuses, or the name isn't one.
    pub async fn publish_heartbeat(&mut self, heartbeat: &Heartbeat) -> Result<(), SourceError> {
        let node = &heartbeat.node;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if node.is_empty()
            || !node.chars().all(is_name)
            || node.starts_with('.')
            || node.ends_with('.')
        {
            return Err(SourceError::setting(
                node,
                "not a name for a node: write letters, digits, -, _ and dots between them",
            ));
        }
        let place = || format!("nats bucket {}, key {node}", BUCKETS[0]);
        let text = serde_json::to_vec(heartbeat).map_err(|cause| failed(place(), &cause))?;
        let before = self.live.get(node).await.map_err(|cause| failed(place(), &cause))?;
        self.namesake.look(&heartbeat.process, before.as_deref());
        let put = self.live.put(node, text.clone().into()).await;
        put.map_err(|cause| failed(place(), &cause))?;
        let now = crate::unix_time::now();
        let is_due = |then: i64| now.abs_diff(then) >= REGISTER.as_secs();
        if self.registered.is_none_or(is_due) {
            let put = self.known.put(node, text.into()).await;
            put.map_err(|cause| failed(place(), &cause))?;
            self.registered = Some(now);
        }
        Ok(())
    }

    /// The last heartbeat of another process that sends heartbeats by this node's name, if one
    /// does: it was there instead of our own, twice within four of ours.
    #[must_use]
    pub fn namesake(&self) -> Option<&Heartbeat> {
        self.namesake.get()
    }

    /// Publishes a node's points, at most once a minute. `points` is called only when they are due.
    /// The result is whether they were.
    ///
    /// # Errors
    /// When NATS can't be reached or refuses.
    pub async fn publish_points(
        &mut self,
        node: &str,
        since: i64,
        points: impl FnOnce() -> PointsReport,
    ) -> Result<bool, SourceError> {
        let time = crate::unix_time::now();
        if self.points_published.is_some_and(|then| time.abs_diff(then) < REGISTER.as_secs()) {
            return Ok(false);
        }
        // Set before the attempt, so that a failure is retried at the next due time.
        self.points_published = Some(time);
        let place = || format!("nats bucket {POINTS}, key {node}");
        let entry = NodePoints { since, time, points: points() };
        let text = serde_json::to_vec(&entry).map_err(|cause| failed(place(), &cause))?;
        let put = self.bucket_of_points().await?.put(node, text.into()).await;
        put.map_err(|cause| failed(place(), &cause))?;
        Ok(true)
    }

    /// The bucket of points, opened at first use: a node without a right to it can still send
    /// heartbeats.
    async fn bucket_of_points(&mut self) -> Result<Store, SourceError> {
        if let Some(store) = &self.points {
            return Ok(store.clone());
        }
        let store = self.nats.bucket(POINTS, 1, None, self.rules.replicas).await?;
        Ok(self.points.insert(store).clone())
    }

    /// The published points of all nodes.
    ///
    /// # Errors
    /// When NATS can't be reached or refuses, or an entry isn't one.
    pub async fn points(&mut self) -> Result<BTreeMap<String, NodePoints>, SourceError> {
        let place = || format!("nats bucket {POINTS}");
        let store = self.bucket_of_points().await?;
        let mut keys = store.keys().await.map_err(|cause| failed(place(), &cause))?;
        let mut all = BTreeMap::new();
        while let Some(key) = keys.next().await {
            let key = key.map_err(|cause| failed(place(), &cause))?;
            let octets = store.get(&key).await.map_err(|cause| failed(place(), &cause))?;
            // The node may have been removed in between.
            let Some(octets) = octets else { continue };
            let entry = serde_json::from_slice(&octets).map_err(|cause| failed(place(), &cause))?;
            all.insert(key, entry);
        }
        Ok(all)
    }

    /// All nodes, the worst first, then by name.
    ///
    /// # Errors
    /// When NATS can't be reached or refuses.
    pub async fn read(&self) -> Result<Vec<FleetNode>, SourceError> {
        let mut heard = words(&self.known).await?;
        let lost: Vec<String> = heard.keys().cloned().collect();
        let live = words(&self.live).await?;
        let lost: Vec<String> = lost.into_iter().filter(|node| !live.contains_key(node)).collect();
        heard.extend(live);
        Ok(judge(heard, &lost, &self.rules))
    }

    /// Removes a node that was taken out of service. A node that still runs is listed again within
    /// a minute.
    ///
    /// # Errors
    /// When NATS can't be reached or refuses.
    pub async fn forget(&mut self, node: &str) -> Result<(), SourceError> {
        self.bucket_of_points().await?;
        for store in
            [Some(&self.live), Some(&self.known), self.points.as_ref()].into_iter().flatten()
        {
            let place = || format!("nats bucket {}, key {node}", store.name);
            store.purge(node).await.map_err(|cause| failed(place(), &cause))?;
        }
        Ok(())
    }
}

/// The heartbeats in a bucket, each with the seconds since it was written.
async fn words(store: &Store) -> Result<BTreeMap<String, (u64, Heartbeat)>, SourceError> {
    let place = || format!("nats bucket {}", store.name);
    let mut keys = store.keys().await.map_err(|cause| failed(place(), &cause))?;
    let now = crate::unix_time::now();
    let mut words = BTreeMap::new();
    while let Some(key) = keys.next().await {
        let key = key.map_err(|cause| failed(place(), &cause))?;
        let entry = store.entry(&key).await.map_err(|cause| failed(place(), &cause))?;
        // It may have expired in between.
        let Some(entry) = entry.filter(|entry| entry.operation == kv::Operation::Put) else {
            continue;
        };
        let silent = u64::try_from(now - entry.created.unix_timestamp()).unwrap_or_default();
        let heartbeat = serde_json::from_slice(&entry.value).unwrap_or_else(|cause| Heartbeat {
            node: key.clone(),
            health: vec![format!("its heartbeat can't be read: {cause}")],
            ..Heartbeat::default()
        });
        words.insert(key, (silent, heartbeat));
    }
    Ok(words)
}

/// Nodes as a table, a line each.
#[must_use]
pub fn table(nodes: &[FleetNode]) -> String {
    table::draw(nodes)
}

#[cfg(test)]
mod tests;
