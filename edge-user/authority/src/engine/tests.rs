//! Tests of the engine over tables filled by hand.
//!
//! They hold one name of example.com, with one address and no AAAA record.

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

use edge_common::abi::{
    Answer, Card4, ClassRow, Control, Deck, Extent, Kind, NameTail, Rrs, Service, ShortName, Side,
    TableId,
};
use edge_common::name::{place, short_hash};
use edge_common::service::{mapped, slot};
use edge_common::verdict::Verdict;
use edge_common::wire::checksum::Sum;

use super::Engine;
use zerocopy::FromZeros as _;

use crate::fixture::{A, AAAA, Ask, MX, TXT, ask, opt, zone};
use crate::tests::mutation::mutate;
use crate::{Answerer, Current, Options, Serving, Shared, Worker};
use edge_tables::store::Store;
use edge_zone::Zone;
use edge_zone::geo::Nowhere;
use edge_zone::rdata::soa_record;

const NAME: &[u8] = b"\x04pool\x07example\x03com\0";
const SIDE: u32 = 1 << 16;
const AXFR: u16 = 252;

fn pool() -> Arc<Zone> {
    let data = r#"{"serial": 3, "ttl": 60, "max_hosts": 4, "targeting": "@", "data": {"pool": {"a": [["192.0.2.7"]]}}}"#;
    zone("example.com", data)
}

fn words(name: &[u8], of: impl Fn(u8) -> u8) -> [u64; 4] {
    let mut octets = [0; 32];
    for (to, from) in octets[32 - name.len()..].iter_mut().zip(name) {
        *to = of(*from);
    }
    let (words, _) = octets.as_chunks();
    [0, 1, 2, 3].map(|at| u64::from_ne_bytes(words[at]))
}

/// Generation 1, which has the name on side 1.
fn published(zone: &Zone) -> Store {
    let store = Store::in_memory();
    let letter = |octet: u8| if octet.is_ascii_alphabetic() { 0x20 } else { 0 };
    let (at, hash) = place(short_hash(5, words(NAME, |octet| octet)), SIDE);
    let tail = NameTail {
        hash,
        octets: u32::try_from(NAME.len()).unwrap(),
        table: TableId::new(0, 0),
        trie: 0,
        a: Answer::constant(0),
        aaaa: Answer::constant(1),
        other: Answer::NONE,
        absent: ClassRow::NONE,
        flags: 0,
        hits: 2,
        hits_mask: u32::MAX,
    };
    let name = ShortName {
        words: words(NAME, |octet| octet),
        letters: words(NAME, letter),
        tail,
        reserved: [0; 3],
    };
    store.names.write(SIDE + at, &[name]);
    let addresses = [[192, 0, 2, 7]; 4];
    let record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7];
    let sum = Sum::default().add_octets(&record).fold().into();
    store.cards_a.write(9, &[Card4 { addresses, sum, reserved: 0 }]);
    let soa = soa_record(zone);
    let mut rrs = Rrs {
        octets: [0; Rrs::MOST],
        sum: Sum::default().add_octets(&soa).fold().into(),
        octets_used: u32::try_from(soa.len()).unwrap(),
    };
    rrs.octets[Rrs::MOST - soa.len()..].copy_from_slice(&soa);
    store.rrs.write(3, &[rrs]);
    let deck = |first, kind| Deck {
        cards: Extent { first, cards: 1, deal: 0 }.pack(),
        ttl: 60,
        records: 1,
        kind: kind as u8,
        apex_octets: 13,
        reserved: 0,
    };
    let decks = [deck(9, Kind::A), deck(3, Kind::Nodata)];
    store.zone(TableId::new(0, 0)).unwrap().decks.write(0, &decks);
    let four = mapped(u32::from_ne_bytes([100, 64, 0, 53]));
    let six: Ipv6Addr = "2001:db8::53".parse().unwrap();
    let bits = six.to_bits().to_be_bytes();
    let (halves, _) = bits.as_chunks();
    let six = [u64::from_ne_bytes(halves[0]), u64::from_ne_bytes(halves[1])];
    // A seed under which both stand in slots of their own.
    let seed = (1..).find(|&seed| slot(seed, four, 53) != slot(seed, six, 53)).unwrap();
    for address in [four, six] {
        store
            .services
            .write(slot(seed, address, 53), &[Service { address, port: 53, role: Service::DNS }]);
    }
    let side = Side { name_seed: 5, generation: 1, lengths: [0; 4], labels: 0 };
    let control =
        Control { generation: 1, service_seed: seed, sides: [side; 2], ..Control::new_zeroed() };
    store.control.write(&control);
    store
}

