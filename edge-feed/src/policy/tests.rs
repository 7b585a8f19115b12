//! Tests of each option alone: what it refuses, and what it computes.

use std::collections::BTreeMap;

use super::hysteresis::Hysteresis;
use super::*;
use crate::member::{GROUPS, Member, OwnServer, Weighting};

/// A policy from JSON, checked.
fn policy(text: &str) -> Result<ZonePolicy, String> {
    let policy: ZonePolicy = serde_json::from_str(text).map_err(|error| error.to_string())?;
    policy.check().map_err(|error| error.to_string())?;
    Ok(policy)
}

fn members(weights: &[u32]) -> Vec<Member> {
    let member = |(id, &weight)| Member { id, weight, helps: false, slot: 0 };
    (1..).zip(weights).map(member).collect()
}

fn weights(members: &[Member]) -> Vec<u32> {
    members.iter().map(|member| member.weight).collect()
}

#[test]
fn a_policy_without_options_changes_nothing() {
    assert_eq!(policy("{}").unwrap(), ZonePolicy::default());
    assert_eq!(
        serde_json::from_str::<ZonePolicy>(&serde_json::to_string(&ZonePolicy::default()).unwrap())
            .unwrap(),
        ZonePolicy::default()
    );
}

#[test]
fn options_that_cant_be_are_refused_by_name() {
    let cases = [
        (
            r#"{"ramp": {"from": 15, "to": 10, "floor_percent": 5}}"#,
            "policy.ramp.from: 15 isn't below to = 10; let the ramp go up",
        ),
        (
            r#"{"ramp": {"from": 10, "to": 21, "floor_percent": 5}}"#,
            "policy.ramp.to: 21 is no score; write one from -100 to 20",
        ),
        (
            r#"{"ramp": {"from": 10, "to": 15, "floor_percent": 0}}"#,
            "policy.ramp.floor_percent: 0 percent can't be; write 1 to 100",
        ),
        (
            r#"{"hysteresis": {"enter": 10, "leave": 11}}"#,
            "policy.hysteresis.leave: 11 is above enter = 10; let servers leave at what they enter at, or below",
        ),
        (
            r#"{"backfill": {"below": 1, "share_percent": 50}}"#,
            "policy.backfill.below: 1 servers can't be; write 2 to 1000",
        ),
        (
            r#"{"backfill": {"below": 4, "share_percent": 100}}"#,
            "policy.backfill.share_percent: 100 percent can't be; write 1 to 99",
        ),
        (
            r#"{"cap": {"below": 4, "share_percent": 0}}"#,
            "policy.cap.share_percent: 0 percent can't be; write 1 to 99",
        ),
        (
            r#"{"netspeed": {"floor": 2, "ceiling": 1}}"#,
            "policy.netspeed.floor: 2 is above ceiling = 1; write less",
        ),
        (
            r#"{"netspeed": {"ceiling": 0}}"#,
            "policy.netspeed.ceiling: 0 would leave no server in; write kbit/s",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(policy(text).unwrap_err(), expected);
    }
    for (text, part) in [
        (r#"{"rampe": {}}"#, "unknown field `rampe`"),
        (r#"{"ramp": {"from": 10, "to": 15, "floor_percent": 5, "x": 1}}"#, "unknown field `x`"),
        (r#"{"exclude": {"addresses": ["192.0.2.1/24"]}}"#, "write it as \"192.0.2.0/24\""),
        (r#"{"exclude": {"addresses": ["nobody"]}}"#, "\"nobody\" is no address or prefix"),
    ] {
        let error = policy(text).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn weight_grows_in_steps_from_the_floor_to_the_whole() {
    let ramp = Ramp { from: 10.0, to: 15.0, floor_percent: 20 };
    let percent = |score: f64| ramp.percent(score);
    assert_eq!(
        [-100.0, 10.0, 10.24, 10.25, 12.5, 14.99, 15.0, 20.0].map(percent),
        [20, 20, 20, 24, 60, 96, 100, 100]
    );
    let scores = (0..=2_000).map(|each| f64::from(each) / 100.0);
    let parts: Vec<u32> = scores.map(percent).collect();
    assert!(parts.is_sorted());
    // A step is no more than a twentieth, so that a trembling score means little.
    assert!(parts.windows(2).all(|two| two[1] - two[0] <= 4), "{parts:?}");
}

#[test]
fn a_server_comes_in_after_its_dwell_time_and_leaves_at_once() {
    let hysteresis = Hysteresis { enter: 13.0, leave: 9.0, dwell_seconds: 100 };
    let mut memory = HysteresisMemory { begun: true, ..HysteresisMemory::default() };
    let mut at = |now, score| hysteresis.admits(&mut memory, 1, score, now);
    assert!(!at(0, 20.0));
    assert!(!at(99, 13.0));
    // Below, if only for a moment, and it waits from the beginning.
    assert!(!at(100, 12.9));
    assert!(!at(101, 20.0));
    assert!(!at(200, 20.0));
    assert!(at(201, 20.0));
    assert!(at(202, 9.0));
    assert!(!at(203, 8.9));
    assert!(!at(204, 12.0));
    // A clock that goes back.
    assert!(!at(300, 14.0));
    assert!(!at(50, 14.0));
    assert!(at(150, 14.0));
}

#[test]
fn without_a_memory_servers_are_in_as_the_pool_has_them() {
    let begin = |enter: f64, leave: f64| {
        let hysteresis = Hysteresis { enter, leave, dwell_seconds: 100 };
        let mut memory = HysteresisMemory::default();
        let scores = [(1, 8.0), (2, 9.9), (3, 10.0), (4, 12.0), (5, 14.0)];
        scores.map(|(id, score)| hysteresis.admits(&mut memory, id, score, 0))
    };
    assert_eq!(begin(13.0, 9.0), [false, false, true, true, true]);
    assert_eq!(begin(13.0, 11.0), [false, false, false, true, true]);
    assert_eq!(begin(9.0, 8.0), [false, true, true, true, true]);
}

/// Of all ways to lower weights that keep the cap, the one that lowers least: found by trying.
fn lowered(weights: &[u32], percent: u64) -> Vec<u32> {
    let keeps = |cap: u32| {
        let total: u64 = weights.iter().map(|weight| u64::from(*weight.min(&cap))).sum();
        let largest = weights.iter().map(|weight| u64::from(*weight.min(&cap))).max().unwrap_or(0);
        largest * 100 <= total * percent
    };
    let most = weights.iter().copied().max().unwrap_or(0);
    let least = weights.iter().copied().min().unwrap_or(0);
    let cap = (least..=most).rev().find(|&cap| keeps(cap)).unwrap_or(least);
    weights.iter().map(|weight| *weight.min(&cap)).collect()
}

#[test]
fn a_cap_lowers_the_least_that_keeps_it() {
    let mut rng = fastrand::Rng::with_seed(9);
    for _ in 0..3_000 {
        let n = rng.usize(..9);
        let before: Vec<u32> = (0..n).map(|_| rng.u32(1..256) >> rng.u32(..6) | 1).collect();
        let cap = Cap { below: 10, share_percent: rng.u8(1..=99) };
        let mut after = members(&before);
        cap.lower(&mut after);
        let (after, best) = (weights(&after), lowered(&before, cap.share_percent.into()));
        // Whole numbers: the weight that all are lowered to may be one off.
        let near = after.iter().zip(&best).all(|(one, other)| one.abs_diff(*other) <= 1);
        assert!(near, "{before:?} {cap:?}: {after:?}, not {best:?}");
        let total: u64 = after.iter().map(|&weight| u64::from(weight)).sum();
        let largest = after.iter().copied().max().map_or(0, u64::from);
        let kept = largest * 100 <= total * u64::from(cap.share_percent);
        let equal = after.windows(2).all(|two| two[0] == two[1]);
        assert!(kept || equal || largest == 1, "{before:?} {cap:?}: {after:?}");
    }
    let mut large = members(&[1_000_000, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    Cap { below: 10, share_percent: 20 }.lower(&mut large);
    assert_eq!(large[0].weight, 1_000_000, "ten servers aren't fewer than ten");
}

fn ring(servers: &[(u64, u32)]) -> BTreeMap<u64, OwnServer> {
    let own = |&(id, weight)| {
        let weighting = Weighting { nominal: weight, weight };
        (id, OwnServer { weighting, slot: 0 })
    };
    servers.iter().map(own).collect()
}

#[test]
fn help_comes_from_near_first_and_has_its_share_and_no_more() {
    let near = ring(&[(1, 1_000), (11, 1_000), (12, 3_000)]);
    let far = ring(&[(1, 1_000), (11, 1_000), (12, 3_000), (21, 1_000), (22, 1_000), (23, 50)]);
    let fill = |below: u16, percent: u8, own: &[u32], nominal: u64| {
        let mut zone = members(own);
        let asked = Backfill { below, share_percent: percent }.fill(
            "cm",
            nominal,
            &mut zone,
            &[&near, &far],
        );
        let mut helpers: Vec<(u64, u32)> =
            zone.iter().filter(|each| each.helps).map(|each| (each.id, each.weight)).collect();
        helpers.sort_unstable();
        (asked, helpers)
    };
    // Half of the zone: as much as its own server has, by the helpers' own weights.
    assert_eq!(fill(3, 50, &[1_000], 1_000), (false, vec![(11, 250), (12, 750)]));
    // While its own server has a tenth of its weight, they have the rest of it, too.
    assert_eq!(fill(3, 50, &[100], 1_000), (false, vec![(11, 475), (12, 1_425)]));
    // No more than their own weight.
    assert_eq!(fill(3, 90, &[1_000_000], 1_000_000), (false, vec![(11, 1_000), (12, 3_000)]));
    let (asked, helpers) = fill(6, 50, &[1_000], 1_000);
    assert!(asked);
    assert_eq!(helpers.len(), 5);
    assert_eq!(helpers.iter().filter(|(id, _)| *id < 20).count(), 2);
    // There are no more than there are.
    assert_eq!(fill(100, 50, &[1_000], 1_000).1.len(), 5);
}

#[test]
fn those_who_are_asked_for_help_stay_whoever_else_comes_and_goes() {
    let mut rng = fastrand::Rng::with_seed(12);
    let mut around: Vec<(u64, u32)> =
        (2..200).map(|id| (id, [1_000, 2_000][rng.usize(..2)])).collect();
    let backfill = Backfill { below: 5, share_percent: 50 };
    let helpers = |zone: &str, around: &[(u64, u32)]| {
        let mut members = members(&[1_000]);
        backfill.fill(zone, 1_000, &mut members, &[&ring(around)]);
        members.iter().filter(|each| each.helps).map(|each| each.id).collect::<Vec<_>>()
    };
    let mut before = helpers("cm", &around);
    for _ in 0..100 {
        let (gone, _) = around.swap_remove(rng.usize(..around.len()));
        let after = helpers("cm", &around);
        let n_stayed = before.iter().filter(|id| after.contains(id)).count();
        assert_eq!(n_stayed, if before.contains(&gone) { 3 } else { 4 });
        before = after;
    }
    // Over many zones, twice the weight is twice the chance.
    let around: Vec<(u64, u32)> =
        (2..202).map(|id| (id, if id < 102 { 1_000 } else { 2_000 })).collect();
    let mut n_heavy = 0;
    for zone in 0..2_000 {
        let helpers = helpers(&format!("zone{zone}"), &around);
        n_heavy += helpers.iter().filter(|id| **id >= 102).count();
    }
    // Two thirds of 8,000, by five standard deviations of a fair draw.
    assert!((5_120..5_550).contains(&n_heavy), "{n_heavy}");
}

#[test]
fn a_server_changes_its_number_only_when_it_must() {
    let mut rng = fastrand::Rng::with_seed(44);
    for _ in 0..100 {
        let mut groups = Groups::new();
        let mut ids: Vec<u64> = Vec::new();
        for _ in 0..60 {
            let before = groups.clone();
            let n_before = ids.len();
            match rng.u8(..3) {
                0 if !ids.is_empty() => {
                    ids.remove(rng.usize(..ids.len()));
                }
                1 => ids.retain(|_| rng.u8(..8) > 0),
                _ => ids.extend((0..rng.usize(..4)).map(|_| rng.u64(..))),
            }
            ids.sort_unstable();
            let n_left = n_before - before.keys().filter(|id| !ids.contains(id)).count();
            let split = keep(&ids, &mut groups);
            assert!(groups.keys().eq(&ids));
            let mut sizes = [0_usize; GROUPS];
            let mut stay = [0_usize; GROUPS];
            for group in groups.values() {
                sizes[usize::from(*group)] += 1;
            }
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
            for id in &ids {
                if let Some(group) = before.get(id) {
                    stay[usize::from(*group)] += 1;
                }
            }
            // The fewest moves there can be: each number is too full by what no even split leaves
            // room for.
            let (low, extra) = (ids.len() / GROUPS, ids.len() % GROUPS);
            let mut over: Vec<usize> = stay.iter().map(|stay| stay.saturating_sub(low)).collect();
            over.sort_unstable_by(|one, other| other.cmp(one));
            let room = over.iter().filter(|over| **over > 0).count().min(extra);
            let fewest = over.iter().sum::<usize>() - room;
            let moved =
                ids.iter().filter(|id| before.get(id).is_some_and(|was| *was != groups[id]));
            assert_eq!(moved.count(), fewest, "{n_left} left {stay:?} of {n_before}");
            // And the lists are what the numbers say.
            for (group, places) in (0..).zip(&split) {
                let here: Vec<u64> = places.iter().map(|&place| ids[place]).collect();
                let expected: Vec<u64> =
                    ids.iter().copied().filter(|id| ids.len() < 8 || groups[id] == group).collect();
                assert_eq!(here, expected);
            }
        }
    }
}
