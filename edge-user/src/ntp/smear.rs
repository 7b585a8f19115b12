//! The line through the offsets of a daemon that smears a leap second.
//!
//! A daemon that spreads a leap second over hours serves another time than the real-time clock
//! shows, and that time counts. Its offset is measured once a second, each time with an error of
//! some microseconds. A line through the last of them is right to a few, as a smear's rate hardly
//! changes in a quarter of a minute.

use std::collections::VecDeque;

use super::daemon::Answer;
use super::timestamp::SECOND;

/// Offsets that a line is drawn through.
const MOST: usize = 16;
/// Fewer are no line.
const FEWEST: usize = 3;
/// A smear is no faster, in parts of 2³²: 0.1 %.
const FASTEST: i128 = 4_294_967;

/// Where the daemon's time is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The daemon's time less the real clock's at the moment asked for, in units of 2⁻³² s.
    pub offset: i64,
    /// How it changes, in 2⁻³² ns for each nanosecond.
    pub rate: i64,
}

impl Line {
    /// The offset so many nanoseconds before.
    #[must_use]
    pub fn offset_before(&self, nanoseconds: u64) -> i64 {
        let change = i128::from(self.rate) * i128::from(nanoseconds) / i128::from(SECOND);
        self.offset.saturating_sub(i64::try_from(change).unwrap_or_default())
    }
}

/// The last offsets.
#[derive(Clone, Debug, Default)]
pub struct Smearing {
    /// Nanoseconds of the monotonic clock, and units of 2⁻³² s.
    offsets: VecDeque<(u64, i64)>,
}

impl Smearing {
    /// Takes the next answer. One that isn't smeared ends the smear.
    pub fn hear(&mut self, answer: &Answer) {
        if !answer.message.is_smeared() {
            self.offsets.clear();
            return;
        }
        if self.offsets.len() == MOST {
            self.offsets.pop_front();
        }
        self.offsets.push_back((answer.monotonic, answer.offset));
    }

    /// Forgets everything: the real clock was stepped.
    pub fn forget(&mut self) {
        self.offsets.clear();
    }

    /// The line at a moment; none while there are too few offsets, or if they are no smear.
    #[must_use]
    pub fn line(&self, monotonic: u64) -> Option<Line> {
        let n = i128::try_from(self.offsets.len()).ok()?;
        let &(first, base) = self.offsets.front()?;
        if self.offsets.len() < FEWEST {
            return None;
        }
        // Least squares; from the first one, numbers are small enough to be exact.
        let x = |at: u64| i128::from(at) - i128::from(first);
        let y = |offset: i64| i128::from(offset) - i128::from(base);
        let sum = |of: &dyn Fn(i128, i128) -> i128| -> i128 {
            self.offsets.iter().map(|(at, offset)| of(x(*at), y(*offset))).sum()
        };
        let (xs, ys) = (sum(&|x, _| x), sum(&|_, y| y));
        let spread = n * sum(&|x, _| x * x) - xs * xs;
        let slope = n * sum(&|x, y| x * y) - xs * ys;
        if spread <= 0 {
            return None;
        }
        // Units of 2⁻³² s for a nanosecond, times the nanoseconds of a second.
        let rate = slope * i128::from(SECOND) / spread;
        if rate.abs() > FASTEST {
            return None;
        }
        let ahead = (n * x(monotonic) - xs) * rate / i128::from(SECOND);
        let offset = i128::from(base) + (ys + ahead) / n;
        Some(Line { offset: i64::try_from(offset).ok()?, rate: i64::try_from(rate).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, MOST, Smearing};
    use crate::ntp::fixture::{answer, smeared};
    use crate::ntp::timestamp::{SECOND, fractions, nanoseconds};

    /// 11.6 · 10⁻⁶, a second in a day.
    const RATE: i64 = 49_710;

    fn offset(second: u64) -> i64 {
        let second = i64::try_from(second).unwrap();
        fractions(second * 1_000_000_000) / 86_400 - fractions(300_000_000)
    }

    #[test]
    fn a_smear_is_followed_between_what_is_measured() {
        let mut smearing = Smearing::default();
        for second in 0..40 {
            // Measured 10 µs too much and too little in turn.
            let noise = if second % 2 == 0 { 10_000 } else { -10_000 };
            smearing.hear(&smeared(second * SECOND, offset(second) + fractions(noise)));
        }
        let line = smearing.line(41 * SECOND).unwrap();
        assert!((line.rate - RATE).abs() < RATE / 5, "{line:?}");
        let error = nanoseconds(line.offset - offset(41));
        assert!(error.abs() < 5_000, "{error} ns");
        assert_eq!(smearing.offsets.len(), MOST);
    }

    #[test]
    fn exact_offsets_give_the_exact_line() {
        let mut smearing = Smearing::default();
        for second in 0..5 {
            smearing.hear(&smeared(second * SECOND, -1000 * i64::try_from(second).unwrap()));
        }
        assert_eq!(smearing.line(6 * SECOND), Some(Line { offset: -6000, rate: -1000 }));
    }

    #[test]
    fn too_few_offsets_and_offsets_that_are_no_smear_give_no_line() {
        let mut smearing = Smearing::default();
        assert_eq!(smearing.line(0), None);
        for second in 0..2 {
            smearing.hear(&smeared(second * SECOND, 0));
        }
        assert_eq!(smearing.line(2 * SECOND), None);
        smearing.hear(&smeared(2 * SECOND, 0));
        assert!(smearing.line(2 * SECOND).is_some());
        smearing.hear(&smeared(3 * SECOND, fractions(50_000_000)));
        assert_eq!(smearing.line(3 * SECOND), None);
        smearing.hear(&answer(4 * SECOND, 0));
        assert!(smearing.offsets.is_empty());
    }

    #[test]
    fn offsets_of_one_moment_give_no_line() {
        let mut smearing = Smearing::default();
        for _ in 0..5 {
            smearing.hear(&smeared(SECOND, 0));
        }
        assert_eq!(smearing.line(SECOND), None);
    }
}
