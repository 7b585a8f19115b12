//! The packet table: one good query, and what one change makes of it.

mod edns;
mod network;

use std::net::SocketAddr;

use edge_common::verdict::Verdict;

use super::{Case, Expect};
use crate::engine::State;
use crate::fixture::{self, A, AAAA, MAX_HOSTS, TTL};
use crate::frames::{Query, frame, ones_sum, opt};
use crate::reader::Reply;

/// Octets before the network header.
const LINK: usize = 14;

/// A family's query, and where its headers stand.
struct Base {
    family: &'static str,
    query: Query,
    /// Offset of the UDP header.
    udp: usize,
    /// Offset of the message.
    dns: usize,
}

fn bases() -> [Base; 2] {
    let query = |client: &str, server| {
        Query::new("www.pool.example", A, client.parse().expect("an address"), server)
    };
    [
        Base {
            family: "IPv4",
            query: query("198.18.0.1:4321", fixture::server4()),
            udp: LINK + 20,
            dns: LINK + 28,
        },
        Base {
            family: "IPv6",
            query: query("[2400::5]:4321", fixture::server6()),
            udp: LINK + 40,
            dns: LINK + 48,
        },
    ]
}

/// What the good query is answered.
fn good() -> Reply {
    let from = fixture::pool_set(8, A).addresses(A);
    Reply::Addresses { from, n: MAX_HOSTS, ttl: TTL }
}

/// Makes an IPv4 header's checksum right again.
pub(crate) fn mend4(frame: &mut [u8], at: usize) {
    if let Some(header) = frame.get_mut(at..at + 20) {
        header[10..12].fill(0);
        let sum = !u16::try_from(ones_sum(header)).expect("folded");
        header[10..12].copy_from_slice(&sum.to_be_bytes());
    }
}

impl Base {
    fn what(&self, what: &str) -> String {
        format!("{}: {what}", self.family)
    }

    fn answered(&self, what: &str, change: impl FnOnce(&mut Query)) -> Case {
        let mut query = self.query.clone();
        change(&mut query);
        Case::reply(self.what(what), query, good())
    }

    /// A query whose frame isn't quite what the reply is made from, but is answered all the same.
    fn answered_as(&self, what: &str, change: impl FnOnce(&mut Vec<u8>)) -> Case {
        let mut case = self.answered(what, |_| {});
        change(&mut case.frame);
        if self.family == "IPv4" {
            mend4(&mut case.frame, LINK);
        }
        case
    }

    fn passed(&self, what: &str, verdict: Verdict, change: impl FnOnce(&mut Query)) -> Case {
        let mut query = self.query.clone();
        change(&mut query);
        Case::pass(self.what(what), query.frame(), verdict)
    }

    /// A query that passes or is answered as the authority does.
    fn either(&self, what: &str, change: impl FnOnce(&mut Query)) -> Case {
        Case { expect: Expect::Either, ..self.passed(what, Verdict::Fault, change) }
    }

    /// A message that isn't one: it passes, by whichever rule comes first.
    fn broken(&self, what: &str, edit: impl FnOnce(&mut Vec<u8>)) -> Case {
        let case = self.edited(what, Verdict::Fault, edit);
        Case { expect: Expect::Passes(Vec::new()), ..case }
    }

    /// The message with a change after which it passes or is answered as the authority does.
    fn tolerated(&self, what: &str, edit: impl FnOnce(&mut Vec<u8>)) -> Case {
        Case { expect: Expect::Either, ..self.edited(what, Verdict::Fault, edit) }
    }

    /// Octets of the frame changed, the header's checksum mended.
    fn patched(&self, what: &str, verdict: Verdict, octets: &[(usize, u8)]) -> Case {
        let mut frame = self.query.frame();
        for (at, octet) in octets {
            frame[*at] = *octet;
        }
        if self.family == "IPv4" {
            mend4(&mut frame, LINK);
        }
        Case::pass(self.what(what), frame, verdict)
    }

    /// Another message in a sound frame.
    fn message(&self, what: &str, verdict: Verdict, message: &[u8]) -> Case {
        let frame = frame(self.query.client, self.query.server, message, &[], 0);
        Case::pass(self.what(what), frame, verdict)
    }

    /// The message with a change.
    fn edited(&self, what: &str, verdict: Verdict, edit: impl FnOnce(&mut Vec<u8>)) -> Case {
        let mut message = self.query.message();
        edit(&mut message);
        self.message(what, verdict, &message)
    }
}

