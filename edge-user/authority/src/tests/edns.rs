//! Tests of EDNS: versions, sizes, flags and options.

use hickory_proto::op::ResponseCode;

use super::{A, Ask, ask, opt, serving};
use crate::Options;

/// The options of a response's OPT record, which is its end.
pub(super) fn options(ask: &Ask) -> Vec<u8> {
    let raw = ask.raw();
    let at = raw.windows(5).rposition(|octets| octets == [0, 0, 41, 0x04, 0xd0]).unwrap();
    assert_eq!(usize::from(raw[at + 10]), raw.len() - at - 11);
    raw[at + 11..].to_vec()
}

#[test]
fn an_opt_record_is_answered_by_ours_and_only_then() {
    assert!(ask("pool.example.com", A).get().edns.is_none());
    let edns = ask("pool.example.com", A).edns(4096, &[]).get().edns.unwrap();
    assert_eq!((edns.max_payload(), edns.version(), edns.rcode_high()), (1232, 0, 0));
    assert!(!edns.flags().dnssec_ok);
    let flagged =
        ask("nothing.example.com", A).record(&opt(512, 0xff00_ffff, &[])).get().edns.unwrap();
    assert!(flagged.flags().dnssec_ok);
    assert_eq!((flagged.flags().z, flagged.rcode_high()), (0, 0));
}

#[test]
fn other_versions_are_badvers_with_their_question() {
    for version in [1, 255] {
        // Options of another version aren't checked by the rules of version 0.
        let ask = ask("pool.example.com", A).record(&opt(1232, version << 16 | 0x8000, &[0, 8, 0]));
        let message = ask.get();
        // The decoder has BADSIG for 16, too.
        assert_eq!(u16::from(message.metadata.response_code), 16);
        assert_eq!(message.queries.len(), 1);
        assert!(!message.metadata.authoritative && message.answers.is_empty());
        let edns = message.edns.unwrap();
        assert_eq!((edns.version(), edns.max_payload()), (0, 1232));
        assert!(edns.flags().dnssec_ok);
    }
}

#[test]
fn a_second_opt_or_a_malformed_option_is_a_format_error() {
    let plain = opt(1232, 0, &[]);
    let mut owned = opt(1232, 0, &[]);
    owned.splice(0..1, *b"\x01x\0");
    for ask in [
        ask("pool.example.com", A).record(&plain).record(&plain),
        ask("pool.example.com", A).record(&owned),
        ask("pool.example.com", A).edns(1232, &[0]),
        ask("pool.example.com", A).edns(1232, &[0, 3, 0]),
        ask("pool.example.com", A).edns(1232, &[0, 3, 0, 1]),
        ask("pool.example.com", A).subnet(1, 24, &[192, 0]),
        ask("pool.example.com", A).subnet(1, 33, &[192, 0, 2, 1, 0]),
        ask("pool.example.com", A).subnet(3, 0, &[]),
        ask("pool.example.com", A).subnet(1, 20, &[192, 0, 2]),
    ] {
        let message = ask.get();
        assert_eq!(message.metadata.response_code, ResponseCode::FormErr);
        assert!(message.edns.is_some() && message.answers.is_empty());
    }
}

#[test]
fn options_that_we_do_not_have_are_ignored() {
    // Padding, expire, and 65001.
    let mine = [0, 12, 0, 2, 0, 0, 0, 9, 0, 0, 0xfd, 0xe9, 0, 1, 7];
    let ask = ask("pool.example.com", A).edns(1232, &mine);
    assert!(options(&ask).is_empty());
    assert_eq!(ask.told().1.len(), 4);
}

#[test]
fn the_servers_identifier_is_told_if_asked_for_and_configured() {
    let ask = ask("example.org", A).edns(1232, &[0, 3, 0, 0]);
    assert_eq!(options(&ask), b"\0\x03\0\x05edge1");
    let silent = ask.raw_with(&serving(), &Options::default()).unwrap();
    assert_eq!(silent[silent.len() - 2..], [0, 0]);
}

#[test]
fn the_longest_identifier_leaves_room_for_any_question() {
    let name = "abcdefg.".repeat(29) + "Example.com";
    let ask = ask(&name, A).edns(512, &[0, 3, 0, 0]);
    let raw = ask.raw_with(&serving(), &Options::new(&"i".repeat(1000))).unwrap();
    assert!(raw.len() <= 512, "{}", raw.len());
    assert_eq!(raw[3] & 0xf, 3);
}

#[test]
fn a_client_subnet_decides_where_the_client_is() {
    let californian = ask("pool.example.com", A).from("192.0.2.1").subnet(1, 24, &[198, 51, 100]);
    assert_eq!(californian.sorted(), ["A 60 198.51.100.1"]);
    let german =
        ask("pool.example.com", A).from("198.51.100.1").subnet(2, 48, &[0x20, 1, 0xd, 0xb8, 0, 1]);
    assert_eq!(german.sorted().len(), 4);
}

#[test]
fn a_subnet_that_tells_nothing_leaves_the_source() {
    let asker = || ask("pool.example.com", A).from("198.51.100.1");
    for ask in
        [asker().subnet(1, 8, &[10]), asker().subnet(1, 0, &[]), asker().subnet(1, 16, &[100, 64])]
    {
        assert_eq!(ask.sorted(), ["A 60 198.51.100.1"]);
    }
    // The decoder doesn't know the family for "none", which `dig +subnet=0` uses.
    let raw = asker().subnet(0, 0, &[]).raw();
    assert!(raw.windows(4).any(|octets| octets == [198, 51, 100, 1]));
}

#[test]
fn how_long_a_connection_may_be_idle_is_told_over_streams_if_asked_for() {
    let ask = ask("pool.example.com", A).edns(1232, &[0, 11, 0, 0]);
    assert!(options(&ask).is_empty());
    assert_eq!(options(&ask.stream()), [0, 11, 0, 2, 0, 80]);
    assert!(options(&super::ask("pool.example.com", A).edns(1232, &[]).stream()).is_empty());
}
