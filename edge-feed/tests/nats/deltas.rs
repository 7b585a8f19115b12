//! Tests of the score feed in a stream of one server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use edge_feed::cursor::Discarded;
use edge_feed::source::nats::{NatsConfig, NatsDeltas, Retention};
use edge_feed::source::{Source as _, SourceError, SourceLimits};
use edge_feed::{Cursor, Delta};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::server::{Server, connect, nats};
use crate::{all, deltas, ids_up_to};

#[tokio::test]
async fn a_stream_is_followed_from_any_cursor() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    nats.make_stream("d", "deltas", &Retention::default()).await.unwrap();
    nats.make_stream("d", "deltas", &Retention::default()).await.unwrap();
    assert_eq!(nats.publish("deltas", &[]).await.unwrap(), 0);
    // One to a message, several to a message, many to several, every second identifier.
    for id in 1..=20 {
        nats.publish("deltas", &deltas([id * 2])).await.unwrap();
    }
    nats.publish("deltas", &deltas((21..=30).map(|id| id * 2))).await.unwrap();
    assert_eq!(nats.publish("deltas", &deltas((31..=2000).map(|id| id * 2))).await.unwrap(), 24);
    for cursor in [0, 1, 2, 3, 13, 14, 40, 41, 42, 55, 60, 61, 1000, 3998, 3999] {
        let mut source = NatsDeltas::new(&nats, "d", cursor, SourceLimits::default());
        let (ids, errors) = ids_up_to(&mut source, 4000).await;
        let expected: Vec<u64> = (1..=2000).map(|id| id * 2).filter(|id| *id > cursor).collect();
        assert_eq!(ids, expected, "after {cursor}");
        assert!(errors.is_empty(), "{errors:?}");
    }
    let mut source = NatsDeltas::new(&nats, "d", 4000, SourceLimits::default());
    let mut behind = NatsDeltas::new(&nats, "d", 5000, SourceLimits::default());
    nats.publish("deltas", &deltas([4001, 5001])).await.unwrap();
    assert_eq!(ids_up_to(&mut source, 5001).await.0, [4001, 5001]);
    assert_eq!(ids_up_to(&mut behind, 5001).await.0, [5001]);
    assert_eq!(source.status().read().deltas, 2);
}

#[tokio::test]
async fn the_same_batch_twice_counts_once() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    nats.make_stream("d", "deltas", &Retention::default()).await.unwrap();
    let first = nats.publish("deltas", &deltas(1..=9)).await.unwrap();
    assert_eq!(nats.publish("deltas", &deltas(1..=9)).await.unwrap(), first);
}

#[tokio::test]
async fn broken_messages_are_said_and_skipped_and_do_not_lead_astray() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    nats.make_stream("d", "deltas", &Retention::default()).await.unwrap();
    let raw = async_nats::connect(server[0].url()).await.unwrap();
    let raw = async_nats::jetstream::new(raw);
    for id in 1..=40 {
        let text = if id % 3 == 0 {
            "{\"id\":".to_owned()
        } else {
            format!("{{\"id\":{id},\"ts\":1,\"removed\":1}}")
        };
        raw.publish("deltas", text.into()).await.unwrap().await.unwrap();
    }
    for cursor in [0, 7, 20, 39] {
        let mut source = NatsDeltas::new(&nats, "d", cursor, SourceLimits::default());
        let (ids, errors) = ids_up_to(&mut source, 40).await;
        let expected: Vec<u64> = (cursor + 1..=40).filter(|id| id % 3 != 0).collect();
        assert_eq!(ids, expected);
        let status = source.status().read();
        assert!(
            status.broken_lines
                >= (cursor + 1..=40).filter(|id| id % 3 == 0).count().try_into().unwrap()
        );
        assert!(errors.iter().all(|error| error.reason() == "broken_lines"), "{errors:?}");
        assert!(errors[0].to_string().contains("the first at message "), "{errors:?}");
    }
}

