//! Tests that the tables and the authority agree.
//!
//! Every name, type and client of some zones is looked up in the tables and asked of the authority.
#![expect(clippy::tests_outside_test_module, reason = "all of it is tests")]

mod amend;
mod clients;
mod room;
mod share;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use edge_common::abi::{Kind, NameTail, TableId, maps};
use hickory_proto::op::Message;

use edge_authority::{Answerer, Asked, Options, Serving};
use edge_tables::publish::fixture::{self, zones};
use edge_tables::publish::{NoKernel, Publishable, Publisher, ZONE_TYPES};
use edge_tables::store::Store;
use edge_zone::AnyPolicy;
use edge_zone::geo::GeoLocator;
use edge_zone::name::bare;
use edge_zone::{self as zone, Name, RecordKind, Zone};
use walk::Walk;

/// Zones, some of which only the authority serves.
struct Node {
    store: Store,
    publisher: Publisher,
    places: Arc<GeoLocator>,
    /// All that could be loaded.
    zones: Vec<(Arc<Zone>, Publishable)>,
    serving: Serving,
    options: Options,
    names: BTreeSet<Vec<u8>>,
}

fn zone_of(name: &str, text: &str) -> Arc<Zone> {
    Arc::new(zone::parse(name, text.as_bytes(), UNIX_EPOCH, Path::new("z")).unwrap())
}

impl Node {
    fn new(zones: &[(&str, &str)], others: &[&str], any: AnyPolicy) -> Self {
        let store = Store::in_memory();
        let rng = fastrand::Rng::with_seed(5);
        let publisher = Publisher::new(store.clone(), Box::new(NoKernel), rng);
        let databases = Arc::new(clients::databases());
        let mut node = Self {
            store,
            publisher,
            places: Arc::new(GeoLocator { databases, tries: Vec::new() }),
            zones: Vec::new(),
            serving: Serving::nothing(),
            options: Options { any, ..Options::new("edge") },
            names: BTreeSet::new(),
        };
        node.compile(zones);
        node.publish(&[], others);
        node
    }

    fn compile(&mut self, zones: &[(&str, &str)]) {
        let zones: Vec<_> = zones.iter().map(|(name, text)| zone_of(name, text)).collect();
        let databases = &self.places.databases;
        let mut tries = self.places.tries.clone();
        if tries.is_empty() {
            tries = fixture::tries(&zones, databases);
        }
        let any = self.options.any;
        let made = zones.into_iter().map(|zone| {
            let made = fixture::publishable_with(&zone, &tries, any);
            (zone, made)
        });
        self.zones = made.collect();
        self.places = Arc::new(GeoLocator { databases: Arc::clone(databases), tries });
    }

    /// Serves all zones but those that aren't loaded, and `others` by the authority alone.
    fn publish(&mut self, unloaded: &[&str], others: &[&str]) {
        let is_of = |zone: &Zone, names: &[&str]| names.contains(&&*bare(&zone.apex));
        let loaded: Vec<_> =
            self.zones.iter().filter(|(zone, _)| !is_of(zone, unloaded)).cloned().collect();
        let (other, own): (Vec<_>, Vec<_>) =
            loaded.iter().cloned().partition(|(zone, _)| is_of(zone, others));
        let apexes: Vec<&[u8]> = other.iter().map(|(zone, _)| zone.apex.folded()).collect();
        let own: Vec<_> = own.into_iter().map(|(_, made)| made).collect();
        let placed = self.publisher.publish(&own, &apexes).unwrap();
        assert!(placed.iter().all(|zone| zone.unfit.is_none()), "{placed:?}");
        self.names = loaded
            .iter()
            .flat_map(|(_, zone)| zone.compiled.owners.iter().map(|owner| owner.name.to_vec()))
            .collect();
        let places: Arc<GeoLocator> = Arc::clone(&self.places);
        self.serving = Serving::new(loaded.into_iter().map(|(zone, _)| zone), places);
    }

