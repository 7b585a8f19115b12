//! Ten million replies, while operators do what they do.
//!
//! A thread asks as fast as it can, by both families. Each query has to have its reply, whole and
//! of one version of the zone. At the end a table shows how many replies came during what.

use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use edge_tests::geoip::country_mmdb;
use edge_tests::netns::{Process, Rig, SERVER};

use crate::alone::load::{Tally, ask, zone};
use crate::handover::heir;

/// Replies in all.
const REPLIES: u64 = 10_000_000;
/// How long a reply may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is done, and how often at least.
const DEEDS: [(&str, u32); 6] = [
    ("edge run --takeover", 10),
    ("edge stop --keep-xdp, edge run", 10),
    ("kill -9, edge run", 20),
    ("a second start that fails", 10),
    ("edge reload", 1000),
    ("another GeoIP database", 20),
];

fn run(rig: &Rig) -> Process {
    let node = Process::start(&mut rig.run_command());
    let _ready = node.wait_for("ready");
    node
}

/// Does something once.
fn perform(deed: usize, n: u32, rig: &Rig, node: &mut Option<Process>) {
    let ended = |node: Option<Process>| {
        let (status, log) = node.expect("a node").end();
        assert_eq!(status.code(), Some(0), "{log:#?}");
    };
    match deed {
        0 => {
            let next = heir(rig, "edge.toml");
            let _ready = next.wait_for("ready");
            ended(node.replace(next));
        }
        1 => {
            let stopped = rig.edge(&["stop", "--keep-xdp"]);
            assert!(stopped.status.success(), "{stopped:?}");
            ended(node.take());
            *node = Some(run(rig));
        }
        2 => {
            drop(node.take());
            *node = Some(run(rig));
        }
        3 => {
            let (status, log) = Process::start(&mut rig.run_command()).end();
            assert_eq!(status.code(), Some(1), "{log:#?}");
        }
        4 => {
            let reloaded = rig.edge(&["reload"]);
            assert!(reloaded.status.success(), "{reloaded:?}");
        }
        _ => {
            // The clients' countries differ from one to the next.
            let countries = [["de", "jp"], ["fr", "us"]][usize::from(n.is_multiple_of(2))];
            let prefixes = [("192.0.2.0/24", countries[0]), ("2001:db8::/32", countries[1])];
            let generation = || rig.status()["generation"].as_u64();
            let before = generation();
            rig.write("geoip/GeoLite2-Country.mmdb", &country_mmdb(&prefixes));
            rig.wait_until("it is in XDP", PATIENCE, || generation() > before);
        }
    }
}

#[test]
fn ten_million_replies_come_whatever_an_operator_does() {
    let rig = Rig::new("native");
    rig.write_zone("big.example", &zone(0, 1));
    let mut node = Some(run(&rig));
    let sockets = rig.client.enter(|| {
        [("192.0.2.10:0", SERVER[0]), ("[2001:db8:b0::10]:0", SERVER[1])].map(|(own, server)| {
            let socket = UdpSocket::bind(own).expect("the client's address");
            let server = SocketAddr::new(server.parse().expect("an address"), 53);
            socket.connect(server).expect("connect");
            socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            socket
        })
    });
    // Neighbour discovery is over after this.
    for client in ["192.0.2.10", "2001:db8:b0::10"] {
        assert_eq!(rig.ask(client, "big.example A +nocookie").answers.len(), 4);
    }
    let (stop, tally) = (AtomicBool::new(false), Tally::default());
    let mut done = DEEDS.map(|_| (0_u32, [0_u64; 2]));
    let seen = thread::scope(|scope| {
        let asking = scope.spawn(|| ask(&sockets, &stop, &tally));
        let mut deed = 0;
        while !asking.is_finished()
            && (tally.read()[0] < REPLIES
                || done.iter().zip(DEEDS).any(|((times, _), (_, least))| *times < least))
        {
            // As many in a row as rounds of everything take ten.
            for _ in 0..DEEDS[deed].1.div_ceil(10) {
                let before = tally.read();
                perform(deed, done[deed].0, &rig, &mut node);
                // Windows that were under way have ended when these have come.
                let enough = tally.read()[0] + 256;
                rig.wait_until("replies come", 60 * PATIENCE, || {
                    tally.read()[0] >= enough || asking.is_finished()
                });
                let after = tally.read();
                done[deed].0 += 1;
                for (sum, (after, before)) in done[deed].1.iter_mut().zip(after.iter().zip(before))
                {
                    *sum += after - before;
                }
            }
            deed = (deed + 1) % DEEDS.len();
        }
        stop.store(true, Ordering::Relaxed);
        asking.join()
    });
    let seen = seen.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let mut table = format!("{:<32} {:>6} {:>12} {:>6}\n", "during", "times", "replies", "lost");
    for ((what, _), (times, [replies, lost])) in DEEDS.into_iter().zip(done) {
        table.push_str(&format!("{what:<32} {times:>6} {replies:>12} {lost:>6}\n"));
    }
    let lost = seen.asked - seen.answered;
    table.push_str(&format!("{:<32} {:>6} {:>12} {lost:>6}", "all", "", seen.answered));
    writeln!(std::io::stdout(), "{table}").expect("stdout");
    assert_eq!(lost, 0, "{table}");
}
