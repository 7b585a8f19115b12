//! The daemon behind the node stops, ends, comes back and lies.
//!
//! No client gets the time for longer than the lease, and none gets a wrong time. Clients that
//! believed the node notice by themselves.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use edge_tests::netns::{PATIENCE, Rig, SERVER, Source, TimeClient, TimeClientKind, WrongClock};

use crate::ntp::{CLIENT, configure, synchronises, telling};

/// Seconds; what is configured.
const LEASE: u64 = 3;
/// All reaches of a client's are forgotten after eight polls of a second.
const FORGOTTEN: Duration = Duration::from_secs(40);
/// For a reply that may not come.
const SILENCE: Duration = Duration::from_millis(200);
/// Octets of a request and its reply.
const OCTETS: usize = 48;

/// An ordinary request.
const REQUEST: [u8; OCTETS] = {
    let mut request = [0; OCTETS];
    request[0] = 0x23;
    request[47] = 7;
    request
};

/// Asks once; a reply's first two octets: leap indicator, version and mode; stratum.
fn ask(socket: &UdpSocket) -> Option<(u8, u8)> {
    let mut reply = [0; 128];
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    // What an ICMP message said of a request before.
    let _sent = socket.send(&REQUEST).or_else(|_| socket.send(&REQUEST)).unwrap();
    match socket.recv(&mut reply) {
        Ok(OCTETS) if reply[24..32] == REQUEST[40..] => Some((reply[0], reply[1])),
        Ok(octets) => panic!("{octets}: {reply:x?}"),
        Err(_) => None,
    }
}

/// Asks until nobody says that he is synchronised; when a request was sent that was answered so
/// last.
fn last_told(rig: &Rig, client: &str) -> Instant {
    let socket = rig.datagrams_to(client, 123);
    let begun = Instant::now();
    let mut last = begun;
    while begun.elapsed() < Duration::from_secs(LEASE) + PATIENCE {
        let sent = Instant::now();
        match ask(&socket) {
            Some((0x24, 2)) => last = sent,
            // Twice, as one may be lost.
            _ if !matches!(ask(&socket), Some((0x24, 2))) => return last,
            _ => {}
        }
    }
    panic!("time is still served: {}", rig.status()["ntp"]);
}

/// Waits until the node gives no time for this reason, as `edge status` says.
fn ends(rig: &Rig, reason: &str) {
    rig.wait_until(&format!("no time is served: {reason}"), PATIENCE, || {
        let ntp = &rig.status()["ntp"];
        ntp["synchronised"] == false && ntp["reason_kind"] == reason
    });
}

/// Waits until a client gives up on all servers.
fn gives_up(rig: &Rig, client: &TimeClient) {
    rig.wait_until("the client gives up", FORGOTTEN, || {
        SERVER.iter().all(|server| !client.believes(rig, server))
    });
}

/// Waits until a client believes all servers.
fn believes(rig: &Rig, client: &TimeClient) {
    rig.wait_until("the client believes", FORGOTTEN, || {
        SERVER.iter().all(|server| client.believes(rig, server))
    });
}

fn keys(unsynchronised: &str) -> String {
    format!("lease_seconds = {LEASE}\nunsynchronised = \"{unsynchronised}\"")
}

#[test]
fn a_daemon_that_hangs_is_told_for_no_longer_than_the_lease_and_clients_give_up() {
    let (rig, source) = telling(&keys("pass"));
    let clients = [TimeClientKind::Chrony, TimeClientKind::Ntpsec]
        .map(|kind| TimeClient::start(kind, &rig, &SERVER));
    clients.iter().for_each(|client| believes(&rig, client));
    source.stop();
    let stopped = Instant::now();
    let last = last_told(&rig, CLIENT[0]);
    // The lease runs from its last answer, which it gave before.
    assert!(last <= stopped + Duration::from_secs(LEASE), "{:?}", last - stopped);
    ends(&rig, "silent");
    let told = rig.counters().answered("ntp");
    for server in SERVER {
        let refused = rig.ntpdig(server).unwrap_err();
        assert!(refused.contains("no eligible servers"), "{refused}");
    }
    clients.iter().for_each(|client| gives_up(&rig, client));
    assert_eq!(rig.counters().answered("ntp"), told);
    // All that came meanwhile waits in the daemon's sockets: what it says now is old, and nobody
    // takes it.
    source.resume();
    synchronises(&rig);
    clients.iter().for_each(|client| believes(&rig, client));
}

#[test]
fn a_daemon_that_ended_is_told_for_no_longer_than_the_lease_and_again_when_it_is_back() {
    let (rig, source) = telling(&keys("pass"));
    let client = TimeClient::start(TimeClientKind::Chrony, &rig, &SERVER);
    believes(&rig, &client);
    let killed = Instant::now();
    drop(source);
    let last = last_told(&rig, CLIENT[1]);
    // It may have answered until it was gone.
    assert!(last <= killed + Duration::from_secs(LEASE) + SILENCE, "{:?}", last - killed);
    ends(&rig, "refused");
    gives_up(&rig, &client);
    let _source = Source::start(&rig);
    synchronises(&rig);
    believes(&rig, &client);
}

