//! A zone whose replies show which version of it they are from.

use std::collections::BTreeSet;

use edge_zone::Zone;

use crate::fixture::{A, AAAA, Set, server4, server6};
use crate::frames::{Query, open_reply};
use crate::node;

/// A version of the zone: addresses, TTL and serial all tell which.
#[must_use]
pub fn version(version: u16) -> Zone {
    let set = |n| Set { k: version, n };
    let v4 = |n| set(n).json(A);
    let v6 = |n| set(n).json(AAAA);
    node::zone(
        "pool.example",
        &format!(
            r#"{{"serial":{version},"ttl":{},"max_hosts":4,"data":{{
                "":{{"a":{},"aaaa":{},"ns":["ns1.example.net."]}},
                "de":{{"a":{}}},"many":{{"max_hosts":12,"a":{}}},"seven":{{"max_hosts":7,"aaaa":{}}},
                "a-name-that-takes-the-longer-walk.of-two":{{"a":{}}}}}}}"#,
            100 + version,
            v4(40),
            v6(30),
            v4(10),
            v4(20),
            v6(9),
            v4(1),
        ),
    )
}

/// Queries for every name, type and shape of it.
#[must_use]
pub fn queries() -> Vec<Query> {
    let v4 = ["198.18.0.1:4321", "192.0.2.1:53"].map(|client| (client, server4()));
    let v6 = [("[2400::1]:999", server6())];
    let names = [
        ("pool.example", A),
        ("pool.example", AAAA),
        ("many.pool.example", A),
        ("seven.pool.example", AAAA),
        ("seven.pool.example", A),
        ("A-Name-that-takes-the-longer-walk.of-two.pool.example", A),
    ];
    let clients = v4.into_iter().chain(v6);
    let queries = clients.flat_map(|(client, server)| {
        names.map(|(name, rtype)| {
            Query::new(name, rtype, client.parse().expect("an address"), server)
        })
    });
    let queries: Vec<_> = queries.collect();
    let edns = queries.iter().cloned().map(|query| query.with_edns(0x8000));
    queries.iter().cloned().chain(edns).collect()
}

/// The version that a reply is of.
///
/// # Errors
/// When it is of none, or of several.
pub fn version_of(query: &Query, reply: &[u8]) -> Result<u16, String> {
    let message = open_reply(query, reply)?;
    let number =
        |at: usize| message.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]));
    let n_answers = usize::from(number(6).ok_or("short")?);
    let question = 12 + query.name.len() + 2 + 4;
    let octets = if query.rtype == A { 16 } else { 28 };
    if n_answers == 0 {
        // The SOA's TTL is ten times the zone's; its serial stands 20 octets before its end.
        let opt = query.opt.as_ref().map_or(0, Vec::len);
        let serial = number(message.len() - opt - 18).ok_or("short")?;
        let ttl = number(question + 8).ok_or("short")?;
        return if ttl == 10 * (100 + serial) {
            Ok(serial)
        } else {
            Err(format!("TTL {ttl} and serial {serial}"))
        };
    }
    let records = message.get(question..question + n_answers * octets).ok_or("short")?;
    let mut versions = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    for record in records.chunks(octets) {
        let ttl = u32::from_be_bytes([record[6], record[7], record[8], record[9]]);
        let address = &record[12..];
        let (fixed, version) = if octets == 16 {
            (address[0] == 10, &address[1..3])
        } else {
            (address[..2] == [0xfd, 0], &address[2..4])
        };
        let version = u16::from_be_bytes([version[0], version[1]]);
        if !fixed || record[..2] != [0xc0, 12] || ttl != u32::from(100 + version) {
            return Err(format!("a record {record:02x?}"));
        }
        versions.insert(version);
        addresses.insert(address);
    }
    match versions.first() {
        Some(version) if versions.len() == 1 && addresses.len() == n_answers => Ok(*version),
        _ => Err(format!("records of {versions:?}: {addresses:02x?}")),
    }
}
