//! The trait that all sources implement, and the task that drives one.

use std::future::Future;
use std::pin::Pin;

use tokio::sync::mpsc;

use super::event::Event;
use super::{SourceError, StatusHandle};

/// What [`Source::next`] gives.
pub type Next<'a> = Pin<Box<dyn Future<Output = Result<Event, SourceError>> + Send + 'a>>;

/// A source of events.
pub trait Source: Send {
    /// What it is called in messages: a path or an address, never with a secret in it.
    fn name(&self) -> &str {
        self.status().name()
    }

    /// How it is, for status and metrics; to be read while the source is at work elsewhere.
    fn status(&self) -> &StatusHandle;

    /// As [`Source::next`], which is what to call: it takes note of what is said.
    fn step(&mut self) -> Next<'_>;

    /// The next event. It waits as long as it takes, for the source's interval or its back-off after an error too,
    /// so it is simply called again and again. A call that is dropped half way loses what had arrived of a document but no
    /// delta; a source is best given a task of its own, such as [`drive`].
    ///
    /// # Errors
    /// What is wrong with the source, once each time that it goes wrong. The next call tries again.
    fn next(&mut self) -> Next<'_> {
        Box::pin(async move {
            let result = self.step().await;
            self.status().note(&result);
            result
        })
    }
}

/// Hands on everything a source says until the other end is closed. The source waits while the channel is full.
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
