//! Pins: what operators see by bpftool, and a place of its own where there is no BPF file system.

use std::path::Path;
use std::process::Command;

use edge_tests::netns::{Process, Rig};

/// A pinned map's entries as bpftool shows them.
fn dump(path: &Path) -> String {
    let mut bpftool = Command::new("bpftool");
    let output = bpftool.args(["map", "dump", "pinned"]).arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}: {said}", path.display());
    said
}

#[test]
fn bpftool_shows_a_zones_maps_by_the_names_of_their_fields() {
    let rig = Rig::serving("native");
    let pins = rig.status()["pins"].as_str().unwrap().to_owned();
    assert!(Path::new(&pins).starts_with(rig.pins()), "{pins}");
    let zone = Path::new(&pins).join("zones/pool_2eexample");
    let tables = dump(&zone);
    let fields = ["classes\":", "cards\":", "ttl\": 150", "records\": 4", "kind\":"];
    for field in fields.map(|field| format!("\"{field}")) {
        assert!(tables.contains(&field), "{field}: {tables:.400}");
    }
    let cpus = dump(&Path::new(&pins).join("maps/CPU"));
    assert!(cpus.contains("\"verdicts\":"), "{cpus:.400}");
}

#[test]
fn a_zone_that_goes_takes_its_pins_along() {
    let rig = Rig::serving("native");
    let zones = rig.pins().join(format!("v{}/zones", edge_common::abi::VERSION));
    rig.write_zone("other.example", r#"{"data": {"": {"ns": ["a."], "a": [["10.0.0.1"]]}}}"#);
    let both = || zones.join("other_2eexample").exists();
    rig.wait_until("the second zone is pinned", edge_tests::netns::PATIENCE, both);
    std::fs::remove_file(rig.path("zones/other.example.json")).unwrap();
    let gone = || !zones.join("other_2eexample").exists();
    rig.wait_until("its pins are gone", edge_tests::netns::PATIENCE, gone);
    assert!(zones.join("pool_2eexample").exists());
}

#[test]
fn where_there_is_no_bpf_file_system_it_mounts_one_and_takes_it_away_again() {
    let mut rig = Rig::new("native");
    // `ip netns exec` mounts a /sys of its own, without a BPF file system in it.
    let mut command = Command::new("ip");
    command.args(["netns", "exec", rig.server.name()]).arg(edge_tests::netns::program());
    command.arg("run").arg("--config").arg(rig.path("edge.toml"));
    rig.start_by(&mut command);
    let line = rig.node().wait_for("mounted a BPF file system on");
    assert!(line.contains(rig.path("bpf").to_str().unwrap()), "{line}");
    let pins = rig.status()["pins"].as_str().unwrap().to_owned();
    assert!(Path::new(&pins).starts_with(rig.path("bpf")), "{pins}");
    let before = rig.counters();
    assert_eq!(rig.ask("2001:db8:b0::10", "pool.example A +nocookie").data(), ["10.55.0.1"]);
    assert_eq!(rig.counters().xdp() - before.xdp(), 1);
    let (code, log) = rig.stop();
    assert_eq!(code, Some(0), "{log:#?}");
    assert!(log.iter().all(|line| !line.contains("ERROR")), "{log:#?}");
    assert!(!rig.path("bpf").exists(), "the mount's folder is left");
    assert_eq!(rig.attached(), None);
}

#[test]
fn a_start_that_fails_takes_its_own_mount_away() {
    let rig = Rig::new("native");
    rig.write("edge.toml", rig.config().replace("\"srv\"", "\"nope0\"").as_bytes());
    let mut command = Command::new("ip");
    command.args(["netns", "exec", rig.server.name()]).arg(edge_tests::netns::program());
    command.arg("run").arg("--config").arg(rig.path("edge.toml"));
    let (status, log) = Process::start(&mut command).end();
    assert_eq!(status.code(), Some(1), "{log:#?}");
    assert!(!rig.path("bpf").exists(), "{log:#?}");
}
