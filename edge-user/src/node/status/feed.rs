//! The feed's status: its age, serials, sources and refusals.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::duration;
use edge_leaves::text_table::{Align, indented};

/// The scorer feed. Without one all is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Feed {
    /// Seconds since the last good one; none without a feed.
    pub age_seconds: Option<u64>,
    /// Its serial: the highest of the zones that came of it; none without a feed.
    pub serial: Option<u64>,
    /// `fresh`, `warn` or `alarm`; empty without a feed.
    #[serde(default)]
    pub freshness: String,
    /// The last change that is in it; none if no zones are built here.
    #[serde(default)]
    pub cursor: Option<u64>,
    /// Changes that were taken since the start.
    #[serde(default)]
    pub deltas: u64,
    /// Changes of servers that no snapshot has.
    #[serde(default)]
    pub deltas_unknown: u64,
    /// Changes and results that can't be.
    #[serde(default)]
    pub deltas_broken: u64,
    /// Changes that are newer than what was taken, but below the cursor.
    #[serde(default)]
    pub deltas_fallen: u64,
    /// For how many seconds an operator still allows a document that is older or smaller; none if
    /// it isn't allowed.
    #[serde(default)]
    pub allow_once_seconds: Option<u64>,
    /// By how many seconds the last change came after its time.
    #[serde(default)]
    pub lag_seconds: Option<u64>,
    /// The serial of each zone that came of it.
    #[serde(default)]
    pub serials: BTreeMap<String, u32>,
    /// Refusals since the start, by kind.
    #[serde(default)]
    pub refusals: BTreeMap<String, u64>,
    /// The last refusal.
    #[serde(default)]
    pub last_refusal: Option<String>,
    /// Seconds since then.
    #[serde(default)]
    pub last_refusal_seconds: Option<u64>,
    /// Whether another process sends heartbeats by this node's name; none without a fleet.
    #[serde(default)]
    pub fleet_name_conflict: Option<bool>,
    /// Where it comes from.
    #[serde(default)]
    pub sources: Vec<FeedSource>,
}

/// A source of the feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedSource {
    /// Its path or address.
    pub name: String,
    /// Whether the last attempt went well.
    pub connected: bool,
    /// Seconds since it last sent anything.
    pub last_event_seconds: Option<u64>,
    /// Seconds since it last sent something new.
    pub last_change_seconds: Option<u64>,
    /// What is wrong with it now.
    pub error: Option<String>,
    /// The same in a word; empty if nothing is.
    pub reason: String,
    /// Attempts in a row that failed.
    pub retries: u32,
    /// Attempts that failed, since the start.
    pub failures: u64,
    /// Changes or results that it gave.
    pub deltas: u64,
    /// Lines that can't be read.
    pub broken_lines: u64,
    /// Messages that were gone before they could be had.
    pub lost: u64,
}

impl Feed {
    /// Lines for people; nothing without a feed.
    pub(super) fn to_text(&self) -> String {
        if self.freshness.is_empty() {
            return String::new();
        }
        let age = self.age_seconds.map_or_else(|| "nothing has arrived yet".to_owned(), duration);
        let mark = match &*self.freshness {
            "fresh" => "",
            "warn" => " (OLD)",
            _ => " (TOO OLD)",
        };
        let mut text = format!("feed: {age}{mark}");
        let mut put = |part: std::fmt::Arguments<'_>| text.write_fmt(part).unwrap_or_default();
        if let Some(serial) = self.serial {
            put(format_args!(", serial {serial}"));
        }
        if let Some(cursor) = self.cursor {
            put(format_args!(", change {cursor}, {} taken", self.deltas));
        }
        if let Some(lag) = self.lag_seconds {
            put(format_args!(", the last one {lag} s after its time"));
        }
        put(format_args!("\n"));
        let mut rows = vec![["SOURCE", "STATE", "NEW", "CHANGES"].map(str::to_owned).to_vec()];
        rows.extend(self.sources.iter().map(|source| {
            let state = match (source.connected, &*source.reason) {
                (true, "") => "ok",
                (_, "") => "waiting",
                (_, reason) => reason,
            };
            let new = source.last_change_seconds.map(|ago| format!("{} ago", duration(ago)));
            let new = new.unwrap_or_else(|| "never".to_owned());
            vec![source.name.clone(), state.to_owned(), new, source.deltas.to_string()]
        }));
        text.push_str(&indented(&rows, Align::Numbers, 2));
        if let Some(left) = self.allow_once_seconds {
            let left = duration(left);
            writeln!(
                text,
                "allow-once: the next older or smaller feed within {left} will be accepted; \
                 to take that back: edge feed allow-once --cancel"
            )
            .unwrap_or_default();
        }
        if let (Some(refusal), Some(ago)) = (&self.last_refusal, self.last_refusal_seconds) {
            let ago = duration(ago);
            writeln!(text, "last refused {ago} ago: {refusal}").unwrap_or_default();
        }
        text
    }
}
