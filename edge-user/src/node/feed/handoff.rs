//! The queue of zones from the feed's thread to the node's loop.
//!
//! It holds only the newest version of each zone, so that it is never longer than the number of
//! zones. Adding one wakes the loop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::node::controller::Fed;

/// The zones that wait for the node's loop.
#[derive(Debug, Default)]
pub struct Handoff {
    waiting: Mutex<BTreeMap<String, Fed>>,
    waker: Notify,
    /// How long the loop took to serve what it took last, in microseconds.
    took: AtomicU64,
}

impl Handoff {
    /// Puts there the next state of a zone, instead of one that waits.
    pub(super) fn put(&self, origin: &str, fed: Fed) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(origin.to_owned(), fed);
        self.waker.notify_one();
    }

    /// Waits until there is something.
    pub async fn wait_for_zones(&self) {
        self.waker.notified().await;
    }

    /// Notes how long it took to serve what was taken.
    pub fn served_in(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.took.store(micros, Ordering::Relaxed);
    }

    /// How long it took the last time.
    pub(super) fn last_served_in(&self) -> Duration {
        Duration::from_micros(self.took.load(Ordering::Relaxed))
    }

    /// Takes all that waits.
    #[must_use]
    pub fn take(&self) -> Vec<Fed> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *waiting).into_values().collect()
    }
}
