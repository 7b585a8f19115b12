//! Tests of distributions, and of the orders that aren't left to chance.

use super::Picker;
use edge_zone::record::{Record, weighed};

fn picker() -> Picker {
    Picker::new(fastrand::Rng::with_seed(1))
}

/// Records whose data are their places in `weights`; these are in descending order.
fn set(weights: &[u32]) -> Vec<Record<usize>> {
    weighed(weights.iter().copied().enumerate())
}

fn pick(picker: &mut Picker, weights: &[u32], most: usize) -> Vec<usize> {
    picker.pick(&set(weights), most, None).to_vec()
}

#[test]
fn without_weights_all_records_answer_in_order() {
    assert_eq!(pick(&mut picker(), &[0, 0, 0], 1), [0, 1, 2]);
    assert!(pick(&mut picker(), &[], 4).is_empty());
}

#[test]
fn records_are_distinct_and_at_most_max_hosts() {
    let mut picker = picker();
    let many: Vec<u32> = (0..100).rev().collect();
    for weights in [&[5, 3, 2, 1][..], &[7, 7, 0, 0, 0], &many] {
        for most in [0, 1, 2, 3, 4, 5, 6, 63, 64, 65, 99, 100, 200] {
            let mut picks = pick(&mut picker, weights, most);
            picks.sort_unstable();
            picks.dedup();
            assert_eq!(picks.len(), most.min(weights.len()));
        }
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
    let mut many = vec![3; 40];
    many.extend([0; 40]);
    for most in [60, 70] {
        let picks = pick(&mut picker, &many, most);
        assert!(picks[..40].iter().all(|&at| at < 40) && picks[40..].iter().all(|&at| at >= 40));
    }
}

/// Shares of the first two places among `weights` that sum up to 10, in 200,000 draws.
fn assert_places_follow_the_weights(weights: [u32; 4], mut draw: impl FnMut() -> [usize; 2]) {
    const N: u32 = 200_000;
    let (mut first, mut second) = ([0_u32; 4], [0_u32; 4]);
    for _ in 0..N {
        let picks = draw();
        first[picks[0]] += 1;
        second[picks[1]] += 1;
    }
    let chance = |i: usize| f64::from(weights[i]) / 10.0;
    for at in 0..4 {
        let others = (0..4).filter(|&other| other != at);
        let exact = others.map(|i| chance(i) * chance(at) / (1.0 - chance(i))).sum::<f64>();
        assert!((f64::from(first[at]) / f64::from(N) - chance(at)).abs() < 0.005, "{at}");
        assert!((f64::from(second[at]) / f64::from(N) - exact).abs() < 0.005, "{at}");
    }
}

#[test]
fn first_and_second_places_follow_the_weights() {
    let (mut picker, records) = (picker(), set(&[4, 3, 2, 1]));
    assert_places_follow_the_weights([4, 3, 2, 1], || {
        let picks = picker.pick(&records, 2, None);
        [picks[0], picks[1]]
    });
}

#[test]
fn they_do_when_many_records_are_ordered_at_once() {
    // The rest has too little weight to be seen, but makes the answer a long one.
    let weights: Vec<u32> =
        [400_000_000, 300_000_000, 200_000_000, 100_000_000].into_iter().chain([1; 96]).collect();
    let (mut picker, records) = (picker(), set(&weights));
    assert_places_follow_the_weights([4, 3, 2, 1], || {
        let picks = picker.pick(&records, 65, None);
        [picks[0].min(3), picks[1].min(3)]
    });
}

#[test]
fn they_do_among_the_closest() {
    let (mut picker, records) = (picker(), set(&[9, 4, 3, 2, 1]));
    let distances = [2.0, 1.0, 1.01, 1.02, 1.03];
    assert_places_follow_the_weights([4, 3, 2, 1], || {
        let picks = picker.pick(&records, 2, Some(&distances));
        [picks[0] - 1, picks[1] - 1]
    });
}

#[test]
fn the_closest_are_drawn_from_with_all_that_are_nearly_as_close() {
    let (mut picker, records) = (picker(), set(&[1; 5]));
    let distances = [3.0, 1.0, 1.04, 9.0, 2.0];
    let mut seen = [0; 5];
    for _ in 0..1000 {
        seen[picker.pick(&records, 1, Some(&distances))[0]] += 1;
    }
    assert!(seen[1] > 400 && seen[2] > 400);
    let mut picks = picker.pick(&records, 3, Some(&distances)).to_vec();
    picks.sort_unstable();
    assert_eq!(picks, [1, 2, 4]);
    assert_eq!(picker.pick(&records, 5, Some(&distances)).len(), 5);
    assert!(picker.pick(&records, 0, Some(&distances)).is_empty());
}

#[test]
fn a_ring_begins_at_the_nearest_server_outside_the_last_one() {
    // 1.04 is in the ring of 1.00; 1.06 begins one that reaches 1.11, beyond the second ring's
    // first.
    let (mut picker, records) = (picker(), set(&[1; 5]));
    let distances = [1.11, 1.06, 1.04, 1.0, 1.2];
    let mut seen = [0; 5];
    for _ in 0..1000 {
        for &at in picker.pick(&records, 3, Some(&distances)) {
            seen[at] += 1;
        }
    }
    assert!(seen[..4].iter().all(|&n| n > 600), "{seen:?}");
    assert_eq!(seen[4], 0);
}

#[test]
fn sums_beyond_32_bits_are_drawn_from_evenly() {
    let mut picker = picker();
    let seen = (0..4000).filter(|_| pick(&mut picker, &[u32::MAX; 8], 1)[0] < 4).count();
    assert!((1800..2200).contains(&seen));
}
