//! Status of a source, readable at any time and from any thread.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;

use super::link::Link;
use super::{Event, SourceError};
use crate::unix_time::now;

/// Status of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SourceStatus {
    /// The path or address.
    pub name: String,
    /// Whether the last attempt succeeded, and for NATS whether there is a connection now.
    pub connected: bool,
    /// When the source last gave an event, of whatever kind, in seconds since 1970.
    pub last_event: Option<i64>,
    /// When it last gave something new, in seconds since 1970.
    pub last_change: Option<i64>,
    /// Its current error.
    pub error: Option<String>,
    /// The kind of that error, in one word.
    pub reason: Option<&'static str>,
    /// Attempts in a row that failed.
    pub retries: u32,
    /// Attempts that failed, since the start.
    pub failures: u64,
    /// Deltas or results that arrived and were new.
    pub deltas: u64,
    /// Lines that were skipped because they can't be read.
    pub broken_lines: u64,
    /// Messages that were deleted before they could be read.
    pub lost: u64,
}

/// A handle to a source's status. Clones share it; any thread may read it.
#[derive(Clone, Debug)]
pub struct StatusHandle {
    name: Arc<str>,
    picture: Arc<Mutex<SourceStatus>>,
    link: Option<Link>,
    waker: Arc<Notify>,
}

impl StatusHandle {
    pub(crate) fn new(name: &str, link: Option<Link>) -> Self {
        let picture = SourceStatus { name: name.to_owned(), ..SourceStatus::default() };
        let (picture, waker) = (Arc::new(Mutex::new(picture)), Arc::default());
        Self { name: name.into(), picture, link, waker }
    }

    /// What the source is called in messages: a path or an address.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ends the pause that the source makes, or else its next one: it tries again now.
    pub fn retry(&self) {
        self.waker.notify_one();
    }

    pub(crate) const fn waker(&self) -> &Arc<Notify> {
        &self.waker
    }

    /// The status now.
    #[must_use]
    pub fn read(&self) -> SourceStatus {
        let mut status = self.picture.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(link) = self.link.as_ref().map(Link::read)
            && !link.connected
        {
            status.connected = false;
            if status.error.is_none() {
                status.error = link.error;
                status.reason = Some("unreachable");
            }
        }
        status
    }

    /// Records the result that [`super::Source::next`] is about to return.
    pub(crate) fn note(&self, result: &Result<Event, SourceError>) {
        let mut status = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(event) => {
                let now = now();
                status.connected = true;
                status.last_event = Some(now);
                status.error = None;
                status.reason = None;
                status.retries = 0;
                let lines = match event {
                    Event::Deltas(deltas) => deltas.len(),
                    Event::Results(rows) => rows.len(),
                    _ => 0,
                };
                status.deltas += u64::try_from(lines).unwrap_or(u64::MAX);
                if *event != Event::Unchanged {
                    status.last_change = Some(now);
                }
            }
            Err(error) => {
                match error {
                    SourceError::BrokenLines { count, .. } => status.broken_lines += count,
                    SourceError::Lost { first, last, .. } => {
                        status.lost += last.saturating_sub(*first).saturating_add(1);
                    }
                    _ => {
                        status.connected = false;
                        status.retries = status.retries.saturating_add(1);
                        status.failures += 1;
                    }
                }
                status.error = Some(error.to_string());
                status.reason = Some(error.reason());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::StatusHandle;
    use crate::source::{Event, SourceError};

    #[test]
    fn a_status_says_what_is_wrong_until_it_is_well_again() {
        let status = StatusHandle::new("x", None);
        assert!(!status.read().connected);
        let slow = || SourceError::Slow { place: "x".to_owned(), stage: "no answer", seconds: 1.0 };
        status.note(&Err(slow()));
        status.note(&Err(slow()));
        let read = status.read();
        assert_eq!((read.retries, read.reason, read.connected), (2, Some("slow"), false));
        assert!(read.error.unwrap().starts_with("x: no answer within 1 s"));
        status.note(&Ok(Event::Unchanged));
        let read = status.read();
        assert_eq!((read.retries, read.failures, read.error), (0, 2, None));
        assert!(read.connected && read.last_event.is_some() && read.last_change.is_none());
    }

    #[test]
    fn broken_lines_are_counted_and_are_no_failure_of_the_way() {
        let status = StatusHandle::new("x", None);
        status.note(&Ok(Event::Unchanged));
        status.note(&Err(SourceError::BrokenLines {
            place: "x".to_owned(),
            at: "octet 3".to_owned(),
            count: 7,
            cause: "nonsense".to_owned(),
        }));
        let read = status.read();
        assert_eq!((read.broken_lines, read.failures, read.connected), (7, 0, true));
        let error = read.error.unwrap();
        assert_eq!(error, "x: 7 broken line(s) skipped, the first at octet 3: nonsense");
    }
}
