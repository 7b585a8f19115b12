//! A small world for tests: zones, clients with places, and queries.

#![expect(missing_docs, reason = "names and types of records say all of it")]
#![expect(clippy::missing_panics_doc, reason = "a test's fixture panics where it is misused")]

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Record, RecordType};

use super::serving::Serving;
use super::{Answerer, Asked, Options};
use edge_zone::geo::{ClientLocator, Coordinates};
use edge_zone::{self as zone, ClientPlace, Zone};

pub const A: u16 = 1;
pub const NS: u16 = 2;
pub const CNAME: u16 = 5;
pub const SOA: u16 = 6;
pub const PTR: u16 = 12;
pub const MX: u16 = 15;
pub const TXT: u16 = 16;
pub const AAAA: u16 = 28;
pub const SRV: u16 = 33;
pub const DS: u16 = 43;
pub const HTTPS: u16 = 65;
pub const ANY: u16 = 255;

pub const DATA: &str = r#"{"serial": 3, "ttl": 60, "max_hosts": 2, "data": {
  "":       {"ns": ["ns1.example.net.", "ns.example.com."], "mx": [{"mx": "mail.example.com.", "preference": 5}]},
  "pool":   {"max_hosts": 4, "a": [["192.0.2.1", 9], ["192.0.2.2", 8], ["192.0.2.3", 7], ["192.0.2.4", 6], ["192.0.2.5", 5]]},
  "pool.us":   {"a": [["198.51.100.1", 1]]},
  "pool.europe": {"aaaa": [["2001:db8::5", 1]]},
  "alias":  {"alias": "pool"},
  "www":    {"cname": [["web", 1], ["web2", 1]], "ttl": 7},
  "texts":  {"txt": ["one", "two", "three"], "spf": "v=spf1 -all"},
  "_ntp._udp": {"srv": [{"target": "pool.example.com.", "port": 123, "priority": 1, "srv_weight": 2}]},
  "ptr":    {"ptr": [["host.example.com."]]},
  "long":   {"txt": ["LONG"]},
  "empty":  {"a": []},
  "none":   {"max_hosts": 0, "a": [["192.0.2.9", 1]]},
  "a.b.c":  {"a": [["192.0.2.10"]]},
  "near":   {"closest": true, "max_hosts": 1, "a": [["192.0.2.101", 1], ["198.51.100.101", 1], ["203.0.113.101", 1]]}
}}"#;

/// A zone called `name`.
pub fn zone(name: &str, text: &str) -> Arc<Zone> {
    Arc::new(zone::parse(name, text.as_bytes(), UNIX_EPOCH, Path::new("z")).unwrap())
}

/// Berlin is 192.0.2.0/24 and `2001:db8:1::/48`, San Francisco 198.51.100.0/24, Sydney
/// 203.0.113.0/24.
pub struct Atlas;

impl ClientLocator for Atlas {
    fn place(&self, ip: IpAddr, _: &Zone) -> (ClientPlace, Option<Coordinates>) {
        let ip = ip.to_string();
        if ip.starts_with("192.0.2.") || ip.starts_with("2001:db8:1:") {
            (ClientPlace::in_country("DE"), Some((52.5, 13.4)))
        } else if ip.starts_with("198.51.100.") {
            (ClientPlace::in_country("US").in_subdivision("CA"), Some((37.8, -122.4)))
        } else if ip.starts_with("203.0.113.") {
            (ClientPlace::in_country("AU"), Some((-33.9, 151.2)))
        } else {
            (ClientPlace::default(), None)
        }
    }

    fn scope(&self, ip: IpAddr, _: &Zone, near: bool) -> u8 {
        match (ip, near) {
            (IpAddr::V4(_), false) => 24,
            (IpAddr::V4(_), true) => 25,
            (IpAddr::V6(_), _) => 48,
        }
    }
}

/// Our zones: example.com, and child.example.com inside it.
pub fn serving() -> Serving {
    let data = DATA.replace("LONG", &"x".repeat(2000));
    let child = zone(
        "child.of.example.com",
        r#"{"targeting": "@", "data": {"a": {"a": [["192.0.2.99"]]}}}"#,
    );
    Serving::new([zone("Example.com", &data), child], Arc::new(Atlas))
}

/// A query, octet by octet.
#[derive(Clone)]
pub struct Ask {
    pub name: String,
    pub rtype: u16,
    pub class: u16,
    pub flags: u16,
    /// QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT.
    pub counts: [u16; 4],
    /// Everything behind the question.
    pub rest: Vec<u8>,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub stream: bool,
}

