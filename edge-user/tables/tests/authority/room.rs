//! Tests of changeovers for which there is little room.
//!
//! In the end the tables are as a fresh publisher would write them into empty ones.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use edge_common::abi::{Answer, ClassRow, TableId, maps};
use fastrand::Rng;
use zerocopy::FromZeros as _;

use super::clients;
use super::walk::Walk;
use super::{AnyPolicy, Zone, wire, zone_of};
use edge_tables::backend_error::BackendError;
use edge_tables::publish::fixture;
use edge_tables::publish::{
    Backend, NoKernel, Placed, PublishError, Publishable, Publisher, Unfit,
};
use edge_tables::store::Store;
use edge_zone::geo::Databases;

/// What the tables had when the publisher waited for readers, and what it is refused.
#[derive(Default)]
struct Witness {
    /// For each generation, the apexes whose addresses were in the tables.
    seen: Vec<Vec<String>>,
    apexes: Vec<String>,
    refuses_barrier: bool,
    /// Tables that can't be made reachable, by the number of the call.
    refuses: Vec<usize>,
    n_inserted: usize,
}

struct Kernel(Store, Arc<Mutex<Witness>>);

impl Backend for Kernel {
    fn insert(&mut self, _: TableId) -> Result<(), BackendError> {
        let mut witness = self.1.lock().unwrap();
        witness.n_inserted += 1;
        if witness.refuses.contains(&witness.n_inserted) {
            return Err(BackendError::new("out of memory"));
        }
        Ok(())
    }

    fn barrier(&mut self) -> Result<(), BackendError> {
        let mut witness = self.1.lock().unwrap();
        if witness.apexes.is_empty() {
            return Ok(());
        }
        let names = Walk::new(&self.0).names;
        let has =
            |apex: &&String| names.get(&wire(apex)).is_some_and(|tail| tail.a != Answer::NONE);
        let seen = witness.apexes.iter().filter(has).cloned().collect();
        witness.seen.push(seen);
        if witness.refuses_barrier { Err(BackendError::new("no barrier")) } else { Ok(()) }
    }

    fn name(&mut self, _: &str, _: Option<TableId>) -> Result<(), BackendError> {
        Ok(())
    }
}

/// A publisher, and a witness of what it does.
struct Watched {
    publisher: Publisher,
    witness: Arc<Mutex<Witness>>,
}

impl Watched {
    fn new() -> Self {
        let store = Store::in_memory();
        let witness = Arc::default();
        let kernel = Kernel(store.clone(), Arc::clone(&witness));
        let publisher = Publisher::new(store, Box::new(kernel), Rng::with_seed(5));
        Self { publisher, witness }
    }

    /// Publishes zones; returns for each generation on the way which of them were in the tables.
    fn publish(&mut self, zones: &[Publishable]) -> (Vec<Placed>, Vec<Vec<String>>) {
        let apexes = zones.iter().map(|zone| edge_zone::name::bare(&zone.compiled.apex));
        let apexes: Vec<String> = apexes.collect();
        let mut witness = self.witness.lock().unwrap();
        (witness.apexes, witness.seen) = (apexes, Vec::new());
        drop(witness);
        let placed = self.publisher.publish(zones, &[]).unwrap();
        (placed, std::mem::take(&mut self.witness.lock().unwrap().seen))
    }
}

fn fresh() -> Publisher {
    Publisher::new(Store::in_memory(), Box::new(NoKernel), Rng::with_seed(7))
}

/// What the tables answer by name: whether there is an answer of each sort.
fn contents(publisher: &Publisher) -> BTreeMap<Vec<u8>, [bool; 4]> {
    let names = Walk::new(publisher.store()).names.into_iter();
    names
        .map(|(name, tail)| {
            let answers = [tail.a, tail.aaaa, tail.other].map(|answer| answer != Answer::NONE);
            (name, [answers[0], answers[1], answers[2], tail.absent != ClassRow::NONE])
        })
        .collect()
}

