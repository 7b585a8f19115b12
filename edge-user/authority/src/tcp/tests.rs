//! Tests of what a connection may and may not do.
//!
//! Streams are in memory, except in the test of the limits on connections.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::runtime;

use super::{Limits, Open, Room, Seat, converse};
use crate::fixture::{A, ask, serving};
use crate::tests::mutation::mutate;
use crate::{Current, Options, Shared, Worker};
use edge_tables::store::Store;

const PATIENT: Limits = Limits {
    connections: 5,
    connections_of_client: 2,
    queries: 3,
    first: Duration::from_secs(60),
    next: Duration::from_secs(60),
    write: Duration::from_secs(60),
};

fn worker() -> Worker {
    Worker::new(Shared {
        store: Store::in_memory(),
        current: Arc::new(Current::new(serving())),
        options: Arc::new(Options::default()),
        counters: Arc::default(),
        observer: Arc::new(()),
    })
}

/// Sends `octets`, and nothing behind them if `and_close`; gives all that comes back until the
/// connection ends.
fn exchange(limits: &Limits, octets: &[u8], and_close: bool) -> (Vec<u8>, std::io::Result<()>) {
    let runtime = runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let asked = ask("x", A).stream().asked();
    let worker = RefCell::new(worker());
    runtime.block_on(async {
        let (mut client, server) = duplex(1 << 16);
        client.write_all(octets).await.unwrap();
        if and_close {
            client.shutdown().await.unwrap();
        }
        let talk = converse(server, &asked, &worker, limits, || false);
        let mut back = Vec::new();
        let listen = async {
            client.read_to_end(&mut back).await.unwrap();
            drop(client);
        };
        let (ended, ()) = tokio::join!(talk, listen);
        (back, ended)
    })
}

fn query() -> Vec<u8> {
    let octets = ask("pool.example.com", A).octets();
    let mut framed = u16::try_from(octets.len()).unwrap().to_be_bytes().to_vec();
    framed.extend(octets);
    framed
}

/// Octets of the answer to [`query`], with its length.
fn answer_octets() -> usize {
    query().len() + 4 * 16
}

#[test]
fn a_connection_ends_after_its_last_query() {
    let (back, ended) = exchange(&PATIENT, &query().repeat(5), false);
    assert_eq!(back.len(), 3 * answer_octets());
    assert!(ended.is_ok());
}

#[test]
fn a_connection_that_says_nothing_ends() {
    let (back, ended) = exchange(&Limits { first: Duration::ZERO, ..PATIENT }, &[], false);
    assert!(back.is_empty());
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn a_connection_that_has_nothing_more_to_say_ends() {
    let limits = Limits { next: Duration::ZERO, ..PATIENT };
    let (back, ended) = exchange(&limits, &query(), false);
    assert_eq!(back.len(), answer_octets());
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn where_it_is_crowded_the_next_query_must_come_as_soon_as_the_first() {
    let runtime = runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let asked = ask("x", A).stream().asked();
    let worker = RefCell::new(worker());
    let limits = Limits { first: Duration::ZERO, ..PATIENT };
    runtime.block_on(async {
        let (mut client, server) = duplex(1 << 16);
        client.write_all(&query()).await.unwrap();
        let ended = converse(server, &asked, &worker, &limits, || true).await;
        assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        let mut back = Vec::new();
        client.read_to_end(&mut back).await.unwrap();
        assert_eq!(back.len(), answer_octets());
    });
}

#[test]
fn what_was_asked_before_the_client_closed_its_side_is_answered() {
    let (back, ended) = exchange(&PATIENT, &query().repeat(2), true);
    assert_eq!(back.len(), 2 * answer_octets());
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
}

#[test]
fn whatever_a_stream_says_whole_answers_come_back_in_order() {
    const N: usize = 2_000;
    let limits = Limits { queries: 8, ..PATIENT };
    let mut random = fastrand::Rng::with_seed(0x7c9);
    let mut n_answers = 0;
    for _ in 0..N {
        let (mut octets, mut ids) = (Vec::new(), Vec::new());
        for id in 0..random.u16(1..6) {
            let mut message = ask("pool.example.com", A).edns(1232, &[0, 11, 0, 0]).octets();
            message[..2].copy_from_slice(&id.to_be_bytes());
            ids.push(id);
            octets.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
            octets.extend(message);
        }
        let is_broken = random.bool();
        if is_broken {
            mutate(&mut octets, &mut random);
        }
        let (back, _) = exchange(&limits, &octets, true);
        let mut rest = &back[..];
        let mut answered = Vec::new();
        while let Some((length, behind)) = rest.split_first_chunk() {
            let (answer, next) = behind.split_at(usize::from(u16::from_be_bytes(*length)));
            let message = hickory_proto::op::Message::from_vec(answer).unwrap();
            answered.push(message.metadata.id);
            rest = next;
        }
        assert!(rest.is_empty());
        n_answers += answered.len();
        assert!(is_broken || answered == ids);
    }
    assert!(n_answers > N, "{n_answers}");
}

#[test]
fn half_a_query_is_not_answered() {
    let whole = query();
    for octets in 0..whole.len() {
        let (back, ended) = exchange(&PATIENT, &whole[..octets], true);
        assert!(back.is_empty());
        assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    }
}

#[test]
fn messages_without_an_answer_count_as_queries() {
    let mut octets = vec![0, 0, 0, 3, 1, 2, 3];
    octets.extend(query().repeat(2));
    let (back, ended) = exchange(&PATIENT, &octets, false);
    assert_eq!(back.len(), answer_octets());
    assert!(ended.is_ok());
}

#[test]
fn a_client_that_takes_no_answers_is_left() {
    let runtime = runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let asked = ask("x", A).stream().asked();
    let worker = RefCell::new(worker());
    let limits = Limits { write: Duration::ZERO, ..PATIENT };
    runtime.block_on(async {
        let (mut client, server) = duplex(query().len());
        client.write_all(&query()).await.unwrap();
        let ended = converse(server, &asked, &worker, &limits, || false).await;
        assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    });
    assert_eq!(worker.borrow().counters().send_failed.get(), 1);
}

#[test]
fn connections_are_limited_in_all_and_for_each_client() {
    let room = Rc::new(Room {
        worker: RefCell::new(worker()),
        limits: PATIENT,
        open: RefCell::new(Open::default()),
    });
    let take = |ip: &str| Seat::take(&room, ip.parse::<IpAddr>().unwrap());
    let one = take("192.0.2.1").unwrap();
    let _two = take("::ffff:192.0.2.1").unwrap();
    assert!(take("192.0.2.1").is_none());
    let _three = take("2001:db8::1").unwrap();
    let _four = take("2001:db8::ffff:2").unwrap();
    assert!(take("2001:db8::3").is_none());
    let _five = take("2001:db8:0:1::3").unwrap();
    assert!(take("192.0.2.2").is_none());
    drop(one);
    let again = take("192.0.2.1");
    assert!(again.is_some());
    drop((again, _two));
    assert_eq!(room.open.borrow().of_client.len(), 2);
}
