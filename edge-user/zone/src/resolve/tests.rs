//! Tests of the search.
//!
//! The zone is small and has one of everything that the search must distinguish.

use std::path::Path;
use std::time::UNIX_EPOCH;

use super::{Found, Rules, ZoneCut, find, find_where, parent, split, split_text};
use crate::{ClientPlace, Label, Name, RecordKind, Targets, Zone, parse};

const A: u16 = 1;
const NS: u16 = 2;
const MF: u16 = 4;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const HTTPS: u16 = 65;
const ANY: u16 = 255;

const DATA: &str = r#"
  "":        {"ns": ["ns1.example.net."], "mx": [{"mx": "mx."}], "a": [["192.0.2.1"]]},
  "europe":  {"mx": [{"mx": "mx-eu."}]},
  "de":      {"a": [["192.0.2.2"]]},
  "0":       {"a": [["192.0.2.3"]]},
  "0.europe": {"a": [["192.0.2.4"]], "aaaa": [["2001:db8::4"]]},
  "0.de":    {"a": [], "txt": "de"},
  "0.gb":    {"alias": "0.uk"},
  "0.uk":    {"a": [["192.0.2.5"]]},
  "0.v":     {"alias": "0"},
  "v":       {"alias": ""},
  "www":     {"cname": "web.", "txt": "hidden"},
  "www.europe": {"a": [["192.0.2.6"]]},
  "geo.europe": {"a": [["192.0.2.7"]]},
  "lost":    {"alias": "gone"},
  "both":    {"alias": "0.uk", "txt": "own"},
  "sub":     {"ns": ["ns2."]},
  "sub-alias": {"alias": "sub"},
  "bar":     {"a": [["192.0.2.8"]]},
  "bar.as64496": {"a": [["192.0.2.9"]]},
  "bar.[192.0.2.0]": {"a": [["192.0.2.10"]]},
  "bar.us-ca": {"a": [["192.0.2.11"]]},
  "bar.us-west": {"a": [["192.0.2.12"]]},
  "a.b.c":   {"a": [["192.0.2.13"]]},
  "geo-cname.europe": {"cname": "c."},
  "empty":   {"a": []}
"#;

