//! Tests of decks against draws by weight without replacement.

use super::shares::shares;
use super::{Deal, Dealer, Hand};
use fastrand::Rng;

/// The netspeeds that the pool's users can choose, in kbit/s.
const NETSPEEDS: [u64; 14] = [
    512, 1_500, 3_000, 6_000, 12_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    1_500_000, 2_000_000, 3_000_000,
];

fn netspeeds(n: usize, rng: &mut Rng) -> Vec<u64> {
    (0..n).map(|_| NETSPEEDS[rng.usize(..NETSPEEDS.len())]).collect()
}

/// `base` to the power of 0 to 1, rounded.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 1 and the base, a million at most"
)]
fn power(base: f64, exponent: f64) -> u64 {
    base.powf(exponent).round() as u64
}

/// Weights from 1 to `most`, evenly on a logarithmic scale, sometimes with zeros.
fn random_weights(n: usize, most: f64, rng: &mut Rng) -> Vec<u64> {
    let zeros = rng.bool();
    (0..n).map(|_| if zeros && rng.u8(..8) == 0 { 0 } else { power(most, rng.f64()) }).collect()
}

/// Asserts the shape of a deck; counts the cards each record is in, and is first in.
fn count(deal: &Deal, dealer: &Dealer, n: usize) -> [Vec<u32>; 2] {
    assert_eq!(deal.records, dealer.records());
    assert_eq!(deal.cards.len(), dealer.cards() * dealer.records());
    let (mut included, mut first) = (vec![0; n], vec![0; n]);
    for card in deal.cards.chunks(deal.records) {
        first[usize::from(card[0])] += 1;
        for (place, &record) in card.iter().enumerate() {
            included[usize::from(record)] += 1;
            assert!(!card[..place].contains(&record), "{card:?}");
        }
    }
    [included, first]
}

/// The value that χ² with so many degrees of freedom exceeds with a chance of 1e-4 (Wilson and
/// Hilferty).
fn chi_square_limit(freedom: f64) -> f64 {
    let part = 2.0 / (9.0 * freedom);
    freedom * (1.0 - part + 3.719 * part.sqrt()).powi(3)
}

/// Asserts that the observed counts agree with the expected ones; bins of fewer than 5 are merged.
fn assert_agree(observed: &[u32], expected: &[f64], what: &str) {
    let (mut chi_square, mut bins) = (0.0, 0_u32);
    let mut add = |o: f64, e: f64| {
        chi_square += (o - e).powi(2) / e;
        bins += 1;
    };
    let (mut small_observed, mut small_expected) = (0.0, 0.0);
    for (&o, &e) in observed.iter().zip(expected) {
        if e == 0.0 {
            assert_eq!(o, 0, "{what}: impossible");
        } else if e < 5.0 {
            small_observed += f64::from(o);
            small_expected += e;
        } else {
            add(f64::from(o), e);
        }
    }
    if small_expected > 0.0 {
        add(small_observed, small_expected);
    }
    let freedom = f64::from(bins - 1);
    let limit = if bins > 1 { chi_square_limit(freedom) } else { 1e-9 };
    assert!(chi_square < limit, "{what}: χ² is {chi_square} with {freedom} degrees of freedom");
}

/// A million answers, each a random card of the current deck, against the exact shares.
fn answers_agree(n: usize, max_hosts: usize) {
    const ANSWERS: usize = 1_000_000;
    let skewed = |i: usize| power(1_000.0, i as f64 / (n - 1).max(1) as f64);
    let one_zero = |i: usize| if i == n / 2 { 0 } else { 1 + i as u64 % 3 };
    let sets: [(&str, Vec<u64>); 3] = [
        ("equal", vec![1_000; n]),
        ("skewed", (0..n).map(skewed).collect()),
        ("one zero", (0..n).map(one_zero).collect()),
    ];
    for (name, weights) in sets {
        let mut rng = Rng::with_seed((n * 10 + max_hosts) as u64);
        let mut dealer = Dealer::new(&weights, max_hosts, 0, &mut rng);
        let (k, m) = (dealer.records(), dealer.cards());
        let (mut included, mut first) = (vec![0; n], vec![0; n]);
        let mut left = ANSWERS;
        while left > 0 {
            let deal = dealer.deal(&mut rng);
            let answers = left.min(m.max(64));
            for _ in 0..answers {
                let card = &deal.cards[rng.usize(..m) * k..][..k];
                first[usize::from(card[0])] += 1;
                for &record in card {
                    included[usize::from(record)] += 1;
                }
            }
            left -= answers;
        }
        let exact = shares(&weights, k);
        let expect =
            |share: &[f64]| -> Vec<f64> { share.iter().map(|p| p * ANSWERS as f64).collect() };
        assert_agree(&first, &expect(&exact.first), &format!("{n} {name}, {max_hosts}: first"));
        let what = format!("{n} {name}, {max_hosts}: included");
        assert_agree(&included, &expect(&exact.inclusion), &what);
    }
}