fn buffer(ask: &Ask) -> (Vec<u8>, usize) {
    let octets = ask.octets();
    let mut buffer = vec![0xa5; Engine::ROOM];
    buffer.extend_from_slice(&octets);
    buffer.resize(Engine::ROOM + 4096, 0xa5);
    (buffer, octets.len())
}

fn by_engine(engine: &Engine, ask: &Ask) -> Result<Vec<u8>, Verdict> {
    let (mut buffer, octets) = buffer(ask);
    engine.answer(&mut buffer, octets, &ask.asked()).map(|(range, _)| buffer[range].to_vec())
}

#[test]
fn answers_are_octet_for_octet_those_of_the_slow_path() {
    let engine = Engine::new(published(&pool()), 1);
    let serving = Serving::new([pool()], Arc::new(Nowhere));
    for rtype in [A, AAAA] {
        for ask in [
            ask("pool.example.com", rtype),
            ask("POOL.Example.com", rtype).flags(0x0110),
            ask("pool.example.com", rtype).edns(4096, &[]),
            ask("pool.example.com", rtype).record(&opt(512, 0x8000, &[])),
            ask("pool.example.com", rtype).from("2001:db8::1"),
        ] {
            let slow = ask.raw_with(&serving, &Options::default()).unwrap();
            assert_eq!(by_engine(&engine, &ask).unwrap(), slow);
        }
    }
}

#[test]
fn whatever_the_engine_answers_the_slow_path_would_have_answered_the_same() {
    let engine = Engine::new(published(&pool()), 1);
    let serving = Serving::new([pool()], Arc::new(Nowhere));
    let mut answerer = Answerer::new(fastrand::Rng::with_seed(1));
    let mut random = fastrand::Rng::with_seed(2);
    let (mut slow, mut n_answered) = (Vec::new(), 0);
    for round in 0..50_000_u32 {
        let rtype = if round & 1 == 0 { A } else { AAAA };
        let ask = ask("pool.example.com", rtype)
            .from(["100.64.0.1", "2001:db8::1"][(round as usize / 2) & 1]);
        let ask = if round & 4 == 0 { ask } else { ask.edns(1232, &[]) };
        let mut message = ask.octets();
        mutate(&mut message, &mut random);
        let mut buffer = [vec![0; Engine::ROOM], message.clone()].concat();
        let Ok((range, _)) = engine.answer(&mut buffer, message.len(), &ask.asked()) else {
            continue;
        };
        n_answered += 1;
        let options = Options::default();
        answerer.answer(&serving, &options, &message, &ask.asked(), &mut slow).unwrap();
        assert_eq!(buffer[range], slow, "{message:02x?}");
    }
    assert!(n_answered > 5_000, "{n_answered}");
}

#[test]
fn what_the_engine_passes_is_as_it_was() {
    let long = "abcdefg.".repeat(29) + "example.com";
    for (ask, verdict) in [
        (ask("pool.example.com", MX), Verdict::NoDeck),
        (ask("pool.example.com", AXFR), Verdict::Type),
        (ask("pool.example.com", A).class(3), Verdict::Class),
        (ask("example.com", A), Verdict::UnknownName),
        (ask("pool.example.com", A).subnet(3, 0, &[]), Verdict::Edns),
        (ask("pool.example.com", A).stream(), Verdict::General),
        (ask("pool.example.com", A).from("127.0.0.1"), Verdict::Source),
        (ask(&long, A).edns(1232, &[0; 800]), Verdict::Question),
    ] {
        let engine = Engine::new(published(&pool()), 1);
        let (mut buffer, octets) = buffer(&ask);
        let passed = engine.answer(&mut buffer, octets, &ask.asked());
        assert_eq!(passed, Err(verdict), "{}", ask.name);
        assert_eq!(buffer[Engine::ROOM..Engine::ROOM + octets], ask.octets());
    }
    let engine = Engine::new(published(&pool()), 1);
    let mut elsewhere = ask("pool.example.com", A);
    elsewhere.to.set_port(54);
    assert_eq!(by_engine(&engine, &elsewhere), Err(Verdict::Service));
    elsewhere.to = SocketAddr::new("2001:db8::53".parse().unwrap(), 53);
    assert_eq!(by_engine(&engine, &elsewhere), Err(Verdict::EtherType));
}

