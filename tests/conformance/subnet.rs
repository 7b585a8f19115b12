//! EDNS Client Subnet (RFC 7871): for whom an answer is, and for whom it holds.

use edge_tests::message::rtype::{A, AAAA, NS, SOA, TXT};
use edge_tests::message::{Ask, Reply, option, rcode, subnet};
use edge_tests::stage::{Asker, Client};

behaviours! {
    both: [
        a_subnet_says_where_the_client_is,
        an_ipv6_subnet_says_so_too,
        a_subnet_of_a_private_network_says_nothing,
        a_subnet_of_nowhere_leaves_the_source,
        of_several_subnets_the_last_counts,
        the_subnet_comes_back_as_it_was_asked,
        the_scope_never_covers_clients_with_another_answer,
        an_answer_for_everyone_has_scope_zero,
        a_query_without_a_subnet_gets_none,
        a_scope_in_the_query_is_ignored,
        no_family_is_answered_by_the_source_with_scope_zero,
        unknown_families_and_too_long_prefixes_are_format_errors,
        every_prefix_length_is_answered,
    ],
}

fn www() -> Ask {
    Ask::new("www.geo.example", A)
}

/// The Client Subnet option of a reply.
fn told(reply: &Reply) -> &[u8] {
    let option = reply.opt.as_ref().and_then(|opt| opt.option(option::SUBNET));
    option.unwrap_or_else(|| panic!("no subnet: {reply:?}"))
}

/// The scope, once the rest is found to be what was asked.
fn scope(reply: &Reply, prefix: &str) -> u8 {
    let mut data = told(reply).to_vec();
    let scope = std::mem::take(&mut data[3]);
    assert_eq!(data, subnet(prefix), "{prefix}");
    scope
}

fn a_subnet_says_where_the_client_is(on: &Asker) {
    for client in [Client::Germany, Client::Nobody, Client::Brazil] {
        for (prefix, address) in [
            ("198.51.100.0/24", "10.1.1.1"),
            ("192.0.2.77/32", "10.49.1.1"),
            ("203.0.113.0/24", "10.0.1.1"),
            ("11.0.0.0/9", "10.40.1.1"),
        ] {
            let reply = on.at(client).ask(&www().subnet(prefix));
            assert_eq!(reply.data(), [address], "{prefix} by {client:?}");
        }
    }
}

fn an_ipv6_subnet_says_so_too(on: &Asker) {
    for (prefix, address) in [
        ("2001:db8:6b::/48", "10.40.1.1"),
        ("2001:db8:6a::/56", "10.1.1.1"),
        ("2001:db8:de:1::/64", "10.49.1.1"),
    ] {
        assert_eq!(on.at(Client::Japan).ask(&www().subnet(prefix)).data(), [address], "{prefix}");
    }
}

fn a_subnet_of_a_private_network_says_nothing(on: &Asker) {
    // Some of these the database places elsewhere, as servers.
    for prefix in [
        "10.1.0.0/16",
        "172.16.0.0/12",
        "192.168.1.0/24",
        "127.1.1.0/24",
        "224.0.0.0/4",
        "fc00::/7",
    ] {
        assert_eq!(on.ask(&www().subnet(prefix)).data(), ["10.49.1.1"], "{prefix}");
    }
}

fn a_subnet_of_nowhere_leaves_the_source(on: &Asker) {
    for prefix in ["100.64.0.0/16", "9.9.9.0/24", "2001:db8:ffff::/48", "0.0.0.0/0"] {
        assert_eq!(on.ask(&www().subnet(prefix)).data(), ["10.49.1.1"], "{prefix}");
        let usa = on.at(Client::Usa).ask(&www().subnet(prefix));
        assert_eq!(usa.data(), ["10.1.1.1"], "{prefix}");
    }
}

fn of_several_subnets_the_last_counts(on: &Asker) {
    let ask = www().subnet("203.0.113.0/24").subnet("198.51.100.0/24");
    assert_eq!(on.ask(&ask).data(), ["10.1.1.1"]);
}