/// Every case of the table.
#[must_use]
pub fn packets() -> Vec<Case> {
    let [four, six] = bases();
    let mut cases = Vec::new();
    for base in [&four, &six] {
        cases.extend(answered(base));
        cases.extend(edns::edns(base));
        cases.extend(link(base));
        cases.extend(transport(base));
        cases.extend(header(base));
        cases.extend(question(base));
        cases.extend(control(base));
    }
    cases.extend(network::four(&four));
    cases.extend(network::six(&six));
    cases
}

/// What doesn't keep a query from being answered.
fn answered(base: &Base) -> Vec<Case> {
    let mut cases = vec![
        base.answered("a good query", |_| {}),
        base.answered("mixed case", |query| query.name = "wWw.PoOl.EXAMPLE".into()),
        base.answered("ID 0", |query| query.id = 0),
        base.answered("ID ffff", |query| query.id = 0xffff),
        base.answered("from port 53", |query| query.client.set_port(53)),
        base.answered("from port 1", |query| query.client.set_port(1)),
        base.answered("from port 65535", |query| query.client.set_port(0xffff)),
        base.answered("customer tag", |query| query.tags = vec![(0x8100, 0x6005)]),
        base.answered("service tag", |query| query.tags = vec![(0x88a8, 5)]),
        base.answered("two tags", |query| query.tags = vec![(0x88a8, 5), (0x8100, 7)]),
        base.answered("two customer tags", |query| query.tags = vec![(0x8100, 5), (0x8100, 7)]),
        base.answered("tags, EDNS and padding", |query| {
            query.tags = vec![(0x88a8, 5), (0x8100, 7)];
            query.opt = Some(opt(0x8000));
            query.padding = 3;
        }),
        base.answered_as("service class", |frame| {
            frame[LINK] = if frame[LINK] >> 4 == 4 { 0x45 } else { 0x6b };
            frame[LINK + 1] = 0xb8;
        }),
        base.answered_as("TTL 1", |frame| {
            let at = if frame[LINK] >> 4 == 4 { 8 } else { 7 };
            frame[LINK + at] = 1;
        }),
    ];
    for padding in [1, 2, 18, 46, 500] {
        let what = format!("{padding} octets behind the datagram");
        cases.push(base.answered(&what, |query| query.padding = padding));
    }
    // RD, CD, AD, Z, RA, TC, AA, RCODE: what isn't the asker's to set is ignored.
    for flags in [0, 0x0100, 0x0010, 0x0110, 0x0020, 0x0040, 0x0080, 0x0200, 0x0400, 0x000f] {
        cases.push(base.answered(&format!("flags {flags:04x}"), |query| query.flags = flags));
    }
    cases
}

/// Ethernet and VLAN tags.
fn link(base: &Base) -> Vec<Case> {
    let frame = base.query.frame();
    let mut cases = vec![
        base.patched("to another station", Verdict::Link, &[(5, 9)]),
        base.patched("to all stations", Verdict::Link, &[0, 1, 2, 3, 4, 5].map(|at| (at, 0xff))),
        base.patched("ARP", Verdict::EtherType, &[(12, 0x08), (13, 0x06)]),
        base.patched("a length instead of a type", Verdict::EtherType, &[(12, 0), (13, 100)]),
        base.passed("three tags", Verdict::EtherType, |query| {
            query.tags = vec![(0x88a8, 5), (0x8100, 7), (0x8100, 8)];
        }),
        base.passed("a service tag inside", Verdict::EtherType, |query| {
            query.tags = vec![(0x8100, 5), (0x88a8, 7)];
        }),
    ];
    // Every shorter frame passes, whatever it still has of its headers.
    for octets in 14..frame.len() {
        let verdict = match octets {
            // The UDP and DNS headers, 20 octets, are looked for together with the network's.
            _ if octets < base.udp + 20 => Verdict::Truncated,
            _ => Verdict::Length,
        };
        cases.push(Case::pass(
            base.what(&format!("the first {octets} octets")),
            frame[..octets].to_vec(),
            verdict,
        ));
    }
    let tagged = Query { tags: vec![(0x88a8, 5), (0x8100, 7)], ..base.query.clone() }.frame();
    for octets in 14..22 {
        let what = base.what(&format!("the first {octets} octets, tagged"));
        cases.push(Case::pass(what, tagged[..octets].to_vec(), Verdict::Truncated));
    }
    cases
}

