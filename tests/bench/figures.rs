//! Median, quantiles and other figures of measured values.

/// The value that this share of all is below, by nearest rank; 0 of nothing.
pub(crate) fn rank(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let at = (0..=last).find(|at| *at as f64 >= share * last as f64);
    at.and_then(|at| sorted.get(at)).copied().unwrap_or_default()
}

/// The figures of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    /// Least.
    pub least: f64,
    /// First quartile.
    pub quartile: f64,
    /// Median.
    pub median: f64,
    /// Greatest.
    pub most: f64,
}

impl Spread {
    /// Of any values.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self {
            least: rank(&values, 0.0),
            quartile: rank(&values, 0.25),
            median: rank(&values, 0.5),
            most: rank(&values, 1.0),
        }
    }
}

/// A program's times and those of the prelude before it, round by round, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pairs(Vec<(f64, f64)>);

impl Pairs {
    /// Adds a round.
    pub(crate) fn push(&mut self, prelude: f64, program: f64) {
        self.0.push((prelude, program));
    }

    /// The program's least time above the prelude's least.
    pub(crate) fn least(&self) -> f64 {
        let least = |values: Vec<f64>| Spread::of(values).least;
        least(self.0.iter().map(|pair| pair.1).collect())
            - least(self.0.iter().map(|pair| pair.0).collect())
    }

    /// The paired differences.
    pub(crate) fn differences(&self) -> Spread {
        Spread::of(self.0.iter().map(|(prelude, program)| program - prelude))
    }
}
