//! Responses come in from a thread of the authority; some of their names go to be counted.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Name, Seen, Shared};

/// Where a thread that answers tells its responses. Does nothing unless it comes from a
/// [`super::Heat`].
#[derive(Clone, Debug, Default)]
pub struct Probe {
    shared: Option<Arc<Shared>>,
    random: fastrand::Rng,
}

impl Probe {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared: Some(shared), random: fastrand::Rng::new() }
    }

    /// The same for another thread, with chances of its own.
    #[must_use]
    pub fn another(&self) -> Self {
        Self { shared: self.shared.clone(), random: fastrand::Rng::new() }
    }

    /// Has the name that `response` is about counted, by chance. Neither waits nor allocates.
    pub fn tell(&mut self, response: &[u8]) {
        let Some(shared) = &self.shared else { return };
        let weight = match shared.probed.load(Ordering::Relaxed) {
            0 => return,
            one_in if one_in > 1 && self.random.u32(..one_in) > 0 => return,
            one_in => one_in,
        };
        if let Some(name) = Name::of(response) {
            // When there is no room, those that wait are enough to go by.
            drop(shared.seen.push(Seen { name, weight }));
        }
    }
}
