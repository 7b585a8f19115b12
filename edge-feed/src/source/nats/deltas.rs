//! The score feed in a JetStream stream.
//!
//! The reader gives each delta after its cursor, over lost connections, killed servers and sleep.
//!
//! The start is found by bisection, because identifiers grow along the stream; so only the cursor
//! has to be kept. If the scorer's database was restored, identifiers have fallen once in the
//! stream: the start that is found is before all that is new then, too. From then on the numbers of
//! the messages show where to continue, and whether messages are gone from the stream.

use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};

use tokio::time::timeout;

use super::Nats;
use super::reader::{self, Received, StreamMessage, StreamReader};
use crate::source::lines::Lines;
use crate::source::pace::Pace;
use crate::source::{Event, Next, Source, SourceError, SourceLimits, StatusHandle};
use crate::{Cursor, Delta};

/// Deltas handed on at once.
const BATCH: usize = 1000;
/// How long a message of the stream may take to arrive.
const STRAY: Duration = Duration::from_secs(5);

/// The score feed in a stream. Each message is a delta, or several as NDJSON.
pub struct NatsDeltas {
    reader: StreamReader,
    lines: Lines,
    limits: SourceLimits,
    pace: Pace,
    status: StatusHandle,
    /// The last message that arrived: its number and its stream's birth.
    last: Option<(u64, String)>,
    /// The last message that is read again because the pool has gone back.
    again: Option<(u64, String)>,
    /// Whether a message has arrived since the feed was opened.
    is_fruitful: bool,
    /// An error to return before anything else.
    pending: Option<SourceError>,
}

impl NatsDeltas {
    /// The feed in a stream, after the delta `cursor` (0: all that is in it). The stream holds
    /// nothing else.
    #[must_use]
    pub fn new(nats: &Nats, stream: &str, cursor: impl Into<Cursor>, limits: SourceLimits) -> Self {
        let place = format!("nats stream {stream}");
        let status = StatusHandle::new(&place, Some(nats.link()));
        Self {
            lines: Lines::new(&place, limits.line, cursor),
            reader: StreamReader::new(nats.clone(), place, stream.to_owned(), String::new()),
            limits,
            pace: Pace::new(Duration::ZERO, &status).at_most(reader::PAUSE),
            status,
            last: None,
            again: None,
            is_fruitful: false,
            pending: None,
        }
    }

    async fn look(&mut self) -> Result<Event, SourceError> {
        if let Some(error) = self.pending.take() {
            return Err(error);
        }
        if !self.reader.is_open() {
            self.reader.wait(&self.pace).await;
            self.is_fruitful = false;
            if let Err(error) = self.open().await {
                self.pace.wrong(None);
                return Err(error);
            }
            self.pace.well();
            if let Some(error) = self.pending.take() {
                return Err(error);
            }
        }
        self.listen().await.map_err(|error| self.resume(error))
    }

    /// Opens the feed after the last message, or after the cursor.
    async fn open(&mut self) -> Result<(), SourceError> {
        let stream = self.reader.stream().await?;
        let info = stream.cached_info();
        let (first, last) = (info.state.first_sequence.max(1), info.state.last_sequence);
        let birth = info.created.to_string();
        let (start, needed) = match &self.last {
            Some((known, of)) if *of == birth && *known <= last => (known + 1, known + 1),
            // Never read, or the stream was made again.
            _ => {
                let start = self.bisect(&stream, first, last).await?;
                // Whether the message before the first one was read is unknown.
                let is_torn = start == first && first > 1 && self.lines.cursor() > 0;
                (start, if is_torn { first - 1 } else { start })
            }
        };
        if needed < first {
            let place = self.reader.place.clone();
            self.pending = Some(SourceError::Lost { place, first: needed, last: first - 1 });
        }
        let start_sequence = start.max(first);
        self.last = Some((start_sequence - 1, birth));
        self.reader.open(&stream, DeliverPolicy::ByStartSequence { start_sequence }).await
    }

