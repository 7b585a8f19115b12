//! The cards of a deal: distinct records, in given numbers.
//!
//! It is given in how many cards each record has to be, and in how many of those first. The cards
//! have exactly these numbers, and are otherwise as random as can be.
//!
//! The firsts are shuffled over the cards. The other appearances are laid out record by record, one
//! per card, round and round. So a record meets itself only where it is first. Those meetings are
//! resolved by exchanging with another card. Then random exchanges that keep cards distinct remove
//! the traces of the layout.

/// Random exchanges to try before a search for a way out of a meeting.
const TRIES: usize = 16;

/// Random exchanges per place of a card.
const PASSES: usize = 3;

/// The appearances of each record in a deal of `m` cards of `k` records.
pub(super) struct Counts<'a> {
    /// Cards the record is in: at most `m` each, `k·m` in all.
    pub(super) included: &'a [u32],
    /// Cards the record is first in: at most as many as it is in, `m` in all.
    pub(super) first: &'a [u32],
}

/// Builds the `m` cards of `k` records, one after another.
pub(super) fn build(counts: &Counts<'_>, k: usize, m: usize, rng: &mut fastrand::Rng) -> Vec<u16> {
    let mut cards = Cards::lay_out(counts, k, m, rng);
    cards.resolve(TRIES, rng);
    if k > 1 {
        cards.mix(rng);
    }
    cards.records
}

/// The `m` cards when every card has all records: one for each first.
pub(super) fn of_all(first: &[u32], m: usize) -> Vec<u16> {
    let mut cards = Vec::with_capacity(first.len() * m);
    for (&count, leader) in first.iter().zip(0_u16..) {
        for _ in 0..count {
            cards.push(leader);
            let others = first.iter().zip(0_u16..).map(|(_, record)| record);
            cards.extend(others.filter(|&record| record != leader));
        }
    }
    cards
}

struct Cards {
    /// Card after card, each of `k` places, the first record at place 0.
    records: Vec<u16>,
    k: usize,
}

