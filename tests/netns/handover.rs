//! Nodes that take over from each other while clients ask.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use edge_tests::message::{Ask, flag, rtype};
use edge_tests::netns::{PATIENCE, Process, Rig, program};
use edge_tests::stage::Line;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::Signal;

/// Clients of both families, both in Germany.
const CLIENTS: [&str; 2] = ["192.0.2.10", "2001:db8:de::10"];
/// Names that XDP answers, and one that it passes.
const NAMES: [&str; 3] = ["jp.pool.example", "www.slow.example", "2.de.pool.example"];
/// Questions that are answered before the next thing is done.
const SETTLED: u64 = 300;

/// A rig with a zone that XDP answers and one that it passes, and the first node.
fn rig(mode: &'static str) -> (Rig, Process) {
    let rig = Rig::new(mode);
    let json =
        r#"{"ttl": 60, "data": {"": {"ns": ["ns.example."]}, "www": {"a": [["10.9.1.1"]]}}}"#;
    rig.write_zone("slow.example", json);
    let config = rig.config() + "\n[zone.\"slow.example\"]\nxdp = false\n";
    rig.write("edge.toml", config.as_bytes());
    let node = Process::start(&mut rig.run_command());
    let _ready = node.wait_for("ready");
    for client in CLIENTS {
        let _first = rig.ask(client, "pool.example A +nocookie");
    }
    (rig, node)
}

/// `edge run --takeover`, by a configuration of this name.
pub(crate) fn heir(rig: &Rig, config: &str) -> Process {
    // Should we end without tidying up, it ends, too.
    let mut command = rig.command("setpriv");
    command.args(["--pdeathsig", "TERM"]).arg(program());
    command.args(["run", "--takeover", "--config"]).arg(rig.path(config));
    Process::start(&mut command)
}

/// Asks until `stop` is set; each query has to have its answer.
fn keep_asking(mut line: impl FnMut() -> Line, asked: &AtomicU64, stop: &AtomicBool) {
    for (n, name) in (0_u16..=u16::MAX).cycle().zip(NAMES.into_iter().cycle()) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let rtype = if name.starts_with('2') { rtype::AAAA } else { rtype::A };
        let reply = line().ask(&Ask { id: n, ..Ask::new(name, rtype) });
        assert!(reply.has(flag::AA) && !reply.answers.is_empty(), "{name}: {reply:?}");
        asked.fetch_add(1, Ordering::Relaxed);
    }
}

