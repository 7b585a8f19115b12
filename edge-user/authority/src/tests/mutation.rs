//! Tests with broken messages.
//!
//! None stops the authority or makes it answer with more octets than it may.

use hickory_proto::op::Message;

use super::{A, AAAA, ANY, Ask, MX, NS, SOA, SRV, TXT, ask, serving};
use crate::{Answerer, Cookies, Options};
use edge_zone::AnyPolicy;

fn seeds() -> Vec<Ask> {
    vec![
        ask("pool.example.com", A),
        ask("pool.example.com", AAAA).edns(1232, &[0, 3, 0, 0]),
        ask("alias.example.com", A).subnet(1, 24, &[198, 51, 100]),
        ask("near.example.com", A).subnet(2, 48, &[0x20, 1, 0xd, 0xb8, 0, 1]),
        ask("long.example.com", TXT).edns(512, &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]),
        ask("example.com", NS),
        ask("example.com", MX).class(255),
        ask("example.com", SOA),
        ask("_ntp._udp.example.com", SRV),
        ask("www.example.com", ANY),
        ask("_country.example.com", TXT).subnet(1, 32, &[192, 0, 2, 1]),
        ask("_status.example.com", TXT).from("127.0.0.1"),
        ask("x.child.of.example.com", A),
        ask("version.bind", TXT).class(3).edns(4096, &[0, 11, 0, 0]),
        ask("pool.example.com", A).edns(1232, &[&[0, 10, 0, 24][..], &[1; 24]].concat()),
        ask(&("abcdefg.".repeat(29) + "example.com"), A).edns(512, &[0, 3, 0, 0]),
    ]
}

/// With everything that may make an answer longer.
fn options() -> Options {
    Options {
        version: "v".repeat(255),
        chaos_id: true,
        public_debug_queries: true,
        any: AnyPolicy::Full,
        cookies: Cookies::fixed(&[[7; 16]], false, 0),
        ..Options::new("edge1")
    }
}

/// Octets changed, put in, taken out; counts and lengths are as likely as text.
pub(crate) fn mutate(octets: &mut Vec<u8>, random: &mut fastrand::Rng) {
    for _ in 0..random.usize(0..6) {
        let at = random.usize(0..=octets.len());
        match random.u8(0..5) {
            0 => octets.insert(at, random.u8(..)),
            1 if at < octets.len() => drop(octets.remove(at)),
            2 => octets.truncate(at.max(8)),
            3 => octets.extend((0..random.usize(0..40)).map(|_| random.u8(..))),
            _ => {
                if let Some(octet) = octets.get_mut(at) {
                    *octet = random.u8(..);
                }
            }
        }
    }
}

#[test]
fn any_message_is_answered_within_its_limit_or_not_at_all() {
    const N: usize = 200_000;
    let (serving, options, seeds) = (serving(), options(), seeds());
    let mut random = fastrand::Rng::with_seed(0x5eed);
    let mut answerer = Answerer::new(random.fork());
    let (mut out, mut n_answered) = (Vec::new(), 0);
    for round in 0..N {
        let ask = &seeds[round % seeds.len()];
        let mut octets = if random.u8(0..20) == 0 {
            (0..random.usize(0..64)).map(|_| random.u8(..)).collect()
        } else {
            ask.octets()
        };
        mutate(&mut octets, &mut random);
        let mut asked = ask.asked();
        asked.stream = random.bool();
        let Some(code) = answerer.answer(&serving, &options, &octets, &asked, &mut out) else {
            continue;
        };
        n_answered += 1;
        let limit = if asked.stream { 65_535 } else { 1232 };
        assert!(out.len() <= limit, "{octets:02x?}");
        assert_eq!(out[..2], octets[..2]);
        let message =
            Message::from_vec(&out).unwrap_or_else(|error| panic!("{error}: {octets:02x?}"));
        assert_eq!(u16::from(message.metadata.response_code), u16::from(code));
        if !asked.stream && message.edns.is_none() {
            assert!(out.len() <= 512, "{octets:02x?}");
        }
    }
    assert!(n_answered > N / 2, "{n_answered}");
}
