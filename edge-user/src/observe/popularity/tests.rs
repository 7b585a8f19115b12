//! Tests of the popularity of names, with streams of queries.

use std::time::{Duration, Instant};

use super::sketch::Sketch;
use super::{Popularity, PopularityCounter, Tap};
use edge_tables::publish::fixture::{publishable, wire};
use edge_tables::samples::Samples;
use edge_tables::store::Store;

/// A response about a name.
fn response(name: &str, rcode: u8) -> Vec<u8> {
    [&[0, 7, 0x84, rcode, 0, 1, 0, 1, 0, 0, 0, 0], &*wire(name), &[0, 1, 0, 1]].concat()
}

/// A frame that carries a response.
fn frame(response: &[u8]) -> Vec<u8> {
    let length = u16::try_from(response.len() + 8).unwrap().to_be_bytes();
    let udp = [[0, 53, 16, 0], [length[0], length[1], 0, 0]].concat();
    [&[2; 12][..], &[8, 0], &[0x45; 20], &udp, response].concat()
}

/// A popularity that watches one zone.
fn watching(labels: &[&str]) -> PopularityCounter {
    let popularity = PopularityCounter::default();
    let zone = publishable("a.example", labels.iter().map(|label| (*label).to_owned()));
    popularity.watch(&[zone.compiled]);
    popularity
}

/// A ring that holds these frames.
struct Ring {
    frames: Vec<Vec<u8>>,
}

impl Samples for Ring {
    fn drain(&mut self, take: &mut dyn FnMut(&[u8])) {
        self.frames.iter().for_each(|frame| take(frame));
    }

    fn lost(&self) -> u64 {
        5
    }
}

/// A rank from 0 on, the first most often, as names are asked for.
fn zipf(random: &mut fastrand::Rng, n: usize) -> usize {
    // The inverse of the distribution whose density goes with 1/x.
    let x = (random.f64() * ((n + 1) as f64).ln()).exp();
    (1..=n).rev().find(|rank| *rank as f64 <= x).unwrap_or(1) - 1
}

#[test]
fn a_stream_whose_favourites_change_is_followed_within_ten_thousand_samples() {
    const NAMES: usize = 2000;
    let mut random = fastrand::Rng::with_seed(3);
    let mut sketch = Sketch::default();
    let start = Instant::now();
    let most_popular = |sketch: &Sketch| -> Vec<Vec<u8>> {
        let mut queries: Vec<_> = sketch.queries().collect();
        queries.sort_unstable_by_key(|(_, queries)| std::cmp::Reverse(*queries));
        queries.into_iter().take(20).map(|(name, _)| name).collect()
    };
    let name = |rank: usize| format!("n{rank}").into_bytes();
    for sample in 0..20_000_u64 {
        let now = start + Duration::from_micros(500 * sample);
        sketch.halve(now);
        // Half-way, what was least popular becomes most popular.
        let shift = if sample < 10_000 { 0 } else { NAMES / 2 };
        sketch.add(&name((zipf(&mut random, NAMES) + shift) % NAMES), 8);
        if sample == 9_999 || sample == 19_999 {
            let found = most_popular(&sketch);
            let right = (0..10).filter(|rank| found.contains(&name(rank + shift))).count();
            assert_eq!(right, 10, "after {sample}");
        }
    }
}

#[test]
fn numbers_are_halved_with_time_and_forgotten_in_the_end() {
    let mut sketch = Sketch::default();
    let start = Instant::now();
    sketch.halve(start);
    sketch.add(b"a", 80);
    sketch.add(b"b", 1);
    sketch.halve(start + Duration::from_secs(1));
    assert_eq!(sketch.queries().count(), 2);
    sketch.halve(start + Duration::from_secs(2));
    assert_eq!(sketch.queries().collect::<Vec<_>>(), [(b"a".to_vec(), 40)]);
    sketch.halve(start + Duration::from_secs(7));
    assert_eq!(sketch.queries().collect::<Vec<_>>(), [(b"a".to_vec(), 10)]);
    sketch.halve(start + Duration::from_secs(100_000));
    assert_eq!(sketch.queries().count(), 0);
}

#[test]
fn a_flood_of_names_that_are_not_there_leaves_the_real_ones_alone() {
    let popularity = watching(&["www", "*.wild"]);
    let mut probe = popularity.probe();
    let now = Instant::now();
    for turn in 0..400_u32 {
        for n in 0..50 {
            // Made up from a wildcard, absent, refused, and of a zone that isn't watched.
            probe.sample(&response(&format!("x{turn}-{n}.wild.a.example"), 0));
            probe.sample(&response(&format!("x{turn}-{n}.a.example"), 3));
            probe.sample(&response("www.a.example", 5));
            probe.sample(&response("www.b.example", 0));
            probe.sample(&response("WWW.a.example", 0));
        }
        popularity.turn(now);
    }
    let found = popularity.read(now);
    let www = found.of(&wire("www.a.example"));
    // One in 64 of 20,000: some 310 samples, give or take five standard deviations.
    assert!((14_000..=26_000).contains(&www), "{www}");
    assert_eq!(found.names(), 1);
}