#[tokio::test]
async fn messages_that_the_stream_no_longer_has_are_reported() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    nats.make_stream("d", "deltas", &Retention::default()).await.unwrap();
    for id in 1..=10 {
        nats.publish("deltas", &deltas([id])).await.unwrap();
    }
    let raw = async_nats::connect(server[0].url()).await.unwrap();
    let stream = async_nats::jetstream::new(raw).get_stream("d").await.unwrap();
    stream.purge().sequence(5).await.unwrap();
    stream.delete_message(8).await.unwrap();
    // 4 was the first of them, or not; 8 surely was one. Nobody misses 3 who has 5.
    for (cursor, expected, gone) in
        [(2, vec![5, 6, 7, 9, 10], vec![(4, 4), (8, 8)]), (5, vec![6, 7, 9, 10], vec![(8, 8)])]
    {
        let mut source = NatsDeltas::new(&nats, "d", cursor, SourceLimits::default());
        let (ids, mut errors) = ids_up_to(&mut source, 10).await;
        assert_eq!(ids, expected);
        if errors.len() < gone.len() {
            errors.push(source.next().await.unwrap_err());
        }
        let lost = errors.iter().map(|error| match error {
            SourceError::Lost { first, last, .. } => (*first, *last),
            other => panic!("{other}"),
        });
        assert_eq!(lost.collect::<Vec<_>>(), gone);
        assert_eq!(source.status().read().lost, u64::try_from(gone.len()).unwrap());
    }
}

#[tokio::test]
async fn a_stream_that_is_made_anew_is_read_from_the_cursor() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    nats.make_stream("d", "deltas", &Retention::default()).await.unwrap();
    nats.publish("deltas", &deltas([1])).await.unwrap();
    nats.publish("deltas", &deltas([2])).await.unwrap();
    let mut source = NatsDeltas::new(&nats, "d", 0, SourceLimits::default());
    assert_eq!(ids_up_to(&mut source, 2).await.0, [1, 2]);
    let raw = async_nats::connect(server[0].url()).await.unwrap();
    async_nats::jetstream::new(raw).delete_stream("d").await.unwrap();
    let error = source.next().await.unwrap_err();
    assert_eq!(error.reason(), "interrupted");
    assert_eq!(source.next().await.unwrap_err().reason(), "missing");
    nats.make_stream("d", "deltas", &Retention::default()).await.unwrap();
    for id in 1..=4 {
        nats.publish("deltas", &deltas([id])).await.unwrap();
    }
    assert_eq!(ids_up_to(&mut source, 4).await.0, [3, 4]);
}

#[tokio::test]
async fn a_stream_is_read_again_when_the_pool_goes_back_and_after_a_restart_too() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    nats.make_stream("d", "deltas", &Retention::default()).await.unwrap();
    let publish = async |id: u64, ts: i64| {
        let of = deltas([id]).into_iter().map(|delta| Delta { ts, ..delta }).collect::<Vec<_>>();
        nats.publish("deltas", &of).await.unwrap();
    };
    // 901 came before an operator gave up 1001 and 1010, 902 afterwards.
    for (id, ts) in [(850, 40), (1001, 100), (1010, 110), (901, 120)] {
        publish(id, ts).await;
    }
    let cursor = |id, time| {
        let discarded = Some(Discarded { until: 110, from: 1010, through: 1010 });
        Cursor { id, time, discarded }
    };
    let mut source = NatsDeltas::new(&nats, "d", 1000, SourceLimits::default());
    assert_eq!(ids_up_to(&mut source, 1010).await.0, [1001, 1010]);
    source.rewind(cursor(900, 50));
    assert_eq!(ids_up_to(&mut source, 901).await.0, [901]);
    publish(902, 90).await;
    assert_eq!(ids_up_to(&mut source, 902).await.0, [902]);
    for (id, ts) in [(903, 121), (904, 122)] {
        publish(id, ts).await;
    }
    for (id, expected) in [(900, &[901, 903, 904][..]), (901, &[903, 904]), (903, &[904])] {
        let mut source = NatsDeltas::new(&nats, "d", cursor(id, 120), SourceLimits::default());
        let (ids, errors) = ids_up_to(&mut source, 904).await;
        assert_eq!(ids, expected, "after {id}");
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back_has_lost_nothing() {
    let mut server = [Server::start("")];
    let nats = connect(&server).await;
    nats.make_stream("d", "deltas", &Retention::default()).await.unwrap();
    nats.publish("deltas", &deltas(1..=100)).await.unwrap();
    let mut source = NatsDeltas::new(&nats, "d", 0, SourceLimits::default());
    assert_eq!(ids_up_to(&mut source, 100).await.0, all(1, 100));
    server[0].kill();
    let error = source.next().await.unwrap_err();
    assert!(error.to_string().ends_with("it will be resumed after 100"), "{error}");
    let error = source.next().await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    assert!(error.to_string().starts_with(&server[0].url()), "{error}");
    let status = source.status().read();
    assert!(!status.connected && status.retries > 1, "{status:?}");
    assert_eq!(nats.publish("deltas", &deltas([101])).await.unwrap_err().reason(), "unreachable");
    server[0].run();
    let publish = async {
        while nats.publish("deltas", &deltas(101..=200)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let (_, (ids, _)) = tokio::join!(publish, ids_up_to(&mut source, 200));
    assert_eq!(ids, all(101, 200));
    let status = source.status().read();
    assert!(status.connected && status.error.is_none() && status.retries == 0, "{status:?}");
}

#[tokio::test]
async fn a_reader_that_sleeps_while_much_is_published_gets_all_of_it() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    nats.make_stream("d", "deltas", &Retention::default()).await.unwrap();
    let mut source = NatsDeltas::new(&nats, "d", 0, SourceLimits::default());
    nats.publish("deltas", &deltas(1..=1)).await.unwrap();
    assert_eq!(ids_up_to(&mut source, 1).await.0, [1]);
    for first in (2..50_000).step_by(1000) {
        nats.publish("deltas", &deltas(first..first + 1000)).await.unwrap();
    }
    assert_eq!(ids_up_to(&mut source, 50_001).await.0, all(2, 50_001));
}

/// Octets between client and server, cut off after so many of the server's.
async fn proxy(server: u16, octets: usize) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let cuts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&cuts);
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { continue };
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let up = tokio::spawn(async move {
                    drop(tokio::io::copy(&mut from_client, &mut to_server).await);
                });
                let mut left = octets;
                let mut piece = vec![0; 4096];
                while let Ok(read @ 1..) = from_server.read(&mut piece).await {
                    if read > left {
                        count.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                    left -= read;
                    if to_client.write_all(&piece[..read]).await.is_err() {
                        break;
                    }
                }
                up.abort();
            });
        }
    });
    (port, cuts)
}

