//! Comparison of points with a simulator that draws cards and logs each answer.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use super::{Composition, Points, ServerPoints};

fn ip(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(0xc000_0200 + n).into()
}

/// One server's answers.
fn of(points: &Points, ip: IpAddr) -> Option<ServerPoints> {
    points.report(usize::MAX).top.into_iter().find(|server| server.ip == ip)
}

/// Answers to one country's users.
fn answers(points: &Points, country: &str) -> u64 {
    points.countries.get(country).map_or(0, |row| row.answers)
}

#[test]
fn a_servers_points_are_answers_times_its_part_of_the_cards() {
    let mut points = Points::default();
    let deck = points.composition(64, [(ip(1), 64), (ip(2), 16), (ip(3), 0), (ip(4), 70)]);
    points.add("uk", 1_000, &deck);
    points.add("de", 3_000, &deck);
    points.add("fr", 0, &deck);
    let server = of(&points, ip(2)).unwrap();
    assert_eq!((server.answers, server.share), (1_000.0, 0.25));
    assert!((server.sigma - (4_000.0_f64 * 0.25 * 0.75).sqrt()).abs() < 1e-9);
    let countries: Vec<_> =
        server.countries.iter().map(|c| (c.country.as_str(), c.answers, c.points)).collect();
    assert_eq!(countries, [("de", 750.0, 2_500.0), ("uk", 250.0, 2_500.0)]);
    for always in [1, 4] {
        let server = of(&points, ip(always)).unwrap();
        assert_eq!((server.answers, server.sigma, server.share), (4_000.0, 0.0, 1.0));
    }
    assert_eq!(of(&points, ip(3)), None);
    assert_eq!((answers(&points, "uk"), answers(&points, "fr")), (1_000, 0));
}

#[test]
fn each_deal_counts_for_the_answers_of_its_own_time() {
    let mut points = Points::default();
    let first = points.composition(2, [(ip(1), 2)]);
    points.add("uk", 100, &first);
    let second = points.composition(2, [(ip(1), 1), (ip(2), 1)]);
    points.add("uk", 10, &second);
    points.add("uk", 1, &first);
    assert_eq!(of(&points, ip(1)).unwrap().answers, 106.0);
    assert_eq!(of(&points, ip(2)).unwrap().answers, 5.0);
    assert_eq!(points.report(9).answers, 111);
}

#[test]
fn the_report_has_the_servers_with_most_answers_first_and_counts_the_rest() {
    let mut points = Points::default();
    for n in 0..100 {
        let deck = points.composition(100, [(ip(n), n)]);
        points.add("uk", 100, &deck);
    }
    let report = points.report(3);
    let top: Vec<_> = report.top.iter().map(|server| (server.ip, server.answers)).collect();
    assert_eq!(top, [(ip(99), 99.0), (ip(98), 98.0), (ip(97), 97.0)]);
    assert_eq!((report.answers, report.servers), (10_000, 99));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["top"][0]["countries"][0]["answers"], 99.0);
}

#[test]
fn decks_without_cards_count_for_nobody() {
    let mut points = Points::default();
    let deck = points.composition(0, [(ip(1), 5)]);
    points.add("uk", 10, &deck);
    assert_eq!(points.report(9).servers, 0);
}

/// Draws cards of up to four servers, by weight and without replacement.
fn deal(weights: &[(u32, u64)], cards: usize, rng: &mut fastrand::Rng) -> Vec<Vec<u32>> {
    let draw = |rng: &mut fastrand::Rng| {
        let mut left = weights.to_vec();
        let mut card = Vec::new();
        while card.len() < 4 && !left.is_empty() {
            let mut at = rng.u64(0..left.iter().map(|(_, weight)| weight).sum());
            let chosen = left.iter().position(|&(_, weight)| {
                let here = at < weight;
                at = at.saturating_sub(weight);
                here
            });
            card.push(left.swap_remove(chosen.unwrap()).0);
        }
        card
    };
    (0..cards).map(|_| draw(rng)).collect()
}

