//! Two nodes of one instance, starts that fail, signals, and reloads.

use edge_tests::netns::{PATIENCE, Process, Rig};
use rustix::process::Signal;
use serde_json::Value;

const QUESTION: &str = "pool.example A +nocookie";

/// Runs `edge run` by another configuration, which must fail; returns its error line.
fn fails(rig: &Rig, config: &str) -> String {
    rig.write("second.toml", config.as_bytes());
    let mut command = rig.command(edge_tests::netns::program());
    command.args(["run", "--config"]).arg(rig.path("second.toml"));
    let (status, log) = Process::start(&mut command).end();
    assert_eq!(status.code(), Some(1), "{log:#?}");
    assert!(!log.iter().any(|line| line == "ready"), "{log:#?}");
    log.into_iter().find(|line| line.starts_with("edge: ")).expect("an error")
}

/// Insists that XDP answers the next ten queries.
fn xdp_answers(rig: &Rig) {
    let before = rig.counters();
    for _ in 0..10 {
        assert_eq!(rig.ask("192.0.2.10", QUESTION).answers.len(), 4);
    }
    assert_eq!(rig.counters().xdp() - before.xdp(), 10);
}

#[test]
fn a_second_start_of_an_instance_is_refused_before_it_touches_anything() {
    for mode in ["native", "generic"] {
        let mut rig = Rig::serving(mode);
        xdp_answers(&rig);
        let other = rig.config().replace("edge.sock", "b.sock") + "\n[http]\nlisten = \"\"\n";
        let (pins, attached) = (rig.left_pins(), rig.attached());
        for config in [
            other.clone(),
            other.replace("10.53.0.1\", \"fd53::1", "127.0.0.53"),
            other.replace(&format!("mode = {mode:?}"), "mode = \"off\""),
        ] {
            let error = fails(&rig, &config);
            let wanted = format!("another edge (process {}) runs under this name", rig.node().id());
            assert!(error.contains(&wanted) && error.contains("xdp.instance"), "{error}");
            assert_eq!((rig.left_pins(), rig.attached()), (pins.clone(), attached.clone()));
            xdp_answers(&rig);
        }
        let (code, log) = rig.stop();
        assert_eq!((code, rig.attached()), (Some(0), None), "{log:#?}");
        assert!(log.iter().all(|line| !line.contains("ERROR")), "{log:#?}");
    }
}

#[test]
fn a_start_that_fails_leaves_the_program_of_a_run_that_was_killed() {
    let mut rig = Rig::serving("native");
    rig.kill();
    let attached = rig.attached();
    assert_eq!(attached.as_deref(), Some("xdp"));
    let error = fails(&rig, &rig.config().replace("fd53::1", "127.0.0.1:1\", \"0.0.0.0"));
    assert!(error.contains("0.0.0.0"), "{error}");
    // A port that somebody has: this fails after the program was loaded.
    let taken = rig.server.enter(|| std::net::TcpListener::bind("10.53.0.1:53").unwrap());
    let error = fails(&rig, &rig.config());
    assert!(error.contains("listen on 10.53.0.1:53 tcp"), "{error}");
    assert_eq!(rig.attached(), attached, "the lease still lasts");
    assert!(rig.try_ask("192.0.2.10", "pool.example A +nocookie +timeout=1").is_some());
    drop(taken);
    rig.start();
    xdp_answers(&rig);
}

#[test]
fn without_xdp_a_start_takes_away_what_a_former_run_left() {
    let mut rig = Rig::serving("native");
    rig.kill();
    assert!(rig.attached().is_some());
    rig.write("edge.toml", rig.config().replace("mode = \"native\"", "mode = \"off\"").as_bytes());
    rig.start();
    let _line = rig.node().wait_for("took away the XDP program that a former run left");
    assert_eq!(rig.attached(), None);
    assert_eq!(rig.ask("192.0.2.10", QUESTION).answers.len(), 4);
}

#[test]
fn signals_that_operators_send_by_habit_do_not_end_the_node() {
    let rig = Rig::serving("native");
    for signal in [Signal::HUP, Signal::USR1, Signal::USR2] {
        rig.node().signal(signal);
    }
    let _line = rig.node().wait_for("SIGUSR1 has no meaning for edge");
    let _line = rig.node().wait_for("SIGUSR2 has no meaning for edge");
    let _line = rig.node().wait_for("edge.toml: read again");
    xdp_answers(&rig);
}