/// How full the tables are, without those of cards, whose numbers may be higher where there is
/// room.
fn usage(publisher: &Publisher) -> Vec<(&'static str, u32, u32)> {
    publisher.usage().into_iter().filter(|(name, ..)| !name.starts_with("cards")).collect()
}

/// Insists that nothing in the tables depends on what they held before.
fn expect_as_fresh(publisher: &Publisher, placed: &[Placed], zones: &[Publishable], what: &str) {
    let mut fresh = fresh();
    assert_eq!(placed, fresh.publish(zones, &[]).unwrap(), "{what}");
    assert!(!publisher.is_pending(), "{what}");
    assert_eq!(usage(publisher), usage(&fresh), "{what}");
    assert_eq!(contents(publisher), contents(&fresh), "{what}");
}

/// Insists that no zone is left out that would fit beside those in the tables.
fn expect_full(placed: &[Placed], zones: &[Publishable], what: &str) {
    let pairs = || placed.iter().zip(zones);
    let own: Vec<_> = pairs().filter(|(placed, _)| placed.unfit.is_none()).collect();
    for (out, zone) in pairs().filter(|(placed, _)| placed.unfit.is_some()) {
        let mut more: Vec<_> = own.iter().map(|(_, zone)| (*zone).clone()).collect();
        more.push(zone.clone());
        let placed = fresh().publish(&more, &[]).unwrap();
        assert!(placed.last().is_some_and(|zone| zone.unfit.is_some()), "{what}: {out:?}");
    }
}

fn unfit(placed: &[Placed]) -> Vec<Option<Unfit>> {
    placed.iter().map(|zone| zone.unfit.clone()).collect()
}

fn compiled(zones: &[Arc<Zone>], databases: &Databases) -> Vec<Publishable> {
    let zones: Vec<Zone> = zones.iter().map(|zone| Zone::clone(zone)).collect();
    let tries = fixture::tries(&zones, databases);
    zones.iter().map(|zone| fixture::publishable_with(zone, &tries, AnyPolicy::Minimal)).collect()
}

/// A zone with labels for places; only its targeting tells it from others.
fn targeted(apex: &str, targeting: &str) -> Arc<Zone> {
    let text = format!(
        r#"{{"serial": 1, "ttl": 60, "targeting": "{targeting}", "data": {{
  "": {{"ns": ["ns1.dns.test."], "a": [["10.0.0.1"]]}}, "w": {{"a": [["10.0.0.1"]]}},
  "w.de": {{"a": [["10.0.0.2"]]}}, "w.europe": {{"a": [["10.0.0.3"]]}},
  "w.us-ny": {{"a": [["10.0.0.4"]]}}, "w.us-east": {{"a": [["10.0.0.5"]]}},
  "w.as64496": {{"a": [["10.0.0.6"]]}}}}}}"#
    );
    zone_of(apex, &text)
}

const TARGETINGS: [&str; 6] = [
    "country @",
    "continent @",
    "country continent @",
    "region @",
    "region country @",
    "region continent @",
];

/// Zones `t0.test` and so on with these targetings.
fn targeted_zones(targetings: &[&str]) -> Vec<Arc<Zone>> {
    let zones = targetings.iter().zip(0..);
    zones.map(|(targeting, n)| targeted(&format!("t{n}.test"), targeting)).collect()
}

#[test]
fn new_databases_put_none_of_four_targetings_out_of_the_tables_even_for_a_moment() {
    let zones = targeted_zones(&TARGETINGS[..4]);
    let mut watched = Watched::new();
    for more in 0..4 {
        let zones = compiled(&zones, &clients::databases_with(more));
        let (placed, seen) = watched.publish(&zones);
        assert_eq!(unfit(&placed), [None, None, None, None]);
        assert!(seen.iter().all(|seen| seen.len() == 4), "{seen:?}");
        expect_as_fresh(&watched.publisher, &placed, &zones, "databases");
    }
}

