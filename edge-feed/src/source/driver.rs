//! The trait of all sources, and the task that drives one.

use std::future::Future;
use std::pin::Pin;

use tokio::sync::mpsc;

use super::event::Event;
use super::{SourceError, StatusHandle};
use crate::Cursor;

/// The future of [`Source::next`].
pub type Next<'a> = Pin<Box<dyn Future<Output = Result<Event, SourceError>> + Send + 'a>>;

/// A source of events.
pub trait Source: Send {
    /// Its name in messages: a path or an address, never with a secret in it.
    fn name(&self) -> &str {
        self.status().name()
    }

    /// Its status, for status pages and metrics. It can be read from any thread while the source
    /// runs.
    fn status(&self) -> &StatusHandle;

    /// Goes on after another change or result, or an earlier one: the pool has gone back. A source
    /// of documents has nothing to do. It may be called between two calls of [`Source::next`].
    fn rewind(&mut self, _to: Cursor) {}

    /// Implements [`Source::next`], which also updates the status. Call that instead.
    fn step(&mut self) -> Next<'_>;

    /// The next event. It waits as long as necessary, including the source's interval and its
    /// back-off after an error, so that it can be called in a loop. A dropped call loses the part
    /// of a document that had arrived, but no delta. A source is best run in its own task, such as
    /// [`drive`].
    ///
    /// # Errors
    /// The source's error, once each time. The next call tries again.
    fn next(&mut self) -> Next<'_> {
        Box::pin(async move {
            let result = self.step().await;
            self.status().note(&result);
            result
        })
    }
}

/// Sends a source's events and errors until the channel is closed. The source waits while the
/// channel is full.
pub async fn drive(mut source: Box<dyn Source>, into: mpsc::Sender<Result<Event, SourceError>>) {
    loop {
        let event = tokio::select! {
            event = source.next() => event,
            () = into.closed() => return,
        };
        if into.send(event).await.is_err() {
            return;
        }
    }
}
