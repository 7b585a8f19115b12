//! Tests of the effect of each option on zones.

use super::*;
use crate::policy::{Backfill, Cap, Exclude, ExcludedPrefix, Hysteresis, Netspeed, Ramp};

/// A pool of so many IPv4 servers for each of these countries, as indices.
fn pool(countries: &[(usize, u64)]) -> Pool {
    let mut servers = Vec::new();
    for &(country, n) in countries {
        for _ in 0..n {
            // None is divisible by three: no IPv6.
            let id = 3 * (servers.len() as u64) + 1;
            servers.push(server(id, country));
        }
    }
    Pool::new(Snapshot { roots: vec![root()], servers, ..Snapshot::default() }).unwrap()
}

fn set(pool: &mut Pool, server_id: u64, score: f64) {
    let change = Change::Score { server_id, score };
    pool.apply(&Delta { id: pool.cursor() + 1, ts: NOW, change }).unwrap();
}

fn only(zones: Vec<FeedZone>) -> BTreeMap<String, Value> {
    assert_eq!(zones.len(), 1);
    labels(&zones[0])
}

#[test]
fn a_ramp_makes_weight_follow_the_score() {
    let policy = ZonePolicy {
        ramp: Some(Ramp { from: 10.0, to: 15.0, floor_percent: 10 }),
        ..ZonePolicy::default()
    };
    let mut pool = pool(&[(0, 2)]);
    let mut zones = zones(policy);
    zones.update(&pool, NOW);
    let mut weight = |pool: &mut Pool, score| {
        set(pool, 4, score);
        let built = zones.update(pool, NOW);
        (!built.is_empty())
            .then(|| zones.members("uk", false).iter().map(|each| each.weight).collect::<Vec<_>>())
    };
    assert_eq!(weight(&mut pool, 17.0), None);
    assert_eq!(weight(&mut pool, 12.5), Some(vec![1_000, 550]));
    assert_eq!(weight(&mut pool, 12.6), None);
    assert_eq!(weight(&mut pool, 10.0), Some(vec![1_000, 100]));
    assert_eq!(weight(&mut pool, 9.9), Some(vec![1_000]));
}

#[test]
fn hysteresis_is_remembered_over_a_restart() {
    let policy = ZonePolicy {
        hysteresis: Some(Hysteresis { enter: 13.0, leave: 8.0, dwell_seconds: 600 }),
        ..ZonePolicy::default()
    };
    let mut pool = pool(&[(0, 3)]);
    set(&mut pool, 1, 5.0);
    let mut zones = zones(policy.clone());
    zones.update(&pool, NOW);
    let ids =
        |zones: &Zones| zones.members("uk", false).iter().map(|each| each.id).collect::<Vec<_>>();
    assert_eq!(ids(&zones), [4, 7]);
    set(&mut pool, 4, 8.5);
    set(&mut pool, 1, 20.0);
    assert!(zones.update(&pool, NOW + 10).is_empty());
    let again =
        |state: PolicyState| Zones::new(policy.clone(), state, fastrand::Rng::new()).unwrap();
    let mut restarted =
        again(serde_json::from_value(serde_json::to_value(zones.state()).unwrap()).unwrap());
    restarted.update(&pool, NOW + 609);
    assert_eq!(ids(&restarted), [4, 7]);
    assert_eq!(restarted.update(&pool, NOW + 610).len(), 1, "time alone lets it in");
    assert_eq!(ids(&restarted), [1, 4, 7]);
    let mut forgetful = again(PolicyState::default());
    forgetful.update(&pool, NOW + 610);
    assert_eq!(ids(&forgetful), [1, 7]);
    // Who is gone is forgotten.
    pool.apply(&Delta { id: 99, ts: NOW, change: Change::Removed { removed: 1 } }).unwrap();
    restarted.update(&pool, NOW + 611);
    assert!(!restarted.state().memory.inside.contains(&1));
}

#[test]
fn a_stable_split_moves_nobody_for_anothers_sake_and_leaves_nobody_out() {
    let policy = ZonePolicy { stable_split: true, ..ZonePolicy::default() };
    let mut pool = pool(&[(0, 11), (1, 5)]);
    let mut zones = zones(policy.clone());
    let before = only(zones.update(&pool, NOW));
    let sizes = |labels: &BTreeMap<String, Value>, zone: &str| {
        [0, 1, 2, 3].map(|number| records(labels, &format!("{number}{zone}"), "a").len())
    };
    assert_eq!(sizes(&before, ".uk"), [3, 3, 3, 2]);
    assert_eq!(sizes(&before, ".de"), [5, 5, 5, 5]);
    assert_eq!(sizes(&before, ""), [4, 4, 4, 4]);
    // One goes: its number shrinks, and nothing else changes.
    set(&mut pool, 1, 0.0);
    let after = only(zones.update(&pool, NOW));
    assert_eq!(sizes(&after, ".uk"), [2, 3, 3, 2]);
    let gone = BTreeSet::from([(pool.server(1).unwrap().ip.to_string(), 1_000)]);
    for number in 0..4 {
        let name = format!("{number}.uk");
        let (before, after) = (records(&before, &name, "a"), records(&after, &name, "a"));
        assert_eq!(
            before.difference(&after).cloned().collect::<BTreeSet<_>>(),
            if number == 0 { gone.clone() } else { BTreeSet::new() }
        );
        assert!(after.is_subset(&before));
    }
    // It comes back, after a restart, to where it was.
    let rng = fastrand::Rng::with_seed(77);
    let mut restarted = Zones::new(policy, zones.state(), rng).unwrap();
    set(&mut pool, 1, 20.0);
    let again = only(restarted.update(&pool, NOW));
    for name in before.keys() {
        assert_eq!(records(&again, name, "a"), records(&before, name, "a"), "{name}");
    }
}