/// Ends the asking when it goes, should a test fail meanwhile, too.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does something while clients of both families ask over UDP, and one over new TCP connections.
/// Each query has to have its answer. `work` gets what waits for some hundred answers.
fn while_clients_ask(rig: &Rig, work: impl FnOnce(&dyn Fn())) {
    let (asked, stop) = (&AtomicU64::new(0), &AtomicBool::new(false));
    let server: SocketAddr = "10.53.0.1:53".parse().expect("an address");
    thread::scope(|scope| {
        let asking = Stop(stop);
        let mut askers = Vec::new();
        for socket in CLIENTS.map(|client| rig.datagrams(client)) {
            let line = move || Line::Udp(socket.try_clone().expect("a socket"));
            askers.push(scope.spawn(move || keep_asking(line, asked, stop)));
        }
        let connect = || Line::Tcp(TcpStream::connect(server).expect("a connection"));
        let over_tcp = move || rig.client.enter(|| keep_asking(connect, asked, stop));
        askers.push(scope.spawn(over_tcp));
        let settle = || {
            let enough = asked.load(Ordering::Relaxed) + SETTLED;
            // Longer than an asker waits for its reply, so that it says what is missing.
            rig.wait_until("queries are answered", 2 * PATIENCE, || {
                asked.load(Ordering::Relaxed) >= enough || askers.iter().any(|it| it.is_finished())
            });
        };
        work(&settle);
        drop(asking);
        for asker in askers {
            asker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
}

fn no_query_is_lost(mode: &'static str) {
    let (rig, mut node) = rig(mode);
    while_clients_ask(&rig, |settle| {
        for _ in 0..3 {
            settle();
            let next = heir(&rig, "edge.toml");
            let _ready = next.wait_for("ready");
            let (status, log) = std::mem::replace(&mut node, next).end();
            assert_eq!(status.code(), Some(0), "{log:#?}");
            let problems = log.iter().filter(|line| line.contains("ERROR"));
            assert_eq!(problems.count(), 0, "{log:#?}");
            settle();
            // XDP answers, by the program of the node that runs, whose socket this is.
            let before = rig.counters();
            assert!(before.xdp() > 0 && before.authority() > 0);
        }
    });
    let attached = rig.attached();
    assert!(attached.is_some());
    node.signal(Signal::TERM);
    let (status, log) = node.end();
    assert_eq!((status.code(), rig.attached()), (Some(0), None), "{log:#?}");
    assert_eq!(rig.left_pins(), Vec::<std::path::PathBuf>::new());
    assert!(!rig.path("edge.sock").exists() && !rig.path("edge.sock.next").exists());
}

#[test]
fn no_query_is_lost_while_nodes_take_over_natively() {
    no_query_is_lost("native");
}

#[test]
fn no_query_is_lost_while_nodes_take_over_in_generic_mode() {
    no_query_is_lost("generic");
}

#[test]
fn a_node_that_cannot_take_over_leaves_the_first_one_serving() {
    let (rig, node) = rig("native");
    let taken = rig.server.enter(|| TcpListener::bind("127.0.0.1:5353").expect("a port"));
    let no_room = rig.config().replace("\"10.53.0.1\"", "\"10.53.0.1\", \"127.0.0.1:5353\"");
    rig.write("taken.toml", no_room.as_bytes());
    while_clients_ask(&rig, |settle| {
        for config in ["taken.toml", "missing.toml"] {
            settle();
            let (status, log) = heir(&rig, config).end();
            assert_eq!(status.code(), Some(1), "{log:#?}");
            assert!(!log.iter().any(|line| line == "ready"), "{log:#?}");
            settle();
        }
    });
    let _line = node.wait_for("this node goes on");
    drop(taken);
    let before = rig.counters();
    assert_eq!(rig.ask(CLIENTS[0], "pool.example A +nocookie").answers.len(), 4);
    assert_eq!(rig.counters().xdp() - before.xdp(), 1);
    // It can be taken over from after that.
    let next = heir(&rig, "edge.toml");
    let _ready = next.wait_for("ready");
    assert_eq!(node.end().0.code(), Some(0));
}

#[test]
fn a_node_that_is_killed_while_it_takes_over_leaves_the_first_one_serving() {
    let (rig, node) = rig("native");
    while_clients_ask(&rig, |settle| {
        for _ in 0..3 {
            let next = heir(&rig, "edge.toml");
            let _line = node.wait_for("another node begins to take over");
            // Wherever it is.
            settle();
            drop(next);
            settle();
        }
    });
    rig.wait_until("XDP is the first node's", PATIENCE, || {
        let before = rig.counters();
        rig.ask(CLIENTS[0], "pool.example A +nocookie").answers.len() == 4
            && rig.counters().xdp() - before.xdp() == 1
    });
}

#[test]
fn without_a_node_to_take_over_from_a_start_is_an_ordinary_one() {
    let rig = Rig::new("native");
    let node = heir(&rig, "edge.toml");
    let _line = node.wait_for("there is none to take over from");
    let _ready = node.wait_for("ready");
    assert_eq!(rig.ask(CLIENTS[0], "pool.example A +nocookie").answers.len(), 4);
}

#[test]
fn what_was_switched_stays_over_a_crash_a_takeover_and_a_restart() {
    let mut rig = Rig::serving("native");
    let _said = rig.switch("refuse-unknown on");
    assert!(rig.switch("zone pool.example off").contains("until the next switch; "));
    assert!(rig.switch("dry-run on --until-restart").contains("or a restart of the node; "));
    let as_switched = |rig: &Rig| {
        let status = rig.status();
        let switches = &status["switches"];
        assert_eq!(
            (&switches["refuse_unknown"], &switches["dry_run"]),
            (&true.into(), &false.into())
        );
        assert_eq!(status["zones"][0]["xdp"], false);
    };
    rig.kill();
    rig.start();
    as_switched(&rig);
    let next = heir(&rig, "edge.toml");
    let _ready = next.wait_for("ready");
    as_switched(&rig);
    next.signal(Signal::TERM);
    assert_eq!(next.end().0.code(), Some(0));
    rig.start();
    as_switched(&rig);
    let said = rig.switch("zone pool.example on");
    assert_eq!(said, "zone pool.example is on\n");
    let _said = rig.switch("refuse-unknown off");
    assert!(!rig.path("switches.json").exists());
}

#[test]
fn a_node_that_keeps_xdp_loses_no_query_that_xdp_answers() {
    let mut rig = Rig::serving("native");
    let _first = rig.ask(CLIENTS[0], "pool.example A +nocookie");
    let stopped = rig.edge(&["stop", "--keep-xdp"]);
    assert!(stopped.status.success(), "{stopped:?}");
    let attached = rig.attached();
    assert!(attached.is_some());
    let mut line = Line::Udp(rig.datagrams(CLIENTS[0]));
    for _ in 0..10 {
        // Nobody else is there to answer.
        assert!(!line.ask(&Ask::new("pool.example", rtype::A)).answers.is_empty());
    }
    rig.start();
    assert!(!line.ask(&Ask::new("pool.example", rtype::A)).answers.is_empty());
    assert_eq!(rig.attached(), attached);
    let stopped = rig.edge(&["stop"]);
    assert!(stopped.status.success(), "{stopped:?}");
    assert_eq!(rig.attached(), None);
}

/// The file descriptors that a node sends to a socket of `sd_notify(3)`, until it is ready.
fn stored(notices: &UnixDatagram) -> Vec<OwnedFd> {
    let mut all = Vec::new();
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(128))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut octets = [0; 4096];
        let mut data = [IoSliceMut::new(&mut octets)];
        let received = recvmsg(notices, &mut data, &mut control, RecvFlags::empty()).unwrap();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(some) = message {
                all.extend(some);
            }
        }
        let text = String::from_utf8_lossy(&octets[..received.bytes]).into_owned();
        if text.lines().any(|line| line == "READY=1") {
            return all;
        }
    }
}

