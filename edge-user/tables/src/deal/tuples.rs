//! Every possible answer of few records, with its exact chance.
//!
//! An answer is an ordered tuple of record indices. Its chance follows from the records' weights.

/// The number of ordered tuples of `k` of `n` records, if it is at most `limit`.
pub(super) fn count(n: usize, k: usize, limit: usize) -> Option<usize> {
    (0..k).try_fold(1_usize, |product, used| {
        product.checked_mul(n.checked_sub(used)?).filter(|&product| product <= limit)
    })
}

/// All tuples in lexicographic order, one after another, and the chance of each.
///
/// Each place is drawn by weight among the records not drawn yet, evenly when their weights are all
/// 0.
pub(super) fn list(weights: &[u64], k: usize) -> (Vec<u16>, Vec<f64>) {
    let mut walk = Walk { weights, k, tuple: Vec::new(), tuples: Vec::new(), chances: Vec::new() };
    walk.extend(1.0);
    (walk.tuples, walk.chances)
}

struct Walk<'a> {
    weights: &'a [u64],
    k: usize,
    tuple: Vec<u16>,
    tuples: Vec<u16>,
    chances: Vec<f64>,
}

impl Walk<'_> {
    fn extend(&mut self, chance: f64) {
        if self.tuple.len() == self.k {
            self.tuples.extend_from_slice(&self.tuple);
            self.chances.push(chance);
            return;
        }
        let (mut left, mut total) = (0_u32, 0.0);
        for (record, &weight) in (0_u16..).zip(self.weights) {
            if !self.tuple.contains(&record) {
                left += 1;
                total += weight as f64;
            }
        }
        for (record, &weight) in (0_u16..).zip(self.weights) {
            if !self.tuple.contains(&record) {
                let part = if total > 0.0 { weight as f64 / total } else { 1.0 / f64::from(left) };
                self.tuple.push(record);
                self.extend(chance * part);
                self.tuple.pop();
            }
        }
    }
}

/// The place in [`list`] of a tuple of distinct records, out of `n`.
pub(super) fn rank(tuple: &[usize], n: usize) -> usize {
    let mut rank = 0;
    for (place, &record) in tuple.iter().enumerate() {
        let used = tuple.iter().take(place).filter(|&&earlier| earlier < record).count();
        rank = rank * (n - place) + record.saturating_sub(used);
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::{count, list, rank};

    #[test]
    fn tuples_are_counted_up_to_the_limit() {
        assert_eq!(count(5, 4, 1_024), Some(120));
        assert_eq!(count(7, 4, 1_024), Some(840));
        assert_eq!(count(8, 4, 1_024), None);
        assert_eq!(count(65_535, 12, 1_024), None);
        assert_eq!(count(2, 3, 1_024), Some(0));
    }

    #[test]
    fn tuples_are_listed_once_each_at_their_rank() {
        for (n, k) in [(1, 1), (4, 2), (5, 4), (6, 3), (4, 4)] {
            let (tuples, chances) = list(&vec![3; n], k);
            assert_eq!(chances.len(), count(n, k, 1_024).unwrap());
            for (place, tuple) in tuples.chunks(k).enumerate() {
                let tuple: Vec<usize> = tuple.iter().copied().map(usize::from).collect();
                assert_eq!(rank(&tuple, n), place, "{tuple:?}");
            }
            for chance in &chances {
                assert!((chance * chances.len() as f64 - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn chances_follow_the_weights_and_zeros_come_last() {
        let (tuples, chances) = list(&[1, 3, 0], 2);
        assert_eq!(tuples, [0, 1, 0, 2, 1, 0, 1, 2, 2, 0, 2, 1]);
        assert_eq!(chances, [0.25, 0.0, 0.75, 0.0, 0.0, 0.0]);
        assert_eq!(list(&[0, 0], 1).1, [0.5, 0.5]);
    }
}
