//! Comparison of a root's size with its largest recent size.

use std::collections::VecDeque;

use super::config::GuardConfig;
use super::refusal::Refusal;
use super::size::{Measure, RootSize};

impl RootSize {
    /// Whether it may replace `before`. The percentages are the parts of the servers and of the
    /// weight that may disappear.
    pub(super) fn check(
        self,
        before: Self,
        (servers_percent, weight_percent): (u8, u8),
        least: u32,
        place: &str,
        root: &str,
    ) -> Result<(), Refusal> {
        let (place, root) = (|| place.to_owned(), || root.to_owned());
        if self.servers == 0 && before.servers > 0 {
            return Err(Refusal::Empty { place: place(), root: root(), before: before.servers });
        }
        if before.servers < u64::from(least) {
            return Ok(());
        }
        let measures = [
            (Measure::Servers, before.servers, self.servers, servers_percent),
            (Measure::Weight, before.weight, self.weight, weight_percent),
        ];
        for (measure, before, now, percent) in measures {
            let gone = u128::from(before.saturating_sub(now));
            if gone * 100 > u128::from(before) * u128::from(percent) {
                let (place, root) = (place(), root());
                return Err(Refusal::Shrunken { place, root, measure, before, now, percent });
            }
        }
        Ok(())
    }
}

/// The largest value of a number within a window of time.
#[derive(Clone, Debug, Default)]
struct Peak {
    /// Times and numbers, each number smaller than the one before it.
    falling: VecDeque<(i64, u64)>,
}

impl Peak {
    fn push(&mut self, now: i64, number: u64) {
        while self.falling.back().is_some_and(|&(_, last)| last <= number) {
            self.falling.pop_back();
        }
        self.falling.push_back((now, number));
    }

    /// The largest since `since`, or the last one if that is older.
    fn most(&mut self, since: i64) -> u64 {
        while self.falling.len() > 1 && self.falling.front().is_some_and(|&(ts, _)| ts < since) {
            self.falling.pop_front();
        }
        self.falling.front().map_or(0, |&(_, number)| number)
    }
}

/// The served version of a root.
#[derive(Clone, Debug, Default)]
pub(super) struct ServedRoot {
    /// Its serial.
    pub(super) serial: u32,
    /// Its size.
    pub(super) size: RootSize,
    servers: Peak,
    weight: Peak,
}

impl ServedRoot {
    /// The size that a new version is compared with.
    pub(super) fn peak(&mut self, now: i64, config: &GuardConfig) -> RootSize {
        let since = now.saturating_sub(i64::from(config.window_seconds));
        RootSize { servers: self.servers.most(since), weight: self.weight.most(since) }
    }

    /// Records that this version is served now.
    pub(super) fn set(&mut self, serial: u32, size: RootSize, now: i64) {
        self.serial = serial;
        self.size = size;
        self.servers.push(now, size.servers);
        self.weight.push(now, size.weight);
    }
}

#[cfg(test)]
mod tests {
    use super::Peak;

    #[test]
    fn a_peak_is_the_largest_of_late_and_never_nothing() {
        let mut rng = fastrand::Rng::with_seed(1);
        let (mut peak, mut all) = (Peak::default(), Vec::new());
        assert_eq!(peak.most(0), 0);
        let mut now = 0;
        for _ in 0..2_000 {
            now += rng.i64(0..30);
            let number = rng.u64(0..1_000);
            peak.push(now, number);
            all.push((now, number));
            let since = now - 100;
            let most = all.iter().filter(|(ts, _)| *ts >= since).map(|(_, n)| *n).max();
            assert_eq!(peak.most(since), most.unwrap());
        }
        let last = peak.falling.back().unwrap().1;
        assert_eq!(peak.most(now + 1), last);
    }
}