#[test]
fn empty_tables_and_buffers_without_room_answer_nothing() {
    let ask = ask("pool.example.com", A);
    let (mut buffer, octets) = buffer(&ask);
    let empty = Engine::new(Store::in_memory(), 0);
    assert_eq!(empty.answer(&mut buffer, octets, &ask.asked()), Err(Verdict::Unpublished));
    let engine = Engine::new(published(&pool()), 1);
    assert_eq!(engine.answer(&mut [0; 20], octets, &ask.asked()), Err(Verdict::Room));
    let short = &mut buffer[..Engine::ROOM + 5];
    assert_eq!(engine.answer(short, octets, &ask.asked()), Err(Verdict::Length));
}

#[test]
fn a_worker_answers_by_the_engine_what_it_can_and_the_rest_slowly() {
    let zone = pool();
    let mut worker = Worker::new(Shared {
        store: published(&zone),
        current: Arc::new(Current::new(Serving::new([zone], Arc::new(Nowhere)))),
        options: Arc::new(Options::default()),
        counters: Arc::default(),
        observer: Arc::new(()),
    });
    for (ask, engine_answered) in [
        (ask("pool.example.com", A), 1),
        (ask("example.com", A), 1),
        (ask("pool.example.com", AAAA), 2),
    ] {
        let (mut buffer, octets) = buffer(&ask);
        let answer = worker.answer(&mut buffer, octets, &ask.asked()).unwrap();
        assert_eq!(answer[3] & 0xf, 0);
        assert_eq!(worker.counters().engine_answered.get(), engine_answered);
    }
}

#[test]
fn a_publication_waits_for_a_batch_which_counts_at_its_end() {
    let zone = pool();
    let shared = Shared {
        store: published(&zone),
        current: Arc::new(Current::new(Serving::new([zone], Arc::new(Nowhere)))),
        options: Arc::new(Options::default()),
        counters: Arc::default(),
        observer: Arc::new(()),
    };
    let mut worker = Worker::new(shared.clone());
    let mut batch = worker.batch();
    for (name, code) in [("pool.example.com", 0), ("nothing.example.com", 3), ("example.org", 5)] {
        let ask = ask(name, A);
        let (mut buffer, octets) = buffer(&ask);
        let answer = batch.answer(&mut buffer, octets, &ask.asked()).unwrap();
        assert_eq!(answer[3] & 0xf, code);
    }
    assert!(shared.store.readers.try_write().is_err());
    drop(batch);
    assert!(shared.store.readers.try_write().is_ok());
    let counters = &shared.counters;
    let counted = [&counters.engine_answered, &counters.nxdomain, &counters.refused];
    assert_eq!(counted.map(super::super::counters::Counter::get), [1, 1, 1]);
}

#[test]
fn a_worker_counts_under_the_zone_whoever_answers() {
    let zone = pool();
    let mut worker = Worker::new(Shared {
        store: published(&zone),
        current: Arc::new(Current::new(Serving::new([zone], Arc::new(Nowhere)))),
        options: Arc::new(Options { detailed_metrics: true, ..Options::default() }),
        counters: Arc::default(),
        observer: Arc::new(()),
    });
    for ask in [
        // By the engine.
        ask("POOL.example.com", A),
        ask("pool.example.com", AAAA),
        // The slow way.
        ask("pool.example.com", MX),
        ask("nobody.example.com", A),
        // Not counted: special labels, no zone, an unknown version of EDNS.
        ask("_country.example.com", TXT),
        ask("example.org", A),
        ask("pool.example.com", A).record(&opt(1232, 1 << 16, &[])),
    ] {
        let (mut buffer, octets) = buffer(&ask);
        assert!(worker.answer(&mut buffer, octets, &ask.asked()).is_some());
    }
    let sums = worker.counters().tallies.sum();
    let rows: Vec<_> = sums
        .into_iter()
        .map(|(kind, n)| format!("{} {} {} {n}", kind.qtype, kind.qname, kind.rcode))
        .collect();
    assert_eq!(
        rows,
        ["A _error NXDOMAIN 1", "A pool NOERROR 1", "AAAA pool NOERROR 1", "MX pool NOERROR 1"]
    );
}
