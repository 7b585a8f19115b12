//! Tests of wildcards, of nested zones, and of types in wire format.
//!
//! Only the client looks into the data of these types.

use std::sync::Arc;

use hickory_proto::op::ResponseCode;

use super::{A, AAAA, Ask, Atlas, DS, HTTPS, NS, SOA, TXT, ask, opt, zone};
use crate::{Answerer, Options, Serving};

const PARENT: &str = r#"{"serial": 1, "ttl": 60, "data": {
  "": {"ns": ["ns1.example.net."]},
  "*": {"a": [["192.0.2.1"]]}, "*.europe": {"a": [["192.0.2.2"]]},
  "host": {"txt": "t", "caa": "0 issue \"ca.example.net\"",
           "https": "1 . alpn=h3,h2 port=8443 ipv4hint=192.0.2.7",
           "naptr": "10 20 s SIP+D2U \"\" _sip._udp", "sshfp": "4 1 0123456789abcdef0123456789abcdef01234567",
           "tlsa": {"usage": 3, "selector": 1, "matching_type": 0, "data": "abcd"}},
  "deep.child": {"a": [["192.0.2.66"]]},
  "child": {"a": [["192.0.2.67"]], "ns": ["ns.child"],
            "ds": ["1 13 1 0123456789abcdef0123456789abcdef01234567"]},
  "up.bare": {"a": [["192.0.2.68"]]}}}"#;

fn serving() -> Serving {
    let child =
        || r#"{"data": {"": {"ns": ["ns.child.example.com."]}, "a": {"a": [["192.0.2.99"]]}}}"#;
    Serving::new(
        [
            zone("example.com", PARENT),
            zone("child.example.com", child()),
            zone("up.bare.example.com", child()),
            zone("far.gone.example.com", child()),
        ],
        Arc::new(Atlas),
    )
}

/// RCODE and AA, answers in order, and the owner of the authority section's record if there is one.
fn told(ask: &Ask) -> (ResponseCode, Vec<String>, String) {
    let mut out = Vec::new();
    let mut answerer = Answerer::new(fastrand::Rng::with_seed(1));
    answerer
        .answer(&serving(), &Options::default(), &ask.octets(), &ask.asked(), &mut out)
        .unwrap();
    let message = hickory_proto::op::Message::from_vec(&out).unwrap();
    let answers = message.answers.iter().map(|record| format!("{} {}", record.name, record.data));
    let soa = message.authorities.first().map(|record| record.name.to_string());
    (message.metadata.response_code, answers.collect(), soa.unwrap_or_default())
}

#[test]
fn a_wildcards_records_are_owned_by_the_name_that_was_asked_for() {
    let (code, answers, _) = told(&ask("Any.Thing.example.com", A));
    assert_eq!(code, ResponseCode::NoError);
    assert_eq!(answers, ["Any.Thing.example.com. 192.0.2.1"]);
    let (_, answers, _) = told(&ask("any.example.com", A).from("192.0.2.9"));
    assert_eq!(answers, ["any.example.com. 192.0.2.2"]);
    let (code, answers, soa) = told(&ask("any.example.com", AAAA));
    assert_eq!((code, answers.len(), &*soa), (ResponseCode::NoError, 0, "example.com."));
    let (code, _, soa) = told(&ask("x.host.example.com", A));
    assert_eq!((code, &*soa), (ResponseCode::NXDomain, "example.com."));
}

#[test]
fn special_labels_are_stronger_than_a_wildcard_for_those_who_may_ask() {
    let (_, answers, _) = told(&ask("_country.example.com", TXT));
    assert_eq!(answers.len(), 1);
    let (_, answers, _) = told(&ask("_status.example.com", TXT).from("127.0.0.1"));
    assert_eq!(answers.len(), 1);
    let (code, answers, _) = told(&ask("_status.example.com", A));
    assert_eq!((code, answers.len()), (ResponseCode::NoError, 1));
}

#[test]
fn a_parents_data_below_a_nested_zone_are_hidden_but_for_its_ds_records() {
    let (code, answers, soa) = told(&ask("deep.child.example.com", A));
    assert_eq!((code, answers.len(), &*soa), (ResponseCode::NXDomain, 0, "child.example.com."));
    let (_, answers, soa) = told(&ask("child.example.com", A));
    assert_eq!((answers.len(), &*soa), (0, "child.example.com."));
    assert_eq!(told(&ask("child.example.com", NS)).1, ["child.example.com. ns.child.example.com."]);
    assert_eq!(told(&ask("child.example.com", SOA)).1.len(), 1);
    // DS is the parent's to answer (RFC 4035 §3.1.4.1), with data and without.
    let (code, answers, _) = told(&ask("child.example.com", DS));
    assert_eq!((code, answers.len()), (ResponseCode::NoError, 1));
    for name in ["up.bare.example.com", "far.gone.example.com"] {
        let (code, answers, soa) = told(&ask(name, DS));
        assert_eq!(
            (code, answers.len(), &*soa),
            (ResponseCode::NoError, 0, "example.com."),
            "{name}"
        );
    }
    let (code, _, soa) = told(&ask("a.child.example.com", DS));
    assert_eq!((code, &*soa), (ResponseCode::NoError, "child.example.com."));
}

#[test]
fn what_leads_to_a_nested_zone_exists_and_keeps_the_wildcard_off() {
    let (code, answers, soa) = told(&ask("gone.example.com", A));
    assert_eq!((code, answers.len(), &*soa), (ResponseCode::NoError, 0, "example.com."));
    assert_eq!(told(&ask("x.gone.example.com", A)).0, ResponseCode::NXDomain);
}

#[test]
fn types_with_a_format_of_their_own_are_read_by_others_as_they_were_meant() {
    let first = |rtype| told(&ask("host.example.com", rtype)).1.join("|");
    assert_eq!(first(257), "host.example.com. 0 issue \"ca.example.net\"");
    // As hickory shows it: a comma behind each item of a list.
    assert_eq!(first(HTTPS), "host.example.com. 1 . alpn=h3,h2, port=8443 ipv4hint=192.0.2.7,");
    assert_eq!(first(35), "host.example.com. 10 20 \"s\" \"SIP+D2U\" \"\" _sip._udp.example.com.");
    assert_eq!(
        first(44).to_lowercase(),
        "host.example.com. 4 1 0123456789abcdef0123456789abcdef01234567"
    );
    assert_eq!(first(52).to_lowercase(), "host.example.com. 3 1 0 abcd");
}

#[test]
fn the_scope_of_what_a_wildcard_answers_is_the_clients_where_it_has_targets() {
    // ECS for 198.51.100.0/24.
    let subnet = [0, 8, 0, 7, 0, 1, 24, 0, 198, 51, 100];
    let scope = |name: &str| {
        let ask = ask(name, A).record(&opt(1232, 0, &subnet));
        let mut out = Vec::new();
        let mut answerer = Answerer::new(fastrand::Rng::with_seed(1));
        answerer
            .answer(&serving(), &Options::default(), &ask.octets(), &ask.asked(), &mut out)
            .unwrap();
        out[out.len() - 4]
    };
    assert_ne!(scope("any.example.com"), 0);
    assert_eq!(scope("x.host.example.com"), 0);
    assert_eq!(scope("host.example.com"), 0);
}
