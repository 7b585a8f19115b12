//! Publications in a row: what is served, what is shared, what returns.

use std::net::IpAddr;

use edge_common::abi::{TableId, maps};
use edge_common::verdict::Verdict;
use edge_tables::publish::{NoKernel, Publishable, Publisher, Unfit};
use edge_tables::store::{HostTables, Store};
use edge_tests::engine::{self, grant_lease};
use edge_tests::fixture::{self, A, AAAA, Set};
use edge_tests::frames::{Query, wire_name};
use edge_tests::node;
use edge_tests::reader::{self, Reply};
use edge_zone::Zone;
use zerocopy::IntoBytes as _;

struct Node {
    store: Store,
    publisher: Publisher,
    tables: HostTables,
}

impl Node {
    fn new() -> Self {
        let store = Store::in_memory();
        let publisher = node::publisher(store.clone(), Box::new(NoKernel), &[fixture::server4()]);
        grant_lease(&store);
        let tables = node::host(&store, 3);
        Self { store, publisher, tables }
    }

    /// The addresses that a name answers with, or why it doesn't.
    fn ask(&self, name: &str, rtype: u16) -> Result<Vec<u8>, Verdict> {
        let client = "198.18.0.1:4321".parse().unwrap();
        let query = Query::new(name, rtype, client, fixture::server4());
        let outcome = engine::run(&self.tables, &query.frame());
        match outcome.verdict {
            Verdict::Answer | Verdict::Nodata => {
                Ok(edge_tests::frames::open_reply(&query, &outcome.frame).unwrap())
            }
            verdict => Err(verdict),
        }
    }

    /// Insists on a name's answer.
    fn expect(&self, name: &str, rtype: u16, reply: &Reply) -> Vec<IpAddr> {
        let client = "198.18.0.1:4321".parse().unwrap();
        let query = Query::new(name, rtype, client, fixture::server4());
        reader::read(&query, &engine::run(&self.tables, &query.frame()).frame, reply)
    }

    /// The zone slot that a short name's entry names, on the side that is served.
    fn slot(&self, name: &str) -> Option<TableId> {
        let side = u32::try_from(self.store.generation() % 2).unwrap();
        let wire = wire_name(name);
        let mut slots = (0..maps::NAME_SLOTS).map(|slot| side * maps::NAME_SLOTS + slot);
        slots.find_map(|slot| {
            let entry = self.store.names.read(slot)?;
            let octets = entry.words.as_bytes();
            let is_it = entry.tail.octets as usize == wire.len() && octets.ends_with(&wire);
            is_it.then_some(entry.tail.table)
        })
    }
}

/// A version of a zone: its records and TTL tell which.
fn version(apex: &str, version: u8) -> Zone {
    let (all, few) = (set(version, 9), set(version, 3));
    node::zone(
        apex,
        &format!(
            r#"{{"serial":{version},"ttl":{},"max_hosts":4,"data":{{
                "":{{"a":{},"ns":["ns1.example.net."]}},"few":{{"aaaa":{}}}}}}}"#,
            100 + u32::from(version),
            all.json(A),
            few.json(AAAA),
        ),
    )
}

fn set(version: u8, n: usize) -> Set {
    Set { k: version.into(), n }
}

fn expect_version(node: &Node, apex: &str, version: u8) {
    let zone = self::version(apex, version);
    let ttl = 100 + u32::from(version);
    let four = Reply::Addresses { from: set(version, 9).addresses(A), n: 4, ttl };
    let three = Reply::Addresses { from: set(version, 3).addresses(AAAA), n: 3, ttl };
    assert_eq!(node.expect(apex, A, &four).len(), 4);
    assert_eq!(node.expect(&format!("few.{apex}"), AAAA, &three).len(), 3);
    node.expect(apex, AAAA, &Reply::nodata(&zone));
}

fn compiled(zones: &[Zone]) -> Vec<Publishable> {
    node::compiled(zones, &node::countries(&[("192.0.2.0/24", "DE")]))
}