#[test]
fn answers_of_small_pools_have_the_exact_shares() {
    for n in [1, 3, 4, 5] {
        answers_agree(n, 4);
        answers_agree(n, 2);
    }
}

#[test]
fn answers_of_pools_of_twenty_have_the_exact_shares() {
    answers_agree(20, 4);
    answers_agree(20, 2);
}

#[test]
fn answers_of_pools_of_hundreds_have_the_exact_shares() {
    answers_agree(500, 4);
    answers_agree(500, 2);
}

#[test]
fn answers_of_pools_of_thousands_have_the_exact_shares() {
    answers_agree(4_000, 4);
    answers_agree(4_000, 2);
}

#[test]
fn over_any_number_of_decks_a_record_strays_by_less_than_two_cards() {
    let mut rng = Rng::with_seed(1);
    for round in 0..120 {
        let n = if round % 20 == 0 { rng.usize(500..2_000) } else { rng.usize(8..100) };
        let weights = random_weights(n, 10_f64.powi(rng.i32(0..7)), &mut rng);
        let mut dealer = Dealer::new(&weights, rng.usize(4..=12), 0, &mut rng);
        assert!(matches!(dealer.hand, Hand::Places { .. }));
        let exact = shares(&weights, dealer.records());
        let [mut included, mut first] = [vec![0; n], vec![0; n]];
        for decks in 1..=8 {
            let [deck_included, deck_first] = count(&dealer.deal(&mut rng), &dealer, n);
            let cards = (decks * dealer.cards()) as f64;
            for i in 0..n {
                included[i] += deck_included[i];
                first[i] += deck_first[i];
                let off = f64::from(included[i]) - exact.inclusion[i] * cards;
                assert!(off.abs() < 2.0, "record {i} of {n} is off by {off} after {decks} decks");
                // The firsts follow the cards, each of which may be off by two.
                let off = f64::from(first[i]) - exact.first[i] * cards;
                assert!(off.abs() < 4.0, "first {i} of {n} is off by {off} after {decks} decks");
            }
        }
    }
}

#[test]
fn first_decks_of_fresh_dealers_are_unbiased() {
    let mut rng = Rng::with_seed(14);
    let giant: Vec<u64> = (0..20).map(|i| if i == 0 { 1_000_000 } else { 5_000 + i }).collect();
    let skewed: Vec<u64> = (0..20).map(|i| 1 << (i / 2)).collect();
    for weights in [giant, skewed] {
        let [mut included, mut first] = [vec![0; 20], vec![0; 20]];
        for _ in 0..10_000 {
            let mut dealer = Dealer::new(&weights, 4, 0, &mut rng);
            let [deck_included, deck_first] = count(&dealer.deal(&mut rng), &dealer, 20);
            for i in 0..20 {
                included[i] += deck_included[i];
                first[i] += deck_first[i];
            }
        }
        let exact = shares(&weights, 4);
        let pairs = [(included, exact.inclusion), (first, exact.first)];
        for (seen, share) in pairs {
            for (i, (&seen, share)) in seen.iter().zip(share).enumerate() {
                let expected = share * 640_000.0;
                let off = (f64::from(seen) - expected).abs();
                assert!(off < expected * 0.02 + 5.0 * expected.sqrt(), "{i}: {seen} {expected}");
            }
        }
    }
}

#[test]
fn with_few_records_every_answer_has_its_exact_share() {
    let mut rng = Rng::with_seed(2);
    for _ in 0..60 {
        let n = rng.usize(2..=7);
        let weights = random_weights(n, 1_000.0, &mut rng);
        let k = rng.usize(1..=n.min(4));
        let mut dealer = Dealer::new(&weights, k, 0, &mut rng);
        let (tuples, chances) = super::tuples::list(&weights, k);
        let mut seen = std::collections::HashMap::new();
        for _ in 0..20 {
            let deal = dealer.deal(&mut rng);
            count(&deal, &dealer, n);
            for card in deal.cards.chunks(k) {
                *seen.entry(card.to_vec()).or_insert(0_u32) += 1;
            }
        }
        for (tuple, chance) in tuples.chunks(k).zip(chances) {
            let dealt = seen.get(tuple).copied().map_or(0.0, f64::from);
            let off = dealt - chance * (20 * dealer.cards()) as f64;
            assert!(off.abs() < 2.0, "{weights:?}: {tuple:?} is off by {off}");
        }
    }
}