/// `edge reload --json`, which must succeed.
fn reload(rig: &Rig) -> Value {
    let output = rig.edge(&["reload", "--json"]);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_configuration_that_is_read_again_changes_what_it_can_and_names_the_rest() {
    let rig = Rig::serving("native");
    rig.server.run("ip link add two type veth peer name far");
    rig.server.run("ip link set far up");
    rig.server.run("ip link set two up");
    let config = rig.config();
    let other = config.replace("[\"srv\"]", "[\"srv\", \"two\"]").replace(
        "[control]",
        "refuse_unknown = true\n\n[limits]\ndeny = [\"198.51.100.0/24\"]\n\n\
         [zone.\"pool.example\"]\nxdp = false\n\n[log]\npath = \"queries.log\"\n\n[control]",
    );
    let other = other
        .replace("refuse_unknown = true\n\n[limits]", "[limits]")
        .replace("instance =", "refuse_unknown = true\ninstance =");
    rig.write("edge.toml", other.as_bytes());
    let reply = reload(&rig);
    assert_eq!(reply["schema"], 1);
    let changed = ["limits.deny", "xdp.interfaces", "xdp.refuse_unknown", "zone.pool.example"];
    assert_eq!(reply["changed"], serde_json::json!(changed));
    assert_eq!(reply["needs_restart"], serde_json::json!(["log.path"]));
    rig.wait_until("XDP is on the new interface", PATIENCE, || {
        rig.status()["xdp"][1]["mode"] == "native"
    });
    assert!(rig.status_text().contains("has to be started again for log.path"));
    // The denied get nothing, and the zone is the authority's.
    assert!(rig.try_ask("198.51.100.10", "pool.example A +nocookie +timeout=1").is_none());
    let before = rig.counters();
    assert_eq!(rig.ask("192.0.2.10", QUESTION).answers.len(), 4);
    let after = rig.counters();
    assert_eq!((after.xdp() - before.xdp(), after.authority() - before.authority()), (0, 1));
    // A broken file changes nothing, and is an error until it is mended.
    rig.write("edge.toml", other.replace("refuse_unknown", "refuse_unkown").as_bytes());
    let output = rig.edge(&["reload"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("refuse_unkown"), "{text}");
    assert!(rig.status_text().contains("error: "), "{}", rig.status_text());
    assert_eq!(rig.status()["reload"]["ok"], false);
    // As it was at the start.
    rig.write("edge.toml", config.as_bytes());
    let reply = reload(&rig);
    assert_eq!(
        (&reply["changed"], &reply["needs_restart"]),
        (&serde_json::json!(changed), &serde_json::json!([]))
    );
    assert_eq!(rig.status()["reload"]["ok"], true);
    rig.wait_until("the interface is left", PATIENCE, || {
        rig.status()["xdp"].as_array().is_some_and(|all| all.len() == 1)
    });
    assert!(!rig.server.read("ip -details link show two").contains("xdp"));
    assert!(rig.try_ask("198.51.100.10", QUESTION).is_some());
    xdp_answers(&rig);
}

#[test]
fn an_address_may_come_after_the_start() {
    let mut rig = Rig::new("native");
    let config = rig.config().replace("\"fd53::1\"", "\"fd53::1\", \"10.53.9.9\"");
    rig.write("edge.toml", config.as_bytes());
    rig.start();
    let check = || {
        let status = rig.status();
        let all = status["checks"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|check| check["check"] == "address" && check["of"] == "10.53.9.9")
    };
    rig.wait_until("it is reported", PATIENCE, || check().is_some_and(|it| it["ok"] == false));
    rig.server.run("ip address add 10.53.9.9/32 dev lo");
    rig.client.run("ip route add 10.53.9.9 via 10.53.0.1");
    rig.wait_until("it is well", PATIENCE, || check().is_some_and(|it| it["ok"] == true));
    let reply = rig.try_dig("@10.53.9.9 -b 192.0.2.10 pool.example A +nocookie +tcp");
    assert_eq!(reply.expect("a reply").answers.len(), 4);
}
