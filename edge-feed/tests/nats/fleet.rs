//! Tests of the fleet's heartbeats.

use std::collections::BTreeMap;
use std::time::Duration;

use edge_feed::fleet::{Fleet, FleetRules, Heartbeat, PeerState};
use edge_leaves::points::Points;

use crate::server::{Server, connect};

fn heartbeat(node: &str, serial: u32) -> Heartbeat {
    Heartbeat {
        node: node.to_owned(),
        version: "0.1.0".to_owned(),
        serials: BTreeMap::from([("pool.example".to_owned(), serial)]),
        ..Heartbeat::default()
    }
}

#[tokio::test]
async fn a_node_that_is_silent_is_lost_and_not_forgotten_until_somebody_says_so() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    let rules = FleetRules { ttl: Duration::from_secs(1), ..FleetRules::default() };
    let mut fleet = Fleet::open(&nats, rules).await.unwrap();
    assert!(fleet.read().await.unwrap().is_empty());
    let mut others = Fleet::open(&nats, rules).await.unwrap();
    others.publish_heartbeat(&heartbeat("b.example", 1000)).await.unwrap();
    others.publish_heartbeat(&heartbeat("b.example", 1001)).await.unwrap();
    let order = async |fleet: &mut Fleet| {
        fleet.publish_heartbeat(&heartbeat("a", 2000)).await.unwrap();
        let nodes = fleet.read().await.unwrap();
        nodes.into_iter().map(|node| (node.heartbeat.node, node.state)).collect::<Vec<_>>()
    };
    let a = ("a".to_owned(), PeerState::Well);
    let b = |standing| ("b.example".to_owned(), standing);
    assert_eq!(order(&mut fleet).await, [b(PeerState::Lagging), a.clone()]);
    while order(&mut fleet).await != [b(PeerState::Lost), a.clone()] {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    fleet.forget("b.example").await.unwrap();
    assert_eq!(order(&mut fleet).await, [a]);
}

#[tokio::test]
async fn points_are_told_once_a_minute_until_the_node_is_forgotten() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    let mut fleet = Fleet::open(&nats, FleetRules::default()).await.unwrap();
    let mut points = Points::default();
    let deck = points.composition(1, [([192, 0, 2, 1].into(), 1)]);
    points.add("de", 7, &deck);
    let report = points.report(10);
    assert!(fleet.publish_points("a", 5, || report.clone()).await.unwrap());
    assert!(!fleet.publish_points("a", 5, || panic!("not yet")).await.unwrap());
    let mut others = Fleet::open(&nats, FleetRules::default()).await.unwrap();
    let told = others.points().await.unwrap();
    assert_eq!((told.len(), told["a"].since, &told["a"].points), (1, 5, &report));
    fleet.forget("a").await.unwrap();
    assert!(others.points().await.unwrap().is_empty());
}

#[tokio::test]
async fn two_processes_of_one_name_notice_each_other_until_one_is_gone() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    let rules = FleetRules::default();
    let mut ours = Fleet::open(&nats, rules).await.unwrap();
    let mut theirs = Fleet::open(&nats, rules).await.unwrap();
    let of = |process: &str| Heartbeat { process: process.to_owned(), ..heartbeat("ams", 1) };
    let process = |fleet: &Fleet| fleet.namesake().map(|other| other.process.clone());
    for round in 0..3 {
        ours.publish_heartbeat(&of("ours")).await.unwrap();
        theirs.publish_heartbeat(&of("theirs")).await.unwrap();
        let is_noticed = round == 2;
        assert_eq!(process(&ours), is_noticed.then(|| "theirs".to_owned()), "round {round}");
        assert_eq!(process(&theirs), is_noticed.then(|| "ours".to_owned()), "round {round}");
    }
    for _ in 0..5 {
        ours.publish_heartbeat(&of("ours")).await.unwrap();
    }
    assert_eq!(process(&ours), None);
}

#[tokio::test]
async fn a_name_that_is_no_key_and_a_heartbeat_that_is_none_are_said() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    let mut fleet = Fleet::open(&nats, FleetRules::default()).await.unwrap();
    for name in ["", "a b", "a.*", ">", ".a", "a."] {
        let error = fleet.publish_heartbeat(&heartbeat(name, 1)).await.unwrap_err();
        assert!(error.to_string().contains("not a name for a node"), "{error}");
    }
    let raw = async_nats::connect(server[0].url()).await.unwrap();
    let raw = async_nats::jetstream::new(raw).get_key_value("edge_fleet").await.unwrap();
    raw.put("x", "nonsense".into()).await.unwrap();
    let nodes = fleet.read().await.unwrap();
    assert_eq!((&*nodes[0].heartbeat.node, nodes[0].state), ("x", PeerState::Unwell));
    assert!(nodes[0].heartbeat.health[0].starts_with("its heartbeat can't be read: "));
}
