//! Replies that only commands read, and reports that only commands make.

use std::collections::BTreeMap;

use edge_feed::fleet::{FleetNode, NodePoints};
use edge_leaves::preview::Preview;
use serde::{Deserialize, Serialize};

/// The reply to `edge reload`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reloaded {
    /// The configuration that was read.
    pub(super) path: String,
    /// The keys that were taken over.
    pub(super) changed: Vec<String>,
    /// The keys that differ, and need a restart.
    pub(super) needs_restart: Vec<String>,
}

impl Reloaded {
    /// For people.
    pub(super) fn to_text(&self) -> String {
        let mut text = match &*self.changed {
            [] => "nothing that can change in place differs\n".to_owned(),
            changed => format!("taken over: {}\n", changed.join(", ")),
        };
        if !self.needs_restart.is_empty() {
            text.push_str(&format!("needs a restart: {}\n", self.needs_restart.join(", ")));
        }
        text
    }
}

/// The reply to `edge feed allow-once`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Allowed {
    /// What becomes of the feed, a line each.
    pub(super) messages: Vec<String>,
}

impl Allowed {
    /// For people.
    pub(super) fn to_text(&self) -> String {
        self.messages.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// What `edge preview` shows, by zone.
#[derive(Debug, Default, Serialize)]
pub(super) struct Previews {
    pub(super) zones: BTreeMap<String, ZonePreview>,
}

/// What would change in a zone.
#[derive(Debug, Serialize)]
pub(super) struct ZonePreview {
    /// The serial that is served, and that of the new zone.
    pub(super) serials: [u32; 2],
    pub(super) effect: Preview,
}

/// What `edge fleet status` shows.
#[derive(Debug, Serialize)]
pub(super) struct FleetStatus {
    pub(super) nodes: Vec<FleetNode>,
}

/// What `edge fleet points` shows, by node.
#[derive(Debug, Serialize)]
pub(super) struct FleetPoints {
    pub(super) nodes: BTreeMap<String, NodePoints>,
}
