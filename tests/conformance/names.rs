//! The zone of a name, and whether the name exists.
//!
//! The subjects are nesting, letter case, NXDOMAIN, NODATA and REFUSED.

use edge_tests::message::rtype::{A, AAAA, DNSKEY, DS, HTTPS, SOA, SRV, TXT};
use edge_tests::message::{ANY_CLASS, Ask, CH, Reply, flag, rcode};
use edge_tests::stage::Asker;
use edge_tests::stage::zones;

behaviours! {
    both: [
        every_zone_file_is_served,
        the_longest_zone_that_fits_answers,
        a_parents_data_under_a_loaded_child_are_hidden,
        ds_of_a_childs_apex_belongs_to_the_parent,
        a_name_on_the_way_to_a_zone_exists,
        letter_case_does_not_matter_and_comes_back_as_asked,
        an_unknown_name_is_nxdomain_with_the_soa,
        a_missing_type_is_nodata_with_the_soa,
        types_that_no_zone_has_are_nodata,
        empty_non_terminals_exist,
        a_zone_without_data_has_an_soa_and_no_names,
        a_name_in_no_zone_is_refused,
        a_zones_parent_that_is_not_served_is_refused,
        a_name_that_ends_like_a_zone_is_not_in_it,
        class_any_is_answered_from_the_zone,
        class_chaos_is_refused,
        names_of_every_octet_are_just_names,
        a_zones_octets_inside_of_a_label_are_not_the_zone,
        names_of_every_length_and_many_labels_are_unknown,
        what_is_below_a_name_is_another_name,
    ],
}

fn negative(reply: &Reply, rcode: u16, apex: &str) {
    assert_eq!((reply.rcode, reply.answers.len()), (rcode, 0), "{reply:?}");
    assert!(reply.has(flag::AA) && !reply.has(flag::RA) && !reply.has(flag::TC), "{reply:?}");
    let [soa] = reply.authorities.as_slice() else { panic!("one SOA: {reply:?}") };
    assert_eq!((soa.owner.to_lowercase(), soa.rtype), (format!("{apex}."), SOA));
    assert!(reply.additionals.is_empty());
}

fn refused(reply: &Reply) {
    assert_eq!(reply.rcode, rcode::REFUSED, "{reply:?}");
    assert!(!reply.has(flag::AA) && !reply.question.is_empty(), "{reply:?}");
    assert_eq!((reply.answers.len(), reply.authorities.len()), (0, 0));
}

fn every_zone_file_is_served(on: &Asker) {
    let mut refused = Vec::new();
    for entry in std::fs::read_dir(zones::folder()).expect("fixtures") {
        let file = entry.expect("an entry").file_name().into_string().expect("a name");
        let zone = file.strip_suffix(".json").expect("JSON");
        // A zone without the global target has no SOA record for anyone, but it is no stranger.
        if on.get(zone, SOA).rcode != rcode::NOERROR {
            refused.push(file);
        }
    }
    assert_eq!(refused, [""; 0]);
}

fn the_longest_zone_that_fits_answers(on: &Asker) {
    assert_eq!(on.get("www.parent.example", A).data(), ["10.0.0.1"]);
    assert_eq!(on.get("child.parent.example", A).data(), ["10.1.0.1"]);
    assert_eq!(on.get("w.child.parent.example", A).data(), ["10.1.0.2"]);
    assert_eq!(on.get("grandchild.parent.example", A).data(), ["10.0.0.4"]);
}

fn a_parents_data_under_a_loaded_child_are_hidden(on: &Asker) {
    negative(&on.get("x.child.parent.example", A), rcode::NXDOMAIN, "child.parent.example");
    negative(&on.get("child.parent.example", TXT), rcode::NOERROR, "child.parent.example");
    negative(&on.get("www.child.parent.example", A), rcode::NXDOMAIN, "child.parent.example");
}

fn ds_of_a_childs_apex_belongs_to_the_parent(on: &Asker) {
    negative(&on.get("child.parent.example", DS), rcode::NOERROR, "parent.example");
    // Below the apex there is no cut, and above the parent nobody is served.
    negative(&on.get("w.child.parent.example", DS), rcode::NOERROR, "child.parent.example");
    negative(&on.get("parent.example", DS), rcode::NOERROR, "parent.example");
    negative(&on.get("child.parent.example", DNSKEY), rcode::NOERROR, "child.parent.example");
}

fn a_name_on_the_way_to_a_zone_exists(on: &Asker) {
    // RFC 8020: gap.parent.example is above deep.gap.parent.example.
    negative(&on.get("gap.parent.example", A), rcode::NOERROR, "parent.example");
    negative(&on.get("other.gap.parent.example", A), rcode::NXDOMAIN, "parent.example");
    assert_eq!(on.get("w.deep.gap.parent.example", A).data(), ["10.2.0.1"]);
}

fn letter_case_does_not_matter_and_comes_back_as_asked(on: &Asker) {
    for name in ["WWW.gEo.ExAmPlE", "www.GEO.example", "uPpEr.Geo.Example", "wWw.mIxEd.eXaMpLe"] {
        let reply = on.get(name, A);
        assert_eq!(reply.answers.len(), 1, "{name}");
        assert_eq!(reply.answers[0].owner, format!("{name}."));
        assert_eq!(reply.question, Ask::new(name, A).octets()[12..], "{name}");
    }
    let missing = on.get("NoBoDy.gEo.ExAmPlE", A);
    negative(&missing, rcode::NXDOMAIN, "geo.example");
    assert_eq!(missing.question, Ask::new("NoBoDy.gEo.ExAmPlE", A).octets()[12..]);
}