#[test]
fn nothing_is_sampled_while_every_zone_is_whole() {
    let popularity = watching(&["www"]);
    let mut probe = popularity.probe();
    popularity.watch(&[]);
    for _ in 0..10_000 {
        probe.sample(&response("www.a.example", 0));
    }
    assert!(popularity.shared.seen.is_empty());
    popularity.turn(Instant::now());
    assert!(popularity.read(Instant::now()).is_unknown());
    assert!(!popularity.is_on());
}

#[test]
fn little_traffic_is_counted_query_by_query() {
    let popularity = watching(&["www"]);
    let mut probe = popularity.probe();
    let start = Instant::now();
    for turn in 0..10 {
        popularity.turn(start + Duration::from_millis(100 * turn));
    }
    for _ in 0..9 {
        probe.sample(&response("www.a.example", 0));
    }
    let now = start + Duration::from_secs(1);
    popularity.turn(now);
    let found = popularity.read(now);
    assert_eq!((found.of(&wire("www.a.example")), found.clear()), (9, 4));
}

#[test]
fn those_who_answer_neither_wait_nor_fill_memory_when_nobody_counts() {
    let popularity = watching(&["www"]);
    let mut probe = popularity.probe();
    for _ in 0..64 * 10_000 {
        probe.sample(&response("www.a.example", 0));
    }
    assert!(popularity.shared.seen.is_full());
}

fn sampled(store: &Store) -> u64 {
    store.control.sample()
}

#[test]
fn the_log_gets_one_in_so_many_whatever_is_counted() {
    const FRAMES: usize = 1000;
    let store = Store::in_memory();
    for logged in [1, 10, 64, 1000] {
        let popularity = watching(&["www"]);
        popularity.watch(&[]);
        let ring = Ring { frames: vec![frame(&response("www.a.example", 0)); FRAMES] };
        let random = fastrand::Rng::with_seed(5);
        let mut tap = Tap::new(Box::new(ring), store.clone(), popularity.clone(), logged, random);
        assert_eq!((sampled(&store), tap.lost()), (u64::from(logged), 5));
        let mut taken = 0;
        tap.drain(&mut |_| taken += 1);
        assert_eq!(taken, FRAMES, "all of what is sampled for the log alone");

        let zone = publishable("a.example", ["www".to_owned()]);
        popularity.watch(&[zone.compiled]);
        tap.drain(&mut |_| ());
        let (mut taken, mut stand_for) = (0_f64, 0_f64);
        let start = Instant::now();
        for turn in 0..200 {
            let one_in = sampled(&store);
            assert!(one_in <= u64::from(logged));
            tap.drain_at(start + Duration::from_millis(100 * turn), &mut |_| taken += 1.0);
            stand_for += (FRAMES as u64 * one_in) as f64;
        }
        let expected = stand_for / f64::from(logged);
        assert!((taken - expected).abs() <= 5.0 * expected.sqrt(), "{taken}, not {expected}");
        popularity.watch(&[]);
        tap.drain(&mut |_| ());
        assert_eq!(sampled(&store), u64::from(logged));
    }
}

#[test]
fn what_xdp_answered_is_counted_with_its_weight_though_nothing_is_logged() {
    let store = Store::in_memory();
    let popularity = PopularityCounter::default();
    let ring = Ring { frames: vec![frame(&response("Www.a.example", 0)); 100] };
    let random = fastrand::Rng::with_seed(5);
    let mut tap = Tap::new(Box::new(ring), store.clone(), popularity.clone(), 0, random);
    assert_eq!(sampled(&store), 0);
    popularity.watch(&[publishable("a.example", ["www".to_owned()]).compiled]);
    let now = Instant::now();
    tap.drain_at(now, &mut |_| ());
    let one_in = sampled(&store);
    assert!(one_in > 0);
    let before = popularity.read(now).of(&wire("www.a.example"));
    let mut logged = 0;
    tap.drain_at(now, &mut |_| logged += 1);
    let found: Popularity = popularity.read(now);
    assert_eq!(found.of(&wire("www.a.example")) - before, 100 * one_in);
    assert_eq!(found.clear(), 4 * (64 + one_in));
    assert_eq!(logged, 0);
}
