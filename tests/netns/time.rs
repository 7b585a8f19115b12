//! NTP from a running node: the time while the daemon answers, else nothing.
//!
//! The daemon is made up. At the loopback address it gives another stratum than at the service
//! addresses, so a client's reply shows who made it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edge_tests::netns::{PATIENCE, Rig, SERVER};
use edge_user::ntp::timestamp::{ONE, Timestamp};

/// What the daemon says to whoever disciplines by it, and to others.
const OWN: u8 = 2;
const OTHERS: u8 = 9;
/// How long a socket waits.
const MOMENT: Duration = Duration::from_millis(50);
/// Clients of both families.
const CLIENTS: [&str; 2] = ["192.0.2.10", "2001:db8:de::10"];
/// Requests of each.
const REQUESTS: u64 = 20;

fn utc() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_unix(now.as_secs().cast_signed(), now.subsec_nanos())
}

/// A daemon's reply (RFC 5905 §7.3).
fn reply(request: &[u8], stratum: u8) -> Vec<u8> {
    let mut octets = vec![request[0] & 0x38 | 4, stratum, request[2], 0xe9];
    // A root delay and a root dispersion of 4 ms.
    octets.extend([0, 0, 1, 0, 0, 0, 1, 0, 192, 0, 2, 77]);
    octets.extend(utc().plus(-ONE).0.to_be_bytes());
    octets.extend(&request[40..48]);
    octets.extend(utc().0.to_be_bytes());
    octets.extend(utc().0.to_be_bytes());
    octets
}

/// A socket's daemon; it stops when it is dropped.
struct Daemon {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    /// In the server's namespace.
    fn start(rig: &Rig, ip: &str, stratum: u8) -> Self {
        let at = SocketAddr::new(ip.parse().unwrap(), 123);
        let socket = rig.server.enter(|| UdpSocket::bind(at).unwrap());
        socket.set_read_timeout(Some(MOMENT)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let serve = move || {
            let mut octets = [0; 128];
            while !stopped.load(Ordering::Relaxed) {
                if let Ok((n, client)) = socket.recv_from(&mut octets) {
                    let reply = reply(&octets[..n], stratum);
                    assert_eq!(socket.send_to(&reply, client).unwrap(), reply.len());
                }
            }
        };
        Self { stop, thread: Some(std::thread::spawn(serve)) }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()) || std::thread::panicking());
    }
}

/// A client's socket.
struct Client {
    socket: UdpSocket,
    asked: u64,
}

/// A reply, checked as far as it is the same whoever made it.
struct Told {
    octets: [u8; 48],
    /// The client's clock before and after.
    around: [Timestamp; 2],
}

impl Told {
    const fn stratum(&self) -> u8 {
        self.octets[1]
    }

    fn timestamp(&self, at: usize) -> Timestamp {
        Timestamp(u64::from_be_bytes(self.octets[at..at + 8].try_into().unwrap()))
    }
}

impl Client {
    fn new(rig: &Rig, client: &str) -> Self {
        let server = if client.contains(':') { SERVER[1] } else { SERVER[0] };
        let at = |ip: &str, port| SocketAddr::new(ip.parse().unwrap(), port);
        let socket = rig.client.enter(|| {
            let socket = UdpSocket::bind(at(client, 0)).unwrap();
            socket.connect(at(server, 123)).unwrap();
            socket
        });
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, asked: 0 }
    }

    fn ask(&mut self) -> Told {
        self.asked += 1;
        let cookie = (self.asked << 32 | 0xbeef).to_be_bytes();
        let mut request = [0; 48];
        request[0] = 0x23;
        request[2] = 6;
        request[40..].copy_from_slice(&cookie);
        let before = utc();
        self.socket.send(&request).unwrap();
        let mut octets = [0; 48];
        assert_eq!(self.socket.recv(&mut octets).unwrap(), 48);
        let told = Told { octets, around: [before, utc()] };
        assert_eq!(
            (octets[0] & 0x3f, octets[2]),
            (0x24, 6),
            "version 4, mode 4, the client's poll"
        );
        assert_eq!(octets[24..32], cookie);
        told
    }

    /// Whether a datagram is answered by anybody, given a moment.
    fn is_answered(&self, request: &[u8]) -> bool {
        self.socket.set_read_timeout(Some(MOMENT)).unwrap();
        self.socket.send(request).unwrap();
        let answered = match self.socket.recv(&mut [0; 512]) {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => panic!("{error}"),
        };
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
        answered
    }
}

/// A rig with NTP and what else `[ntp]` is to say, whose neighbours know each other, and the daemon
/// at the service addresses.
fn rig(keys: &str) -> (Rig, Vec<Daemon>) {
    let mut rig = Rig::new("native");
    let config = format!("{}\n[ntp]\nenabled = true\nlease_seconds = 3\n{keys}", rig.config());
    rig.write("edge.toml", config.as_bytes());
    let others = SERVER.map(|ip| Daemon::start(&rig, ip, OTHERS)).into();
    rig.start();
    for client in CLIENTS {
        let _first = rig.ask(client, "pool.example A");
    }
    (rig, others)
}

fn is_synchronised(rig: &Rig) -> bool {
    rig.status()["ntp"]["synchronised"] == true
}

/// What Prometheus would read.
fn metrics(rig: &Rig) -> String {
    rig.server.enter(|| {
        let mut stream = TcpStream::connect("127.0.0.1:8053").unwrap();
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    })
}

