//! Reading of documents as far as the guard needs it: serial and size.
//!
//! Octets that are no snapshot or zone are refused.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::refusal::Refusal;
use super::size::RootSize;
use crate::Snapshot;
use crate::server::ACTIVE_SCORE;

/// A feed that has arrived.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Where it came from: a path, an address, a bucket.
    pub place: &'a str,
    /// What it is expected to be.
    pub content: ExpectedContent<'a>,
    /// Its octets.
    pub octets: &'a [u8],
    /// Its detached signature: the text of a `.minisig` file, with `\n` for line ends where it came
    /// in a header.
    pub signature: Option<&'a str>,
}

/// What a feed is expected to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectedContent<'a> {
    /// A snapshot of all servers.
    Snapshot,
    /// A geodns zone.
    Zone {
        /// Its name.
        apex: &'a str,
    },
}

/// A feed that may be served.
#[derive(Clone, Debug, PartialEq)]
pub struct Admitted {
    /// Its serial.
    pub serial: u32,
    /// How large it is.
    pub size: RootSize,
    /// What it is.
    pub what: FeedContent,
    /// Why it would have been refused, if an operator has allowed it.
    pub allowed: Option<Refusal>,
}

/// What a feed is.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedContent {
    /// A snapshot of all servers.
    Snapshot(Snapshot),
    /// A geodns zone.
    Zone {
        /// Its name.
        apex: String,
        /// Its JSON, unmodified.
        text: String,
    },
}

impl Admitted {
    /// A zone that was served before, read back from the disk. The disk holds only admitted zones.
    ///
    /// # Errors
    /// [`Refusal::Broken`] when it is none.
    pub fn of_zone(place: &str, apex: &str, text: String) -> Result<Self, Refusal> {
        let (serial, size) = zone(place, text.as_bytes(), usize::MAX)?;
        let what = FeedContent::Zone { apex: apex.to_owned(), text };
        Ok(Self { serial, size, what, allowed: None })
    }
}

/// Reads a snapshot.
pub(super) fn snapshot(place: &str, octets: &[u8], most: usize) -> Result<Snapshot, Refusal> {
    let snapshot: Snapshot =
        serde_json::from_slice(octets).map_err(|error| broken(place, &error))?;
    let servers = snapshot.servers.len();
    if servers > most {
        return Err(Refusal::Servers { place: place.to_owned(), servers, most });
    }
    let mut ids = BTreeSet::new();
    if let Some(twice) = snapshot.servers.iter().find(|server| !ids.insert(server.id)) {
        return Err(wrong(place, format!("server {} is listed twice", twice.id)));
    }
    Ok(snapshot)
}

/// The servers of a snapshot that answers may hold, and their weight.
pub(crate) fn size_of(snapshot: &Snapshot) -> RootSize {
    let active = snapshot
        .servers
        .iter()
        .filter(|server| server.in_pool && server.netspeed > 0 && server.score >= ACTIVE_SCORE);
    active.fold(RootSize::default(), |size, server| {
        size.and(RootSize { servers: 1, weight: server.netspeed.into() })
    })
}

/// Reads as much of a zone as is needed to judge it: its serial and its size.
pub(super) fn zone(place: &str, octets: &[u8], most: usize) -> Result<(u32, RootSize), Refusal> {
    let zone: Map<String, Value> =
        serde_json::from_slice(octets).map_err(|error| broken(place, &error))?;
    let serial = zone.get("serial").and_then(Value::as_u64);
    let Some(serial) = serial.and_then(|serial| u32::try_from(serial).ok()) else {
        return Err(wrong(place, "serial isn't a number from 0 to 4294967295".to_owned()));
    };
    let Some(labels) = zone.get("data").and_then(Value::as_object) else {
        return Err(wrong(place, "data isn't an object of labels".to_owned()));
    };
    let mut weights: BTreeMap<&str, u64> = BTreeMap::new();
    let records = labels.values().filter_map(Value::as_object).flat_map(|label| {
        ["a", "aaaa"].into_iter().filter_map(|key| label.get(key)?.as_array()).flatten()
    });
    for record in records {
        let (address, weight) = match record {
            Value::Array(pair) => (pair.first(), pair.get(1).and_then(number)),
            other => (Some(other), None),
        };
        if let Some(address) = address.and_then(Value::as_str) {
            // An address is under many labels; it counts as one server.
            let known = weights.entry(address).or_default();
            *known = (*known).max(weight.unwrap_or(0));
        }
    }
    let servers = weights.len();
    if servers > most {
        return Err(Refusal::Servers { place: place.to_owned(), servers, most });
    }
    let sum = |size: RootSize, &weight| size.and(RootSize { servers: 1, weight });
    Ok((serial, weights.values().fold(RootSize::default(), sum)))
}

/// A weight, which may be written as text.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn broken(place: &str, error: &serde_json::Error) -> Refusal {
    // The reader's text ends with the place, which is in `place` already.
    let text = error.to_string();
    let cause = text.split(" at line ").next().unwrap_or(&text).to_owned();
    Refusal::Broken { place: format!("{place}:{}:{}", error.line(), error.column()), cause }
}

fn wrong(place: &str, cause: String) -> Refusal {
    Refusal::Broken { place: place.to_owned(), cause }
}
