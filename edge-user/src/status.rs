//! What `edge status` tells: as JSON for scripts, as tables for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// The state of a node.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// This program's version.
    pub version: String,
    /// Who we are to clients.
    pub server_id: String,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Generation being served.
    pub generation: u64,
    /// The zones.
    pub zones: Vec<Zone>,
    /// The interfaces.
    pub xdp: Vec<Interface>,
    /// What became of frames and queries.
    pub counters: Counters,
    /// The query log.
    #[serde(default)]
    pub log: Log,
    /// The scorer feed.
    pub feed: Feed,
    /// The NTP service.
    pub ntp: Ntp,
    /// How full the tables are.
    pub tables: Vec<Table>,
    /// Where the maps are pinned; empty without XDP.
    pub pins: String,
    /// What is wrong, a line each.
    pub errors: Vec<String>,
}

/// A zone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// Its SOA's serial.
    pub serial: u32,
    /// Names that have decks.
    pub names: usize,
    /// Decks.
    pub decks: usize,
    /// Whether XDP answers for it.
    pub in_xdp: bool,
    /// Whether names of it are left out of XDP's tables, because of its share or for want of room: XDP then answers
    /// for the hottest, and for none that doesn't exist.
    #[serde(default)]
    pub incomplete: bool,
    /// Names that XDP answers for.
    #[serde(default)]
    pub names_in_xdp: usize,
    /// Names that it could answer for, if there were room.
    #[serde(default)]
    pub names_total: usize,
}

/// An interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Interface {
    /// Its name.
    pub interface: String,
    /// `native` or `generic`.
    pub mode: String,
}

/// What became of frames and queries.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Queries that XDP answered.
    pub xdp_answered: u64,
    /// Frames that XDP let rise, by reason; they include all that isn't DNS.
    pub passed: BTreeMap<String, u64>,
    /// Frames that XDP dropped, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Queries that the authority answered.
    pub authority_answered: u64,
}

/// The query log.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Log {
    /// `off`, `json` or `avro`.
    pub format: String,
    /// The file, or the directory; empty when off.
    pub path: String,
    /// Records written.
    pub written: u64,
    /// Records dropped because they came faster than they are written.
    pub dropped: u64,
    /// Records lost because the file couldn't be written.
    pub failed: u64,
    /// Samples that XDP lost because they came faster than they are taken.
    pub samples_lost: u64,
    /// What is wrong with the files now; empty if nothing is.
    pub error: String,
}

/// The scorer feed.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Feed {
    /// Seconds since the last good one; none without a feed.
    pub age_seconds: Option<u64>,
    /// Its serial; none without a feed.
    pub serial: Option<u64>,
}

/// The NTP service.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Ntp {
    /// Whether time is being told.
    pub synchronised: bool,
    /// What clients are told; 0 when unsynchronised.
    pub stratum: u8,
    /// Seconds until it would stop by itself.
    pub lease_seconds: u64,
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

