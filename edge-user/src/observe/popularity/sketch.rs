//! The sketch of the names that were asked for most lately.
//!
//! It is a frequent-items sketch (Misra and Gries, as in Apache `DataSketches`). Its numbers are
//! halved every few seconds, so that names that were popular are soon forgotten.

use std::time::{Duration, Instant};

use datasketches::frequencies::{ErrorType, FrequentItemsSketch};

/// Places in the sketch's table; three in four are used. More than the names that samples come from
/// in some half-lives.
const PLACES: usize = 1 << 15;
/// How long until queries count half.
const HALF_LIFE: Duration = Duration::from_secs(2);
/// Half-lives after which nothing is left of any number.
const FORGOTTEN: u32 = 64;

/// How often names were asked for.
pub(crate) struct Sketch {
    /// None if the sketch refused its size, which tests rule out.
    items: Option<FrequentItemsSketch<Vec<u8>>>,
    /// When numbers were last halved.
    halved: Option<Instant>,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { items: empty(), halved: None }
    }
}

fn empty() -> Option<FrequentItemsSketch<Vec<u8>>> {
    FrequentItemsSketch::new(PLACES).ok()
}

impl Sketch {
    /// Counts `weight` queries for a name.
    pub(crate) fn add(&mut self, name: &[u8], weight: u32) {
        // The sum of all weights can't overflow: it begins again every half-life.
        if let Some(items) = &mut self.items {
            items.update_with_count_ref(name, weight.into());
        }
    }

    /// Halves all numbers for every half-life that has passed.
    pub(crate) fn halve(&mut self, now: Instant) {
        let since = *self.halved.get_or_insert(now);
        let passed = now.saturating_duration_since(since);
        let lives = passed.as_nanos() / HALF_LIFE.as_nanos();
        let lives = u32::try_from(lives).unwrap_or(u32::MAX);
        if lives == 0 {
            return;
        }
        self.halved = Some(if lives < FORGOTTEN { since + HALF_LIFE * lives } else { now });
        let mut halved = empty();
        if let Some(halved) = &mut halved {
            for (name, queries) in self.queries() {
                halved.update_with_count(name, queries.checked_shr(lives).unwrap_or_default());
            }
        }
        self.items = halved;
    }

    /// Names and their numbers of queries, in no order.
    pub(crate) fn queries(&self) -> impl Iterator<Item = (Vec<u8>, u64)> {
        let rows = self.items.as_ref().filter(|items| items.num_active_items() > 0);
        let rows =
            rows.map(|items| items.frequent_items_with_threshold(ErrorType::NoFalseNegatives, 0));
        rows.into_iter().flatten().map(|row| (row.item().clone(), row.lower_bound()))
    }
}

impl std::fmt::Debug for Sketch {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.items.as_ref().map(FrequentItemsSketch::num_active_items);
        write!(out, "Sketch({names:?} names)")
    }
}
