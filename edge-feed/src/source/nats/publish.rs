//! Publication of documents and deltas in NATS.
//!
//! When a call returns, the message is stored on as many servers as the bucket or stream has
//! replicas.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{kv, stream};
use hyper::body::Bytes;

use super::keys::{SIGNATURE, key_of};
use super::{Nats, refused};
use crate::Delta;
use crate::source::document::DocumentKind;
use crate::source::{SourceError, gzip};

/// Values that a bucket keeps, so that operators can see what was published.
const HISTORY: i64 = 5;
/// Octets of a message with deltas, about.
const MESSAGE: usize = 32 << 10;
/// How long a batch of deltas that is published again counts once.
const DUPLICATES: Duration = Duration::from_secs(120);

/// Retention of a stream or bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Servers that hold it: 1, 3 or 5, at most as many as there are.
    pub replicas: usize,
    /// How long deltas are kept. A node that has been away for longer needs a newer snapshot.
    pub age: Duration,
    /// Octets of deltas that are kept.
    pub octets: i64,
}

impl Default for Retention {
    /// One server, a day, 1 GiB.
    fn default() -> Self {
        Self { replicas: 1, age: Duration::from_secs(86_400), octets: 1 << 30 }
    }
}

impl Nats {
    /// Makes a bucket for documents, unless there is one.
    ///
    /// # Errors
    /// When NATS can't be reached or refuses.
    pub async fn make_bucket(&self, bucket: &str, keep: &Retention) -> Result<(), SourceError> {
        self.bucket(bucket, HISTORY, None, keep.replicas).await.map(|_store| ())
    }

    /// A bucket that keeps so many values of each key, each for so long. It is made if there is
    /// none.
    pub(crate) async fn bucket(
        &self,
        bucket: &str,
        history: i64,
        age: Option<Duration>,
        replicas: usize,
    ) -> Result<kv::Store, SourceError> {
        self.reach().await?;
        let place = || format!("nats bucket {bucket}");
        let name = format!("KV_{bucket}");
        if self.jetstream.get_stream(&name).await.is_err() {
            // The stream of a bucket. async-nats' own call first makes a request that servers
            // before 2.10 don't answer.
            let config = stream::Config {
                name,
                subjects: vec![format!("$KV.{bucket}.>")],
                max_messages_per_subject: history,
                max_age: age.unwrap_or_default(),
                duplicate_window: age.map_or(DUPLICATES, |age| age.min(DUPLICATES)),
                num_replicas: replicas,
                discard: stream::DiscardPolicy::New,
                allow_rollup: true,
                deny_delete: true,
                allow_direct: true,
                ..stream::Config::default()
            };
            let made = self.jetstream.create_stream(config).await;
            made.map_err(|cause| failed(place(), &cause))?;
        }
        let store = self.jetstream.get_key_value(bucket).await;
        store.map_err(|cause| failed(place(), &cause))
    }

    /// Makes a stream for deltas, unless there is one. The subject may end in `.>`.
    ///
    /// # Errors
    /// When NATS can't be reached or refuses.
    pub async fn make_stream(
        &self,
        name: &str,
        subject: &str,
        keep: &Retention,
    ) -> Result<(), SourceError> {
        self.reach().await?;
        let place = format!("nats stream {name}");
        if self.jetstream.get_stream(name).await.is_ok() {
            return Ok(());
        }
        let config = stream::Config {
            name: name.to_owned(),
            subjects: vec![subject.to_owned()],
            max_age: keep.age,
            max_bytes: keep.octets,
            num_replicas: keep.replicas,
            duplicate_window: DUPLICATES,
            ..stream::Config::default()
        };
        let made = self.jetstream.create_stream(config).await;
        made.map(|_stream| ()).map_err(|cause| failed(place, &cause))
    }