/// Lines up columns; the first row is the head, numbers are set to the right.
#[must_use]
pub fn columns(rows: &[Vec<String>]) -> String {
    let n = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..n).map(|column| width(column).unwrap_or_default()).collect();
    let is_number = |cell: &str| cell.parse::<f64>().is_ok();
    let right = |column: usize| {
        rows.get(1).and_then(|row| row.get(column)).is_some_and(|cell| is_number(cell))
    };
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let width = *width;
            let written = if right(column) {
                write!(line, " {cell:>width$} ")
            } else {
                write!(line, " {cell:<width$} ")
            };
            written.unwrap_or_default();
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
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
        let strings = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
        let mut rows = vec![strings(["ZONE", "SERIAL", "NAMES", "DECKS", "ANSWERED BY"])];
        rows.extend(self.zones.iter().map(|zone| {
            let by = match (zone.in_xdp, zone.incomplete) {
                (false, _) => "authority",
                (true, false) => "xdp, authority",
                (true, true) => "xdp (incomplete), authority",
            };
            let names = match zone.incomplete {
                true => format!("{} of {}", zone.names, zone.names_total),
                false => zone.names.to_string(),
            };
            let [serial, decks] =
                [u64::from(zone.serial), zone.decks as u64].map(|n| n.to_string());
            strings([&zone.name, &serial, &names, &decks, by])
        }));
        text.push_str(&columns(&rows));
        let mut rows = vec![vec!["INTERFACE".to_owned(), "XDP MODE".to_owned()]];
        rows.extend(self.xdp.iter().map(|at| vec![at.interface.clone(), at.mode.clone()]));
        if self.xdp.is_empty() {
            rows.push(vec!["none".into(), "off".into()]);
        }
        text.push_str(&columns(&rows));
        let mut rows = vec![vec!["QUERIES AND FRAMES".to_owned(), "NUMBER".to_owned()]];
        let mut count = |what: String, n: u64| rows.push(vec![what, n.to_string()]);
        count("answered by xdp".into(), self.counters.xdp_answered);
        count("answered by the authority".into(), self.counters.authority_answered);
        for (verb, reasons) in
            [("passed", &self.counters.passed), ("dropped", &self.counters.dropped)]
        {
            for (reason, n) in reasons.iter().filter(|(_, n)| **n > 0) {
                count(format!("{verb}: {reason}"), *n);
            }
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
        text.push_str(&columns(&rows));
        let mut rows = vec![["TABLE", "USED", "ENTRIES"].map(str::to_owned).to_vec()];
        rows.extend(self.tables.iter().map(|table| {
            vec![table.name.clone(), table.used.to_string(), table.entries.to_string()]
        }));
        text.push_str(&columns(&rows));
        if !self.pins.is_empty() {
            text.push_str(&format!("maps are pinned under {}\n", self.pins));
        }
        for error in &self.errors {
            text.push_str(&format!("error: {error}\n"));
        }
        text
    }
}

/// Seconds as a person says them.
fn duration(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, s) => format!("{m} min {s} s"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, h, ..) => format!("{d} d {h} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Status, Zone, columns, duration};

    #[test]
    fn an_incomplete_zone_says_how_many_of_its_names_are_in_the_tables() {
        let zone = Zone {
            name: "pool.example".into(),
            serial: 1,
            names: 10,
            decks: 3,
            in_xdp: true,
            incomplete: true,
            names_in_xdp: 10,
            names_total: 25,
        };
        let whole = Zone { incomplete: false, names_total: 10, ..zone.clone() };
        let text = Status { zones: vec![zone, whole], ..Status::default() }.to_text();
        let lines: Vec<_> = text.lines().filter(|line| line.contains("pool.example")).collect();
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(lines[0]), "pool.example 1 10 of 25 3 xdp (incomplete), authority");
        assert_eq!(words(lines[1]), "pool.example 1 10 3 xdp, authority");
        // What an older node tells is read, too.
        let old = r#"{"name": "a", "serial": 1, "names": 2, "decks": 1, "in_xdp": true}"#;
        assert!(!serde_json::from_str::<Zone>(old).unwrap().incomplete);
    }

    #[test]
    fn columns_line_up_and_numbers_stand_to_the_right() {
        let rows = [["ZONE", "NAMES"], ["a.example", "7"], ["b", "1200"]];
        let rows: Vec<_> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        assert_eq!(columns(&rows), "  ZONE       NAMES\n  a.example      7\n  b           1200\n");
    }

    #[test]
    fn addresses_are_no_numbers() {
        let rows = [["RECORD", "IN %"], ["10.0.0.1", "7.5"], ["10.0.0.12", "12.25"]];
        let rows: Vec<_> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        assert_eq!(columns(&rows), "  RECORD      IN %\n  10.0.0.1     7.5\n  10.0.0.12  12.25\n");
    }

    #[test]
    fn durations_are_said_in_two_words() {
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(61), "1 min 1 s");
        assert_eq!(duration(7_260), "2 h 1 min");
        assert_eq!(duration(90_000), "1 d 1 h");
    }
}
