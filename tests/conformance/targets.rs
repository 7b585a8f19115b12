//! Targets, fallthrough, aliases and CNAME, as geodns has them.
//!
//! A client gets the records of the first target that has any (`FindLabels`).

use edge_tests::message::rtype::{A, AAAA, ANY, CNAME, HINFO, NS, SOA, TXT};
use edge_tests::message::{Ask, rcode};
use edge_tests::stage::{Asker, Client};

behaviours! {
    both: [
        the_country_comes_before_the_continent_and_the_continent_before_everyone,
        at_the_apex_a_target_is_the_whole_label,
        targets_are_tried_from_the_narrowest_to_the_widest,
        an_ipv6_address_has_its_48_bit_network_as_a_target,
        the_order_of_the_words_in_targeting_does_not_matter,
        a_zone_without_the_global_target_has_nothing_for_others,
        a_zone_with_the_global_target_alone_asks_nobody_where_they_are,
        each_type_falls_through_by_itself,
        an_empty_list_falls_through,
        aliases_are_targeted_again,
        an_alias_to_the_apex_lends_all_but_ns_and_soa,
        aliases_may_lead_to_aliases,
        a_label_with_a_target_in_its_name_is_answered_to_everyone,
        a_cname_comes_before_the_type_at_the_same_target,
        a_target_comes_before_a_cname_at_a_wider_one,
        of_several_cnames_one_is_given,
        a_cname_is_not_followed,
        a_cname_is_answered_to_its_own_type,
        a_name_for_one_continent_only_exists_for_its_clients,
        any_at_a_name_for_one_continent_only_is_answered,
    ],
}

/// The one A record that each client is answered with.
fn by_client(on: &Asker, name: &str, wanted: &[(Client, &str)]) {
    for (client, address) in wanted {
        let reply = on.at(*client).get(name, A);
        assert_eq!(reply.data(), [*address], "{name} for {client:?}");
    }
}

fn the_country_comes_before_the_continent_and_the_continent_before_everyone(on: &Asker) {
    by_client(
        on,
        "www.geo.example",
        &[
            (Client::Germany, "10.49.1.1"),
            (Client::Britain, "10.40.1.1"),
            (Client::Usa, "10.1.1.1"),
            (Client::Brazil, "10.0.1.1"),
            (Client::Nobody, "10.0.1.1"),
        ],
    );
}

