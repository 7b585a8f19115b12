//! What the authority has done, in numbers that only grow.

use std::sync::atomic::{AtomicU64, Ordering};

use super::tally::Tallies;

/// One number, added to by many threads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The number.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The authority's counters.
#[derive(Debug, Default)]
pub struct Counters {
    /// Answers sent over UDP.
    pub udp_answered: Counter,
    /// Answers sent over TCP.
    pub tcp_answered: Counter,
    /// Of the answers: given by the engine that the kernel has, too.
    pub engine_answered: Counter,
    /// Of the answers: REFUSED.
    pub refused: Counter,
    /// Of the answers: FORMERR.
    pub formerr: Counter,
    /// Of the answers: NOTIMP.
    pub notimp: Counter,
    /// Of the answers: NXDOMAIN.
    pub nxdomain: Counter,
    /// Of the answers: truncated.
    pub truncated: Counter,
    /// Messages that aren't answered: responses, less than a header, from port 0.
    pub dropped: Counter,
    /// Answers that could not be sent.
    pub send_failed: Counter,
    /// Errors of receiving or accepting.
    pub receive_failed: Counter,
    /// TCP connections accepted.
    pub connections: Counter,
    /// TCP connections closed at once because there were too many.
    pub connections_refused: Counter,
    /// Answers by zone, type, label and RCODE.
    pub tallies: Tallies,
}

impl Counters {
    /// All answers sent.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.udp_answered.get() + self.tcp_answered.get()
    }
}
