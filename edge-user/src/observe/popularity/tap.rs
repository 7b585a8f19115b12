//! The reader of XDP's ring of samples.
//!
//! It gives the query log its share of the frames, and counts the names in them. The ring has one
//! reader and one rate. XDP samples as often as the more eager of the two wants. Each takes by
//! chance as many of the samples as it wants: one in so many answers, whatever the other does.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Name, PopularityCounter, Rate};
use edge_tables::samples::{Samples, response};
use edge_tables::store::Store;

/// The ring's reader.
pub struct Tap {
    ring: Box<dyn Samples>,
    store: Store,
    popularity: PopularityCounter,
    /// One in so many answers is logged; none when 0.
    logged: u32,
    /// One in so many answers is in the ring; none when 0.
    sampled: u32,
    rate: Rate,
    random: fastrand::Rng,
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Tap(one in {})", self.sampled)
    }
}

/// Whether to keep one of the samples, which are one in `sampled`, so that one in `wanted` is kept.
fn keep(random: &mut fastrand::Rng, sampled: u32, wanted: u32) -> bool {
    sampled >= wanted || random.u32(..wanted) < sampled
}

impl Tap {
    /// A reader of `ring`. One in `logged` answers must be logged (none when 0). The rate at which
    /// XDP fills the ring is set in `store`.
    #[must_use]
    pub fn new(
        ring: Box<dyn Samples>,
        store: Store,
        popularity: PopularityCounter,
        logged: u32,
        random: fastrand::Rng,
    ) -> Self {
        let rate = Rate::default();
        let mut tap = Self { ring, store, popularity, logged, sampled: logged, rate, random };
        tap.set();
        tap
    }

    /// Counts the frames that have come since the last call, and calls `log` with those to be
    /// logged.
    pub fn drain_at(&mut self, now: Instant, log: &mut dyn FnMut(&[u8])) {
        let Self { ring, popularity, logged, sampled, rate, random, .. } = self;
        let (sampled, logged, counting) = (*sampled, *logged, popularity.is_on());
        let counted_one_in = rate.one_in();
        let mut taken = 0;
        let mut counted = counting.then(|| popularity.counted());
        ring.drain(&mut |frame| {
            if logged > 0 && keep(random, sampled, logged) {
                log(frame);
            }
            if let Some(counted) = &mut counted
                && keep(random, sampled, counted_one_in)
            {
                taken += 1;
                if let Some(name) = response(frame).and_then(|(_, octets)| Name::of(octets)) {
                    counted.add(&name, counted_one_in.max(sampled), now);
                }
            }
        });
        drop(counted);
        if counting {
            rate.adapt(taken, now);
        }
        self.set();
    }

    /// Sets the rate at which XDP fills the ring. Call it when the ring is empty: frames in it were
    /// sampled at the former rate.
    fn set(&mut self) {
        let counted = if self.popularity.is_on() { self.rate.one_in() } else { 0 };
        self.popularity.shared.tapped.store(counted, Ordering::Relaxed);
        self.sampled = match (self.logged, counted) {
            (0, one) | (one, 0) => one,
            (logged, counted) => logged.min(counted),
        };
        self.store.control.set_sample(self.sampled);
    }
}

impl Samples for Tap {
    fn drain(&mut self, take: &mut dyn FnMut(&[u8])) {
        self.drain_at(Instant::now(), take);
    }

    fn lost(&self) -> u64 {
        self.ring.lost()
    }
}
