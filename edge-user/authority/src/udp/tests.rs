//! Tests of receiving and sending datagrams over real sockets on loopback.

use std::net::{SocketAddr, UdpSocket};

use nix::sys::socket::{SockaddrIn, SockaddrIn6};

use super::inbox::{Inbox, Peer};
use super::outbox::Outbox;
use super::{BATCH, Worker};
use crate::Counters;

fn pair(ip: &str) -> (UdpSocket, UdpSocket) {
    let bind = || UdpSocket::bind(SocketAddr::new(ip.parse().unwrap(), 0)).unwrap();
    (bind(), bind())
}

fn takes_all<P: Peer>(ip: &str) {
    let (server, client) = pair(ip);
    let to = server.local_addr().unwrap();
    let all: Vec<Vec<u8>> = (0..=255).map(|n| vec![n; usize::from(n)]).collect();
    let mut inbox = Inbox::<P>::new();
    let mut received = Vec::new();
    for some in all.chunks(2 * BATCH + 1) {
        for message in some {
            client.send_to(message, to).unwrap();
        }
        let until = received.len() + some.len();
        while received.len() < until {
            inbox.receive(&server).unwrap();
            for (buffer, octets, from) in inbox.messages() {
                assert_eq!(from, client.local_addr().unwrap());
                received.push(buffer[Worker::ROOM..Worker::ROOM + octets].to_vec());
            }
        }
    }
    assert!(received == all);
}

#[test]
fn every_datagram_of_a_burst_is_taken_once_with_its_sender() {
    takes_all::<SockaddrIn>("127.0.0.1");
    takes_all::<SockaddrIn6>("::1");
}

#[test]
fn of_a_long_datagram_the_beginning_is_read() {
    let (server, client) = pair("127.0.0.1");
    client.send_to(&[7; 9000], server.local_addr().unwrap()).unwrap();
    let mut inbox = Inbox::<SockaddrIn>::new();
    inbox.receive(&server).unwrap();
    let octets: Vec<usize> = inbox.messages().map(|(_, octets, _)| octets).collect();
    assert_eq!(octets, [4096]);
}

#[test]
fn what_cannot_be_sent_does_not_keep_the_rest() {
    let (server, client) = pair("127.0.0.1");
    let good = client.local_addr().unwrap();
    // Addresses of another family and of everyone are refused.
    let bad: [SocketAddr; 2] =
        ["[2001:db8::1]:53".parse().unwrap(), "255.255.255.255:53".parse().unwrap()];
    let (mut outbox, counters) = (Outbox::new(), Counters::default());
    for (answer, to) in [(1, bad[0]), (2, good), (3, bad[1]), (4, bad[0]), (5, good), (6, bad[1])] {
        outbox.push(&[answer; 3], to);
    }
    outbox.send(&server, &counters);
    assert_eq!((counters.udp_answered.get(), counters.send_failed.get()), (2, 4));
    outbox.send(&server, &counters);
    outbox.push(&[7], good);
    outbox.send(&server, &counters);
    assert_eq!((counters.udp_answered.get(), counters.send_failed.get()), (3, 4));
    let mut buffer = [0; 16];
    for expect in [&[2; 3][..], &[5; 3], &[7]] {
        let (octets, from) = client.recv_from(&mut buffer).unwrap();
        assert_eq!((&buffer[..octets], from), (expect, server.local_addr().unwrap()));
    }
}