#[test]
fn no_server_of_a_pool_of_thousands_is_forgotten() {
    let mut rng = Rng::with_seed(3);
    let weights = netspeeds(4_000, &mut rng);
    let mut dealer = Dealer::new(&weights, 4, 0, &mut rng);
    let mut seen = vec![0; 4_000];
    for _ in 0..10 {
        for (seen, count) in seen.iter_mut().zip(&count(&dealer.deal(&mut rng), &dealer, 4_000)[0])
        {
            *seen += count;
        }
    }
    let exact = shares(&weights, 4).inclusion;
    let mut due = 0;
    for i in 0..4_000 {
        if 10.0 * dealer.cards() as f64 * exact[i] >= 1.0 {
            due += 1;
            assert!(seen[i] > 0, "{} of netspeed {}", exact[i], weights[i]);
        }
    }
    assert!(due > 2_500, "{due}");
}

#[test]
fn records_meet_as_often_as_when_drawn() {
    const N: usize = 20;
    const DRAWS: usize = 1_000_000;
    let mut rng = Rng::with_seed(4);
    let weights: Vec<u64> = (0..N as u64).map(|i| 100 + i * i * 4).collect();
    let pair = |a: u16, b: u16| usize::from(a.min(b)) * N + usize::from(a.max(b));

    let mut drawn = vec![0_u32; N * N];
    for _ in 0..DRAWS {
        let mut clocks: Vec<(f64, u16)> =
            (0..).zip(&weights).map(|(i, &w)| (-rng.f64().ln() / w as f64, i)).collect();
        clocks.select_nth_unstable_by(3, |a, b| a.0.total_cmp(&b.0));
        for a in 0..4 {
            for b in 0..a {
                drawn[pair(clocks[a].1, clocks[b].1)] += 1;
            }
        }
    }
    let mut dealt = vec![0_u32; N * N];
    let mut dealer = Dealer::new(&weights, 4, 0, &mut rng);
    let decks = DRAWS / dealer.cards();
    for _ in 0..decks {
        for card in dealer.deal(&mut rng).cards.chunks(4) {
            for a in 0..4 {
                for b in 0..a {
                    dealt[pair(card[a], card[b])] += 1;
                }
            }
        }
    }
    for i in 0..N * N {
        let (drawn, dealt) = (f64::from(drawn[i]), f64::from(dealt[i]));
        // Two per cent, and four standard deviations of what is counted.
        let limit = drawn * 0.02 + 4.0 * (2.0 * drawn).sqrt();
        assert!((dealt - drawn).abs() <= limit, "{} and {}: {dealt} {drawn}", i / N, i % N);
    }
}

#[test]
fn the_rest_of_an_answer_is_in_the_order_of_a_draw() {
    // Two heavy records: when one is first, the other is second nearly always. Dealt by places.
    let weights = [1_000, 1_000, 3, 3, 3, 3, 3, 3];
    let mut rng = Rng::with_seed(5);
    let mut dealer = Dealer::new(&weights, 4, 0, &mut rng);
    let mut second = 0;
    for _ in 0..1_000 {
        second += dealer.deal(&mut rng).cards.chunks(4).filter(|card| card[1] < 2).count();
    }
    let exact = 2_000.0 / 2_018.0 * 1_000.0 / 1_018.0 + 18.0 / 2_018.0 * 2_000.0 / 2_015.0;
    let off = second as f64 / 64_000.0 - exact;
    assert!(off.abs() < 0.003, "{off}");
}

#[test]
fn with_all_records_in_every_answer_zeros_come_last() {
    let mut weights = vec![5, 0, 9, 1, 0, 2, 7, 3];
    let mut rng = Rng::with_seed(6);
    let mut dealer = Dealer::new(&weights, 12, 0, &mut rng);
    let deal = dealer.deal(&mut rng);
    count(&deal, &dealer, 8);
    assert_eq!(deal.records, 8);
    assert!(deal.cards.chunks(8).all(|card| weights[usize::from(card[6])] == 0));
    // The same with more records than places.
    weights.push(0);
    let mut dealer = Dealer::new(&weights, 8, 0, &mut rng);
    let deal = dealer.deal(&mut rng);
    count(&deal, &dealer, 9);
    for card in deal.cards.chunks(8) {
        assert!(card[..6].iter().all(|&record| weights[usize::from(record)] > 0), "{card:?}");
    }
}

#[test]
fn records_of_weight_zero_alone_are_all_alike() {
    let mut rng = Rng::with_seed(7);
    let mut dealer = Dealer::new(&[0; 16], 4, 0, &mut rng);
    let [included, first] = count(&dealer.deal(&mut rng), &dealer, 16);
    assert!(included.iter().all(|&cards| (15..=17).contains(&cards)), "{included:?}");
    assert!(first.iter().all(|&cards| (2..=6).contains(&cards)), "{first:?}");
}

