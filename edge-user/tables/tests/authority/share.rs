//! Tests of a zone too large for its share, as the engine answers for it.

use std::collections::HashMap;
use std::net::SocketAddr;

use edge_common::abi::{ClassRow, NameTail, maps};
use edge_common::verdict::Verdict;

use edge_authority::{Asked, Engine};
use edge_tables::publish::Popularity;
use edge_tables::publish::fixture::{publishable, wire};
use edge_tables::publish::{NoKernel, Publishable, Publisher, Shares, Unfit};
use edge_tables::store::Store;

const SERVER: &str = "192.0.2.53:53";

fn publisher(share: usize) -> Publisher {
    let store = Store::in_memory();
    let mut publisher = Publisher::new(store, Box::new(NoKernel), fastrand::Rng::with_seed(1));
    publisher.serve(&[SERVER.parse().unwrap()]).unwrap();
    let zones = HashMap::from([(wire("large.example").into(), share)]);
    publisher.share(Shares { usual: None, zones });
    publisher
}

fn zones() -> [Publishable; 2] {
    let large = publishable("large.example", (0..100).map(|n| format!("n{n}")));
    [large, publishable("small.example", ["www".to_owned()])]
}

fn ask(publisher: &Publisher, name: &str) -> Result<(), Verdict> {
    let engine = Engine::new(publisher.store().clone(), 1);
    let message = [&[0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], &*wire(name), &[0, 1, 0, 1]].concat();
    let mut buffer = vec![0; Engine::ROOM];
    buffer.extend_from_slice(&message);
    buffer.resize(Engine::ROOM + 2048, 0);
    let (client, server): (SocketAddr, SocketAddr) =
        ("198.51.100.7:5353".parse().unwrap(), SERVER.parse().unwrap());
    let asked = Asked { client, server, stream: false };
    engine.answer(&mut buffer, message.len(), &asked).map(drop)
}

/// The entries of an apex and of the names below it, in the tables of the generation in use.
fn tails(publisher: &Publisher, apex: &str) -> Vec<NameTail> {
    let store = publisher.store();
    let side = u32::try_from(store.generation() % 2).unwrap();
    let slots =
        (0..maps::NAME_SLOTS).filter_map(|slot| store.names.read(side * maps::NAME_SLOTS + slot));
    let apex = wire(apex);
    let used = slots.filter(|slot| slot.tail.octets > 0);
    used.filter(|slot| {
        let octets: Vec<u8> = slot.words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        octets.ends_with(&apex)
    })
    .map(|slot| slot.tail)
    .collect()
}

fn popularity(name: &str, queries: u64) -> Popularity {
    Popularity::new([(wire(name), queries)], 4)
}

#[test]
fn a_name_that_becomes_hot_is_in_the_tables_after_the_next_publication() {
    let mut publisher = publisher(10);
    let zones = zones();
    let placed = publisher.publish(&zones, &[]).unwrap();
    let told: Vec<_> =
        placed.iter().map(|zone| (zone.names, zone.total, zone.incomplete)).collect();
    assert_eq!(told, [(10, 101, true), (2, 2, false)]);
    assert!(placed.iter().all(|zone| zone.unfit.is_none()));
    assert_eq!(publisher.incomplete().len(), 1);
    assert!(ask(&publisher, "large.example").is_ok());
    assert!(ask(&publisher, "www.small.example").is_ok());
    let cold = (0..100).map(|n| format!("n{n}.large.example"));
    let cold: Vec<_> = cold.filter(|name| ask(&publisher, name).is_err()).collect();
    assert_eq!(cold.len(), 91);

    // Chance, and names that aren't there, change nothing.
    let hot = cold.last().unwrap();
    assert!(!publisher.update_popularity(Popularity::default(), &zones, &[]));
    assert!(!publisher.update_popularity(popularity(hot, 4), &zones, &[]));
    assert!(!publisher.update_popularity(popularity("absent.large.example", 400), &zones, &[]));
    assert!(publisher.update_popularity(popularity(hot, 400), &zones, &[]));
    let before = (publisher.store().generation(), publisher.usage());
    let placed = publisher.publish(&zones, &[]).unwrap();
    assert_eq!((placed[0].names, placed[0].incomplete), (10, true));
    assert_eq!((publisher.store().generation() - 1, publisher.usage()), before);
    assert!(ask(&publisher, hot).is_ok());
    assert!(ask(&publisher, "large.example").is_ok());
    assert!(!publisher.update_popularity(popularity(hot, 400), &zones, &[]));
}

#[test]
fn of_an_incomplete_zone_nothing_is_said_to_be_absent() {
    let mut publisher = publisher(10);
    let labels = ["*.wild", "under.nothing"].map(str::to_owned).into_iter();
    let large = publishable("large.example", labels.chain((0..100).map(|n| format!("n{n}"))));
    let zones = [large, publishable("small.example", ["*.wild".to_owned()])];
    publisher.publish(&zones, &[&wire("nested.below.large.example")]).unwrap();
    let says = |tail: &NameTail| tail.absent != ClassRow::NONE || tail.flags & NameTail::WILD > 0;
    assert!(tails(&publisher, "small.example").iter().any(says), "a whole zone does");
    let tails = tails(&publisher, "large.example");
    // With the apex of the zone that only the authority serves.
    assert_eq!(tails.len(), 11);
    assert!(!tails.iter().any(says));
    assert_eq!(ask(&publisher, "absent.large.example"), Err(Verdict::UnknownName));
    assert_eq!(ask(&publisher, "absent.n0.large.example"), Err(Verdict::UnknownName));
}

#[test]
fn a_zone_is_whole_again_when_its_share_allows() {
    let mut publisher = publisher(10);
    let zones = zones();
    publisher.publish(&zones, &[]).unwrap();
    publisher.share(Shares::default());
    let placed = publisher.publish(&zones, &[]).unwrap();
    assert_eq!((placed[0].names, placed[0].total, placed[0].incomplete), (101, 101, false));
    assert!(publisher.incomplete().is_empty());
    assert!(!publisher.update_popularity(popularity("n1.large.example", 400), &zones, &[]));
    assert!((0..100).all(|n| ask(&publisher, &format!("n{n}.large.example")).is_ok()));
}

#[test]
fn a_zone_larger_than_the_tables_is_served_in_part() {
    let mut publisher = publisher(usize::MAX);
    let most = maps::NAME_SLOTS as usize / 2;
    let large = publishable("large.example", (0..most).map(|n| format!("n{n}")));
    let zones = [large, publishable("small.example", ["www".to_owned()])];
    let placed = publisher.publish(&zones, &[]).unwrap();
    assert_eq!((placed[0].names, placed[0].total), (most - 2, most + 1));
    assert_eq!((placed[1].names, placed[1].incomplete), (2, false));
    assert!(ask(&publisher, "large.example").is_ok());
    assert!(ask(&publisher, "www.small.example").is_ok());
}

#[test]
fn an_incomplete_zone_that_does_not_fit_otherwise_is_not_published_again_and_again() {
    let mut publisher = publisher(10);
    let [mut large, small] = zones();
    // Its SOA record is too long for a frame's head room.
    let mut compiled = (*large.compiled).clone();
    compiled.soa = vec![0; 4096];
    large.compiled = compiled.into();
    let zones = [large, small];
    let placed = publisher.publish(&zones, &[]).unwrap();
    assert_eq!((placed[0].unfit.clone(), placed[0].incomplete), (Some(Unfit::Soa), false));
    assert!(publisher.incomplete().is_empty());
    assert!(!publisher.update_popularity(popularity("n99.large.example", 400), &zones, &[]));
}
