//! The kernel's samples and the authority's come in; zones' hottest names are kept in the tables, and it is known who is
//! refused.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tracing::error;

use super::xdp::{SharedKernel, lock};
use crate::node::controller::Controller;
use crate::observe::popularity::{Heat, Probe, Tap};
use crate::observe::refused::{Dropped, Refused};
use edge_tables::live::limits::Limits;
use edge_tables::samples::Samples;

/// What is asked for, and the ring that tells it.
pub(super) struct Hot {
    heat: Heat,
    /// XDP's samples, unless the log takes them.
    tap: Option<Tap>,
    dropped: Option<Arc<Mutex<Dropped>>>,
}

impl Hot {
    /// With the kernel's ring, if there is a kernel. If one in so many of its answers is to be logged, the second
    /// gives them to the log, and counts them on the way.
    pub(super) fn new(
        kernel: Option<&SharedKernel>,
        logged: u32,
        limits: &Limits,
    ) -> anyhow::Result<(Self, Option<Box<dyn Samples>>)> {
        let heat = Heat::default();
        let Some(kernel) = kernel else {
            return Ok((Self { heat, tap: None, dropped: None }, None));
        };
        let mut kernel = lock(kernel);
        let mut ring = Box::new(kernel.sample(logged)?);
        let store = kernel.store();
        let dropped = Dropped::new(&store, limits.ipv4_prefix, limits.ipv6_prefix);
        let dropped = Arc::new(Mutex::new(dropped));
        let taker = Arc::clone(&dropped);
        ring.tell_dropped(Box::new(move |verdict, frame| of(&taker).take(verdict, frame)));
        let dropped = Some(dropped);
        let tap = Tap::new(ring, store, heat.clone(), logged, fastrand::Rng::new());
        if logged > 0 {
            return Ok((Self { heat, tap: None, dropped }, Some(Box::new(tap))));
        }
        Ok((Self { heat, tap: Some(tap), dropped }, None))
    }

    /// Where a thread of the authority tells what it answered.
    pub(super) fn probe(&self) -> Probe {
        self.heat.probe()
    }

    /// Counts the names of zones that are not all in the tables.
    pub(super) fn watch(&self, controller: &Controller) {
        self.heat.watch(&controller.incomplete());
    }

    /// Counts what was asked for since the last time.
    pub(super) fn count(&mut self) {
        let now = Instant::now();
        self.heat.turn(now);
        if let Some(tap) = &mut self.tap {
            tap.drain_at(now, &mut |_| {});
        }
        if let Some(dropped) = &self.dropped {
            of(dropped).turn(now);
        }
    }

    /// Who was refused most lately.
    pub(super) fn refused(&self) -> Vec<Refused> {
        self.dropped.as_ref().map(|dropped| of(dropped).refused()).unwrap_or_default()
    }

    /// Has the names in the tables that are asked for most; says whether they are others than before.
    pub(super) fn warm(&self, controller: &mut Controller) -> bool {
        controller.warm(self.heat.read(Instant::now())).unwrap_or_else(|cause| {
            error!("publish: {cause:#}; what was served before still is");
            false
        })
    }
}

fn of(dropped: &Mutex<Dropped>) -> MutexGuard<'_, Dropped> {
    dropped.lock().unwrap_or_else(PoisonError::into_inner)
}
