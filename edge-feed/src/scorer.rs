//! Computes scores from monitors' results, as the pool's `recentmedian` does.
//!
//! Each monitor has a score for each server, and each result moves that score by a step ([`step`]).
//! The score of a server is the lower median of its monitors' recent scores ([`recentmedian`]).
//! Rows that can't be true are refused.

mod log;
mod monitor;
pub mod recentmedian;
mod row;
mod status;
pub mod step;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use monitor::{INITIAL, Monitor, Newest};
use row::SCORES;
pub use row::{AHEAD, Attributes, Row, RowError, SERVERS};
pub use status::MonitorStatus;

use crate::Delta;
use crate::delta::Change;
use log::Logged;

/// The most monitors that are kept of one server. When there are more, the one with the oldest
/// result is dropped.
pub const MONITORS: usize = 256;

/// State of the scorer. It is kept on disk and read back unmodified. Of each server and monitor it
/// holds the newest result and the score.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scorer {
    /// The identifier of the last row.
    #[serde(default)]
    cursor: u64,
    #[serde(default)]
    servers: BTreeMap<u64, Scored>,
}

/// What is known of a server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Scored {
    monitors: BTreeMap<u64, Monitor>,
    /// Its score and since when: `servers.score_raw` and `servers.score_ts`.
    score: Option<f64>,
    score_ts: i64,
    /// What its monitors start from, if that is known.
    start: Option<f64>,
    /// What was last written of it to the log of scores.
    logged: Option<Logged>,
}

/// Effect of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The server's new score, if it is another than before.
    pub delta: Option<Delta>,
    /// Whether the pool would write this score to its log (`log_scores`). The pool leaves out rows
    /// that repeat the last one.
    pub logged: bool,
}

impl Scorer {
    /// The identifier of the last row that was taken; rows up to this one change nothing.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// A server's score now; `None` before enough results.
    #[must_use]
    pub fn score(&self, server_id: u64) -> Option<f64> {
        self.servers.get(&server_id)?.score
    }

    /// A monitor's own score of a server.
    #[must_use]
    pub fn monitor(&self, server_id: u64, monitor_id: u64) -> Option<&Monitor> {
        self.servers.get(&server_id)?.monitors.get(&monitor_id)
    }

    /// Servers that are known.
    #[must_use]
    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    /// Removes a server.
    pub fn forget(&mut self, server_id: u64) {
        self.servers.remove(&server_id);
    }

    /// Sets a server's score at `ts`, in seconds since 1970. A node that starts in the middle of
    /// the results would otherwise treat each server as new: new monitors start from this score. It
    /// changes nothing for a server that has a score.
    ///
    /// # Errors
    /// When the server is new and there are [`SERVERS`] already.
    pub fn seed(&mut self, server_id: u64, score: f64, ts: i64) -> Result<(), RowError> {
        let scored = self.scored(server_id)?;
        if scored.score.is_none() && score.is_finite() {
            let score = score.clamp(*SCORES.start(), *SCORES.end());
            scored.score = Some(score);
            scored.start = Some(score);
            scored.score_ts = ts;
        }
        Ok(())
    }

    /// Goes on after the row `cursor`, with identifiers that were used before. Scores are unknown
    /// until they are set by [`seed`](Self::seed) or computed; monitors keep theirs.
    pub fn return_to(&mut self, cursor: u64) {
        self.cursor = self.cursor.min(cursor);
        for scored in self.servers.values_mut() {
            (scored.score, scored.score_ts, scored.start) = (None, 0, None);
        }
    }

    /// Sets the status of a monitor towards a server (`server_scores.status`). Rows with a status
    /// do the same.
    ///
    /// # Errors
    /// When the server is new and there are [`SERVERS`] already.
    pub fn set_status(
        &mut self,
        server_id: u64,
        monitor_id: u64,
        status: MonitorStatus,
    ) -> Result<(), RowError> {
        self.scored(server_id)?.monitor(monitor_id).status = status;
        Ok(())
    }

    /// Applies a result at the time `now`, in seconds since 1970. Returns the server's new score if
    /// it has changed.
    ///
    /// # Errors
    /// When the row can't be true; then nothing has changed.
    pub fn observe(&mut self, row: &Row, now: i64) -> Result<Option<Delta>, RowError> {
        Ok(self.observe_logged(row, now)?.delta)
    }

    /// As [`observe`](Self::observe). Also returns whether the pool would write a row of its own.
    ///
    /// # Errors
    /// When the row can't be true; then nothing has changed.
    pub fn observe_logged(&mut self, row: &Row, now: i64) -> Result<Observed, RowError> {
        row.check(now)?;
        if row.id.is_some_and(|id| id <= self.cursor) {
            return Ok(Observed { delta: None, logged: false });
        }
        let id = row.id.unwrap_or_else(|| self.cursor.saturating_add(1));
        let scored = self.scored(row.server_id)?;
        scored.monitor(row.monitor_id).observe(row);
        let observed = scored.rescore(row.ts, id, row.server_id);
        self.cursor = id;
        Ok(observed)
    }

    fn scored(&mut self, server_id: u64) -> Result<&mut Scored, RowError> {
        if self.servers.len() >= SERVERS && !self.servers.contains_key(&server_id) {
            return Err(RowError::Servers { server_id });
        }
        Ok(self.servers.entry(server_id).or_default())
    }
}

impl Scored {
    /// A monitor, new or known.
    fn monitor(&mut self, monitor_id: u64) -> &mut Monitor {
        if self.monitors.len() >= MONITORS && !self.monitors.contains_key(&monitor_id) {
            let oldest = self.monitors.iter().min_by_key(|(_, monitor)| monitor.last_seen());
            if let Some(oldest) = oldest.map(|(&id, _)| id) {
                self.monitors.remove(&oldest);
            }
        }
        let start = self.start.unwrap_or(INITIAL);
        self.monitors.entry(monitor_id).or_insert_with(|| Monitor::new(start))
    }

    /// The server's score after a row of the time `ts`.
    fn rescore(&mut self, ts: i64, id: u64, server_id: u64) -> Observed {
        let Some(score) = recentmedian::score(&self.monitors, ts) else {
            return Observed { delta: None, logged: false };
        };
        let logged = Logged::write(&mut self.logged, ts, score);
        // As the pool's own statement has it: only to a later time.
        if self.score.is_some() && ts <= self.score_ts {
            return Observed { delta: None, logged };
        }
        let changed = self.score != Some(score);
        self.score = Some(score);
        self.score_ts = ts;
        let delta = Delta { id, ts, change: Change::Score { server_id, score } };
        Observed { delta: changed.then_some(delta), logged }
    }
}

#[cfg(test)]
mod tests;