#[test]
fn with_as_many_targetings_as_tries_a_zone_is_out_for_one_generation_at_a_time() {
    let zones = targeted_zones(&TARGETINGS);
    let mut watched = Watched::new();
    for more in 0..3 {
        let zones = compiled(&zones, &clients::databases_with(more));
        let (placed, seen) = watched.publish(&zones);
        assert!(placed.iter().all(|zone| zone.unfit.is_none()), "{placed:?}");
        assert!(seen.iter().all(|seen| seen.len() >= 5), "{seen:?}");
        expect_as_fresh(&watched.publisher, &placed, &zones, "databases");
    }
}

/// The same zones with tries that have so many IPv4 nodes.
fn with_nodes(zones: &[Publishable], nodes: &[usize]) -> Vec<Publishable> {
    let mut tries = HashMap::new();
    let mut nodes = nodes.iter();
    let larger = |zone: &Publishable| {
        let trie = tries.entry(Arc::as_ptr(&zone.trie)).or_insert_with(|| {
            let mut trie = (*zone.trie).clone();
            let node = edge_common::abi::Node4::new_zeroed();
            let n = nodes.next().copied().unwrap_or_default().max(trie.v4.nodes.len());
            trie.v4.nodes.resize(n, node);
            Arc::new(trie)
        });
        Publishable { trie: Arc::clone(trie), ..zone.clone() }
    };
    zones.iter().map(larger).collect()
}

#[test]
fn three_tries_that_fill_the_nodes_change_over_one_profile_after_the_other() {
    let zones = compiled(&targeted_zones(&TARGETINGS[..3]), &clients::databases());
    let mut watched = Watched::new();
    let sizes = [[31_365; 3], [31_500; 3], [19_645; 3], [32_768; 3], [40_000, 20_000, 38_304]];
    for nodes in sizes {
        let zones = with_nodes(&zones, &nodes);
        let (placed, seen) = watched.publish(&zones);
        assert_eq!(unfit(&placed), [None, None, None], "{nodes:?}");
        assert!(seen.iter().any(|seen| !seen.is_empty()), "{nodes:?}: {seen:?}");
        expect_as_fresh(&watched.publisher, &placed, &zones, &format!("{nodes:?}"));
    }
    let large = with_nodes(&zones, &[33_000; 3]);
    let (placed, _) = watched.publish(&large);
    assert_eq!(unfit(&placed), [None, None, Some(Unfit::Full("geo4_node"))]);
    expect_as_fresh(&watched.publisher, &placed, &large, "too many");
    // The zone that is out comes back with a smaller trie, although its own hasn't changed.
    let one_smaller = [with_nodes(&zones[..1], &[20_000]), large[1..].to_vec()].concat();
    let (placed, seen) = watched.publish(&one_smaller);
    assert_eq!(unfit(&placed), [None, None, None]);
    assert!(seen.iter().all(|seen| seen.len() >= 2), "{seen:?}");
}

