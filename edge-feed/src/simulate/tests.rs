//! Replays of histories with an outcome that can be computed by hand.

use super::*;
use crate::delta::Change;
use crate::policy::Backfill;

const START: i64 = yo_yo::START as i64;

fn score(id: u64, ts: i64, score: f64) -> Delta {
    Delta { id, ts: START + ts, change: Change::Score { server_id: yo_yo::SERVER, score } }
}

fn run(
    deltas: Vec<Delta>,
    policy: ZonePolicy,
    interval_seconds: u32,
) -> Result<Simulation, SimulateError> {
    let (snapshot, _) = yo_yo::history();
    let replay = Replay { interval_seconds, keep: vec!["cm".to_owned()], seed: 1 };
    simulate(snapshot, deltas, policy, &replay)
}

fn course<'s>(simulation: &'s Simulation, zone: &str) -> &'s ZoneHistory {
    simulation.zones.iter().find(|course| course.zone == zone).unwrap()
}

#[test]
fn entries_leaves_and_shares_are_counted_step_by_step() {
    let deltas = vec![score(1, 50, 5.0), score(2, 130, 20.0), score(3, 290, 20.0)];
    let simulation = run(deltas, ZonePolicy::default(), 100).unwrap();
    assert_eq!((simulation.steps, simulation.changes, simulation.end), (4, 3, START + 300));
    let cm = course(&simulation, "cm");
    assert_eq!((cm.entries, cm.leaves, cm.moved, cm.largest_move), (1, 1, 2.0, 1.0));
    assert_eq!((cm.empty_seconds, cm.alone_seconds), (100, 200));
    let points: Vec<_> =
        cm.points.iter().map(|each| (each.ts - START, each.n_own, each.shares.len())).collect();
    assert_eq!(points, [(0, 1, 1), (100, 0, 0), (200, 1, 1)]);
    // Of Africa's 1,225,000 kbit/s, 25,000 went and came back.
    let africa = course(&simulation, "africa");
    assert!((africa.moved - 2.0 * 25.0 / 1_225.0).abs() < 1e-9, "{}", africa.moved);
    assert!(africa.points.is_empty());
    // What happens between two steps is seen by none.
    let quick =
        run(vec![score(1, 10, 5.0), score(2, 20, 20.0)], ZonePolicy::default(), 100).unwrap();
    assert_eq!((quick.changes, course(&quick, "cm").leaves), (1, 0));
}

#[test]
fn a_helper_that_stays_while_shares_shift_is_neither_entry_nor_leave() {
    let backfill = Some(Backfill { below: 4, share_percent: 50 });
    let policy = ZonePolicy { backfill, stable_split: true, ..ZonePolicy::default() };
    let simulation = run(vec![score(1, 50, 15.0)], policy, 100).unwrap();
    let cm = course(&simulation, "cm");
    assert_eq!((cm.entries, cm.leaves, cm.renumbered, cm.moved), (0, 0, 0, 0.0));
    assert_eq!((cm.points[0].n_own, cm.points[0].n_helpers), (1, 3));
    let own = cm.points[0].shares[&yo_yo::SERVER];
    assert!((own - 0.5).abs() < 0.001, "{own}");
}

#[test]
fn what_cant_be_replayed_is_refused() {
    let text =
        |deltas, interval| run(deltas, ZonePolicy::default(), interval).unwrap_err().to_string();
    assert_eq!(text(Vec::new(), 0), "an interval of 0 seconds has no end; write 1 or more");
    assert_eq!(
        text(vec![score(7, i64::MAX - START, 1.0)], 60),
        "delta 7 is 9223372035054775807 seconds after the snapshot, more than 1000000 steps; choose a longer interval, or correct its time"
    );
    let refused = run(vec![score(1, 1, f64::NAN)], ZonePolicy::default(), 60).unwrap();
    assert_eq!(refused.refused, 1);
}

