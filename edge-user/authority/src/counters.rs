//! The counters of the authority, which only grow.

use std::sync::atomic::{AtomicU64, Ordering};

use hickory_proto::op::ResponseCode;

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
        self.add(1);
    }

    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Adds one to a counter that no other thread has.
    pub(super) fn count(&mut self) {
        *self.0.get_mut() += 1;
    }

    /// Adds this counter to another and begins again from 0.
    fn move_to(&mut self, to: &Self) {
        let n = std::mem::take(self.0.get_mut());
        if n > 0 {
            to.add(n);
        }
    }
}

/// The authority's counters.
#[derive(Debug, Default)]
pub struct Counters {
    /// Answers sent over UDP.
    pub udp_answered: Counter,
    /// Answers sent over TCP.
    pub tcp_answered: Counter,
    /// Of the answers: those of the engine.
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

    /// Counts an answer's RCODE, if it is one that is counted, in counters that no other thread
    /// has.
    pub(super) fn count_code(&mut self, code: ResponseCode) {
        match code {
            ResponseCode::Refused => self.refused.count(),
            ResponseCode::FormErr => self.formerr.count(),
            ResponseCode::NotImp => self.notimp.count(),
            ResponseCode::NXDomain => self.nxdomain.count(),
            _ => {}
        }
    }

    /// Adds these counters, which one thread has for itself, to those that all share; they begin
    /// again from 0.
    pub(super) fn move_to(&mut self, to: &Self) {
        let Self {
            udp_answered,
            tcp_answered,
            engine_answered,
            refused,
            formerr,
            notimp,
            nxdomain,
            truncated,
            dropped,
            send_failed,
            receive_failed,
            connections,
            connections_refused,
            // Each thread's are its own, and summed up when they are read.
            tallies: _,
        } = self;
        udp_answered.move_to(&to.udp_answered);
        tcp_answered.move_to(&to.tcp_answered);
        engine_answered.move_to(&to.engine_answered);
        refused.move_to(&to.refused);
        formerr.move_to(&to.formerr);
        notimp.move_to(&to.notimp);
        nxdomain.move_to(&to.nxdomain);
        truncated.move_to(&to.truncated);
        dropped.move_to(&to.dropped);
        send_failed.move_to(&to.send_failed);
        receive_failed.move_to(&to.receive_failed);
        connections.move_to(&to.connections);
        connections_refused.move_to(&to.connections_refused);
    }
}

#[cfg(test)]
mod tests {
    use super::Counters;

    #[test]
    fn what_a_thread_counted_is_added_once() {
        let (mut own, shared) = (Counters::default(), Counters::default());
        shared.nxdomain.add_one();
        for _ in 0..3 {
            own.nxdomain.count();
        }
        own.dropped.count();
        own.move_to(&shared);
        own.move_to(&shared);
        assert_eq!((shared.nxdomain.get(), shared.dropped.get(), shared.refused.get()), (4, 1, 0));
        assert_eq!(own.nxdomain.get(), 0);
    }
}
