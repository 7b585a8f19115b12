//! One fleet: each node's heartbeat comes in; how all of them are goes out, those that lag or are lost first.
//!
//! Heartbeats are in a bucket whose entries expire: a node that is silent is gone from it. Another bucket, which
//! forgets nothing, holds each node's last word of every minute; a node that is only there is lost. One that has been taken
//! out of service is forgotten by [`Fleet::forget`].

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::kv::{self, Store};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};

use crate::points::PointsReport;
use crate::source::SourceError;
use crate::source::nats::Nats;
use crate::source::nats::publish::failed;

mod node;
mod table;

use node::judge;
pub use node::{FleetNode, FleetRules, Heartbeat, PeerState};

/// The bucket of heartbeats, and the one that forgets nothing.
const BUCKETS: [&str; 2] = ["edge_fleet", "edge_nodes"];
/// The bucket of servers' points.
const POINTS: &str = "edge_points";
/// Between two entries in the bucket that forgets nothing, and in that of points.
const REGISTER: Duration = Duration::from_secs(60);

/// The fleet, as NATS keeps it.
#[derive(Clone, Debug)]
pub struct Fleet {
    nats: Nats,
    rules: FleetRules,
    live: Store,
    known: Store,
    /// When this node was last written into the bucket that forgets nothing.
    registered: Option<i64>,
    points: Option<Store>,
    /// When its points were last told, or could not be.
    points_published: Option<i64>,
}

/// A node's servers' points, as NATS keeps them: counted since `since`, until `time`, in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct NodePoints {
    /// When the node began to count.
    pub since: i64,
    /// When it said so.
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
            points_published: None,
        })
    }

    /// Says that this node is alive, and how it is.
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
                "no name of a node: write letters, digits, -, _ and dots between them",
            ));
        }
        let place = || format!("nats bucket {}, key {node}", BUCKETS[0]);
        let text = serde_json::to_vec(heartbeat).map_err(|cause| failed(place(), &cause))?;
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

    /// Tells a node's points, once a minute: `points` is asked for them when it is time. Says whether it was.
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
        // At its next turn, should it fail.
        self.points_published = Some(time);
        let place = || format!("nats bucket {POINTS}, key {node}");
        let entry = NodePoints { since, time, points: points() };
        let text = serde_json::to_vec(&entry).map_err(|cause| failed(place(), &cause))?;
        let put = self.bucket_of_points().await?.put(node, text.into()).await;
        put.map_err(|cause| failed(place(), &cause))?;
        Ok(true)
    }

    /// The bucket of points, opened when it is first needed: whoever may not use it can do all else.
    async fn bucket_of_points(&mut self) -> Result<Store, SourceError> {
        if let Some(store) = &self.points {
            return Ok(store.clone());
        }
        let store = self.nats.bucket(POINTS, 1, None, self.rules.replicas).await?;
        Ok(self.points.insert(store).clone())
    }

    /// What all nodes have told of their servers' points.
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
            // It may have been forgotten in between.
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

    /// Forgets a node that has been taken out of service. One that still speaks is known again within a minute.
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

/// The last words in a bucket, each with the seconds since it was written.
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

/// Nodes as a table whose columns line up, a line each.
#[must_use]
pub fn table(nodes: &[FleetNode]) -> String {
    table::draw(nodes)
}

#[cfg(test)]
mod tests;
