//! The worker: it answers messages on one thread.
//!
//! It tries the engine first, then the slow path. It takes what threads share once for a [`Batch`]
//! of messages, not for each: a lock or a counter that all cores write to costs as much as an
//! answer.

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use edge_common::verdict::Verdict;
use hickory_proto::op::ResponseCode;

use super::answer::Answerer;
use super::asked::Asked;
use super::counters::Counters;
use super::engine::{Engine, InUse};
use super::observer::Observer;
use super::options::Options;
use super::serving::{Current, Serving};
use super::tally::Tally;
use edge_tables::live::limits;
use edge_tables::store::Store;

/// The state that all workers share.
#[derive(Clone)]
pub struct Shared {
    /// The tables, from which the engine answers.
    pub store: Store,
    /// The zones, from which the slow path answers.
    pub current: Arc<Current>,
    /// The settings.
    pub options: Arc<Options>,
    /// The counters of the work done.
    pub counters: Arc<Counters>,
    /// The observer of the responses.
    pub observer: Arc<dyn Observer>,
}

/// The state that one thread needs to answer.
pub struct Worker {
    shared: Shared,
    own: Own,
}

/// The state that one thread has for itself.
struct Own {
    engine: Engine,
    answerer: Answerer,
    /// Not yet added to those that are shared.
    counters: Counters,
    tally: Tally,
    out: Vec<u8>,
    observer: Box<dyn Observer>,
}

impl Worker {
    /// Octets that a buffer must have before the message.
    pub const ROOM: usize = Engine::ROOM;

    /// A worker with random generators of its own, seeded by the system's randomness.
    #[must_use]
    pub fn new(shared: Shared) -> Self {
        let mut random = fastrand::Rng::new();
        let engine = Engine::new(shared.store.clone(), random.u64(1..));
        let (answerer, counters) = (Answerer::new(random), Counters::default());
        let (out, observer) = (Vec::with_capacity(4096), shared.observer.for_thread());
        let tally = shared.counters.tallies.join(shared.options.detailed_metrics);
        Self { own: Own { engine, answerer, counters, tally, out, observer }, shared }
    }

    /// The counters of the work done, by all workers.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Whether a client is never answered.
    #[must_use]
    pub fn denies(&self, client: IpAddr) -> bool {
        limits::denies(&self.shared.store, client)
    }

    /// Begins a batch: messages that came together.
    pub fn batch(&mut self) -> Batch<'_> {
        let Self { shared, own } = self;
        Batch { served: Served::of(shared), own, counters: &shared.counters }
    }

    /// Answers the message of `octets` octets at [`Self::ROOM`] in `buffer`. The buffer is
    /// overwritten. `None`: no answer.
    pub fn answer<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
        octets: usize,
        asked: &Asked,
    ) -> Option<&'a [u8]> {
        let Self { shared, own } = self;
        let answer = own.answer(&Served::of(shared), buffer, octets, asked);
        own.counters.move_to(&shared.counters);
        Some(own.octets(answer?, buffer))
    }
}

/// Messages that are answered from the same tables and zones. Keep it only while answering: a
/// publication waits until it is dropped.
pub struct Batch<'w> {
    served: Served<'w>,
    own: &'w mut Own,
    counters: &'w Counters,
}

impl Batch<'_> {
    /// As [`Worker::answer`].
    pub fn answer<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
        octets: usize,
        asked: &Asked,
    ) -> Option<&'a [u8]> {
        let answer = self.own.answer(&self.served, buffer, octets, asked)?;
        Some(self.own.octets(answer, buffer))
    }

    /// Counts a message that isn't to be answered.
    pub(super) fn drop_one(&mut self) {
        self.own.counters.dropped.count();
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.own.counters.move_to(self.counters);
    }
}

/// The tables and zones that are served, unchanged while this is held.
struct Served<'s> {
    tables: InUse<'s>,
    store: &'s Store,
    zones: Arc<Serving>,
    options: &'s Options,
}

impl<'s> Served<'s> {
    fn of(shared: &'s Shared) -> Self {
        let Shared { store, current, options, .. } = shared;
        Self { tables: InUse::of(store), store, zones: current.get(), options }
    }

