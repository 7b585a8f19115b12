//! The exact chances of each record of an `RRset` to be in an answer.
//!
//! They are the chance to come first and the chance to be in the answer at all, from the records'
//! weights and the size of an answer, when records are drawn one after another by weight, without
//! replacement.
//!
//! Give record *i* an exponential clock of rate *wᵢ*: the order in which the clocks ring is exactly
//! that draw. Record *i* is among the first *k* if fewer than *k* others rang before it:
//!
//! ```text
//! P(i) = ∫ wᵢ e^(−wᵢt) · P(at most k−1 of the others rang by t) dt
//! ```
//!
//! How many of the others rang by *t* has the generating polynomial ∏ (qⱼ + pⱼx), qⱼ = e^(−wⱼt), pⱼ
//! = 1 − qⱼ, cut off after degree k−1. The product without factor *i* is a prefix product times a
//! suffix product, never a division: everything stays positive and no digit is lost, however skewed
//! the weights are. Records of equal weight share one factor, a binomial power.

/// Where the quadrature begins: to the left of it the integrals hold less than 1e-12.
const LEFT: f64 = -3.3;

/// The first step of the quadrature; it is halved until [`TOLERANCE`] holds.
const STEP: f64 = 0.22;

/// How often the step may be halved. Each halving squares the error, so the last ones are never
/// needed.
const HALVINGS: usize = 6;

/// How far the chances may be from adding up to k before the step is halved.
const TOLERANCE: f64 = 1e-10;

/// The integration ends where fewer than k clocks have rung with less than this chance.
const TAIL: f64 = 1e-15;

/// The chances of each record, by its index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shares {
    /// The chance to come first, 0 to 1; they add up to 1.
    pub first: Vec<f64>,
    /// The chance to be in the answer, 0 to 1; they add up to the number of records in an answer.
    pub inclusion: Vec<f64>,
}

/// The chances of records with these `weights` in answers of `k` records (all records, when there
/// are fewer).
///
/// A record of weight 0 comes only after all positive ones, and then all such are alike.
/// When every weight is 0, all records are alike.
#[must_use]
pub fn shares(weights: &[u64], k: usize) -> Shares {
    let n = weights.len();
    let all_zero = weights.iter().all(|&w| w == 0);
    let weights = weights.iter().map(|&weight| if all_zero { 1 } else { weight });
    let total: f64 = weights.clone().map(|weight| weight as f64).sum();
    let first = weights.clone().map(|weight| weight as f64 / total).collect();

    let positive = weights.clone().filter(|&weight| weight > 0).count();
    if k >= n || k == 0 {
        return Shares { first, inclusion: vec![if k == 0 { 0.0 } else { 1.0 }; n] };
    }
    if positive <= k {
        let zero = (k - positive) as f64 / (n - positive) as f64;
        let inclusion = weights.map(|weight| if weight > 0 { 1.0 } else { zero }).collect();
        return Shares { first, inclusion };
    }

    let mut order: Vec<(u64, usize)> = weights.zip(0..).filter(|&(weight, _)| weight > 0).collect();
    order.sort_unstable();
    let runs = order.chunk_by(|a, b| a.0 == b.0);
    let groups: Vec<Group> = runs
        .clone()
        .filter_map(|run| Some(Group { weight: run.first()?.0 as f64, count: run.len() }))
        .collect();
    let mut inclusion = vec![0.0; n];
    for (run, chance) in runs.zip(integrate(&groups, total, k)) {
        for &(_, i) in run {
            if let Some(inclusion) = inclusion.get_mut(i) {
                *inclusion = chance;
            }
        }
    }
    Shares { first, inclusion }
}

/// Records of equal weight.
struct Group {
    /// Of each of them, positive.
    weight: f64,
    count: usize,
}

/// The chance of a record of each group to be among the first `k`; more than `k` records have
/// positive weight.
///
/// The trapezoidal rule converges as e^(−c/step) after the substitution `t·total = exp(x −
/// e^(−x))`: the logarithm shows every scale of the weights alike, and the inner exponential
/// shortens the left tail, where nothing happens.
fn integrate(groups: &[Group], total: f64, k: usize) -> Vec<f64> {
    let mut sums = vec![0.0; groups.len()];
    let mut prefixes = vec![0.0; groups.len() * k];
    let (mut step, mut pitch, mut start) = (STEP, STEP, LEFT);
    for _ in 0..=HALVINGS {
        let mut x = start;
        loop {
            let fall = (-x).exp();
            let t = (x - fall).exp() / total;
            let unfinished = add_node(groups, t, t * (1.0 + fall), k, &mut prefixes, &mut sums);
            if unfinished < TAIL {
                break;
            }
            x += pitch;
        }
        let expected: f64 =
            groups.iter().zip(&sums).map(|(g, sum)| g.count as f64 * sum * step).sum();
        if (expected - k as f64).abs() < TOLERANCE {
            break;
        }
        // The nodes of the halved step that were not visited yet lie midway between those that
        // were.
        pitch = step;
        step /= 2.0;
        start = LEFT + step;
    }
    let expected: f64 = groups.iter().zip(&sums).map(|(g, sum)| g.count as f64 * sum).sum();
    sums.iter().map(|sum| (sum * k as f64 / expected).min(1.0)).collect()
}

