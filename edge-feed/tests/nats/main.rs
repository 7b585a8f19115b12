//! Tests of NATS sources against real servers on the loopback address.
//!
//! The tests start, kill, stop and cut off these servers.
#![expect(clippy::tests_outside_test_module, reason = "all of it is tests")]

mod access;
mod cluster;
mod deltas;
mod documents;
mod fleet;
mod server;

use edge_feed::delta::{Change, Delta};
use edge_feed::source::{Event, Source, SourceError};

fn deltas(ids: impl IntoIterator<Item = u64>) -> Vec<Delta> {
    let change = |id| Change::Score { server_id: id % 5700, score: 19.5 };
    ids.into_iter().map(|id| Delta { id, ts: 1, change: change(id) }).collect()
}

/// Identifiers up to and including that one, and the errors meanwhile.
async fn ids_up_to(source: &mut dyn Source, last: u64) -> (Vec<u64>, Vec<SourceError>) {
    let (mut ids, mut errors) = (Vec::new(), Vec::new());
    while ids.last() != Some(&last) {
        match source.next().await {
            Ok(Event::Deltas(deltas)) => ids.extend(deltas.iter().map(|delta| delta.id)),
            Ok(Event::Unchanged) => {}
            Ok(event) => panic!("{event:?}"),
            Err(error) => errors.push(error),
        }
    }
    (ids, errors)
}

fn all(first: u64, last: u64) -> Vec<u64> {
    (first..=last).collect()
}
