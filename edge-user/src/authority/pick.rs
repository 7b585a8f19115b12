//! Weights come in; which records answer, and in which order, goes out.
//!
//! Records are drawn one after another by weight, without replacement. Records of weight 0 come only when all
//! others have been drawn. If no record has a weight, all of them are the answer, in the zone's order.

/// What is drawn from.
pub(super) struct Urn<'a> {
    /// Sum of all weights.
    pub(super) total: u64,
    /// Records drawn at most.
    pub(super) most: usize,
    /// Each record's distance from the client: of more records than `most` only the closest are drawn from.
    pub(super) distances: Option<&'a [f64]>,
}

/// Draws records; keeps its memory from draw to draw.
pub(super) struct Picker {
    random: fastrand::Rng,
    weights: Vec<u64>,
    /// Records that can't be drawn (any more).
    out: Vec<bool>,
    picks: Vec<usize>,
}

impl Picker {
    pub(super) fn new(random: fastrand::Rng) -> Self {
        Self { random, weights: Vec::new(), out: Vec::new(), picks: Vec::new() }
    }

    /// The places of the records drawn, in the order of the answer.
    pub(super) fn pick(&mut self, weights: impl Iterator<Item = u32>, urn: &Urn<'_>) -> &[usize] {
        self.picks.clear();
        self.weights.clear();
        self.weights.extend(weights.map(u64::from));
        let n_records = self.weights.len();
        if urn.total == 0 {
            self.picks.extend(0..n_records);
            return &self.picks;
        }
        self.out.clear();
        self.out.resize(n_records, false);
        let most = urn.most.min(n_records);
        let (mut total, mut left) = (urn.total, n_records);
        if let Some(distances) = urn.distances
            && most < n_records
        {
            (total, left) = self.keep_closest(distances, most);
        }
        for _ in 0..most.min(left) {
            let Some(at) = self.draw(total, left) else { break };
            if let (Some(out), Some(weight)) = (self.out.get_mut(at), self.weights.get(at)) {
                *out = true;
                total = total.saturating_sub(*weight);
                left -= 1;
                self.picks.push(at);
            }
        }
        &self.picks
    }

    /// One of the `left` records, whose weights sum up to `total`.
    fn draw(&mut self, total: u64, left: usize) -> Option<usize> {
        let mut records =
            self.out.iter().zip(&self.weights).enumerate().filter(|(_, (out, _))| !**out);
        if total == 0 {
            let nth = self.random.usize(0..left.max(1));
            return records.nth(nth).map(|(at, _)| at);
        }
        let mut ticket = self.random.u64(0..total);
        for (at, (_, &weight)) in records {
            if ticket < weight {
                return Some(at);
            }
            ticket -= weight;
        }
        None
    }

    /// Rules out all but the closest: ring by ring, each as wide as 5 % of its inner edge's distance, until there are
    /// `most`. Gives the total weight of the rest and their number.
    fn keep_closest(&mut self, distances: &[f64], most: usize) -> (u64, usize) {
        self.out.fill(true);
        let (mut total, mut left) = (0, 0);
        while left < most {
            let outside = self.out.iter().zip(distances).filter(|(out, _)| **out);
            let nearest = outside.map(|(_, distance)| *distance).fold(f64::INFINITY, f64::min);
            if nearest == f64::INFINITY {
                break;
            }
            for ((out, distance), weight) in self.out.iter_mut().zip(distances).zip(&self.weights) {
                if *out && *distance <= nearest * 1.05 {
                    *out = false;
                    total += weight;
                    left += 1;
                }
            }
        }
        (total, left)
    }
}

#[cfg(test)]
mod tests {
    use super::{Picker, Urn};

    fn picker() -> Picker {
        Picker::new(fastrand::Rng::with_seed(1))
    }

    fn pick(picker: &mut Picker, weights: &[u32], most: usize) -> Vec<usize> {
        let total = weights.iter().map(|&weight| u64::from(weight)).sum();
        picker.pick(weights.iter().copied(), &Urn { total, most, distances: None }).to_vec()
    }

    #[test]
    fn without_weights_all_records_answer_in_order() {
        assert_eq!(pick(&mut picker(), &[0, 0, 0], 1), [0, 1, 2]);
        assert!(pick(&mut picker(), &[], 4).is_empty());
    }

    #[test]
    fn records_are_distinct_and_at_most_max_hosts() {
        let mut picker = picker();
        for most in 0..6 {
            let mut picks = pick(&mut picker, &[5, 3, 2, 1], most);
            picks.sort_unstable();
            picks.dedup();
            assert_eq!(picks.len(), most.min(4));
        }
    }

    #[test]
    fn a_record_of_weight_0_comes_after_all_others() {
        let mut picker = picker();
        let mut third = [0; 4];
        for _ in 0..1000 {
            let picks = pick(&mut picker, &[7, 1, 0, 0], 3);
            assert!(picks[0] < 2 && picks[1] < 2);
            third[picks[2]] += 1;
        }
        assert!(third[2] > 400 && third[3] > 400);
    }

    #[test]
    fn first_and_second_places_follow_the_weights() {
        const N: u32 = 200_000;
        let weights = [4, 3, 2, 1];
        let (mut first, mut second) = ([0_u32; 4], [0_u32; 4]);
        let mut picker = picker();
        for _ in 0..N {
            let picks = pick(&mut picker, &weights, 2);
            first[picks[0]] += 1;
            second[picks[1]] += 1;
        }
        let chance = |i: usize| f64::from(weights[i]) / 10.0;
        for at in 0..4 {
            let others = (0..4).filter(|&other| other != at);
            let exact = others.map(|i| chance(i) * chance(at) / (1.0 - chance(i))).sum::<f64>();
            assert!((f64::from(first[at]) / f64::from(N) - chance(at)).abs() < 0.005);
            assert!((f64::from(second[at]) / f64::from(N) - exact).abs() < 0.005);
        }
    }

    #[test]
    fn the_closest_are_drawn_from_with_all_that_are_nearly_as_close() {
        let mut picker = picker();
        let distances = [3.0, 1.0, 1.04, 9.0, 2.0];
        let mut seen = [0; 5];
        for _ in 0..1000 {
            let urn = Urn { total: 5, most: 1, distances: Some(&distances) };
            seen[picker.pick([1; 5].into_iter(), &urn)[0]] += 1;
        }
        assert!(seen[1] > 400 && seen[2] > 400);
        let urn = Urn { total: 5, most: 3, distances: Some(&distances) };
        let mut picks = picker.pick([1; 5].into_iter(), &urn).to_vec();
        picks.sort_unstable();
        assert_eq!(picks, [1, 2, 4]);
    }

    #[test]
    fn sums_beyond_32_bits_are_drawn_from_evenly() {
        let mut picker = picker();
        let seen = (0..4000).filter(|_| pick(&mut picker, &[u32::MAX; 8], 1)[0] < 4).count();
        assert!((1800..2200).contains(&seen));
    }
}