/// Adds each group's integrand at time `t`, times `width`, to its sum.
/// Returns the chance that fewer than `k` clocks have rung by `t`.
fn add_node(
    groups: &[Group],
    t: f64,
    width: f64,
    k: usize,
    prefixes: &mut [f64],
    sums: &mut [f64],
) -> f64 {
    let mut product = vec![0.0; k];
    set_to_one(&mut product);
    for (group, prefix) in groups.iter().zip(prefixes.chunks_exact_mut(k)) {
        prefix.copy_from_slice(&product);
        Factor::new(group.weight * t).multiply(&mut product, group.count);
    }
    let unfinished = product.iter().sum();

    set_to_one(&mut product);
    for ((group, prefix), sum) in
        groups.iter().zip(prefixes.chunks_exact(k)).zip(sums.iter_mut()).rev()
    {
        let factor = Factor::new(group.weight * t);
        factor.multiply(&mut product, group.count - 1);
        let mut at_most = 0.0;
        let mut fewer = 0.0;
        for (suffix, prefix) in product.iter().zip(prefix.iter().rev()) {
            at_most += suffix;
            fewer += prefix * at_most;
        }
        *sum += group.weight * width * factor.silent * fewer;
        factor.multiply(&mut product, 1);
    }
    unfinished
}

/// Makes a polynomial 1, to be multiplied by factors.
fn set_to_one(product: &mut [f64]) {
    product.fill(0.0);
    if let Some(constant) = product.first_mut() {
        *constant = 1.0;
    }
}

/// `silent + rung·x`: one clock at one time.
struct Factor {
    /// Rate times time.
    exponent: f64,
    silent: f64,
    rung: f64,
}

impl Factor {
    fn new(exponent: f64) -> Self {
        // Whichever of the two is small is computed directly, so that none loses digits to a
        // difference.
        let (silent, rung) = if exponent < 0.5 {
            let rung = -(-exponent).exp_m1();
            (1.0 - rung, rung)
        } else {
            let silent = (-exponent).exp();
            (silent, 1.0 - silent)
        };
        Self { exponent, silent, rung }
    }

