//! The choice of records: weights, `max_hosts`, weights of zero.
//!
//! It is geodns's choice, without its bias. Shares are counted over thousands of replies. Where
//! each reply is drawn by itself, whole answers are compared by χ² at a bound that chance exceeds
//! once in a million. Where answers come from decks, an answer is one of the deck's cards until
//! the deck is dealt again. There each record's share, and its share of first places, has the
//! grain of a few cards.

use std::collections::BTreeMap;

use edge_tests::chi::{chi_square, limit_at};
use edge_tests::message::rtype::{A, AAAA, CNAME, MX, NS, TXT};
use edge_tests::message::{Ask, Reply};
use edge_tests::stage::Asker;

behaviours! {
    both: [
        max_hosts_is_two_unless_said,
        no_record_comes_twice,
        records_without_weights_come_equally_often,
        equal_weights_come_equally_often,
        the_first_record_comes_by_weight,
        every_place_in_an_answer_is_drawn_by_weight_without_replacement,
        weights_whose_sum_exceeds_32_bits_are_kept,
        ipv6_addresses_come_by_weight,
        all_records_come_when_max_hosts_allows,
        a_record_of_weight_zero_comes_only_when_the_others_are_used_up,
        records_that_all_weigh_zero_come_equally_often,
        types_without_weights_are_given_whole_in_their_order,
        texts_with_weights_are_chosen,
        a_heavier_exchange_comes_first,
        cnames_come_by_weight,
    ],
}

/// Replies that shares are counted over.
const REPLIES: u16 = 3_000;
/// The quantile of the normal distribution beyond which lies a millionth.
const MILLIONTH: f64 = 4.753;

/// The data of each reply, in order, and how often.
fn counts(on: &Asker, name: &str, rtype: u16, n: usize) -> BTreeMap<Vec<String>, u32> {
    let mut counts = BTreeMap::new();
    on.many(&Ask::new(name, rtype), REPLIES, |reply| {
        let data: Vec<String> = reply.data().into_iter().map(str::to_owned).collect();
        assert_eq!(data.len(), n, "{name}");
        let mut once = data.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), n, "no record twice: {reply:?}");
        *counts.entry(data).or_default() += 1;
    });
    counts
}

/// Insists that outcomes come with their chances.
fn agree(counts: &BTreeMap<Vec<String>, u32>, chances: &[(Vec<String>, f64)]) {
    let observed: Vec<u32> =
        chances.iter().map(|(outcome, _)| counts.get(outcome).copied().unwrap_or(0)).collect();
    let strange: Vec<_> =
        counts.keys().filter(|seen| !chances.iter().any(|(outcome, _)| outcome == *seen)).collect();
    assert!(strange.is_empty(), "never to be seen: {strange:?}");
    let expected: Vec<f64> =
        chances.iter().map(|(_, chance)| chance * f64::from(REPLIES)).collect();
    let (sum, freedom) = chi_square(&observed, &expected).expect("only what can be");
    let bound = if freedom > 0.0 { limit_at(freedom, MILLIONTH) } else { 1e-9 };
    assert!(sum < bound, "χ² is {sum} of {freedom}: {counts:?}");
}

/// Insists that the outcomes that a predicate picks come with their chances, give or take a few
/// cards.
fn about(
    counts: &BTreeMap<Vec<String>, u32>,
    chances: &[(Vec<String>, f64)],
    what: &str,
    is_of: impl Fn(&[String]) -> bool,
) {
    /// Cards of a small zone's deck, of which a few may go to one record instead of another: the
    /// next deal makes up for it.
    const CARDS: f64 = 512.0;
    const FEW: f64 = 4.0;
    let chance: f64 = chances.iter().filter(|(o, _)| is_of(o)).map(|(_, chance)| chance).sum();
    let seen: u32 = counts.iter().filter(|(o, _)| is_of(o)).map(|(_, n)| n).sum();
    let replies = f64::from(REPLIES);
    let deviation = (replies * chance * (1.0 - chance)).max(0.0).sqrt();
    let bound = FEW * replies / CARDS + 5.0 * deviation;
    let off = (f64::from(seen) - replies * chance).abs();
    assert!(off <= bound, "{what}: {seen} of {replies}, chance {chance}: {counts:?}");
}

/// Every order in which `n` of some weighted records may be drawn, with its chance.
fn orders(records: &[(&str, f64)], n: usize) -> Vec<(Vec<String>, f64)> {
    if n == 0 {
        return vec![(Vec::new(), 1.0)];
    }
    let total: f64 = records.iter().map(|(_, weight)| weight).sum();
    let mut all = Vec::new();
    for (at, (record, weight)) in records.iter().enumerate() {
        let mut rest = records.to_vec();
        rest.remove(at);
        for (mut order, chance) in orders(&rest, n - 1) {
            order.insert(0, (*record).to_owned());
            all.push((order, chance * weight / total));
        }
    }
    all
}