#[tokio::test]
async fn a_connection_that_is_cut_again_and_again_loses_nothing() {
    let server = [Server::start("")];
    let direct = connect(&server).await;
    direct.make_stream("d", "deltas", &Retention::default()).await.unwrap();
    let (port, cuts) = proxy(server[0].port, 60_000).await;
    let servers = vec![format!("nats://127.0.0.1:{port}")];
    let cut = nats(NatsConfig { servers, ..NatsConfig::default() }).await;
    let mut source = NatsDeltas::new(&cut, "d", 0, SourceLimits::default());
    let publish = async {
        for first in (1..=5000).step_by(50) {
            direct.publish("deltas", &deltas(first..first + 50)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (_, (ids, errors)) = tokio::join!(publish, ids_up_to(&mut source, 5000));
    assert_eq!(ids, all(1, 5000));
    assert!(cuts.load(Ordering::Relaxed) >= 3);
    assert!(errors.iter().any(|error| error.reason() == "interrupted"), "{errors:?}");
    assert!(errors.iter().all(|error| error.reason() != "lost"), "{errors:?}");
}

#[tokio::test]
async fn a_consumer_that_the_server_forgot_is_opened_again() {
    let server = [Server::start("")];
    let nats = connect(&server).await;
    nats.make_stream("d", "deltas", &Retention::default()).await.unwrap();
    nats.publish("deltas", &deltas([1])).await.unwrap();
    let mut source = NatsDeltas::new(&nats, "d", 0, SourceLimits::default());
    assert_eq!(ids_up_to(&mut source, 1).await.0, [1]);
    let raw = async_nats::connect(server[0].url()).await.unwrap();
    let stream = async_nats::jetstream::new(raw).get_stream("d").await.unwrap();
    let mut names = stream.consumer_names();
    let mut forgotten = 0;
    while let Some(name) = futures_util::StreamExt::next(&mut names).await {
        stream.delete_consumer(&name.unwrap()).await.unwrap();
        forgotten += 1;
    }
    assert_eq!(forgotten, 1);
    nats.publish("deltas", &deltas([2])).await.unwrap();
    let (ids, errors) = ids_up_to(&mut source, 2).await;
    assert_eq!(ids, [2]);
    assert!(errors.iter().all(|error| error.reason() == "interrupted"), "{errors:?}");
}
