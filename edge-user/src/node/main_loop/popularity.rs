//! The loop's part of popularity: counting samples.
//!
//! Samples of answered queries come from the kernel's ring and from the authority's threads. The
//! loop counts them ten times a second: names that were asked for, and clients that were refused.
//! The controller's thread reads the counts through [`PopularityCounter`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::shared_kernel::{SharedKernel, lock};
use crate::observe::popularity::{PopularityCounter, Probe, Tap};
use crate::observe::refused::{Dropped, Refused};
use edge_tables::live::limits::Limits;
use edge_tables::samples::Samples;

/// The samples' counters, and the ring if the query log doesn't have it.
pub(super) struct SampleCounters {
    popularity: PopularityCounter,
    /// XDP's samples, unless the log takes them.
    tap: Option<Tap>,
    dropped: Option<Arc<Mutex<Dropped>>>,
}

impl SampleCounters {
    /// With the kernel's ring, if there is a kernel. If one in `logged` of its answers must be
    /// logged (0: none), the second result passes the samples to the log and counts them too.
    pub(super) fn new(
        kernel: Option<&SharedKernel>,
        logged: u32,
        limits: &Limits,
    ) -> anyhow::Result<(Self, Option<Box<dyn Samples>>)> {
        let popularity = PopularityCounter::default();
        let Some(kernel) = kernel else {
            return Ok((Self { popularity, tap: None, dropped: None }, None));
        };
        let mut kernel = lock(kernel);
        let mut ring = Box::new(kernel.sample(logged)?);
        let store = kernel.store();
        let dropped = Dropped::new(&store, limits.ipv4_prefix, limits.ipv6_prefix);
        let dropped = Arc::new(Mutex::new(dropped));
        let taker = Arc::clone(&dropped);
        ring.report_dropped(Box::new(move |verdict, frame| of(&taker).take(verdict, frame)));
        let dropped = Some(dropped);
        let tap = Tap::new(ring, store, popularity.clone(), logged, fastrand::Rng::new());
        if logged > 0 {
            return Ok((Self { popularity, tap: None, dropped }, Some(Box::new(tap))));
        }
        Ok((Self { popularity, tap: Some(tap), dropped }, None))
    }

    /// For a thread of the authority, which reports its answers there.
    pub(super) fn probe(&self) -> Probe {
        self.popularity.probe()
    }

    /// The names' counts, for the controller's thread.
    pub(super) fn popularity(&self) -> PopularityCounter {
        self.popularity.clone()
    }

    /// Counts what was asked for since the last time.
    pub(super) fn count(&mut self) {
        let now = Instant::now();
        self.popularity.turn(now);
        if let Some(tap) = &mut self.tap {
            tap.drain_at(now, &mut |_| {});
        }
        if let Some(dropped) = &self.dropped {
            of(dropped).turn(now);
        }
    }

    /// The clients that were refused most in the last minutes.
    pub(super) fn refused(&self) -> Vec<Refused> {
        self.dropped.as_ref().map(|dropped| of(dropped).refused()).unwrap_or_default()
    }
}

fn of(dropped: &Mutex<Dropped>) -> MutexGuard<'_, Dropped> {
    dropped.lock().unwrap_or_else(PoisonError::into_inner)
}
