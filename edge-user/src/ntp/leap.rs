//! The next leap second, by the daemon's announcement and the kernel's plan.
//!
//! A daemon may announce a leap second a month ahead; it happens at the end of the UTC month's last
//! day. The kernel steps at the end of the day for which it was armed. If the two don't agree,
//! nobody knows what the clock will show after midnight: then the lease ends before.

use super::kernel::LeapSecond;
use super::pair::Pair;
use super::timestamp::{ONE, SECOND};

const DAY: u64 = 86_400 * SECOND;

/// A leap second that is going to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leap {
    /// The nanosecond of the monotonic clock from which the step counts.
    pub at: u64,
    /// The step in units of 2⁻³² s.
    pub step: i64,
}

/// What is known of the end of this day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The leap second, if there is one.
    pub leap: Option<Leap>,
    /// From when on (nanosecond of the monotonic clock) it isn't known what the clock shows, if
    /// there is such a moment.
    pub unknown: Option<u64>,
}

impl Leap {
    fn at_the_end_of_day(pair: &Pair, second: LeapSecond) -> Self {
        let midnight = pair.monotonic + (DAY - pair.of_day());
        match second {
            // 23:59:60 is served as 23:59:59 again.
            LeapSecond::Insert => Self { at: midnight, step: -ONE },
            // 23:59:58 is followed by 00:00:00.
            LeapSecond::Delete => Self { at: midnight.saturating_sub(SECOND), step: ONE },
        }
    }
}

/// What comes at the end of the day of `pair`, by the daemon's leap indicator and the kernel's
/// pending leap second.
#[must_use]
pub fn plan(pair: &Pair, indicator: u8, pending: Option<LeapSecond>) -> Plan {
    let announced = match indicator {
        1 => Some(LeapSecond::Insert),
        2 => Some(LeapSecond::Delete),
        _ => None,
    };
    let announced = announced.filter(|_| is_last_of_month(pair.seconds.div_euclid(86_400)));
    match (announced, pending) {
        (None, None) => Plan::default(),
        (Some(second), pending) if pending.is_none_or(|pending| pending == second) => {
            Plan { leap: Some(Leap::at_the_end_of_day(pair, second)), unknown: None }
        }
        (announced, pending) => {
            let steps = announced.into_iter().chain(pending);
            let first = steps.map(|second| Leap::at_the_end_of_day(pair, second).at).min();
            Plan { leap: None, unknown: first }
        }
    }
}

/// Whether a day (counted from 1 January 1970) is the last of its month.
fn is_last_of_month(day: i64) -> bool {
    day_of_month(day + 1) == 1
}

/// Counted from 1.
fn day_of_month(day: i64) -> i64 {
    // Years begin on 1 March, so that leap days end them; months have 30.6 days each.
    let of_era = (day + 719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    of_year - (153 * month + 2) / 5 + 1
}

#[cfg(test)]
mod tests {
    use super::{Leap, Plan, day_of_month, is_last_of_month, plan};
    use crate::ntp::kernel::LeapSecond;
    use crate::ntp::pair::Pair;
    use crate::ntp::timestamp::{ONE, SECOND};

    /// 2016-12-31 23:59:50 UTC, ten seconds before the last leap second that there was.
    const EVE: i64 = 1_483_228_790;

    fn pair(seconds: i64) -> Pair {
        Pair { monotonic: 7_000, seconds, nanoseconds: 250, uncertainty: 30 }
    }

    #[test]
    fn months_end_as_in_the_calendar() {
        let mut last_days = 0;
        for day in 0..146_097 {
            last_days += u32::from(is_last_of_month(day));
        }
        assert_eq!(last_days, 4800);
        for (day, of_month) in [(0, 1), (58, 28), (59, 1), (789, 29), (17_166, 31), (-1, 31)] {
            assert_eq!(day_of_month(day), of_month, "{day}");
        }
        // 28 and 29 February 2000; 30 June 2015.
        assert_eq!([11_015, 11_016].map(is_last_of_month), [false, true]);
        assert!(is_last_of_month(16_616));
    }

    #[test]
    fn a_second_is_inserted_at_midnight_and_deleted_a_second_before() {
        let midnight = 7_000 + 10 * SECOND - 250;
        let inserted = Plan { leap: Some(Leap { at: midnight, step: -ONE }), unknown: None };
        for pending in [None, Some(LeapSecond::Insert)] {
            assert_eq!(plan(&pair(EVE), 1, pending), inserted);
        }
        let deleted = Leap { at: midnight - SECOND, step: ONE };
        for pending in [None, Some(LeapSecond::Delete)] {
            let expect = Plan { leap: Some(deleted), unknown: None };
            assert_eq!(plan(&pair(EVE), 2, pending), expect);
        }
    }

    #[test]
    fn a_leap_second_that_is_announced_early_waits_for_the_last_day() {
        for days in 1..31 {
            assert_eq!(plan(&pair(EVE - days * 86_400), 1, None), Plan::default());
        }
        assert_eq!(plan(&pair(EVE), 0, None), Plan::default());
        assert_eq!(plan(&pair(EVE), 3, None), Plan::default());
    }

    #[test]
    fn where_daemon_and_kernel_disagree_nothing_is_known_from_the_first_step_on() {
        let midnight = 7_000 + 10 * SECOND - 250;
        let unknown = |at| Plan { leap: None, unknown: Some(at) };
        assert_eq!(plan(&pair(EVE), 0, Some(LeapSecond::Insert)), unknown(midnight));
        assert_eq!(plan(&pair(EVE), 0, Some(LeapSecond::Delete)), unknown(midnight - SECOND));
        assert_eq!(plan(&pair(EVE), 1, Some(LeapSecond::Delete)), unknown(midnight - SECOND));
        assert_eq!(plan(&pair(EVE), 2, Some(LeapSecond::Insert)), unknown(midnight - SECOND));
        // The kernel doesn't know of months.
        let before = pair(EVE - 86_400);
        assert_eq!(plan(&before, 1, Some(LeapSecond::Insert)), unknown(midnight));
    }
}
