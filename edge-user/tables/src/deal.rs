//! Deals weighted records into decks of ready answers.
//!
//! A *card* is one answer: distinct record indices in answer order. A *deck* is a number of cards.
//! Each answer takes one of them at random, until the next deck is dealt.
//!
//! Over many decks, answers are distributed as if each were drawn record after record by weight,
//! without replacement, but more evenly. A deck has each record in its exact share of the cards
//! and of the first places, rounded up or down. The rounding error is carried into the next deck.
//! With few records the same is true of whole answers.
#![forbid(unsafe_code)]

mod cards;
mod order;
pub mod shares;
mod stream;
mod tuples;

use cards::Counts;
use stream::Stream;

/// With at most so many possible answers, whole answers are dealt, each by its exact share.
const TUPLES: usize = 1_024;

/// The least number of cards of a deck that varies, and the largest.
const CARDS: std::ops::RangeInclusive<usize> = 64..=8_192;

/// A deck.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deal {
    /// Records per card.
    pub records: usize,
    /// Indices of the records, card after card, in answer order.
    pub cards: Vec<u16>,
}

/// Deals one deck after another for one `RRset`.
#[derive(Clone, Debug)]
pub struct Dealer {
    /// Records to choose from.
    n: usize,
    /// Records per card.
    k: usize,
    /// Cards per deck.
    m: usize,
    hand: Hand,
}

/// What is dealt.
#[derive(Clone, Debug)]
enum Hand {
    /// Always the one card there is, or none.
    Constant,
    /// Whole answers.
    Tuples {
        /// Every possible answer, one after another.
        tuples: Vec<u16>,
        /// Cards per deck.
        share: Vec<f64>,
        stream: Stream,
    },
    /// Places in cards, for each record.
    Places {
        weights: Vec<u64>,
        /// Cards per deck the record is in.
        share: Vec<f64>,
        /// The part of these in which it is first.
        first: Vec<f64>,
        included: Stream,
        leading: Stream,
    },
}

impl Dealer {
    /// A dealer for records with these `weights`, `max_hosts` of them to an answer, or all when
    /// there are fewer.
    ///
    /// A record of weight 0 comes only behind all others; if all weights are 0, all records are
    /// alike. Without records or with `max_hosts` 0 there are no cards. An index has 16 bits:
    /// records past the first 65,535 are not dealt.
    ///
    /// A deck that varies has at least `least` cards. With more cards, one deal's rounding shows
    /// less.
    #[must_use]
    pub fn new(weights: &[u64], max_hosts: usize, least: usize, rng: &mut fastrand::Rng) -> Self {
        let weights = weights.get(..usize::from(u16::MAX)).unwrap_or(weights);
        let n = weights.len();
        let k = max_hosts.min(n);
        if n <= 1 || k == 0 {
            return Self { n, k, m: k, hand: Hand::Constant };
        }
        let m = cards_of(n, k, least);
        let hand = if tuples::count(n, k, TUPLES).is_some() {
            let (tuples, chances) = tuples::list(weights, k);
            let share: Vec<f64> = chances.iter().map(|chance| chance * m as f64).collect();
            let stream = Stream::new(share.len(), rng);
            Hand::Tuples { tuples, share, stream }
        } else {
            let exact = shares::shares(weights, k);
            Hand::Places {
                weights: summable(weights),
                first: exact
                    .first
                    .iter()
                    .zip(&exact.inclusion)
                    .map(|(f, i)| part(*f, *i))
                    .collect(),
                share: exact.inclusion.iter().map(|share| share * m as f64).collect(),
                included: Stream::new(n, rng),
                leading: Stream::new(n, rng),
            }
        };
        Self { n, k, m, hand }
    }

    /// Records per card.
    #[must_use]
    pub fn records(&self) -> usize {
        self.k
    }

    /// Cards per deck: 0 without records, 1 for one record, otherwise a power of two from 64 to
    /// 8,192.
    #[must_use]
    pub fn cards(&self) -> usize {
        self.m
    }

