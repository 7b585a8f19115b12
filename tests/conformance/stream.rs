//! TCP (RFC 7766): several queries on a connection, in pieces and all at once.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use edge_tests::message::rtype::A;
use edge_tests::message::{Ask, Reply, rcode};
use edge_tests::stage::{Asker, Client, Line, framed};

behaviours! {
    tcp: [
        many_queries_share_a_connection,
        pipelined_queries_are_all_answered,
        a_query_may_come_octet_by_octet,
        queries_behind_a_slow_one_are_not_lost,
        a_client_that_has_no_more_to_say_is_still_answered,
        a_message_of_no_octets_harms_nobody,
        a_bad_message_harms_nobody_else,
        a_client_that_goes_away_harms_nobody,
        both_families_are_served,
    ],
}

fn stream(on: &Asker) -> TcpStream {
    match on.line() {
        Line::Tcp(stream) => stream,
        Line::Udp(_) => unreachable!("these are asked over TCP"),
    }
}

fn www(id: u16) -> Ask {
    Ask { id, ..Ask::new("www.geo.example", A) }
}

fn receive(line: &mut Line) -> Reply {
    Reply::read(&line.receive().expect("a reply")).expect("a message")
}

fn many_queries_share_a_connection(on: &Asker) {
    let mut line = on.line();
    for id in 0..100 {
        assert_eq!(line.ask(&www(id)).data(), ["10.49.1.1"]);
    }
}

fn pipelined_queries_are_all_answered(on: &Asker) {
    let mut stream = stream(on);
    let all: Vec<u8> = (0..50).flat_map(|id| framed(&www(id).octets())).collect();
    stream.write_all(&all).expect("send");
    let mut line = Line::Tcp(stream);
    // RFC 7766 §6.2.1.1: in any order.
    let mut ids: Vec<u16> = (0..50).map(|_| receive(&mut line).id).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..50).collect::<Vec<_>>());
}

fn a_query_may_come_octet_by_octet(on: &Asker) {
    let mut stream = stream(on);
    for octet in framed(&www(1).octets()) {
        stream.write_all(&[octet]).expect("send");
    }
    assert_eq!(receive(&mut Line::Tcp(stream)).data(), ["10.49.1.1"]);
}

fn queries_behind_a_slow_one_are_not_lost(on: &Asker) {
    let mut stream = stream(on);
    let (one, two) = (framed(&www(1).octets()), framed(&www(2).octets()));
    let (head, tail) = two.split_at(7);
    stream.write_all(&[&one, head].concat()).expect("send");
    let mut line = Line::Tcp(stream.try_clone().expect("a socket"));
    assert_eq!(receive(&mut line).id, 1);
    stream.write_all(tail).expect("send");
    assert_eq!(receive(&mut line).id, 2);
}

fn a_client_that_has_no_more_to_say_is_still_answered(on: &Asker) {
    let mut stream = stream(on);
    stream.write_all(&framed(&www(9).octets())).expect("send");
    stream.shutdown(Shutdown::Write).expect("shut down");
    let mut line = Line::Tcp(stream);
    assert_eq!(receive(&mut line).id, 9);
    assert_eq!(line.receive(), None, "then the connection ends");
}

fn a_message_of_no_octets_harms_nobody(on: &Asker) {
    let mut stream = stream(on);
    // The server may end the connection on it.
    drop(stream.write_all(&[0, 0]));
    drop(stream.write_all(&framed(&www(3).octets())));
    if let Some(octets) = Line::Tcp(stream).receive() {
        assert_eq!(Reply::read(&octets).expect("a message").id, 3);
    }
    assert_eq!(on.ask(&www(4)).data(), ["10.49.1.1"]);
}

fn a_bad_message_harms_nobody_else(on: &Asker) {
    let mut other = on.line();
    let mut line = on.line();
    line.send(b"not a DNS message at all, but long enough");
    line.send(&[0xff; 3]);
    assert_eq!(other.ask(&www(5)).rcode, rcode::NOERROR);
    assert_eq!(on.ask(&www(6)).rcode, rcode::NOERROR);
}

fn a_client_that_goes_away_harms_nobody(on: &Asker) {
    for octets in [&[][..], &[0], &[0, 200], &[0, 200, 1, 2, 3], &framed(&www(7).octets())] {
        let mut stream = stream(on);
        stream.write_all(octets).expect("send");
        drop(stream);
    }
    let mut line = on.line();
    assert_eq!(line.ask(&www(8)).data(), ["10.49.1.1"]);
}

fn both_families_are_served(on: &Asker) {
    for client in [Client::Germany, Client::Brazil] {
        let mut stream = stream(&on.at(client));
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        stream.write_all(&framed(&www(1).octets())).expect("send");
        let mut length = [0; 2];
        stream.read_exact(&mut length).expect("a length");
        assert!(u16::from_be_bytes(length) > 12, "{client:?}");
    }
}