fn at_the_apex_a_target_is_the_whole_label(on: &Asker) {
    let sorted = |client| {
        let reply = on.at(client).get("geo.example", A);
        reply.sorted().iter().map(|data| (*data).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(sorted(Client::Germany), ["10.49.0.1", "10.49.0.2"]);
    // Geodns calls Britain gb; the zone's gb is an alias of uk.
    assert_eq!(sorted(Client::Britain), ["10.44.0.1"]);
    assert_eq!(sorted(Client::Usa), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
}

fn targets_are_tried_from_the_narrowest_to_the_widest(on: &Asker) {
    let order = ["ip", "net", "asn", "region", "group", "country", "continent", "world"];
    for (n, wanted) in order.iter().enumerate() {
        let ask = Ask::new(&format!("t{n}.target.example"), TXT).subnet("198.51.100.7/32");
        assert_eq!(on.ask(&ask).data(), [format!("{wanted:?}")], "t{n}");
    }
    // The zone says them the other way around; another address of the network has no label of its
    // own.
    let ask = Ask::new("t0.target.example", TXT).subnet("198.51.100.8/32");
    assert_eq!(on.ask(&ask).data(), ["\"net\""]);
}

fn an_ipv6_address_has_its_48_bit_network_as_a_target(on: &Asker) {
    for (prefix, wanted) in [
        ("2001:db8:de::7/128", "\"ip\""),
        ("2001:db8:de:1:2::7/128", "\"net\""),
        ("2001:db8:6a::7/128", "\"world\""),
    ] {
        let reply = on.ask(&Ask::new("six.target.example", TXT).subnet(prefix));
        assert_eq!(reply.data(), [wanted], "{prefix}");
    }
}

fn the_order_of_the_words_in_targeting_does_not_matter(on: &Asker) {
    // "region regiongroup country", which geodns tries as region, group, country.
    by_client(
        on,
        "www.region.example",
        &[(Client::Usa, "10.1.0.1"), (Client::Germany, "10.49.0.1")],
    );
    let russia = on.ask(&Ask::new("www.region.example", A).subnet("5.8.0.0/16"));
    assert_eq!(russia.data(), ["10.7.0.1"]);
}

fn a_zone_without_the_global_target_has_nothing_for_others(on: &Asker) {
    let reply = on.at(Client::Japan).get("www.region.example", A);
    assert!(reply.answers.is_empty(), "{reply:?}");
    assert_eq!(reply.authorities[0].rtype, SOA);
}

fn a_zone_with_the_global_target_alone_asks_nobody_where_they_are(on: &Asker) {
    by_client(
        on,
        "www.global.example",
        &[(Client::Germany, "10.0.0.1"), (Client::Nobody, "10.0.0.1")],
    );
    by_client(on, "www.de.global.example", &[(Client::Usa, "10.49.0.1")]);
}

fn each_type_falls_through_by_itself(on: &Asker) {
    // Germany's label has no AAAA and no TXT.
    assert_eq!(on.get("www.geo.example", AAAA).data(), ["fd00:40:1::1"]);
    assert_eq!(on.get("www.geo.example", TXT).data(), ["\"www for everyone\""]);
    let brazil = on.at(Client::Brazil);
    assert_eq!(brazil.get("www.geo.example", TXT).data(), ["\"www for Brazil\""]);
    assert_eq!(brazil.get("www.geo.example", A).data(), ["10.0.1.1"]);
    let usa = on.at(Client::Usa);
    assert_eq!(usa.get("www.geo.example", AAAA).data(), ["fd00:0:1::1"]);
}

fn an_empty_list_falls_through(on: &Asker) {
    let japan = on.at(Client::Japan);
    assert_eq!(japan.get("www.geo.example", A).data(), ["10.0.1.1"]);
    assert_eq!(japan.get("www.geo.example", TXT).data(), ["\"www for Japan\""]);
}

fn aliases_are_targeted_again(on: &Asker) {
    by_client(
        on,
        "0.debian.geo.example",
        &[
            (Client::Germany, "10.49.2.1"),
            (Client::Britain, "10.44.2.1"),
            (Client::Usa, "10.0.2.1"),
        ],
    );
    by_client(on, "www.vendor.geo.example", &[(Client::Usa, "10.1.1.1")]);
}

fn an_alias_to_the_apex_lends_all_but_ns_and_soa(on: &Asker) {
    let germany = on.get("vendor.geo.example", A);
    assert_eq!(germany.sorted(), ["10.49.0.1", "10.49.0.2"]);
    assert!(germany.answers.iter().all(|record| record.owner == "vendor.geo.example."));
    assert_eq!(on.get("vendor.geo.example", TXT).data(), ["\"for everyone\""]);
    for kind in [NS, SOA] {
        let reply = on.get("vendor.geo.example", kind);
        assert_eq!((reply.rcode, reply.answers.len()), (rcode::NOERROR, 0), "type {kind}");
        assert_eq!(reply.authorities[0].rtype, SOA);
    }
}

fn aliases_may_lead_to_aliases(on: &Asker) {
    by_client(
        on,
        "deep.debian.geo.example",
        &[(Client::Germany, "10.49.2.1"), (Client::Nobody, "10.0.2.1")],
    );
}

fn a_label_with_a_target_in_its_name_is_answered_to_everyone(on: &Asker) {
    for client in Client::ALL {
        by_client(on, "www.europe.geo.example", &[(client, "10.40.1.1")]);
        by_client(on, "uk.geo.example", &[(client, "10.44.0.1")]);
        by_client(on, "gb.geo.example", &[(client, "10.44.0.1")]);
        by_client(on, "0.de.geo.example", &[(client, "10.49.2.1")]);
    }
}

fn a_cname_comes_before_the_type_at_the_same_target(on: &Asker) {
    for kind in [A, AAAA, TXT] {
        let reply = on.get("both.geo.example", kind);
        assert_eq!(reply.data(), ["both.example.net."], "type {kind}");
        assert_eq!(reply.answers[0].rtype, CNAME);
    }
    assert_eq!(on.get("moved.geo.example", A).data(), ["moved.example.net."]);
    assert_eq!(on.at(Client::Usa).get("moved.geo.example", A).data(), ["10.0.3.1"]);
}

fn a_target_comes_before_a_cname_at_a_wider_one(on: &Asker) {
    assert_eq!(on.get("stays.geo.example", A).data(), ["10.49.3.1"]);
    // Germany's label has no AAAA: the CNAME stands in for it.
    assert_eq!(on.get("stays.geo.example", AAAA).data(), ["stays.example.net."]);
    assert_eq!(on.at(Client::Japan).get("stays.geo.example", A).data(), ["stays.example.net."]);
}

fn of_several_cnames_one_is_given(on: &Asker) {
    let mut seen = std::collections::BTreeSet::new();
    on.many(&Ask::new("spread.geo.example", A), 100, |reply| {
        assert_eq!(reply.answers.len(), 1);
        seen.insert(reply.answers[0].data.clone());
    });
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["one.example.net.", "two.example.net."]);
}

fn a_cname_is_not_followed(on: &Asker) {
    let reply = on.get("chain.geo.example", A);
    assert_eq!(reply.data(), ["link.geo.example."]);
    assert_eq!((reply.authorities.len(), reply.additionals.len()), (0, 0));
}

fn a_cname_is_answered_to_its_own_type(on: &Asker) {
    assert_eq!(on.get("chain.geo.example", CNAME).data(), ["link.geo.example."]);
    assert!(on.get("www.geo.example", CNAME).answers.is_empty());
}

fn a_name_for_one_continent_only_exists_for_its_clients(on: &Asker) {
    assert_eq!(on.get("only.geo.example", A).data(), ["10.40.4.1"]);
    let lacking = on.get("only.geo.example", AAAA);
    assert_eq!((lacking.rcode, lacking.answers.len()), (rcode::NOERROR, 0), "RFC 8020: it exists");
    assert_eq!(lacking.authorities[0].rtype, SOA);
    assert!(on.at(Client::Usa).get("only.geo.example", A).answers.is_empty());
}

fn any_at_a_name_for_one_continent_only_is_answered(on: &Asker) {
    let reply = on.get("only.geo.example", ANY);
    assert_eq!(reply.rcode, rcode::NOERROR);
    assert!(reply.answers.iter().all(|record| record.rtype == HINFO), "RFC 8482 §4.2: {reply:?}");
    assert_eq!(on.get("only.geo.example", A).data(), ["10.40.4.1"], "it is still there");
}
