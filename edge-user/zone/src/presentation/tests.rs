//! Tests of presentation format: vectors of the RFCs, and refused data.

use super::{LAYOUTS, Layout};
use crate::{Name, RecordKind};

fn layout(kind: RecordKind) -> &'static Layout {
    LAYOUTS.iter().find(|layout| layout.kind == kind).unwrap()
}

/// The data, or the message of the error.
fn parse(kind: RecordKind, text: &str) -> Result<Vec<u8>, String> {
    let data = layout(kind).parse(text, &Name::parse("example.com").unwrap());
    data.map(Vec::from).map_err(|error| error.to_string())
}

#[test]
fn a_caa_is_flags_tag_and_value() {
    assert_eq!(
        parse(RecordKind::Caa, r#"0 issue "ca.example.net; policy=ev""#).unwrap(),
        b"\0\x05issueca.example.net; policy=ev"
    );
    assert_eq!(parse(RecordKind::Caa, "128 TBS Unknown").unwrap(), b"\x80\x03TBSUnknown");
    assert_eq!(parse(RecordKind::Caa, r#"0 issue ";""#).unwrap(), b"\0\x05issue;");
    assert_eq!(parse(RecordKind::Caa, r#"0 iodef """#).unwrap(), b"\0\x05iodef");
}

#[test]
fn a_ds_is_as_in_rfc_4509() {
    let text = "60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0 614B93C4F9E99B8383F6A1E4469DA50A";
    let data = parse(RecordKind::Ds, text).unwrap();
    assert_eq!(data[..8], [0xec, 0x45, 5, 2, 0xd4, 0xb7, 0xd5, 0x20]);
    assert_eq!(data.len(), 36);
}

#[test]
fn a_naptr_has_three_strings_and_a_name() {
    assert_eq!(
        parse(RecordKind::Naptr, r#"100 50 "s" "http+I2L" "" _http._tcp"#).unwrap(),
        b"\0\x64\0\x32\x01s\x08http+I2L\0\x05_http\x04_tcp\x07example\x03com\0"
    );
    assert_eq!(
        parse(RecordKind::Naptr, r#"1 2 u E2U+sip "!^.*$!sip:info@example.com!" ."#).unwrap(),
        b"\0\x01\0\x02\x01u\x07E2U+sip\x1b!^.*$!sip:info@example.com!\0"
    );
}

#[test]
fn digests_have_their_algorithms_length() {
    let digest = "ab".repeat(32);
    let data = parse(RecordKind::Tlsa, &format!("3 1 1 {digest}")).unwrap();
    assert_eq!((data.len(), &data[..4]), (35, &[3, 1, 1, 0xab][..]));
    let data = parse(RecordKind::Sshfp, &format!("4 2 {digest}")).unwrap();
    assert_eq!((data.len(), &data[..3]), (34, &[4, 2, 0xab][..]));
    // A whole certificate is as long as it is.
    assert_eq!(parse(RecordKind::Tlsa, "3 0 0 3082").unwrap(), [3, 0, 0, 0x30, 0x82]);
    for (kind, text) in [
        (RecordKind::Tlsa, "3 1 1 abcd"),
        (RecordKind::Tlsa, "3 1 2 abcd"),
        (RecordKind::Sshfp, "4 2 abcd"),
        (RecordKind::Ds, "1 13 2 abcd"),
    ] {
        let fault = parse(kind, text).unwrap_err();
        assert!(fault.contains("it has 2 octets; type "), "{fault}");
    }
}

/// The vectors of RFC 9460 appendix D.
#[test]
fn service_bindings_are_as_in_rfc_9460() {
    let cases: [(&str, &[u8]); 12] = [
        ("0 foo.example.com.", b"\0\0\x03foo\x07example\x03com\0"),
        ("1 .", b"\0\x01\0"),
        (
            "16 foo.example.com. port=53",
            b"\0\x10\x03foo\x07example\x03com\0\0\x03\0\x02\0\x35",
        ),
        (
            "1 foo.example.com. key667=hello",
            b"\0\x01\x03foo\x07example\x03com\0\x02\x9b\0\x05hello",
        ),
        (
            r#"1 foo.example.com. key667="hello\210qoo""#,
            b"\0\x01\x03foo\x07example\x03com\0\x02\x9b\0\x09hello\xd2qoo",
        ),
        (
            r#"1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1""#,
            b"\0\x01\x03foo\x07example\x03com\0\0\x06\0\x20\
              \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\x53\0\x01",
        ),
        (
            r#"16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1"#,
            b"\0\x10\x03foo\x07example\x03org\0\0\0\0\x04\0\x01\0\x04\
              \0\x01\0\x09\x02h2\x05h3-19\0\x04\0\x04\xc0\0\x02\x01",
        ),
        (
            r#"16 foo.example.org. alpn="f\\\\oo\\,bar,h2""#,
            b"\0\x10\x03foo\x07example\x03org\0\0\x01\0\x0c\x08f\\oo,bar\x02h2",
        ),
        (
            r"16 foo.example.org. alpn=f\\\092oo\092,bar,h2",
            b"\0\x10\x03foo\x07example\x03org\0\0\x01\0\x0c\x08f\\oo,bar\x02h2",
        ),
        ("1 . alpn=h2 no-default-alpn", b"\0\x01\0\0\x01\0\x03\x02h2\0\x02\0\0"),
        ("1 . ech=aGVsbG8=", b"\0\x01\0\0\x05\0\x05hello"),
        ("1 svc dohpath=/q{?dns}", b"\0\x01\x03svc\x07example\x03com\0\0\x07\0\x08/q{?dns}"),
    ];
    for (text, expect) in cases {
        for kind in [RecordKind::Svcb, RecordKind::Https] {
            assert_eq!(parse(kind, text).as_deref(), Ok(expect), "{text}");
        }
    }
}

#[test]
fn service_bindings_that_contradict_themselves_are_refused() {
    for (text, fault) in [
        ("1 . key123=abc key123=def", "params: key123 is given twice; keep one"),
        ("1 . mandatory", "params: mandatory: it needs a value"),
        ("1 . alpn", "params: alpn: it needs a value"),
        ("1 . port", "params: port: it needs a value"),
        ("1 . ipv4hint", "params: ipv4hint: it needs a value"),
        (
            "1 . no-default-alpn=abc alpn=h2",
            "params: no-default-alpn: it has no value; leave it out",
        ),
        ("1 . no-default-alpn", "params: no-default-alpn needs alpn beside it"),
        ("1 . mandatory=key123", "params: mandatory names key123, which isn't there"),
        ("1 . mandatory=mandatory", "params: mandatory names key0, which isn't there"),
        ("1 . port=65536", "params: port: \"65536\" is not a number from 0 to 65535"),
        ("1 . ipv4hint=::1", "params: ipv4hint: \"::1\" is not an IPv4 address"),
        ("1 . ipv6hint=192.0.2.1", "params: ipv6hint: \"192.0.2.1\" is not an IPv6 address"),
        (
            "1 . alpn=h2,,h3",
            "params: alpn: a protocol is empty; write them with single commas between",
        ),
        ("1 . ech=a===", "params: ech: \"a===\" is not base64"),
        (
            "1 . prot=1",
            "params: \"prot\" is not a parameter; the names are mandatory, alpn, \
          no-default-alpn, port, ipv4hint, ech, ipv6hint, dohpath, ohttp and keyNNNNN",
        ),
        ("65536 .", "priority: \"65536\" is not a number from 0 to 65535"),
        ("1 a..b", "target: \"a..b\" is not a domain name: it has an empty label"),
    ] {
        assert_eq!(parse(RecordKind::Https, text).unwrap_err(), fault, "{text}");
    }
}

#[test]
fn too_few_fields_and_too_many_are_told_with_an_example() {
    for (kind, text, fault) in [
        (RecordKind::Caa, "0 issue", "has too few fields; write a text such as"),
        (RecordKind::Caa, "0 issue a b", "has too many fields; write a text such as"),
        (RecordKind::Ds, "1 2 3", "has too few fields"),
        (RecordKind::Svcb, "1", "has too few fields"),
        (RecordKind::Caa, "", "has too few fields"),
        (RecordKind::Caa, r#"0 issue "a"#, "has a quote that doesn't end"),
        (RecordKind::Caa, r"0 issue a\", "a backslash needs something behind it"),
        (RecordKind::Caa, r"0 issue \256", "a backslash needs a character or three digits"),
        (RecordKind::Caa, "256 issue a", "flags: \"256\" is not a number from 0 to 255"),
        (RecordKind::Caa, "0 is-sue a", "tag: \"is-sue\" is not a tag"),
        (RecordKind::Tlsa, "3 1 0 xyz", "data: \"xyz\" is not hexadecimal"),
        (RecordKind::Tlsa, "3 1 0 abc", "data: \"abc\" is not hexadecimal"),
    ] {
        let found = parse(kind, text).unwrap_err();
        assert!(found.contains(fault), "{found}");
    }
    let long = format!(r#"1 1 "{}" "" "" ."#, "x".repeat(256));
    assert_eq!(
        parse(RecordKind::Naptr, &long).unwrap_err(),
        "flags: it has 256 octets; 255 are the most"
    );
}
