//! Names, types and clients: which records answer whom.

use std::net::{IpAddr, SocketAddr};

use edge_common::verdict::Verdict;

use super::{Case, Expect};
use crate::fixture::{
    self, A, AAAA, BY_COUNTRY, CLIENTS, COUNTRIES, MAX_HOSTS, Set, TTL, UNKNOWABLE,
};
use crate::frames::{Query, wire_name};
use crate::reader::Reply;

/// A client nobody knows.
const NOBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 18, 0, 1));

fn query(label: &str, apex: &str, rtype: u16, client: IpAddr) -> Query {
    let name = if label.is_empty() { apex.to_owned() } else { format!("{label}.{apex}") };
    Query::new(&name, rtype, SocketAddr::new(client, 4321), fixture::server_for(client))
}

/// What a set answers when it has any records.
fn of_set(set: Set, rtype: u16, n: usize) -> Reply {
    Reply::Addresses { from: set.addresses(rtype), n: n.min(set.n), ttl: TTL }
}

/// One to twelve A records, one to seven AAAA records, and one more than fits; with and without
/// EDNS, for clients of both families.
#[must_use]
pub fn answers() -> Vec<Case> {
    let (apex, zone) = ("counts.example", fixture::counts());
    let mut cases = Vec::new();
    let clients: [IpAddr; 2] = [NOBODY, IpAddr::from([0x2400, 1, 2, 3, 4, 5, 6, 7])];
    for client in clients {
        for edns in [None, Some(0), Some(0x8000)] {
            let mut ask = |label: &str, rtype, reply: Option<Reply>| {
                let query = query(label, apex, rtype, client);
                let query = match edns {
                    Some(flags) => query.with_edns(flags),
                    None => query,
                };
                let what = format!("{label} {rtype} to {client}, EDNS {edns:?}");
                cases.push(match reply {
                    Some(reply) => Case::reply(what, query, reply),
                    None => Case::pass(what, query.frame(), Verdict::NoDeck),
                });
            };
            for n in 1..=13_u16 {
                let (all, some) =
                    (Set { k: 0x100 + n, n: n.into() }, Set { k: 0x200 + n, n: n.into() });
                ask(&format!("a{n}"), A, (n <= 12).then(|| of_set(all, A, 12)));
                ask(&format!("a{n}"), AAAA, Some(Reply::nodata(&zone)));
                ask(&format!("m{n}"), A, Some(of_set(some, A, MAX_HOSTS)));
                ask(&format!("m{n}"), AAAA, Some(of_set(some, AAAA, MAX_HOSTS)));
            }
            for n in 1..=8_u16 {
                let set = Set { k: 0x300 + n, n: n.into() };
                ask(&format!("q{n}"), AAAA, (n <= 7).then(|| of_set(set, AAAA, 7)));
                ask(&format!("q{n}"), A, Some(Reply::nodata(&zone)));
            }
            ask("", A, Some(Reply::nodata(&zone)));
        }
    }
    cases
}

/// Letters in turns of both cases.
fn mixed(name: &str) -> String {
    let turn = |(at, letter): (usize, char)| {
        if at % 2 == 0 { letter.to_ascii_uppercase() } else { letter }
    };
    name.chars().enumerate().map(turn).collect()
}

/// A name of every length from the apex's to 255 octets, as it is and in mixed case.
#[must_use]
pub fn lengths() -> Vec<Case> {
    let zone = fixture::lengths();
    let mut cases = Vec::new();
    for (octets, label) in fixture::labels_by_length() {
        let set = fixture::length_set(octets);
        let plain = query(&label, "l", A, NOBODY);
        assert_eq!(wire_name(&plain.name).len(), octets);
        let shapes = [
            (A, plain.clone()),
            (A, Query { name: mixed(&plain.name), ..plain.clone() }.with_edns(0x8000)),
            (AAAA, Query { rtype: AAAA, padding: octets % 7, ..plain }),
        ];
        for (rtype, query) in shapes {
            let reply = if rtype == AAAA && octets % 2 == 0 {
                Reply::nodata(&zone)
            } else {
                of_set(Set { n: if rtype == A { set.n } else { 1 }, ..set }, rtype, 3)
            };
            cases.push(Case::reply(format!("{octets} octets {rtype}"), query, reply));
        }
    }
    cases
}

