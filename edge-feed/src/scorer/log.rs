//! Selection of the scores that the pool's scorer writes to its log.

use serde::{Deserialize, Serialize};

/// How long the same score isn't written again, in seconds.
const SAME: i64 = 900;

/// How long a score within [`CLOSE`] of the last one isn't written, in seconds.
const SIMILAR: i64 = 300;

/// What is close, as a part of the last score.
const CLOSE: f64 = 0.05;

/// What scores may differ by and be the same.
const EQUAL: f64 = 1e-12;

/// The last score that was written.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Logged {
    ts: i64,
    score: f64,
}

impl Logged {
    /// Whether a score is to be written; if so, it is the last one from now on.
    pub(super) fn write(last: &mut Option<Self>, ts: i64, score: f64) -> bool {
        let write = last.is_none_or(|last| last.lets(ts, score));
        if write {
            *last = Some(Self { ts, score });
        }
        write
    }

    fn lets(self, ts: i64, score: f64) -> bool {
        let apart = (score - self.score).abs();
        let since = ts.saturating_sub(self.ts);
        // Of two scores one of which is 0, only the other 0 is close.
        let close = apart <= EQUAL || (score != 0.0 && apart <= self.score.abs() * CLOSE);
        since >= 0 && !(apart <= EQUAL && since < SAME) && !(close && since < SIMILAR)
    }
}

#[cfg(test)]
mod tests {
    use super::Logged;

    #[test]
    fn a_score_is_written_when_it_says_something_new() {
        let mut last = None;
        let mut write = |ts, score| Logged::write(&mut last, ts, score);
        assert!(write(1_000, 20.0));
        assert!(!write(1_000, 20.0));
        assert!(!write(1_899, 20.0));
        assert!(write(1_900, 20.0));
        // Within 5 %: not for five minutes.
        assert!(!write(2_199, 19.0));
        assert!(write(2_200, 19.0));
        assert!(write(2_201, 18.0));
        // Late.
        assert!(!write(2_200, -40.0));
        assert!(write(2_201, 0.0));
        assert!(!write(2_202, 0.0));
        assert!(write(2_203, 0.01));
        assert!(write(2_204, -0.01));
    }
}
