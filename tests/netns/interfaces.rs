//! XDP on interfaces that go, come back and change while the node serves.
//!
//! Whatever happens, the status, the metrics and the health check report what the kernel has now,
//! and what can be mended is mended within seconds.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use edge_kernel::{FarEnd, Mode};
use edge_tests::netns::Rig;
use serde_json::Value;

/// Within so long a fault is reported, and mended if it can be. The wanted bound is 3 s; the
/// rest is for a machine that is busy.
const SOON: Duration = Duration::from_secs(15);
const QUESTION: &str = "pool.example A +nocookie";
const HTTP: &str = "127.0.0.1:9053";

fn serving(mode: &'static str, change: impl Fn(String) -> String) -> Rig {
    let mut rig = Rig::new(mode);
    let config = change(rig.config()) + &format!("\n[http]\nlisten = {HTTP:?}\n");
    rig.write("edge.toml", config.as_bytes());
    rig.start();
    rig
}

/// A page of the node's, with its status line and headers.
fn page(rig: &Rig, path: &str) -> String {
    rig.server.enter(|| {
        let mut stream = TcpStream::connect(HTTP).expect("the node listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("a page");
        text
    })
}

fn interface(rig: &Rig) -> Value {
    rig.status()["xdp"][0].clone()
}

/// Insists that status, metrics and the health check agree that XDP answers at `srv`, and that it
/// does.
fn is_well(rig: &Rig, attached: u64) {
    rig.wait_until("XDP is attached again", SOON, || {
        let now = interface(rig);
        now["mode"] == rig.mode && now["attached"] == attached && now["up"] == true
    });
    let metric = format!("edge_xdp_attached{{interface=\"srv\",mode=\"{}\"}} 1", rig.mode);
    rig.wait_until("the pages report it", SOON, || {
        page(rig, "/health").starts_with("HTTP/1.1 200") && page(rig, "/metrics").contains(&metric)
    });
    rig.wait_until("XDP answers", SOON, || {
        let before = rig.counters();
        rig.try_ask("192.0.2.10", QUESTION).is_some() && rig.counters().xdp() > before.xdp()
    });
    assert_eq!(interface(rig)["error"], "");
}

/// Waits until status, metrics and the health check agree that XDP isn't attached, and returns the
/// reason.
fn is_reported(rig: &Rig) -> String {
    rig.wait_until("the status reports it", SOON, || interface(rig)["mode"] == "none");
    let metric = "edge_xdp_attached{interface=\"srv\",mode=\"none\"} 0";
    rig.wait_until("the pages report it", SOON, || {
        let health = page(rig, "/health");
        health.starts_with("HTTP/1.1 503")
            && health.contains("XDP isn't attached to srv")
            && page(rig, "/metrics").contains(metric)
    });
    let error = interface(rig)["error"].as_str().unwrap_or_default().to_owned();
    assert!(rig.status_text().contains(&format!("error: {error}")), "{}", rig.status_text());
    let _line = rig.node().wait_for(&error);
    error
}

#[test]
fn an_interface_that_is_made_again_has_xdp_again() {
    for mode in ["native", "generic"] {
        let mut rig = serving(mode, |config| config);
        is_well(&rig, 1);
        for round in 2..4 {
            rig.disconnect();
            let error = is_reported(&rig);
            assert!(error.contains("interface srv: no such interface"), "{error}");
            rig.connect();
            is_well(&rig, round);
        }
        let _line = rig.node().wait_for("interface srv: XDP was gone and is attached again");
        let (code, log) = rig.stop();
        assert_eq!((code, rig.attached()), (Some(0), None), "{log:#?}");
    }
}

#[test]
fn a_program_that_somebody_detached_is_attached_again() {
    let rig = serving("native", |config| config);
    is_well(&rig, 1);
    let net = rig.server.read("bpftool --json net show dev srv");
    let net: Value = serde_json::from_str(&net).unwrap();
    let program = net[0]["xdp"][0]["id"].as_u64().expect("a program");
    let links: Value = serde_json::from_str(&rig.server.read("bpftool --json link show")).unwrap();
    let ours = links.as_array().unwrap().iter().find(|link| link["prog_id"] == program);
    let id = ours.expect("a link")["id"].clone();
    rig.server.run(&format!("bpftool link detach id {id}"));
    is_well(&rig, 2);
}

#[test]
fn another_link_layer_address_is_learnt() {
    let rig = serving("native", |config| config);
    is_well(&rig, 1);
    let before = rig.counters();
    rig.server.run("ip link set srv address 02:00:00:00:00:99");
    // As a router learns it by a gratuitous ARP request.
    rig.client.run("ip neigh flush dev cli");
    is_well(&rig, 1);
    let _line = rig.node().wait_for("interface srv has other link-layer addresses");
    // It was never `link` for good: the next ten are all XDP's.
    let now = rig.counters();
    for _ in 0..10 {
        let _reply = rig.ask("192.0.2.10", QUESTION);
    }
    assert_eq!(rig.counters().xdp() - now.xdp(), 10, "{before:?} {now:?}");
}

#[test]
fn an_interface_is_found_by_its_other_name() {
    let mut rig = Rig::new("native");
    rig.server.run("ip link property add dev srv altname enp0s3");
    let config = rig.config().replace("\"srv\"", "\"enp0s3\"");
    rig.write("edge.toml", config.as_bytes());
    rig.start();
    let before = rig.counters();
    let _reply = rig.ask("192.0.2.10", QUESTION);
    assert_eq!(rig.counters().xdp() - before.xdp(), 1);
    assert_eq!(interface(&rig)["interface"], "enp0s3");
}

#[test]
fn an_interface_may_come_after_the_start() {
    let rig = serving("native", |config| config.replace("[\"srv\"]", "[\"srv\", \"late0\"]"));
    // The node serves on the one that is there, and reports the other.
    let _reply = rig.ask("192.0.2.10", QUESTION);
    let late = |rig: &Rig| rig.status()["xdp"][1].clone();
    assert_eq!((&late(&rig)["interface"], &late(&rig)["mode"]), (&"late0".into(), &"none".into()));
    let _line =
        rig.node().wait_for("interface late0: no such interface; `ip link` lists what there is");
    rig.server.run("ip link add late0 type veth peer name far0");
    rig.server.run("ip link set far0 up");
    rig.server.run("ip link set late0 up");
    rig.wait_until("XDP is attached to it", SOON, || late(&rig)["mode"] == "native");
}

#[test]
fn an_interface_that_is_down_is_reported() {
    let rig = serving("native", |config| config);
    is_well(&rig, 1);
    rig.server.run("ip link set srv down");
    rig.wait_until("it is reported", SOON, || {
        let health = page(&rig, "/health");
        health.starts_with("HTTP/1.1 503") && health.contains("interface srv is down")
    });
    assert!(page(&rig, "/metrics").contains("edge_interface_up{interface=\"srv\"} 0"));
    rig.server.run("ip link set srv up");
    // Linux forgets routes and IPv6 addresses when an interface goes down.
    rig.server.run("ip address add fd53::1/64 dev srv nodad");
    rig.server.run("ip route add 192.0.2.0/24 via 10.53.0.2");
    is_well(&rig, 1);
}

#[test]
fn a_foreign_program_is_named_and_left_and_its_place_is_taken_when_it_goes() {
    let mut rig = serving("generic", |config| config.replace("[\"srv\"]", "[\"srv\", \"other0\"]"));
    rig.server.run("ip link add other0 type veth peer name far0");
    rig.wait_until("XDP is attached to it", SOON, || rig.status()["xdp"][1]["mode"] == "generic");
    let (code, log) = rig.stop();
    assert_eq!(code, Some(0), "{log:#?}");
    let foreign = rig.server.enter(|| FarEnd::attach_in("other0", Mode::Generic).unwrap());
    rig.start();
    let error = rig.status()["xdp"][1]["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("interface other0, generic mode: "), "{error}");
    assert!(
        error.contains("the XDP program ") && error.contains("(generic mode) is there"),
        "{error}"
    );
    drop(foreign);
    rig.wait_until("its place is taken", SOON, || rig.status()["xdp"][1]["mode"] == "generic");
}

#[test]
fn native_mode_works_with_a_large_mtu() {
    let mut rig = Rig::new("native");
    for (namespace, interface) in [(&rig.server, "srv"), (&rig.client, "cli")] {
        namespace.run(&format!("ip link set {interface} mtu 9000"));
    }
    rig.start();
    assert_eq!(interface(&rig)["mode"], "native");
    let before = rig.counters();
    for _ in 0..10 {
        assert_eq!(rig.ask("192.0.2.10", QUESTION).answers.len(), 4);
    }
    assert_eq!(rig.counters().xdp() - before.xdp(), 10);
    // A datagram that needs several buffers is nothing that XDP answers.
    let socket = rig.datagrams("192.0.2.10");
    let long = rig.counters();
    socket.send(&[0; 8900]).expect("it fits the MTU");
    rig.wait_until("it has passed", SOON, || {
        let now = rig.counters();
        now.passed("length") + now.passed("size") > long.passed("length") + long.passed("size")
    });
}