#[test]
fn a_changed_zone_is_served_and_the_others_keep_their_tables() {
    let mut node = Node::new();
    let first = compiled(&[version("one.example", 1), version("two.example", 1)]);
    node::publish(&mut node.publisher, &first);
    let [one, two] = ["one.example", "two.example"].map(|apex| node.slot(apex).unwrap());
    assert_ne!(one, two);
    let mut changed = compiled(&[version("one.example", 2)]);
    // Tries are shared by reference: the changed zone was compiled against another one.
    changed.push(first[1].clone());
    let generation = node.store.generation();
    node::publish(&mut node.publisher, &changed);
    assert_eq!(node.store.generation(), generation + 1);
    expect_version(&node, "one.example", 2);
    expect_version(&node, "two.example", 1);
    assert_eq!(node.slot("two.example"), Some(two));
    assert_ne!(node.slot("one.example"), Some(one));
}

#[test]
fn a_removed_zone_passes_and_an_added_one_is_answered() {
    let mut node = Node::new();
    let all = compiled(&[version("one.example", 1), version("two.example", 1)]);
    assert_eq!(node.ask("one.example", A), Err(Verdict::Unpublished));
    node::publish(&mut node.publisher, &all[..1]);
    assert_eq!(node.ask("two.example", A), Err(Verdict::UnknownName));
    node::publish(&mut node.publisher, &all);
    expect_version(&node, "one.example", 1);
    expect_version(&node, "two.example", 1);
    node::publish(&mut node.publisher, &all[1..]);
    assert_eq!(node.ask("one.example", A), Err(Verdict::UnknownName));
    expect_version(&node, "two.example", 1);
    node::publish(&mut node.publisher, &[]);
    assert_eq!(node.ask("two.example", A), Err(Verdict::UnknownName));
}

#[test]
fn a_zone_nested_in_one_that_stays_hides_names_when_it_comes_and_shows_them_when_it_goes() {
    let mut node = Node::new();
    let parent = version("example", 1);
    let both = compiled(&[parent, version("few.example", 2)]);
    node::publish(&mut node.publisher, &both[..1]);
    expect_version(&node, "example", 1);
    node::publish(&mut node.publisher, &both);
    expect_version(&node, "few.example", 2);
    node::publish(&mut node.publisher, &both[..1]);
    expect_version(&node, "example", 1);
}

#[test]
fn a_zone_that_only_the_authority_serves_now_passes_and_hides_its_parents_names() {
    let mut node = Node::new();
    let both = compiled(&[version("example", 1), version("few.example", 2)]);
    let child = wire_name("few.example");
    node::publish(&mut node.publisher, &both);
    expect_version(&node, "few.example", 2);
    // Twice, because what a publication leaves behind shows in the next.
    for _ in 0..2 {
        drop(node.publisher.publish(&both[..1], &[&child]).unwrap());
        assert_eq!(node.ask("few.example", A), Err(Verdict::NoDeck));
        assert_eq!(node.ask("few.example", AAAA), Err(Verdict::NoDeck));
        assert!(node.ask("example", A).is_ok());
    }
    node::publish(&mut node.publisher, &both[..1]);
    expect_version(&node, "example", 1);
}

