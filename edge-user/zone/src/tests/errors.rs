//! Tests of broken zone files and their messages.

use std::path::Path;
use std::time::UNIX_EPOCH;

use super::{parse, read};

/// `text` is refused with `message`, which follows the file's name.
fn refuse(text: &str, message: &str) {
    let error = read(text).map(|zone| zone.warnings).unwrap_err().to_string();
    assert_eq!(error, format!("zones/example.com.json:{message}"), "{text}");
}

/// `text` is refused with `message`, which is about an alias on the `line` given.
fn refuse_alias(text: &str, line: usize, message: &str) {
    let error = read(text).map(|zone| zone.warnings).unwrap_err().to_string();
    let (place, error) = error.split_once(": ").unwrap();
    assert!(place.starts_with(&format!("zones/example.com.json:{line}:")), "{place}");
    assert_eq!(error, message, "{text}");
}

/// A label `x` whose value is `text` is refused with `message`, wherever it is.
fn refuse_label(text: &str, message: &str) {
    let text = format!("{{\"data\": {{\n\"x\": {text}\n}}}}");
    let error = read(&text).map(|zone| zone.warnings).unwrap_err().to_string();
    let (place, error) = error.split_once(": ").unwrap();
    assert!(place.starts_with("zones/example.com.json:2:"), "{place}");
    assert_eq!(error, format!("data.\"x\"{message}"), "{text}");
}

#[test]
fn an_address_that_is_none_is_named_with_its_place() {
    let text = "{\n  \"data\": {\n    \"0.us\": {\"a\": [[\"192.0.2.1\"], [\"192.0.2.2\"], [\"192.0.2.3\", 1],\n      [\"1.2.3\", 10]]}\n  }\n}";
    refuse(
        text,
        r#"4:14: data."0.us".a[3]: "1.2.3" is not an IPv4 address; write it as "192.0.2.1""#,
    );
    refuse_label(
        r#"{"a": [{"ip": "192.0.2.01"}]}"#,
        r#".a[0].ip: "192.0.2.01" is not an IPv4 address; write it as "192.0.2.1""#,
    );
    refuse_label(
        r#"{"aaaa": [[""]]}"#,
        r#".aaaa[0]: "" is not an IPv6 address; write it as "2001:db8::1""#,
    );
}

#[test]
fn an_address_of_the_other_family_is_refused() {
    refuse_label(
        r#"{"a": [["2001:db8::1", 1]]}"#,
        r#".a[0]: "2001:db8::1" is an IPv6 address; put it under "aaaa""#,
    );
    refuse_label(
        r#"{"aaaa": [{"aaaa": "192.0.2.1"}]}"#,
        r#".aaaa[0].aaaa: "192.0.2.1" is an IPv4 address; put it under "a""#,
    );
}

#[test]
fn broken_json_is_refused_where_it_breaks() {
    refuse(
        "{\"ttl\": 60,\n \"data\": {\"\": {\"ns\": [\"ns1\" \"ns2\"]}}}",
        r#"2:29: data."".ns[1]: broken JSON: expected `,` or `]`; correct it, or write the file again"#,
    );
    refuse(
        r#"{"ttl": 60"#,
        "1:10: broken JSON: the file ends too early (EOF while parsing an object); write it again, whole",
    );
    refuse(
        r#"{"data": {"x": {"a": [["192.0"#,
        r#"1:29: data."x".a[0]: broken JSON: the file ends too early (EOF while parsing a string); write it again, whole"#,
    );
    refuse("{} x", "1:4: broken JSON: trailing characters; correct it, or write the file again");
    refuse("$ORIGIN", "1:1: broken JSON: expected value; correct it, or write the file again");
}

#[test]
fn what_can_have_no_apex_is_refused() {
    let way_out = r#"write at least {"data": {"": {"ns": ["ns1.example.net."]}}}"#;
    for (text, found) in [
        ("", "is empty"),
        (" \n", "is empty"),
        ("[]", "holds a list, not an object"),
        (" \"x\"", "holds a string, not an object"),
        ("-1", "holds a number, not an object"),
        ("null", "holds null, not an object"),
    ] {
        refuse(text, &format!(" no apex: the file {found}; {way_out}"));
    }
}

