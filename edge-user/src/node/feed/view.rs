//! The feed's status, written by its thread and read by any other.
//!
//! Reading never waits for the feed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use edge_feed::guard::{self, Freshness};
use edge_feed::source::{SourceStatus, StatusHandle as SourceView};

use super::intake::{Counted, Intake};
use super::now;
use crate::node::status::{Feed, FeedSource};

/// How the feed is, shared with its thread.
#[derive(Clone, Debug, Default)]
pub struct View(Arc<Mutex<Picture>>);

#[derive(Debug, Default)]
struct Picture {
    /// From when the oldest feed is, in seconds since 1970.
    good: Option<i64>,
    /// Ages that are worth a warning and an alarm, in seconds.
    ages: [u32; 2],
    guard: Option<guard::GuardStatus>,
    cursor: Option<u64>,
    /// Until when an older or smaller document is allowed, in seconds since 1970.
    allowed_until: Option<i64>,
    counted: Counted,
    serials: BTreeMap<String, u32>,
    sources: Vec<SourceView>,
    /// What is wrong with feeds, the disk, and the fleet.
    errors: Vec<String>,
    disk: Option<String>,
    fleet: Option<String>,
    /// Of a node with a fleet: what is wrong with the node's name, if anything.
    fleet_conflict: Option<Option<String>>,
}

impl View {
    fn with<T>(&self, change: impl FnOnce(&mut Picture) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a look at the intake.
    pub(super) fn look(&self, intake: &Intake, now: i64) {
        let status = intake.guard().status(now);
        let config = intake.guard().config();
        let ages = [config.warn_seconds, config.alarm_seconds];
        self.with(|picture| {
            picture.good = status.age.map(|age| now.saturating_sub(age));
            picture.ages = ages;
            picture.cursor = intake.pool().map(edge_feed::Pool::cursor);
            picture.counted = intake.counted();
            picture.allowed_until = intake.guard().allowed_until(now);
            picture.errors = intake.errors().cloned().collect();
            picture.guard = Some(status);
        });
    }

    /// A zone is handed over; one without a serial is gone.
    pub(super) fn hand_over(&self, origin: &str, serial: Option<u32>) {
        self.with(|picture| match serial {
            Some(serial) => drop(picture.serials.insert(origin.to_owned(), serial)),
            None => drop(picture.serials.remove(origin)),
        });
    }

    pub(super) fn add_source(&self, source: SourceView) {
        self.with(|picture| picture.sources.push(source));
    }

    /// Lets each source that pauses try again now. Returns their names.
    pub(super) fn retry(&self) -> Vec<String> {
        let sources = self.with(|picture| picture.sources.clone());
        sources.iter().for_each(SourceView::retry);
        sources.iter().map(|source| source.name().to_owned()).collect()
    }

    /// What is wrong with the disk, if anything.
    pub(super) fn set_disk_error(&self, error: Option<String>) {
        self.with(|picture| picture.disk = error);
    }

    /// What is wrong with the way to the fleet, if anything.
    pub(super) fn set_fleet_error(&self, error: Option<String>) {
        self.with(|picture| picture.fleet = error);
    }

    /// What is wrong with the node's name in the fleet, if anything.
    pub(super) fn set_fleet_conflict(&self, conflict: Option<String>) {
        self.with(|picture| picture.fleet_conflict = Some(conflict));
    }

    /// The same.
    pub(super) fn fleet_conflict(&self) -> Option<String> {
        self.with(|picture| picture.fleet_conflict.clone().flatten())
    }

    /// How the feed is now.
    #[must_use]
    pub fn read(&self) -> Feed {
        self.read_at(now())
    }

    fn read_at(&self, now: i64) -> Feed {
        let sources: Vec<SourceStatus> =
            self.with(|picture| picture.sources.clone()).iter().map(SourceView::read).collect();
        let left = |end: i64| u64::try_from(end - now).ok().filter(|left| *left > 0);
        let ago = |then: i64| u64::try_from(now.saturating_sub(then)).unwrap_or_default();
        self.with(|picture| {
            let age = picture.good.map(ago);
            let guard = picture.guard.as_ref();
            Feed {
                age_seconds: age,
                serial: picture.serials.values().max().map(|&serial| serial.into()),
                freshness: guard
                    .map(|_| freshness(age, picture.ages).to_owned())
                    .unwrap_or_default(),
                cursor: picture.cursor,
                deltas: picture.counted.deltas,
                deltas_unknown: picture.counted.unknown,
                deltas_broken: picture.counted.broken,
                allow_once_seconds: picture.allowed_until.and_then(left),
                deltas_fallen: picture.counted.fallen,
                lag_seconds: picture.counted.lag.map(i64::unsigned_abs),
                serials: picture.serials.clone(),
                fleet_name_conflict: picture.fleet_conflict.as_ref().map(Option::is_some),
                refusals: guard
                    .map(|guard| guard.refused.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect())
                    .unwrap_or_default(),
                last_refusal: guard.and_then(|guard| guard.last_refusal.clone()),
                last_refusal_seconds: guard.and_then(|guard| guard.last_refusal_ts).map(ago),
                sources: sources.into_iter().map(|source| source_of(source, ago)).collect(),
            }
        })
    }

    /// What is wrong now, a line each.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        let feed = self.read();
        let mut errors = self.with(|picture| {
            let all = picture.errors.iter().chain(&picture.disk).chain(&picture.fleet);
            let all = all.map(|text| format!("feed: {text}"));
            all.chain(picture.fleet_conflict.iter().flatten().cloned()).collect::<Vec<_>>()
        });
        for source in feed.sources.iter().filter_map(|source| source.error.as_ref()) {
            errors.push(format!("feed: {source}"));
        }
        if let (true, Some(age)) = (feed.freshness == ALARM, feed.age_seconds) {
            errors.push(format!(
                "feed: the newest data are {age} s old; check its sources; the last good data are still served"
            ));
        }
        errors
    }
}

/// As metrics and status have it.
const ALARM: &str = "alarm";

/// A feed that has never arrived counts as old, too.
fn freshness(age: Option<u64>, [warn, alarm]: [u32; 2]) -> &'static str {
    let judged = match age {
        Some(age) if age < u64::from(warn) => Freshness::Fresh,
        Some(age) if age < u64::from(alarm) => Freshness::Warn,
        _ => Freshness::Alarm,
    };
    match judged {
        Freshness::Fresh => "fresh",
        Freshness::Warn => "warn",
        Freshness::Alarm => ALARM,
    }
}

fn source_of(source: SourceStatus, ago: impl Fn(i64) -> u64) -> FeedSource {
    FeedSource {
        name: source.name,
        connected: source.connected,
        last_event_seconds: source.last_event.map(&ago),
        last_change_seconds: source.last_change.map(&ago),
        error: source.error,
        reason: source.reason.unwrap_or_default().to_owned(),
        retries: source.retries,
        failures: source.failures,
        deltas: source.deltas,
        broken_lines: source.broken_lines,
        lost: source.lost,
    }
}
