//! NTP requests that only the daemon answers.
//!
//! They reach the daemon unmodified, and its reply leaves from the address that was asked.
//! Clients that sign are among them.

use std::net::UdpSocket;

use edge_tests::netns::{PATIENCE, Rig, SERVER, Source, TimeClient, TimeClientKind};

use crate::ntp::{CLIENT, configure, passed, synchronises, telling};

/// Service addresses beside the first.
const SECOND: [&str; 2] = ["10.53.0.53", "fd53::53"];

/// A daemon that answers the node alone, and leaves the service addresses to us.
const LOOPBACK: &str = "bindaddress 127.0.0.1\nbindaddress ::1";

/// An NTP header with a first octet, and octets behind it.
fn message(first: u8, more: usize) -> Vec<u8> {
    let mut octets: Vec<u8> = (0..48 + more).map(|at| u8::try_from(at).unwrap() ^ 0xa5).collect();
    octets[0] = first;
    octets
}

/// What passes for which reason: kind, octets, counter.
fn foreign() -> [(&'static str, Vec<u8>, &'static str); 9] {
    let mut short = message(0x23, 0);
    short.truncate(47);
    [
        ("a MAC of MD5", message(0x23, 20), "ntp_length"),
        ("a MAC of SHA-1", message(0x1b, 24), "ntp_length"),
        ("extension fields, as NTS has them", message(0x23, 180), "ntp_length"),
        ("too short", short, "ntp_length"),
        ("symmetric active", message(0x21, 0), "ntp_mode"),
        ("symmetric passive", message(0x22, 0), "ntp_mode"),
        ("broadcast", message(0x25, 0), "ntp_mode"),
        ("NTP version 5", message(0x2b, 0), "ntp_version"),
        ("control", message(0x16, 0), "ntp_mode"),
    ]
}

/// A socket at a service address of the server's, in the daemon's place.
fn daemon(rig: &Rig, server: &str) -> UdpSocket {
    let socket = rig.server.enter(|| UdpSocket::bind((server, 123)).unwrap());
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// As [`telling`], with more lines of the daemon's.
fn with_source(keys: &str, lines: &str) -> (Rig, Source) {
    let mut rig = Rig::new("native");
    let source = Source::start_with(&rig, lines);
    configure(&rig, keys);
    rig.start();
    synchronises(&rig);
    (rig, source)
}

#[test]
fn whatever_is_no_ordinary_request_reaches_the_daemon_as_it_came() {
    let (rig, _source) = with_source("control = \"pass\"", LOOPBACK);
    for (server, client) in SERVER.into_iter().zip(CLIENT) {
        let daemon = daemon(&rig, server);
        let socket = rig.datagrams_to(client, 123);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        for (kind, octets, reason) in foreign() {
            let before = rig.counters();
            assert_eq!(socket.send(&octets).unwrap(), octets.len());
            let mut buffer = [0; 512];
            let (n, from) = daemon.recv_from(&mut buffer).unwrap();
            assert_eq!(buffer[..n], octets, "{kind}");
            assert_eq!(from, socket.local_addr().unwrap(), "{kind}");
            // What is said in reply comes from where was asked, or the socket wouldn't have it.
            daemon.send_to(kind.as_bytes(), from).unwrap();
            let n = socket.recv(&mut buffer).unwrap();
            assert_eq!(buffer[..n], *kind.as_bytes());
            let after = rig.counters();
            assert_eq!(after.passed(reason) - before.passed(reason), 1, "{kind}: {after:?}");
            assert_eq!(after.answered("ntp"), before.answered("ntp"), "{kind}");
        }
    }
}

#[test]
fn control_messages_are_dropped_unless_the_operator_says_that_they_pass() {
    let (rig, _source) = with_source("", LOOPBACK);
    let daemon = daemon(&rig, SERVER[0]);
    let socket = rig.datagrams_to(CLIENT[0], 123);
    for first in [0x16, 0x1e, 0x17, 0x27] {
        socket.send(&message(first, 0)).unwrap();
    }
    // Sent behind them, and heard first.
    let last = message(0x2b, 0);
    socket.send(&last).unwrap();
    let mut buffer = [0; 512];
    let n = daemon.recv(&mut buffer).unwrap();
    assert_eq!(buffer[..n], last);
    assert_eq!(rig.counters().dropped_for("ntp_control"), 4);
}

#[test]
fn a_client_that_signs_is_served_by_the_daemon_and_believes_it() {
    let (rig, source) = telling("");
    let before = rig.counters().answered("ntp");
    let client = TimeClient::start(TimeClientKind::Signed, &rig, &SERVER);
    rig.wait_until("it believes", PATIENCE * 2, || {
        SERVER.iter().all(|server| client.believes(&rig, server))
    });
    for server in SERVER {
        assert_eq!(client.column("ntpdata", server, 27).unwrap(), "Yes", "authenticated");
    }
    assert!(rig.counters().passed("ntp_length") >= 2 && passed(&rig) >= 2);
    assert_eq!(rig.counters().answered("ntp"), before, "none was XDP's");
    let mut heard = source.clients();
    heard.sort();
    assert_eq!(heard, [CLIENT[0], "127.0.0.1", CLIENT[1]]);
}

#[test]
fn the_daemons_reply_leaves_from_the_address_that_was_asked() {
    let mut rig = Rig::new("native");
    for address in SECOND {
        let (length, more) = if address.contains(':') { (128, "nodad") } else { (32, "") };
        rig.server.run(&format!("ip address add {address}/{length} dev lo {more}"));
    }
    let source = Source::start(&rig);
    let listen = [SERVER, SECOND].concat();
    configure(&rig, &format!("listen = {listen:?}"));
    rig.start();
    synchronises(&rig);
    for (server, via) in SECOND.into_iter().zip(SERVER) {
        let length = if server.contains(':') { 128 } else { 32 };
        rig.client.run(&format!("ip route add {server}/{length} via {via}"));
        let told = rig.ntpdig(server).unwrap();
        assert_eq!((&told["ip"], &told["stratum"]), (&server.into(), &2.into()), "by XDP");
    }
    assert_eq!(source.clients(), ["127.0.0.1"]);
    let client = TimeClient::start(TimeClientKind::Signed, &rig, &SECOND);
    rig.wait_until("it believes", PATIENCE * 2, || {
        SECOND.iter().all(|server| client.believes(&rig, server))
    });
    assert_eq!(source.clients().len(), 3, "by the daemon");
}
