//! The sampling of names on the authority's threads.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Name, Seen, Shared};

/// A thread that answers gives its responses to a probe. A probe does nothing unless it comes from
/// a [`super::PopularityCounter`].
#[derive(Clone, Debug, Default)]
pub struct Probe {
    shared: Option<Arc<Shared>>,
    random: fastrand::Rng,
}

impl Probe {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared: Some(shared), random: fastrand::Rng::new() }
    }

    /// A probe for another thread, with a random generator of its own.
    #[must_use]
    pub fn another(&self) -> Self {
        Self { shared: self.shared.clone(), random: fastrand::Rng::new() }
    }

    /// Samples the name that `response` is about, by chance. Neither waits nor allocates.
    pub fn sample(&mut self, response: &[u8]) {
        let Some(shared) = &self.shared else { return };
        let weight = match shared.probed.load(Ordering::Relaxed) {
            0 => return,
            one_in if one_in > 1 && self.random.u32(..one_in) > 0 => return,
            one_in => one_in,
        };
        if let Some(name) = Name::of(response) {
            // When the queue is full, the samples in it are enough to judge by.
            drop(shared.seen.push(Seen { name, weight }));
        }
    }
}
