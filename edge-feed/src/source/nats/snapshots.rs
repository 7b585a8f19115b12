//! A document in a key-value bucket.
//!
//! The reader gives the value of the key at once, and then each newer one.

use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::stream::Stream;

use super::Nats;
use super::keys::{KV_OPERATION, SIGNATURE, key_of};
use super::reader::{self, Received, StreamMessage, StreamReader};
use crate::source::document::DocumentKind;
use crate::source::gzip::{self, UnpackError};
use crate::source::pace::Pace;
use crate::source::{Event, Next, Source, SourceError, SourceLimits, StatusHandle};

/// A document in a bucket, gzipped or not. Its signature is in the message's headers, so that
/// neither comes without the other.
pub struct NatsDocument {
    reader: StreamReader,
    kind: DocumentKind,
    limits: SourceLimits,
    pace: Pace,
    status: StatusHandle,
    /// The revision that was last returned, and the birth of its bucket: one that is made again
    /// begins to count again.
    returned: (u64, String),
    /// The bucket's last revision, of any key, and its birth.
    last: (u64, String),
    /// Whether a message has arrived since the feed was opened.
    is_fruitful: bool,
}

impl NatsDocument {
    /// The document in a bucket: the key is `snapshot` or `zone`, as the kind is.
    #[must_use]
    pub fn new(nats: &Nats, bucket: &str, kind: DocumentKind, limits: SourceLimits) -> Self {
        let key = key_of(&kind);
        let place = format!("nats bucket {bucket}, key {key}");
        let status = StatusHandle::new(&place, Some(nats.link()));
        Self {
            reader: StreamReader::new(
                nats.clone(),
                place,
                format!("KV_{bucket}"),
                format!("$KV.{bucket}.{key}"),
            ),
            kind,
            limits,
            pace: Pace::new(Duration::ZERO, &status).at_most(reader::PAUSE),
            status,
            returned: (0, String::new()),
            last: (0, String::new()),
            is_fruitful: false,
        }
    }

    async fn look(&mut self) -> Result<Event, SourceError> {
        if !self.reader.is_open() {
            self.reader.wait(&self.pace).await;
            self.is_fruitful = false;
            if let Err(error) = self.open().await {
                self.pace.wrong(None);
                return Err(error);
            }
            self.pace.well();
        }
        let heard = match self.reader.receive().await {
            Ok(heard) => heard,
            Err(SourceError::Interrupted { place, cause, .. }) => {
                if !self.is_fruitful {
                    self.pace.wrong(None);
                }
                return Err(SourceError::Interrupted { place, cause, after: self.returned.0 });
            }
            Err(error) => return Err(error),
        };
        match heard {
            Received::Message(message) => self.take(&message),
            Received::Quiet => self.is_quiet().await,
        }
    }

    async fn open(&mut self) -> Result<(), SourceError> {
        let stream = self.reader.stream().await?;
        self.last = revision_of(&stream);
        self.reader.open(&stream, DeliverPolicy::LastPerSubject).await
    }

    fn take(&mut self, message: &StreamMessage) -> Result<Event, SourceError> {
        self.is_fruitful = true;
        self.last.0 = self.last.0.max(message.sequence);
        let place = || self.reader.place.clone();
        if message.headers.get(KV_OPERATION).is_some() {
            let cause = format!("deleted by revision {}", message.sequence);
            return Err(SourceError::Missing { place: place(), cause });
        }
        // A reader that is opened again starts with a value that may be known.
        let returned = (message.sequence, self.last.1.clone());
        if returned == self.returned {
            return Ok(Event::Unchanged);
        }
        self.returned = returned;
        let limit = self.limits.octets;
        let octets = gzip::unpack(&message.payload, limit).map_err(|spoilt| match spoilt {
            UnpackError::TooLarge => SourceError::TooLarge { place: place(), limit },
            UnpackError::Damaged(cause) => SourceError::Damaged { place: place(), cause },
        })?;
        let lines: Vec<&str> =
            message.headers.get_all(SIGNATURE).map(|line| line.as_str()).collect();
        let signature = (!lines.is_empty()).then(|| (lines.join("\n") + "\n").into_bytes());
        Ok(self.kind.event(octets, signature))
    }

    /// No message has arrived for a while. If the bucket has changed, the value is read again.
    async fn is_quiet(&mut self) -> Result<Event, SourceError> {
        match self.reader.stream().await {
            Ok(stream) if revision_of(&stream) != self.last => {
                self.reader.close();
                Ok(Event::Unchanged)
            }
            Ok(_) => Ok(Event::Unchanged),
            Err(error) => {
                self.reader.close();
                Err(error)
            }
        }
    }
}

/// A bucket's last revision, of any key, and its birth.
fn revision_of(bucket: &Stream) -> (u64, String) {
    let info = bucket.cached_info();
    (info.state.last_sequence, info.created.to_string())
}

impl Source for NatsDocument {
    fn status(&self) -> &StatusHandle {
        &self.status
    }

    fn step(&mut self) -> Next<'_> {
        Box::pin(self.look())
    }
}
