//! The packet table: one good query, and what one change makes of it.

use std::net::SocketAddr;

use edge_common::verdict::Verdict;

use super::Case;
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
        cases.extend(edns(base));
        cases.extend(link(base));
        cases.extend(transport(base));
        cases.extend(header(base));
        cases.extend(question(base));
        cases.extend(control(base));
    }
    cases.extend(network4(&four));
    cases.extend(network6(&six));
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

/// OPT records (RFC 6891 §6.1.2).
fn edns(base: &Base) -> Vec<Case> {
    let mut cases = Vec::new();
    for flags in [0, 0x8000, 0x4000, 0x7fff, 0xffff] {
        let what = format!("OPT with flags {flags:04x}");
        cases.push(base.answered(&what, |query| query.opt = Some(opt(flags))));
    }
    let change = |at: usize, octet: u8| {
        let mut record = opt(0);
        record[at] = octet;
        Some(record)
    };
    for (what, at, octet) in [("size 0", 3, 0), ("an extended RCODE", 5, 0xff)] {
        cases.push(base.answered(&format!("OPT: {what}"), |query| query.opt = change(at, octet)));
    }
    for (what, at, octet) in [
        ("owned by a name", 0, 1),
        ("of another type", 2, 40),
        ("of type 297", 1, 1),
        ("of version 1", 6, 1),
        ("of version 255", 6, 255),
        ("with options that are missing", 10, 4),
        ("with 256 octets of options", 9, 1),
    ] {
        let opt = change(at, octet);
        let what = format!("OPT {what}");
        cases.push(base.passed(&what, Verdict::Edns, |query| query.opt = opt));
    }
    let with = |options: &[u8]| {
        let mut record = opt(0);
        record[10] = u8::try_from(options.len()).expect("short");
        record.extend_from_slice(options);
        Some(record)
    };
    let cookie = with(&[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    let subnet = with(&[0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2]);
    let nsid = with(&[0, 3, 0, 0]);
    let padding = with(&[0, 12, 0, 3, 0, 0, 0]);
    for (what, opt) in
        [("cookie", cookie), ("subnet", subnet), ("NSID", nsid), ("padding", padding)]
    {
        let what = format!("OPT with {what}");
        cases.push(base.passed(&what, Verdict::Edns, |query| query.opt = opt));
    }
    let address = [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1];
    let empty = [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];
    cases.push(base.passed("an A record behind", Verdict::Edns, |query| {
        query.opt = Some(address.to_vec());
    }));
    cases.push(base.passed("an empty A record behind", Verdict::Edns, |query| {
        query.opt = Some(empty.to_vec());
    }));
    cases.push(base.passed("OPT and an octet behind", Verdict::Edns, |query| {
        query.opt = Some([opt(0), vec![0]].concat());
    }));
    cases.push(base.edited("an additional record is missing", Verdict::Edns, |message| {
        message[11] = 1;
    }));
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
            _ if octets < base.udp => Verdict::Truncated,
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
        ("ARCOUNT 2", 11, 2),
        ("ARCOUNT 256", 10, 1),
    ] {
        cases.push(base.edited(what, Verdict::Sections, |message| message[at] = octet));
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
    for rtype in [0, 2, 5, 6, 12, 15, 16, 29, 33, 41, 43, 64, 65, 252, 255, 257, 0x1c00] {
        let what = format!("type {rtype}");
        cases.push(base.passed(&what, Verdict::Type, |query| query.rtype = rtype));
    }
    let junk = |octets: &'static [u8]| move |message: &mut Vec<u8>| message.extend(octets);
    cases.extend([
        base.edited("junk of an octet", Verdict::Class, junk(&[0])),
        base.edited("junk that could be a type and class", Verdict::Name, junk(&[0, 1, 0, 1])),
        base.edited("junk of another class", Verdict::Class, junk(&[0, 1, 0, 3])),
        base.edited("a second question", Verdict::Name, |message| {
            let question = message[12..].to_vec();
            message.extend(question);
        }),
        base.edited("a name without end", Verdict::Name, |message| {
            let root = message.len() - 5;
            message[root] = 1;
        }),
        base.edited("a name ending in a pointer", Verdict::Name, |message| {
            let root = message.len() - 5;
            message.splice(root..=root, [0xc0, 12]);
        }),
        base.edited("a name within a label", Verdict::Name, |message| {
            message[12] = 20;
        }),
        base.edited("no name at all", Verdict::Question, |message| {
            message.drain(12..message.len() - 4);
        }),
        base.edited("the root", Verdict::Name, |message| {
            message.drain(12..message.len() - 5);
        }),
        base.edited("a name of 256 octets", Verdict::Question, |message| {
            let n = 256 - (message.len() - 16);
            message.splice(12..12, vec![1; n]);
        }),
        base.edited("a name of 255 octets that isn't one", Verdict::Name, |message| {
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

/// IPv4.
fn network4(base: &Base) -> Vec<Case> {
    let total = base.query.frame().len() - LINK;
    let octet = |n: usize| u8::try_from(n).expect("short");
    let source = |octets: [u8; 4]| {
        [
            (LINK + 12, octets[0]),
            (LINK + 13, octets[1]),
            (LINK + 14, octets[2]),
            (LINK + 15, octets[3]),
        ]
    };
    let ip = |at: usize, octet: u8| [(LINK + at, octet)];
    let mut cases = vec![
        base.patched("version 5", Verdict::Ip4Header, &ip(0, 0x55)),
        base.patched("options", Verdict::Ip4Header, &ip(0, 0x46)),
        base.patched("a header of four words", Verdict::Ip4Header, &ip(0, 0x44)),
        base.patched("TCP", Verdict::Transport, &ip(9, 6)),
        base.patched("ICMP", Verdict::Transport, &ip(9, 1)),
        base.patched("more fragments", Verdict::Fragment, &ip(6, 0x20)),
        base.patched("a last fragment", Verdict::Fragment, &ip(7, 1)),
        base.patched("a fragment far behind", Verdict::Fragment, &ip(6, 0x1f)),
        base.answered_as("don't fragment", |frame| frame[LINK + 6] = 0x40),
        base.answered_as("without UDP checksum", |frame| frame[base.udp + 6..base.dns].fill(0)),
        base.patched("total length 1 more", Verdict::Length, &ip(3, octet(total + 1))),
        base.patched("total length 1 less", Verdict::Length, &ip(3, octet(total - 1))),
        base.patched("total length 19", Verdict::Length, &ip(3, 19)),
        base.patched("total length 0", Verdict::Length, &ip(3, 0)),
        base.patched("total length 65,000", Verdict::Length, &ip(2, 0xfe)),
    ];
    let mut wrong = base.patched("wrong header checksum", Verdict::Checksum, &[]);
    wrong.frame[LINK + 10] ^= 1;
    cases.push(wrong);
    for first in [0, 127, 224, 239, 240, 255] {
        let what = format!("from {first}.1.2.3");
        cases.push(base.patched(&what, Verdict::Source, &source([first, 1, 2, 3])));
    }
    cases.push(base.patched("from 0.0.0.0", Verdict::Source, &source([0; 4])));
    cases.push(base.patched("from 255.255.255.255", Verdict::Source, &source([255; 4])));
    for client in ["1.1.2.3:9", "126.1.2.3:9", "128.1.2.3:9", "223.1.2.3:9", "10.53.0.1:9"] {
        let what = format!("from {client}");
        cases.push(base.answered(&what, |query| query.client = client.parse().expect("one")));
    }
    cases
}

/// IPv6.
fn network6(base: &Base) -> Vec<Case> {
    let payload = base.query.frame().len() - LINK - 40;
    let octet = |n: usize| u8::try_from(n).expect("short");
    let ip = |at: usize, octet: u8| [(LINK + at, octet)];
    let mut cases = vec![
        base.patched("version 4", Verdict::Ip6Header, &ip(0, 0x45)),
        base.patched("version 7", Verdict::Ip6Header, &ip(0, 0x70)),
        base.patched("TCP", Verdict::Transport, &ip(6, 6)),
        base.patched("hop-by-hop options", Verdict::Transport, &ip(6, 0)),
        base.patched("a fragment", Verdict::Transport, &ip(6, 44)),
        base.patched("destination options", Verdict::Transport, &ip(6, 60)),
        base.patched("payload length 1 more", Verdict::Length, &ip(5, octet(payload + 1))),
        base.patched("payload length 1 less", Verdict::Length, &ip(5, octet(payload - 1))),
        base.patched("payload length 0", Verdict::Length, &ip(5, 0)),
        base.patched(
            "without UDP checksum",
            Verdict::Checksum,
            &[(base.udp + 6, 0), (base.udp + 7, 0)],
        ),
    ];
    for source in ["::", "::1", "::ffff:192.0.2.1", "64:ff9b::1", "ff02::1", "ff0e::1"] {
        let verdict = Verdict::Source;
        let client = SocketAddr::new(source.parse().expect("an address"), 9);
        cases.push(base.passed(&format!("from {source}"), verdict, |query| query.client = client));
    }
    for source in ["fe80::1", "fd00::1", "100::1", "3fff::1"] {
        let client = SocketAddr::new(source.parse().expect("an address"), 9);
        cases.push(base.answered(&format!("from {source}"), |query| query.client = client));
    }
    cases
}
