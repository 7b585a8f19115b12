//! Tests of which records answer, for which client, and of negative answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hickory_proto::op::{Message, ResponseCode};

use super::{
    A, AAAA, ANY, Ask, CNAME, DS, HTTPS, MX, NS, PTR, SOA, SRV, TXT, ask, assert_negative, serving,
    zone,
};
use crate::{Answerer, Options, Serving};
use edge_zone::AnyPolicy;
use edge_zone::geo::Nowhere;
use edge_zone::rdata::soa_record;

#[test]
fn every_kind_of_record_is_written_as_its_rfc_says() {
    assert_eq!(
        ask("example.com", NS).sorted(),
        ["NS 86400 ns.example.com.", "NS 86400 ns1.example.net."]
    );
    assert_eq!(ask("example.com", MX).sorted(), ["MX 60 5 mail.example.com."]);
    assert_eq!(ask("ptr.example.com", PTR).sorted(), ["PTR 60 host.example.com."]);
    assert_eq!(ask("_ntp._udp.example.com", SRV).sorted(), ["SRV 60 1 2 123 pool.example.com."]);
    assert_eq!(
        ask("texts.example.com", TXT).told().1,
        ["TXT 60 one", "TXT 60 two", "TXT 60 three"]
    );
    assert_eq!(ask("texts.example.com", 99).told().1.len(), 1);
    let soa = "SOA 600 ns1.example.net. hostmaster.Example.com. 3 5400 5400 1209600 3600";
    assert_eq!(ask("example.com", SOA).sorted(), [soa]);
    assert_eq!(ask("pool.example.com", AAAA).from("192.0.2.77").sorted(), ["AAAA 60 2001:db8::5"]);
}

