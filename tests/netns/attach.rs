//! Attaching: the mode that was asked for, a fallback, and no harm done.

use std::path::PathBuf;

use edge_tests::netns::{Process, Rig};

/// A rig whose `edge` is for an interface that has no native XDP.
fn on_a_bridge(mode: &'static str) -> Rig {
    let mut rig = Rig::new(mode);
    rig.server.run("ip link add slow type bridge");
    rig.server.run("ip link set slow up");
    rig.interface = "slow";
    rig.write("edge.toml", rig.config().as_bytes());
    rig
}

/// Runs `edge run`, which must fail; gives the only error line.
fn fails(rig: &Rig) -> String {
    let (status, log) = Process::start(&mut rig.run_command()).end();
    assert_eq!(status.code(), Some(1), "{log:#?}");
    assert_eq!(log.iter().filter(|line| *line == "ready").count(), 0, "{log:#?}");
    let errors: Vec<_> = log.iter().filter(|line| line.starts_with("edge: ")).collect();
    assert_eq!(errors.len(), 1, "{log:#?}");
    assert_eq!(rig.attached(), None);
    assert_eq!(rig.left_pins(), [""; 0].map(PathBuf::from), "pins are left");
    assert!(!rig.path("edge.sock").exists(), "the socket is left");
    errors[0].clone()
}

#[test]
fn auto_prefers_native() {
    let mut rig = Rig::new("native");
    rig.mode = "auto";
    rig.write("edge.toml", rig.config().as_bytes());
    rig.start();
    assert_eq!(rig.status()["xdp"][0]["mode"], "native");
    assert_eq!(rig.attached().as_deref(), Some("xdp"));
    // The one thing to be warned of is the veth pair itself.
    let log = rig.node().log();
    let warnings: Vec<_> = log.iter().filter(|line| line.contains("WARN")).collect();
    assert!(matches!(&*warnings, [line] if line.contains("veth pair")), "{log:?}");
    let status = rig.status();
    let warning = status["xdp"][0]["warning"].as_str().unwrap_or_default();
    assert!(warning.ends_with("set xdp.mode = \"generic\""), "{warning}");
}

#[test]
fn auto_falls_back_to_generic_with_a_warning() {
    let mut rig = on_a_bridge("auto");
    rig.start();
    let warning = rig.node().wait_for("attached in generic mode");
    assert!(warning.contains("WARN") && warning.contains("interface slow"), "{warning}");
    let status = rig.status();
    assert_eq!(status["xdp"][0]["interface"], "slow");
    assert_eq!(status["xdp"][0]["mode"], "generic");
    assert_eq!(status["xdp"][0]["warning"], "");
    assert_eq!(rig.attached().as_deref(), Some("xdpgeneric"));
}

#[test]
fn native_where_the_driver_cannot_is_an_error_with_a_way_out() {
    let rig = on_a_bridge("native");
    let error = fails(&rig);
    assert!(error.contains("interface slow, native mode: "), "{error}");
    assert!(error.contains("xdp.mode = \"generic\" or \"auto\""), "{error}");
}

#[test]
fn an_interface_that_another_node_has_is_left_to_it() {
    let rig = Rig::serving("native");
    let config = rig
        .config()
        .replace("edge-test-", "second-")
        .replace("edge.sock", "second.sock")
        .replace("\"10.53.0.1\", \"fd53::1\"", "\"10.53.0.1:5353\"")
        + "[http]\nlisten = \"\"\n";
    rig.write("edge.toml", config.as_bytes());
    let (status, log) = Process::start(&mut rig.run_command()).end();
    assert_eq!(status.code(), Some(1), "{log:#?}");
    let error = log.iter().find(|line| line.starts_with("edge: ")).expect("an error");
    assert!(error.contains("\"edge\" (native mode) is there: `bpftool net`"), "{error}");
    assert_eq!(rig.attached().as_deref(), Some("xdp"));
    let before = rig.counters();
    assert_eq!(rig.ask("192.0.2.10", "pool.example A +nocookie").answers.len(), 4);
    assert_eq!(rig.counters().xdp() - before.xdp(), 1);
}