/// A zone whose names have six addresses each, none of them the same.
fn wide(apex: &str, names: usize, max_hosts: usize) -> Arc<Zone> {
    let address = |at: usize| {
        let [_, b, c, d] = u32::try_from(at).unwrap().to_be_bytes();
        format!(r#"["10.{b}.{c}.{d}", 1]"#)
    };
    let label = |n: usize| {
        let set: Vec<_> = (0..6).map(|k| address(6 * n + k)).collect();
        let name = if n == 0 { String::new() } else { format!("n{n}") };
        format!(r#""{name}": {{"a": [{}]}}"#, set.join(","))
    };
    let labels: Vec<_> = (0..names).map(label).collect();
    let labels = labels.join(",");
    zone_of(
        apex,
        &format!(
            r#"{{"serial": 1, "targeting": "@", "max_hosts": {max_hosts}, "data": {{{labels}}}}}"#
        ),
    )
}

#[test]
fn a_zone_whose_cards_fill_half_of_the_table_is_back_after_all_of_them_change() {
    let mut watched = Watched::new();
    let small = targeted("small.test", "@");
    for max_hosts in [4, 3, 2] {
        let zones = [Arc::clone(&small), wide("wide.test", 4_500, max_hosts)];
        let zones = compiled(&zones, &clients::databases());
        let (placed, seen) = watched.publish(&zones);
        assert_eq!(unfit(&placed), [None, None]);
        // The small one, nothing of the large one, the large one.
        assert!(seen.len() <= 3 && seen.iter().all(|seen| seen[0] == "small.test"), "{seen:?}");
        expect_as_fresh(&watched.publisher, &placed, &zones, "cards");
    }
}

#[test]
fn a_zone_that_the_kernel_refuses_is_left_out_alone_and_comes_back_when_tried_again() {
    let mut watched = Watched::new();
    let zones = |more| compiled(&targeted_zones(&TARGETINGS[..3]), &clients::databases_with(more));
    watched.publish(&zones(0));
    let next = zones(1);
    // The second table, and the third's second try.
    watched.witness.lock().unwrap().refuses = vec![5];
    let (placed, _) = watched.publish(&next);
    let refused = Unfit::Refused("out of memory".into());
    assert_eq!(unfit(&placed), [None, Some(refused), None]);
    assert!(watched.publisher.is_pending());
    let (placed, _) = watched.publish(&next);
    expect_as_fresh(&watched.publisher, &placed, &next, "tried again");

    // If it refuses everything, nothing changes.
    let n = watched.witness.lock().unwrap().n_inserted;
    watched.witness.lock().unwrap().refuses = (n..n + 10).collect();
    let (before, generation) =
        (contents(&watched.publisher), watched.publisher.store().generation());
    let mut is_visible = false;
    let error = watched.publisher.publish_and(&zones(2), &[], || is_visible = true);
    assert!(matches!(error, Err(PublishError::Backend(_))) && !is_visible, "{error:?}");
    assert_eq!(contents(&watched.publisher), before);
    assert_eq!(watched.publisher.store().generation(), generation);
    watched.witness.lock().unwrap().refuses.clear();
    let (placed, _) = watched.publish(&zones(3));
    expect_as_fresh(&watched.publisher, &placed, &zones(3), "after all were refused");
}

#[test]
fn what_a_failed_barrier_kept_is_free_after_the_next() {
    let mut watched = Watched::new();
    let zones = |max_hosts| {
        let zones = [targeted("small.test", "@"), wide("wide.test", 4_500, max_hosts)];
        compiled(&zones, &clients::databases())
    };
    watched.publish(&zones(4));
    watched.witness.lock().unwrap().refuses_barrier = true;
    let next = zones(3);
    let (placed, _) = watched.publish(&next);
    // The old version isn't served any more, and the new one has no place yet.
    assert_eq!(unfit(&placed), [None, Some(Unfit::Waiting)]);
    assert!(watched.publisher.is_pending());
    assert!(watched.publisher.take_errors().iter().all(|text| text.contains("no barrier")));
    watched.witness.lock().unwrap().refuses_barrier = false;
    let (placed, _) = watched.publish(&next);
    expect_as_fresh(&watched.publisher, &placed, &next, "after the next barrier");
}

/// Two names that have the same hash whatever the seed is: the sums of their words are equal.
const CLASH: [&str; 2] = ["dcaaadcacdaaacbaa", "aaefaaaaaagdbaaaf"];

#[test]
fn of_zones_whose_names_clash_under_every_seed_one_is_left_out_alone() {
    let clashing = || {
        let labels = CLASH.map(|label| format!(r#""{label}": {{"a": [["10.0.0.1"]]}}"#));
        zone_of("pool.ntp.org", &format!(r#"{{"serial": 2, "data": {{{}}}}}"#, labels.join(",")))
    };
    let other = |serial: u32| {
        zone_of(
            "other.test",
            &format!(r#"{{"serial": {serial}, "data": {{"": {{"a": [["10.0.0.{serial}"]]}}}}}}"#),
        )
    };
    let good = zone_of("pool.ntp.org", r#"{"serial": 1, "data": {"": {"a": [["10.0.0.1"]]}}}"#);
    let mut watched = Watched::new();
    let all = |zones: [Arc<Zone>; 2]| compiled(&zones, &clients::databases());
    let zones = all([good, other(1)]);
    watched.publish(&zones);
    for serial in 2..4 {
        let zones = all([clashing(), other(serial)]);
        let (placed, _) = watched.publish(&zones);
        let [name, other] = CLASH.map(|label| format!("{label}.pool.ntp.org."));
        let text = placed[0].unfit.clone().map(|reason| reason.to_string()).unwrap_or_default();
        assert!(text.contains(&name) && text.contains(&other), "{text}");
        assert_eq!(placed[1].unfit, None);
        expect_as_fresh(&watched.publisher, &placed, &zones, "clash");
    }
    // In two zones, the later one is left out; if its name is its apex, the other.
    let apex = |label: &str| {
        zone_of(&format!("{label}.pool.ntp.org"), r#"{"data": {"": {"a": [["10.0.0.1"]]}}}"#)
    };
    let with = |label: &str| {
        let text = format!(
            r#"{{"data": {{"": {{"a": [["10.0.0.1"]]}}, "{label}": {{"a": [["10.0.0.1"]]}}}}}}"#
        );
        zone_of("pool.ntp.org", &text)
    };
    for (zones, out) in [
        ([apex(CLASH[0]), with(CLASH[1])], 1),
        ([with(CLASH[0]), apex(CLASH[1])], 0),
        ([with(CLASH[0]), other(9)], 2),
    ] {
        let zones = all(zones);
        let (placed, _) = watched.publish(&zones);
        for (at, zone) in placed.iter().enumerate() {
            assert_eq!(zone.unfit.is_some(), at == out, "{placed:?}");
        }
        expect_as_fresh(&watched.publisher, &placed, &zones, "clash of two");
    }
}

#[test]
fn as_many_zones_as_there_are_zone_tables_change_over_and_a_few_are_out_at_a_time() {
    let all = maps::TABLES.iter().sum::<u32>();
    let many = |serial: usize, n: u32| {
        let text =
            |n| format!(r#"{{"serial": {serial}, "data": {{"": {{"a": [["10.0.0.{n}"]]}}}}}}"#);
        let zones = (0..n).map(|n| zone_of(&format!("z{n}.test"), &text(n)));
        compiled(&zones.collect::<Vec<_>>(), &clients::databases())
    };
    let mut watched = Watched::new();
    watched.publisher.publish(&many(1, all), &[]).unwrap();
    let zones = many(2, all + 2);
    let (placed, seen) = watched.publish(&zones);
    let n_out = placed.iter().filter(|zone| zone.unfit.is_some()).count();
    assert_eq!(n_out, 2);
    assert!(seen.iter().all(|seen| seen.len() + 10 >= all as usize), "{seen:?}");
    expect_as_fresh(&watched.publisher, &placed, &zones, "zone tables");
}

/// A zone of some size and sort, by a number.
fn any_zone(apex: &str, rng: &mut Rng) -> Arc<Zone> {
    match rng.u8(..6) {
        0 | 1 => targeted(apex, rng.choice(TARGETINGS).unwrap()),
        2 => {
            // Each deck of more than 1,024 servers has 4,096 cards of two cells, of 2¹⁷ there are.
            let servers: Vec<_> = (0..1_030).map(|n| format!(r#"["fd00::{n:x}", 1]"#)).collect();
            let label = |n| {
                format!(
                    r#""l{n}": {{"ttl": {n}, "max_hosts": 7, "aaaa": [{}]}}"#,
                    servers.join(",")
                )
            };
            let labels: Vec<_> = (1..=rng.u32(1..=7)).map(label).collect();
            zone_of(apex, &format!(r#"{{"targeting": "@", "data": {{{}}}}}"#, labels.join(",")))
        }
        3 => {
            // Ready-made records and rows of types.
            let label = |n: u32| format!(r#""l{n}": {{"a": [["192.0.2.1"]], "txt": "text {n}"}}"#);
            let labels: Vec<_> = (0..rng.u32(100..2_500)).map(label).collect();
            zone_of(apex, &format!(r#"{{"targeting": "@", "data": {{{}}}}}"#, labels.join(",")))
        }
        4 => wide(apex, rng.usize(100..1_500), rng.usize(2..5)),
        _ => {
            let serial = rng.u16(1..);
            let label = |n: u32| format!(r#""l{n}": {{"a": [["192.0.2.1"]], "txt": "{serial}"}}"#);
            let labels: Vec<_> = (0..rng.u32(1..30)).map(label).collect();
            zone_of(apex, &format!(r#"{{"serial": {serial}, "data": {{{}}}}}"#, labels.join(",")))
        }
    }
}

#[test]
fn whatever_was_published_before_the_tables_are_as_fresh_ones_would_be() {
    let (mut n_out, mut n_steps) = (0, 0);
    for seed in 0..3 {
        let mut rng = Rng::with_seed(seed);
        let mut publisher = fresh();
        let mut zones: Vec<Arc<Zone>> = Vec::new();
        let mut nodes = [1; 6];
        let mut databases = clients::databases();
        let mut made: Vec<Publishable> = Vec::new();
        for round in 0..6 {
            let is_new_database = rng.u8(..3) == 0;
            if is_new_database {
                databases = clients::databases_with(rng.u8(..9));
                nodes = nodes.map(|_| rng.usize(1..38_000));
            }
            for _ in 0..rng.u8(1..4) {
                let apex = format!("z{}.test", rng.u8(..10));
                let at = zones.iter().position(|zone| zone.apex.to_string() == apex.clone() + ".");
                match (at, rng.u8(..5)) {
                    (Some(at), 0) => drop(zones.remove(at)),
                    (Some(at), _) => zones[at] = any_zone(&apex, &mut rng),
                    (None, _) => {
                        zones.insert(rng.usize(..=zones.len()), any_zone(&apex, &mut rng));
                    }
                }
            }
            let fresh = with_nodes(&compiled(&zones, &databases), &nodes);
            // What hasn't changed stays the very same.
            let former = std::mem::take(&mut made);
            made = fresh
                .into_iter()
                .map(|zone| {
                    let same = former.iter().find(|former| {
                        !is_new_database
                            && former.compiled.apex == zone.compiled.apex
                            && former.compiled.owners == zone.compiled.owners
                            && former.compiled.decks == zone.compiled.decks
                            && former.compiled.soa == zone.compiled.soa
                            && former.trie.classes == zone.trie.classes
                    });
                    same.unwrap_or(&zone).clone()
                })
                .collect();
            let before = publisher.store().generation();
            let placed = publisher.publish(&made, &[]).unwrap();
            n_steps += publisher.store().generation() - before;
            let what = format!("seed {seed}, round {round}");
            expect_as_fresh(&publisher, &placed, &made, &what);
            if round % 3 == 2 {
                expect_full(&placed, &made, &what);
            }
            n_out += placed.iter().filter(|zone| zone.unfit.is_some()).count();
        }
        assert!(publisher.publish(&[], &[]).unwrap().is_empty());
        assert!(publisher.usage().iter().all(|(_, taken, _)| *taken == 0));
    }
    assert!(n_out > 3 && n_steps > 30, "{n_out} zones were out, {n_steps} generations");
}