#[test]
fn clients_are_told_the_time_by_the_driver_while_the_daemon_answers_and_by_the_daemon_else() {
    let (mut rig, _others) = rig("");
    let mut clients = CLIENTS.map(|client| Client::new(&rig, client));
    // Nobody disciplines the clock yet.
    for client in &mut clients {
        assert_eq!(client.ask().stratum(), OTHERS);
    }
    let daemon = Daemon::start(&rig, "127.0.0.1", OWN);
    rig.wait_until("the clock is synchronised", PATIENCE, || is_synchronised(&rig));

    let before = rig.counters();
    for client in &mut clients {
        for _ in 0..REQUESTS {
            let told = client.ask();
            assert_eq!((told.stratum(), told.octets[0] >> 6), (OWN, 0));
            assert_eq!(told.octets[12..16], [192, 0, 2, 77]);
            let [receive, transmit] = [32, 40].map(|at| told.timestamp(at));
            assert!(transmit.since(receive) > 0);
            // A timestamp has random bits where the clock has none, below a microsecond.
            let [sent, came] = told.around;
            assert!(receive.since(sent) > -ONE / 100_000, "{:?}", told.octets);
            assert!(came.since(transmit) > -ONE / 100_000, "{:?}", told.octets);
        }
    }
    let after = rig.counters();
    let asked = 2 * REQUESTS;
    assert_eq!(after.answered("ntp") - before.answered("ntp"), asked);
    assert_eq!(after.xdp() - before.xdp(), asked);
    let status = rig.status();
    let ntp = &status["ntp"];
    assert_eq!((&ntp["enabled"], &ntp["stratum"]), (&true.into(), &OWN.into()));
    assert_eq!(ntp["listen"], serde_json::json!(["10.53.0.1:123", "[fd53::1]:123"]));
    assert_eq!(ntp["answered"], after.answered("ntp"));
    let text = rig.status_text();
    assert!(
        text.contains("NTP at 10.53.0.1:123, [fd53::1]:123: serving time, stratum 2"),
        "{text}"
    );
    let text = rig.explain_time();
    assert!(text.starts_with("serving time: stratum 2, for "), "{text}");
    let refid = text.lines().find(|line| line.trim_start().starts_with("refid")).unwrap();
    assert!(refid.contains("192.0.2.77") && refid.contains("daemon"), "{refid}");

    let text = metrics(&rig);
    for line in [
        "edge_ntp_synchronised 1".to_owned(),
        "ntp_system_stratum 2".to_owned(),
        "chrony_tracking_stratum 2".to_owned(),
        format!("ntp_server_accepted_packets_total {}", after.answered("ntp")),
    ] {
        assert!(text.lines().any(|other| other == line), "{line} isn't in\n{text}");
    }

    // Nobody answers modes 6 and 7; DNS is still answered.
    assert!(!clients[0].is_answered(&[0x16, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
    assert!(rig.counters().dropped_for("ntp_control") > 0);
    let _reply = rig.ask(CLIENTS[0], "pool.example A");

    // With the daemon, the time goes.
    drop(daemon);
    rig.wait_until("the lease has ended", PATIENCE, || !is_synchronised(&rig));
    for client in &mut clients {
        assert_eq!(client.ask().stratum(), OTHERS);
    }
    // The lease may end before the next question is refused.
    rig.wait_until("the daemon's absence is the reason", PATIENCE, || {
        rig.status()["ntp"]["reason_kind"] == "refused"
    });
    assert!(metrics(&rig).contains("edge_ntp_reason{reason=\"refused\"} 1\n"));
    assert!(rig.explain_time().starts_with("NOT serving time (requests: pass): the daemon at 127"));
    // It comes back with the daemon.
    let _daemon = Daemon::start(&rig, "127.0.0.1", OWN);
    rig.wait_until("the clock is synchronised again", PATIENCE, || is_synchronised(&rig));
    assert_eq!(clients[0].ask().stratum(), OWN);
    let (code, log) = rig.stop();
    assert_eq!(code, Some(0), "{log:#?}");
    assert_eq!(clients[0].ask().stratum(), OTHERS, "nothing is left of the node");
}

#[test]
fn without_a_daemon_clients_are_told_so_if_it_is_wished() {
    let (rig, _others) = rig("unsynchronised = \"flag\"\n");
    let flagged = |rig: &Rig| rig.status()["ntp"]["service"] == "flag";
    rig.wait_until("the daemon is found to be missing", PATIENCE, || flagged(&rig));
    for client in CLIENTS {
        let told = Client::new(&rig, client).ask();
        assert_eq!((told.stratum(), told.octets[0] >> 6), (0, 3));
        assert_eq!(
            told.octets[4..24],
            [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        );
    }
    assert_eq!(rig.status()["ntp"]["unsynchronised"], 2);
}

#[test]
fn a_node_that_is_killed_tells_the_time_no_longer_than_its_lease() {
    let (mut rig, _others) = rig("");
    let _daemon = Daemon::start(&rig, "127.0.0.1", OWN);
    rig.wait_until("the clock is synchronised", PATIENCE, || is_synchronised(&rig));
    let mut client = Client::new(&rig, CLIENTS[0]);
    assert_eq!(client.ask().stratum(), OWN);
    rig.kill();
    // The program is still attached; it looks at its lease alone.
    let end = std::time::Instant::now() + PATIENCE;
    while client.ask().stratum() == OWN {
        assert!(std::time::Instant::now() < end, "it has no end");
        std::thread::sleep(MOMENT);
    }
    assert_eq!(client.ask().stratum(), OTHERS);
    // The next one takes over from where the program is.
    rig.start();
    rig.wait_until("the clock is synchronised again", PATIENCE, || is_synchronised(&rig));
    assert_eq!(client.ask().stratum(), OWN);
}