/// A query for `name`, from nowhere in particular.
pub fn ask(name: &str, rtype: u16) -> Ask {
    Ask {
        name: name.to_owned(),
        rtype,
        class: 1,
        flags: 0,
        counts: [1, 0, 0, 0],
        rest: Vec::new(),
        from: "100.64.0.1:4000".parse().unwrap(),
        to: "100.64.0.53:53".parse().unwrap(),
        stream: false,
    }
}

/// An OPT record.
pub fn opt(size: u16, ttl: u32, options: &[u8]) -> Vec<u8> {
    let length = u16::try_from(options.len()).unwrap();
    let mut record = vec![0, 0, 41];
    record.extend(size.to_be_bytes());
    record.extend(ttl.to_be_bytes());
    record.extend(length.to_be_bytes());
    record.extend_from_slice(options);
    record
}

impl Ask {
    pub fn from(mut self, ip: &str) -> Self {
        self.from.set_ip(ip.parse().unwrap());
        if self.from.is_ipv6() {
            self.to.set_ip("2001:db8::53".parse().unwrap());
        }
        self
    }

    pub fn flags(self, flags: u16) -> Self {
        Self { flags, ..self }
    }

    pub fn class(self, class: u16) -> Self {
        Self { class, ..self }
    }

    pub fn stream(self) -> Self {
        Self { stream: true, ..self }
    }

    /// Adds a record, and counts it in the additional section.
    pub fn record(mut self, octets: &[u8]) -> Self {
        self.counts[3] += 1;
        self.rest.extend_from_slice(octets);
        self
    }

    pub fn edns(self, size: u16, options: &[u8]) -> Self {
        self.record(&opt(size, 0, options))
    }

    /// With a client subnet.
    pub fn subnet(self, family: u16, prefix: u8, address: &[u8]) -> Self {
        let length = u8::try_from(address.len() + 4).unwrap();
        let [high, low] = family.to_be_bytes();
        let mut option = vec![0, 8, 0, length, high, low, prefix, 0];
        option.extend_from_slice(address);
        self.edns(1232, &option)
    }

    pub fn octets(&self) -> Vec<u8> {
        let mut octets = vec![0xab, 0xcd];
        octets.extend(self.flags.to_be_bytes());
        octets.extend(self.counts.iter().flat_map(|count| count.to_be_bytes()));
        let name = if self.name == "." { "" } else { &self.name };
        for label in name.split_terminator('.') {
            octets.push(u8::try_from(label.len()).unwrap());
            octets.extend_from_slice(label.as_bytes());
        }
        octets.push(0);
        octets.extend(self.rtype.to_be_bytes());
        octets.extend(self.class.to_be_bytes());
        octets.extend_from_slice(&self.rest);
        octets
    }

    pub fn asked(&self) -> Asked {
        Asked { client: self.from, server: self.to, stream: self.stream }
    }

    /// The response's octets.
    pub fn raw_with(&self, serving: &Serving, options: &Options) -> Option<Vec<u8>> {
        let mut answerer = Answerer::new(fastrand::Rng::with_seed(7));
        let mut out = vec![0xa5; 20];
        answerer.answer(serving, options, &self.octets(), &self.asked(), &mut out).map(|_| out)
    }

    pub fn raw(&self) -> Vec<u8> {
        self.raw_with(&serving(), &Options::new("edge1")).unwrap()
    }

    /// The response, decoded.
    pub fn get(&self) -> Message {
        Message::from_vec(&self.raw()).unwrap()
    }

    /// RCODE and the answers as text: type, TTL and data.
    pub fn told(&self) -> (ResponseCode, Vec<String>) {
        let message = self.get();
        let told =
            |record: &Record| format!("{} {} {}", record.record_type(), record.ttl, record.data);
        (message.metadata.response_code, message.answers.iter().map(told).collect())
    }

    /// As [`Self::told`], sorted.
    pub fn sorted(&self) -> Vec<String> {
        let mut answers = self.told().1;
        answers.sort_unstable();
        answers
    }
}

/// Asserts that a response is negative: no answers, and the SOA of the zone `apex` in the authority
/// section.
pub fn assert_negative(message: &Message, code: ResponseCode, apex: &str) {
    assert_eq!(message.metadata.response_code, code);
    assert!(message.metadata.authoritative);
    assert!(message.answers.is_empty());
    assert_eq!(message.authorities.len(), 1);
    assert_eq!(message.authorities[0].record_type(), RecordType::SOA);
    assert_eq!(message.authorities[0].name.to_string(), apex);
}
