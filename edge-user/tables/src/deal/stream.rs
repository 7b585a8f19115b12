//! The rounding of shares of a deal to whole numbers of appearances.
//!
//! The items are records or whole answers. Each has a share of the next deal, a real number, and
//! gets a whole number of appearances. The rounding error is owed to the item and carried into the
//! next deal.
//!
//! The *l*-th appearance of item *i* falls due at time (*l* − phase*ᵢ*)/share*ᵢ*, with a random
//! phase. A deal takes what falls due next in the merged sequence of all items. Over any number of
//! deals an item appears as often as its exact share demands, plus or minus less than two. An item
//! with a hundredth of an appearance per deal gets its turn in one deal of a hundred. The phase
//! makes even a first deal unbiased.

/// The appearances that each item is owed.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// Appearances owed: 0 to 1 as a rule, negative for an item that came before its time,
    /// 1 and more for one that had to wait.
    due: Vec<f64>,
}

impl Stream {
    /// A stream of `n` items with random phases.
    pub(super) fn new(n: usize, rng: &mut fastrand::Rng) -> Self {
        Self { due: (0..n).map(|_| rng.f64()).collect() }
    }

    /// What an item is owed.
    #[cfg(test)]
    pub(super) fn owed(&self, item: usize) -> f64 {
        self.due[item]
    }

    /// Takes over what item `old_item` of `old` is owed.
    pub(super) fn carry(&mut self, item: usize, old: &Self, old_item: usize) {
        if let (Some(due), Some(&old)) = (self.due.get_mut(item), old.due.get(old_item)) {
            *due = old;
        }
    }

    /// Deals `total` appearances, where item `i` should get `share[i]` and can have at most
    /// `cap(i)`.
    ///
    /// The shares add up to about `total`; an item without a share gets nothing.
    /// The sum falls short of `total` only if the caps of the items with a share do.
    ///
    /// When too much falls due, some of it has to wait. With `full_stay`, items at their cap don't
    /// wait: they could not come before their time either, so an item whose share is its cap would
    /// only lose by waiting.
    #[expect(
        clippy::indexing_slicing,
        reason = "`share`, `counts` and what is due have one element for each item"
    )]
    pub(super) fn take(
        &mut self,
        share: &[f64],
        cap: impl Fn(usize) -> u32,
        total: usize,
        full_stay: bool,
    ) -> Vec<u32> {
        let mut counts = vec![0; self.due.len()];
        let mut taken = 0;
        for (i, ((due, count), &share)) in
            self.due.iter_mut().zip(&mut counts).zip(share).enumerate()
        {
            if share > 0.0 {
                *due += share;
                *count = whole(*due).min(cap(i));
                *due -= f64::from(*count);
                taken += *count as usize;
            }
        }
        while taken < total {
            // The phases left room: bring forward what would fall due next, at most one per item.
            // Items that are ahead already come into it only when the caps leave no others.
            let may = |i: &usize| share[*i] > 0.0 && counts[*i] < cap(*i);
            let mut next: Vec<usize> =
                (0..share.len()).filter(|i| may(i) && self.due[*i] >= 0.0).collect();
            if next.is_empty() {
                next = (0..share.len()).filter(may).collect();
            }
            if next.is_empty() {
                break;
            }
            soonest(&mut next, total - taken, |i| (1.0 - self.due[i]) / share[i]);
            taken += next.len();
            for i in next {
                counts[i] += 1;
                self.due[i] -= 1.0;
            }
        }
        while taken > total {
            // Too much fell due: put back what did so last.
            let has = |i: &usize| counts[*i] > 0;
            let mut last: Vec<usize> = (0..share.len())
                .filter(|i| has(i) && !(full_stay && counts[*i] == cap(*i)))
                .collect();
            if last.is_empty() {
                last = (0..share.len()).filter(has).collect();
            }
            soonest(&mut last, taken - total, |i| self.due[i] / share[i]);
            taken -= last.len();
            for i in last {
                counts[i] -= 1;
                self.due[i] += 1.0;
            }
        }
        counts
    }
}

/// Keeps the `wanted` items of the smallest times.
fn soonest(items: &mut Vec<usize>, wanted: usize, time: impl Fn(usize) -> f64) {
    if wanted < items.len() {
        items.select_nth_unstable_by(wanted, |&a, &b| time(a).total_cmp(&time(b)));
        items.truncate(wanted);
    }
}

