//! A score, the time and what is remembered of a server come in; whether it is in goes out.

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

    /// Whether a server is in at `now`, seconds since 1970, and notes what has to be remembered of it.
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
            // Nothing is known of anyone: as the pool has it, as near as the two scores allow.
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
        // A clock that went back makes nobody wait longer than the dwell time.
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