#[test]
fn weights_of_any_size_are_dealt() {
    let mut rng = Rng::with_seed(8);
    let mut weights = vec![u64::MAX; 30];
    weights.extend([1; 5]);
    let mut dealer = Dealer::new(&weights, 4, 0, &mut rng);
    let [included, _] = count(&dealer.deal(&mut rng), &dealer, 35);
    assert!(included[..30].iter().all(|&cards| cards > 0));
}

#[test]
fn decks_have_a_power_of_two_of_cards() {
    let mut rng = Rng::with_seed(9);
    for (n, cards) in [(0, 0), (1, 1), (2, 64), (32, 64), (33, 128), (500, 1_024), (4_096, 8_192)] {
        let dealer = Dealer::new(&vec![1; n], 4, 0, &mut rng);
        assert_eq!((dealer.records(), dealer.cards()), (n.min(4), cards));
        assert_eq!(dealer.is_constant(), n < 2);
    }
    let mut largest = Dealer::new(&vec![1; 70_000], 2, 0, &mut rng);
    assert_eq!(largest.cards(), 8_192);
    count(&largest.deal(&mut rng), &largest, 65_535);
}

#[test]
fn no_records_or_no_places_make_no_cards() {
    let mut rng = Rng::with_seed(10);
    assert_eq!(Dealer::new(&[], 4, 0, &mut rng).deal(&mut rng), Deal::default());
    assert_eq!(Dealer::new(&[1, 2], 0, 0, &mut rng).deal(&mut rng), Deal::default());
    let one = Dealer::new(&[7], 4, 0, &mut rng).deal(&mut rng);
    assert_eq!(one, Deal { records: 1, cards: vec![0] });
}

/// Cards that records of small weight get in `decks` decks, each of a dealer of its own.
fn dealt_while_rebuilt(n: usize, light: usize, decks: usize, carry: bool) -> Vec<u32> {
    let mut rng = Rng::with_seed(11);
    let mut seen = vec![0; light];
    let mut last: Option<Dealer> = None;
    for deck in 0..decks {
        // The records' order turns by one with every rebuild, and the heavy weights wander.
        let at = |i: usize| (i + deck) % n;
        let weights: Vec<u64> =
            (0..n).map(|i| if at(i) < light { 10 } else { rng.u64(90_000..110_000) }).collect();
        let mut dealer = Dealer::new(&weights, 4, 0, &mut rng);
        if let Some(last) = last.filter(|_| carry) {
            dealer.carry(&last, |i| Some((i + 1) % n));
        }
        for record in dealer.deal(&mut rng).cards {
            if let Some(seen) = seen.get_mut(at(usize::from(record))) {
                *seen += 1;
            }
        }
        last = Some(dealer);
    }
    seen
}

#[test]
fn rebuilding_decks_does_not_starve_small_records() {
    // 64 cards of 4: a light record's share is about 64·4·10/(16·100,000), a card in 625 decks.
    let carried = dealt_while_rebuilt(20, 4, 2_500, true);
    assert!(carried.iter().all(|seen| (2..=6).contains(seen)), "{carried:?}");
    let fresh = dealt_while_rebuilt(20, 4, 2_500, false);
    assert_ne!(carried, fresh);
}

#[test]
fn whole_answers_carry_over_to_the_same_records() {
    let mut rng = Rng::with_seed(12);
    let old = Dealer::new(&[1, 2, 3, 4], 2, 0, &mut rng);
    // Record 0 is gone, a new one comes first.
    let mut new = Dealer::new(&[9, 2, 3, 4], 2, 0, &mut rng);
    let Hand::Tuples { stream: before, .. } = &new.hand else { panic!("dealt by places") };
    let before = before.clone();
    new.carry(&old, |record| (record > 0).then_some(record));
    let (Hand::Tuples { stream: new, .. }, Hand::Tuples { stream: old, .. }) =
        (&new.hand, &old.hand)
    else {
        panic!("dealt by places")
    };
    // (0,1) holds the new record; (1,2) doesn't.
    assert_eq!((new.owed(0), new.owed(4)), (before.owed(0), old.owed(4)));
}

#[test]
fn dealers_of_another_kind_carry_nothing_and_still_deal() {
    let mut rng = Rng::with_seed(13);
    let dealers: Vec<Dealer> = [(0, 4), (1, 4), (3, 4), (5, 4), (5, 2), (9, 4), (30, 4), (200, 12)]
        .map(|(n, k)| Dealer::new(&vec![3; n], k, 0, &mut rng))
        .into();
    for old in &dealers {
        for new in &dealers {
            let mut new = new.clone();
            new.carry(old, |record| Some(record * 2));
            new.carry(old, |record| Some(record / 2));
            let n = new.n;
            if n > 0 {
                count(&new.deal(&mut rng), &new, n);
            }
        }
    }
}
