//! The status of a node: JSON for scripts, tables for people.

use std::collections::BTreeMap;

use edge_common::verdict::{Action, Verdict};
use serde::{Deserialize, Serialize};

use crate::node::checks::{Check, Service, Weight};
use crate::ntp::NtpStatus;
use crate::observe::query_log::LogStatus;
use crate::observe::refused::Refused;
use edge_leaves::text_table::{Align, indented};
use edge_tables::live::switches::Switches;
pub use feed::{Feed, FeedSource};

mod feed;

/// The state of a node.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// This program's version.
    pub version: String,
    /// The identifier of this server for clients.
    pub server_id: String,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Generation being served.
    pub generation: u64,
    /// Publications without a new generation, because only decks had changed.
    #[serde(default)]
    pub amended: u64,
    /// The operator's switches.
    #[serde(default)]
    pub switches: Switches,
    /// The zones.
    pub zones: Vec<Zone>,
    /// The interfaces.
    pub xdp: Vec<Interface>,
    /// The counts of frames and queries, by their fate.
    pub counters: Counters,
    /// The query log.
    #[serde(default)]
    pub log: LogStatus,
    /// The scorer feed.
    pub feed: Feed,
    /// The NTP service.
    pub ntp: NtpStatus,
    /// How full the tables are.
    pub tables: Vec<Table>,
    /// The clients that were limited or denied most lately.
    #[serde(default)]
    pub refused: Vec<Refused>,
    /// The directory where the maps are pinned; empty without XDP.
    pub pins: String,
    /// The configuration file, and how it was read last.
    #[serde(default)]
    pub reload: Reload,
    /// What the node serves.
    #[serde(default)]
    pub services: Vec<Service>,
    /// What its health is made of.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// What is wrong, a line each.
    pub errors: Vec<String>,
}

/// The configuration file, and how it was read last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Reload {
    /// The file.
    pub path: String,
    /// Whether what it contained when it was read last was good.
    pub ok: bool,
    /// When it was good last, in seconds of Unix time.
    pub unix_seconds: u64,
    /// Keys of it that the node takes over only when it is started again.
    pub needs_restart: Vec<String>,
    /// Why it wasn't good; empty if it was.
    pub error: String,
}

/// A zone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// Its SOA's serial.
    pub serial: u32,
    /// Names that have decks.
    pub names: usize,
    /// Decks.
    pub decks: usize,
    /// Whether XDP should answer for it.
    #[serde(default)]
    pub xdp: bool,
    /// Whether it is in XDP's tables, so that XDP answers for it unless a switch of the whole node
    /// prevents that.
    pub in_xdp: bool,
    /// Why it isn't in XDP's tables; empty if it is.
    #[serde(default)]
    pub why: String,
    /// Whether names of it are left out of XDP's tables, because of its share or for lack of space:
    /// XDP then answers for the most popular, and for none that doesn't exist.
    #[serde(default)]
    pub incomplete: bool,
    /// Names that XDP answers for.
    #[serde(default)]
    pub names_in_xdp: usize,
    /// Names that it could answer for, if there were space.
    #[serde(default)]
    pub names_total: usize,
}

/// An interface.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Interface {
    /// Its name.
    pub interface: String,
    /// `native` or `generic`; `none` if the program isn't attached.
    pub mode: String,
    /// Whether it is up and has a carrier.
    #[serde(default)]
    pub up: bool,
    /// How often the program was attached to it since the start.
    #[serde(default)]
    pub attached: u64,
    /// Why it isn't attached in native mode, when that was tried first; empty otherwise.
    #[serde(default)]
    pub fallback: String,
    /// Why the program isn't attached; empty if it is.
    #[serde(default)]
    pub error: String,
    /// Why replies may get lost, and the way out; empty if nothing is known of that.
    #[serde(default)]
    pub warning: String,
}

/// The counts of frames and queries, by their fate.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Queries that XDP answered.
    pub xdp_answered: u64,
    /// The same, by what the answer was.
    #[serde(default)]
    pub answered: BTreeMap<String, u64>,
    /// Frames that XDP let rise, by reason; they include all that isn't DNS.
    pub passed: BTreeMap<String, u64>,
    /// Frames that XDP dropped, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Queries that the authority answered.
    pub authority_answered: u64,
}

impl Counters {
    /// From how often each verdict was given, in the order of [`Verdict::ALL`]; those that are
    /// missing never were.
    #[must_use]
    pub fn new(authority_answered: u64, verdicts: &[u64]) -> Self {
        let mut counters = Self { authority_answered, ..Self::default() };
        let numbers = verdicts.iter().copied().chain(std::iter::repeat(0));
        for (verdict, n) in Verdict::ALL.iter().zip(numbers) {
            let of = match verdict.action() {
                Action::Tx => {
                    counters.xdp_answered += n;
                    &mut counters.answered
                }
                Action::Pass => &mut counters.passed,
                Action::Drop | Action::Aborted => &mut counters.dropped,
            };
            of.insert(verdict.name().to_owned(), n);
        }
        counters
    }
}

/// A table that all zones share.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Entries in use.
    pub used: u32,
    /// Entries that it can hold.
    pub entries: u32,
}

