//! Rows about network headers: versions, options, fragments, lengths.

use std::net::SocketAddr;

use edge_common::verdict::Verdict;

use super::{Base, LINK};
use crate::cases::Case;

/// IPv4 (RFC 791).
pub(super) fn four(base: &Base) -> Vec<Case> {
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

/// IPv6 (RFC 8200).
pub(super) fn six(base: &Base) -> Vec<Case> {
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