    /// Multiplies `product` by the `count`-th power of the factor; degrees past its length are cut
    /// off.
    fn multiply(&self, product: &mut [f64], count: usize) {
        if count < 2 * product.len() {
            for _ in 0..count {
                let mut below = 0.0;
                for term in product.iter_mut() {
                    let this = *term;
                    *term = this * self.silent + below * self.rung;
                    below = this;
                }
            }
            return;
        }
        // That many clocks, fewer than half of which may ring: what underflows here is nothing
        // below either.
        let constant = (-self.exponent * count as f64).exp();
        if constant == 0.0 {
            product.fill(0.0);
            return;
        }
        let odds = self.rung / self.silent;
        let powers = (1..product.len()).scan(constant, |term, r| {
            *term = *term * odds * (count + 1 - r) as f64 / r as f64;
            Some(*term)
        });
        let power: Vec<f64> = std::iter::once(constant).chain(powers).collect();
        for degree in (0..product.len()).rev() {
            let partners = power.iter().take(degree + 1).rev();
            let term = product.iter().zip(partners).map(|(term, partner)| term * partner).sum();
            if let Some(to) = product.get_mut(degree) {
                *to = term;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Shares, shares};

    /// The same chances by walking through every possible answer.
    fn enumerated(weights: &[u64], k: usize) -> Shares {
        fn walk(weights: &[f64], left: &[usize], chance: f64, k: usize, inclusion: &mut [f64]) {
            if k == 0 {
                return;
            }
            let total: f64 = left.iter().map(|&i| weights[i]).sum();
            for &i in left {
                let p = if total > 0.0 { weights[i] / total } else { 1.0 / left.len() as f64 };
                if p > 0.0 {
                    inclusion[i] += chance * p;
                    let rest: Vec<usize> = left.iter().copied().filter(|&j| j != i).collect();
                    walk(weights, &rest, chance * p, k - 1, inclusion);
                }
            }
        }
        let floats: Vec<f64> = weights.iter().map(|&w| w as f64).collect();
        let all: Vec<usize> = (0..weights.len()).collect();
        let mut first = vec![0.0; weights.len()];
        walk(&floats, &all, 1.0, 1, &mut first);
        let mut inclusion = vec![0.0; weights.len()];
        walk(&floats, &all, 1.0, k, &mut inclusion);
        Shares { first, inclusion }
    }

    fn check(weights: &[u64], k: usize) {
        let (exact, got) = (enumerated(weights, k), shares(weights, k));
        for i in 0..weights.len() {
            assert!((exact.first[i] - got.first[i]).abs() < 1e-12, "{weights:?} {k} first {i}");
            let error = (exact.inclusion[i] - got.inclusion[i]).abs();
            assert!(error < 1e-9, "{weights:?} {k} inclusion {i}: off by {error:e}");
        }
    }

    #[test]
    fn shares_agree_with_enumeration() {
        let mut rng = fastrand::Rng::with_seed(1);
        for round in 0..300 {
            let n = rng.usize(1..=6) + usize::from(round % 10 == 0);
            let skew = rng.u32(0..40);
            let weights: Vec<u64> = (0..n)
                .map(|_| if rng.u8(..6) == 0 { 0 } else { rng.u64(1..=10) << rng.u32(0..=skew) })
                .collect();
            check(&weights, rng.usize(1..=n));
        }
    }

    #[test]
    fn shares_agree_with_enumeration_at_the_extremes() {
        check(&[1, 1_000_000, 1_000_000, 1_000_000, 1], 4);
        check(&[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000], 4);
        check(&[u64::MAX, u64::MAX, 1, 1, 1], 3);
        check(&[u64::MAX, u64::MAX, 1, 1, 1], 2);
        check(&[0, 0, 0, 5, 9], 3);
        check(&[0, 0, 0], 2);
    }

    #[test]
    fn equal_weights_have_equal_shares() {
        for (n, k) in [(2, 1), (13, 12), (100, 12), (4_000, 4), (65_535, 12)] {
            let got = shares(&vec![7; n], k);
            for share in got.inclusion {
                assert!((share * n as f64 / k as f64 - 1.0).abs() < 1e-9, "{n} {k} {share}");
            }
        }
    }

    #[test]
    fn one_record_a_card_is_its_weight() {
        let mut rng = fastrand::Rng::with_seed(2);
        let weights: Vec<u64> = (0..500).map(|_| rng.u64(1..=3_000_000)).collect();
        let got = shares(&weights, 1);
        for (first, inclusion) in got.first.iter().zip(&got.inclusion) {
            assert!((first - inclusion).abs() < 1e-9 * inclusion, "{first} {inclusion}");
        }
    }

    /// Two records of many: w/W + Σ wⱼ/W · w/(W − wⱼ).
    #[test]
    fn two_records_a_card_follow_the_closed_form() {
        let mut rng = fastrand::Rng::with_seed(3);
        let weights: Vec<u64> = (0..300).map(|_| 1 << rng.u32(0..30)).collect();
        let total: f64 = weights.iter().map(|&w| w as f64).sum();
        let turned: Vec<f64> =
            weights.iter().map(|&w| w as f64 / total / (total - w as f64)).collect();
        let all: f64 = turned.iter().sum();
        for (i, share) in shares(&weights, 2).inclusion.iter().enumerate() {
            let exact = weights[i] as f64 * (1.0 / total + all - turned[i]);
            assert!((share / exact - 1.0).abs() < 1e-9, "{i}: {share} {exact}");
        }
    }

    #[test]
    fn shares_add_up_for_large_sets() {
        let mut rng = fastrand::Rng::with_seed(4);
        for (n, k) in [(20, 4), (20, 12), (500, 4), (4_000, 4), (5_000, 12)] {
            let weights: Vec<u64> = (0..n).map(|_| rng.u64(0..=3_000_000)).collect();
            let got = shares(&weights, k);
            assert!((got.first.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            assert!((got.inclusion.iter().sum::<f64>() - k as f64).abs() < 1e-9);
            for i in 0..n {
                assert!(got.inclusion[i] <= 1.0 && got.first[i] <= got.inclusion[i] + 1e-9);
            }
        }
    }

    #[test]
    fn no_records_or_no_places_have_no_shares() {
        assert_eq!(shares(&[], 4), Shares::default());
        assert_eq!(shares(&[1, 2], 0).inclusion, [0.0, 0.0]);
    }
}
