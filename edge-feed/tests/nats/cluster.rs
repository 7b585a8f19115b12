//! Tests with a cluster of three servers of which one is killed or cut off.

use std::time::Duration;

use edge_feed::source::nats::{Nats, NatsDeltas, NatsDocument, Retention};
use edge_feed::source::{DocumentKind, Event, Source as _, SourceLimits};

use crate::server::{Server, cluster, connect};
use crate::{all, deltas, ids_up_to};

const KEEP: Retention = Retention { replicas: 3, age: Duration::from_secs(3600), octets: 1 << 24 };

/// A cluster has a stream once it has chosen its leaders.
async fn made(servers: &[Server]) -> Nats {
    let nats = connect(servers).await;
    while nats.make_stream("d", "deltas", &KEEP).await.is_err()
        || nats.make_bucket("b", &KEEP).await.is_err()
    {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    nats
}

/// Waits until all three have all of the stream: one of three can be missed, two can't.
async fn wait_for_cluster(servers: &[Server]) {
    let urls: Vec<String> = servers.iter().map(Server::url).collect();
    let raw = async_nats::jetstream::new(async_nats::connect(urls).await.unwrap());
    loop {
        if let Ok(stream) = raw.get_stream("d").await
            && let Some(cluster) = &stream.cached_info().cluster
            && cluster.leader.is_some()
            && cluster.replicas.len() == 2
            && cluster.replicas.iter().all(|replica| replica.current && !replica.offline)
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Publishes whatever happens: again until it is kept.
async fn publish(nats: &Nats, first: u64, last: u64) {
    for first in (first..=last).step_by(20) {
        while nats.publish("deltas", &deltas(first..(first + 20).min(last + 1))).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn each_server_of_three_may_be_killed_in_turn_while_deltas_flow() {
    let mut servers = cluster();
    let nats = made(&servers).await;
    let others = connect(&servers).await;
    let mut source = NatsDeltas::new(&others, "d", 0, SourceLimits::default());
    let mut first = 1;
    for victim in 0..servers.len() {
        let last = first + 1999;
        let reader = async {
            // What comes at once may be more than was there when the server was killed.
            let mut ids = Vec::new();
            while ids.last() < Some(&last) {
                if let Ok(Event::Deltas(deltas)) = source.next().await {
                    ids.extend(deltas.iter().map(|delta| delta.id));
                }
            }
            ids
        };
        let killer = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            servers[victim].kill();
        };
        let (_, (), ids) = tokio::join!(publish(&nats, first, last), killer, reader);
        assert_eq!(ids, all(first, last), "server {victim} killed");
        servers[victim].run();
        wait_for_cluster(&servers).await;
        first = last + 1;
    }
    assert_eq!(source.status().read().lost, 0);
}

#[tokio::test]
async fn a_server_that_stands_still_is_left_and_nothing_is_lost() {
    let servers = cluster();
    let nats = made(&servers).await;
    nats.put("b", &DocumentKind::Snapshot, b"one", None).await.unwrap();
    let mut documents =
        NatsDocument::new(&nats, "b", DocumentKind::Snapshot, SourceLimits::default());
    let one = Event::Snapshot { octets: b"one".to_vec(), signature: None };
    assert_eq!(documents.next().await.unwrap(), one);
    publish(&nats, 1, 100).await;
    let reader = connect(&servers).await;
    let mut source = NatsDeltas::new(&reader, "d", 0, SourceLimits::default());
    assert_eq!(ids_up_to(&mut source, 100).await.0, all(1, 100));
    let name = reader.server().unwrap();
    let frozen = &servers[name.trim_start_matches('n').parse::<usize>().unwrap()];
    frozen.signal("STOP");
    let (_, (ids, _)) = tokio::join!(publish(&nats, 101, 400), ids_up_to(&mut source, 400));
    frozen.signal("CONT");
    assert_eq!(ids, all(101, 400));
    while nats.put("b", &DocumentKind::Snapshot, b"two", None).await.is_err() {}
    loop {
        match documents.next().await {
            Ok(Event::Snapshot { octets, .. }) => {
                assert_eq!(octets, b"two");
                break;
            }
            Ok(Event::Unchanged) | Err(_) => {}
            Ok(event) => panic!("{event:?}"),
        }
    }
}
