//! Test of a disk that hangs while the controller reads.
//!
//! XDP goes on answering, and the node stays in hand.
//!
//! The disk is made slow by a file lease (fcntl(2), `F_SETLEASE`): whoever opens the file waits
//! until the holder gives the lease up, at most `/proc/sys/fs/lease-break-time` seconds.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use edge_tests::netns::{PATIENCE, Rig};
use rustix::process::Signal;

/// How long the file can't be opened: longer than the lease of XDP (30 s).
const HELD: Duration = Duration::from_secs(40);
const ZONE: &str = "zones/slow.example.json";
const QUESTION: &str = "pool.example A +nocookie +timeout=1";

/// Takes a lease of the file given, and holds it until its input ends. Writes a line when it has
/// the lease, and another when somebody opens the file. There is no lease while anybody else has
/// the file open, as a child of a test beside this one may until it runs its program.
const HOLD: &str = "use Fcntl qw(:DEFAULT F_SETLEASE F_WRLCK); $| = 1; \
                    $SIG{IO} = sub { print \"opened\\n\" }; \
                    open(my $file, '+<', $ARGV[0]) or die $!; \
                    my $end = time + 60; \
                    until (fcntl($file, F_SETLEASE, F_WRLCK)) { \
                        die \"F_SETLEASE: $!\" if !$!{EAGAIN} || time > $end; \
                        select(undef, undef, undef, 0.01); \
                    } \
                    print \"held\\n\"; <STDIN>;";

/// A file that nobody can open until this is dropped.
struct Held {
    holder: Child,
    lines: Receiver<String>,
}

impl Held {
    fn new(path: &Path) -> Self {
        let longest = fs::read_to_string("/proc/sys/fs/lease-break-time").unwrap();
        let longest = Duration::from_secs(longest.trim().parse().unwrap());
        assert!(longest > HELD, "run `sysctl fs.lease-break-time=45`: it is {longest:?}");
        let mut perl = Command::new("perl");
        perl.args(["-e", HOLD]).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = perl.spawn().expect("perl runs");
        let output = BufReader::new(holder.stdout.take().unwrap());
        let (sender, lines) = channel();
        // It ends with the holder's output.
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        let held = Self { holder, lines };
        held.wait_for("held");
        held
    }

    fn wait_for(&self, wanted: &str) {
        assert_eq!(self.lines.recv_timeout(PATIENCE).as_deref(), Ok(wanted));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        drop(self.holder.wait());
    }
}

fn zone(serial: u32) -> String {
    format!(r#"{{"serial": {serial}, "ttl": 60, "data": {{"": {{"a": [["10.0.0.{serial}"]]}}}}}}"#)
}

/// A node whose controller waits for the disk.
fn held() -> (Rig, Held) {
    let mut rig = Rig::new("native");
    rig.write_zone("slow.example", &zone(1));
    rig.start();
    rig.write("next", zone(2).as_bytes());
    let held = Held::new(&rig.path("next"));
    fs::rename(rig.path("next"), rig.path(ZONE)).unwrap();
    held.wait_for("opened");
    (rig, held)
}

#[test]
fn xdp_answers_on_while_the_controller_is_held_for_longer_than_the_lease() {
    let (rig, held) = held();
    let begun = Instant::now();
    let output = rig.edge(&["explain", "pool.example", "A", "--client", "192.0.2.10"]);
    let refusal = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(refusal.contains("busy: reading and publishing files has taken "), "{refusal}");
    while begun.elapsed() < HELD - Duration::from_secs(2) {
        let before = rig.counters();
        assert!(rig.try_ask("192.0.2.10", QUESTION).is_some(), "{:?}", begun.elapsed());
        assert_eq!(rig.counters().xdp() - before.xdp(), 1, "{:?}", begun.elapsed());
        std::thread::sleep(Duration::from_millis(500));
    }
    let errors = rig.status()["errors"].to_string();
    let (_, seconds) = errors.split_once("reading and publishing files has taken ").unwrap();
    let seconds: u64 = seconds.split_once(' ').unwrap().0.parse().unwrap();
    assert!(seconds > 30, "{errors}");
    drop(held);
    let served = || rig.ask("192.0.2.10", "slow.example A +nocookie").data() == ["10.0.0.2"];
    rig.wait_until("the new zone is served", PATIENCE, served);
    rig.wait_until("there is no error", PATIENCE, || {
        rig.status()["errors"] == serde_json::json!([])
    });
}

#[test]
fn sigterm_detaches_xdp_at_once_while_the_controller_is_held() {
    let (mut rig, held) = held();
    let (pins, begun) = (rig.pins(), Instant::now());
    rig.node().signal(Signal::TERM);
    rig.wait_until("XDP is detached", PATIENCE, || rig.attached().is_none());
    let (code, log) = rig.stop();
    assert!(begun.elapsed() < HELD / 4, "{:?}", begun.elapsed());
    assert_eq!(code, Some(0), "{log:#?}");
    assert!(log.iter().all(|line| !line.contains("ERROR")), "{log:#?}");
    assert!(!pins.exists() && rig.left_pins().is_empty());
    drop(held);
}
