//! Tests of the names of class CH.

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{DNSClass, RecordType};

use super::{A, ANY, TXT, ask, serving};
use crate::Options;

const CH: u16 = 3;

fn get(name: &str, rtype: u16, options: &Options) -> Message {
    let raw = ask(name, rtype).class(CH).raw_with(&serving(), options).unwrap();
    Message::from_vec(&raw).unwrap()
}

fn configured() -> Options {
    Options { version: "edge".to_owned(), chaos_id: true, ..Options::new("edge1") }
}

#[test]
fn names_of_class_chaos_are_refused_unless_configured() {
    for name in ["version.bind", "version.server", "id.server", "hostname.bind"] {
        for options in [Options::new("edge1"), Options::default()] {
            let message = get(name, TXT, &options);
            assert_eq!(message.metadata.response_code, ResponseCode::Refused, "{name}");
        }
    }
    for name in ["authors.bind", "bind", "version.bind.example.com", "pool.example.com", "."] {
        let message = get(name, TXT, &configured());
        assert_eq!(message.metadata.response_code, ResponseCode::Refused, "{name}");
        assert!(message.answers.is_empty());
    }
}

#[test]
fn version_and_identifier_are_told_as_configured() {
    for (name, expect) in [
        ("version.bind", "edge"),
        ("VERSION.Server", "edge"),
        ("id.server", "edge1"),
        ("hostname.bind", "edge1"),
    ] {
        for rtype in [TXT, ANY] {
            let message = get(name, rtype, &configured());
            assert!(message.metadata.authoritative);
            assert_eq!(message.metadata.response_code, ResponseCode::NoError);
            let [answer] = &message.answers[..] else { panic!("{name}: {message:?}") };
            assert_eq!((answer.dns_class, answer.record_type()), (DNSClass::CH, RecordType::TXT));
            assert_eq!((answer.ttl, answer.data.to_string()), (0, expect.to_owned()));
        }
    }
}

#[test]
fn they_have_texts_only_and_no_zone() {
    let message = get("version.bind", A, &configured());
    assert_eq!(message.metadata.response_code, ResponseCode::NoError);
    assert!(message.answers.is_empty() && message.authorities.is_empty());
    let inet = ask("version.bind", TXT).raw_with(&serving(), &configured()).unwrap();
    assert_eq!(inet[3] & 0xf, 5);
}
