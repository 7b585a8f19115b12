//! Pins: what `bpftool` shows of a node.

use std::path::Path;
use std::process::Command;

use edge_common::abi::{TableId, maps};
use edge_kernel::{Bpffs, Pins, escape};
use edge_tests::fixture;
use edge_tests::kernel::Shared;
use edge_tests::netns::{self, Mounts};

fn dump(path: &Path) -> String {
    let run = Command::new("bpftool").args(["map", "dump", "pinned"]).arg(path).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

/// Takes the pins away however the test ends.
struct Scratch(Pins);

impl Drop for Scratch {
    fn drop(&mut self) {
        self.0.remove().unwrap();
    }
}

#[test]
fn bpftool_shows_the_tables_with_their_fields_names() {
    let (shared, _turn) = Shared::load();
    let store = shared.lock().store();
    let _publisher = fixture::publisher(&store, shared.backend());
    // A BPF file system that only this test has, whatever the machine has mounted there.
    let mounts = Mounts::new(netns::Bpffs::System);
    let bpffs = Bpffs::find(&mounts.path("/sys/fs/bpf")).unwrap();
    let instance = format!("kernel-tier-{}", std::process::id());
    let pins = Scratch(Pins::lock(&bpffs, &instance, None).unwrap());
    pins.0.prepare().unwrap();
    let root = pins.0.root().to_path_buf();
    // The first zone that was published has the first small table.
    let table = TableId::new(0, 0);
    assert!(store.zone(table).unwrap().decks.read(0).unwrap().kind != 0);
    pins.0.pin_shared(&shared.lock()).unwrap();
    pins.0.pin_zone(&shared.lock(), "Pool.Example", table).unwrap();
    pins.0.commit().unwrap();

    let zone = root.join("zones").join("pool_2eexample");
    assert_eq!(escape("pool.example"), "pool_2eexample");
    let tables = dump(&zone);
    for field in ["classes", "decks", "cards", "ttl", "records", "kind", "apex_octets"] {
        assert!(tables.contains(&format!("\"{field}\"")), "{field} in {tables:.400}");
    }
    let cpus = dump(&root.join("maps").join(maps::CPU));
    assert!(cpus.contains("\"verdicts\"") && cpus.contains("\"hits\""), "{cpus:.400}");
    assert!(root.join("maps").join(maps::SHARED).exists());

    pins.0.unpin_zone("pool.example").unwrap();
    assert!(!zone.exists());
    drop(pins);
    assert!(!root.exists());
}
