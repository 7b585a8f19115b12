//! What geodns lacks: more types, wildcards, long texts, an alias at the apex.

use edge_tests::message::rtype::{
    A, CAA, CNAME, DS, HTTPS, NAPTR, NS, SOA, SSHFP, SVCB, TLSA, TXT,
};
use edge_tests::message::{Ask, flag, rcode};
use edge_tests::stage::{Asker, Client};

behaviours! {
    both: [
        caa_records_are_texts_or_objects,
        service_bindings_have_their_parameters_in_wire_format,
        naming_authority_pointers_are_answered,
        certificate_and_host_key_digests_are_answered,
        a_long_text_is_split_into_character_strings,
        an_alias_at_the_apex_leaves_it_its_own_ns_and_soa,
        ds_records_are_the_parents,
        a_wildcard_answers_for_names_that_do_not_exist,
        a_wildcard_is_targeted,
        a_wildcard_does_not_answer_for_a_name_that_exists,
        the_closest_enclosers_wildcard_answers_or_none,
        a_wildcard_cname_is_answered_for_every_type,
        the_special_labels_come_before_a_wildcard,
        wildcards_keep_the_letter_case_of_the_question,
    ],
}

fn data(on: &Asker, label: &str, rtype: u16) -> Vec<String> {
    let dot = if label.is_empty() { "" } else { "." };
    let reply = on.get(&format!("{label}{dot}newer.example"), rtype);
    assert_eq!(reply.rcode, rcode::NOERROR, "{label} {rtype}: {reply:?}");
    assert!(reply.has(flag::AA));
    reply.sorted().into_iter().map(str::to_owned).collect()
}

fn caa_records_are_texts_or_objects(on: &Asker) {
    let wanted = ["0 issue \"ca.example.net\"", "128 iodef \"mailto:ca@example.net\""];
    assert_eq!(data(on, "", CAA), wanted);
}

fn service_bindings_have_their_parameters_in_wire_format(on: &Asker) {
    // alpn (1) is a list of strings, port (3) two octets (RFC 9460 §7).
    assert_eq!(data(on, "www", HTTPS), ["1 . key1=026832 key3=20fb"]);
    assert_eq!(data(on, "_sip", SVCB), ["2 svc.example.net. key3=0035"]);
}

fn naming_authority_pointers_are_answered(on: &Asker) {
    let wanted = "10 100 \"s\" \"SIP+D2U\" \"\" _sip._udp.example.net.";
    assert_eq!(data(on, "_sip", NAPTR), [wanted]);
}

fn certificate_and_host_key_digests_are_answered(on: &Asker) {
    let digest = "ab".repeat(32);
    assert_eq!(data(on, "_443._tcp.www", TLSA), [format!("3 1 1 {digest}")]);
    let wire = format!("\\# 34 0402{digest}");
    assert_eq!(data(on, "host", SSHFP), [wire]);
}

fn a_long_text_is_split_into_character_strings(on: &Asker) {
    let wanted = format!("\"{}\" \"{}\"", "x".repeat(255), "y".repeat(45));
    assert_eq!(data(on, "long", TXT), [wanted]);
}

fn an_alias_at_the_apex_leaves_it_its_own_ns_and_soa(on: &Asker) {
    assert_eq!(data(on, "", A), ["10.49.0.1"], "Germany's www");
    assert_eq!(data(&on.at(Client::Usa), "", A), ["10.0.0.1"]);
    assert_eq!(data(on, "", NS), ["ns.example.net."]);
    assert!(data(on, "", SOA)[0].starts_with("ns.example.net. "));
    let reply = on.get("newer.example", A);
    assert_eq!(reply.answers[0].owner, "newer.example.");
}

fn ds_records_are_the_parents(on: &Asker) {
    let wanted = format!("60485 13 2 {}", "ab".repeat(32));
    assert_eq!(data(on, "sub", DS), [wanted]);
    let hidden = on.get("sub.newer.example", TXT);
    assert_eq!((hidden.rcode, hidden.answers.len()), (rcode::NOERROR, 0));
    assert_eq!(hidden.authorities[0].owner, "sub.newer.example.");
}

fn a_wildcard_answers_for_names_that_do_not_exist(on: &Asker) {
    for label in ["nobody", "x.y.z", "_dmarc"] {
        let name = format!("{label}.newer.example");
        let reply = on.get(&name, TXT);
        assert_eq!((reply.rcode, reply.data()), (rcode::NOERROR, vec!["\"wild\""]), "{name}");
        assert_eq!(reply.answers[0].owner, format!("{name}."));
        let lacking = on.get(&name, SOA);
        assert_eq!((lacking.rcode, lacking.answers.len()), (rcode::NOERROR, 0), "{name}");
    }
    assert_eq!(data(on, "*", TXT), ["\"wild\""], "it can be asked for itself");
}

fn a_wildcard_is_targeted(on: &Asker) {
    assert_eq!(data(on, "any.wild", A), ["10.49.0.8"]);
    assert_eq!(data(&on.at(Client::Japan), "any.wild", A), ["10.0.0.8"]);
}

fn a_wildcard_does_not_answer_for_a_name_that_exists(on: &Asker) {
    assert_eq!(data(on, "real.wild", TXT), ["\"real\""]);
    assert_eq!(data(on, "real.wild", A), [""; 0], "NODATA");
    // An empty non-terminal exists (RFC 4592 §2.2.2).
    assert_eq!(data(on, "deep.wild", A), [""; 0]);
}

fn the_closest_enclosers_wildcard_answers_or_none(on: &Asker) {
    // deep.wild encloses b.deep.wild and has no asterisk label.
    let reply = on.get("b.deep.wild.newer.example", A);
    assert_eq!((reply.rcode, reply.answers.len()), (rcode::NXDOMAIN, 0));
    assert_eq!(data(on, "x.y.wild", A), ["10.49.0.8"]);
    let below = on.get("x.sub.newer.example", A);
    assert_eq!(below.rcode, rcode::NXDOMAIN, "not over the cut of a nested zone");
}

fn a_wildcard_cname_is_answered_for_every_type(on: &Asker) {
    for kind in [A, TXT, CNAME] {
        let reply = on.ask(&Ask::new("x.moved.newer.example", kind).edns(1232));
        assert_eq!(reply.data(), ["target.example.net."], "type {kind}");
        assert_eq!(reply.answers[0].rtype, CNAME);
    }
}

fn the_special_labels_come_before_a_wildcard(on: &Asker) {
    let reply = on.get("_country.newer.example", TXT);
    assert!(reply.data()[0].contains(&on.address().to_string()), "{reply:?}");
}

fn wildcards_keep_the_letter_case_of_the_question(on: &Asker) {
    let reply = on.get("NoBody.NEWER.example", A);
    assert_eq!(reply.data(), ["10.0.0.9"]);
    assert_eq!(reply.answers[0].owner, "NoBody.NEWER.example.");
}
