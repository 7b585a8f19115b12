//! The end of a node, by SIGTERM and by SIGKILL.
//!
//! After SIGTERM nothing is left. After SIGKILL the next run takes over, or the lease ends.

use std::path::PathBuf;
use std::time::Duration;

use edge_tests::netns::{Bpffs, PATIENCE, Rig};

fn leaves_nothing(mode: &'static str, shown: &str) {
    for bpffs in Bpffs::BOTH {
        let mut rig = Rig::with_bpffs(mode, bpffs);
        rig.start();
        assert_eq!(rig.attached().as_deref(), Some(shown));
        let pins = rig.pins();
        assert!(pins.join("maps").exists(), "{bpffs:?}: {}", pins.display());
        assert!(!rig.left_pins().is_empty(), "{bpffs:?}: the pins are looked for in their place");
        let (code, log) = rig.stop();
        assert_eq!(code, Some(0), "{log:#?}");
        assert!(log.iter().all(|line| !line.contains("ERROR")), "{log:#?}");
        assert_eq!(rig.attached(), None);
        assert!(!pins.exists(), "{bpffs:?}: {}", pins.display());
        assert_eq!(rig.left_pins(), [""; 0].map(PathBuf::from), "{bpffs:?}");
        assert!(!rig.path("edge.sock").exists());
        assert_eq!(rig.try_ask("192.0.2.10", "pool.example A +nocookie"), None);
    }
}

#[test]
fn native_leaves_nothing_behind() {
    leaves_nothing("native", "xdp");
}

#[test]
fn generic_leaves_nothing_behind() {
    leaves_nothing("generic", "xdpgeneric");
}

#[test]
fn sigint_is_as_good_as_sigterm() {
    let rig = Rig::serving("native");
    rig.node().signal(rustix::process::Signal::INT);
    rig.wait_until("the socket is gone", PATIENCE, || !rig.path("edge.sock").exists());
    rig.wait_until("XDP is gone", PATIENCE, || rig.attached().is_none());
}

#[test]
fn after_a_kill_the_next_run_takes_over() {
    for (mode, shown) in [("native", "xdp"), ("generic", "xdpgeneric")] {
        let mut rig = Rig::serving(mode);
        rig.kill();
        assert_eq!(rig.attached().as_deref(), Some(shown), "the pinned link stays");
        rig.start();
        assert_eq!(rig.status()["xdp"][0]["mode"], mode);
        let before = rig.counters();
        let reply = rig.ask("198.51.100.10", "pool.example A +nocookie");
        assert!(reply.data().iter().all(|ip| ip.starts_with("10.1.0.")), "{reply:?}");
        assert_eq!(rig.counters().xdp() - before.xdp(), 1);
        let (code, log) = rig.stop();
        assert_eq!((code, rig.attached()), (Some(0), None), "{log:#?}");
    }
}

#[test]
fn without_a_controller_xdp_stops_when_the_lease_ends() {
    let mut rig = Rig::serving("native");
    let question = "pool.example A +nocookie +timeout=1";
    rig.kill();
    assert!(rig.try_ask("192.0.2.10", question).is_some(), "the lease still lasts");
    let stopped = || rig.try_ask("192.0.2.10", question).is_none();
    rig.wait_until("XDP stops answering", Duration::from_secs(45), stopped);
}