/// Addresses, ports, lengths.
fn transport(base: &Base) -> Vec<Case> {
    let length = base.query.message().len() + 8;
    let octet = |n: usize| u8::try_from(n).expect("short");
    let (foreign, other_port) = match base.query.server {
        SocketAddr::V4(_) => ("10.53.0.2:53", "10.53.0.1:5353"),
        SocketAddr::V6(_) => ("[fd53::2]:53", "[fd53::1]:5353"),
    };
    let server = |text: &str| text.parse().expect("an address");
    let mut cases = vec![
        base.passed("to another address", Verdict::Service, |query| query.server = server(foreign)),
        base.passed("to another port", Verdict::Service, |query| {
            query.server = server(other_port);
        }),
        base.passed("to port 0", Verdict::Service, |query| query.server.set_port(0)),
        base.passed("from port 0", Verdict::Source, |query| query.client.set_port(0)),
        base.patched("UDP length 1 less", Verdict::Length, &[(base.udp + 5, octet(length - 1))]),
        base.patched("UDP length 1 more", Verdict::Length, &[(base.udp + 5, octet(length + 1))]),
        base.patched("UDP length 0", Verdict::Length, &[(base.udp + 5, 0)]),
        base.patched("UDP length 256 more", Verdict::Length, &[(base.udp + 4, 1)]),
    ];
    // Datagrams too short for a header of DNS: whatever stands behind them isn't looked at.
    for octets in 0..16 {
        let message = &base.query.message()[..octets];
        let frame = frame(base.query.client, base.query.server, message, &[], 0);
        let verdict = if octets < 12 { Verdict::Truncated } else { Verdict::Question };
        cases.push(Case::pass(base.what(&format!("{octets} octets of DNS")), frame, verdict));
    }
    cases
}

/// The message's header.
fn header(base: &Base) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut flags = |what: &str, verdict, flags| {
        cases.push(base.passed(what, verdict, |query| query.flags = flags));
    };
    flags("a response", Verdict::Response, 0x8100);
    for opcode in 1..16 {
        flags(&format!("opcode {opcode}"), Verdict::Opcode, opcode << 11 | 0x0100);
    }
    for (what, at, octet) in [
        ("QDCOUNT 0", 5, 0),
        ("QDCOUNT 2", 5, 2),
        ("QDCOUNT 257", 4, 1),
        ("ANCOUNT 1", 7, 1),
        ("ANCOUNT 256", 6, 1),
        ("NSCOUNT 1", 9, 1),
        ("NSCOUNT 256", 8, 1),
    ] {
        cases.push(base.edited(what, Verdict::Sections, |message| message[at] = octet));
    }
    for (what, at, octet) in [("ARCOUNT 2", 11, 2), ("ARCOUNT 256", 10, 1)] {
        cases.push(base.broken(what, |message| message[at] = octet));
    }
    cases
}

/// The question and what is behind it.
fn question(base: &Base) -> Vec<Case> {
    let mut cases = Vec::new();
    for class in [0, 2, 3, 4, 254, 255, 256, 0x8001] {
        let what = format!("class {class}");
        cases.push(base.passed(&what, Verdict::Class, |query| query.class = class));
    }
    for rtype in [251, 252] {
        let what = format!("type {rtype}");
        cases.push(base.passed(&what, Verdict::Type, |query| query.rtype = rtype));
    }
    let junk = |octets: &'static [u8]| move |message: &mut Vec<u8>| message.extend(octets);
    cases.extend([
        base.tolerated("junk of an octet", junk(&[0])),
        base.tolerated("junk that could be a type and class", junk(&[0, 1, 0, 1])),
        base.tolerated("junk of another class", junk(&[0, 1, 0, 3])),
        base.tolerated("a second question", |message| {
            let question = message[12..].to_vec();
            message.extend(question);
        }),
        base.broken("a name without end", |message| {
            let root = message.len() - 5;
            message[root] = 1;
        }),
        base.broken("a name ending in a pointer", |message| {
            let root = message.len() - 5;
            message.splice(root..=root, [0xc0, 12]);
        }),
        base.broken("a name within a label", |message| {
            message[12] = 20;
        }),
        base.broken("no name at all", |message| {
            message.drain(12..message.len() - 4);
        }),
        base.edited("the root", Verdict::UnknownName, |message| {
            message.drain(12..message.len() - 5);
        }),
        base.broken("a name of 256 octets", |message| {
            let n = 256 - (message.len() - 16);
            message.splice(12..12, vec![1; n]);
        }),
        base.broken("a name of 255 octets that isn't one", |message| {
            let n = 255 - (message.len() - 16);
            message.splice(12..12, vec![1; n]);
        }),
    ]);
    cases
}

/// The control words.
fn control(base: &Base) -> Vec<Case> {
    let case = |what: &str, state, verdict| Case {
        state,
        ..base.passed(what, verdict, |query| query.rtype = AAAA)
    };
    vec![
        case("generation 0", State::Unpublished, Verdict::Unpublished),
        case("the lease has ended", State::LeaseEnded, Verdict::Lease),
    ]
}