impl Status {
    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "edge {}, {}: up {}, generation {}\n",
            self.version,
            self.server_id,
            duration(self.uptime_seconds),
            self.generation
        );
        // Without XDP they change nothing.
        let switches = if self.xdp.is_empty() { Switches::default() } else { self.switches };
        for remark in switches.remarks() {
            text.push_str(&format!("{remark}\n"));
        }
        let strings = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
        let mut rows = vec![strings(["ZONE", "SERIAL", "NAMES", "DECKS", "ANSWERED BY"])];
        rows.extend(self.zones.iter().map(|zone| {
            let by = self.answered_by(zone);
            let names = match zone.incomplete {
                true => format!("{} of {}", zone.names, zone.names_total),
                false => zone.names.to_string(),
            };
            let [serial, decks] =
                [u64::from(zone.serial), zone.decks as u64].map(|n| n.to_string());
            strings([&zone.name, &serial, &names, &decks, &by])
        }));
        text.push_str(&indented(&rows, Align::Numbers, 2));
        let mut rows = vec![["INTERFACE", "STATE", "XDP MODE"].map(str::to_owned).to_vec()];
        rows.extend(self.xdp.iter().map(|at| {
            let state = if at.up { "up" } else { "down" };
            vec![at.interface.clone(), state.to_owned(), at.mode.clone()]
        }));
        if self.xdp.is_empty() {
            rows.push(["none", "-", "off"].map(str::to_owned).to_vec());
        }
        text.push_str(&indented(&rows, Align::Numbers, 2));
        text.push_str(&self.ntp.to_line());
        text.push_str(&self.feed.to_text());
        let mut rows = vec![vec!["QUERIES AND FRAMES".to_owned(), "NUMBER".to_owned()]];
        let mut count = |what: String, n: u64| rows.push(vec![what, n.to_string()]);
        let parts = |verb: &str, parts: &BTreeMap<String, u64>| {
            let parts = parts.iter().filter(|(_, n)| **n > 0);
            parts.map(|(part, n)| (format!("{verb}: {part}"), *n)).collect::<Vec<_>>()
        };
        let Counters { xdp_answered, answered, passed, dropped, authority_answered } =
            &self.counters;
        count("answered by xdp".into(), *xdp_answered);
        parts("answered by xdp", answered).into_iter().for_each(|(what, n)| count(what, n));
        count("answered by the authority".into(), *authority_answered);
        for (verb, reasons) in [("passed", passed), ("dropped", dropped)] {
            parts(verb, reasons).into_iter().for_each(|(what, n)| count(what, n));
        }
        if self.log.format != "off" {
            for (what, n) in [
                ("logged", self.log.written),
                ("logged: dropped", self.log.dropped),
                ("logged: failed", self.log.failed),
                ("logged: samples lost", self.log.samples_lost),
            ] {
                rows.push(vec![what.to_owned(), n.to_string()]);
            }
        }
        text.push_str(&indented(&rows, Align::Numbers, 2));
        let mut rows = vec![["TABLE", "USED", "ENTRIES"].map(str::to_owned).to_vec()];
        rows.extend(self.tables.iter().map(|table| {
            vec![table.name.clone(), table.used.to_string(), table.entries.to_string()]
        }));
        text.push_str(&indented(&rows, Align::Numbers, 2));
        if !self.refused.is_empty() {
            let row = ["REFUSED LATELY", "REASON", "QUERIES"];
            let mut rows = vec![row.map(str::to_owned).to_vec()];
            rows.extend(self.refused.iter().map(|refused| {
                let queries = refused.queries.to_string();
                vec![refused.client.clone(), refused.reason.clone(), queries]
            }));
            text.push_str(&indented(&rows, Align::Numbers, 2));
        }
        if !self.checks.is_empty() {
            let mut rows = vec![["CHECK", "OF", "STATE", "REASON"].map(str::to_owned).to_vec()];
            rows.extend(self.checks.iter().map(|check| {
                let state = match (check.ok, check.weight) {
                    (true, _) => "ok",
                    (false, Weight::Warning) => "warning",
                    (false, Weight::Fatal) => "FAILED",
                };
                let of = if check.of.is_empty() { "-" } else { &check.of };
                let reason = if check.reason.is_empty() { "-" } else { &check.reason };
                [&check.check, of, state, reason].map(str::to_owned).to_vec()
            }));
            text.push_str(&indented(&rows, Align::Numbers, 2));
        }
        if !self.pins.is_empty() {
            text.push_str(&format!("maps are pinned under {}\n", self.pins));
        }
        if !self.reload.needs_restart.is_empty() {
            let keys = self.reload.needs_restart.join(", ");
            text.push_str(&format!("warning: the node has to be started again for {keys}\n"));
        }
        for at in &self.xdp {
            if !at.fallback.is_empty() {
                text.push_str(&format!("warning: {}; attached in generic mode\n", at.fallback));
            }
            if !at.warning.is_empty() {
                text.push_str(&format!("warning: {}\n", at.warning));
            }
        }
        for error in &self.errors {
            text.push_str(&format!("error: {error}\n"));
        }
        text
    }

    /// Who answers for a zone, in a few words.
    fn answered_by(&self, zone: &Zone) -> String {
        match (zone.in_xdp, self.switches) {
            (true, Switches { bypass: true, .. }) => "authority (bypass)".into(),
            (true, Switches { dry_run: true, .. }) => "authority (dry run)".into(),
            (true, _) if zone.incomplete => "xdp (incomplete), authority".into(),
            (true, _) => "xdp, authority".into(),
            // Without XDP there is nothing to explain.
            (false, _) if self.xdp.is_empty() || zone.why.is_empty() => "authority".into(),
            (false, _) => format!("authority ({})", zone.why),
        }
    }
}

/// A duration in seconds, as text for people.
fn duration(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, s) => format!("{m} min {s} s"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, h, ..) => format!("{d} d {h} h"),
    }
}

#[cfg(test)]
mod tests;
