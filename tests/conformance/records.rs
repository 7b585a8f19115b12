//! Every record type and every syntax of a zone file (geodns's reader).

use edge_tests::message::rcode;
use edge_tests::message::rtype::{A, AAAA, CNAME, MX, NS, PTR, SOA, SPF, SRV, TXT};
use edge_tests::stage::Asker;

behaviours! {
    both: [
        addresses_are_lists_with_or_without_weights,
        addresses_are_objects_too,
        an_empty_list_has_no_records,
        pointers_are_lists_or_objects,
        a_cname_is_a_text_a_list_or_an_object,
        a_cname_without_a_final_dot_is_in_the_zone,
        an_alias_is_answered_under_its_own_name,
        exchanges_are_objects_with_dots_added,
        the_null_exchange_is_the_root,
        name_servers_are_a_list_or_a_map_with_dots_added,
        a_text_is_one_character_string,
        texts_are_lists_and_objects_too,
        spf_has_its_own_type,
        octets_of_texts_come_as_they_are,
        services_have_priority_weight_and_port,
        numbers_may_be_texts,
        unknown_keys_change_nothing,
        labels_may_have_dots_and_capitals,
        a_label_has_its_own_ttl,
        name_servers_have_a_day_unless_the_label_says,
        the_ttl_is_the_zones_or_two_minutes,
    ],
}

fn name(label: &str) -> String {
    if label.is_empty() { "syntax.example".into() } else { format!("{label}.syntax.example") }
}

/// Insists on the records of a label, in any order, and their TTL.
fn has(on: &Asker, label: &str, rtype: u16, ttl: u32, data: &[&str]) {
    let reply = on.get(&name(label), rtype);
    assert_eq!((reply.rcode, reply.sorted().as_slice()), (rcode::NOERROR, data), "{label}");
    for record in &reply.answers {
        assert_eq!((record.class, record.ttl), (1, ttl), "{label}");
        assert_eq!(record.owner, format!("{}.", name(label)));
    }
}

fn addresses_are_lists_with_or_without_weights(on: &Asker) {
    has(on, "lists", A, 300, &["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    has(on, "lists", AAAA, 300, &["fd00::1", "fd00::2"]);
}

fn addresses_are_objects_too(on: &Asker) {
    has(on, "objects", A, 300, &["10.0.0.1", "10.0.0.2"]);
    has(on, "objects", AAAA, 300, &["fd00::1", "fd00::2"]);
}

fn an_empty_list_has_no_records(on: &Asker) {
    has(on, "empty", A, 300, &[]);
    has(on, "empty", TXT, 300, &["\"something\""]);
}

fn pointers_are_lists_or_objects(on: &Asker) {
    has(on, "pointers", PTR, 300, &["host.example.net."]);
    has(on, "pointer", PTR, 300, &["host.example.net."]);
}

fn a_cname_is_a_text_a_list_or_an_object(on: &Asker) {
    has(on, "c2", CNAME, 300, &["target.example.net."]);
    has(on, "c3", CNAME, 300, &["target.example.net."]);
}

fn a_cname_without_a_final_dot_is_in_the_zone(on: &Asker) {
    has(on, "c1", CNAME, 300, &["target.syntax.example."]);
    has(on, "c4", CNAME, 300, &["target.syntax.example."]);
}

fn an_alias_is_answered_under_its_own_name(on: &Asker) {
    has(on, "alias", A, 300, &["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
}

fn exchanges_are_objects_with_dots_added(on: &Asker) {
    has(on, "mail", MX, 300, &["10 mx.example.net.", "20 mx.example.net."]);
}

fn the_null_exchange_is_the_root(on: &Asker) {
    has(on, "null", MX, 300, &["0 ."]);
}

fn name_servers_are_a_list_or_a_map_with_dots_added(on: &Asker) {
    has(on, "", NS, 86_400, &["ns1.example.net.", "ns2.example.net."]);
    has(on, "servers", NS, 86_400, &["ns1.example.net.", "ns2.example.net."]);
}

fn a_text_is_one_character_string(on: &Asker) {
    has(on, "t1", TXT, 300, &["\"one text\""]);
}

fn texts_are_lists_and_objects_too(on: &Asker) {
    has(on, "t2", TXT, 300, &["\"one\"", "\"two\""]);
    has(on, "t3", TXT, 300, &["\"an object\""]);
}

fn spf_has_its_own_type(on: &Asker) {
    has(on, "t3", SPF, 300, &["\"v=spf1 -all\""]);
    has(on, "t4", SPF, 300, &["\"v=spf1 ~all\""]);
    has(on, "t4", TXT, 300, &[]);
}

fn octets_of_texts_come_as_they_are(on: &Asker) {
    has(on, "t5", TXT, 300, &["\"quotes \\\" and \\\\ and \\195\\188mlaut\""]);
}

fn services_have_priority_weight_and_port(on: &Asker) {
    let data = ["10 20 123 one.example.net.", "20 0 123 two.example.net."];
    has(on, "_ntp._udp", SRV, 300, &data);
}

fn numbers_may_be_texts(on: &Asker) {
    has(on, "lists", A, 300, &["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    let soa = on.get(&name(""), SOA);
    assert!(soa.data()[0].contains(" 2026112233 "), "{soa:?}");
    assert_eq!(on.get(&name("astext"), A).answers.len(), 1);
}

fn unknown_keys_change_nothing(on: &Asker) {
    has(on, "odd", A, 300, &["10.0.0.9"]);
}

fn labels_may_have_dots_and_capitals(on: &Asker) {
    has(on, "a.b.c", A, 300, &["10.0.0.4"]);
    has(on, "mixed", A, 300, &["10.0.0.5"]);
    has(on, "MIXED", A, 300, &["10.0.0.5"]);
}

fn a_label_has_its_own_ttl(on: &Asker) {
    has(on, "short", A, 5, &["10.0.0.6"]);
    has(on, "short", TXT, 5, &["\"quick\""]);
    assert_eq!(on.get(&name("astext"), A).answers[0].ttl, 6);
}

fn name_servers_have_a_day_unless_the_label_says(on: &Asker) {
    has(on, "servers", NS, 86_400, &["ns1.example.net.", "ns2.example.net."]);
    has(on, "short", NS, 5, &["ns.example.net."]);
}

fn the_ttl_is_the_zones_or_two_minutes(on: &Asker) {
    assert_eq!(on.get("www.soa-default.example", A).answers[0].ttl, 120);
    assert_eq!(on.get("www.soa-long.example", A).answers[0].ttl, 7200);
    has(on, "t1", TXT, 300, &["\"one text\""]);
}