    /// Each record's chance to be on a card, from 0 to 1.
    #[must_use]
    pub fn inclusion(&self) -> Vec<f64> {
        let part = |cards: f64| cards / self.m as f64;
        match &self.hand {
            // One record, or no cards.
            Hand::Constant => vec![if self.k == 0 { 0.0 } else { 1.0 }; self.n],
            Hand::Tuples { tuples, share, .. } => {
                let mut inclusion = vec![0.0; self.n];
                for (tuple, cards) in tuples.chunks_exact(self.k).zip(share) {
                    for record in tuple {
                        if let Some(inclusion) = inclusion.get_mut(usize::from(*record)) {
                            *inclusion += part(*cards);
                        }
                    }
                }
                inclusion
            }
            Hand::Places { share, .. } => share.iter().map(|cards| part(*cards)).collect(),
        }
    }

    /// Whether all decks are the same, so that dealing one is enough.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        matches!(self.hand, Hand::Constant)
    }

    /// Deals the next deck.
    pub fn deal(&mut self, rng: &mut fastrand::Rng) -> Deal {
        let (n, k, m) = (self.n, self.k, self.m);
        let cards = match &mut self.hand {
            Hand::Constant => vec![0; k],
            Hand::Tuples { tuples, share, stream } => {
                let counts = stream.take(share, |_| u32::MAX, m, false);
                let mut cards = Vec::with_capacity(k * m);
                for (tuple, count) in tuples.chunks_exact(k).zip(counts) {
                    for _ in 0..count {
                        cards.extend_from_slice(tuple);
                    }
                }
                cards
            }
            Hand::Places { weights, share, first, included, leading } => {
                let most = u32::try_from(m).unwrap_or(u32::MAX);
                let included = included.take(share, |_| most, k * m, true);
                // The share of firsts follows the cards dealt, so that a record in few cards is
                // first when it is in one, not when it isn't.
                let share: Vec<f64> = first
                    .iter()
                    .zip(&included)
                    .map(|(part, &cards)| part * f64::from(cards))
                    .collect();
                let cap = |record| included.get(record).copied().unwrap_or_default();
                let first = leading.take(&share, cap, m, false);
                let mut cards = if k == n {
                    cards::of_all(&first, m)
                } else {
                    cards::build(&Counts { included: &included, first: &first }, k, m, rng)
                };
                order::by_weight(&mut cards, k, weights, rng);
                cards
            }
        };
        Deal { records: k, cards }
    }

    /// Takes over what records are owed from the dealer that this one replaces, so that rebuilding
    /// decks often does not starve records of small weight.
    ///
    /// `same` gives the old index of a new index, if the record was there before. What can't be
    /// matched keeps its random start. Two new indices should not have the same old one.
    pub fn carry(&mut self, old: &Self, same: impl Fn(usize) -> Option<usize>) {
        match (&mut self.hand, &old.hand) {
            (
                Hand::Places { included, leading, .. },
                Hand::Places { included: old_included, leading: old_leading, .. },
            ) => {
                for record in 0..self.n {
                    if let Some(old_record) = same(record) {
                        included.carry(record, old_included, old_record);
                        leading.carry(record, old_leading, old_record);
                    }
                }
            }
            (Hand::Tuples { tuples, stream, .. }, Hand::Tuples { stream: old_stream, .. })
                if self.k == old.k =>
            {
                for (tuple, records) in tuples.chunks_exact(self.k).enumerate() {
                    let known: Option<Vec<usize>> = records
                        .iter()
                        .map(|&record| same(usize::from(record)).filter(|&record| record < old.n))
                        .collect();
                    if let Some(known) = known {
                        stream.carry(tuple, old_stream, tuples::rank(&known, old.n));
                    }
                }
            }
            _ => {}
        }
    }
}

/// Cards in a deck of `n` records, of which an answer has up to `most`; see [`Dealer::new`].
#[must_use]
pub fn cards_of(n: usize, most: usize, least: usize) -> usize {
    let k = most.min(n);
    if n <= 1 || k == 0 {
        return k;
    }
    (2 * n).max(least).next_power_of_two().clamp(*CARDS.start(), *CARDS.end())
}

/// The weights as the order within cards needs them: their sum positive and within 64 bits.
fn summable(weights: &[u64]) -> Vec<u64> {
    let total: u128 = weights.iter().copied().map(u128::from).sum();
    if total == 0 {
        return vec![1; weights.len()];
    }
    // Halved as often as needed, but no positive weight to zero. 65,535 ones too many still fit.
    let shift = (u128::BITS - total.leading_zeros()).saturating_sub(u64::BITS - 1);
    weights.iter().map(|&weight| (weight >> shift).max(u64::from(weight > 0))).collect()
}

/// `part` of `whole`, from 0 to 1.
fn part(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).min(1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests;