    /// The authority's answer: the octets from the header to the end of what follows the question.
    fn slow(&self, answerer: &mut Answerer, name: &[u8], rtype: u16, ask: &Ask) -> Vec<u8> {
        let mut message = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(ask.subnet)];
        message.extend_from_slice(name);
        message.extend(rtype.to_be_bytes());
        message.extend([0, 1]);
        if ask.subnet {
            let (family, bits, octets) = match ask.client {
                IpAddr::V4(ip) => (1, 24, ip.octets()[..3].to_vec()),
                IpAddr::V6(ip) => (2, 48, ip.octets()[..6].to_vec()),
            };
            let n = u8::try_from(octets.len()).unwrap();
            message.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 8 + n, 0, 8, 0, 4 + n]);
            message.extend([0, family, bits, 0]);
            message.extend(octets);
        }
        let server = "100.64.0.53:53".parse().unwrap();
        let asked = Asked { client: (ask.client, 4000).into(), server, stream: true };
        let mut out = Vec::new();
        answerer.answer(&self.serving, &self.options, &message, &asked, &mut out).unwrap();
        out
    }

    /// The names of all zones, and many that don't exist.
    fn questions(&self) -> BTreeSet<Vec<u8>> {
        let mut questions = self.names.clone();
        for name in &self.names {
            for front in [
                "nx",
                "a.b",
                "*",
                "_status",
                "_country",
                "x._health",
                "de",
                "www",
                "b.europe",
                "x.*",
            ] {
                let mut longer = Vec::new();
                for label in front.split('.') {
                    longer.push(u8::try_from(label.len()).unwrap());
                    longer.extend(label.as_bytes());
                }
                longer.extend(name);
                if longer.len() <= 255 {
                    questions.insert(longer);
                }
            }
        }
        questions.extend(["nowhere.test", "test", "."].map(wire));
        questions
    }
}

struct Ask {
    client: IpAddr,
    subnet: bool,
}

impl Ask {
    /// The known part of the client's address.
    fn known(&self) -> IpAddr {
        match self.client {
            _ if !self.subnet => self.client,
            IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & !0xff).into(),
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & u128::MAX << 80).into(),
        }
    }
}

fn wire(name: &str) -> Vec<u8> {
    Name::parse(name).unwrap().wire().to_vec()
}

/// The records of a message, as text.
fn told(message: &[u8]) -> Vec<String> {
    let message = Message::from_vec(message).unwrap();
    message.answers.iter().map(ToString::to_string).collect()
}

/// Numbers of questions that the tables answered, by kind of answer; at 0 those that they didn't.
type Tally = BTreeMap<u8, usize>;

/// Insists that tables and authority agree on everything.
fn compare(node: &Node) -> Tally {
    let walk = Walk::new(&node.store);
    let mut answerer = Answerer::new(fastrand::Rng::with_seed(9));
    let mut tally = Tally::new();
    let kinds = RecordKind::ALL.into_iter().map(RecordKind::number);
    let types: Vec<u16> = kinds.chain([0, 13, 251, 252, 255, 65_280]).collect();
    for (nth, name) in node.questions().into_iter().enumerate() {
        // Letter case doesn't matter.
        let mut spelled = name.clone();
        if nth % 2 == 0 {
            spelled.make_ascii_uppercase();
        }
        for &rtype in &types {
            for client in clients::CLIENTS {
                let ask = Ask { client: client.parse().unwrap(), subnet: nth % 3 == 0 };
                let Some(said) = walk.ask(&name, rtype, ask.known()) else {
                    *tally.entry(0).or_default() += 1;
                    continue;
                };
                *tally.entry(said.kind as u8).or_default() += 1;
                let what = format!("{} {rtype} {client}", String::from_utf8_lossy(&name));
                let out = node.slow(&mut answerer, &spelled, rtype, &ask);
                let body = 12 + name.len() + 4;
                assert_eq!(out[3] & 0xf, said.code, "{what}");
                let is_negative = matches!(said.kind, Kind::Nodata | Kind::Nxdomain);
                let counts = if is_negative { [0, 1] } else { [said.records, 0] };
                assert_eq!([out[7], out[9]], counts, "{what}");
                let end = body + said.cards[0].len();
                if said.cards.len() == 1 {
                    assert_eq!(out[body..end], said.cards[0], "{what}");
                } else {
                    dealt(node, &mut answerer, &spelled, rtype, &ask, &said, &what);
                }
                let own = rtype == 6 && said.kind == Kind::Ready && out[body + 3] == 6;
                if ask.subnet && said.flags & NameTail::NEAR == 0 {
                    let scope = out[out.len() - if ask.client.is_ipv4() { 4 } else { 7 }];
                    let is_scoped = said.flags & NameTail::SCOPED != 0 && !own;
                    assert_eq!(scope > 0, is_scoped, "{what}: {scope}");
                }
                if !ask.subnet {
                    assert!(said.cards.len() > 1 || out.len() == end, "{what}");
                }
            }
        }
    }
    tally
}

