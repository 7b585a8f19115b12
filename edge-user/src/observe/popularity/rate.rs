//! The sampling rate, adapted to the samples that come.

use std::time::{Duration, Instant};

/// Samples a second above which fewer are taken. Each costs about a microsecond to count.
const MOST: u64 = 8000;
/// Samples a second below which more are taken; less than half of [`MOST`], so that a rate stays
/// when it fits.
const LEAST: u64 = 2000;
/// The least time to judge a rate by.
const JUDGED: Duration = Duration::from_millis(90);
/// At first, and at most: enough for a hundred million queries a second.
const FIRST: u32 = 64;
const GREATEST: u32 = 1 << 14;

/// The rate of samples: one in so many queries, enough to know which names are popular.
#[derive(Debug)]
pub(crate) struct Rate {
    one_in: u32,
    samples: u64,
    since: Option<Instant>,
}

impl Default for Rate {
    fn default() -> Self {
        Self { one_in: FIRST, samples: 0, since: None }
    }
}

impl Rate {
    /// The number of queries of which one is sampled; a power of two.
    pub(crate) const fn one_in(&self) -> u32 {
        self.one_in
    }

    /// Notes that so many samples came, and doubles or halves the rate if that is too many or few.
    pub(crate) fn adapt(&mut self, samples: usize, now: Instant) {
        self.samples = self.samples.saturating_add(samples as u64);
        let passed = now.saturating_duration_since(*self.since.get_or_insert(now));
        if passed < JUDGED {
            return;
        }
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).max(1);
        let a_second = self.samples.saturating_mul(1000) / millis;
        if a_second > MOST {
            self.one_in = (self.one_in * 2).min(GREATEST);
        } else if a_second < LEAST {
            self.one_in = (self.one_in / 2).max(1);
        }
        (self.samples, self.since) = (0, Some(now));
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAST, MOST, Rate};
    use std::time::{Duration, Instant};

    /// The rate after `turns` tenths of a second, and the samples of the last.
    fn after(rate: &mut Rate, queries_a_second: u64, turns: u64, start: Instant) -> u64 {
        let mut samples = 0;
        for turn in 0..turns {
            samples = queries_a_second / 10 / u64::from(rate.one_in());
            let now = start + Duration::from_millis(100 * turn);
            rate.adapt(usize::try_from(samples).unwrap(), now);
        }
        samples * 10
    }

    #[test]
    fn a_second_or_two_after_traffic_changed_there_are_as_many_samples_as_wanted() {
        let mut rate = Rate::default();
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        after(&mut rate, 500, 10, start);
        assert_eq!(rate.one_in(), 1);
        let samples = after(&mut rate, 10_000_000, 20, later(2));
        assert!((LEAST..=MOST).contains(&samples), "{samples}");
        let kept = rate.one_in();
        after(&mut rate, 10_000_000, 20, later(5));
        assert_eq!(rate.one_in(), kept);
        after(&mut rate, 0, 20, later(8));
        assert_eq!(rate.one_in(), 1);
    }

    #[test]
    fn a_moment_is_too_short_to_judge_by() {
        let mut rate = Rate::default();
        let now = Instant::now();
        let first = rate.one_in();
        for _ in 0..100 {
            rate.adapt(1000, now);
        }
        assert_eq!(rate.one_in(), first);
        rate.adapt(0, now + Duration::from_millis(100));
        assert_eq!(rate.one_in(), first * 2);
    }
}