#[test]
fn a_file_name_that_is_no_domain_name_is_refused() {
    let long = "a".repeat(64);
    for (name, cause) in [
        ("", r#""" is not a domain name: it is empty"#),
        ("a b", r#""a b" is not a domain name: octet 0x20 does not print in ASCII"#),
        ("a..b", r#""a..b" is not a domain name: it has an empty label"#),
        (&long, &format!("{long:?} is not a domain name: a label has more than 63 octets")),
    ] {
        let error = parse(name, b"{}", UNIX_EPOCH, Path::new("zones/f.json")).unwrap_err();
        let way_out = "name the file after its zone, such as pool.example.com.json";
        assert_eq!(error.to_string(), format!("zones/f.json: no apex: {cause}; {way_out}"));
    }
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    let error = parse(
        "example.com",
        b"{\n \"ttl\": \"\xff\"}",
        UNIX_EPOCH,
        Path::new("zones/example.com.json"),
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "zones/example.com.json:2:10: octet 0xff is not UTF-8; save the file as UTF-8"
    );
}

#[test]
fn options_of_the_wrong_type_are_refused() {
    for (text, message) in [
        (
            r#"{"ttl": true}"#,
            r#"1:12: ttl: invalid type: boolean `true`, expected a whole number such as 600 or "600""#,
        ),
        (
            r#"{"ttl": "ten"}"#,
            r#"1:13: ttl: invalid value: string "ten", expected a whole number such as 600 or "600""#,
        ),
        (
            r#"{"ttl": 1.5}"#,
            r#"1:11: ttl: invalid type: floating point `1.5`, expected a whole number such as 600 or "600""#,
        ),
        (
            r#"{"ttl": null}"#,
            r#"1:12: ttl: invalid type: null, expected a whole number such as 600 or "600""#,
        ),
        (r#"{"ttl": -1}"#, "1:10: ttl: -1 is below 0; write 0 or more"),
        (r#"{"ttl": 2147483648}"#, "1:18: ttl: 2147483648 is too large; the most is 2147483647"),
        (
            r#"{"serial": "4294967296"}"#,
            "1:23: serial: 4294967296 is too large; the most is 4294967295",
        ),
        (r#"{"max_hosts": 65536}"#, "1:19: max_hosts: 65536 is too large; the most is 65535"),
        (
            r#"{"closest": "true"}"#,
            r#"1:18: closest: invalid type: string "true", expected true or false, without quotes"#,
        ),
        (
            r#"{"contact": 7}"#,
            r#"1:13: contact: invalid type: integer `7`, expected a mailbox such as "hostmaster.example.com""#,
        ),
        (
            r#"{"contact": "a b"}"#,
            r#"1:17: contact: "a b" is not a domain name: octet 0x20 does not print in ASCII; write it as "host.example.com.""#,
        ),
        (
            r#"{"data": []}"#,
            r#"1:11: data: invalid type: sequence, expected an object of labels such as {"www": {"a": [["192.0.2.1"]]}}"#,
        ),
        (
            r#"{"data": null}"#,
            r#"1:13: data: invalid type: null, expected an object of labels such as {"www": {"a": [["192.0.2.1"]]}}"#,
        ),
    ] {
        refuse(text, message);
    }
}

#[test]
fn a_targeting_word_that_is_none_is_refused() {
    refuse(
        r#"{"targeting": "@ contry"}"#,
        r#"1:24: targeting: unknown word "contry"; the words are: @ continent country regiongroup region asn ip"#,
    );
    refuse(
        r#"{"targeting": "country "}"#,
        r#"1:24: targeting: "country " has an empty word; put exactly one space between words"#,
    );
    refuse(
        r#"{"targeting": ["@"]}"#,
        r#"1:15: targeting: invalid type: sequence, expected words such as "@ country continent""#,
    );
}

#[test]
fn a_key_that_is_given_twice_is_refused() {
    refuse(r#"{"ttl": 1, "ttl": 2}"#, "1:16: ttl: the key is given twice; keep one");
    refuse(r#"{"data": {}, "data": {}}"#, "1:19: data: the key is given twice; keep one");
    refuse_label(r#"{"a": [], "a": []}"#, ".a: the key is given twice; keep one");
    refuse_label(
        r#"{"mx": [{"mx": "a", "mx": "b"}]}"#,
        ".mx[0].mx: the key is given twice; keep one",
    );
    refuse_label(
        r#"{"a": [{"ip": "192.0.2.1", "weight": 1, "weight": 1}]}"#,
        ".a[0].weight: the key is given twice; keep one",
    );
}

#[test]
fn a_label_that_is_given_twice_is_refused_whatever_its_case() {
    refuse(
        r#"{"data": {"www": {}, "WWW": {}}}"#,
        r#"1:26: data."WWW": the label "www" is given twice (letter case doesn't matter); merge the two"#,
    );
}

#[test]
fn a_label_that_is_no_name_is_refused() {
    for (name, message) in [
        ("a b", "a label can't have ' ' in it; use printing ASCII without spaces and backslashes"),
        ("ü", "a label can't have 'ü' in it; use printing ASCII without spaces and backslashes"),
        ("a..b", "a label can't begin or end with a dot or have two in a row; remove it"),
        ("a.", "a label can't begin or end with a dot or have two in a row; remove it"),
        (".", "a label can't begin or end with a dot or have two in a row; remove it"),
    ] {
        let error = read(&format!(r#"{{"data": {{"{name}": {{}}}}}}"#)).unwrap_err().to_string();
        assert!(error.starts_with("zones/example.com.json:1:"), "{error}");
        assert!(error.ends_with(&format!(": {message}")), "{error}");
    }
}

#[test]
fn a_label_that_is_no_object_is_refused() {
    refuse_label(
        "[]",
        r#": invalid type: sequence, expected an object of record lists such as {"a": [["192.0.2.1", 10]]}"#,
    );
    refuse_label(
        r#"{"health": "x"}"#,
        r#".health: invalid type: string "x", expected an object such as {"name": "status-file"}"#,
    );
    refuse_label(
        r#"{"alias": 1}"#,
        r#".alias: invalid type: integer `1`, expected the name of a label, such as "www" ("" for the apex)"#,
    );
}

#[test]
fn records_in_a_syntax_their_type_does_not_have_are_refused() {
    let a = r#"expected a list such as [["192.0.2.1", 10]] or [{"ip": "192.0.2.1", "weight": 10}]"#;
    let mx = r#"expected a list of objects such as [{"mx": "mx.example.net.", "preference": 10}]"#;
    for (text, message) in [
        (r#"{"a": "192.0.2.1"}"#, format!(".a: invalid type: string \"192.0.2.1\", {a}")),
        (r#"{"a": ["192.0.2.1"]}"#, format!(".a[0]: invalid type: string \"192.0.2.1\", {a}")),
        (r#"{"a": [[]]}"#, format!(".a[0]: invalid length 0, {a}")),
        (r#"{"a": [[7]]}"#, format!(".a[0]: invalid type: integer `7`, {a}")),
        (r#"{"a": {}}"#, format!(".a: invalid type: map, {a}")),
        (r#"{"a": 1}"#, format!(".a: invalid type: integer `1`, {a}")),
        (r#"{"mx": {"mx": "m"}}"#, format!(".mx: invalid type: map, {mx}")),
        (r#"{"mx": [["m", 1]]}"#, format!(".mx[0]: invalid type: sequence, {mx}")),
        (
            r#"{"ns": [{"ns": "n"}]}"#,
            r#".ns[0]: invalid type: map, expected a list of names such as ["ns1.example.net."]"#
                .into(),
        ),
    ] {
        refuse_label(text, &message);
    }
}

#[test]
fn a_record_without_its_data_is_refused() {
    refuse_label(
        r#"{"mx": [{"preference": 1}]}"#,
        r#".mx[0]: "mx" is missing; write a list of objects such as [{"mx": "mx.example.net.", "preference": 10}]"#,
    );
    for key in ["txt", "spf"] {
        let message = format!(".{key}[1]: the text is empty; write one, or leave the record out");
        refuse_label(&format!(r#"{{"{key}": ["x", ""]}}"#), &message);
    }
    refuse_label(
        r#"{"cname": ""}"#,
        r#".cname: "" is not a domain name: it is empty; write it as "host.example.com.""#,
    );
}

#[test]
fn numbers_of_records_have_their_bounds() {
    for (text, message) in [
        (
            r#"{"a": [["192.0.2.1", 4294967296]]}"#,
            ".a[0]: 4294967296 is too large; the most is 4294967295",
        ),
        (r#"{"a": [["192.0.2.1", -1]]}"#, ".a[0]: -1 is below 0; write 0 or more"),
        (
            r#"{"a": [["192.0.2.1", "x"]]}"#,
            r#".a[0]: invalid value: string "x", expected a whole number such as 600 or "600""#,
        ),
        (
            r#"{"srv": [{"target": "t", "port": 65536}]}"#,
            ".srv[0].port: 65536 is too large; the most is 65535",
        ),
        (
            r#"{"mx": [{"mx": "t", "preference": "65536"}]}"#,
            ".mx[0].preference: 65536 is too large; the most is 65535",
        ),
    ] {
        refuse_label(text, message);
    }
    let long = "x".repeat(65_280);
    refuse_label(
        &format!(r#"{{"txt": "{long}"}}"#),
        ".txt: the text has 65280 octets, more than the 65279 of a record; shorten it",
    );
}

#[test]
fn data_of_types_with_a_format_of_their_own_are_checked() {
    refuse_label(r#"{"tlsa": ["3 1 1 ab"]}"#, ".tlsa[0]: data: it has 1 octets; type 1 has 32");
    refuse_label(
        r#"{"https": {"priority": 1, "target": ".", "params": {"port": "x"}}}"#,
        r#".https: params: port: "x" is not a number from 0 to 65535"#,
    );
    refuse_label(
        r#"{"https": {"priority": [], "target": "."}}"#,
        ".https.priority: invalid type: sequence, expected a string, a whole number, or an object of parameters",
    );
    refuse_label(
        r#"{"svcb": {"priority": 1, "target": ".", "params": {"alpn": false}}}"#,
        ".svcb.params: invalid value: boolean `false`, expected a string, a number, a list of strings, or true",
    );
    refuse_label(
        r#"{"ds": "1 2 0 ab", "ds": "1 2 0 ab"}"#,
        ".ds: the key is given twice; keep one",
    );
    refuse_label(
        r#"{"sshfp": [{"type": 1}]}"#,
        r#".sshfp[0]: "algorithm" is missing; write a text such as "4 2 123456789abcdef6…" (algorithm, type, fingerprint), an object of "algorithm", "type" and "fingerprint", or a list of them"#,
    );
}

#[test]
fn a_message_does_not_repeat_a_whole_file() {
    let long = "x".repeat(100_000);
    for text in [format!(r#"{{"ttl": "{long}"}}"#), format!(r#"{{"contact": "{long} "}}"#)] {
        assert!(read(&text).unwrap_err().to_string().len() < 1000);
    }
}

#[test]
fn alias_loops_are_refused_and_named() {
    for (data, message) in [
        (
            r#""a": {"alias": "a"}"#,
            r#"data."a".alias: alias loop a -> a; let one of them have records of its own"#,
        ),
        (
            r#""a": {"alias": "b"}, "b": {"alias": "a"}"#,
            r#"data."a".alias: alias loop a -> b -> a; let one of them have records of its own"#,
        ),
        (
            r#""in": {"alias": "x"}, "x": {"alias": "y"}, "y": {"alias": "Z"}, "z": {"alias": "x"}"#,
            r#"data."x".alias: alias loop x -> y -> z -> x; let one of them have records of its own"#,
        ),
    ] {
        refuse_alias(&format!("{{\"data\": {{\n{data}}}}}"), 2, message);
    }
}

#[test]
fn alias_loops_through_targets_are_refused_and_named() {
    let all = "@ continent country regiongroup region asn ip";
    for (target, targeting) in [
        ("de", "@ country"),
        ("europe", "@ continent"),
        ("us-ca", "@ region"),
        ("us-west", "@ regiongroup"),
        ("as64496", "@ asn"),
        ("[192.0.2.0]", "@ ip"),
        ("[2001:db8::]", all),
    ] {
        let data = format!(r#""a": {{"alias": "b"}}, "b": {{}}, "b.{target}": {{"alias": "a"}}"#);
        refuse_alias(
            &format!(r#"{{"targeting": "{targeting}", "data": {{{data}}}}}"#),
            1,
            &format!(
                r#"data."a".alias: alias loop a -> b.{target} -> a; let one of them have records of its own"#
            ),
        );
    }
    refuse_alias(
        r#"{"data": {"de": {"alias": ""}}}"#,
        1,
        r#"data."de".alias: alias loop de -> de; let one of them have records of its own"#,
    );
    refuse_alias(
        r#"{"data": {"": {"alias": "a"}, "a.de": {"alias": ""}}}"#,
        1,
        r#"data."".alias: alias loop "" -> a.de -> ""; let one of them have records of its own"#,
    );
}

#[test]
fn a_chain_of_aliases_may_be_sixteen_long_and_no_longer() {
    let chain = |n: usize| {
        let links: Vec<String> =
            (0..n).map(|at| format!(r#""n{at}": {{"alias": "n{}"}}"#, at + 1)).collect();
        format!(r#"{{"data": {{{}, "n{n}": {{"a": [["192.0.2.1"]]}}}}}}"#, links.join(","))
    };
    let zone = read(&chain(16)).unwrap();
    let targets = crate::Targets::new(zone.targeting, &crate::ClientPlace::default());
    assert!(matches!(
        crate::find(&zone, "n0", &targets, 1),
        crate::Found::Records { label, .. } if &*label.name == "n16"
    ));
    refuse_alias(
        &chain(17),
        1,
        r#"data."n0".alias: more than 16 aliases in a row; let it name the last one's label"#,
    );
    assert!(read(&chain(100_000)).is_err());
}