/// Insists that cards hold what the authority draws, and nothing else.
fn dealt(
    node: &Node,
    answerer: &mut Answerer,
    name: &[u8],
    rtype: u16,
    ask: &Ask,
    said: &walk::Said,
    what: &str,
) {
    let front = 12 + name.len() + 4;
    let plain = Ask { subnet: false, ..*ask };
    let mut drawn = BTreeSet::new();
    let mut head = Vec::new();
    for _ in 0..100 {
        let out = node.slow(answerer, name, rtype, &plain);
        drawn.extend(told(&out));
        head = out[..front].to_vec();
    }
    let mut held = BTreeSet::new();
    for card in &said.cards {
        let records = told(&[&head[..], card].concat());
        assert_eq!(records.len(), usize::from(said.records), "{what}");
        assert_eq!(records.iter().collect::<BTreeSet<_>>().len(), records.len(), "{what}");
        held.extend(records);
    }
    assert_eq!(held, drawn, "{what}");
}

#[test]
fn the_tables_say_what_the_authority_says_of_every_name_type_and_client() {
    let node =
        Node::new(zones::ALL, &["left.plain.test", "deep.down.plain.test"], AnyPolicy::Minimal);
    let tally = compare(&node);
    // Most of it is answered by the tables, and by every kind of deck.
    for (kind, least) in [
        (Kind::A, 500),
        (Kind::Aaaa, 20),
        (Kind::Nodata, 15_000),
        (Kind::Nxdomain, 100_000),
        (Kind::Ready, 2_000),
    ] {
        assert!(tally[&(kind as u8)] > least, "{tally:?}");
    }
    let all: usize = tally.values().sum();
    assert!(tally[&0] * 2 < all, "{tally:?}");
}

#[test]
fn full_answers_to_any_are_the_authoritys() {
    let node = Node::new(&zones::ALL[..1], &[], AnyPolicy::Full);
    compare(&node);
    let walk = Walk::new(&node.store);
    let client = clients::CLIENTS[0].parse().unwrap();
    assert!(walk.ask(&wire("www.plain.test"), 255, client).is_none());
    assert_eq!(walk.ask(&wire("www.plain.test"), 65, client).unwrap().kind, Kind::Nodata);
    assert_eq!(walk.ask(&wire("one.plain.test"), 255, client).unwrap().kind, Kind::Ready);
}

#[test]
fn zones_that_come_and_go_change_what_others_say_without_their_being_compiled_anew() {
    let mut node = Node::new(zones::ALL, &[], AnyPolicy::Minimal);
    for (unloaded, others) in [
        (&[][..], &["plain.test"][..]),
        (&["child.plain.test"], &["wild.test", "left.plain.test"]),
        (&["plain.test", "n.m.wild.test"], &["*.st.wild.test"]),
        (&[], &[]),
    ] {
        node.publish(unloaded, others);
        compare(&node);
    }
}

#[test]
fn under_the_root_zone_all_names_are_its_own_but_those_of_other_zones() {
    let mut node = Node::new(zones::ROOT, &[], AnyPolicy::Minimal);
    compare(&node);
    node.publish(&[], &["b.test"]);
    compare(&node);
    let walk = Walk::new(&node.store);
    assert!(walk.ask(&wire("x.b.test"), 1, clients::CLIENTS[0].parse().unwrap()).is_none());
}

#[test]
fn what_can_be_answered_from_tables_is() {
    let node = Node::new(zones::ALL, &[], AnyPolicy::Minimal);
    let walk = Walk::new(&node.store);
    let client = clients::CLIENTS[0].parse().unwrap();
    for (name, rtype, kind, cards) in [
        ("plain.test", 6, Kind::Ready, 1),
        ("plain.test", 2, Kind::Ready, 1),
        ("plain.test", 15, Kind::Ready, 1),
        ("plain.test", 65, Kind::Nodata, 1),
        ("www.plain.test", 255, Kind::Ready, 1),
        ("one.plain.test", 1, Kind::Ready, 1),
        ("one.plain.test", 5, Kind::Ready, 1),
        ("two.plain.test", 28, Kind::Ready, 64),
        ("texts.plain.test", 16, Kind::Ready, 64),
        ("https.plain.test", 65, Kind::Ready, 1),
        ("nothing.plain.test", 1, Kind::Nxdomain, 1),
        ("a.b.c.www.plain.test", 65, Kind::Nxdomain, 1),
        ("seen.plain.test", 16, Kind::Nodata, 1),
        ("made.up.wild.test", 1, Kind::A, 1),
        ("made.up.alias.wild.test", 5, Kind::Ready, 1),
        ("x.no.wild.test", 1, Kind::Nxdomain, 1),
    ] {
        let said = walk.ask(&wire(name), rtype, client).unwrap_or_else(|| panic!("{name} {rtype}"));
        assert_eq!((said.kind, said.cards.len()), (kind, cards), "{name} {rtype}");
    }
    for (name, rtype) in [
        ("long.plain.test", 16),
        ("near.plain.test", 1),
        ("sick.plain.test", 1),
        ("child.plain.test", 43),
        ("_status.plain.test", 16),
        ("plain.test", 252),
        // Names that point to each other, for questions of any length.
        ("x.wild.test", 2),
        ("nowhere.test", 1),
    ] {
        assert!(walk.ask(&wire(name), rtype, client).is_none(), "{name} {rtype}");
    }
    // Answers may depend on where the client is: queries with a client subnet pass.
    let tail = walk.names[&wire("near.plain.test")];
    assert_eq!(tail.flags & NameTail::NEAR, NameTail::NEAR);
}

