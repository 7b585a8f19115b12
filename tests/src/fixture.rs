//! Zones, databases and addresses of both tiers, and the expected answers.
//!
//! An address shows which set of records it is from: `10.K.x.y`, `fd00:K::n`.

mod clients;
mod statics;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use edge_tables::publish::{Backend, Publisher};
use edge_tables::store::Store;
use edge_zone::Zone;
use edge_zone::geo::Databases;

use crate::node;

pub use clients::{CLIENTS, UNKNOWABLE};
pub use statics::{long_label, open, statics, wild};

/// QTYPE A.
pub const A: u16 = 1;
/// QTYPE AAAA.
pub const AAAA: u16 = 28;

/// Seconds; the TTL of all zones' records.
pub const TTL: u32 = 150;
/// Records in an answer, unless the label says otherwise.
pub const MAX_HOSTS: usize = 4;

/// The served IPv4 address.
#[must_use]
pub fn server4() -> SocketAddr {
    SocketAddr::from(([10, 53, 0, 1], 53))
}

/// The served IPv6 address.
#[must_use]
pub fn server6() -> SocketAddr {
    SocketAddr::from((Ipv6Addr::new(0xfd53, 0, 0, 0, 0, 0, 0, 1), 53))
}

/// The address that a client asks.
#[must_use]
pub fn server_for(client: IpAddr) -> SocketAddr {
    if client.is_ipv4() { server4() } else { server6() }
}

/// A set of records: its number, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set {
    /// Its number, which its addresses repeat.
    pub k: u16,
    /// Records.
    pub n: usize,
}

impl Set {
    /// Its IPv4 addresses.
    pub fn v4(self) -> impl Iterator<Item = Ipv4Addr> {
        let [high, low] = self.k.to_be_bytes();
        (1..=255).take(self.n).map(move |at| Ipv4Addr::new(10, high, low, at))
    }

    /// Its IPv6 addresses.
    pub fn v6(self) -> impl Iterator<Item = Ipv6Addr> {
        let k = self.k;
        (1..=255).take(self.n).map(move |at| Ipv6Addr::new(0xfd00, k, 0, 0, 0, 0, 0, at))
    }

    /// Its addresses of a type.
    #[must_use]
    pub fn addresses(self, rtype: u16) -> Vec<IpAddr> {
        if rtype == A {
            self.v4().map(IpAddr::from).collect()
        } else {
            self.v6().map(IpAddr::from).collect()
        }
    }

