//! The order of the records on each card behind the first one.
//!
//! The first record of each card is settled before. The others get an order that is as likely as
//! drawing by weight makes it.

/// Orders the rest of each card of `k` records.
///
/// Among draws that begin with the same record and hold the same set, an order's chance is
/// proportional to ∏ 1/(weight not drawn before each place). With little of the total weight in a
/// card that is the same for all orders, and a shuffle does. With all of it in the card, the rest
/// is drawn by weight. In between, pairs of neighbours are put in order by their odds again and
/// again (Gibbs sampling).
///
/// The sum of the `weights` is positive and fits 64 bits.
#[expect(clippy::indexing_slicing, reason = "a card holds indices of weights")]
pub(super) fn by_weight(cards: &mut [u16], k: usize, weights: &[u64], rng: &mut fastrand::Rng) {
    let total: u64 = weights.iter().sum();
    for card in cards.chunks_exact_mut(k.max(1)) {
        let held: u64 = card.iter().map(|&record| weights[usize::from(record)]).sum();
        let Some((_, others)) = card.split_first_mut() else { continue };
        // Orders of such a card differ in likelihood by a few per cent at most.
        if held < total / 64 {
            rng.shuffle(others);
            continue;
        }
        draw(others, weights, rng);
        if held < total {
            exchange(card, weights, total, rng);
        }
    }
}

/// Draws these records one after another by weight; those of weight 0 come last, in any order.
#[expect(
    clippy::indexing_slicing,
    reason = "records are indices of weights, and the point is below the sum of those from `place` on"
)]
fn draw(records: &mut [u16], weights: &[u64], rng: &mut fastrand::Rng) {
    let weight = |record: u16| weights[usize::from(record)];
    let mut left: u64 = records.iter().map(|&record| weight(record)).sum();
    for place in 0..records.len() {
        let mut drawn = place;
        if left == 0 {
            drawn = rng.usize(place..records.len());
        } else {
            let mut point = rng.u64(..left);
            while point >= weight(records[drawn]) {
                point -= weight(records[drawn]);
                drawn += 1;
            }
        }
        records.swap(place, drawn);
        left -= weight(records[place]);
    }
}

/// Exchanges neighbours behind the first, by the odds of the two orders.
#[expect(
    clippy::indexing_slicing,
    reason = "a card holds indices of weights, its first at 0, and `place + 1` is below its length"
)]
fn exchange(card: &mut [u16], weights: &[u64], total: u64, rng: &mut fastrand::Rng) {
    let weight = |record: u16| weights[usize::from(record)];
    // Rounds through the pairs, as many as a record needs to come all the way.
    for _ in 0..card.len() {
        let mut left = total - weight(card[0]);
        for place in 1..card.len() - 1 {
            let (a, b) = (weight(card[place]), weight(card[place + 1]));
            // "b, a" is to "a, b" as what is left behind a to what is left behind b.
            let (behind_a, behind_b) = ((left - a) as f64, (left - b) as f64);
            if rng.f64() * (behind_a + behind_b) < behind_a {
                card.swap(place, place + 1);
            }
            left -= weight(card[place]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::by_weight;

    /// How often each card comes out of `tries`.
    fn frequencies(
        tries: u32,
        mut make: impl FnMut() -> Vec<u16>,
    ) -> std::collections::BTreeMap<Vec<u16>, f64> {
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..tries {
            *seen.entry(make()).or_insert(0.0) += 1.0 / f64::from(tries);
        }
        seen
    }

    fn chance(card: &[u16], weights: &[u64]) -> f64 {
        let mut left: f64 =
            weights.iter().sum::<u64>() as f64 - weights[usize::from(card[0])] as f64;
        let mut chance = 1.0;
        for &record in &card[1..] {
            chance *= weights[usize::from(record)] as f64 / left;
            left -= weights[usize::from(record)] as f64;
        }
        chance
    }

    #[test]
    fn a_card_of_all_records_is_a_weighted_permutation() {
        let mut rng = fastrand::Rng::with_seed(1);
        let weights = [5, 1, 2, 10];
        let seen = frequencies(100_000, || {
            let mut card = vec![2, 0, 1, 3];
            by_weight(&mut card, 4, &weights, &mut rng);
            card
        });
        assert_eq!(seen.len(), 6);
        let total: f64 = seen.keys().map(|card| chance(card, &weights)).sum();
        for (card, frequency) in seen {
            let exact = chance(&card, &weights) / total;
            assert!((frequency - exact).abs() < 0.006, "{card:?} {frequency} {exact}");
        }
    }

    #[test]
    fn the_rest_of_a_card_is_ordered_as_if_drawn() {
        let mut rng = fastrand::Rng::with_seed(2);
        let weights = [50, 1, 1_000, 400, 3, 3];
        let card = [0, 1, 2, 3];
        let seen = frequencies(100_000, || {
            let mut card = card.to_vec();
            by_weight(&mut card, 4, &weights, &mut rng);
            card
        });
        let total: f64 = seen.keys().map(|card| chance(card, &weights)).sum();
        for (card, frequency) in seen {
            let exact = chance(&card, &weights) / total;
            assert!((frequency - exact).abs() < 0.006, "{card:?} {frequency} {exact}");
        }
    }

    #[test]
    fn zeros_stay_behind_and_light_cards_are_shuffled() {
        let mut rng = fastrand::Rng::with_seed(3);
        let mut cards = [0, 1, 2, 0, 2, 1].repeat(50);
        by_weight(&mut cards, 3, &[4, 0, 9], &mut rng);
        assert!(cards.chunks(3).all(|card| card == [0, 2, 1]));
        let weights = vec![1; 1_000];
        let mut cards = [7, 8, 9].repeat(50);
        by_weight(&mut cards, 3, &weights, &mut rng);
        assert!(cards.chunks(3).any(|card| card == [7, 9, 8]));
        assert!(cards.chunks(3).any(|card| card == [7, 8, 9]));
    }
}
