//! The answer space: every name, type, class, EDNS shape and kind of client.

mod shapes;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use edge_tables::publish::{Backend, Publisher};
use edge_tables::store::Store;
use edge_zone::geo::{Database, DatabaseKind, Databases};
use edge_zone::{Targeting, Zone};
use serde_json::{Value, json};

use crate::fixture::server_for;
use crate::frames::Query;
use crate::message::rtype::{
    A, AAAA, ANY, AXFR, CAA, CNAME, DS, HTTPS, IXFR, MX, NAPTR, NS, PTR, SOA, SRV, SVCB, TXT,
};
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
/// Types of all sorts: frequent, rare, unknown, at the ends of the range.
const TYPES: [u16; 23] = [
    TXT, NS, SOA, CNAME, MX, CAA, DS, ANY, PTR, SRV, NAPTR, SVCB, TXT, NS, SOA, 44, 52, 99, 0, 999,
    65_535, AXFR, IXFR,
];

/// Record sets of every type, constant ones and some that vary.
const RECORDS: &str = r#"{"serial":5,"max_hosts":4,"data":{
    "":{"ns":["a.ns.example.net.","b.ns.records.example."],"txt":["one","two"],"caa":"0 issue \"ca.example.net\"",
        "mx":[{"mx":"mx.records.example.","preference":10}]},
    "txt":{"txt":"plain","ttl":7},
    "txt.de":{"txt":"german"},
    "txts":{"txt":["1","2","3","4","5","6"]},
    "mail":{"mx":[{"mx":"a.mail.records.example."},{"mx":"b.mail.records.example."}],"a":[["10.49.0.1"]]},
    "both":{"a":[["10.49.0.1",1],["10.1.0.1",1]],"txt":"and","https":"1 . alpn=h2"},
    "both.us":{"a":[["10.1.0.1",1]]},
    "gone":{"cname":"elsewhere.example.net."},
    "gone.europe":{"cname":"near.example.net."},
    "alias":{"alias":"txts"},
    "sub":{"ns":["ns.elsewhere.example."]},
    "many":{"a":[["10.1.0.1"]],"txt":"t","mx":[{"mx":"m.example.","preference":1}],"caa":"0 issue \";\"",
        "ns":["ns.example.net."],"https":"1 . alpn=h2","svcb":"1 svc.example.net.","naptr":"1 1 \"s\" \"x\" \"\" .",
        "tlsa":"3 1 1 abababababababababababababababababababababababababababababababab","spf":"v=spf1 -all"},
    "*.star":{"txt":"s","a":[["10.55.0.1"]]},
    "*.star.de":{"a":[["10.49.0.9"]]},
    "*.here.star":{"a":[["10.81.0.1"]]},
    "only.jp":{"a":[["10.81.0.2"]]},
    "a.b.c.d":{"a":[["10.44.0.1"]]}
}}"#;

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
    files.push(("records.example".to_owned(), RECORDS.to_owned()));
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
    let kinds = [DatabaseKind::Country, DatabaseKind::City, DatabaseKind::Asn];
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
    // Zones that target addresses may have no trie: the authority's alone, but the others must know
    // of them.
    let (held, others): (Vec<_>, Vec<_>) =
        zones().into_iter().partition(|zone| !zone.targeting.contains(Targeting::IP));
    let apexes: Vec<&[u8]> = others.iter().map(|zone| zone.apex.folded()).collect();
    let placed = publisher.publish(&node::compiled(&held, &databases()), &apexes);
    drop(placed.expect("publish"));
    publisher
}

/// The names of a zone, and some around them that may not exist.
fn names(zone: &Zone) -> Vec<String> {
    let apex = zone.apex.to_string();
    let mut names: Vec<String> = zone.labels.iter().map(|label| label.name.to_string()).collect();
    // What is above a label exists, if only because of it; what is below doesn't.
    let above = names.iter().filter_map(|name| Some(name.split_once('.')?.1.to_owned()));
    let above: Vec<String> = above.collect();
    let below: Vec<String> = names.iter().step_by(3).map(|name| format!("no.{name}")).collect();
    let capitals: Vec<String> = names.iter().step_by(5).map(|name| name.to_uppercase()).collect();
    names.extend([above, below, capitals].concat());
    let odd =
        ["nobody", "nobody.www", "a.b.c.d.e", "*", "x.*", "_country", "_status.www", "_health"];
    names.extend(odd.map(str::to_owned));
    names.push(format!("{}.{}", "n".repeat(63), "o".repeat(60)));
    names.push("m.".repeat(60).trim_end_matches('.').to_owned());
    let full = |label: &String| match label.trim_end_matches('.') {
        "" => apex.clone(),
        label => format!("{label}.{apex}"),
    };
    let mut names: Vec<String> = names.iter().map(full).collect();
    names.sort();
    names.dedup();
    names
}

/// Types and classes of a question for a name, by a number that differs from client to client and
/// name to name.
fn kinds(turn: usize) -> impl Iterator<Item = (u16, u16)> {
    let few = [TYPES[turn % TYPES.len()], TYPES[(turn * 7 + 3) % TYPES.len()]];
    let class = [3, 255, 0, 254][turn % 4];
    [(1, A), (1, AAAA), (1, HTTPS), (class, A)].into_iter().chain(few.map(|kind| (1, kind)))
}

/// Every question: each name from each client, for addresses in a dozen shapes of EDNS, for other
/// types in some; which ones changes from name to name and client to client, so that all
/// combinations of two things are there.
pub fn questions() -> impl Iterator<Item = Query> {
    let mut names: Vec<String> = zones().iter().flat_map(names).collect();
    names.extend(["", "com", "example", "www.example.com"].map(str::to_owned));
    let clients = CLIENTS.map(|client| client.parse::<IpAddr>().expect("an address"));
    let shapes = clients.map(shapes::shapes);
    let (shapes, names): (Arc<[_]>, Arc<[String]>) = (shapes.into(), names.into());
    (0..names.len()).flat_map(move |at| {
        let (names, shapes) = (Arc::clone(&names), Arc::clone(&shapes));
        clients.into_iter().enumerate().flat_map(move |(who, client)| {
            let (name, shapes) = (names[at].clone(), Arc::clone(&shapes));
            let turn = at * CLIENTS.len() + at / 5 + who;
            kinds(turn).enumerate().flat_map(move |(which, (class, rtype))| {
                let plain =
                    Query::new(&name, rtype, SocketAddr::new(client, 4000), server_for(client));
                let flags = [0x0100, 0, 0x0110, 0x0120][turn % 4];
                let all = &shapes[who];
                let (n, step) = if which < 2 { (12, 5) } else { (2, 11) };
                let chosen = (0..n).map(|i| &all[(turn * 3 + which + i * step) % all.len()]);
                let asked = chosen.map(|shape| Query { class, flags, ..shape.around(&plain) });
                asked.collect::<Vec<_>>()
            })
        })
    })
}

/// A generator that gives the same numbers in every run.
#[must_use]
pub fn random() -> fastrand::Rng {
    fastrand::Rng::with_seed(0x5ace)
}
