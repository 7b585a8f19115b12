//! Tests of the types whose data are kept in wire format.

use super::{label, read};
use crate::{RecordKind, Records};

/// The data of label `x` of a type that is kept as on the wire, and their weights.
fn wire(kind: RecordKind, text: &str) -> Vec<(Vec<u8>, u32)> {
    match label(text).records(kind) {
        Records::Wire(records) => {
            records.iter().map(|record| (record.data.to_vec(), record.weight)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_type_of_its_own_format_is_a_text_an_object_or_a_list_of_them() {
    use crate::RecordKind::Caa;
    let issue = (b"\0\x05issueca.example.net".to_vec(), 0);
    for text in [
        r#""0 issue ca.example.net""#,
        r#"["0 issue \"ca.example.net\""]"#,
        r#"{"tag": "issue", "value": "ca.example.net"}"#,
        r#"[{"flags": "0", "tag": "issue", "value": "ca.example.net", "weight": null}]"#,
        r#"[{"caa": "0 issue ca.example.net"}]"#,
    ] {
        assert_eq!(
            wire(Caa, &format!(r#"{{"caa": {text}}}"#)),
            std::slice::from_ref(&issue),
            "{text}"
        );
    }
    let weighed = r#"{"caa": [{"caa": "0 issue a", "weight": 1}, {"tag": "issue", "value": "b\\", "weight": "2"}]}"#;
    let expect = [(b"\0\x05issueb\\".to_vec(), 2), (b"\0\x05issuea".to_vec(), 1)];
    assert_eq!(wire(Caa, weighed), expect);
    assert!(wire(Caa, r#"{"caa": []}"#).is_empty() && wire(Caa, r#"{"caa": null}"#).is_empty());
}

#[test]
fn every_such_type_has_an_object_of_its_fields() {
    use crate::RecordKind::{Ds, Https, Naptr, Sshfp, Svcb, Tlsa};
    let digest = "ab".repeat(32);
    for (kind, key, text, object) in [
        (
            Ds,
            "ds",
            format!("1 13 2 {digest}"),
            format!(r#"{{"key_tag": 1, "algorithm": 13, "digest_type": 2, "digest": "{digest}"}}"#),
        ),
        (
            Tlsa,
            "tlsa",
            format!("3 1 1 {digest}"),
            format!(r#"{{"usage": 3, "selector": 1, "matching_type": 1, "data": "{digest}"}}"#),
        ),
        (
            Sshfp,
            "sshfp",
            format!("4 2 {digest}"),
            format!(r#"{{"algorithm": 4, "type": 2, "fingerprint": "{digest}"}}"#),
        ),
        (
            Naptr,
            "naptr",
            r#"1 2 "s" "SIP+D2U" "" _sip._udp"#.to_owned(),
            r#"{"order": 1, "preference": 2, "flags": "s", "service": "SIP+D2U", "replacement": "_sip._udp.example.com."}"#
                .to_owned(),
        ),
        (
            Https,
            "https",
            "1 . alpn=h3,h2 port=443 no-default-alpn key700=x".to_owned(),
            r#"{"priority": 1, "target": ".", "params":
                {"port": 443, "no-default-alpn": true, "alpn": ["h3", "h2"], "key700": "x"}}"#
                .to_owned(),
        ),
        (
            Svcb,
            "svcb",
            r#"2 svc alpn="a\\,b" ipv4hint=192.0.2.1,192.0.2.2"#.to_owned(),
            r#"{"priority": 2, "target": "svc", "params": {"alpn": ["a,b"], "ipv4hint": "192.0.2.1,192.0.2.2"}}"#
                .to_owned(),
        ),
        (
            Svcb,
            "svcb",
            "0 other.example.net.".to_owned(),
            r#"{"priority": 0, "target": "other.example.net.", "params": ""}"#.to_owned(),
        ),
    ] {
        let text = serde_json::to_string(&text).unwrap();
        let by_text = wire(kind, &format!(r#"{{"{key}": {text}}}"#));
        assert_eq!(by_text.len(), 1);
        assert_eq!(by_text, wire(kind, &format!(r#"{{"{key}": [{object}]}}"#)), "{key}");
    }
}

#[test]
fn ds_records_at_the_apex_are_the_parent_zones_to_answer() {
    let zone = read(r#"{"data": {"": {"ds": "1 13 0 ab"}}}"#).unwrap();
    assert!(!zone.labels.get("").unwrap().has_kind(RecordKind::Ds));
    assert_eq!(
        zone.warnings,
        [r#"data."".ds: DS records of a zone belong into the zone above; they are ignored"#]
    );
}
