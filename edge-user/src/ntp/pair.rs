//! The monotonic and the real-time clock at the same moment.
//!
//! Both clocks are steered by the same frequency, so that a pair holds until the real-time clock is
//! stepped. The thread may be interrupted between the two readings: of many tries the quickest is
//! taken, and its duration is the uncertainty.

use super::timestamp::{SECOND, Timestamp};

/// Real time, read between two readings of the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Nanoseconds of the monotonic clock before.
    pub before: u64,
    /// Real time: seconds since 1970 and nanoseconds.
    pub real: (i64, u32),
    /// Nanoseconds of the monotonic clock after.
    pub after: u64,
}

/// A moment on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Nanoseconds of `CLOCK_MONOTONIC`.
    pub monotonic: u64,
    /// Seconds of `CLOCK_REALTIME`, since 1970.
    pub seconds: i64,
    /// Nanoseconds of that second.
    pub nanoseconds: u32,
    /// How many nanoseconds the two may be apart.
    pub uncertainty: u64,
}

impl Pair {
    /// The middle of the quickest reading.
    #[must_use]
    pub fn tightest(first: Reading, further: impl IntoIterator<Item = Reading>) -> Self {
        let width = |reading: &Reading| reading.after.saturating_sub(reading.before);
        let mut best = first;
        for reading in further {
            if width(&reading) < width(&best) {
                best = reading;
            }
        }
        let uncertainty = width(&best);
        let (seconds, nanoseconds) = best.real;
        Self { monotonic: best.before + uncertainty / 2, seconds, nanoseconds, uncertainty }
    }

    /// The real clock's time.
    #[must_use]
    pub fn utc(&self) -> Timestamp {
        Timestamp::from_unix(self.seconds, self.nanoseconds)
    }

    /// Nanoseconds of the UTC day that are over.
    #[must_use]
    pub fn of_day(&self) -> u64 {
        let seconds = self.seconds.rem_euclid(86_400).cast_unsigned();
        seconds * SECOND + u64::from(self.nanoseconds)
    }
}

/// The precision (RFC 5905 §7.3: log₂ of seconds) of a clock that takes so many nanoseconds to
/// read; −30 at best, so that there is something left to be filled with random bits.
#[must_use]
pub fn precision(nanoseconds: u64) -> i8 {
    let fits = |exponent: &i8| {
        let unit = SECOND >> exponent.unsigned_abs();
        unit >= nanoseconds
    };
    (-30..=-1).find(fits).unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use super::{Pair, Reading, precision};
    use crate::ntp::timestamp::Timestamp;

    fn reading(before: u64, after: u64, nanoseconds: u32) -> Reading {
        Reading { before, real: (1_000_000_000, nanoseconds), after }
    }

    #[test]
    fn the_quickest_reading_is_taken_and_its_width_is_the_uncertainty() {
        let further =
            [reading(2000, 2040, 2020), reading(3000, 3100, 3050), reading(4000, 4040, 7)];
        let pair = Pair::tightest(reading(1000, 9000, 5000), further);
        assert_eq!(
            pair,
            Pair { monotonic: 2020, seconds: 1_000_000_000, nanoseconds: 2020, uncertainty: 40 }
        );
        assert_eq!(pair.utc(), Timestamp::from_unix(1_000_000_000, 2020));
        let alone = Pair::tightest(reading(1000, 9000, 5000), []);
        assert_eq!((alone.monotonic, alone.uncertainty), (5000, 8000));
    }

    #[test]
    fn the_day_is_that_of_utc_before_1970_too() {
        let at = |seconds| Pair { monotonic: 0, seconds, nanoseconds: 5, uncertainty: 0 };
        assert_eq!(at(86_400 * 20_000 + 3).of_day(), 3_000_000_005);
        assert_eq!(at(-1).of_day(), 86_399_000_000_005);
    }

    #[test]
    fn a_precision_is_never_finer_than_the_clock_is_read() {
        for (nanoseconds, exponent) in
            [(0, -30), (1, -29), (36, -24), (59, -24), (60, -23), (1000, -19), (u64::MAX, -1)]
        {
            assert_eq!(precision(nanoseconds), exponent, "{nanoseconds}");
        }
    }
}
