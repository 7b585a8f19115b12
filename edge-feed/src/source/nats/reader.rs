//! Messages of one stream, each once and in order.
//!
//! The consumer lives on the server and forgets what it has sent. Anything that may have lost a
//! message ends it: another connection, a missing heartbeat, a gap in its count. The caller then
//! opens a new consumer after the last message that arrived; so nothing is lost.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{ConsumerErrorKind, Stream};
use async_nats::jetstream::{self};
use futures_util::{FutureExt as _, StreamExt as _};
use hyper::body::Bytes;
use tokio::time::{Instant, sleep_until};

use super::{Nats, refused};
use crate::source::SourceError;
use crate::source::pace::Pace;

/// Messages that the server may send ahead.
const AHEAD: usize = 2000;
/// Octets that it may send ahead, unless a single message is larger.
const AHEAD_OCTETS: usize = 16 << 20;
/// Between the server's signs of life while there are no messages. Two missing ones end the
/// consumer.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long a request for messages lasts.
const EXPIRES: Duration = Duration::from_secs(30);
/// How long the server keeps a consumer without requests.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// The longest pause after an error. A server that was cut off has no leader for some seconds after
/// its return; changes wait meanwhile.
pub(super) const PAUSE: Duration = Duration::from_secs(2);
/// Time without a message after which the caller checks the stream itself.
const QUIET: Duration = Duration::from_secs(10);

/// What was received.
pub(super) enum Received {
    /// A message.
    Message(StreamMessage),
    /// Nothing for a while.
    Quiet,
}

/// A message of a stream.
pub(super) struct StreamMessage {
    pub(super) payload: Bytes,
    pub(super) headers: HeaderMap,
    /// Its place in the stream.
    pub(super) sequence: u64,
}

/// A stream that is read.
pub(super) struct StreamReader {
    pub(super) nats: Nats,
    pub(super) place: String,
    stream: String,
    /// Which subjects; empty for all.
    filter: String,
    open: Option<OpenConsumer>,
}

struct OpenConsumer {
    messages: pull::Stream,
    /// The connection that it was opened on.
    connections: u64,
    /// Messages that the consumer has sent.
    sent: u64,
    /// When to ask the stream itself.
    quiet: Instant,
}

impl StreamReader {
    pub(super) const fn new(nats: Nats, place: String, stream: String, filter: String) -> Self {
        Self { nats, place, stream, filter, open: None }
    }

    /// Waits until the next attempt is due, or there is a new connection.
    pub(super) async fn wait(&self, pace: &Pace) {
        let mut link = self.nats.link();
        let connections = link.read().connections;
        tokio::select! {
            () = pace.wait() => {}
            () = link.connected_after(connections) => {}
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// The stream, with its state as it is now.
    pub(super) async fn stream(&self) -> Result<Stream, SourceError> {
        self.nats.reach().await?;
        self.nats.jetstream.get_stream(&self.stream).await.map_err(|error| match error.kind() {
            GetStreamErrorKind::JetStream(error) => refused(&self.place, &error),
            _ => self.failed(&error),
        })
    }

    /// Begins to read.
    pub(super) async fn open(
        &mut self,
        stream: &Stream,
        deliver_policy: DeliverPolicy,
    ) -> Result<(), SourceError> {
        let connections = self.nats.link.read().connections;
        let config = pull::Config {
            deliver_policy,
            ack_policy: AckPolicy::None,
            filter_subject: self.filter.clone(),
            inactive_threshold: FORGOTTEN,
            memory_storage: true,
            ..pull::Config::default()
        };
        let created = stream.create_consumer(config).await;
        let consumer = created.map_err(|error| match error.kind() {
            ConsumerErrorKind::JetStream(error) => refused(&self.place, &error),
            _ => self.failed(&error),
        })?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(AHEAD)
            .max_bytes_per_batch(AHEAD_OCTETS)
            .heartbeat(HEARTBEAT)
            .expires(EXPIRES)
            .messages()
            .await
            .map_err(|error| self.failed(&error))?;
        let quiet = Instant::now() + QUIET;
        self.open = Some(OpenConsumer { messages, connections, sent: 0, quiet });
        Ok(())
    }

    /// The next message, or the information that none arrived for a while. After an error the
    /// reader is closed.
    pub(super) async fn receive(&mut self) -> Result<Received, SourceError> {
        let Some(open) = &mut self.open else { return Ok(Received::Quiet) };
        let mut link = self.nats.link();
        let heard = tokio::select! {
            biased;
            message = open.messages.next() => message,
            () = link.connected_after(open.connections) => {
                return Err(self.end("the connection was lost"));
            }
            () = sleep_until(open.quiet) => {
                open.quiet = Instant::now() + QUIET;
                return Ok(Received::Quiet);
            }
        };
        self.judge(heard).map(Received::Message)
    }

    /// The next message if it has arrived already.
    pub(super) fn receive_now(&mut self) -> Option<Result<StreamMessage, SourceError>> {
        let open = self.open.as_mut()?;
        let heard = open.messages.next().now_or_never()?;
        Some(self.judge(heard))
    }

    fn judge(
        &mut self,
        heard: Option<Result<jetstream::Message, pull::MessagesError>>,
    ) -> Result<StreamMessage, SourceError> {
        let message = match heard {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(self.end(error)),
            None => return Err(self.end("the consumer has ended")),
        };
        let (sequence, sent) = match message.info() {
            Ok(info) => (info.stream_sequence, info.consumer_sequence),
            Err(error) => return Err(self.end(error)),
        };
        let Some(open) = &mut self.open else { return Err(self.end("closed")) };
        if sent != open.sent + 1 {
            let cause = format!("message {} of the consumer is missing", open.sent + 1);
            return Err(self.end(cause));
        }
        open.sent = sent;
        open.quiet = Instant::now() + QUIET;
        let (message, _context) = message.split();
        let headers = message.headers.unwrap_or_default();
        Ok(StreamMessage { payload: message.payload, headers, sequence })
    }

    /// Ends the consumer. The returned error has the cause.
    pub(super) fn end(&mut self, cause: impl ToString) -> SourceError {
        self.open = None;
        SourceError::Interrupted { place: self.place.clone(), cause: cause.to_string(), after: 0 }
    }

    /// The error of a missing answer.
    pub(super) fn failed(&self, cause: &dyn std::error::Error) -> SourceError {
        SourceError::Answer { place: self.place.clone(), cause: cause.to_string() }
    }
}