fn zone(targeting: &str) -> Zone {
    let text = format!(r#"{{"targeting": "{targeting}", "data": {{{DATA}}}}}"#);
    parse("Example.com", text.as_bytes(), UNIX_EPOCH, Path::new("z")).unwrap()
}

/// What a client at `place` finds, as text: `label TYPE`, `NODATA` or `NXDOMAIN`.
fn ask_at(targeting: &str, place: &ClientPlace, label: &str, qtype: u16) -> String {
    let zone = zone(targeting);
    shown(find(&zone, label, &Targets::new(zone.targeting, place), qtype))
}

fn shown(found: Found<'_>) -> String {
    match found {
        Found::Records { label, kind } => format!("{:?} {kind:?}", label.name),
        Found::Any { label } => format!("{:?} ANY", label.name),
        Found::NoData => "NODATA".to_owned(),
        Found::NxDomain => "NXDOMAIN".to_owned(),
    }
}

/// The same with the default targeting, from a country.
fn ask(country: &str, label: &str, qtype: u16) -> String {
    ask_at("@ country continent", &ClientPlace::in_country(country), label, qtype)
}

#[test]
fn the_most_specific_label_with_the_type_answers() {
    assert_eq!(ask("fr", "0", A), r#""0.europe" A"#);
    assert_eq!(ask("us", "0", A), r#""0" A"#);
    assert_eq!(ask("", "0", A), r#""0" A"#);
}

#[test]
fn an_empty_list_and_a_missing_type_fall_through_to_the_next_target() {
    assert_eq!(ask("de", "0", A), r#""0.europe" A"#);
    assert_eq!(ask("de", "0", TXT), r#""0.de" Txt"#);
    assert_eq!(ask("gb", "0", AAAA), r#""0.europe" Aaaa"#);
}

#[test]
fn a_type_that_no_target_has_is_nodata() {
    assert_eq!(ask("us", "0", AAAA), "NODATA");
    assert_eq!(ask("de", "0", MX), "NODATA");
    assert_eq!(ask("de", "0", HTTPS), "NODATA");
    assert_eq!(ask("us", "empty", A), "NODATA");
}

#[test]
fn at_the_apex_the_target_itself_is_the_label() {
    assert_eq!(ask("de", "", A), r#""de" A"#);
    assert_eq!(ask("de", "", MX), r#""europe" Mx"#);
    assert_eq!(ask("us", "", MX), r#""" Mx"#);
    assert_eq!(ask("de", "", NS), r#""" Ns"#);
    assert_eq!(ask("de", "", SOA), r#""" Soa"#);
    assert_eq!(ask("de", "", AAAA), "NODATA");
}

#[test]
fn a_name_that_is_not_there_is_nxdomain() {
    assert_eq!(ask("de", "nowhere", A), "NXDOMAIN");
    assert_eq!(ask("de", "0.0", A), "NXDOMAIN");
    assert_eq!(ask("de", "nowhere", ANY), "NXDOMAIN");
}

#[test]
fn an_empty_non_terminal_is_nodata() {
    assert_eq!(ask("de", "b.c", A), "NODATA");
    assert_eq!(ask("de", "c", ANY), "NODATA");
}

#[test]
fn an_explicit_target_is_a_label_like_any_other() {
    assert_eq!(ask("us", "0.europe", A), r#""0.europe" A"#);
    assert_eq!(ask("us", "europe", MX), r#""europe" Mx"#);
    assert_eq!(ask("us", "europe", A), "NODATA");
}

#[test]
fn an_alias_is_searched_with_the_clients_targets() {
    assert_eq!(ask("us", "0.v", A), r#""0" A"#);
    assert_eq!(ask("fr", "0.v", A), r#""0.europe" A"#);
    assert_eq!(ask("gb", "0.v", A), r#""0.uk" A"#);
    assert_eq!(ask("de", "v", A), r#""de" A"#);
}

#[test]
fn an_alias_that_lacks_the_type_falls_through_too() {
    assert_eq!(ask("gb", "0.v", AAAA), r#""0.europe" Aaaa"#);
    assert_eq!(ask("us", "0.v", AAAA), "NODATA");
}

#[test]
fn an_alias_does_not_lend_ns_and_soa() {
    assert_eq!(ask("us", "sub", NS), r#""sub" Ns"#);
    assert_eq!(ask("us", "sub-alias", NS), "NODATA");
    assert_eq!(ask("us", "v", SOA), "NODATA");
    assert_eq!(ask("us", "v", MX), r#""" Mx"#);
}

#[test]
fn a_label_with_an_alias_answers_itself_what_the_alias_does_not_have() {
    assert_eq!(ask("us", "both", A), r#""0.uk" A"#);
    assert_eq!(ask("us", "both", TXT), r#""both" Txt"#);
}

#[test]
fn an_alias_of_nothing_is_nodata() {
    assert_eq!(ask("us", "lost", A), "NODATA");
    assert_eq!(ask("us", "lost", ANY), "NODATA");
}

#[test]
fn an_alias_is_not_a_record() {
    assert_eq!(ask("us", "0.v", MF), "NODATA");
}

#[test]
fn a_cname_beats_the_type_at_its_target_but_not_a_more_specific_label() {
    assert_eq!(ask("us", "www", TXT), r#""www" Cname"#);
    assert_eq!(ask("us", "www", A), r#""www" Cname"#);
    assert_eq!(ask("us", "www", CNAME), r#""www" Cname"#);
    assert_eq!(ask("us", "www", HTTPS), r#""www" Cname"#);
    assert_eq!(ask("de", "www", A), r#""www.europe" A"#);
    assert_eq!(ask("de", "www", TXT), r#""www" Cname"#);
}

#[test]
fn a_name_that_exists_only_for_some_is_nodata_for_them_and_nxdomain_for_others() {
    assert_eq!(ask("de", "geo", A), r#""geo.europe" A"#);
    assert_eq!(ask("de", "geo", MX), "NODATA");
    assert_eq!(ask("us", "geo", A), "NXDOMAIN");
    assert_eq!(ask("us", "geo", MX), "NXDOMAIN");
}

#[test]
fn any_is_not_targeted_and_answers_from_the_plain_label() {
    assert_eq!(ask("fr", "0", ANY), r#""0" ANY"#);
    assert_eq!(ask("de", "", ANY), r#""" ANY"#);
    assert_eq!(ask("us", "0.v", ANY), r#""0" ANY"#);
}

#[test]
fn any_of_a_name_that_exists_only_for_some_is_nodata_for_them() {
    assert_eq!(ask("de", "geo", ANY), "NODATA");
    assert_eq!(ask("us", "geo", ANY), "NXDOMAIN");
    assert_eq!(ask("de", "geo-cname", ANY), r#""geo-cname.europe" Cname"#);
}

#[test]
fn any_prefers_a_cname() {
    assert_eq!(ask("us", "www", ANY), r#""www" Cname"#);
}

#[test]
fn every_kind_of_target_finds_its_label() {
    let all = "@ country continent regiongroup region ip asn";
    let place = ClientPlace::in_country("us");
    let find = |place: &ClientPlace| ask_at(all, place, "bar", A);
    assert_eq!(find(&place), r#""bar" A"#);
    let in_nevada = place.clone().in_subdivision("NV");
    assert_eq!(find(&in_nevada), r#""bar.us-west" A"#);
    let in_california = place.in_subdivision("CA");
    assert_eq!(find(&in_california), r#""bar.us-ca" A"#);
    let in_asn = ClientPlace { asn: Some(64_496), ..in_california };
    assert_eq!(find(&in_asn), r#""bar.as64496" A"#);
    let at_address = ClientPlace { ip: Some("192.0.2.77".parse().unwrap()), ..in_asn };
    assert_eq!(find(&at_address), r#""bar.[192.0.2.0]" A"#);
}

#[test]
fn without_the_global_target_a_plain_label_only_exists() {
    let place = ClientPlace::in_country("us");
    assert_eq!(ask_at("country", &place, "0", A), "NODATA");
    assert_eq!(ask_at("country", &place, "0", ANY), "NODATA");
    assert_eq!(ask_at("country", &place, "nowhere", A), "NXDOMAIN");
}

/// Labels whose sets yield nothing.
struct Sick(&'static [&'static str]);

impl Rules for Sick {
    fn yields(&self, label: &Label, _: RecordKind) -> bool {
        !self.0.contains(&&*label.name)
    }
}

#[test]
fn a_set_that_yields_nothing_is_passed_over() {
    let zone = zone("@ country continent");
    let targets = Targets::new(zone.targeting, &ClientPlace::in_country("fr"));
    let ask = |names, qtype| shown(find_where(&zone, "0", &targets, qtype, &Sick(names)));
    assert_eq!(ask(&[], A), r#""0.europe" A"#);
    assert_eq!(ask(&["0.europe"], A), r#""0" A"#);
    assert_eq!(ask(&["0.europe", "0"], A), "NODATA");
    assert_eq!(ask(&["0"], ANY), "NODATA");
}

#[test]
fn a_search_ends_even_if_a_zone_has_a_loop() {
    // Reading refuses loops, so one is put in by hand: this is the second line of defence.
    let text =
        br#"{"data": {"": {}, "a": {"alias": "b"}, "b": {"txt": "t"}, "b.de": {"txt": "t"}}}"#;
    let zone = parse("example.com", text, UNIX_EPOCH, Path::new("z")).unwrap();
    let given = zone.labels.iter().cloned().map(|mut label| {
        if label.name.starts_with('b') {
            label.alias = Some("a".into());
        }
        label
    });
    let labels = crate::Labels::new(given.collect(), &Label::default());
    let zone = Zone { labels, ..zone };
    let targets = Targets::new(zone.targeting, &ClientPlace::in_country("de"));
    assert_eq!(shown(find(&zone, "a", &targets, A)), "NODATA");
    assert_eq!(shown(find(&zone, "a", &targets, TXT)), r#""b.de" Txt"#);
}

#[test]
fn a_name_is_split_at_the_apex_whatever_its_case() {
    let zone = zone("@");
    for (name, label) in [
        ("example.com.", Some("")),
        ("EXAMPLE.COM", Some("")),
        ("WWW.Example.Com", Some("www")),
        ("_sip._TCP.example.com", Some("_sip._tcp")),
        ("notexample.com", None),
        ("example.net", None),
        ("com", None),
        (".", None),
        ("example.com.net", None),
        ("", None),
    ] {
        assert_eq!(split_text(&zone, name).as_deref(), label, "{name}");
    }
}

#[test]
fn the_apex_within_a_label_is_not_the_apex() {
    let zone = zone("@");
    // One label that ends in the octets of the apex.
    assert_eq!(split(&zone, b"\x0eA\x07example\x03com\0\0"), None);
    assert_eq!(split(&zone, b"\x01a\x07example\x03com\0").as_deref(), Some("a"));
}

#[test]
fn a_dot_within_a_label_does_not_separate() {
    let zone = zone("@");
    assert_eq!(split(&zone, b"\x03a.b\x07example\x03com\0").as_deref(), Some(r"a\.b"));
    assert_eq!(split(&zone, b"\x02\0\\\x07example\x03com\0").as_deref(), Some(r"\000\\"));
}

#[test]
fn a_name_that_is_not_well_formed_is_in_no_zone() {
    let zone = zone("@");
    let good = Name::parse("www.example.com").unwrap();
    for end in 0..good.wire().len() {
        assert_eq!(split(&zone, &good.wire()[..end]), None);
    }
    assert_eq!(split(&zone, b"\0\x07example\x03com\0"), None);
    assert_eq!(split(&zone, b"\x03www\xc0\x0c\x07example\x03com\0"), None);
    assert_eq!(split(&zone, b"\xff\x07example\x03com\0"), None);
}

#[test]
fn a_found_set_can_be_read_with_its_weights() {
    let zone = zone("@");
    let targets = Targets::new(zone.targeting, &ClientPlace::default());
    let Found::Records { label, kind: kind @ RecordKind::A } = find(&zone, "bar", &targets, A)
    else {
        panic!("bar has an address");
    };
    assert_eq!((label.records(kind).len(), label.records(kind).total_weight()), (1, 1));
}

const WILD: &str = r#"{"data": {"": {"ns": ["ns1.example.net."]},
  "*": {"a": [["192.0.2.1"]]}, "*.europe": {"a": [["192.0.2.2"]], "txt": "t"},
  "host": {"a": [["192.0.2.3"]]}, "only.europe": {"a": [["192.0.2.4"]]}, "a.b.sub": {"a": []},
  "*.cname": {"cname": "host"}, "*.alias": {"alias": "host"}, "*.empty": {}}}"#;

/// What a client in a country finds in a zone of wildcards.
fn ask_wild(country: &str, label: &str, qtype: u16) -> String {
    let zone = parse("example.com", WILD.as_bytes(), UNIX_EPOCH, Path::new("z")).unwrap();
    let targets = Targets::new(zone.targeting, &ClientPlace::in_country(country));
    shown(find(&zone, label, &targets, qtype))
}

#[test]
fn a_name_that_does_not_exist_is_made_up_from_the_wildcard_of_its_closest_encloser() {
    assert_eq!(ask_wild("us", "nowhere", A), r#""*" A"#);
    assert_eq!(ask_wild("us", "a.b.nowhere", A), r#""*" A"#);
    assert_eq!(ask_wild("us", "nowhere", AAAA), "NODATA");
    assert_eq!(ask_wild("us", "x.cname", A), r#""*.cname" Cname"#);
    assert_eq!(ask_wild("us", "x.alias", A), r#""host" A"#);
    assert_eq!(ask_wild("us", "x.empty", A), "NODATA");
    assert_eq!(ask_wild("us", "*", A), r#""*" A"#);
}

#[test]
fn a_name_that_exists_blocks_the_wildcard_above_it() {
    assert_eq!(ask_wild("us", "host", AAAA), "NODATA");
    assert_eq!(ask_wild("us", "x.host", A), "NXDOMAIN");
    // Empty non-terminals exist, too (RFC 4592 §2.2.2).
    assert_eq!(ask_wild("us", "sub", A), "NODATA");
    assert_eq!(ask_wild("us", "x.sub", A), "NXDOMAIN");
    assert_eq!(ask_wild("us", "x.b.sub", A), "NXDOMAIN");
    assert_eq!(ask_wild("us", "europe", A), "NODATA");
}

#[test]
fn a_wildcard_has_targets_like_any_other_label() {
    assert_eq!(ask_wild("de", "nowhere", A), r#""*.europe" A"#);
    assert_eq!(ask_wild("de", "nowhere", TXT), r#""*.europe" Txt"#);
    assert_eq!(ask_wild("us", "nowhere", TXT), "NODATA");
    assert_eq!(ask_wild("us", "x.europe", A), r#""*.europe" A"#);
}

#[test]
fn a_name_that_exists_for_some_clients_blocks_the_wildcard_for_them() {
    assert_eq!(ask_wild("de", "only", A), r#""only.europe" A"#);
    assert_eq!(ask_wild("de", "only", AAAA), "NODATA");
    assert_eq!(ask_wild("us", "only", A), r#""*" A"#);
    assert_eq!(ask_wild("de", "x.only", A), "NXDOMAIN");
    assert_eq!(ask_wild("us", "x.only", A), r#""*" A"#);
}

/// `sub` is the apex of another zone, `up` leads to one.
struct Nested;

impl Rules for Nested {
    fn cut(&self, label: &str) -> Option<ZoneCut> {
        match label {
            "sub" => Some(ZoneCut::At),
            "up" => Some(ZoneCut::Above),
            _ => None,
        }
    }

    fn is_reserved(&self, label: &str) -> bool {
        label == "_status"
    }
}

#[test]
fn another_zones_apex_has_only_ds_records_here_and_what_leads_to_it_exists() {
    const DS: u16 = 43;
    let text = br#"{"data": {"": {}, "*": {"a": [["192.0.2.1"]]},
      "sub": {"a": [["192.0.2.2"]], "cname": "x", "ds": "1 13 2 dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"}}}"#;
    let zone = parse("example.com", text, UNIX_EPOCH, Path::new("z")).unwrap();
    let targets = Targets::new(zone.targeting, &ClientPlace::default());
    let ask = |label, qtype| shown(find_where(&zone, label, &targets, qtype, &Nested));
    assert_eq!(ask("sub", DS), r#""sub" Ds"#);
    assert_eq!(ask("sub", A), "NODATA");
    assert_eq!(ask("up", A), "NODATA");
    assert_eq!(ask("x.up", A), "NXDOMAIN");
    assert_eq!(ask("x", A), r#""*" A"#);
    assert_eq!(ask("_status", A), "NXDOMAIN");
    assert_eq!(shown(find(&zone, "sub", &targets, DS)), r#""sub" Cname"#);
}

#[test]
fn nothing_hides_what_makes_the_zone_a_zone() {
    let text = br#"{"data": {"": {"ns": ["ns1."], "cname": "x", "alias": "www"},
      "www": {"cname": "y", "ns": ["ns2."]}, "europe": {"cname": "z"}}}"#;
    let zone = parse("example.com", text, UNIX_EPOCH, Path::new("z")).unwrap();
    let targets = Targets::new(zone.targeting, &ClientPlace::in_country("DE"));
    let ask = |qtype| shown(find(&zone, "", &targets, qtype));
    assert_eq!((ask(NS), ask(SOA)), (r#""" Ns"#.to_owned(), r#""" Soa"#.to_owned()));
    assert_eq!(ask(A), r#""europe" Cname"#);
}

#[test]
fn an_alias_at_the_apex_lends_it_everything_but_ns_and_soa() {
    let text = br#"{"data": {"": {"ns": ["ns1."], "alias": "www"},
      "www": {"a": [["192.0.2.1"]], "ns": ["ns2."]}, "www.europe": {"a": [["192.0.2.2"]]}}}"#;
    let zone = parse("example.com", text, UNIX_EPOCH, Path::new("z")).unwrap();
    let ask = |country, qtype| {
        let targets = Targets::new(zone.targeting, &ClientPlace::in_country(country));
        shown(find(&zone, "", &targets, qtype))
    };
    assert_eq!(ask("us", A), r#""www" A"#);
    assert_eq!(ask("fr", A), r#""www.europe" A"#);
    assert_eq!((ask("us", NS), ask("us", SOA)), (r#""" Ns"#.to_owned(), r#""" Soa"#.to_owned()));
    assert_eq!(ask("us", AAAA), "NODATA");
}

#[test]
fn the_name_above_is_behind_the_first_dot_that_is_not_escaped() {
    for (label, above) in
        [("a.b.c", "b.c"), ("c", ""), ("", ""), (r"a\.b", ""), (r"a\\.b", "b"), (r"a\046.b", "b")]
    {
        assert_eq!(parent(label), above, "{label}");
    }
    assert_eq!(parent(r"a\.b.c"), "c");
}