fn an_unknown_name_is_nxdomain_with_the_soa(on: &Asker) {
    for name in ["nobody", "nobody.www", "a.b.c.d.e.f", "_nobody", "de.www"] {
        negative(&on.get(&format!("{name}.geo.example"), A), rcode::NXDOMAIN, "geo.example");
    }
}

fn a_missing_type_is_nodata_with_the_soa(on: &Asker) {
    negative(&on.get("text.geo.example", A), rcode::NOERROR, "geo.example");
    negative(&on.get("text.geo.example", AAAA), rcode::NOERROR, "geo.example");
    negative(&on.get("geo.example", SRV), rcode::NOERROR, "geo.example");
}

fn types_that_no_zone_has_are_nodata(on: &Asker) {
    for kind in [DNSKEY, HTTPS, 10, 37, 61, 0x1234, 0xff00] {
        negative(&on.get("www.geo.example", kind), rcode::NOERROR, "geo.example");
    }
}

fn empty_non_terminals_exist(on: &Asker) {
    assert_eq!(on.get("deep.under.tree.geo.example", A).data(), ["10.0.4.3"]);
    for name in ["under.tree", "tree", "debian"] {
        let name = format!("{name}.geo.example");
        negative(&on.get(&name, A), rcode::NOERROR, "geo.example");
        negative(&on.get(&name, TXT), rcode::NOERROR, "geo.example");
    }
    negative(&on.get("over.tree.geo.example", A), rcode::NXDOMAIN, "geo.example");
}

fn a_zone_without_data_has_an_soa_and_no_names(on: &Asker) {
    assert_eq!(on.get("bare.example", SOA).answers.len(), 1);
    negative(&on.get("bare.example", A), rcode::NOERROR, "bare.example");
    negative(&on.get("www.bare.example", A), rcode::NXDOMAIN, "bare.example");
}

fn a_name_in_no_zone_is_refused(on: &Asker) {
    for name in ["example.net", "www.example.net", "nowhere", ""] {
        let reply = on.get(name, A);
        refused(&reply);
        assert!(reply.opt.is_none());
    }
}

fn a_zones_parent_that_is_not_served_is_refused(on: &Asker) {
    refused(&on.get("example", A));
    refused(&on.get("example", SOA));
}

fn a_name_that_ends_like_a_zone_is_not_in_it(on: &Asker) {
    refused(&on.get("xgeo.example", A));
    refused(&on.get("eo.example", A));
    refused(&on.get("geo.example.net", A));
}

fn class_any_is_answered_from_the_zone(on: &Asker) {
    let reply = on.ask(&Ask::new("www.geo.example", A).class(ANY_CLASS));
    assert_eq!((reply.rcode, reply.data()), (rcode::NOERROR, vec!["10.49.1.1"]));
    // RFC 1035 §6.2: never authoritative.
    assert!(!reply.has(flag::AA));
}

fn class_chaos_is_refused(on: &Asker) {
    refused(&on.ask(&Ask::new("www.geo.example", A).class(CH)));
    refused(&on.ask(&Ask::new("www.geo.example", A).class(4)));
}

fn names_of_every_octet_are_just_names(on: &Asker) {
    for octet in 0..=255_u8 {
        // A label of one octet, which frames a name that text can't.
        let mut message = Ask::new("", A).octets();
        let tail = message.split_off(12);
        message.extend([1, octet]);
        message.extend(b"\x03geo\x07example");
        message.extend(tail);
        let mut line = on.line();
        line.send(&message);
        let reply = Reply::read(&line.receive().expect("a reply")).expect("a message");
        if octet == b'0' {
            assert_eq!(reply.data(), ["10.49.2.1"], "geo.example has a 0");
        } else {
            negative(&reply, rcode::NXDOMAIN, "geo.example");
        }
    }
}

fn a_zones_octets_inside_of_a_label_are_not_the_zone(on: &Asker) {
    for name in [
        r"a\003geo\007example",
        r"\003www\003geo\007example",
        r"www.geo\007example",
        r"geo\.example",
    ] {
        refused(&on.get(name, A));
    }
    for name in [r"a\003www.geo.example", r"www\000.geo.example", r"\000.geo.example"] {
        negative(&on.get(name, A), rcode::NXDOMAIN, "geo.example");
    }
}

fn names_of_every_length_and_many_labels_are_unknown(on: &Asker) {
    // geo.example has 13 octets on the wire.
    for octets in [1, 2, 31, 32, 33, 62, 63] {
        let name = format!("{}.geo.example", "q".repeat(octets));
        negative(&on.get(&name, A), rcode::NXDOMAIN, "geo.example");
    }
    for labels in [1, 2, 8, 63, 64, 121] {
        let name = format!("{}geo.example", "q.".repeat(labels));
        negative(&on.get(&name, AAAA), rcode::NXDOMAIN, "geo.example");
    }
    let long = format!("{0}.{0}.{0}.{1}.geo.example", "q".repeat(63), "q".repeat(49));
    negative(&on.get(&long, TXT), rcode::NXDOMAIN, "geo.example");
}

fn what_is_below_a_name_is_another_name(on: &Asker) {
    for (name, apex) in [
        ("x.www.geo.example", "geo.example"),
        ("x.y.www.geo.example", "geo.example"),
        ("x.www.parent.example", "parent.example"),
        ("x.w.child.parent.example", "child.parent.example"),
        ("x.gap.parent.example", "parent.example"),
    ] {
        for kind in [A, TXT, HTTPS] {
            negative(&on.get(name, kind), rcode::NXDOMAIN, apex);
        }
    }
}
