//! How near a client's servers are: `closest`, by great circles.

use std::collections::BTreeSet;

use edge_tests::message::Ask;
use edge_tests::message::rtype::{A, TXT};
use edge_tests::stage::{Asker, Client};

behaviours! {
    both: [
        the_closest_server_is_given_whatever_the_weights,
        servers_about_as_close_share_by_weight,
        as_many_servers_as_max_hosts_are_the_closest,
        with_room_for_all_servers_distance_does_not_matter,
        a_client_subnet_says_where_closest_is_from,
        types_without_addresses_have_no_distance,
        a_client_without_a_place_is_answered_all_the_same,
    ],
}

fn seen(on: &Asker, ask: &Ask) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    on.many(ask, 60, |reply| seen.extend(reply.answers.iter().map(|record| record.data.clone())));
    seen
}

fn the_closest_server_is_given_whatever_the_weights(on: &Asker) {
    for (client, address) in [
        (Client::Germany, "10.49.0.1"),
        (Client::Usa, "10.1.0.1"),
        (Client::Japan, "10.81.0.1"),
        (Client::Britain, "10.44.0.1"),
        (Client::Brazil, "10.55.0.1"),
    ] {
        let seen = seen(&on.at(client), &Ask::new("one.near.example", A));
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [address], "{client:?}");
    }
}

fn servers_about_as_close_share_by_weight(on: &Asker) {
    let seen = seen(on, &Ask::new("two.near.example", A));
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["10.49.0.1", "10.49.0.2"]);
}

fn as_many_servers_as_max_hosts_are_the_closest(on: &Asker) {
    on.many(&Ask::new("three.near.example", A), 20, |reply| {
        assert_eq!(reply.sorted(), ["10.44.0.1", "10.49.0.1"]);
    });
}

fn with_room_for_all_servers_distance_does_not_matter(on: &Asker) {
    assert_eq!(on.get("all.near.example", A).sorted(), ["10.49.0.1", "10.81.0.1"]);
}

fn a_client_subnet_says_where_closest_is_from(on: &Asker) {
    let seen = seen(on, &Ask::new("one.near.example", A).subnet("203.0.113.0/24"));
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["10.81.0.1"]);
}

fn types_without_addresses_have_no_distance(on: &Asker) {
    assert_eq!(on.get("texts.near.example", TXT).sorted(), ["\"a\"", "\"b\""]);
}

fn a_client_without_a_place_is_answered_all_the_same(on: &Asker) {
    let reply = on.at(Client::Nobody).get("one.near.example", A);
    assert_eq!(reply.answers.len(), 1);
}
