//! Tests with real sockets on loopback.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};

use super::{A, Ask, TXT, ask, serving};
use crate::{Authority, BindError, Current, Inherited, Options, Serving};
use edge_tables::store::Store;

/// Long enough for any answer on a busy machine; a test that waits so long has failed.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(30));

fn bind(listen: &[&str]) -> Result<Authority, BindError> {
    let listen: Vec<SocketAddr> = listen.iter().map(|address| address.parse().unwrap()).collect();
    let current = Arc::new(Current::new(serving()));
    Authority::bind(&listen, 2, Store::in_memory(), current, Options::new("edge1"))
}

fn start(listen: &str) -> (Authority, SocketAddr) {
    // A port that is free for TCP may be taken for UDP by a test that runs beside this one.
    let mut authority = (0..8).find_map(|_| bind(&[listen]).ok()).unwrap();
    let address = authority.addresses().next().unwrap();
    authority.serve().unwrap();
    (authority, address)
}

fn over_udp(server: SocketAddr, ask: &Ask) -> Message {
    let socket = UdpSocket::bind((server.ip(), 0)).unwrap();
    socket.set_read_timeout(PATIENCE).unwrap();
    socket.send_to(&ask.octets(), server).unwrap();
    let mut buffer = [0; 2048];
    let (octets, from) = socket.recv_from(&mut buffer).unwrap();
    assert_eq!(from, server);
    Message::from_vec(&buffer[..octets]).unwrap()
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(PATIENCE).unwrap();
    stream
}

fn framed(ask: &Ask) -> Vec<u8> {
    let octets = ask.octets();
    let mut framed = u16::try_from(octets.len()).unwrap().to_be_bytes().to_vec();
    framed.extend(octets);
    framed
}

/// The next response; `None` when the server has closed.
fn next(stream: &mut TcpStream) -> Option<Message> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut octets = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut octets).unwrap();
    Some(Message::from_vec(&octets).unwrap())
}

#[test]
fn queries_are_answered_over_udp_and_tcp_and_both_families() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let (mut authority, server) = start(listen);
        for _ in 0..10 {
            assert_eq!(over_udp(server, &ask("pool.example.com", A)).answers.len(), 4);
        }
        let mut stream = connect(server);
        stream.write_all(&framed(&ask("pool.example.com", A))).unwrap();
        assert_eq!(next(&mut stream).unwrap().answers.len(), 4);
        let counters = Arc::clone(authority.counters());
        authority.stop(Duration::ZERO);
        assert_eq!(counters.udp_answered.get(), 10);
        assert_eq!(counters.tcp_answered.get(), 1);
        assert_eq!((counters.answered(), counters.connections.get()), (11, 1));
        assert_eq!(next(&mut stream), None);
    }
}

#[test]
fn every_query_of_a_burst_is_answered() {
    let (_authority, server) = start("127.0.0.1:0");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(PATIENCE).unwrap();
    let ask = ask("pool.example.com", A).octets();
    let mut missing: Vec<u16> = (0..150).collect();
    for id in &missing {
        let message = [&id.to_be_bytes(), &ask[2..]].concat();
        socket.send_to(&message, server).unwrap();
    }
    let mut buffer = [0; 2048];
    while !missing.is_empty() {
        let (octets, from) = socket.recv_from(&mut buffer).unwrap();
        let message = Message::from_vec(&buffer[..octets]).unwrap();
        assert_eq!((from, message.answers.len()), (server, 4));
        let at = missing.iter().position(|id| *id == message.metadata.id).unwrap();
        missing.remove(at);
    }
}

#[test]
fn queries_in_one_go_are_answered_in_order() {
    let (_authority, server) = start("127.0.0.1:0");
    let mut stream = connect(server);
    let names = ["pool", "nothing", "www", "texts"].map(|label| format!("{label}.example.com"));
    let all: Vec<u8> = names.iter().flat_map(|name| framed(&ask(name, TXT))).collect();
    stream.write_all(&all).unwrap();
    for name in names {
        assert_eq!(next(&mut stream).unwrap().queries[0].name().to_string(), name + ".");
    }
}

#[test]
fn a_query_may_come_octet_by_octet() {
    let (_authority, server) = start("127.0.0.1:0");
    let mut stream = connect(server);
    stream.set_nodelay(true).unwrap();
    for octet in framed(&ask("pool.example.com", A)) {
        stream.write_all(&[octet]).unwrap();
    }
    assert_eq!(next(&mut stream).unwrap().answers.len(), 4);
}

#[test]
fn a_truncated_answer_is_whole_over_tcp() {
    let (authority, server) = start("127.0.0.1:0");
    let ask = ask("long.example.com", TXT);
    assert!(over_udp(server, &ask).metadata.truncation);
    let mut stream = connect(server);
    stream.write_all(&framed(&ask)).unwrap();
    let whole = next(&mut stream).unwrap();
    assert!(!whole.metadata.truncation);
    assert_eq!(whole.answers.len(), 1);
    assert_eq!(authority.counters().truncated.get(), 1);
}

