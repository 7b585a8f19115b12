//! A message in a buffer comes in; its answer goes out, by the engine if it can, else the slow way.

use std::sync::Arc;

use edge_common::verdict::Verdict;
use hickory_proto::op::ResponseCode;

use super::answer::{Answerer, Asked};
use super::counters::Counters;
use super::engine::Engine;
use super::options::Options;
use super::serving::Current;
use super::tally::Tally;
use crate::store::Store;

/// What all workers share.
#[derive(Clone)]
pub struct Shared {
    /// What is served the fast way.
    pub store: Store,
    /// What is served.
    pub current: Arc<Current>,
    /// How we present ourselves.
    pub options: Arc<Options>,
    /// What has been done.
    pub counters: Arc<Counters>,
}

/// What one thread needs to answer.
pub struct Worker {
    engine: Engine,
    answerer: Answerer,
    tally: Tally,
    shared: Shared,
    out: Vec<u8>,
}

impl Worker {
    /// Octets that a buffer must have before the message.
    pub const ROOM: usize = Engine::ROOM;

    /// With random generators of its own, seeded by the system's randomness.
    #[must_use]
    pub fn new(shared: Shared) -> Self {
        let mut random = fastrand::Rng::new();
        let engine = Engine::new(shared.store.clone(), random.u64(1..));
        let tally = shared.counters.tallies.join(shared.options.detailed_metrics);
        let answerer = Answerer::new(random);
        Self { engine, answerer, tally, shared, out: Vec::with_capacity(4096) }
    }

    /// What has been done.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Answers the message of `octets` octets at [`Self::ROOM`] in `buffer`, which is overwritten. `None`: no answer.
    pub fn answer<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
        octets: usize,
        asked: &Asked,
    ) -> Option<&'a [u8]> {
        let Self { engine, answerer, tally, shared, out } = self;
        let Shared { current, options, counters, .. } = shared;
        match engine.answer(buffer, octets, asked.client, asked.server) {
            Ok(answer) => {
                counters.engine_answered.add_one();
                let answer = buffer.get(answer)?;
                tally.count(answer, engine.apex_octets(), ResponseCode::NoError);
                return Some(answer);
            }
            Err(Verdict::Fault) => {
                counters.dropped.add_one();
                return None;
            }
            Err(_) => {}
        }
        let message = buffer.get(Self::ROOM..Self::ROOM + octets).unwrap_or_default();
        let Some(code) = answerer.answer(&current.get(), options, message, asked, out) else {
            counters.dropped.add_one();
            return None;
        };
        tally.count(out, answerer.apex_octets(), code);
        match code {
            ResponseCode::Refused => counters.refused.add_one(),
            ResponseCode::FormErr => counters.formerr.add_one(),
            ResponseCode::NotImp => counters.notimp.add_one(),
            ResponseCode::NXDomain => counters.nxdomain.add_one(),
            _ => {}
        }
        if out.get(2).is_some_and(|flags| flags & 0x02 != 0) {
            counters.truncated.add_one();
        }
        Some(out)
    }
}