fn the_subnet_comes_back_as_it_was_asked(on: &Asker) {
    for prefix in
        ["198.51.100.0/24", "198.51.0.0/16", "192.0.2.1/32", "2001:db8:6b::/48", "9.0.0.0/8"]
    {
        for name in ["www.geo.example", "text.geo.example", "nobody.geo.example"] {
            let _scope = scope(&on.ask(&Ask::new(name, A).subnet(prefix)), prefix);
        }
    }
}

fn the_scope_never_covers_clients_with_another_answer(on: &Asker) {
    // Behind each prefix's end somebody else lives; a whole /24 is in one place.
    for (prefix, least, most) in [
        ("192.0.2.0/24", 24, 24),
        ("192.0.2.128/25", 24, 25),
        ("198.51.100.7/32", 24, 32),
        ("11.128.0.0/16", 16, 16),
        ("2001:db8:de::/48", 48, 48),
        ("2001:db8:de::7/128", 48, 128),
    ] {
        for name in ["www.geo.example", "geo.example", "www.vendor.geo.example"] {
            let scope = scope(&on.ask(&Ask::new(name, A).subnet(prefix)), prefix);
            assert!((least..=most).contains(&scope), "{name} {prefix}: scope {scope}");
        }
    }
}

fn an_answer_for_everyone_has_scope_zero(on: &Asker) {
    for (name, kind) in [
        ("text.geo.example", TXT),
        ("uk.geo.example", A),
        ("www.de.geo.example", A),
        ("nobody.geo.example.net", A),
        ("geo.example", SOA),
        ("www.global.example", A),
        ("www.parent.example", AAAA),
        ("parent.example", NS),
    ] {
        let reply = on.ask(&Ask::new(name, kind).subnet("198.51.100.0/24"));
        assert_eq!(scope(&reply, "198.51.100.0/24"), 0, "{name}");
    }
}

fn a_query_without_a_subnet_gets_none(on: &Asker) {
    let reply = on.ask(&www().edns(1232));
    assert!(reply.opt.expect("OPT").option(option::SUBNET).is_none());
}

fn a_scope_in_the_query_is_ignored(on: &Asker) {
    let mut data = subnet("198.51.100.0/24");
    data[3] = 17;
    let reply = on.ask(&www().option(option::SUBNET, &data));
    assert_eq!((reply.rcode, reply.data()), (rcode::NOERROR, vec!["10.1.1.1"]));
}

fn no_family_is_answered_by_the_source_with_scope_zero(on: &Asker) {
    let reply = on.ask(&www().option(option::SUBNET, &[0, 0, 0, 0]));
    assert_eq!(reply.data(), ["10.49.1.1"]);
    assert_eq!(told(&reply), [0, 0, 0, 0]);
}

fn unknown_families_and_too_long_prefixes_are_format_errors(on: &Asker) {
    let data: [&[u8]; 5] = [
        &[0, 3, 0, 0],
        &[0, 1, 33, 0, 192, 0, 2, 1, 0],
        &[0, 2, 129, 0, 0x20, 1, 13, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0, 1, 24],
        &[],
    ];
    for data in data {
        let reply = on.ask(&www().option(option::SUBNET, data));
        assert_eq!((reply.rcode, reply.answers.len()), (rcode::FORMERR, 0), "{data:?}");
        assert!(!reply.question.is_empty());
    }
}

fn every_prefix_length_is_answered(on: &Asker) {
    let mut line = on.line();
    for length in 0..=32_u8 {
        let address = std::net::Ipv4Addr::from(
            0xcb00_7107 & !u32::MAX.checked_shr(length.into()).unwrap_or(0),
        );
        let reply = line.ask(&www().subnet(&format!("{address}/{length}")));
        assert_eq!((reply.rcode, reply.answers.len()), (rcode::NOERROR, 1), "/{length}");
    }
    for length in 0..=128_u8 {
        let mask = !u128::MAX.checked_shr(length.into()).unwrap_or(0);
        let address = std::net::Ipv6Addr::from(0x2001_0db8_00de_0001_0002_0003_0004_0005 & mask);
        let reply = on.ask(&www().subnet(&format!("{address}/{length}")));
        assert_eq!((reply.rcode, reply.answers.len()), (rcode::NOERROR, 1), "/{length}");
    }
}
