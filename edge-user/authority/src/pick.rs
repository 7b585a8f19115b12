//! The selection of records by weight, and by distance.
//!
//! Records are drawn one after another by weight, without replacement. Records of weight 0 come
//! only when all others have been drawn. If no record has a weight, all of them are the answer, in
//! the zone's order.
//!
//! A few of many are drawn by ticket: each ticket is looked up in the running sums of the weights,
//! without those that were drawn before. Many, or some of the closest, are put in an order of
//! random keys. The first `n` of that order are distributed as `n` draws are (Efraimidis and
//! Spirakis, 2006).

use edge_zone::record::{Record, total_weight};

/// The most records that are drawn by ticket; each looks at all tickets before.
const MOST_TICKETS: usize = 64;
/// How much wider than its inner edge a ring of servers that count as equally close is.
const RING: f64 = 1.05;

/// Draws records; keeps its memory from draw to draw.
pub(super) struct Picker {
    random: fastrand::Rng,
    picks: Vec<usize>,
    gaps: Gaps,
    keys: Vec<Key>,
}

/// A record in a random order.
#[derive(Clone, Copy)]
struct Key {
    /// Whether it has no weight, and so comes after all that have.
    is_idle: bool,
    /// Exponentially distributed with the weight as its rate; before that, the distance.
    value: f64,
    at: usize,
}

impl Picker {
    pub(super) const fn new(random: fastrand::Rng) -> Self {
        Self { random, picks: Vec::new(), gaps: Gaps(Vec::new()), keys: Vec::new() }
    }

    /// The places of at most `most` records, in the order of the answer. With `distances`, one for
    /// each record, and more records than `most`, only the closest are drawn from.
    pub(super) fn pick<T>(
        &mut self,
        records: &[Record<T>],
        most: usize,
        distances: Option<&[f64]>,
    ) -> &[usize] {
        self.picks.clear();
        let most = most.min(records.len());
        match distances {
            _ if total_weight(records) == 0 => self.picks.extend(0..records.len()),
            Some(distances) if most < records.len() => {
                self.keep_closest(distances, most);
                self.order(records, most);
            }
            _ if most > MOST_TICKETS => {
                self.keys.clear();
                let all = (0..records.len()).map(|at| Key { is_idle: false, value: 0.0, at });
                self.keys.extend(all);
                self.order(records, most);
            }
            _ => self.draw(records, most),
        }
        &self.picks
    }

    /// Draws by ticket.
    fn draw<T>(&mut self, records: &[Record<T>], most: usize) {
        let mut tickets = total_weight(records);
        self.gaps.0.clear();
        while self.picks.len() < most && tickets > 0 {
            let ticket = self.gaps.beyond(self.random.u64(0..tickets));
            let at = records.partition_point(|record| record.until <= ticket);
            let Some(record) = records.get(at) else { return };
            let weight = u64::from(record.weight);
            self.gaps.cut(record.until.saturating_sub(weight), weight);
            tickets = tickets.saturating_sub(weight);
            self.picks.push(at);
        }
        // Those without a weight are behind all others, and a ticket each.
        let first = self.picks.len();
        let mut tickets = records.len().saturating_sub(first) as u64;
        self.gaps.0.clear();
        while self.picks.len() < most && tickets > 0 {
            let ticket = self.gaps.beyond(self.random.u64(0..tickets));
            self.gaps.cut(ticket, 1);
            tickets -= 1;
            self.picks.push(first + usize::try_from(ticket).unwrap_or_default());
        }
    }

    /// Takes the first `most` of the records in `keys`, in a random order by weight.
    fn order<T>(&mut self, records: &[Record<T>], most: usize) {
        for key in &mut self.keys {
            let weight = records.get(key.at).map_or(0, |record| record.weight);
            key.is_idle = weight == 0;
            // In (0, 1], so that the logarithm is finite.
            let exponential = -(1.0 - self.random.f64()).ln();
            key.value = exponential / f64::from(weight.max(1));
        }
        let by_key = |one: &Key, other: &Key| {
            one.is_idle.cmp(&other.is_idle).then(one.value.total_cmp(&other.value))
        };
        if most < self.keys.len() {
            self.keys.select_nth_unstable_by(most, by_key);
            self.keys.truncate(most);
        }
        self.keys.sort_unstable_by(by_key);
        self.picks.extend(self.keys.iter().map(|key| key.at));
    }

    /// Puts the closest into `keys`: ring by ring, each as wide as 5 % of its inner edge's
    /// distance, until there are `most`.
    fn keep_closest(&mut self, distances: &[f64], most: usize) {
        self.keys.clear();
        let all = distances.iter().enumerate();
        self.keys.extend(all.map(|(at, &value)| Key { is_idle: false, value, at }));
        let Some(last) = most.checked_sub(1).filter(|last| *last < self.keys.len()) else {
            self.keys.truncate(most);
            return;
        };
        let by_distance = |one: &Key, other: &Key| one.value.total_cmp(&other.value);
        self.keys.select_nth_unstable_by(last, by_distance);
        let nearest = self.keys.get_mut(..most).unwrap_or_default();
        nearest.sort_unstable_by(by_distance);
        let mut edge = nearest.first().map_or(0.0, |key| key.value);
        for key in nearest {
            if key.value > edge * RING {
                edge = key.value;
            }
        }
        self.keys.retain(|key| key.value <= edge * RING);
    }
}

/// What has been cut out of a row of tickets: starts and widths, in order.
struct Gaps(Vec<(u64, u64)>);

impl Gaps {
    /// The ticket that is the `nth` of those left.
    fn beyond(&self, nth: u64) -> u64 {
        self.0.iter().fold(nth, |at, &(start, width)| if at >= start { at + width } else { at })
    }

    fn cut(&mut self, start: u64, width: u64) {
        let at = self.0.partition_point(|&(other, _)| other < start);
        self.0.insert(at, (start, width));
    }
}

#[cfg(test)]
mod tests;
