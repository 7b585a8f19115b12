//! Tests with zones too large or too strange to write by hand.

use std::fmt::Write as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::{parse, read};
use crate::{ClientPlace, Found, Targets, Zone, find};

/// A zone like the pool's: `n_geo` labels with `n_addresses` each, and `n_vendors` labels that are
/// aliases.
fn pool(n_geo: usize, n_addresses: usize, n_vendors: usize, padding: &str) -> String {
    let mut text = String::from(r#"{"serial": 1, "ttl": 150, "max_hosts": 4, "data": {"#);
    write!(text, r#""": {{"ns": {{"ns1.example.net.": null}}}}"#).unwrap();
    for geo in 0..n_geo {
        write!(text, ",\n\"{}.g{}\": {{{padding}\"a\": [", geo % 4, geo / 4).unwrap();
        for at in 0..n_addresses {
            let (high, low) = (geo % 250, at % 250);
            let comma = if at > 0 { "," } else { "" };
            write!(text, "{comma}\n   [{padding}\"192.{high}.{low}.1\", {padding}{}]", at * 1000)
                .unwrap();
        }
        text.push_str("]}");
    }
    for vendor in 0..n_vendors {
        write!(text, ",\n\"{}.v{}\": {{\"alias\": \"{0}.g0\"}}", vendor % 4, vendor / 4).unwrap();
    }
    text.push_str("}}");
    text
}

#[test]
fn a_zone_of_ten_megabytes_is_read_whole() {
    let text = pool(1300, 24, 2000, &" ".repeat(150));
    assert!(text.len() > 9_000_000, "{}", text.len());
    let zone = read(&text).unwrap();
    assert!(zone.warnings.is_empty());
    // 1,300 in 325 groups, 2,000 of 500 vendors, and the apex.
    assert_eq!(zone.labels.len(), 1300 + 325 + 2000 + 500 + 1);
    let n_addresses: usize =
        zone.labels.iter().filter_map(|label| label.a.as_ref().map(Vec::len)).sum();
    assert_eq!(n_addresses, 31_200);
    assert_eq!(zone.labels.iter().filter(|label| label.alias.is_some()).count(), 2000);
}

const EVERYTHING: &str = r#"{
  "serial": "7", "ttl": 600, "max_hosts": 4, "contact": "a\\.b@example.net", "closest": false,
  "targeting": "@ country continent region regiongroup asn ip", "logging": {"stathat": true},
  "data": {
    "": {"ns": {"ns1.example.net.": null}, "mx": [{"mx": ".", "preference": 0, "weight": 1}],
         "spf": [{"spf": "v=spf1 ~all", "weight": 1000}], "txt": "t", "alias": "foo"},
    "foo": {"a": [["192.0.2.1", 10], {"ip": "192.0.2.2", "weight": "5", "health": "h"}],
            "aaaa": [["2001:db8::1"], {"aaaa": "2001:db8::2"}], "max_hosts": "1", "ttl": "601"},
    "foo.europe": {"a": []}, "foo.[192.0.2.0]": {"cname": [["w.", 1], {"cname": "v"}]},
    "_sip._tcp": {"srv": [{"port": 1, "srv_weight": 2, "priority": 3, "target": "s."}]},
    "p": {"ptr": [["q."]], "health": {"type": "tcp", "port": 80}, "closest": true, "loc": 1},
    "*": {"caa": ["0 issue \"ca\"", {"tag": "iodef", "value": "m"}], "tlsa": "3 1 0 ab"},
    "_x": {"https": {"priority": 1, "target": ".", "params": {"alpn": ["h2"], "port": 1}}, "naptr": "1 2 s p \"\" q"},
    "w": {"alias": "foo"}, "x.de": {"alias": "w"}, "l": {"cname": "x\u002ey"}
  }
}"#;

#[test]
fn a_zone_with_everything_is_read() {
    let zone = read(EVERYTHING).unwrap();
    assert_eq!(zone.warnings, [r#"data."p": unknown key "loc" is ignored"#]);
}

fn search_everything(zone: &Zone) {
    let place = ClientPlace::in_country("us").in_subdivision("ca");
    let place = ClientPlace { ip: Some("192.0.2.1".parse().unwrap()), ..place };
    let targets = Targets::new(zone.targeting, &place);
    for label in &zone.labels {
        for qtype in [1, 2, 6, 16, 28, 65, 255] {
            assert!(!matches!(find(zone, &label.name, &targets, qtype), Found::NxDomain));
        }
    }
}

#[test]
fn a_mutated_zone_is_read_or_refused_but_never_a_panic() {
    let mut random = fastrand::Rng::with_seed(0x5eed);
    let good = EVERYTHING.as_bytes();
    let pieces: [&[u8]; 12] = [
        b"\"",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"null",
        b"-1e999",
        b"\"alias\":\"\",",
        b"\xff",
        b"\\u0000",
    ];
    let (mut n_read, mut n_refused) = (0, 0);
    for _ in 0..20_000 {
        let mut text = good.to_vec();
        for _ in 0..=random.usize(0..3) {
            let (from, to) = (random.usize(0..text.len()), random.usize(0..text.len()));
            match random.u8(0..5) {
                0 => text[from] = random.u8(..),
                1 => text[from] = good[random.usize(0..good.len())],
                2 => drop(text.drain(from.min(to)..from.max(to).min(from.min(to) + 20))),
                3 => {
                    let piece = pieces[random.usize(0..pieces.len())];
                    drop(text.splice(from..from, piece.iter().copied()));
                }
                _ => {
                    let end = (from + 40).min(text.len());
                    let copy = text[from..end].to_vec();
                    drop(text.splice(to..to, copy));
                }
            }
        }
        match parse("example.com", &text, UNIX_EPOCH, Path::new("z.json")) {
            Ok(zone) => {
                search_everything(&zone);
                n_read += 1;
            }
            Err(error) => {
                assert!(error.to_string().starts_with("z.json:"));
                n_refused += 1;
            }
        }
    }
    // Neither outcome may be a rarity, or the mutations test nothing.
    assert!(n_read > 500 && n_refused > 5000, "{n_read} read, {n_refused} refused");
}

#[test]
fn every_beginning_of_a_zone_is_refused() {
    for end in 0..EVERYTHING.len() {
        assert!(read(&EVERYTHING[..end]).is_err(), "{end}");
    }
}