impl Cards {
    /// Firsts at random; the rest round and round, so that distinct cards get a record's up to `m`
    /// appearances.
    #[expect(
        clippy::indexing_slicing,
        reason = "the counts' sums are k·m and m: as many places are left as appearances"
    )]
    fn lay_out(counts: &Counts<'_>, k: usize, m: usize, rng: &mut fastrand::Rng) -> Self {
        let mut records = vec![0; k * m];
        let mut firsts: Vec<u16> = Vec::with_capacity(m);
        for (&count, record) in counts.first.iter().zip(0_u16..) {
            firsts.extend(std::iter::repeat_n(record, count as usize));
        }
        rng.shuffle(&mut firsts);
        for (slot, first) in records.iter_mut().step_by(k).zip(firsts) {
            *slot = first;
        }
        // Each record that is in any card, and in how many it isn't first.
        let both = counts.included.iter().zip(counts.first);
        let mut order: Vec<(u16, u32)> = both
            .zip(0_u16..)
            .filter(|((included, _), _)| **included > 0)
            .map(|((included, first), record)| (record, included - first))
            .collect();
        rng.shuffle(&mut order);
        let (mut card, mut place) = (0, 1);
        for (record, rest) in order {
            for _ in 0..rest {
                records[card * k + place] = record;
                card += 1;
                if card == m {
                    (card, place) = (0, place + 1);
                }
            }
        }
        Self { records, k }
    }

    fn len(&self) -> usize {
        self.records.len() / self.k
    }

    #[expect(clippy::indexing_slicing, reason = "every card has its k places in `records`")]
    fn card(&self, card: usize) -> &[u16] {
        &self.records[card * self.k..][..self.k]
    }

    fn holds(&self, card: usize, record: u16) -> bool {
        self.card(card).contains(&record)
    }

    #[expect(clippy::indexing_slicing, reason = "every card has its k places in `records`")]
    fn at(&self, card: usize, place: usize) -> u16 {
        self.records[card * self.k + place]
    }

    /// Makes all cards distinct.
    fn resolve(&mut self, tries: usize, rng: &mut fastrand::Rng) {
        let m = self.len();
        let mut stuck = Vec::new();
        for card in 0..m {
            if let Some(place) = self.meeting(card)
                && !(0..tries).any(|_| self.leave(card, place, rng.usize(..m), rng))
            {
                stuck.push((self.at(card, 0), card));
            }
        }
        // A record in nearly every card: look only at the cards without it.
        stuck.sort_unstable();
        for stuck in stuck.chunk_by(|a, b| a.0 == b.0) {
            let Some(&(record, _)) = stuck.first() else { continue };
            let mut without: Vec<usize> =
                (0..m).filter(|&card| !self.holds(card, record)).collect();
            for &(_, card) in stuck {
                let Some(place) = self.meeting(card) else { continue };
                let found = (0..if without.is_empty() { 0 } else { tries }).find_map(|_| {
                    let i = rng.usize(..without.len());
                    let other = *without.get(i)?;
                    self.leave(card, place, other, rng).then_some(i)
                });
                match found {
                    Some(i) => {
                        without.swap_remove(i);
                    }
                    None => self.resolve_by_chain(card, place),
                }
            }
        }
    }

    /// The place where the first of a card appears once more in it.
    fn meeting(&self, card: usize) -> Option<usize> {
        let (first, others) = self.card(card).split_first()?;
        others.iter().position(|other| other == first).map(|behind| 1 + behind)
    }

    /// Exchanges the record that meets itself at `place` with a random one of another card, if both
    /// fit.
    fn leave(&mut self, card: usize, place: usize, other: usize, rng: &mut fastrand::Rng) -> bool {
        let other_place = rng.usize(1..self.k);
        let fits = !self.holds(other, self.at(card, place))
            && !self.holds(card, self.at(other, other_place));
        if fits {
            self.records.swap(card * self.k + place, other * self.k + other_place);
        }
        fits
    }

    /// Finds the shortest chain in which the record at `card` and `place` moves to another card,
    /// the record it drives out there moves to a third, and so on, until one fits into `card`.
    ///
    /// There always is one: an arrangement with these numbers exists for any placing of the firsts,
    /// because any set of j < k records finds room for j·m appearances less its firsts, and no
    /// record needs more than m (max-flow min-cut); a breadth-first search finds an augmenting path
    /// whenever an arrangement exists.
    #[expect(
        clippy::indexing_slicing,
        reason = "places are those of cards, and `by` is the index of an earlier step"
    )]
    fn resolve_by_chain(&mut self, card: usize, place: usize) {
        struct Driven {
            record: u16,
            /// The place in `records` it leaves.
            place: usize,
            /// The step that drives it out.
            by: usize,
        }
        let start = card * self.k + place;
        let mut steps = vec![Driven { record: self.records[start], place: start, by: 0 }];
        let mut card_seen = vec![false; self.len()];
        card_seen[card] = true;
        let mut record_seen = std::collections::HashSet::from([self.records[start]]);
        let mut step = 0;
        while let Some(&Driven { record, .. }) = steps.get(step) {
            if !self.holds(card, record) {
                self.records[start] = record;
                while step != 0 {
                    let Driven { place, by, .. } = steps[step];
                    self.records[place] = steps[by].record;
                    step = by;
                }
                return;
            }
            for (other, seen) in card_seen.iter_mut().enumerate() {
                if *seen || self.holds(other, record) {
                    continue;
                }
                *seen = true;
                for place in other * self.k + 1..(other + 1) * self.k {
                    let record = self.records[place];
                    if record_seen.insert(record) {
                        steps.push(Driven { record, place, by: step });
                    }
                }
            }
            step += 1;
        }
        debug_assert!(false, "no chain from card {card}");
    }

    /// Exchanges firsts with firsts and others with others between random cards, wherever both stay
    /// distinct.
    ///
    /// Every exchange is as likely as its reverse, so this tends to the even distribution over all
    /// arrangements.
    fn mix(&mut self, rng: &mut fastrand::Rng) {
        match (self.k, self.records.as_chunks_mut()) {
            // The pool's; half as long.
            (4, (cards, [])) => mix_fours(cards, rng),
            _ => self.mix_any(rng),
        }
    }

    fn mix_any(&mut self, rng: &mut fastrand::Rng) {
        let (k, m) = (self.k, self.len());
        for _ in 0..PASSES {
            for card in 0..m {
                for place in 0..k {
                    let other = rng.usize(..m);
                    let other_place = if place == 0 { 0 } else { rng.usize(1..k) };
                    let (a, b) = (self.at(card, place), self.at(other, other_place));
                    if a != b && !self.holds(card, b) && !self.holds(other, a) {
                        self.records.swap(card * k + place, other * k + other_place);
                    }
                }
            }
        }
    }
}

