//! The answer space of several zones: every name, type, class, EDNS shape and kind of client there is to ask with.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use edge_user::geo::{Database, Databases, Kind};
use edge_user::publish::{Backend, Publisher};
use edge_user::store::Store;
use edge_user::zone::{Targeting, Zone};
use serde_json::{Value, json};

use crate::fixture::server_for;
use crate::frames::{Query, opt};
use crate::message::rtype::{A, AAAA, ANY, CNAME, HTTPS, NS, SOA, TXT};
use crate::stage::{atlas, zones};
use crate::{fixture, node};

/// More than any set has records.
const ALL: usize = 10_000;
/// One client of each place, and some in none, of both families.
const CLIENTS: [&str; 14] = [
    "192.0.2.10",
    "198.51.100.7",
    "198.51.100.8",
    "203.0.113.10",
    "11.0.0.1",
    "11.128.0.1",
    "5.8.0.1",
    "198.18.0.1",
    "2001:db8:de::7",
    "2001:db8:de:1::8",
    "2001:db8:b0::1",
    "2001:db8:6b::1",
    "2001:db8:6a::1",
    "2400::1",
];
const TYPES: [u16; 8] = [A, AAAA, CNAME, NS, SOA, TXT, HTTPS, ANY];

/// Zones by name: the conformance tier's, the rig's, and one of sets of every size.
fn files() -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = std::fs::read_dir(zones::folder())
        .expect("fixtures")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
            (name, std::fs::read_to_string(path).expect("text"))
        })
        .collect();
    files.sort();
    files.push(("pool.example".to_owned(), crate::netns::POOL.to_owned()));
    let mut sizes = serde_json::Map::new();
    for n in 1..=14_usize {
        let set = |kind: u16| {
            let addresses = fixture::Set { k: 0x900, n }.addresses(kind);
            addresses.iter().map(|address| json!([address.to_string(), 7 * n])).collect::<Value>()
        };
        for most in [1, 2, 4, n] {
            let label = json!({"max_hosts": most, "ttl": n, "a": set(A), "aaaa": set(AAAA)});
            sizes.insert(format!("s{n}-{most}"), label);
        }
    }
    files.push(("sizes.example".to_owned(), json!({"serial": 1, "data": sizes}).to_string()));
    files
}

/// The zones.
#[must_use]
pub fn zones() -> Vec<Zone> {
    files().iter().map(|(name, text)| node::zone(name, text)).collect()
}

/// The zones as they would be if every answer held all records.
///
/// # Panics
/// When a fixture is no zone.
#[must_use]
pub fn wide_zones() -> Vec<Zone> {
    let widen = |text: &str| {
        let mut zone: Value = serde_json::from_str(text).expect("JSON");
        zone["max_hosts"] = ALL.into();
        let data = zone.get_mut("data").and_then(Value::as_object_mut);
        for label in data.into_iter().flat_map(|data| data.values_mut()) {
            label["max_hosts"] = ALL.into();
        }
        zone.to_string()
    };
    files().iter().map(|(name, text)| node::zone(name, &widen(text))).collect()
}

/// The databases.
///
/// # Panics
/// When a fixture is none.
#[must_use]
pub fn databases() -> Databases {
    let kinds = [Kind::Country, Kind::City, Kind::Asn];
    let opened = atlas::files().into_iter().zip(kinds).map(|((name, octets), kind)| {
        Database::from_octets(octets, Path::new(name), kind).expect("a database")
    });
    Databases::new(opened.collect())
}

/// A publisher that serves what of all zones the tables can hold.
///
/// # Panics
/// When nothing can be published.
#[must_use]
pub fn publisher(store: &Store, backend: Box<dyn Backend>) -> Publisher {
    let listen = [fixture::server4(), fixture::server6()];
    let mut publisher = node::publisher(store.clone(), backend, &listen);
    // Zones that target addresses may have no trie: the authority's alone, but the others must know of them.
    let (held, others): (Vec<_>, Vec<_>) =
        zones().into_iter().partition(|zone| !zone.targeting.contains(Targeting::IP));
    let apexes: Vec<&[u8]> = others.iter().map(|zone| zone.apex.folded()).collect();
    let placed = publisher.publish(&node::compiled(&held, &databases()), &apexes);
    drop(placed.expect("publish"));
    publisher
}

/// Shapes of EDNS: no OPT record, and records of all sizes, flags, versions and with options.
fn shapes() -> Vec<Option<Vec<u8>>> {
    let record = |size: u16, version: u8, flags: u16, data: &[u8]| {
        let mut record = opt(flags);
        record[3..5].copy_from_slice(&size.to_be_bytes());
        record[6] = version;
        record[9..11].copy_from_slice(&u16::try_from(data.len()).expect("short").to_be_bytes());
        record.extend(data);
        Some(record)
    };
    vec![
        None,
        record(1232, 0, 0, &[]),
        record(4096, 0, 0x8000, &[]),
        record(0, 0, 0x7fff, &[]),
        record(512, 1, 0, &[]),
        record(1232, 0, 0, &[0, 3, 0, 0]),
        record(1232, 0, 0, &[0, 8, 0, 7, 0, 1, 24, 0, 203, 0, 113]),
        record(1232, 0, 0, &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]),
    ]
}

/// The names of a zone, and some that it lacks.
fn names(zone: &Zone) -> Vec<String> {
    let apex = zone.apex.to_string();
    let mut names: Vec<String> = zone.labels.iter().map(|label| label.name.to_string()).collect();
    names.extend(["nobody", "nobody.www", "*"].map(str::to_owned));
    let full =
        |label: &String| if label.is_empty() { apex.clone() } else { format!("{label}.{apex}") };
    names.iter().map(full).collect()
}

/// Every question.
pub fn questions() -> impl Iterator<Item = Query> {
    let names: Arc<[String]> = zones().iter().flat_map(names).collect();
    let shapes: Arc<[Option<Vec<u8>>]> = shapes().into();
    let clients = CLIENTS.map(|client| client.parse::<IpAddr>().expect("an address"));
    (0..names.len()).flat_map(move |name| {
        let (names, shapes) = (Arc::clone(&names), Arc::clone(&shapes));
        clients.into_iter().enumerate().flat_map(move |(at, client)| {
            let (name, shapes) = (names[name].clone(), Arc::clone(&shapes));
            let classes = [(1, &TYPES[..]), (3, &TYPES[..1]), (255, &TYPES[..1])];
            let kinds = classes
                .into_iter()
                .flat_map(|(class, types)| types.iter().map(move |rtype| (class, *rtype)));
            kinds.flat_map(move |(class, rtype)| {
                let plain =
                    Query::new(&name, rtype, SocketAddr::new(client, 4000), server_for(client));
                // Every shape of A and AAAA; of what isn't the tables' anyway, one each in turn.
                let hot = class == 1 && matches!(rtype, A | AAAA);
                let chosen =
                    if hot { 0..shapes.len() } else { at % shapes.len()..at % shapes.len() + 1 };
                let flags = [0x0100, 0, 0x0110, 0x0120][at % 4];
                let questions: Vec<Query> = chosen
                    .map(|shape| Query {
                        class,
                        flags,
                        opt: shapes[shape].clone(),
                        ..plain.clone()
                    })
                    .collect();
                questions
            })
        })
    })
}

/// A generator that gives the same numbers in every run.
#[must_use]
pub fn random() -> fastrand::Rng {
    fastrand::Rng::with_seed(0x5ace)
}
