//! One monitor's score of one server, and its newest result.
//!
//! The newest result is enough: a late row doesn't move the score of a server, so that no earlier
//! result is needed. The only exception is a server of which only paused monitors have reported: it
//! waits for a row that is newer than theirs.

use serde::{Deserialize, Serialize};

use super::row::Row;
use super::status::MonitorStatus;
use super::step::ScoreStep;

/// The score that a monitor starts from, unless the server's score is known.
pub const INITIAL: f64 = -5.0;

/// One monitor's view of one server.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Monitor {
    /// What it is to the server.
    pub status: MonitorStatus,
    /// Its score, after the last row that came.
    score: f64,
    /// Its newest result, by the result's time.
    newest: Option<Newest>,
}

/// A result, as far as the median needs it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Newest {
    /// When, in seconds since 1970.
    pub ts: i64,
    /// The monitor's score after it.
    pub score: f64,
    /// How long the answer took, in microseconds; 0 when there was none.
    pub rtt: u32,
}

impl Monitor {
    pub(super) fn new(score: f64) -> Self {
        Self { status: MonitorStatus::default(), score, newest: None }
    }

    /// Its score of the server: at most 20; -100 for one that never answers, -200 for one that
    /// denies for good.
    #[must_use]
    pub fn score(&self) -> f64 {
        self.score
    }

    /// Its newest result.
    #[must_use]
    pub fn newest(&self) -> Option<Newest> {
        self.newest
    }

    /// The time of its newest result, in seconds since 1970; 0 without one.
    pub(super) fn last_seen(&self) -> i64 {
        self.newest.map_or(0, |newest| newest.ts)
    }

    /// Applies a result. A late one moves the score like any other, but isn't the newest.
    pub(super) fn observe(&mut self, row: &Row) {
        self.status = row.status.unwrap_or(self.status);
        self.score = match row.score {
            Some(score) => score,
            None => ScoreStep::of(row).apply(self.score),
        };
        if row.ts >= self.last_seen() {
            let rtt = row.rtt.unwrap_or(0);
            self.newest = Some(Newest { ts: row.ts, score: self.score, rtt });
        }
    }
}
