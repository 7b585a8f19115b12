//! The sources of `[feed]`, each with a task that forwards its events.

use std::sync::Arc;

use edge_feed::Cursor;
use edge_feed::source::nats::{Nats, NatsDeltas, NatsDocument, bucket_of};
use edge_feed::source::{
    DocumentKind, Event, FileDocument, HttpDocument, HttpStream, Source, SourceError, Tail,
};
use tokio::sync::{mpsc, watch};

use super::view::View;
use crate::settings::{Feed, Place};

/// What a source has sent.
pub(super) struct SourceResult {
    /// Its name.
    pub(super) place: Arc<str>,
    pub(super) result: Result<Event, SourceError>,
    /// How often the pool had gone back, as the source knew.
    pub(super) returns: u64,
}

/// Which of the two cursors a source follows.
#[derive(Clone, Copy, Debug)]
enum Followed {
    Changes,
    Results,
}

/// Where changes and results go on after the pool has gone back.
#[derive(Clone, Copy, Debug)]
struct Restart {
    returns: u64,
    changes: Cursor,
    results: Cursor,
}

/// Events that may wait. Documents are large, and each source holds one more.
pub(super) const WAITING: usize = 4;

/// Where sources are started.
pub(super) struct Sources {
    config: Feed,
    nats: Option<Nats>,
    into: mpsc::Sender<SourceResult>,
    view: View,
    restarts: watch::Sender<Restart>,
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
        let (changes, results) = (0.into(), 0.into());
        let (restarts, _) = watch::channel(Restart { returns: 0, changes, results });
        (Self { config, nats, into, view, restarts }, result)
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

    /// Lets sources of changes and results go on at other cursors: the pool has gone back, for the
    /// time `returns`. Until they do, what they send is marked by the `returns` of before.
    pub(super) fn restart(&self, returns: u64, changes: Cursor, results: Cursor) {
        self.restarts.send_replace(Restart { returns, changes, results });
    }

    /// Starts those of changes, from after this change or this result on.
    ///
    /// # Errors
    /// Those that can't be, a line each; the others are started.
    pub(super) fn start_changes(&self, cursor: Cursor, results: Cursor) -> Vec<String> {
        let config = &self.config;
        let limits = config.limits();
        let mut errors = Vec::new();
        match &config.deltas {
            Some(Place::File(path)) => {
                self.follow(Box::new(Tail::new(path, cursor, limits)), Followed::Changes);
            }
            Some(Place::Address(url)) => match HttpStream::new(&config.http(url), cursor) {
                Ok(source) => self.follow(Box::new(source), Followed::Changes),
                Err(cause) => errors.push(cause.to_string()),
            },
            None => {}
        }
        if let Some(path) = &config.results {
            self.follow(Box::new(Tail::results(path, results, limits)), Followed::Results);
        }
        let stream = config.nats.as_ref().and_then(|from| from.stream.as_ref());
        if let (Some(nats), Some(stream)) = (&self.nats, stream) {
            let source = NatsDeltas::new(nats, stream, cursor, limits);
            self.follow(Box::new(source), Followed::Changes);
        }
        errors
    }

    fn start_made<S: Source + 'static>(&self, made: Result<S, SourceError>) -> Option<String> {
        made.map(|source| self.start(Box::new(source))).err().map(|cause| cause.to_string())
    }

    /// Starts a source of documents.
    fn start(&self, mut source: Box<dyn Source>) {
        self.view.add_source(source.status().clone());
        let (place, into): (Arc<str>, _) = (source.name().into(), self.into.clone());
        tokio::spawn(async move {
            loop {
                let result = tokio::select! {
                    result = source.next() => result,
                    () = into.closed() => return,
                };
                let sent = SourceResult { place: Arc::clone(&place), result, returns: 0 };
                if into.send(sent).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Starts a source of changes or results, which goes back when the pool does.
    fn follow(&self, mut source: Box<dyn Source>, followed: Followed) {
        self.view.add_source(source.status().clone());
        let (place, into): (Arc<str>, _) = (source.name().into(), self.into.clone());
        let mut restarts = self.restarts.subscribe();
        let mut returns = restarts.borrow_and_update().returns;
        tokio::spawn(async move {
            loop {
                let result = tokio::select! {
                    biased;
                    Ok(()) = restarts.changed() => {
                        let restart = *restarts.borrow_and_update();
                        returns = restart.returns;
                        source.rewind(match followed {
                            Followed::Changes => restart.changes,
                            Followed::Results => restart.results,
                        });
                        continue;
                    }
                    () = into.closed() => return,
                    result = source.next() => result,
                };
                let sent = SourceResult { place: Arc::clone(&place), result, returns };
                if into.send(sent).await.is_err() {
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