/// As [`Cards::mix_any`], of cards whose size is known.
#[expect(
    clippy::indexing_slicing,
    reason = "cards are below the slice's length, and places below four"
)]
fn mix_fours(cards: &mut [[u16; 4]], rng: &mut fastrand::Rng) {
    let holds = |card: &[u16; 4], record: u16| {
        let [a, b, c, d] = *card;
        (a == record) | (b == record) | (c == record) | (d == record)
    };
    for _ in 0..PASSES {
        for card in 0..cards.len() {
            for place in 0..4 {
                let other = rng.usize(..cards.len());
                let other_place = if place == 0 { 0 } else { rng.usize(1..4) };
                let (a, b) = (cards[card][place], cards[other][other_place]);
                if a != b && !holds(&cards[card], b) && !holds(&cards[other], a) {
                    (cards[card][place], cards[other][other_place]) = (b, a);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cards, Counts, build, mix_fours};

    fn check(cards: &[u16], k: usize, included: &[u32], first: &[u32]) {
        let (mut got_included, mut got_first) = (vec![0; included.len()], vec![0; included.len()]);
        for card in cards.chunks(k) {
            got_first[usize::from(card[0])] += 1;
            for (place, &record) in card.iter().enumerate() {
                got_included[usize::from(record)] += 1;
                assert!(!card[..place].contains(&record), "{card:?}");
            }
        }
        assert_eq!(got_included, included);
        assert_eq!(got_first, first);
    }

    /// Random numbers: often with some records in nearly all cards, and any firsts that leave no
    /// record short.
    fn random_counts(n: usize, k: usize, m: usize, rng: &mut fastrand::Rng) -> [Vec<u32>; 2] {
        let few = rng.usize(k..=n);
        let exchanges = rng.usize(0..=few);
        let mut included = vec![0; n];
        let mut appearances = Vec::new();
        for _ in 0..m {
            let mut card: Vec<usize> = (0..few).collect();
            for _ in 0..exchanges {
                card.swap(rng.usize(..few), rng.usize(..few));
            }
            for &record in &card[..k] {
                included[record] += 1;
                appearances.push(record);
            }
        }
        rng.shuffle(&mut appearances);
        let mut first = vec![0; n];
        for &record in &appearances[..m] {
            first[record] += 1;
        }
        [included, first]
    }

    #[test]
    fn cards_are_distinct_and_have_exactly_the_wanted_numbers() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..2_000 {
            let n = rng.usize(1..30);
            let (k, m) = (rng.usize(1..=n.min(12)), rng.usize(1..80));
            let [included, first] = random_counts(n, k, m, &mut rng);
            let counts = Counts { included: &included, first: &first };
            check(&build(&counts, k, m, &mut rng), k, &included, &first);
        }
    }

    #[test]
    fn meetings_are_resolved_by_chains_alone() {
        let mut rng = fastrand::Rng::with_seed(2);
        for _ in 0..5_000 {
            let n = rng.usize(2..9);
            let (k, m) = (rng.usize(2.max(n - 2)..=n), rng.usize(1..12));
            let [included, first] = random_counts(n, k, m, &mut rng);
            let counts = Counts { included: &included, first: &first };
            let mut cards = Cards::lay_out(&counts, k, m, &mut rng);
            cards.resolve(0, &mut rng);
            check(&cards.records, k, &included, &first);
        }
    }

    #[test]
    fn two_records_that_must_change_places_do() {
        // Both cards need both records: the only arrangement, whatever was laid out.
        for seed in 0..20 {
            let counts = Counts { included: &[2, 2], first: &[1, 1] };
            let cards = build(&counts, 2, 2, &mut fastrand::Rng::with_seed(seed));
            check(&cards, 2, &[2, 2], &[1, 1]);
        }
    }

    #[test]
    fn fours_are_mixed_as_all_others_are() {
        for seed in 0..50 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let (n, m) = (rng.usize(4..40), rng.usize(1..80));
            let [included, first] = random_counts(n, 4, m, &mut rng);
            let counts = Counts { included: &included, first: &first };
            let mut cards = Cards::lay_out(&counts, 4, m, &mut rng);
            cards.resolve(3, &mut rng);
            let mut fours = cards.records.as_chunks().0.to_vec();
            mix_fours(&mut fours, &mut rng.clone());
            cards.mix_any(&mut rng);
            assert_eq!(cards.records, fours.concat());
        }
    }
}