#[test]
fn a_restart_with_sockets_that_systemd_keeps_loses_no_query() {
    let rig = Rig::new("native");
    let json =
        r#"{"ttl": 60, "data": {"": {"ns": ["ns.example."]}, "www": {"a": [["10.9.1.1"]]}}}"#;
    rig.write_zone("slow.example", json);
    let config = rig.config().replace("server_id", "workers = 2\nserver_id")
        + "\n[zone.\"slow.example\"]\nxdp = false\n";
    rig.write("edge.toml", config.as_bytes());
    let notices = UnixDatagram::bind(rig.path("notify")).unwrap();
    notices.set_read_timeout(Some(PATIENCE)).unwrap();
    let start = |kept: &[OwnedFd]| {
        // As systemd does it: from the third descriptor on.
        let mut script = String::from("exec");
        for (n, socket) in (3..).zip(kept) {
            fcntl_setfd(socket, FdFlags::empty()).unwrap();
            script.push_str(&format!(" {n}<&{}", socket.as_raw_fd()));
        }
        script.push_str(&format!(
            "; export LISTEN_PID=$$ LISTEN_FDS={}; exec {} run --config {}",
            kept.len(),
            program().display(),
            rig.path("edge.toml").display()
        ));
        let mut command = rig.command("setpriv");
        command.env("NOTIFY_SOCKET", rig.path("notify"));
        command.args(["--pdeathsig", "TERM", "bash", "-c", &script]);
        Process::start(&mut command)
    };
    let mut node = start(&[]);
    let mut kept = stored(&notices);
    // For each address a TCP socket and two UDP sockets, and HTTP's.
    assert_eq!(kept.len(), 7);
    for client in CLIENTS {
        let _first = rig.ask(client, "pool.example A +nocookie");
    }
    while_clients_ask(&rig, |settle| {
        for _ in 0..2 {
            settle();
            let stopped = rig.edge(&["stop", "--keep-xdp"]);
            assert!(stopped.status.success(), "{stopped:?}");
            let next = start(&kept);
            let (status, log) = std::mem::replace(&mut node, next).end();
            assert_eq!(status.code(), Some(0), "{log:#?}");
            kept = stored(&notices);
            assert_eq!(kept.len(), 7);
            settle();
        }
    });
}