#[test]
fn timesyncd_notices_that_nobody_answers() {
    let (rig, source) = telling(&keys("pass"));
    let server = SERVER[0];
    let client = TimeClient::start(TimeClientKind::Timesyncd, &rig, &[server]);
    rig.wait_until("it believes", PATIENCE, || client.believes(&rig, server));
    source.stop();
    ends(&rig, "silent");
    // It asks every 16 s, and gives up after some requests.
    rig.wait_until("it gives up", FORGOTTEN * 3, || !client.believes(&rig, server));
}

#[test]
fn flagged_requests_are_answered_by_a_node_that_says_it_knows_no_time() {
    gives_up_while_flagged(&[TimeClientKind::Chrony, TimeClientKind::Ntpsec]);
}

/// Insists that clients give up on a node that flags its replies, and believe it again later.
pub(crate) fn gives_up_while_flagged(kinds: &[TimeClientKind]) {
    let (rig, source) = telling(&keys("flag"));
    let clients: Vec<_> =
        kinds.iter().map(|kind| TimeClient::start(*kind, &rig, &SERVER)).collect();
    clients.iter().for_each(|client| believes(&rig, client));
    source.stop();
    let stopped = Instant::now();
    let last = last_told(&rig, CLIENT[1]);
    assert!(last <= stopped + Duration::from_secs(LEASE), "{:?}", last - stopped);
    ends(&rig, "silent");
    for client in CLIENT {
        // RFC 5905 §7.3: leap indicator 3 and stratum 0.
        assert_eq!(ask(&rig.datagrams_to(client, 123)), Some((0xe4, 0)));
    }
    for server in SERVER {
        let refused = rig.ntpdig(server).unwrap_err();
        assert!(refused.contains("no eligible servers"), "{refused}");
    }
    clients.iter().for_each(|client| gives_up(&rig, client));
    assert!(rig.counters().answered("ntp_unsynchronised") >= 4);
    source.resume();
    synchronises(&rig);
    clients.iter().for_each(|client| believes(&rig, client));
}

#[test]
fn timesyncd_takes_no_time_from_a_node_that_says_it_knows_none() {
    let mut rig = Rig::new("native");
    configure(&rig, &keys("flag"));
    rig.start();
    let server = SERVER[1];
    let client = TimeClient::start(TimeClientKind::Timesyncd, &rig, &[server]);
    rig.wait_until("it was answered", PATIENCE, || {
        client.log().iter().any(|line| line.starts_with("Server is not synchronized"))
    });
    assert!(rig.counters().answered("ntp_unsynchronised") > 0);
    assert!(!client.believes(&rig, server), "{:#?}", client.log());
}

#[test]
fn dropped_requests_reach_nobody() {
    let (rig, source) = telling(&keys("drop"));
    source.stop();
    ends(&rig, "silent");
    let before = rig.counters().dropped_for("ntp_unsynchronised_drop");
    for client in CLIENT {
        assert_eq!(ask(&rig.datagrams_to(client, 123)), None);
    }
    assert_eq!(rig.counters().dropped_for("ntp_unsynchronised_drop") - before, 2);
    source.resume();
    synchronises(&rig);
    let told: Vec<_> = CLIENT.iter().map(|client| ask(&rig.datagrams_to(client, 123))).collect();
    assert_eq!(told, [Some((0x24, 2)); 2]);
    assert_eq!(source.clients(), ["127.0.0.1"]);
}

#[test]
fn a_daemon_that_tells_another_time_than_the_clock_shows_is_not_believed() {
    let mut rig = Rig::new("native");
    let wrong = WrongClock::start(&rig, Duration::from_secs(10));
    configure(&rig, &keys("pass"));
    rig.start();
    ends(&rig, "disagrees");
    let text = rig.status_text();
    assert!(text.contains("it doesn't discipline this clock"), "{text}");
    let told = CLIENT.map(|client| ask(&rig.datagrams_to(client, 123)));
    assert_eq!((told, rig.counters().answered("ntp")), ([None; 2], 0));
    drop(wrong);
    let _source = Source::start(&rig);
    synchronises(&rig);
    assert_eq!(ask(&rig.datagrams_to(CLIENT[0], 123)), Some((0x24, 2)));
}

#[test]
fn a_daemon_that_begins_to_lie_ends_the_lease() {
    let (rig, source) = telling(&keys("drop"));
    assert_eq!(ask(&rig.datagrams_to(CLIENT[0], 123)), Some((0x24, 2)));
    drop(source);
    let _wrong = WrongClock::start(&rig, Duration::from_secs(10));
    ends(&rig, "disagrees");
    let told = CLIENT.map(|client| ask(&rig.datagrams_to(client, 123)));
    assert_eq!(told, [None; 2]);
}