fn chosen(on: &Asker, name: &str, rtype: u16, records: &[(&str, f64)], n: usize) {
    let (counts, chances) = (counts(on, name, rtype, n), orders(records, n));
    if !on.stage().is_dealt() {
        return agree(&counts, &chances);
    }
    assert!(counts.keys().all(|seen| chances.iter().any(|(outcome, _)| outcome == seen)));
    for (record, _) in records {
        about(&counts, &chances, record, |outcome| outcome.iter().any(|one| one == record));
        about(&counts, &chances, &format!("{record} first"), |outcome| outcome[0] == *record);
    }
}

fn max_hosts_is_two_unless_said(on: &Asker) {
    assert_eq!(on.get("default.choice.example", A).answers.len(), 2);
}

fn no_record_comes_twice(on: &Asker) {
    let counts = counts(on, "eight.choice.example", A, 8);
    assert!(counts.len() > 20, "orders differ");
}

fn records_without_weights_come_equally_often(on: &Asker) {
    let records = [("10.0.0.1", 1.0), ("10.0.0.2", 1.0), ("10.0.0.3", 1.0), ("10.0.0.4", 1.0)];
    chosen(on, "default.choice.example", A, &records, 2);
}

fn equal_weights_come_equally_often(on: &Asker) {
    chosen(on, "equal.choice.example", A, &[("10.0.0.1", 1.0), ("10.0.0.2", 1.0)], 1);
}

fn the_first_record_comes_by_weight(on: &Asker) {
    let records = [("10.0.0.1", 1.0), ("10.0.0.2", 2.0), ("10.0.0.3", 3.0), ("10.0.0.4", 4.0)];
    chosen(on, "one.choice.example", A, &records, 1);
}

fn every_place_in_an_answer_is_drawn_by_weight_without_replacement(on: &Asker) {
    let records = [
        ("10.0.0.1", 5.0),
        ("10.0.0.2", 10.0),
        ("10.0.0.3", 20.0),
        ("10.0.0.4", 40.0),
        ("10.0.0.5", 80.0),
    ];
    chosen(on, "three.choice.example", A, &records, 3);
}

fn weights_whose_sum_exceeds_32_bits_are_kept(on: &Asker) {
    let records = [("10.0.0.1", 1.0), ("10.0.0.2", 1.0), ("10.0.0.3", 1.0)];
    chosen(on, "huge.choice.example", A, &records, 1);
}

fn ipv6_addresses_come_by_weight(on: &Asker) {
    let records = [("fd00::1", 1.0), ("fd00::2", 2.0), ("fd00::3", 3.0)];
    chosen(on, "six.choice.example", AAAA, &records, 2);
}

fn all_records_come_when_max_hosts_allows(on: &Asker) {
    let counts = counts(on, "few.choice.example", A, 2);
    assert!(counts.keys().all(|data| data.contains(&"10.0.0.1".to_owned())));
}

fn a_record_of_weight_zero_comes_only_when_the_others_are_used_up(on: &Asker) {
    let idle = counts(on, "idle.choice.example", A, 1);
    assert_eq!(idle.keys().collect::<Vec<_>>(), [&["10.0.0.2"]]);
    let spare = counts(on, "spare.choice.example", A, 2);
    assert!(spare.keys().all(|data| data[0] == "10.0.0.2"), "{spare:?}");
    assert_eq!(spare.len(), 2, "each of the two idle ones has its turn: {spare:?}");
}

fn records_that_all_weigh_zero_come_equally_often(on: &Asker) {
    chosen(on, "zero.choice.example", A, &[("10.0.0.1", 1.0), ("10.0.0.2", 1.0)], 1);
}

/// Insists on all of some data in the order of the file.
fn whole(reply: &Reply, data: &[&str]) {
    assert_eq!(reply.data(), data);
}

fn types_without_weights_are_given_whole_in_their_order(on: &Asker) {
    for _ in 0..20 {
        // max_hosts is 1 here, and 2 there.
        let texts = on.get("texts.choice.example", TXT);
        whole(&texts, &["\"one\"", "\"two\"", "\"three\""]);
        let servers = on.get("choice.example", NS);
        whole(&servers, &["ns1.example.net.", "ns2.example.net.", "ns3.example.net."]);
    }
}

fn texts_with_weights_are_chosen(on: &Asker) {
    chosen(on, "weighted.choice.example", TXT, &[("\"one\"", 1.0), ("\"three\"", 3.0)], 1);
}

fn a_heavier_exchange_comes_first(on: &Asker) {
    for _ in 0..20 {
        let mail = on.get("mail.choice.example", MX);
        whole(&mail, &["10 main.example.net.", "20 spare.example.net."]);
    }
}

fn cnames_come_by_weight(on: &Asker) {
    let records = [("one.example.net.", 1.0), ("three.example.net.", 3.0)];
    chosen(on, "cname.choice.example", CNAME, &records, 1);
}