    /// Whether a client is never answered. The engine doesn't look that up for a message that it
    /// can't read.
    fn denies(&self, client: IpAddr) -> bool {
        limits::denies(self.store, client)
    }
}

/// The place of an answer.
enum Answer {
    /// In the message's buffer.
    Buffer(Range<usize>),
    /// In a buffer of our own.
    Out,
}

impl Own {
    fn answer(
        &mut self,
        served: &Served<'_>,
        buffer: &mut [u8],
        octets: usize,
        asked: &Asked,
    ) -> Option<Answer> {
        let Self { engine, answerer, counters, tally, out, observer } = self;
        match engine.answer_in_use(&served.tables, buffer, octets, asked) {
            Ok((answer, verdict)) => {
                counters.engine_answered.count();
                let octets = buffer.get(answer.clone()).unwrap_or_default();
                let code = code_of(verdict);
                tally.count(octets, engine.apex_octets(), code);
                counters.count_code(code);
                if verdict == Verdict::Slip {
                    counters.truncated.count();
                }
                observer.answered(asked, octets);
                return Some(Answer::Buffer(answer));
            }
            Err(Verdict::Fault | Verdict::Limited | Verdict::Denied) => {
                counters.dropped.count();
                return None;
            }
            Err(_) if served.denies(asked.client.ip()) => {
                counters.dropped.count();
                return None;
            }
            Err(_) => {}
        }
        let message = buffer.get(Worker::ROOM..Worker::ROOM + octets).unwrap_or_default();
        let Some(code) = answerer.answer(&served.zones, served.options, message, asked, out) else {
            counters.dropped.count();
            return None;
        };
        tally.count(out, answerer.apex_octets(), code);
        counters.count_code(code);
        if out.get(2).is_some_and(|flags| flags & 0x02 != 0) {
            counters.truncated.count();
        }
        observer.answered(asked, out);
        Some(Answer::Out)
    }

    fn octets<'a>(&'a self, answer: Answer, buffer: &'a [u8]) -> &'a [u8] {
        match answer {
            Answer::Buffer(at) => buffer.get(at).unwrap_or_default(),
            Answer::Out => &self.out,
        }
    }
}

/// The RCODE of an answer of the engine's.
const fn code_of(verdict: Verdict) -> ResponseCode {
    match verdict {
        Verdict::Nxdomain => ResponseCode::NXDomain,
        Verdict::Refused => ResponseCode::Refused,
        Verdict::Badvers => ResponseCode::BADVERS,
        Verdict::Badcookie => ResponseCode::BADCOOKIE,
        _ => ResponseCode::NoError,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ipnet::IpNet;

    use super::super::fixture::{A, ask, serving};
    use super::super::{Current, Options};
    use super::{Shared, Worker};
    use edge_tables::live::limits::set_prefixes;
    use edge_tables::prefixes::{Prefix, Rule};
    use edge_tables::store::Store;

    #[test]
    fn whom_the_operator_denies_gets_no_answer_over_udp_or_tcp() {
        let store = Store::in_memory();
        let mut worker = Worker::new(Shared {
            store: store.clone(),
            current: Arc::new(Current::new(serving())),
            options: Arc::new(Options::default()),
            counters: Arc::default(),
            observer: Arc::new(()),
        });
        let question = ask("pool.example.com", A);
        let (message, over_udp) = (question.octets(), question.asked());
        let mut is_answered = |asked| {
            let mut buffer = [&[0; Worker::ROOM][..], &message[..]].concat();
            worker.answer(&mut buffer, message.len(), asked).is_some()
        };
        let over_tcp = question.stream().asked();
        assert!(is_answered(&over_udp) && is_answered(&over_tcp));

        let client = Prefix::from(IpNet::from(over_udp.client.ip()));
        set_prefixes(&store, None, [(client, Rule::Deny)].into_iter().collect()).unwrap();
        assert!(!is_answered(&over_udp) && !is_answered(&over_tcp));
        assert!(worker.denies(over_udp.client.ip()));
        assert_eq!(worker.counters().dropped.get(), 2);

        set_prefixes(&store, None, [(client, Rule::Exempt)].into_iter().collect()).unwrap();
        assert!(!worker.denies(over_udp.client.ip()));
    }
}