#[test]
fn a_zone_of_more_ready_made_records_than_there_is_room_for_keeps_its_addresses() {
    let label = |n: u32| format!(r#""l{n}": {{"a": [["192.0.2.1"]], "txt": "text {n}"}}"#);
    let labels: Vec<_> = (0..6000).map(label).collect();
    let text = format!(r#"{{"targeting": "@", "data": {{{}}}}}"#, labels.join(","));
    let zones = [("many.test", &*text), zones::ALL[0]];
    let mut node = Node::new(&zones, &[], AnyPolicy::Minimal);
    let client = clients::CLIENTS[0].parse().unwrap();
    for _ in 0..3 {
        let walk = Walk::new(&node.store);
        let mut n_texts = 0;
        for n in 0..6000 {
            let name = wire(&format!("l{n}.many.test"));
            assert_eq!(walk.ask(&name, 1, client).unwrap().kind, Kind::A);
            n_texts += usize::from(walk.ask(&name, 16, client).is_some());
        }
        // The apex has two rows.
        assert_eq!(n_texts, ZONE_TYPES as usize - 2);
        assert!(walk.ask(&wire("texts.plain.test"), 16, client).is_some());
        node.compile(&zones);
        node.publish(&[], &[]);
    }
    node.publish(&["many.test", "plain.test"], &[]);
    for (table, taken, _) in node.publisher.usage() {
        assert_eq!(taken, 0, "{table}");
    }
}

#[test]
fn zones_for_which_there_is_no_larger_table_keep_their_addresses() {
    let label = |n: u32| format!(r#""l{n}": {{"a": [["192.0.2.1"]], "txt": "text {n}"}}"#);
    let labels: Vec<_> = (0..300).map(label).collect();
    let text = format!(r#"{{"targeting": "@", "data": {{{}}}}}"#, labels.join(","));
    let n = maps::TABLES[1] + maps::TABLES[2] + 2;
    let names: Vec<String> = (0..n).map(|n| format!("z{n}.test")).collect();
    let zones: Vec<_> = names.iter().map(|name| (&**name, &*text)).collect();
    let node = Node::new(&zones, &[], AnyPolicy::Minimal);
    let walk = Walk::new(&node.store);
    let client = clients::CLIENTS[0].parse().unwrap();
    let mut n_small = 0;
    for name in names {
        let name = wire(&format!("l7.{name}"));
        assert_eq!(walk.ask(&name, 1, client).unwrap().kind, Kind::A);
        assert_eq!(walk.ask(&name, 28, client).unwrap().kind, Kind::Nodata);
        let is_small = walk.names[&name].table.class() == TableId::new(0, 0).class();
        assert!(!is_small || walk.ask(&name, 16, client).is_none());
        n_small += usize::from(is_small);
    }
    assert_eq!(n_small, 2);
}

#[test]
fn only_choices_are_dealt_anew() {
    let mut node = Node::new(zones::ALL, &[], AnyPolicy::Minimal);
    let client = clients::CLIENTS[0].parse().unwrap();
    let before = node.publisher.usage();
    let first = |node: &Node, name: &str, rtype| {
        let walk = Walk::new(&node.store);
        walk.ask(&wire(name), rtype, client).unwrap().cards
    };
    let (some, all) = (first(&node, "some.plain.test", 16), first(&node, "texts.plain.test", 16));
    let mut n_other = 0;
    for _ in 0..4 {
        assert!(node.publisher.deal_again().unwrap() > 0);
        n_other += usize::from(first(&node, "some.plain.test", 16) != some);
        assert_eq!(first(&node, "texts.plain.test", 16), all);
    }
    assert!(n_other > 0);
    assert_eq!(node.publisher.usage(), before);
    compare(&node);
}