/// The whole part of `x`, 0 when negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates at both ends, as wanted"
)]
fn whole(x: f64) -> u32 {
    x as u32
}

#[cfg(test)]
mod tests {
    use super::Stream;

    fn random_shares(n: usize, total: usize, rng: &mut fastrand::Rng) -> Vec<f64> {
        let skew = rng.f64() * 8.0;
        let raw: Vec<f64> = (0..n).map(|_| (rng.f64() * skew).exp()).collect();
        let sum: f64 = raw.iter().sum();
        raw.iter().map(|x| x / sum * total as f64).collect()
    }

    #[test]
    fn every_deal_is_full_and_no_item_strays_by_two() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..60 {
            let (n, total) = (rng.usize(1..400), rng.usize(1..600));
            let share = random_shares(n, total, &mut rng);
            let mut stream = Stream::new(n, &mut rng);
            let mut seen = vec![0; n];
            for deal in 1..=50 {
                let counts = stream.take(&share, |_| u32::MAX, total, false);
                assert_eq!(counts.iter().sum::<u32>() as usize, total);
                for i in 0..n {
                    seen[i] += counts[i];
                    let off = f64::from(seen[i]) - share[i] * f64::from(deal);
                    assert!(off.abs() < 2.0, "item {i} of {n} is off by {off} after {deal} deals");
                }
            }
        }
    }

    #[test]
    fn a_first_deal_is_unbiased() {
        let mut rng = fastrand::Rng::with_seed(2);
        let share = [0.01, 0.19, 0.3, 0.5, 1.25, 1.75];
        let mut seen = [0_u32; 6];
        for _ in 0..100_000 {
            let counts = Stream::new(6, &mut rng).take(&share, |_| u32::MAX, 4, false);
            for (seen, count) in seen.iter_mut().zip(counts) {
                *seen += count;
            }
        }
        for (seen, share) in seen.iter().zip(share) {
            let off = f64::from(*seen) / 100_000.0 / share;
            assert!((off - 1.0).abs() < 0.15, "{share}: {off}");
        }
    }

    #[test]
    fn caps_hold_and_are_made_up_for_later() {
        let mut rng = fastrand::Rng::with_seed(3);
        let share = [3.0, 0.5, 0.5];
        let mut stream = Stream::new(3, &mut rng);
        let counts = stream.take(&share, |i| [1, 9, 9][i], 4, false);
        assert_eq!((counts[0], counts.iter().sum()), (1, 4));
        for _ in 0..9 {
            stream.take(&share, |_| 9, 4, false);
        }
        assert!(stream.due.iter().all(|due| due.abs() < 2.0), "{stream:?}");
    }

    #[test]
    fn an_item_without_a_share_never_comes() {
        let mut rng = fastrand::Rng::with_seed(4);
        let mut stream = Stream::new(3, &mut rng);
        stream.due[1] = 5.0;
        for _ in 0..100 {
            assert_eq!(stream.take(&[1.5, 0.0, 1.5], |_| 9, 3, false)[1], 0);
        }
    }

    #[test]
    fn a_deal_stays_short_when_the_caps_do() {
        let mut rng = fastrand::Rng::with_seed(5);
        assert_eq!(Stream::new(2, &mut rng).take(&[2.0, 2.0], |_| 1, 4, false), [1, 1]);
        assert_eq!(Stream::new(0, &mut rng).take(&[], |_| 1, 4, false), [0; 0]);
    }

    #[test]
    fn what_is_owed_carries_over() {
        let mut rng = fastrand::Rng::with_seed(6);
        // A hundredth of an appearance a deal, in a stream that is rebuilt every time: it comes
        // once in a hundred.
        let share = [0.01, 0.99];
        let mut stream = Stream::new(2, &mut rng);
        let mut seen = 0;
        for _ in 0..1_000 {
            let mut next = Stream::new(2, &mut rng);
            next.carry(0, &stream, 0);
            next.carry(1, &stream, 1);
            stream = next;
            seen += stream.take(&share, |_| 9, 1, false)[0];
        }
        assert!((9..=11).contains(&seen), "{seen}");
    }
}