#[test]
fn a_zone_that_does_not_fit_says_why_and_the_others_are_served() {
    let mut node = Node::new();
    // Two names of 98 octets, and 20 octets of numbers, make an SOA too long for the head room.
    let long = format!("{0}.{0}.", "n".repeat(47));
    let head =
        format!(r#"{{"contact":"{long}","data":{{"":{{"a":[["192.0.2.1"]],"ns":["{long}"]}}}}}}"#);
    // Each deck of more than 2,048 servers has 8,192 cards of two cells, of 2¹⁷ there are.
    let servers: Vec<_> = (0..2_100).map(|n| format!(r#"["fd00::{n:x}",1]"#)).collect();
    let label = |n| format!(r#""l{n}":{{"ttl":{n},"max_hosts":7,"aaaa":[{}]}}"#, servers.join(","));
    let labels: Vec<_> = (1..=9).map(label).collect();
    let large = format!(r#"{{"data":{{{}}}}}"#, labels.join(","));
    let zones = compiled(&[
        version("one.example", 1),
        node::zone("long.example", &head),
        node::zone("large.example", &large),
        version("two.example", 1),
    ]);
    node::publish(&mut node.publisher, &[zones[0].clone(), zones[3].clone()]);
    let before = node.publisher.usage();
    let placed = node.publisher.publish(&zones, &[]).unwrap();
    let unfit: Vec<_> = placed.iter().map(|zone| zone.unfit.clone()).collect();
    assert_eq!(unfit, [None, Some(Unfit::Soa), Some(Unfit::Full("cards_aaaa")), None]);
    expect_version(&node, "one.example", 1);
    expect_version(&node, "two.example", 1);
    assert_eq!(node.ask("long.example", A), Err(Verdict::NoDeck));
    assert_eq!(node.ask("l1.large.example", AAAA), Err(Verdict::UnknownName));
    // But for the two apexes, of which the tables must know that they are somebody's, nothing is
    // taken.
    let [(_, n_before, _), before @ ..] = &*before else { panic!("{before:?}") };
    let after = node.publisher.usage();
    let [(_, n_after, _), after @ ..] = &*after else { panic!("{after:?}") };
    assert_eq!((*n_after, after), (n_before + 2, before));
}

#[test]
fn after_hundreds_of_publications_nothing_is_lost_and_the_newest_is_answered() {
    const APEXES: [&str; 5] = [
        "a.example",
        "b.example",
        "example",
        "c.b.example",
        "a-long-name-of-a-zone.for.all.example",
    ];
    let mut rng = fastrand::Rng::with_seed(11);
    let mut node = Node::new();
    let stable = compiled(&[version("stable.example", 1)]);
    node::publish(&mut node.publisher, &stable);
    let (before, slot) = (node.publisher.usage(), node.slot("stable.example"));
    for round in 0..200 {
        // Which version of each zone is published now, if any.
        let versions = APEXES.map(|_| rng.u8(..4));
        let chosen: Vec<_> = APEXES.into_iter().zip(versions).filter(|(_, v)| *v > 0).collect();
        let zones: Vec<_> = chosen.iter().map(|(apex, v)| version(apex, *v)).collect();
        let zones = [compiled(&zones), stable.clone()].concat();
        let generation = node.store.generation();
        node::publish(&mut node.publisher, &zones);
        assert_eq!(node.store.generation(), generation + 1);
        if round % 3 == 0 {
            node.publisher.deal_again().unwrap();
        }
        for (apex, version) in APEXES.into_iter().zip(versions) {
            let is_above = |other: &str| apex.strip_suffix(other).is_some_and(|s| s.ends_with('.'));
            let above = chosen.iter().any(|(other, _)| is_above(other));
            if version == 0 && above {
                // Names of the zone above, which may lead to another zone, but have no addresses.
                assert!(node.ask(apex, A).map_or(true, |reply| reply[7] == 0), "{apex}");
            } else if version == 0 {
                assert_eq!(node.ask(apex, A), Err(Verdict::UnknownName), "{apex}");
            } else {
                expect_version(&node, apex, version);
            }
        }
        expect_version(&node, "stable.example", 1);
        assert_eq!(node.slot("stable.example"), slot);
    }
    node::publish(&mut node.publisher, &stable);
    assert_eq!(node.publisher.usage(), before);
    // All zone slots came back, too: as many zones fit as ever.
    let many: Vec<_> = (1..maps::TABLES[0]).map(|n| version(&format!("z{n}.example"), 1)).collect();
    node::publish(&mut node.publisher, &[compiled(&many), stable].concat());
}
