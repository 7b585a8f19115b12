//! The reasons why the clock doesn't count as synchronised.

use std::net::SocketAddr;

use super::daemon::Fault;
use super::message::Refusal;
use super::timestamp::SECOND;

/// Why the clock doesn't count as synchronised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Nothing is known yet.
    #[error("the daemon at {0} hasn't answered yet")]
    Unheard(SocketAddr),
    /// The daemon gave no good answer.
    #[error("the daemon at {0}: {1}")]
    Daemon(SocketAddr, Fault),
    /// Nothing has gone wrong, but no answer has arrived for so many seconds.
    #[error("the daemon at {0} was last asked {1} s ago: this node is too busy")]
    Late(SocketAddr, u64),
    /// The daemon's time is another than the clock shows.
    #[error(
        "the daemon at {daemon} has a time that is {} s from this host's clock, more than the {} s that it may be \
         wrong: it doesn't discipline this clock (yet); name the one that does in ntp.source",
        seconds(*.offset), seconds(*.allowed)
    )]
    Disagrees {
        /// The daemon that was asked.
        daemon: SocketAddr,
        /// Its time less the clock's, in nanoseconds.
        offset: i64,
        /// How much would do.
        allowed: i64,
    },
    /// The real clock was stepped; nanoseconds.
    #[error("the clock was stepped by {} s, and the daemon hasn't answered since", seconds(*.0))]
    Stepped(i64),
    /// The host was suspended; nanoseconds.
    #[error("the host was suspended for {} s, and the daemon hasn't answered since", seconds(*.0))]
    Suspended(i64),
    /// The daemon smears, and it isn't known how fast.
    #[error("the daemon at {0} smears a leap second; a few more answers will show how fast")]
    Smear(SocketAddr),
}

impl Reason {
    /// A word for it, as a metric's label has it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Unheard(_) => "unheard",
            Self::Daemon(_, fault) => match fault {
                Fault::Silent => "silent",
                Fault::Refused => "refused",
                Fault::Slow(_) => "slow",
                Fault::Network(_) => "network",
                Fault::Stepped => "stepped",
                Fault::Refusal(Refusal::Foreign(_)) => "foreign",
                Fault::Refusal(Refusal::Unsynchronised) => "unsynchronised",
                Fault::Refusal(Refusal::Stratum(_)) => "stratum",
                Fault::Refusal(Refusal::Kiss(_)) => "kiss",
                Fault::Refusal(Refusal::RootDistance) => "distance",
                Fault::Refusal(Refusal::Timestamps(_)) => "timestamps",
            },
            Self::Late(..) => "late",
            Self::Disagrees { .. } => "disagrees",
            Self::Stepped(_) => "stepped",
            Self::Suspended(_) => "suspended",
            Self::Smear(_) => "smear",
        }
    }
}

/// Seconds as people read them.
pub(super) fn seconds(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let magnitude = nanoseconds.unsigned_abs();
    format!("{sign}{}.{:06}", magnitude / SECOND, magnitude / 1000 % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::{Reason, seconds};

    #[test]
    fn spans_are_shown_in_seconds_with_their_sign() {
        assert_eq!(seconds(-1_500_000_000), "-1.500000");
        assert_eq!(seconds(20_999), "0.000020");
        assert_eq!(seconds(i64::MIN), "-9223372036.854775");
    }

    #[test]
    fn a_disagreement_names_both_spans_and_the_way_out() {
        let daemon = "127.0.0.1:123".parse().unwrap();
        let reason = Reason::Disagrees { daemon, offset: -3_000_000_000, allowed: 10_000_000 };
        let text = reason.to_string();
        assert!(text.contains("is -3.000000 s from"), "{text}");
        assert!(text.contains("the 0.010000 s that"), "{text}");
        assert!(text.ends_with("in ntp.source"), "{text}");
    }
}
