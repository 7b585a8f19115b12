//! The popularity of names: how often each was asked for lately.
//!
//! It is counted only while a zone has names that aren't in the tables, and only for that zone's
//! names: a query for anything else costs a comparison. Queries that the authority answered come
//! from its threads by a [`Probe`]. Queries that XDP answered come from its ring of samples by a
//! [`Tap`]. No thread that answers waits or allocates. If samples come faster than they are taken,
//! the surplus is lost, and fewer queries are sampled afterwards.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crossbeam_queue::ArrayQueue;

use edge_tables::compile::Compiled;
use edge_tables::publish::Popularity;

mod asked;
mod probe;
mod rate;
mod sketch;
mod tap;
#[cfg(test)]
mod tests;
mod watched;

use asked::Name;
pub use probe::Probe;
pub(crate) use rate::Rate;
pub(crate) use sketch::Sketch;
pub use tap::Tap;
use watched::Watched;

/// Queries that wait to be counted; further ones are lost. At the rate wanted, fewer come between
/// two turns.
const ENTRIES: usize = 2048;
/// How many samples make a difference that isn't chance.
const CLEAR: u64 = 4;

/// A sampled query.
#[derive(Debug)]
struct Seen {
    name: Name,
    /// How many queries it stands for.
    weight: u32,
}

/// How often names are asked for. All clones share one state.
#[derive(Clone, Debug)]
pub struct PopularityCounter {
    shared: Arc<Shared>,
}

/// The state that probes, tap and counter share.
#[derive(Debug)]
struct Shared {
    /// One in so many of the authority's answers is sampled; none when 0.
    probed: AtomicU32,
    /// One in so many of XDP's answers counts; 0 when there is no ring.
    tapped: AtomicU32,
    seen: ArrayQueue<Seen>,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    watched: Watched,
    sketch: Sketch,
    rate: Rate,
}

impl Default for PopularityCounter {
    fn default() -> Self {
        let shared = Shared {
            probed: AtomicU32::new(0),
            tapped: AtomicU32::new(0),
            seen: ArrayQueue::new(ENTRIES),
            counted: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl PopularityCounter {
    /// Sets the zones whose names are counted, in place of the former ones. Without zones nothing
    /// is sampled. Names are sorted before the lock is taken: [`Self::turn`], on the node's loop,
    /// takes the same lock and doesn't wait for a large zone.
    ///
    /// Call it from one thread: of two calls at the same time, the one that locks last counts.
    pub fn watch(&self, zones: &[Arc<Compiled>]) {
        let present = self.counted().watched.clone();
        let watched = present.with(zones);
        let mut counted = self.counted();
        let former = std::mem::replace(&mut counted.watched, watched);
        let one_in = if zones.is_empty() { 0 } else { counted.rate.one_in() };
        if zones.is_empty() {
            counted.sketch = Sketch::default();
        }
        self.shared.probed.store(one_in, Ordering::Relaxed);
        drop(counted);
        // A large zone that is no longer watched is freed here, not under the lock.
        drop((former, present));
    }

    /// Counts the samples of the authority's threads. Call it about ten times a second.
    pub fn turn(&self, now: Instant) {
        let mut counted = self.counted();
        let mut taken = 0;
        while taken < ENTRIES
            && let Some(Seen { name, weight }) = self.shared.seen.pop()
        {
            counted.add(&name, weight, now);
            taken += 1;
        }
        if self.is_on() {
            counted.rate.adapt(taken, now);
            self.shared.probed.store(counted.rate.one_in(), Ordering::Relaxed);
        }
    }

    /// The counts at `now`.
    #[must_use]
    pub fn read(&self, now: Instant) -> Popularity {
        let weights = [&self.shared.probed, &self.shared.tapped];
        let clear = weights.iter().map(|weight| u64::from(weight.load(Ordering::Relaxed))).sum();
        let mut counted = self.counted();
        counted.sketch.halve(now);
        Popularity::new(counted.sketch.queries(), CLEAR.saturating_mul(clear))
    }

    /// A probe for a thread that answers; the thread gives it its responses.
    #[must_use]
    pub fn probe(&self) -> Probe {
        Probe::new(Arc::clone(&self.shared))
    }

    /// Whether anything is counted.
    fn is_on(&self) -> bool {
        self.shared.probed.load(Ordering::Relaxed) > 0
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.shared.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// Counts a name that stands for `weight` queries, if it is one of those that are watched.
    fn add(&mut self, name: &Name, weight: u32, now: Instant) {
        if self.watched.contains(name.octets()) {
            self.sketch.halve(now);
            self.sketch.add(name.octets(), weight);
        }
    }
}