#[test]
fn names_are_compressed_where_rfc_1035_has_them_and_nowhere_else() {
    // Not what stands in the question, whose letters may have any case.
    let mail = ask("example.com", MX).raw();
    assert!(mail.ends_with(b"\0\x14\0\x05\x04mail\x07example\x03com\0"));
    let servers: Vec<_> =
        (b'a'..=b'i').map(|letter| format!("{}.ntpns.org.", char::from(letter))).collect();
    let zone = zone("z", &format!(r#"{{"data": {{"": {{"ns": {servers:?}}}}}}}"#));
    let serving = Serving::new([zone], Arc::new(Nowhere));
    let raw = ask("z", NS).raw_with(&serving, &Options::default()).unwrap();
    assert_eq!(raw.len(), 12 + 7 + (12 + 13) + 8 * (12 + 4));
    let told = Message::from_vec(&raw).unwrap();
    let told: Vec<_> = told.answers.iter().map(|answer| answer.data.to_string()).collect();
    assert_eq!(told, servers);
    let server = ask("_ntp._udp.example.com", SRV).raw();
    assert!(server.ends_with(b"\x04pool\x07example\x03com\0"));
}

#[test]
fn max_hosts_distinct_records_answer_and_over_many_answers_all_do() {
    let (serving, options, ask) = (serving(), Options::default(), ask("alias.example.com", A));
    let mut answerer = Answerer::new(fastrand::Rng::with_seed(3));
    let mut first: BTreeMap<u8, u32> = BTreeMap::new();
    let mut out = Vec::new();
    for _ in 0..7000 {
        answerer.answer(&serving, &options, &ask.octets(), &ask.asked(), &mut out).unwrap();
        let records = out[ask.octets().len()..].chunks(16);
        let picked: Vec<u8> = records.map(|record| record[15]).collect();
        assert_eq!(picked.iter().collect::<BTreeSet<_>>().len(), 4);
        *first.entry(picked[0]).or_default() += 1;
    }
    for (last, weight) in [(1, 9), (2, 8), (3, 7), (4, 6), (5, 5)] {
        let expect = 7000 * weight / 35;
        assert!(first[&last].abs_diff(expect) < 150, "{last}: {} of {expect}", first[&last]);
    }
}

#[test]
fn a_cname_stands_for_any_type_and_comes_alone() {
    for rtype in [A, CNAME, TXT] {
        let answers = ask("www.example.com", rtype).sorted();
        assert_eq!(answers.len(), 1);
        assert!(answers[0].starts_with("CNAME 7 web"), "{answers:?}");
    }
}

#[test]
fn clients_are_answered_by_where_they_are() {
    let first = |ip: &str| ask("pool.example.com", A).from(ip).sorted()[0].clone();
    assert_eq!(first("198.51.100.9"), "A 60 198.51.100.1");
    assert!(first("192.0.2.9").starts_with("A 60 192.0.2."));
    assert!(first("203.0.113.9").starts_with("A 60 192.0.2."));
    assert!(first("2001:db8:1:2::3").starts_with("A 60 192.0.2."));
}

#[test]
fn the_closest_server_answers_a_client_whose_place_is_known() {
    for (ip, server) in
        [("192.0.2.9", "192.0.2"), ("198.51.100.9", "198.51.100"), ("203.0.113.9", "203.0.113")]
    {
        assert_eq!(ask("near.example.com", A).from(ip).sorted(), [format!("A 60 {server}.101")]);
    }
    assert_eq!(ask("near.example.com", A).sorted().len(), 1);
}

#[test]
fn a_type_that_is_not_there_is_nodata() {
    for (name, rtype) in [
        ("pool", HTTPS),
        ("pool", DS),
        ("pool", 48),
        ("empty", A),
        ("none", A),
        ("b.c", A),
        ("c", ANY),
        ("texts", A),
    ] {
        let message = ask(&format!("{name}.example.com"), rtype).get();
        assert_negative(&message, ResponseCode::NoError, "example.com.");
    }
}

#[test]
fn a_name_that_is_not_there_is_nxdomain() {
    for name in ["nothing", "x.pool", "x.a.b.c", "b", "POOL.uk"] {
        let message = ask(&format!("{name}.example.com"), A).get();
        assert_negative(&message, ResponseCode::NXDomain, "example.com.");
    }
}

#[test]
fn the_soa_of_a_negative_answer_is_the_record_that_the_kernel_has_too() {
    let ask = ask("x.pool.Example.com", A);
    let zone = zone("Example.com", super::DATA);
    let mut expect = soa_record(&zone);
    // Behind the header, `x` and `pool`.
    expect[..2].copy_from_slice(&[0xc0, 12 + 2 + 5]);
    assert!(ask.raw().ends_with(&expect));
    assert_eq!(ask.get().authorities[0].ttl, 600);
}

#[test]
fn any_is_answered_by_hinfo_as_rfc_8482_says() {
    assert_eq!(ask("example.com", ANY).sorted(), ["HINFO 60 RFC8482 "]);
    assert_eq!(ask("pool.example.com", ANY).from("198.51.100.9").sorted(), ["HINFO 60 RFC8482 "]);
    assert_negative(&ask("nothing.example.com", ANY).get(), ResponseCode::NXDomain, "example.com.");
}

#[test]
fn any_is_answered_in_full_if_configured() {
    let options = Options { any: AnyPolicy::Full, ..Options::default() };
    let get = |ask: &Ask| {
        let message = Message::from_vec(&ask.raw_with(&serving(), &options).unwrap()).unwrap();
        let types = message.answers.iter().map(|answer| u16::from(answer.record_type()));
        let mut types: Vec<_> = types.collect();
        types.sort_unstable();
        (message.metadata.response_code, types)
    };
    let all = |types: &[u16]| (ResponseCode::NoError, types.to_vec());
    assert_eq!(get(&ask("example.com", ANY)), all(&[NS, NS, SOA, MX]));
    assert_eq!(get(&ask("texts.example.com", ANY)), all(&[TXT, TXT, TXT, 99]));
    // The plain label's, and as many as an answer has, wherever the client is.
    assert_eq!(get(&ask("pool.example.com", ANY).from("198.51.100.9")), all(&[A; 4]));
    assert_eq!(get(&ask("alias.example.com", ANY)), all(&[A; 4]));
    assert_eq!(get(&ask("www.example.com", ANY)), all(&[CNAME]));
    assert_eq!(get(&ask("empty.example.com", ANY)), all(&[]));
    assert_eq!(get(&ask("nothing.example.com", ANY)).0, ResponseCode::NXDomain);
    let long = ask("long.example.com", ANY).raw_with(&serving(), &options).unwrap();
    assert_eq!(long[2] & 2, 2);
}

#[test]
fn any_for_a_name_that_only_some_have_is_nodata_for_them() {
    let zone = || zone("z", r#"{"data": {"www.europe": {"a": [["192.0.2.1"]]}}}"#);
    for any in [AnyPolicy::Minimal, AnyPolicy::Full] {
        let options = Options { any, ..Options::default() };
        let serving = Serving::new([zone()], Arc::new(super::Atlas));
        let code = |ip: &str| {
            let raw = ask("www.z", ANY).from(ip).raw_with(&serving, &options).unwrap();
            (raw[3] & 0xf, raw[7])
        };
        assert_eq!(code("192.0.2.9"), (0, 0));
        assert_eq!(code("198.51.100.9"), (3, 0));
    }
}

#[test]
fn the_longest_apex_answers_and_the_zone_above_does_not_deny_it() {
    assert_eq!(ask("a.child.of.example.com", A).sorted(), ["A 120 192.0.2.99"]);
    assert_negative(
        &ask("b.child.of.example.com", A).get(),
        ResponseCode::NXDomain,
        "child.of.example.com.",
    );
    assert_negative(&ask("of.example.com", A).get(), ResponseCode::NoError, "example.com.");
    assert_negative(&ask("x.of.example.com", A).get(), ResponseCode::NXDomain, "example.com.");
}

#[test]
fn ds_at_an_apex_is_the_business_of_the_zone_above() {
    assert_negative(&ask("child.of.example.com", DS).get(), ResponseCode::NoError, "example.com.");
    assert_negative(
        &ask("a.child.of.example.com", DS).get(),
        ResponseCode::NoError,
        "child.of.example.com.",
    );
    assert_negative(&ask("example.com", DS).get(), ResponseCode::NoError, "example.com.");
}

#[test]
fn an_answer_that_does_not_fit_is_truncated_over_udp_and_whole_over_tcp() {
    for (ask, limit) in [
        (ask("long.example.com", TXT), 512),
        (ask("long.example.com", TXT).edns(100, &[]), 512),
        (ask("long.example.com", TXT).edns(4096, &[]), 1232),
    ] {
        let message = ask.get();
        assert!(message.metadata.truncation && message.metadata.authoritative);
        assert!(message.answers.is_empty() && message.authorities.is_empty());
        assert_eq!(message.edns.is_some(), !ask.rest.is_empty());
        assert!(ask.raw().len() <= limit);
        let whole = ask.stream().get();
        assert!(!whole.metadata.truncation);
        assert_eq!(whole.answers.len(), 1);
    }
}

#[test]
fn an_answer_between_the_limits_fits_with_edns_only() {
    let text = format!(r#"{{"data": {{"": {{"txt": "{}"}}}}}}"#, "y".repeat(1000));
    let serving = Serving::new([zone("z", &text)], Arc::new(Nowhere));
    let is_truncated = |ask: &Ask| ask.raw_with(&serving, &Options::default()).unwrap()[2] & 2 != 0;
    assert!(is_truncated(&ask("z", TXT)));
    assert!(is_truncated(&ask("z", TXT).edns(600, &[])));
    assert!(!is_truncated(&ask("z", TXT).edns(1232, &[])));
}

#[test]
fn more_than_a_message_holds_is_truncated_over_tcp_too() {
    let text = format!(
        r#"{{"data": {{"": {{"txt": [{}"z"]}}}}}}"#,
        format!("{:?},", "y".repeat(1000)).repeat(70)
    );
    let serving = Serving::new([zone("z", &text)], Arc::new(Nowhere));
    let raw = ask("z", TXT).stream().raw_with(&serving, &Options::default()).unwrap();
    assert_eq!((raw.len(), raw[2]), (19, 0x86));
}

#[test]
fn the_root_zone_is_a_zone_like_any_other() {
    let serving =
        Serving::new([zone(".", r#"{"data": {"": {"ns": ["ns."]}}}"#)], Arc::new(Nowhere));
    let code = |name: &str| ask(name, A).raw_with(&serving, &Options::default()).unwrap()[3] & 0xf;
    assert_eq!((code("."), code("x"), code("a.b.c")), (0, 3, 3));
}