/// Names of every length in which one octet's bit 0x20 is turned: the same name when that was a
/// letter, another one otherwise.
#[must_use]
pub fn strangers() -> Vec<Case> {
    let mut cases = Vec::new();
    for (octets, label) in fixture::labels_by_length() {
        let query = query(&label, "l", A, NOBODY);
        let frame = query.frame();
        let question = frame.len() - octets - 4;
        for at in 0..octets {
            let mut frame = frame.clone();
            let octet = &mut frame[question + at];
            let letter = octet.is_ascii_alphabetic();
            *octet ^= 0x20;
            if !letter {
                let what = format!("octet {at} of {octets} isn't the name's");
                let expect = Expect::Either;
                cases.push(Case {
                    frame,
                    expect,
                    ..Case::pass(what, Vec::new(), Verdict::UnknownName)
                });
            } else if at % 5 == 0 {
                let name = query.name.char_indices();
                let name = name.map(|(i, c)| if i + 1 == at { c.to_ascii_uppercase() } else { c });
                let other = Query { name: name.collect(), ..query.clone() };
                let reply = of_set(fixture::length_set(octets), A, 3);
                cases.push(Case::reply(format!("case of octet {at} of {octets}"), other, reply));
            }
        }
    }
    cases
}

/// Every label of `pool.example` from every client.
#[must_use]
pub fn by_country() -> Vec<Case> {
    let zone = fixture::pool();
    let mut cases = Vec::new();
    for (client, country) in CLIENTS {
        let client = client.parse().expect("an address");
        for (label, rtype, sets) in BY_COUNTRY {
            let query = query(label, "pool.example", *rtype, client).with_edns(0);
            let reply = match sets[*country] {
                0 => Reply::nodata(&zone),
                k => {
                    let set = fixture::pool_set(k, *rtype);
                    let n = set.n.min(MAX_HOSTS);
                    let from = set.addresses(*rtype);
                    Reply::Addresses { from, n, ttl: fixture::pool_ttl(label) }
                }
            };
            let what = format!("{label} {rtype} for {client} in {:?}", COUNTRIES[*country]);
            cases.push(Case::reply(what, query, reply));
        }
    }
    let unknowable = UNKNOWABLE.parse().expect("an address");
    for (label, rtype, verdict) in
        [("", A, Verdict::ClientClass), ("2", AAAA, Verdict::ClientClass)]
    {
        let query = query(label, "pool.example", rtype, unknowable);
        cases.push(Case::pass(format!("{label} {rtype} in two countries"), query.frame(), verdict));
    }
    let query = query("slow", "pool.example", A, unknowable);
    let reply = Reply::Addresses { from: fixture::pool_set(14, A).addresses(A), n: 2, ttl: 86_400 };
    cases.push(Case::reply("a constant answer in two countries", query, reply));
    cases
}

/// Names around the apex of a zone nested in another: the parent's below it are hidden.
#[must_use]
pub fn nested() -> Vec<Case> {
    let ask = |label: &str| query(label, "nest.example", A, NOBODY);
    let reply = |label: &str, k, n| {
        Case::reply(format!("nested: {label}"), ask(label), of_set(Set { k, n }, A, MAX_HOSTS))
    };
    let nodata = Query { rtype: AAAA, ..ask("child") };
    let parents = Query { rtype: AAAA, ..ask("achild") };
    vec![
        reply("", 0x600, 2),
        reply("www", 0x601, 2),
        reply("child", 0x700, 3),
        reply("w.child", 0x701, 3),
        reply("achild", 0x605, 2),
        reply("x.achild", 0x606, 2),
        Case::reply("the child's SOA", nodata, Reply::nodata(&fixture::child())),
        Case::reply("the parent's SOA", parents, Reply::nodata(&fixture::parent())),
    ]
}

/// Names that only the authority can answer, and names that don't exist.
#[must_use]
pub fn odd() -> Vec<Case> {
    let ask = |label: &str, apex: &str, rtype| query(label, apex, rtype, NOBODY);
    let mut cases = Vec::new();
    for (label, rtype) in [("health", A), ("health", AAAA), ("closest", A)] {
        let frame = ask(label, "odd.example", rtype).frame();
        cases.push(Case::pass(format!("odd: {label} {rtype}"), frame, Verdict::NoDeck));
    }
    for (label, apex) in [
        ("_status", "pool.example"),
        ("", "example"),
        ("", "ool.example"),
        ("", "apool.example"),
        ("", "pool.examplf"),
        ("", "com"),
    ] {
        let frame = ask(label, apex, A).frame();
        cases.push(Case::pass(format!("no name: {label} {apex}"), frame, Verdict::UnknownName));
    }
    // Its records are all answered: the distance changes nothing.
    let set = Set { k: 0x800, n: 4 };
    cases.push(Case::reply("closest of few", ask("near", "odd.example", A), of_set(set, A, 4)));
    cases.push(Case::reply(
        "beside a CNAME",
        ask("", "odd.example", A),
        of_set(Set { n: 5, ..set }, A, MAX_HOSTS),
    ));
    cases
}
