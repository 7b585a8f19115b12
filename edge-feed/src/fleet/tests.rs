//! Tests of the state of nodes, by the content and the age of their heartbeats.

use super::{FleetNode, FleetRules, Heartbeat, PeerState, judge, table};
use std::collections::BTreeMap;

fn heartbeat(node: &str, serial: u32, age: u64, health: &[&str]) -> (String, (u64, Heartbeat)) {
    let heartbeat = Heartbeat {
        node: node.to_owned(),
        process: String::new(),
        host: String::new(),
        version: "0.1.0".to_owned(),
        time: 1_000_000,
        serials: BTreeMap::from([("pool.ntp.org".to_owned(), serial)]),
        feed_age_seconds: Some(age),
        rates: BTreeMap::from([("dns".to_owned(), 1234.4), ("ntp".to_owned(), 5.0)]),
        health: health.iter().map(|line| (*line).to_owned()).collect(),
    };
    (node.to_owned(), (3, heartbeat))
}

fn fleet() -> Vec<FleetNode> {
    let heard = BTreeMap::from([
        heartbeat("a", 2000, 5, &[]),
        heartbeat("b", 1999, 5, &["no clock", "x\x1b[2J"]),
        heartbeat("c-with-a-long-name", 1399, 5, &[]),
        heartbeat("d", 2000, 601, &[]),
        heartbeat("e", 100, 5, &[]),
        heartbeat("f", 2000, 600, &[]),
    ]);
    judge(heard, &["e".to_owned()], &FleetRules::default())
}

#[test]
fn lost_nodes_come_first_then_those_that_lag_then_the_unwell() {
    let fleet = fleet();
    let order: Vec<(&str, PeerState)> =
        fleet.iter().map(|node| (&*node.heartbeat.node, node.state)).collect();
    assert_eq!(
        order,
        [
            ("e", PeerState::Lost),
            ("c-with-a-long-name", PeerState::Lagging),
            ("d", PeerState::Lagging),
            ("b", PeerState::Unwell),
            ("a", PeerState::Well),
            ("f", PeerState::Well),
        ]
    );
    assert_eq!(fleet[3].behind, BTreeMap::from([("pool.ntp.org".to_owned(), 1)]));
    assert!(fleet[4].behind.is_empty());
}

#[test]
fn the_columns_of_the_table_line_up_and_nothing_in_it_moves_the_cursor() {
    let text = table(&fleet());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 7);
    for column in ["STANDING", "HEARD", "FEED", "VERSION", "SERIALS", "RATES/S", "HEALTH"] {
        let at = lines[0].find(column).unwrap();
        for line in &lines[1..] {
            assert_eq!(line.get(at - 2..at), Some("  "), "{column} in {text}");
            assert_ne!(line.get(at..=at), Some(" "), "{column} in {text}");
        }
    }
    assert!(lines[1].starts_with("e                   lost      3s ago"), "{text}");
    assert!(lines[1].contains("pool.ntp.org=100(-1900)") && lines[1].contains("dns=1234 ntp=5"));
    assert!(lines[4].ends_with("no clock; x?[2J"), "{text}");
}

#[test]
fn a_node_is_one_flat_object_as_json() {
    let json = serde_json::to_value(&fleet()[0]).unwrap();
    assert_eq!(json["standing"], "lost");
    assert_eq!(json["node"], "e");
    assert_eq!(json["serials"]["pool.ntp.org"], 100);
}
