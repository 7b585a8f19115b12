//! Where the scorer's word comes from: files, HTTP servers, NATS. What they say comes in; events go out, octets as
//! they came.
//!
//! A source judges only how its octets arrive: their number, their pace, their encoding. Whether a document is signed,
//! complete and newer is for those who take the event. Nothing here blocks the runtime, and no source holds more
//! than its limits say.

use std::future::Future;
use std::pin::Pin;

use tokio::sync::mpsc;

use crate::Delta;
use crate::scorer::Row;

pub mod document;
mod error;
mod gzip;
pub mod http;
mod limits;
mod lines;
pub mod nats;
mod pace;
mod status;
pub mod stream;
pub mod tail;
mod tls;
mod token;

pub use document::{FileDocument, HttpDocument, Kind};
pub use error::SourceError;
pub use limits::Limits;
pub(crate) use status::now;
pub use status::{SourceStatus, Status};
pub use stream::HttpStream;
pub use tail::Tail;

/// What a source has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A zone as geodns reads it, built by somebody else.
    Zone {
        /// The zone's name, without a final dot.
        origin: String,
        /// The JSON as it came, decompressed.
        text: Vec<u8>,
        /// The content of the detached signature (`.minisig`), if there is one.
        signature: Option<Vec<u8>>,
    },
    /// All servers.
    Snapshot {
        /// The JSON as it came, decompressed.
        octets: Vec<u8>,
        /// The content of the detached signature (`.minisig`), if there is one.
        signature: Option<Vec<u8>>,
    },
    /// Changes, in the feed's order, all of them above the cursor that the source began with.
    Deltas(Vec<Delta>),
    /// Monitors' results, in the feed's order, all of them above the cursor that the source began with.
    Results(Vec<Row>),
    /// The source is well and has nothing new.
    Unchanged,
}

/// What [`Source::next`] gives.
pub type Next<'a> = Pin<Box<dyn Future<Output = Result<Event, SourceError>> + Send + 'a>>;

/// A source of events.
pub trait Source: Send {
    /// What it is called in messages: a path or an address, never with a secret in it.
    fn name(&self) -> &str;

    /// How it is, for status and metrics; to be read while the source is at work elsewhere.
    fn status(&self) -> &Status;

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
            let said = self.step().await;
            self.status().note(&said);
            said
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
