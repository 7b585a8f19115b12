//! The maps and the program against their budgets.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use edge_common::abi::maps;
use edge_tests::fixture;
use edge_tests::kernel::Shared;
use edge_tests::node;

/// Instructions that the verifier may follow of each program; it gives up at a million.
const INSTRUCTIONS: [(&str, u32); 3] =
    [(maps::PROGRAM, 150_000), (maps::GENERAL_PROGRAM, 500_000), (maps::NTP_PROGRAM, 50_000)];
/// Octets of stack that a program may use.
const STACK: u32 = 512;
/// Octets that the maps may take: 128 MiB, of which the tables in `docs/maps.md` add up to 130.1
/// million, and `PREFIXES` to 1.2 million when it is full.
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
        publisher.deal_again().unwrap();
    }
    assert_eq!(own_maps(), before);
    let inner = inner_maps(&before);
    assert!(inner.len() > 10 && inner.is_subset(&before), "{inner:?}");
}

#[test]
fn the_programs_and_their_maps_are_within_their_budgets() {
    let (shared, _turn) = Shared::load();
    let facts = shared.lock().facts().unwrap();
    let octets = shared.lock().map_octets().unwrap();
    println!("{facts:?}, {octets} octets of maps");
    assert!(octets < OCTETS, "{octets}");
    let programs = own_programs();
    for (name, most) in INSTRUCTIONS {
        let program = programs.get(name).unwrap_or_else(|| panic!("no {name} in {programs:?}"));
        println!("{name}: {program:?}");
        assert!((1_000..=most).contains(&program.verified), "{name}: {program:?}");
        assert!((1..=STACK).contains(&program.stack), "{name}: {program:?}");
    }
}

#[test]
fn only_the_first_program_ends_in_another() {
    let (_shared, _turn) = Shared::load();
    let programs = own_programs();
    for (name, program) in &programs {
        // A program that is called at the end of another calls none itself: chains have one step.
        // Each of its calls is to one program, so that the kernel makes it a jump.
        let others = if name == maps::PROGRAM { 2 } else { 0 };
        assert_eq!(program.tail_calls, others, "{name}: {program:?}");
    }
    let table = maps::PROGRAMS;
    let own = own_maps();
    let shown = own.iter().map(|n| bpftool(&["map", "show", "id", &n.to_string()]));
    let shown = shown.filter(|shown| shown.contains(&format!("name {table} ")));
    let tables: Vec<String> = shown.collect();
    let [table] = &tables[..] else { panic!("{tables:?}") };
    let number = table.split(':').next().unwrap();
    let dump = bpftool(&["map", "dump", "id", number]);
    let entries = dump.lines().filter(|line| line.contains("value")).count();
    assert_eq!(entries, 2, "{dump}");
}

/// What the kernel keeps of a program.
#[derive(Debug)]
struct Program {
    /// Instructions that the verifier followed.
    verified: u32,
    /// Octets of stack that are used.
    stack: u32,
    /// Places from which it may go on to another program.
    tail_calls: usize,
}

/// The programs that this process holds, by name.
fn own_programs() -> BTreeMap<String, Program> {
    let mut programs = BTreeMap::new();
    for entry in std::fs::read_dir("/proc/self/fdinfo").unwrap() {
        let Ok(text) = std::fs::read_to_string(entry.unwrap().path()) else { continue };
        let field = |name: &str| -> Option<u32> {
            text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        };
        let (Some(number), Some(verified)) = (field("prog_id:"), field("verified_insns:")) else {
            continue;
        };
        let number = number.to_string();
        let shown = bpftool(&["prog", "show", "id", &number]);
        let mut words = shown.split_whitespace().skip_while(|word| *word != "name");
        let name = words.nth(1).unwrap_or_default().to_owned();
        let code = bpftool(&["prog", "dump", "xlated", "id", &number]);
        let tail_calls = code.matches("bpf_tail_call").count();
        programs.insert(name, Program { verified, stack: stack(&code), tail_calls });
    }
    programs
}

/// How far below the frame pointer a program reaches: `*(u64 *)(r10 -8)`, or `r2 = r10` and then
/// `r2 += -72`.
fn stack(code: &str) -> u32 {
    let number = |text: &str| -> Option<u32> {
        let digits = text.trim_start().strip_prefix('-')?;
        let digits = digits.split(|letter: char| !letter.is_ascii_digit()).next()?;
        digits.parse().ok()
    };
    let mut copy = None;
    let mut deepest = 0;
    for line in code.lines() {
        let below = line.split_once("(r10").and_then(|(_, rest)| number(rest));
        let register = copy.take();
        let added = register.and_then(|register: String| {
            line.split_once(&format!("{register} +="))?
                .1
                .trim()
                .strip_prefix('-')
                .map(str::to_owned)
        });
        let added = added.and_then(|digits| number(&format!("-{digits}")));
        deepest = deepest.max(below.unwrap_or(0)).max(added.unwrap_or(0));
        if let Some((before, "r10")) = line.trim().rsplit_once(" = ") {
            copy = before.split_whitespace().last().map(str::to_owned);
        }
    }
    deepest
}
