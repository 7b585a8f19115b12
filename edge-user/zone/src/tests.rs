//! Tests of reading zone files.
//!
//! The search has tests of its own.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::{Label, MAX_FILE_OCTETS, Name, Records, Zone, ZoneError, load, parse, zone_name};

mod errors;
mod generated;
mod wire;

/// Reads `text` as `zones/example.com.json`, last changed 1000 s after 1970.
fn read(text: &str) -> Result<Zone, ZoneError> {
    let mtime = UNIX_EPOCH + Duration::from_secs(1000);
    parse("example.com", text.as_bytes(), mtime, Path::new("zones/example.com.json"))
}

/// Reads a zone whose `data` is given.
fn data(text: &str) -> Zone {
    read(&format!(r#"{{"data": {{"": {{}}, {text}}}}}"#)).unwrap()
}

/// Reads a label `x` whose value is given.
fn label(text: &str) -> Label {
    data(&format!(r#""x": {text}"#)).labels.get("x").unwrap().clone()
}

fn names(zone: &Zone) -> Vec<&str> {
    zone.labels.iter().map(|label| &*label.name).collect()
}

#[test]
fn options_have_geodns_defaults() {
    let zone = read(r#"{"data": {"": {}, "x": {}}}"#).unwrap();
    assert_eq!(zone.apex.to_string(), "example.com.");
    assert_eq!((zone.serial, zone.ttl, zone.max_hosts), (1000, 120, 2));
    assert_eq!(zone.contact.to_string(), "hostmaster.example.com.");
    assert_eq!(zone.targeting.to_string(), "@ continent country");
    assert!(!zone.has_closest);
    let x = zone.labels.get("x").unwrap();
    assert_eq!((x.ttl, x.max_hosts, x.closest), (None, 2, false));
    assert!(zone.warnings.is_empty());
}

#[test]
fn options_are_read_after_data_too_and_reach_its_labels() {
    let zone = read(
        r#"{"data": {"": {}, "x": {}, "y.z": {"max_hosts": "1", "closest": false}},
            "serial": "2026112201", "ttl": 600, "max_hosts": 4, "contact": "support.example.net",
            "closest": true, "targeting": "asn @"}"#,
    )
    .unwrap();
    assert_eq!((zone.serial, zone.ttl, zone.max_hosts), (2_026_112_201, 600, 4));
    assert_eq!(zone.contact.to_string(), "support.example.net.");
    assert_eq!(zone.targeting.to_string(), "@ asn");
    assert!(zone.has_closest);
    let of = |name| zone.labels.get(name).map(|label| (label.max_hosts, label.closest)).unwrap();
    assert_eq!(of("x"), (4, true));
    assert_eq!(of("y.z"), (1, false));
    assert_eq!(of("z"), (4, true));
}

#[test]
fn a_number_may_be_a_string_or_a_whole_float() {
    for ttl in ["600", r#""600""#, "600.0", "6e2"] {
        assert_eq!(read(&format!(r#"{{"ttl": {ttl}}}"#)).unwrap().ttl, 600, "{ttl}");
    }
}

#[test]
fn a_label_that_is_closest_makes_the_zone_need_locations() {
    assert!(data(r#""x": {"closest": true}"#).has_closest);
}

#[test]
fn an_unknown_key_at_the_top_is_a_warning_that_names_the_key_that_is_meant() {
    for (key, hint) in [
        ("targetting", "; is \"targeting\" meant?"),
        ("tll", "; is \"ttl\" meant?"),
        ("max-hosts", "; is \"max_hosts\" meant?"),
        ("Serial", "; is \"serial\" meant?"),
        ("origin", ""),
    ] {
        let text = format!(r#"{{"{key}": {{"a": [1]}}, "data": {{"": {{}}}}}}"#);
        let zone = read(&text).unwrap();
        assert_eq!(zone.warnings, [format!("unknown key {key:?} is ignored{hint}")]);
    }
    let logging = r#"{"logging": {"stathat": true, "other": [1]}, "data": {"": {}}}"#;
    assert!(read(logging).unwrap().warnings.is_empty());
}

#[test]
fn an_unknown_key_of_a_label_is_a_warning_and_the_rest_loads() {
    let zone = data(r#""x": {"loc": [{"deep": [1, {}]}], "a": [["192.0.2.1"]]}"#);
    assert_eq!(zone.warnings, [r#"data."x": unknown key "loc" is ignored"#]);
    assert!(zone.labels.get("x").unwrap().a.is_some());
}

#[test]
fn an_unknown_key_of_a_record_is_a_warning() {
    let zone = data(r#""x": {"srv": [{"target": "h.", "weight": 1}]}"#);
    assert_eq!(zone.warnings, [r#"data."x".srv[0]: unknown key "weight" is ignored"#]);
}

#[test]
fn warnings_are_counted_when_they_are_many() {
    let keys: Vec<String> = (0..150).map(|n| format!(r#""k{n}": 0"#)).collect();
    let zone = data(&format!(r#""x": {{{}}}"#, keys.join(",")));
    assert_eq!(zone.warnings.len(), 101);
    assert_eq!(zone.warnings.last().unwrap(), "and 50 more warnings of this kind");
}

#[test]
fn a_zone_without_data_has_only_a_soa() {
    let zone = read(r#"{"ttl": 60}"#).unwrap();
    assert_eq!(zone.warnings, ["no data: the zone has nothing but a SOA"]);
    assert_eq!(names(&zone), [""]);
    assert!(matches!(zone.labels.get("").unwrap().records(super::RecordKind::Soa), Records::Soa));
}

#[test]
fn a_zone_without_an_apex_label_gets_one_and_a_warning() {
    let zone = read(r#"{"data": {"sub": {"ns": ["ns1.example.com"]}}}"#).unwrap();
    assert_eq!(
        zone.warnings,
        [r#"data: no apex label "": the zone has no NS records there; add "": {"ns": [...]}"#]
    );
    assert_eq!(names(&zone), ["", "sub"]);
}

#[test]
fn an_at_sign_is_not_the_apex_and_a_cname_there_hides_much() {
    let zone = data(r#""@": {}"#);
    assert_eq!(zone.warnings, [r#"data."@": this is a label like any other; the apex is """#]);
    let zone = read(r#"{"data": {"": {"cname": "w"}}}"#).unwrap();
    assert_eq!(
        zone.warnings,
        [
            r#"data."".cname: a CNAME at the apex hides all of its records but SOA and NS; use an alias"#
        ]
    );
}

#[test]
fn missing_parents_become_empty_non_terminals() {
    let zone = data(r#""three.two.one": {"ttl": "601"}, "one": {"ttl": 5}"#);
    assert_eq!(names(&zone), ["", "one", "three.two.one", "two.one"]);
    assert_eq!(zone.labels.get("one").unwrap().ttl, Some(5));
    assert_eq!(zone.labels.get("two.one").unwrap().ttl, None);
}

#[test]
fn labels_are_lower_case() {
    assert_eq!(names(&data(r#""WWW.Europe": {}"#)), ["", "europe", "www.europe"]);
}

#[test]
fn labels_may_hold_targets_underscores_and_whatever_prints() {
    let zone = data(r#""bar.[1.0.0.255]": {}, "_sip._tcp": {}, "a.[2001:db8::1]": {}, "*": {}"#);
    for name in ["bar.[1.0.0.255]", "0.255]", "_sip._tcp", "_tcp", "a.[2001:db8::1]", "*"] {
        assert!(zone.labels.get(name).is_some(), "{name}");
    }
}

#[test]
fn a_label_too_long_to_be_asked_for_is_ignored_with_a_warning() {
    let longest = format!("{}a", "abcdefg.".repeat(30));
    assert!(data(&format!(r#""{longest}": {{}}"#)).labels.get(&longest).is_some());
    for long in ["a".repeat(64), format!("{longest}b")] {
        let zone = data(&format!(r#""{long}": {{}}, "x": {{}}"#));
        assert_eq!(names(&zone), ["", "x"]);
        assert!(
            zone.warnings[0].ends_with(
                ": a label of more than 63 octets, or a name of more than 255, is ignored"
            )
        );
    }
}

#[test]
fn an_ignored_key_may_hold_anything_however_deep() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(read(&format!(r#"{{"x": {deep}, "data": {{"": {{"loc": {deep}}}}}}}"#)).is_ok());
}

#[test]
fn addresses_are_lists_with_or_without_weights() {
    let x = label(r#"{"a": [["192.0.2.1"], ["192.0.2.2", 10], ["192.0.2.3", "20"]]}"#);
    let found: Vec<(String, u32)> =
        x.a.unwrap().iter().map(|record| (record.data.to_string(), record.weight)).collect();
    assert_eq!(
        found,
        [("192.0.2.3".into(), 20), ("192.0.2.2".into(), 10), ("192.0.2.1".into(), 0)]
    );
}

#[test]
fn addresses_are_objects_with_ip_or_the_types_name() {
    let x = label(
        r#"{"a": [{"ip": "192.0.2.1", "weight": "7", "health": "file/x"}, {"a": "192.0.2.2"},
                  {"a": "192.0.2.9", "ip": "192.0.2.3"}, {"ip": "192.0.2.4", "a": "192.0.2.9"}],
            "aaaa": [{"aaaa": "2001:db8::1"}, {"ip": "2001:db8::2"}]}"#,
    );
    let a = x.a.unwrap();
    let found: Vec<String> = a.iter().map(|record| record.data.to_string()).collect();
    assert_eq!(found, ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]);
    assert_eq!((a[0].weight, a[0].health.as_deref()), (7, Some("file/x")));
    let aaaa: Vec<String> = x.aaaa.unwrap().iter().map(|record| record.data.to_string()).collect();
    assert_eq!(aaaa, ["2001:db8::1", "2001:db8::2"]);
}

#[test]
fn addresses_and_cnames_without_weights_get_one_each() {
    let x = label(r#"{"a": [["192.0.2.1"]], "aaaa": [["2001:db8::1", 0]], "cname": ["a", "b"]}"#);
    assert_eq!(x.a.unwrap()[0].weight, 1);
    assert_eq!(x.aaaa.unwrap()[0].weight, 1);
    assert_eq!(x.cname.unwrap().iter().map(|record| record.weight).sum::<u32>(), 2);
}

#[test]
fn other_types_without_weights_keep_weight_0_and_their_order() {
    let x = label(r#"{"txt": ["b", "a"], "mx": [{"mx": "m"}], "ptr": [["p."]]}"#);
    for kind in [super::RecordKind::Txt, super::RecordKind::Mx, super::RecordKind::Ptr] {
        assert_eq!(x.records(kind).total_weight(), 0);
    }
    assert_eq!(&*x.txt.unwrap()[0].data, "b");
}

#[test]
fn a_sum_of_weights_may_exceed_32_bits() {
    let x = label(r#"{"a": [["192.0.2.1", 4294967295], ["192.0.2.2", 4294967295]]}"#);
    assert_eq!(x.records(super::RecordKind::A).total_weight(), 8_589_934_590);
}

#[test]
fn an_empty_list_is_present_and_null_is_not() {
    let x = label(r#"{"a": [], "aaaa": null}"#);
    assert_eq!(x.a, Some(vec![]));
    assert_eq!(x.aaaa, None);
}

#[test]
fn an_ipv4_address_mapped_into_ipv6_is_an_a_record() {
    assert_eq!(
        label(r#"{"a": [["::ffff:192.0.2.1"]]}"#).a.unwrap()[0].data.to_string(),
        "192.0.2.1"
    );
}

#[test]
fn a_ptr_is_a_list_or_an_object_and_its_name_is_absolute() {
    let x = label(r#"{"ptr": [["bar.example.net"], {"ptr": "Foo.example.net."}]}"#);
    let found: Vec<String> = x.ptr.unwrap().iter().map(|record| record.data.to_string()).collect();
    assert_eq!(found, ["bar.example.net.", "Foo.example.net."]);
}

#[test]
fn a_cname_has_four_syntaxes_and_is_relative_without_a_dot() {
    for text in [
        r#""bar""#,
        r#"["bar"]"#,
        r#"[["bar", 10]]"#,
        r#"[{"cname": "bar", "weight": 10, "health": "h"}]"#,
        r#""bar.example.com.""#,
    ] {
        let cname = label(&format!(r#"{{"cname": {text}}}"#)).cname.unwrap();
        assert_eq!(cname[0].data, Name::parse("bar.example.com").unwrap(), "{text}");
    }
    let cname = label(r#"{"cname": [["a.", 1], ["b.", 5]]}"#).cname.unwrap();
    assert_eq!(cname[0].data.to_string(), "b.");
}

#[test]
fn an_alias_is_a_label_in_lower_case_and_may_be_the_apex() {
    assert_eq!(label(r#"{"alias": "WWW"}"#).alias.as_deref(), Some("www"));
    assert_eq!(label(r#"{"alias": ""}"#).alias.as_deref(), Some(""));
}

#[test]
fn an_mx_is_an_object_and_gets_its_dot() {
    let x = label(
        r#"{"mx": [{"mx": "mx2.example.net", "preference": "20", "weight": 0},
                   {"mx": "mx.example.net.", "preference": 10, "weight": 1},
                   {"mx": ".", "preference": null, "weight": null}]}"#,
    );
    let found: Vec<(String, u16, u32)> =
        x.mx.unwrap()
            .iter()
            .map(|record| (record.data.exchange.to_string(), record.data.preference, record.weight))
            .collect();
    let expect =
        [("mx.example.net.".into(), 10, 1), ("mx2.example.net.".into(), 20, 0), (".".into(), 0, 0)];
    assert_eq!(found, expect);
}

#[test]
fn ns_is_a_list_a_name_or_the_keys_of_an_object_in_the_files_order() {
    for text in
        [r#"["ns2.example.net", "ns1."]"#, r#"{"ns2.example.net.": null, "ns1": "192.0.2.1"}"#]
    {
        let ns = label(&format!(r#"{{"ns": {text}}}"#)).ns.unwrap();
        let found: Vec<String> = ns.iter().map(|record| record.data.to_string()).collect();
        assert_eq!(found, ["ns2.example.net.", "ns1."]);
    }
    assert_eq!(label(r#"{"ns": "ns1"}"#).ns.unwrap()[0].data.to_string(), "ns1.");
}

#[test]
fn txt_and_spf_are_a_text_a_list_or_objects() {
    for key in ["txt", "spf"] {
        for text in ["\"t\"".to_owned(), r#"["t"]"#.to_owned(), format!(r#"[{{"{key}": "t"}}]"#)] {
            let x = label(&format!(r#"{{"{key}": {text}}}"#));
            let set = if key == "txt" { x.txt } else { x.spf };
            assert_eq!(&*set.unwrap()[0].data, "t", "{key} {text}");
        }
    }
    let x = label(
        r#"{"txt": [{"txt": "w1", "weight": 1}, {"txt": "w10000", "weight": 10000, "health": "h"}]}"#,
    );
    assert_eq!(&*x.txt.unwrap()[0].data, "w10000");
}

#[test]
fn a_text_is_kept_as_written_however_long() {
    let text = "long ".repeat(100);
    let x = label(&format!(r#"{{"txt": "{text}\u00e9\"\\"}}"#));
    assert_eq!(&*x.txt.unwrap()[0].data, format!("{text}é\"\\"));
}

#[test]
fn an_srv_is_an_object_with_a_weight_for_the_wire() {
    let x = label(
        r#"{"srv": [{"target": "sip.example.net.", "port": 5060, "priority": "10", "srv_weight": 100},
                    {"target": "sip2"}]}"#,
    );
    let srv = x.srv.unwrap();
    assert_eq!((srv[0].data.port, srv[0].data.priority, srv[0].data.weight), (5060, 10, 100));
    assert_eq!((srv[0].data.target.to_string(), srv[0].weight), ("sip.example.net.".into(), 0));
    assert_eq!(srv[1].data.target.to_string(), "sip2.example.com.");
}

#[test]
fn health_is_the_name_or_else_the_type() {
    assert_eq!(label(r#"{"health": {"type": "tcp", "port": 80}}"#).health.as_deref(), Some("tcp"));
    let both = label(r#"{"health": {"type": "tcp", "name": "probe"}}"#);
    assert_eq!(both.health.as_deref(), Some("probe"));
    assert_eq!(label(r#"{"health": null}"#).health, None);
    let zone = data(r#""x": {"health": {"port": 1}}"#);
    assert_eq!(
        zone.warnings,
        [r#"data."x".health: neither "name" nor "type" is given; the health is ignored"#]
    );
}

#[test]
fn the_soa_is_made_from_the_zones_fields() {
    let zone = read(
        r#"{"serial": 3, "ttl": 60, "contact": "Support.Bitnames.com",
            "data": {"": {"ns": {"NS2.example.net.": null, "ns1.example.net.": null}}}}"#,
    )
    .unwrap();
    let soa = zone.soa();
    assert_eq!(soa.mname.to_string(), "NS2.example.net.");
    assert_eq!(soa.rname.to_string(), "Support.Bitnames.com.");
    assert_eq!((soa.serial, soa.refresh, soa.retry), (3, 5400, 5400));
    assert_eq!((soa.expire, soa.minimum, soa.ttl), (1_209_600, 3600, 600));
}

#[test]
fn the_soas_server_is_ns_in_the_zone_if_there_is_none() {
    for ns in ["{}", r#"{"ns": []}"#] {
        let zone = read(&format!(r#"{{"data": {{"": {ns}}}}}"#)).unwrap();
        assert_eq!(zone.soa().mname.to_string(), "ns.example.com.");
    }
}

#[test]
fn the_soas_ttl_is_ten_times_the_zones_up_to_an_hour() {
    for (ttl, expect) in
        [(0_u32, 600), (1, 10), (150, 1500), (360, 3600), (361, 3600), (0x7fff_ffff, 3600)]
    {
        assert_eq!(read(&format!(r#"{{"ttl": {ttl}}}"#)).unwrap().soa().ttl, expect);
    }
}

#[test]
fn a_mailbox_may_be_written_with_an_at_sign_or_an_escaped_dot() {
    for contact in ["john.doe@example.net", r"john\\.doe.example.net"] {
        let zone = read(&format!(r#"{{"contact": "{contact}"}}"#)).unwrap();
        assert_eq!(zone.contact.to_string(), r"john\.doe.example.net.");
    }
}

#[test]
fn the_labels_ttl_wins_over_the_zones_and_ns_has_a_default_of_its_own() {
    use super::RecordKind::{A, Ns, Soa};
    let zone =
        read(r#"{"ttl": 600, "data": {"": {}, "x": {"ttl": "601"}, "y": {"ttl": 0}}}"#).unwrap();
    let ttl = |name, kind| zone.ttl_of(zone.labels.get(name).unwrap(), kind);
    assert_eq!((ttl("x", A), ttl("x", Ns)), (601, 601));
    assert_eq!((ttl("y", A), ttl("y", Ns)), (600, 86_400));
    assert_eq!(ttl("", Soa), 3600);
}

#[test]
fn an_alias_that_leads_nowhere_is_a_warning() {
    let zone = data(r#""x": {"alias": "gone"}, "y": {"alias": "geo"}, "geo.europe": {}"#);
    assert_eq!(
        zone.warnings,
        [r#"data."x".alias: there is no label "gone"; it answers without data"#]
    );
}

#[test]
fn aliases_share_a_label_and_chain_without_being_loops() {
    // As the pool has them: a vendor's numbers, one of which is itself an alias in some countries.
    let zone = data(
        r#""0": {"a": [["192.0.2.1"]]}, "0.gb": {"alias": "0.uk"}, "0.uk": {"a": []},
           "0.debian": {"alias": "0"}, "0.us.debian": {"alias": "0.us"}, "0.us": {"a": []},
           "debian": {"alias": ""}, "gb": {"alias": "uk"}, "uk": {"a": []}"#,
    );
    assert!(zone.warnings.is_empty());
}

#[test]
fn a_loop_through_a_target_that_the_zone_does_not_use_is_none() {
    let text = r#""targeting": "@", "data": {"": {}, "a": {"alias": "b"}, "b.de": {"alias": "a"}}"#;
    assert!(read(&format!("{{{text}}}")).is_ok());
}

#[test]
fn the_zones_name_is_the_files_without_json_in_any_case() {
    for (path, name) in [
        ("zones/Pool.NTP.org.json", "Pool.NTP.org"),
        ("example.com.JSON", "example.com"),
        ("example.com", "example.com"),
        (".json", ""),
        ("/", ""),
    ] {
        assert_eq!(zone_name(Path::new(path)), name, "{path}");
    }
    let zone = parse("Pool.NTP.org", b"{}", UNIX_EPOCH, Path::new("x")).unwrap();
    assert_eq!(zone.apex.to_string(), "Pool.NTP.org.");
    assert_eq!(zone.apex.folded(), b"\x04pool\x03ntp\x03org\0");
}

#[test]
fn a_file_is_loaded_with_its_name_and_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("Example.org.json");
    std::fs::write(&path, r#"{"data": {"": {"ns": ["ns1.example.net"]}}}"#).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(0x1_0000_0007)).unwrap();
    let zone = load(&path).unwrap();
    assert_eq!((zone.apex.to_string(), zone.serial), ("Example.org.".into(), 7));

    file.set_len(MAX_FILE_OCTETS + 1).unwrap();
    assert_eq!(
        load(&path).unwrap_err().to_string(),
        format!(
            "{}: 268435457 octets are more than the 268435456 a zone file may have; split the zone",
            path.display()
        )
    );
}

#[test]
fn what_is_not_a_file_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert_eq!(
        load(path).unwrap_err().to_string(),
        format!("{}: cannot read the zone file: not a regular file", path.display())
    );
    let path = path.join("gone.json");
    assert_eq!(
        load(&path).unwrap_err().to_string(),
        format!(
            "{}: cannot read the zone file: No such file or directory (os error 2)",
            path.display()
        )
    );
}
