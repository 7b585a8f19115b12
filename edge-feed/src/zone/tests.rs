//! Tests of the zones of random pools.

mod compat;
mod naive;
mod options;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use super::{FeedZone, Zones};
use crate::delta::Change;
use crate::policy::{PolicyState, ZonePolicy};
use crate::snapshot::Root;
use crate::{Delta, Pool, Server, Snapshot};

/// A Monday.
const NOW: i64 = 1_800_000_000;

/// Countries and their continents; one continent has a single country, one country no servers.
const COUNTRIES: [(&str, &str); 9] = [
    ("uk", "europe"),
    ("de", "europe"),
    ("at", "europe"),
    ("us", "north-america"),
    ("ca", "north-america"),
    ("cm", "africa"),
    ("ng", "africa"),
    ("nz", "oceania"),
    ("aq", "antarctica"),
];

fn server(id: u64, country: usize) -> Server {
    let low = u32::try_from(id).unwrap();
    let ip = if id.is_multiple_of(3) {
        Ipv6Addr::from((0x2001_0db8_u128 << 96) + u128::from(low)).into()
    } else {
        Ipv4Addr::from(0xc633_6400 + low).into()
    };
    let (country, continent) = COUNTRIES[country];
    let zones = [country, continent, "@", "."].map(str::to_owned).to_vec();
    Server {
        id,
        ip,
        netspeed: 1_000,
        score: 20.0,
        score_ts: NOW,
        in_pool: true,
        deletion_on: None,
        zones,
    }
}

fn random_server(id: u64, rng: &mut fastrand::Rng) -> Server {
    let most = rng.usize(1..COUNTRIES.len());
    let mut server = server(id, rng.usize(..most));
    server.netspeed = [0, 512, 1_000, 25_000, 1_000_000, 3_000_000][rng.usize(..6)];
    server.score = random_score(rng);
    server.in_pool = rng.u8(..10) > 0;
    if rng.u8(..10) == 0 {
        let day = jiff::Timestamp::from_second(NOW + rng.i64(0..40) * 86_400).unwrap();
        server.deletion_on = Some(day.to_zoned(jiff::tz::TimeZone::UTC).date());
    }
    server
}

/// Many at 10, and around it.
fn random_score(rng: &mut fastrand::Rng) -> f64 {
    match rng.u8(..4) {
        0 => f64::from(rng.i8(-100..=20)),
        1 => f64::from(rng.i8(90..=110)) / 10.0,
        _ => 20.0 * rng.f64(),
    }
}

fn random_snapshot(rng: &mut fastrand::Rng) -> Snapshot {
    let n = [0, 5, 30, 120][rng.usize(..4)];
    let zones: &[&str] = if rng.bool() {
        &["@", "europe", "africa", "north-america", "oceania", "uk", "de", "us", "cm", "ng", "nz"]
    } else {
        &[]
    };
    Snapshot {
        serial: u32::try_from(NOW).unwrap(),
        cursor: 0,
        roots: vec![root()],
        vendors: Vec::new(),
        zones: zones.iter().map(|&zone| zone.to_owned()).collect(),
        servers: (1..=n).map(|id| random_server(id, rng)).collect(),
    }
}

fn root() -> Root {
    Root {
        apex: "pool.example".to_owned(),
        ns: vec!["a.ntpns.example.".to_owned(), "b.ntpns.example.".to_owned()],
        ttl: 150,
        ..Root::default()
    }
}

fn random_delta(id: u64, n: u64, rng: &mut fastrand::Rng) -> Delta {
    let server_id = rng.u64(1..=n + 2);
    let change = match rng.u8(..10) {
        0 => Change::Removed { removed: server_id },
        1 => Change::Server { server: random_server(server_id, rng) },
        _ => Change::Score { server_id, score: random_score(rng) },
    };
    Delta { id, ts: NOW + i64::try_from(id).unwrap(), change }
}

fn zones(policy: ZonePolicy) -> Zones {
    Zones::new(policy, PolicyState::default(), fastrand::Rng::with_seed(1)).unwrap()
}

/// The labels of a zone's text. None is there twice.
fn labels(zone: &FeedZone) -> BTreeMap<String, Value> {
    let whole: Value = serde_json::from_str(&zone.text).unwrap();
    assert_eq!(whole["serial"], zone.serial);
    let labels: BTreeMap<String, Value> = serde_json::from_value(whole["data"].clone()).unwrap();
    let written = zone.text.matches("\":{").count() - 2;
    let nested = usize::from(labels[""].get("ns").is_some());
    assert_eq!(written, labels.len() + nested, "a label is there twice");
    labels
}

/// The addresses and weights of a label; their order has no meaning.
fn records(labels: &BTreeMap<String, Value>, label: &str, key: &str) -> BTreeSet<(String, u64)> {
    let list = labels.get(label).and_then(|label| label.get(key)?.as_array());
    let record = |each: &Value| (each[0].as_str().unwrap().to_owned(), each[1].as_u64().unwrap());
    list.into_iter().flatten().map(record).collect()
}
