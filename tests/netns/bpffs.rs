//! Pins, with the system's BPF file system and without it.

use std::path::{Path, PathBuf};
use std::process::Command;

use edge_tests::netns::{Bpffs, PATIENCE, Process, Rig};

/// A rig with `edge` serving, with or without the system's BPF file system.
fn serving(bpffs: Bpffs) -> Rig {
    let mut rig = Rig::with_bpffs("native", bpffs);
    rig.start();
    rig
}

/// Where the node says that it pins; insists that it is the right one of both places.
fn pins(rig: &Rig, bpffs: Bpffs) -> String {
    let pins = rig.status()["pins"].as_str().unwrap().to_owned();
    let parent = match bpffs {
        Bpffs::System => PathBuf::from("/sys/fs/bpf"),
        Bpffs::Missing => rig.path("bpf"),
    };
    assert!(Path::new(&pins).starts_with(parent), "{bpffs:?}: {pins}");
    assert!(pins.ends_with(&format!("/v{}", edge_common::abi::VERSION)), "{bpffs:?}: {pins}");
    pins
}

/// A pinned map's entries as bpftool shows them where the node runs.
fn dump(rig: &Rig, path: &str) -> String {
    let mut bpftool = rig.command("bpftool");
    let output = bpftool.args(["map", "dump", "pinned", path]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{path}: {printed}");
    printed
}

#[test]
fn bpftool_shows_a_zones_maps_by_the_names_of_their_fields() {
    for bpffs in Bpffs::BOTH {
        let rig = serving(bpffs);
        let pins = pins(&rig, bpffs);
        let tables = dump(&rig, &format!("{pins}/zones/pool_2eexample"));
        let fields = ["classes\":", "cards\":", "ttl\": 150", "records\": 4", "kind\":"];
        for field in fields.map(|field| format!("\"{field}")) {
            assert!(tables.contains(&field), "{bpffs:?}: {field}: {tables:.400}");
        }
        let cpus = dump(&rig, &format!("{pins}/maps/CPU"));
        assert!(cpus.contains("\"verdicts\":"), "{bpffs:?}: {cpus:.400}");
    }
}

#[test]
fn a_zone_that_goes_takes_its_pins_along() {
    for bpffs in Bpffs::BOTH {
        let rig = serving(bpffs);
        let zones = rig.pins().join("zones");
        assert!(zones.join("pool_2eexample").exists(), "{bpffs:?}: {}", zones.display());
        rig.write_zone("other.example", r#"{"data": {"": {"ns": ["a."], "a": [["10.0.0.1"]]}}}"#);
        let both = || zones.join("other_2eexample").exists();
        rig.wait_until("the second zone is pinned", PATIENCE, both);
        std::fs::remove_file(rig.path("zones/other.example.json")).unwrap();
        let gone = || !zones.join("other_2eexample").exists();
        rig.wait_until("its pins are gone", PATIENCE, gone);
        assert!(zones.join("pool_2eexample").exists());
    }
}

#[test]
fn where_there_is_no_bpf_file_system_it_mounts_one_and_takes_it_away_again() {
    let mut rig = Rig::new("native");
    // `ip netns exec` mounts a /sys of its own, without a BPF file system in it.
    let mut command = Command::new("ip");
    command.args(["netns", "exec", rig.server.name()]).arg(edge_tests::netns::program());
    command.arg("run").arg("--config").arg(rig.path("edge.toml"));
    rig.start_by(&mut command);
    let line = rig.node().wait_for("a BPF file system of this node's own is on");
    assert!(line.contains(rig.path("bpf").to_str().unwrap()), "{line}");
    let _pins = pins(&rig, Bpffs::Missing);
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
    let rig = Rig::with_bpffs("native", Bpffs::Missing);
    // The address is bound after the programs are loaded.
    let config = rig.config().replace("10.53.0.1", "10.99.0.1");
    rig.write("edge.toml", config.replace("[dns]", "[dns]\nfreebind = false").as_bytes());
    let (status, log) = Process::start(&mut rig.run_command()).end();
    assert_eq!(status.code(), Some(1), "{log:#?}");
    assert!(!rig.path("bpf").exists(), "{log:#?}");
}