#[test]
fn the_yo_yo_ends_with_ramp_hysteresis_and_back_fill() {
    let before = yo_yo::replay(ZonePolicy::default()).unwrap();
    let after = yo_yo::replay(yo_yo::policy()).unwrap();
    let [before_cm, after_cm] = [&before, &after].map(|each| course(each, "cm"));
    // docs/policy.md has these numbers.
    assert_eq!((before_cm.entries, before_cm.leaves), (13, 13));
    assert_eq!(
        (after_cm.entries, after_cm.leaves, after_cm.alone_seconds, after_cm.empty_seconds),
        (0, 0, 0, 0)
    );
    assert_eq!((before_cm.moved, before_cm.empty_seconds), (26.0, 20_700));
    assert!((7.8..7.95).contains(&after_cm.moved), "{}", after_cm.moved);
    assert!((0.42..0.43).contains(&after_cm.largest_move), "{}", after_cm.largest_move);
    let own = after_cm.points.iter().map(|point| point.shares[&yo_yo::SERVER]);
    assert!(own.fold(0.0, f64::max) < 0.501);
}

#[test]
fn the_drawing_in_the_documentation_is_what_the_simulation_says() {
    let before = yo_yo::replay(ZonePolicy::default()).unwrap();
    let after = yo_yo::replay(yo_yo::policy()).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy-yo-yo.svg");
    let committed = std::fs::read_to_string(path).unwrap();
    let same = committed == yo_yo::draw(&before, &after).unwrap();
    assert!(same, "run `cargo run -p edge-feed --example yo-yo`, and look at what changed");
}

#[test]
fn options_hold_the_giant_back_and_docs_have_the_numbers() {
    let simulations: Vec<Simulation> = giant::each_option()
        .map(|(_, policy)| giant::replay(policy).unwrap())
        .into_iter()
        .collect();
    let row = |simulation: &Simulation| {
        let percent = |id| 100.0 * giant::share(simulation, id);
        let moved = |zone| 100.0 * course(simulation, zone).largest_move;
        let numbers = [percent(giant::GIANT), moved("nz"), moved("oceania")];
        let [largest, nz, oceania] = numbers.map(|number| format!("{number:.1}"));
        [largest, format!("{:.3}", percent(giant::DWARF)), nz, oceania]
    };
    // docs/policy.md has these numbers.
    let usual = ["92.3", "0.016", "92.3", "52.2"];
    let cap = ["40.0", "0.123", "40.0", "52.2"];
    let netspeed = ["79.9", "0.080", "79.9", "26.7"];
    let exclude = ["0.0", "0.204", "0.0", "0.0"];
    let rows: Vec<_> = simulations.iter().map(row).collect();
    assert_eq!(rows, [usual, cap, netspeed, exclude, usual]);
    let sixes = simulations.iter().map(|simulation| {
        let sixes = simulation.zones.iter().filter(|course| course.six);
        sixes.map(|course| course.n_names).collect::<Vec<_>>()
    });
    let one = vec![1; 3];
    assert!(sixes.eq([one.clone(), one.clone(), one.clone(), one, vec![5; 3]]));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy-giant.svg");
    let committed = std::fs::read_to_string(path).unwrap();
    let same = committed == giant::draw(&simulations[0], &simulations[1]).unwrap();
    assert!(same, "run `cargo run -p edge-feed --example giant`, and look at what changed");
}

#[test]
fn a_table_lines_up_with_the_most_moved_first() {
    let simulation = run(vec![score(1, 50, 5.0)], ZonePolicy::default(), 100).unwrap();
    let text = simulation.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "2 steps in 0:01 h, changes at 2 of them, 0 deltas refused");
    assert_eq!(
        lines[1],
        "ZONE    ENTRIES  LEAVES  MOVED  LARGEST  RENUMBERED  EMPTY   ALONE   NAMES  IP"
    );
    assert_eq!(
        lines[2],
        "cm      0        1       1.00   100.0 %  0           0:00 h  0:01 h  0      IPv4"
    );
}