/// Cameroon has one server, Nigeria none that is fit, the USA many.
fn small(policy: ZonePolicy) -> (Pool, Zones) {
    let mut pool = pool(&[(5, 1), (6, 1), (3, 40), (0, 3)]);
    set(&mut pool, 4, 0.0);
    (pool, zones(policy))
}

#[test]
fn a_small_zone_is_filled_from_its_continent_then_from_the_world() {
    let backfill = Backfill { below: 4, share_percent: 50 };
    let policy =
        ZonePolicy { backfill: Some(backfill), stable_split: true, ..ZonePolicy::default() };
    let (mut pool, mut zones) = small(policy);
    let labels = only(zones.update(&pool, NOW));
    // Africa has but the one server itself, so the world helps.
    let members = zones.members("cm", false);
    assert_eq!(members.len(), 4);
    assert_eq!((members[0].id, members[0].weight, members[0].helps), (1, 1_000, false));
    let help: u32 = members.iter().filter(|each| each.helps).map(|each| each.weight).sum();
    assert!((998..=1_000).contains(&help), "{help}");
    assert_eq!(records(&labels, "cm", "a").len(), 4);
    assert_eq!(records(&labels, "2.cm", "a"), records(&labels, "cm", "a"));
    // Those that are as large as they need be stay, as does the world.
    assert_eq!(zones.members("us", false).len(), 40);
    assert_eq!(zones.members("uk", false).len(), 4);
    assert_eq!(zones.members("@", false).len(), 44);
    // Nobody is in Nigeria: its names lead to Africa's, which is the one of Cameroon and its
    // helpers.
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(labels["ng"], json(r#"{"alias": "africa"}"#));
    assert_eq!(labels["3.ng"], json(r#"{"alias": "3.africa"}"#));
    assert_eq!(records(&labels, "africa", "a").len(), 4);
    // Then somebody is.
    set(&mut pool, 4, 20.0);
    let labels = only(zones.update(&pool, NOW));
    assert_eq!(records(&labels, "ng", "a").len(), 4);
    assert!(
        zones.members("ng", false).iter().any(|each| each.id == 1 && each.helps),
        "its neighbour"
    );
    // Then Africa has no server: there is nothing to lead to.
    set(&mut pool, 1, 0.0);
    set(&mut pool, 4, 0.0);
    let labels = only(zones.update(&pool, NOW));
    assert_eq!(labels["ng"], json(r#"{"mx": [{"mx": ".", "preference": 0}]}"#));
    assert_eq!(labels["0.ng"], json(r#"{"a": []}"#));
}

#[test]
fn what_the_ramp_takes_from_a_lonely_server_its_helpers_get() {
    let policy = ZonePolicy {
        ramp: Some(Ramp { from: 10.0, to: 15.0, floor_percent: 10 }),
        backfill: Some(Backfill { below: 4, share_percent: 50 }),
        stable_split: true,
        ..ZonePolicy::default()
    };
    let (mut pool, mut zones) = small(policy);
    let mut share = |score: f64| {
        set(&mut pool, 1, score);
        zones.update(&pool, NOW);
        let members = zones.members("cm", false);
        let total: u32 = members.iter().map(|each| each.weight).sum();
        f64::from(members[0].weight) / f64::from(total)
    };
    for (score, expected) in [(10.0, 0.05), (12.5, 0.275), (15.0, 0.5)] {
        assert!((share(score) - expected).abs() < 0.002, "{score}: {}", share(score));
    }
}

#[test]
fn a_cap_holds_in_small_zones_only() {
    let policy =
        ZonePolicy { cap: Some(Cap { below: 4, share_percent: 50 }), ..ZonePolicy::default() };
    let mut pool = pool(&[(0, 3), (3, 4)]);
    for (id, server_id) in [(1, 1), (2, 10)] {
        let fast = Server { netspeed: 100_000, ..pool.server(server_id).unwrap().clone() };
        pool.apply(&Delta { id, ts: NOW, change: Change::Server { server: fast } }).unwrap();
    }
    let mut zones = zones(policy);
    zones.update(&pool, NOW);
    let weights =
        |name: &str| zones.members(name, false).iter().map(|each| each.weight).collect::<Vec<_>>();
    assert_eq!(weights("uk"), [2_000, 1_000, 1_000]);
    assert_eq!(weights("us"), [100_000, 1_000, 1_000, 1_000]);
    assert_eq!(weights("europe"), [2_000, 1_000, 1_000]);
    assert_eq!(weights("@")[0], 100_000);
}

#[test]
fn aaaa_stand_under_every_name_when_asked_for() {
    let mut servers: Vec<Server> = (1..=10).map(|id| server(3 * id, 0)).collect();
    servers.extend((1..=3).map(|id| server(3 * id + 1, 0)));
    let snapshot = Snapshot { roots: vec![root()], servers, ..Snapshot::default() };
    let pool = Pool::new(snapshot).unwrap();
    let sizes = |policy: ZonePolicy| {
        let labels = only(zones(policy).update(&pool, NOW));
        ["uk", "0.uk", "1.uk", "2.uk", "3.uk", "", "2"]
            .map(|name| records(&labels, name, "aaaa").len())
    };
    assert_eq!(sizes(ZonePolicy::default()), [0, 0, 0, 10, 0, 0, 10]);
    let everywhere = ZonePolicy { aaaa_everywhere: true, ..ZonePolicy::default() };
    assert_eq!(sizes(everywhere.clone()), [10, 2, 2, 2, 2, 10, 2]);
    assert_eq!(sizes(ZonePolicy { stable_split: true, ..everywhere }), [10, 3, 3, 2, 2, 10, 2]);
}

#[test]
fn netspeeds_are_bounded_and_the_excluded_are_out() {
    let netspeed = Netspeed { floor: Some(1_500), ceiling: Some(2_000) };
    let addresses = vec![ExcludedPrefix::try_from("198.51.100.7".to_owned()).unwrap()];
    let exclude = Exclude { servers: vec![1], addresses };
    let policy = ZonePolicy { netspeed: Some(netspeed), exclude, ..ZonePolicy::default() };
    let mut pool = pool(&[(0, 5)]);
    for (id, netspeed) in [(4, 0), (10, 1_700), (13, 9_000)] {
        let server = Server { netspeed, ..pool.server(id).unwrap().clone() };
        pool.apply(&Delta { id, ts: NOW, change: Change::Server { server } }).unwrap();
    }
    let mut zones = zones(policy);
    zones.update(&pool, NOW);
    let members = zones.members("uk", false).iter().map(|each| (each.id, each.weight));
    // 1 by its identifier, 7 by its address; 4 is for monitoring only, and no floor makes it more.
    assert_eq!(members.collect::<Vec<_>>(), [(10, 1_700), (13, 2_000)]);
}

/// What is built piece by piece, delta by delta, is what would be built at once of the same pool
/// and memory.
#[test]
fn zones_kept_up_to_date_are_those_built_anew() {
    let mut rng = fastrand::Rng::with_seed(66);
    let policy = ZonePolicy {
        ramp: Some(Ramp { from: 10.0, to: 15.0, floor_percent: 10 }),
        hysteresis: Some(Hysteresis { enter: 12.0, leave: 9.0, dwell_seconds: 20 }),
        stable_split: true,
        backfill: Some(Backfill { below: 5, share_percent: 40 }),
        cap: Some(Cap { below: 6, share_percent: 30 }),
        aaaa_everywhere: true,
        netspeed: Some(Netspeed { floor: Some(600), ceiling: Some(1_000_000) }),
        exclude: Exclude { servers: vec![3], addresses: Vec::new() },
    };
    let mut n_built = 0;
    for _ in 0..12 {
        let mut pool = Pool::new(random_snapshot(&mut rng)).unwrap();
        let n = u64::try_from(pool.servers().count()).unwrap();
        let mut kept = zones(policy.clone());
        let mut text = String::new();
        for id in 1..80 {
            let before = kept.state();
            let now = NOW + 10 * i64::from(id);
            let built = kept.update(&pool, now);
            if let Some(zone) = built.first() {
                text.clone_from(&zone.text);
                n_built += 1;
            }
            let mut anew = Zones::new(policy.clone(), before, fastrand::Rng::new()).unwrap();
            let anew = anew.update(&pool, now);
            let data = |text: &str| text.split_once("\"data\"").unwrap().1.to_owned();
            assert_eq!(data(&text), data(&anew[0].text));
            labels(&anew[0]);
            for _ in 0..rng.u8(..3) {
                let delta = random_delta(pool.cursor() + 1, n, &mut rng);
                let _refused = pool.apply(&delta).is_err();
            }
        }
    }
    assert!(n_built > 100, "{n_built}");
}
