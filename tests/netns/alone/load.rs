//! Publications under load: no reply is lost, malformed or of two versions.
//!
//! Queries come as fast as one thread can ask.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use edge_tests::netns::{Namespace, Rig, SERVER};
use hickory_proto::op::Message;
use hickory_proto::rr::RData;

/// How long there is load.
const LOAD: Duration = Duration::from_secs(10);
/// Queries under way at once: fewer than a socket's buffer has room for replies.
const WINDOW: u16 = 64;
/// Addresses of the zone, of which four are in an answer.
const ADDRESSES: u32 = 40;

/// The zone in one of two versions that share nothing.
pub(crate) fn zone(version: u32, serial: u32) -> String {
    let list: Vec<String> = (0..ADDRESSES)
        .map(|n| format!("[\"10.{version}.0.{}\", {}]", n + 1, 1000 * (1 + n % 3)))
        .collect();
    format!(
        r#"{{"serial": {serial}, "ttl": {}, "max_hosts": 4, "data": {{"": {{"ns": ["ns.example."], "a": [{}]}}}}}}"#,
        100 + version,
        list.join(", ")
    )
}

/// What the asking thread saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    /// Replies of either version.
    versions: [u64; 2],
    /// How often the version changed.
    flips: u64,
}

/// How many replies have come so far and how many are lost, for other threads.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    answered: AtomicU64,
    lost: AtomicU64,
}

impl Tally {
    /// Replies that came, and those that didn't.
    pub(crate) fn read(&self) -> [u64; 2] {
        [&self.answered, &self.lost].map(|count| count.load(Ordering::Relaxed))
    }
}

/// The version that a reply is of; panics if it isn't of exactly one.
fn version(reply: &[u8]) -> usize {
    let message = Message::from_vec(reply).unwrap_or_else(|error| panic!("{error}: {reply:02x?}"));
    assert_eq!(message.answers.len(), 4, "{message}");
    let mut versions = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    for record in &message.answers {
        let RData::A(address) = &record.data else { panic!("{message}") };
        let [_, version, _, _] = address.octets();
        versions.insert((u32::from(version), record.ttl));
        addresses.insert(address.octets());
    }
    assert_eq!(addresses.len(), 4, "{message}");
    let [(version, ttl)] = Vec::from_iter(versions)[..] else { panic!("mixed: {message}") };
    assert_eq!(ttl, 100 + version, "{message}");
    usize::try_from(version).unwrap()
}

/// A query for `big.example A`.
fn query(id: u16) -> Vec<u8> {
    let mut query = id.to_be_bytes().to_vec();
    query.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    query.extend(b"\x03big\x07example\0\0\x01\0\x01");
    query
}

/// Asks in windows until `stop` is set.
pub(crate) fn ask(sockets: &[UdpSocket], stop: &AtomicBool, tally: &Tally) -> Seen {
    let mut seen = Seen::default();
    let mut former = None;
    let mut buffer = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        for socket in sockets {
            for id in 0..WINDOW {
                socket.send(&query(id)).unwrap();
            }
            seen.asked += u64::from(WINDOW);
            let mut left: BTreeSet<u16> = (0..WINDOW).collect();
            while !left.is_empty() {
                // What doesn't come within the socket's patience is lost.
                let Ok(octets) = socket.recv(&mut buffer) else { break };
                let reply = &buffer[..octets];
                assert_eq!(reply[12..29], query(0)[12..29], "the question");
                let version = version(reply);
                assert!(left.remove(&u16::from_be_bytes([reply[0], reply[1]])), "asked for");
                seen.answered += 1;
                seen.versions[version] += 1;
                seen.flips += u64::from(former.is_some_and(|former| former != version));
                former = Some(version);
            }
            tally.answered.store(seen.answered, Ordering::Relaxed);
            tally.lost.store(seen.asked - seen.answered, Ordering::Relaxed);
        }
    }
    seen
}

/// A counter of the client's network stack.
fn stack(client: &Namespace, file: &str, name: &str) -> u64 {
    let text = client.read(&format!("cat /proc/net/{file}"));
    if file == "snmp6" {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        return line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or_default();
    }
    let mut udp = text.lines().filter(|line| line.starts_with("Udp:"));
    let (names, numbers) = (udp.next().unwrap_or_default(), udp.next().unwrap_or_default());
    let at = names.split_whitespace().position(|other| other == name);
    let number = at.and_then(|at| numbers.split_whitespace().nth(at));
    number.and_then(|n| n.parse().ok()).unwrap_or_default()
}

const FAULTS: [(&str, &str); 6] = [
    ("snmp", "InCsumErrors"),
    ("snmp", "InErrors"),
    ("snmp", "NoPorts"),
    ("snmp", "RcvbufErrors"),
    ("snmp6", "Udp6InCsumErrors"),
    ("snmp6", "Udp6InErrors"),
];

#[test]
fn publications_under_load_never_show_in_a_reply() {
    let mut rig = Rig::new("native");
    rig.write_zone("big.example", &zone(0, 1));
    rig.start();
    let sockets = rig.client.enter(|| {
        [("192.0.2.10:0", SERVER[0]), ("[2001:db8:b0::10]:0", SERVER[1])].map(|(own, server)| {
            let socket = UdpSocket::bind(own).unwrap();
            socket.connect(SocketAddr::new(server.parse().unwrap(), 53)).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            socket
        })
    });
    // Neighbour discovery is over after this.
    for client in ["192.0.2.10", "2001:db8:b0::10"] {
        assert_eq!(rig.ask(client, "big.example A +nocookie").answers.len(), 4);
    }
    let before = rig.counters();
    let faults = || FAULTS.map(|(file, name)| stack(&rig.client, file, name));
    let faults_before = faults();
    let generation = |rig: &Rig| rig.status()["generation"].as_u64().unwrap();
    let first = generation(&rig);

    let (stop, tally) = (AtomicBool::new(false), Tally::default());
    let begun = Instant::now();
    let (seen, writes) = thread::scope(|scope| {
        let asking = scope.spawn(|| ask(&sockets, &stop, &tally));
        let mut writes = 0;
        while begun.elapsed() < LOAD && !asking.is_finished() {
            writes += 1;
            rig.write_zone("big.example", &zone(writes % 2, 1 + writes));
            thread::sleep(Duration::from_millis(100));
        }
        stop.store(true, Ordering::Relaxed);
        (asking.join(), writes)
    });
    let seen = seen.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let (after, published) = (rig.counters(), generation(&rig) - first);
    let answered = after.xdp() - before.xdp();
    let rate = u128::from(seen.answered) * 1000 / begun.elapsed().as_millis();
    let figures = format!("{seen:?}, {rate}/s; {published} generations of {writes} files");
    writeln!(std::io::stdout(), "{figures}").unwrap();
    assert_eq!(seen.asked - seen.answered, 0, "lost: {seen:?}");
    assert_eq!(answered, seen.asked);
    assert_eq!((after.authority() - before.authority(), after.dropped()), (0, 0));
    assert_eq!(faults(), faults_before, "{FAULTS:?}");
    assert!(published >= 20 && seen.flips >= 10, "{published} generations, {seen:?}");
}
