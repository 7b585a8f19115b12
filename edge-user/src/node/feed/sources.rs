//! The sources of `[feed]`, each with a task that forwards its events.

use std::sync::Arc;

use edge_feed::source::nats::{Nats, NatsDeltas, NatsDocument, bucket_of};
use edge_feed::source::{
    DocumentKind, Event, FileDocument, HttpDocument, HttpStream, Source, SourceError, Tail,
};
use tokio::sync::mpsc;

use super::view::View;
use crate::settings::{Feed, Place};

/// A source's name, and its event or error.
pub(super) type SourceResult = (Arc<str>, Result<Event, SourceError>);

/// Events that may wait. Documents are large, and each source holds one more.
pub(super) const WAITING: usize = 4;

/// Where sources are started.
pub(super) struct Sources {
    config: Feed,
    nats: Option<Nats>,
    into: mpsc::Sender<SourceResult>,
    view: View,
}

impl Sources {
    /// Nothing is started yet; `name` is what NATS calls us.
    ///
    /// # Errors
    /// When NATS can't be asked so.
    pub(super) async fn new(
        config: Feed,
        name: &str,
        into: mpsc::Sender<SourceResult>,
        view: View,
    ) -> (Self, Result<(), SourceError>) {
        let connected = match &config.nats {
            Some(nats) => Nats::connect(&nats.client(name)).await.map(Some),
            None => Ok(None),
        };
        let (nats, result) = match connected {
            Ok(nats) => (nats, Ok(())),
            Err(cause) => (None, Err(cause)),
        };
        (Self { config, nats, into, view }, result)
    }

    /// The connection to NATS, if one is configured.
    pub(super) fn nats(&self) -> Option<&Nats> {
        self.nats.as_ref()
    }

    /// Starts those of documents.
    ///
    /// # Errors
    /// Those that can't be, a line each; the others are started.
    pub(super) fn start_documents(&self) -> Vec<String> {
        let config = &self.config;
        let (limits, is_signed) = (config.limits(), is_signed(config));
        let mut errors = Vec::new();
        match &config.snapshot {
            Some(place @ Place::File(path)) => {
                let every = config.every(place);
                self.start(Box::new(FileDocument::new(
                    path,
                    DocumentKind::Snapshot,
                    every,
                    limits,
                )));
            }
            Some(Place::Address(url)) => {
                let made = HttpDocument::snapshot(&config.http(url), is_signed);
                errors.extend(self.start_made(made));
            }
            None => {}
        }
        if let Some(zones) = &config.zones {
            for origin in &zones.origins {
                let made = HttpDocument::zone(&http_of(config, zones), origin, is_signed);
                errors.extend(self.start_made(made));
            }
        }
        if let (Some(nats), Some(from)) = (&self.nats, &config.nats) {
            if let Some(bucket) = &from.bucket {
                self.start(Box::new(NatsDocument::new(
                    nats,
                    bucket,
                    DocumentKind::Snapshot,
                    limits,
                )));
            }
            for origin in &from.zones {
                let kind = DocumentKind::Zone { apex: origin.clone() };
                self.start(Box::new(NatsDocument::new(nats, &bucket_of(origin), kind, limits)));
            }
        }
        errors
    }

    /// Starts those of changes, from after this change or this result on.
    ///
    /// # Errors
    /// Those that can't be, a line each; the others are started.
    pub(super) fn start_changes(&self, cursor: u64, results: u64) -> Vec<String> {
        let config = &self.config;
        let limits = config.limits();
        let mut errors = Vec::new();
        match &config.deltas {
            Some(Place::File(path)) => self.start(Box::new(Tail::new(path, cursor, limits))),
            Some(Place::Address(url)) => {
                errors.extend(self.start_made(HttpStream::new(&config.http(url), cursor)));
            }
            None => {}
        }
        if let Some(path) = &config.results {
            self.start(Box::new(Tail::results(path, results, limits)));
        }
        let stream = config.nats.as_ref().and_then(|from| from.stream.as_ref());
        if let (Some(nats), Some(stream)) = (&self.nats, stream) {
            self.start(Box::new(NatsDeltas::new(nats, stream, cursor, limits)));
        }
        errors
    }

    fn start_made<S: Source + 'static>(&self, made: Result<S, SourceError>) -> Option<String> {
        made.map(|source| self.start(Box::new(source))).err().map(|cause| cause.to_string())
    }

    fn start(&self, mut source: Box<dyn Source>) {
        self.view.add_source(source.status().clone());
        let (name, into): (Arc<str>, _) = (source.name().into(), self.into.clone());
        tokio::spawn(async move {
            loop {
                let result = tokio::select! {
                    result = source.next() => result,
                    () = into.closed() => return,
                };
                if into.send((Arc::clone(&name), result)).await.is_err() {
                    return;
                }
            }
        });
    }
}

fn is_signed(config: &Feed) -> bool {
    config.guard.public_key.is_some() || config.guard.public_key_file.is_some()
}

fn http_of(
    config: &Feed,
    zones: &crate::settings::ZoneServer,
) -> edge_feed::source::http::HttpConfig {
    edge_feed::source::http::HttpConfig {
        token_file: zones.token_file.clone(),
        ca_file: zones.ca_file.clone(),
        every: std::time::Duration::from_secs(zones.every_seconds.get().into()),
        ..config.http(&zones.url)
    }
}

/// What is wrong with the sources' settings, without asking any: a line each.
#[must_use]
pub(super) fn check(config: &Feed) -> Vec<String> {
    let is_signed = is_signed(config);
    let address = |place: &Option<Place>| match place {
        Some(Place::Address(url)) => Some(config.http(url)),
        _ => None,
    };
    let mut made: Vec<Result<(), SourceError>> = Vec::new();
    made.extend(address(&config.snapshot).map(|h| HttpDocument::snapshot(&h, is_signed).map(drop)));
    made.extend(address(&config.deltas).map(|h| HttpStream::new(&h, 0).map(drop)));
    if let Some(zones) = &config.zones {
        let http = http_of(config, zones);
        let zones = zones.origins.iter();
        made.extend(zones.map(|origin| HttpDocument::zone(&http, origin, is_signed).map(drop)));
    }
    made.into_iter().filter_map(Result::err).map(|cause| format!("feed: {cause}")).collect()
}