    /// Its records of a type in JSON, with weights from 10 on.
    #[must_use]
    pub fn json(self, rtype: u16) -> String {
        let records = self.addresses(rtype).into_iter().zip(10..);
        let records = records.map(|(address, weight)| format!(r#"["{address}",{weight}]"#));
        format!("[{}]", records.collect::<Vec<_>>().join(","))
    }
}

/// A label's JSON: its A and AAAA sets, empty ones left out, and further members.
fn label(name: &str, a: Set, aaaa: Set, further: &str) -> String {
    let mut members = Vec::new();
    if a.n > 0 {
        members.push(format!(r#""a":{}"#, a.json(A)));
    }
    if aaaa.n > 0 {
        members.push(format!(r#""aaaa":{}"#, aaaa.json(AAAA)));
    }
    if !further.is_empty() {
        members.push(further.to_owned());
    }
    format!(r#""{name}":{{{}}}"#, members.join(","))
}

fn zone(apex: &str, head: &str, labels: &[String]) -> Zone {
    let json = format!(
        r#"{{"serial":2026010203,"ttl":{TTL},"max_hosts":{MAX_HOSTS},{head}"data":{{{}}}}}"#,
        labels.join(",")
    );
    node::zone(apex, &json)
}

/// Countries that clients are in, the last one nobody's.
pub const COUNTRIES: [&str; 7] = ["DE", "FR", "US", "CA", "JP", "BR", ""];

/// Labels of `pool.example`: name, set, A records, AAAA records, further members.
const POOL: &[(&str, u16, usize, usize, &str)] = &[
    ("", 1, 5, 0, r#""ns":["ns1.example.net.","ns2.example.net."]"#),
    ("de", 2, 3, 2, ""),
    ("europe", 3, 6, 6, ""),
    ("us", 4, 1, 0, ""),
    ("north-america", 5, 2, 2, ""),
    ("asia", 6, 0, 1, ""),
    ("fr", 7, 0, 1, r#""a":[]"#),
    ("www", 8, 4, 0, ""),
    ("www.de", 9, 2, 0, ""),
    ("www.asia", 10, 2, 0, ""),
    ("2", 11, 4, 4, ""),
    ("2.de", 12, 8, 8, ""),
    ("alias", 0, 0, 0, r#""alias":"www""#),
    ("deep.alias", 0, 0, 0, r#""alias":"alias""#),
    ("text", 0, 0, 0, r#""txt":"words""#),
    ("under.the.tree", 13, 1, 1, ""),
    ("slow", 14, 2, 0, r#""ttl":86400"#),
];

/// What `pool.example` answers by country, as [`COUNTRIES`] orders them: a set's number, 0 NODATA.
pub const BY_COUNTRY: &[(&str, u16, [u16; COUNTRIES.len()])] = &[
    ("", A, [2, 3, 4, 5, 1, 1, 1]),
    ("", AAAA, [2, 7, 5, 5, 6, 0, 0]),
    ("www", A, [9, 8, 8, 8, 10, 8, 8]),
    ("www", AAAA, [0; 7]),
    ("2", A, [12, 11, 11, 11, 11, 11, 11]),
    ("2", AAAA, [12, 11, 11, 11, 11, 11, 11]),
    ("alias", A, [9, 8, 8, 8, 10, 8, 8]),
    ("deep.alias", A, [9, 8, 8, 8, 10, 8, 8]),
    ("deep.alias", AAAA, [0; 7]),
    ("de", A, [2; 7]),
    ("de", AAAA, [2; 7]),
    ("europe", A, [3; 7]),
    ("us", A, [4; 7]),
    ("us", AAAA, [0; 7]),
    ("www.de", A, [9; 7]),
    ("text", A, [0; 7]),
    ("text", AAAA, [0; 7]),
    ("the.tree", A, [0; 7]),
    ("tree", AAAA, [0; 7]),
    ("under.the.tree", AAAA, [13; 7]),
    ("slow", A, [14; 7]),
];

/// The set of a number in `pool.example`.
#[must_use]
pub fn pool_set(k: u16, rtype: u16) -> Set {
    let found = POOL.iter().find(|(_, number, ..)| *number == k);
    let n = found.map_or(0, |(_, _, a, aaaa, _)| if rtype == A { *a } else { *aaaa });
    Set { k, n }
}

/// Seconds: the TTL that a label of `pool.example` answers with.
#[must_use]
pub fn pool_ttl(label: &str) -> u32 {
    if label == "slow" { 86_400 } else { TTL }
}

/// The zone `pool.example`: targets, fallthrough, aliases, empty non-terminals.
#[must_use]
pub fn pool() -> Zone {
    let set = |k, n| Set { k, n };
    let labels = POOL
        .iter()
        .map(|(name, k, a, aaaa, further)| label(name, set(*k, *a), set(*k, *aaaa), further));
    zone("pool.example", r#""contact":"pool.ops.example.net","#, &labels.collect::<Vec<_>>())
}

/// The zone `counts.example`: `aN` answers N A records, `qN` N AAAA records, `mN` up to
/// [`MAX_HOSTS`] of N. The apex has no name server.
#[must_use]
pub fn counts() -> Zone {
    let all = |n: usize| format!(r#""max_hosts":{n}"#);
    let set = |k: u16, n: u16| Set { k: 0x100 * k + n, n: n.into() };
    let none = Set { k: 0, n: 0 };
    let mut labels = Vec::new();
    for n in 1..=13 {
        labels.push(label(&format!("a{n}"), set(1, n), none, &all(n.into())));
        labels.push(label(&format!("m{n}"), set(2, n), set(2, n), ""));
    }
    for n in 1..=8 {
        labels.push(label(&format!("q{n}"), none, set(3, n), &all(n.into())));
    }
    zone("counts.example", "", &labels)
}

/// Labels of the zone `l`: one for each length that a name can have on the wire, by that length.
#[must_use]
pub fn labels_by_length() -> Vec<(usize, String)> {
    let apex = 3;
    (apex..=255)
        .filter(|octets| *octets != apex + 1)
        .map(|octets| {
            let mut rest = octets - apex;
            let mut label = String::new();
            while rest > 0 {
                // What is left over must not be a label's length octet alone.
                let take = if rest > 64 { (rest - 2).min(64) } else { rest };
                if !label.is_empty() {
                    label.push('.');
                }
                label.extend(
                    (1..take).map(|at| char::from(LETTERS[(at * 7 + rest) % LETTERS.len()])),
                );
                rest -= take;
            }
            (octets, label)
        })
        .collect()
}

/// Octets of labels: letters at both ends of the alphabet, and what isn't a letter.
const LETTERS: &[u8] = b"a0z-m_n9q1";

/// The set of the name of so many octets in the zone `l`.
#[must_use]
pub fn length_set(octets: usize) -> Set {
    let k = u16::try_from(octets).expect("a name's length");
    Set { k: 0x400 + k, n: 1 + octets % 3 }
}

/// The zone `l`: a name of every length.
#[must_use]
pub fn lengths() -> Zone {
    let labels = labels_by_length().into_iter().map(|(octets, name)| {
        let set = length_set(octets);
        let aaaa = Set { n: octets % 2, ..set };
        label(&name, set, aaaa, "")
    });
    zone("l", "", &labels.collect::<Vec<_>>())
}

/// The zone `nest.example`, in which `child.nest.example` is nested.
#[must_use]
pub fn parent() -> Zone {
    let none = Set { k: 0, n: 0 };
    let labels = ["", "www", "child", "x.child", "w.child", "achild", "x.achild"];
    let labels =
        labels.into_iter().zip(0x600..).map(|(name, k)| label(name, Set { k, n: 2 }, none, ""));
    zone("nest.example", "", &labels.collect::<Vec<_>>())
}

/// The zone `child.nest.example`, which has a `w` but no `x`.
#[must_use]
pub fn child() -> Zone {
    let none = Set { k: 0, n: 0 };
    let labels =
        ["", "w"].into_iter().zip(0x700..).map(|(name, k)| label(name, Set { k, n: 3 }, none, ""));
    zone("child.nest.example", "", &labels.collect::<Vec<_>>())
}

/// The zone `odd.example`, whose names the authority answers.
#[must_use]
pub fn odd() -> Zone {
    let (set, none) = (Set { k: 0x800, n: 5 }, Set { k: 0, n: 0 });
    let labels = [
        label("", set, none, ""),
        label("cname", none, none, r#""cname":"www.example.net.""#),
        label("health", set, set, r#""health":{"type":"file"}"#),
        label("closest", set, set, r#""closest":true"#),
        label("near", Set { n: 4, ..set }, none, r#""closest":true"#),
    ];
    zone("odd.example", "", &labels)
}

/// All of them.
#[must_use]
pub fn zones() -> Vec<Zone> {
    vec![pool(), counts(), lengths(), parent(), child(), odd(), statics(), wild(), open()]
}

/// The names of all of them.
#[must_use]
pub fn names() -> Vec<String> {
    let of = |zone: &Zone| -> Vec<String> {
        let apex = zone.apex.to_string();
        let full = |label: &str| match label {
            "" => apex.clone(),
            label => format!("{label}.{apex}"),
        };
        zone.labels.iter().map(|label| full(&label.name)).collect()
    };
    zones().iter().flat_map(of).collect()
}

/// The databases.
#[must_use]
pub fn databases() -> Databases {
    node::countries(clients::PREFIXES)
}

/// A publisher that serves all zones from these tables.
#[must_use]
pub fn publisher(store: &Store, backend: Box<dyn Backend>) -> Publisher {
    let mut publisher = node::publisher(store.clone(), backend, &[server4(), server6()]);
    node::publish(&mut publisher, &node::compiled(&zones(), &databases()));
    publisher
}
