//! A row of `log_scores`: what a monitor measured of a server.
//!
//! Rows that can't be true are refused.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::status::MonitorStatus;

/// The most servers that are kept.
pub const SERVERS: usize = 65_536;

/// How far a row's time may be ahead of ours, in seconds. A server's score only moves to a later
/// time, so that one row from the far future would block it for ever.
pub const AHEAD: i64 = 600;

/// The scores that there can be.
pub(super) const SCORES: std::ops::RangeInclusive<f64> = -200.0..=20.0;

/// What a monitor saw of a server.
///
/// The score of a row with `score` is used unmodified. For a row with `step` the score is computed;
/// for a row with neither, the step is looked up, too.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Row {
    /// Its identifier, by which rows are ordered. Rows without one are taken in the order in which
    /// they come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The monitor's identifier.
    pub monitor_id: u64,
    /// The server's identifier.
    pub server_id: u64,
    /// When, in seconds since 1970.
    pub ts: i64,
    /// How far the server's clock is off, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<f64>,
    /// How long the answer took, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt: Option<u32>,
    /// By how much the result moves the monitor's score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    /// The monitor's score of the server after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What else was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
    /// The monitor's status towards the server (`server_scores.status`); unchanged if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<MonitorStatus>,
}

/// What else a monitor saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Attributes {
    /// The leap indicator.
    pub leap: u8,
    /// The stratum, if it was noted. The pool writes none where it is 0 or of no account.
    pub stratum: Option<u8>,
    /// Whether there was no answer.
    pub no_response: bool,
    /// What was wrong: a kiss code, or a text.
    pub error: String,
    /// What was odd.
    pub warning: String,
}

/// Why a row is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RowError {
    /// Its time isn't one, or is too far ahead.
    #[error(
        "result of monitor {monitor_id} for server {server_id}: time {ts} isn't between 0 and {AHEAD} s from now; \
         set that monitor's clock"
    )]
    Time {
        /// The monitor's identifier.
        monitor_id: u64,
        /// The server's identifier.
        server_id: u64,
        /// Its time, in seconds since 1970.
        ts: i64,
    },
    /// A number is out of its range.
    #[error(
        "result of monitor {monitor_id} for server {server_id}: {field} is out of range; step is from -10 to 1, \
         score from -200 to 20"
    )]
    Range {
        /// The monitor's identifier.
        monitor_id: u64,
        /// The server's identifier.
        server_id: u64,
        /// The field.
        field: &'static str,
    },
    /// There are too many servers.
    #[error(
        "server {server_id}: {SERVERS} servers are scored already; are these the identifiers of servers?"
    )]
    Servers {
        /// The server's identifier.
        server_id: u64,
    },
}

impl Row {
    /// Whether it can be true.
    pub(super) fn check(&self, now: i64) -> Result<(), RowError> {
        let (monitor_id, server_id) = (self.monitor_id, self.server_id);
        if self.ts < 0 || self.ts > now.saturating_add(AHEAD) {
            return Err(RowError::Time { monitor_id, server_id, ts: self.ts });
        }
        let range = |field| Err(RowError::Range { monitor_id, server_id, field });
        if self.step.is_some_and(|step| !(-10.0..=1.0).contains(&step)) {
            return range("step");
        }
        if self.score.is_some_and(|score| !SCORES.contains(&score)) {
            return range("score");
        }
        if self.offset.is_some_and(|offset| !offset.is_finite()) {
            return range("offset");
        }
        Ok(())
    }
}