#[test]
fn what_is_not_a_query_gets_no_answer_but_the_next_does() {
    let (authority, server) = start("127.0.0.1:0");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(PATIENCE).unwrap();
    socket.connect(server).unwrap();
    socket.send(&[]).unwrap();
    socket.send(&[0; 11]).unwrap();
    socket.send(&ask("pool.example.com", A).flags(0x8000).octets()).unwrap();
    socket.send(&ask("nothing.example.com", A).octets()).unwrap();
    let mut buffer = [0; 2048];
    let octets = socket.recv(&mut buffer).unwrap();
    let message = Message::from_vec(&buffer[..octets]).unwrap();
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(authority.counters().dropped.get(), 3);
}

#[test]
fn a_new_snapshot_is_served_at_once() {
    let current = Arc::new(Current::default());
    let listen = ["127.0.0.1:0".parse().unwrap()];
    let store = Store::in_memory();
    let mut authority =
        Authority::bind(&listen, 1, store, Arc::clone(&current), Options::default()).unwrap();
    let server = authority.addresses().next().unwrap();
    authority.serve().unwrap();
    let ask = ask("pool.example.com", A);
    assert_eq!(over_udp(server, &ask).metadata.response_code, ResponseCode::Refused);
    current.set(Arc::new(serving()));
    assert_eq!(over_udp(server, &ask).metadata.response_code, ResponseCode::NoError);
    current.set(Arc::new(Serving::nothing()));
    assert_eq!(over_udp(server, &ask).metadata.response_code, ResponseCode::Refused);
}

#[test]
fn an_address_that_cannot_be_had_is_named_with_cause_and_way_out() {
    let error = |listen: &[&str]| bind(listen).err().unwrap().to_string();
    assert!(error(&[]).starts_with("listen: no address is given"));
    assert!(
        error(&["0.0.0.0:5353"]).starts_with("listen on 0.0.0.0:5353: it stands for every address")
    );
    assert!(error(&["[::]:0"]).starts_with("listen on [::]:0: it stands for every address"));
    let foreign = error(&["192.0.2.1:5353"]);
    assert!(
        foreign.starts_with("listen on 192.0.2.1:5353 tcp: address not available; add it"),
        "{foreign}"
    );
    let first = bind(&["127.0.0.1:0"]).unwrap();
    let taken = first.addresses().next().unwrap().to_string();
    assert!(
        error(&[&taken])
            .starts_with(&format!("listen on {taken} tcp: address in use; stop the server"))
    );
}

/// Another authority, which has the sockets of `authority`, too.
fn heir(authority: &Authority) -> Authority {
    let listen: Vec<_> = authority.addresses().collect();
    let mut inherited = Inherited::new(authority.sockets().unwrap());
    let (store, current) = (Store::in_memory(), Arc::new(Current::new(serving())));
    let options = Options::new("edge2");
    // Fewer workers: their sockets stay all the same.
    Authority::inherit(&mut inherited, &listen, 1, store, current, options).unwrap()
}

#[test]
fn what_waits_in_a_socket_is_answered_by_the_process_that_has_it_next() {
    let (mut authority, server) = start("127.0.0.1:0");
    let mut heir = heir(&authority);
    assert_eq!(heir.sockets().unwrap().len(), 3);
    authority.stop(Duration::ZERO);
    // Both of the address's sockets get some.
    let clients: Vec<_> = (0..32).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    for client in &clients {
        client.send_to(&ask("pool.example.com", A).octets(), server).unwrap();
    }
    let mut stream = connect(server);
    stream.write_all(&framed(&ask("pool.example.com", A))).unwrap();
    heir.serve().unwrap();
    for client in &clients {
        client.set_read_timeout(PATIENCE).unwrap();
        let mut buffer = [0; 2048];
        let octets = client.recv(&mut buffer).unwrap();
        assert_eq!(Message::from_vec(&buffer[..octets]).unwrap().answers.len(), 4);
    }
    assert_eq!(next(&mut stream).unwrap().answers.len(), 4);
    assert_eq!(heir.counters().udp_answered.get(), 32);
}

#[test]
fn an_heir_that_gives_up_leaves_the_sockets_to_the_first() {
    let (authority, server) = start("[::1]:0");
    let mut heir = heir(&authority);
    heir.serve().unwrap();
    drop(heir);
    for _ in 0..32 {
        assert_eq!(over_udp(server, &ask("pool.example.com", A)).answers.len(), 4);
    }
    let mut stream = connect(server);
    stream.write_all(&framed(&ask("pool.example.com", A))).unwrap();
    assert_eq!(next(&mut stream).unwrap().answers.len(), 4);
}

#[test]
fn a_connection_that_is_open_at_the_end_is_served_until_its_time_is_over() {
    let (mut authority, server) = start("127.0.0.1:0");
    let mut stream = connect(server);
    let ask = framed(&ask("pool.example.com", A));
    stream.write_all(&ask).unwrap();
    assert_eq!(next(&mut stream).unwrap().answers.len(), 4);
    let ending = std::thread::spawn(move || authority.stop(Duration::from_secs(30)));
    while TcpStream::connect(server).is_ok() {}
    stream.write_all(&ask).unwrap();
    assert_eq!(next(&mut stream).unwrap().answers.len(), 4);
    drop(stream);
    ending.join().unwrap();
}

#[test]
fn a_stopped_authority_gives_its_addresses_back() {
    let (mut authority, server) = start("127.0.0.2:0");
    authority.stop(Duration::ZERO);
    authority.stop(Duration::ZERO);
    assert_eq!(authority.addresses().count(), 0);
    assert!(UdpSocket::bind(server).is_ok());
}
