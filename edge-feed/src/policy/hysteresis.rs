//! Hysteresis: a server comes in at one score and leaves at a lower one.

use serde::{Deserialize, Serialize};

use super::error::{PolicyError, check_score};
use super::state::HysteresisMemory;
use crate::server::ACTIVE_SCORE;

/// A server comes in at one score and leaves at another.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hysteresis {
    /// The score at which a server comes in.
    pub enter: f64,
    /// The score below which it leaves, at once.
    pub leave: f64,
    /// How long its score must have been `enter` or more before it comes in.
    #[serde(default)]
    pub dwell_seconds: u32,
}

impl Hysteresis {
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        check_score("hysteresis.enter", self.enter)?;
        check_score("hysteresis.leave", self.leave)?;
        if self.leave <= self.enter {
            return Ok(());
        }
        let cause = format!("{} is above enter = {}", self.leave, self.enter);
        Err(PolicyError::new(
            "hysteresis.leave",
            cause,
            "let servers leave at what they enter at, or below",
        ))
    }

    /// Whether a server is in at `now`, in seconds since 1970. Updates the memory of this server.
    pub(super) fn admits(
        &self,
        memory: &mut HysteresisMemory,
        id: u64,
        score: f64,
        now: i64,
    ) -> bool {
        if memory.inside.contains(&id) {
            if score >= self.leave {
                return true;
            }
            memory.inside.remove(&id);
            return false;
        }
        if !memory.begun {
            // Nothing is remembered yet: the pool's own limit applies, within the two scores.
            let enters = score >= ACTIVE_SCORE.clamp(self.leave, self.enter);
            if enters {
                memory.inside.insert(id);
            }
            return enters;
        }
        if score < self.enter {
            memory.waiting.remove(&id);
            return false;
        }
        let since = *memory.waiting.entry(id).or_insert(now);
        // A clock that was set back makes no server wait longer than the dwell time.
        let since = since.min(now);
        if now.saturating_sub(since) < i64::from(self.dwell_seconds) {
            memory.waiting.insert(id, since);
            return false;
        }
        memory.waiting.remove(&id);
        memory.inside.insert(id);
        true
    }
}