    /// Puts a document into a bucket, gzipped, with the content of its detached signature if it has
    /// one. Returns its revision.
    ///
    /// # Errors
    /// When NATS can't be reached or refuses, as it does with a message above its `max_payload`.
    pub async fn put(
        &self,
        bucket: &str,
        kind: &DocumentKind,
        octets: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<u64, SourceError> {
        self.reach().await?;
        let key = key_of(kind);
        let place = format!("nats bucket {bucket}, key {key}");
        let packed = gzip::pack(octets).map_err(|cause| failed(place.clone(), &cause))?;
        let limit = self.client.max_payload();
        if packed.len() > limit {
            let cause = format!(
                "{} octets when gzipped, above the server's max_payload of {limit}; raise that",
                packed.len()
            );
            return Err(SourceError::Answer { place, cause });
        }
        let mut headers = HeaderMap::new();
        if let Some(signature) = signature {
            let text = str::from_utf8(signature)
                .map_err(|cause| SourceError::setting("signature", cause))?;
            for line in text.lines() {
                headers.append(SIGNATURE, line);
            }
        }
        let subject = format!("$KV.{bucket}.{key}");
        let message = PublishMessage::build().payload(packed.into()).headers(headers);
        self.send(&place, subject, message).await?.await
    }

    /// Appends deltas to a stream, through one of its subjects, several to a message. Returns the
    /// number of the last message; 0 for no deltas. The same batch published again within two
    /// minutes counts once.
    ///
    /// # Errors
    /// When NATS can't be reached or refuses; then the first of them may be stored.
    pub async fn publish(&self, subject: &str, deltas: &[Delta]) -> Result<u64, SourceError> {
        self.reach().await?;
        let place = format!("nats subject {subject}");
        let mut acknowledged = Vec::new();
        let mut text = Vec::new();
        let mut ids = None;
        let mut rest = deltas.iter().peekable();
        while let Some(delta) = rest.next() {
            serde_json::to_writer(&mut text, delta)
                .map_err(|cause| failed(place.clone(), &cause))?;
            text.push(b'\n');
            let (first, _) = ids.unwrap_or((delta.id, 0));
            ids = Some((first, delta.id));
            if text.len() >= MESSAGE || rest.peek().is_none() {
                let message = PublishMessage::build()
                    .payload(Bytes::from(std::mem::take(&mut text)))
                    .message_id(format!("{first}-{}", delta.id));
                ids = None;
                acknowledged.push(self.send(&place, subject.to_owned(), message).await?);
            }
        }
        let mut last = 0;
        for acknowledgement in acknowledged {
            last = acknowledgement.await?;
        }
        Ok(last)
    }

    /// Sends a message. The returned future waits until it is stored, and gives its number.
    async fn send(
        &self,
        place: &str,
        subject: String,
        message: PublishMessage,
    ) -> Result<impl Future<Output = Result<u64, SourceError>> + use<>, SourceError> {
        let place = place.to_owned();
        let sent = self.jetstream.send_publish(subject, message).await;
        let sent = sent.map_err(|cause| failed(place.clone(), &cause))?;
        Ok(async move {
            let answer = sent.await.map_err(|cause| failed(place.clone(), &cause))?;
            kept(place, &answer)
        })
    }
}

/// The number of a stored message. A server of version 2.9 reports a message as a duplicate with
/// number 0 if it has received it and the other servers haven't confirmed it. Such a message may be
/// lost.
fn kept(place: String, answer: &PublishAck) -> Result<u64, SourceError> {
    if answer.sequence == 0 {
        let cause = "the message is known, but not kept yet; publish it again".to_owned();
        return Err(SourceError::Answer { place, cause });
    }
    Ok(answer.sequence)
}

/// An error of NATS, or no answer.
pub(crate) fn failed(place: String, cause: &(dyn std::error::Error + 'static)) -> SourceError {
    let mut below = Some(cause);
    while let Some(error) = below {
        if let Some(error) = error.downcast_ref::<async_nats::jetstream::Error>() {
            return refused(&place, error);
        }
        below = error.source();
    }
    SourceError::Answer { place, cause: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::{PublishAck, kept};

    #[test]
    fn a_message_counts_as_kept_once_it_has_a_number() {
        let answer = |sequence| PublishAck { sequence, duplicate: true, ..PublishAck::default() };
        assert_eq!(kept(String::new(), &answer(7)).ok(), Some(7));
        assert!(kept(String::new(), &answer(0)).is_err());
    }
}
