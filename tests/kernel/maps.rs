//! The maps and the program against their budgets.

use std::collections::BTreeSet;
use std::process::Command;

use edge_tests::fixture;
use edge_tests::kernel::Shared;
use edge_tests::node;

/// Instructions that the verifier may follow; it gives up at a million.
const INSTRUCTIONS: u32 = 400_000;
/// Octets that the maps may take: 128 MiB, of which the tables in `docs/maps.md` add up to 129.1 million, and `PREFIXES`
/// to 1.2 million when it is full.
const OCTETS: u64 = 134_217_728;
const PUBLICATIONS: usize = 50;

/// The numbers of the maps that this process holds.
fn own_maps() -> BTreeSet<u32> {
    let mut numbers = BTreeSet::new();
    for entry in std::fs::read_dir("/proc/self/fdinfo").unwrap() {
        let Ok(text) = std::fs::read_to_string(entry.unwrap().path()) else { continue };
        numbers.extend(
            text.lines()
                .filter_map(|line| line.strip_prefix("map_id:")?.trim().parse::<u32>().ok()),
        );
    }
    numbers
}

fn bpftool(arguments: &[&str]) -> String {
    let run = Command::new("bpftool").args(arguments).output().unwrap();
    String::from_utf8_lossy(&run.stdout).into_owned()
}

/// The inner maps' numbers in our maps of maps.
fn inner_maps(own: &BTreeSet<u32>) -> BTreeSet<u32> {
    let mut inner = BTreeSet::new();
    for number in own.iter().map(ToString::to_string) {
        if !bpftool(&["map", "show", "id", &number]).contains("array_of_maps") {
            continue;
        }
        // key: 00 00 00 00  value: 9a 3d 00 00
        for line in bpftool(&["map", "dump", "id", &number]).lines() {
            let Some((_, value)) = line.split_once("value: ") else { continue };
            let octets = value.split_whitespace().map(|octet| u8::from_str_radix(octet, 16));
            let octets: Vec<u8> = octets.collect::<Result<_, _>>().unwrap();
            inner.insert(u32::from_le_bytes(octets.try_into().unwrap()));
        }
    }
    inner
}

#[test]
fn no_map_is_made_after_the_start() {
    let (shared, _turn) = Shared::load();
    let before = own_maps();
    assert!(before.len() > 100, "{before:?}");
    let store = shared.lock().store();
    let mut publisher = fixture::publisher(&store, shared.backend());
    let mut zones = fixture::zones();
    for round in 0..PUBLICATIONS {
        // Another zone is missing each time, and all others are new.
        zones.rotate_left(1);
        let chosen = &zones[..1 + round % zones.len()];
        node::publish(&mut publisher, &node::compiled(chosen, &fixture::databases()));
        publisher.deal_anew().unwrap();
    }
    assert_eq!(own_maps(), before);
    let inner = inner_maps(&before);
    assert!(inner.len() > 10 && inner.is_subset(&before), "{inner:?}");
}

#[test]
fn the_program_and_its_maps_are_within_their_budgets() {
    let (shared, _turn) = Shared::load();
    let facts = shared.lock().facts().unwrap();
    let octets = shared.lock().map_octets().unwrap();
    println!("{facts:?}, {octets} octets of maps");
    assert!(facts.verified_instructions > 1_000, "{facts:?}");
    assert!(facts.verified_instructions <= INSTRUCTIONS, "{facts:?}");
    assert!(octets < OCTETS, "{octets}");
}
