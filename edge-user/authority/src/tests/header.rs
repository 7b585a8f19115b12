//! Tests of refusals, of messages without an answer, and of the header's bits.

use hickory_proto::op::{MessageType, ResponseCode};

use super::{A, Ask, SOA, ask, opt, serving};
use crate::Options;

/// The four octets behind the ID say all of a bare header but its counts, which are zero.
fn assert_bare(ask: &Ask, flags: u16) {
    let raw = ask.raw();
    assert_eq!(raw.len(), 12);
    assert_eq!(raw[..2], [0xab, 0xcd]);
    assert_eq!(u16::from_be_bytes([raw[2], raw[3]]), flags);
    assert_eq!(raw[4..], [0; 8]);
}

fn raw(octets: &[u8]) -> Option<Vec<u8>> {
    let mut answerer = crate::Answerer::new(fastrand::Rng::with_seed(1));
    let mut out = Vec::new();
    let asked = ask("example.com", A).asked();
    answerer.answer(&serving(), &Options::default(), octets, &asked, &mut out).map(|_| out)
}

#[test]
fn rd_and_cd_are_copied_and_every_other_flag_is_ours() {
    let message = ask("pool.example.com", A).flags(0x0000).get();
    assert!(message.metadata.authoritative);
    assert!(!message.metadata.recursion_desired && !message.metadata.checking_disabled);
    // AA, TC, RD, RA, Z, AD, CD and an RCODE.
    let message = ask("pool.example.com", A).flags(0x07f5).get();
    let metadata = message.metadata;
    assert_eq!(metadata.message_type, MessageType::Response);
    assert_eq!(metadata.id, 0xabcd);
    assert!(metadata.recursion_desired && metadata.checking_disabled);
    assert!(!metadata.recursion_available && !metadata.authentic_data && !metadata.truncation);
    assert_eq!(metadata.response_code, ResponseCode::NoError);
    assert_eq!(ask("pool.example.com", A).flags(0x07f5).raw()[3], 0x10);
}

#[test]
fn the_question_comes_back_octet_for_octet() {
    let ask = ask("pOOl.eXample.COM", A);
    let octets = ask.octets();
    assert_eq!(ask.raw()[12..octets.len()], octets[12..]);
    assert_eq!(ask.told().1.len(), 4);
}

#[test]
fn responses_and_scraps_are_not_answered() {
    let ask = ask("pool.example.com", A).flags(0x8000);
    assert!(ask.raw_with(&serving(), &Options::default()).is_none());
    for octets in 0..12 {
        assert!(raw(&[0; 12][..octets]).is_none());
    }
}

#[test]
fn other_opcodes_are_not_implemented() {
    for opcode in 1..16 {
        let flags = opcode << 11;
        assert_bare(&ask("example.com", SOA).flags(flags | 0x0110), 0x8000 | flags | 0x0114);
    }
}

#[test]
fn wrong_counts_are_format_errors() {
    for counts in
        [[0, 0, 0, 0], [2, 0, 0, 0], [1, 2, 0, 0], [1, 0, 2, 0], [1, 0, 0, 3], [1, 0, 0, 1]]
    {
        assert_bare(&Ask { counts, ..ask("example.com", A).flags(0x0100) }, 0x8101);
    }
}

#[test]
fn what_ends_too_soon_or_points_is_a_format_error() {
    let whole = ask("pool.example.com", A).edns(1232, &[0, 3, 0, 0]).octets();
    for octets in 12..whole.len() {
        let answer = raw(&whole[..octets]).unwrap();
        assert_eq!(answer.len(), 12, "{octets}");
        assert_eq!(answer[3] & 0xf, 1, "{octets}");
    }
    let mut pointing = ask("x", A).octets();
    pointing.splice(12..15, [0xc0, 0x0c]);
    assert_eq!(raw(&pointing).unwrap()[3] & 0xf, 1);
}

#[test]
fn one_record_in_other_sections_and_octets_behind_the_message_are_ignored() {
    let record = b"\xc0\x0c\0\x06\0\x01\0\0\0\0\0\x02ab";
    for counts in [[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]] {
        let ask = Ask { counts, rest: record.to_vec(), ..ask("pool.example.com", A) };
        assert_eq!(ask.told().1.len(), 4);
    }
    let ask = Ask { rest: vec![1, 2, 3], ..ask("pool.example.com", A) };
    assert_eq!(ask.told().1.len(), 4);
}

#[test]
fn a_name_in_no_zone_is_refused_with_its_question() {
    for name in ["example.org", "com", ".", "notexample.com"] {
        let message = ask(name, A).get();
        assert_eq!(message.metadata.response_code, ResponseCode::Refused, "{name}");
        assert!(!message.metadata.authoritative);
        assert_eq!(message.queries.len(), 1);
        assert!(message.authorities.is_empty() && message.edns.is_none());
    }
    assert!(ask("example.org", A).record(&opt(512, 0, &[])).get().edns.is_some());
}

#[test]
fn zone_transfers_are_refused_over_both_transports() {
    for rtype in [251, 252] {
        let ask = ask("example.com", rtype);
        assert_eq!(ask.told(), (ResponseCode::Refused, vec![]));
        assert_eq!(ask.stream().told(), (ResponseCode::Refused, vec![]));
    }
}

#[test]
fn class_any_is_answered_as_in_without_authority_and_other_classes_are_refused() {
    let message = ask("pool.example.com", A).class(255).get();
    assert_eq!(message.answers.len(), 4);
    assert!(!message.metadata.authoritative);
    for class in [0, 2, 3, 4, 254] {
        assert_eq!(
            ask("pool.example.com", A).class(class).told().0,
            ResponseCode::Refused,
            "{class}"
        );
    }
    assert_eq!(ask("version.bind", 16).class(3).told().0, ResponseCode::Refused);
}