    /// The first message with a delta above the cursor; one after the last if there is none.
    async fn bisect(&self, stream: &Stream, first: u64, last: u64) -> Result<u64, SourceError> {
        let (mut low, mut high) = (first, last.saturating_add(1).max(first));
        let cursor = self.lines.position();
        while (cursor.id > 0 || cursor.discarded.is_some()) && low < high {
            let middle = low + (high - low) / 2;
            let message = match stream.get_first_raw_message_by_subject(">", middle).await {
                Ok(message) => message,
                Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => {
                    high = middle;
                    continue;
                }
                Err(error) => return Err(self.reader.failed(&error)),
            };
            // A message that can't be read counts as new. Reading then starts too early, which only
            // costs time.
            let highest = self.highest(&message.payload);
            let is_new = highest.is_none_or(|(id, ts)| cursor.is_before(id, ts));
            if is_new {
                high = middle;
            } else {
                low = message.sequence.saturating_add(1);
            }
        }
        Ok(low)
    }

    /// The highest identifier in a message, and its time.
    fn highest(&self, payload: &[u8]) -> Option<(u64, i64)> {
        let mut lines = Lines::new("", self.limits.line, 0);
        let mut deltas = Vec::new();
        lines.push(payload, &mut deltas);
        lines.finish(&mut deltas);
        deltas.last().map(|delta| (delta.id, delta.ts))
    }

    async fn listen(&mut self) -> Result<Event, SourceError> {
        let mut deltas = Vec::new();
        loop {
            match self.reader.receive().await? {
                Received::Quiet => return self.is_quiet().await,
                Received::Message(message) => self.take(&message, &mut deltas),
            }
            while deltas.len() < BATCH && self.pending.is_none() {
                match self.reader.receive_now() {
                    Some(Ok(message)) => self.take(&message, &mut deltas),
                    Some(Err(error)) => self.pending = Some(self.resume(error)),
                    None => break,
                }
            }
            if !deltas.is_empty() {
                return Ok(Event::Deltas(deltas));
            }
            if let Some(error) = self.pending.take() {
                return Err(error);
            }
        }
    }

    fn take(&mut self, message: &StreamMessage, deltas: &mut Vec<Delta>) {
        self.is_fruitful = true;
        if let Some((last, _)) = &mut self.last {
            if message.sequence > *last + 1 {
                let place = self.reader.place.clone();
                let (first, last) = (*last + 1, message.sequence - 1);
                self.pending = Some(SourceError::Lost { place, first, last });
            }
            *last = message.sequence;
        }
        let birth = self.last.as_ref().map(|(_, birth)| birth);
        let is_again = |(end, of): &(u64, String)| Some(of) == birth && message.sequence <= *end;
        if self.again.take_if(|again| !is_again(again)).is_some() {
            self.lines.end_discarded();
        }
        self.lines.restart(0);
        self.lines.push(&message.payload, deltas);
        self.lines.finish(deltas);
        if let Some(SourceError::BrokenLines { place, at, count, cause }) = self.lines.broken() {
            let at = format!("message {}, {at}", message.sequence);
            self.pending.get_or_insert(SourceError::BrokenLines { place, at, count, cause });
        }
    }

    /// No message has arrived for a while: checks whether the stream has one.
    async fn is_quiet(&mut self) -> Result<Event, SourceError> {
        let stream = match self.reader.stream().await {
            Ok(stream) => stream,
            Err(error) => {
                self.reader.close();
                return Err(error);
            }
        };
        let info = stream.cached_info();
        let seen = self.last.as_ref().map(|(last, birth)| (*last, birth.as_str()));
        if seen == Some((info.state.last_sequence, &*info.created.to_string())) {
            return Ok(Event::Unchanged);
        }
        // The message may be on its way.
        if let Ok(heard) = timeout(STRAY, self.reader.receive()).await
            && let Received::Message(message) = heard?
        {
            let mut deltas = Vec::new();
            self.take(&message, &mut deltas);
            return Ok(Event::Deltas(deltas));
        }
        Err(self.reader.end("there are messages that did not come"))
    }

    /// After an error: at once if there was a message since the last one.
    fn resume(&mut self, error: SourceError) -> SourceError {
        if !error.is_content() && !self.is_fruitful {
            self.pace.wrong(None);
        }
        match error {
            SourceError::Interrupted { place, cause, .. } => {
                SourceError::Interrupted { place, cause, after: self.lines.cursor() }
            }
            other => other,
        }
    }
}

impl Source for NatsDeltas {
    fn status(&self) -> &StatusHandle {
        &self.status
    }

    /// The stream is read again: changes that count now may be in it, beside those that were given
    /// up.
    fn rewind(&mut self, to: Cursor) {
        self.lines.rewind(to);
        self.again = self.last.take();
        self.reader.close();
        self.pace.now();
    }

    fn step(&mut self) -> Next<'_> {
        Box::pin(self.look())
    }
}