fn composition(points: &mut Points, cards: &[Vec<u32>]) -> Composition {
    let mut standing: HashMap<u32, u32> = HashMap::new();
    for server in cards.iter().flatten() {
        *standing.entry(*server).or_default() += 1;
    }
    let servers = standing.into_iter().map(|(server, cards)| (ip(server), cards));
    points.composition(u32::try_from(cards.len()).unwrap(), servers)
}

#[test]
fn over_ten_million_answers_points_are_within_half_a_per_cent_of_an_exact_log() {
    const ANSWERS: u64 = 10_000_000;
    let mut rng = fastrand::Rng::with_seed(7);
    let netspeeds = [1_500, 12_000, 100_000, 1_000_000];
    let mut servers: Vec<(u32, u64)> =
        (0..300).map(|n| (n, netspeeds[rng.usize(..netspeeds.len())])).collect();
    // A country: its share of the answers, and its servers. The last has three, which are in every
    // answer.
    let countries =
        [("de", 0.5, 0..200), ("uk", 0.3, 150..300), ("us", 0.19, 0..300), ("cm", 0.01, 0..3)];
    let mut points = Points::default();
    let mut log = vec![[0_u64; 300]; countries.len()];
    let mut left = ANSWERS;
    while left > 0 {
        // Owners change their netspeed, and every deck is dealt again.
        for _ in 0..5 {
            let n = rng.usize(..servers.len());
            servers[n].1 = netspeeds[rng.usize(..netspeeds.len())];
        }
        let interval = rng.u64(50_000..400_000).min(left);
        left -= interval;
        for ((country, share, range), log) in countries.iter().zip(&mut log) {
            let cards = deal(&servers[range.clone()], 512, &mut rng);
            let deck = composition(&mut points, &cards);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "far from any limit"
            )]
            let answers = (interval as f64 * share) as u64;
            for _ in 0..answers {
                for &server in &cards[rng.usize(..cards.len())] {
                    log[usize::try_from(server).unwrap()] += 1;
                }
            }
            points.add(country, answers, &deck);
        }
    }

    let exact = |country: Option<&str>, server: usize| -> f64 {
        let logs = countries.iter().zip(&log);
        let logs = logs.filter(|((name, ..), _)| country.is_none_or(|country| country == *name));
        super::float(logs.map(|(_, log)| log[server]).sum())
    };
    let get = |server: usize| of(&points, ip(u32::try_from(server).unwrap())).unwrap();
    let (mut off, mut all) = (0.0, 0.0);
    let mut judged = 0;
    for server in 0..300 {
        let got = get(server);
        let exactly = exact(None, server);
        off += (got.answers - exactly).abs();
        all += exactly;
        assert!((got.answers - exactly).abs() <= 5.0 * got.sigma + 1e-6, "{server}: {got:?}");
        // Servers that have the answers for it are each within half a per cent.
        if got.sigma * 4.0 < got.answers * 0.005 {
            judged += 1;
            assert!((got.answers / exactly - 1.0).abs() < 0.005, "{server}: {exactly}, {got:?}");
        }
        for cell in &got.countries {
            let exactly = exact(Some(&cell.country), server);
            assert!(
                (cell.answers - exactly).abs() <= 5.5 * cell.sigma + 1e-6,
                "{server}: {cell:?}"
            );
        }
    }
    assert!(judged > 0);
    // Of all answers together, far less.
    let error = off / all;
    assert!(error < 0.005, "{error}");
    // Three servers in every answer have no error at all.
    let total = super::float(answers(&points, "cm"));
    for server in 0..3 {
        let cell = get(server);
        let cell = cell.countries.into_iter().find(|cell| cell.country == "cm").unwrap();
        assert_eq!((cell.answers, cell.sigma), (total, 0.0));
        assert_eq!(exact(Some("cm"), server), total);
    }
}
