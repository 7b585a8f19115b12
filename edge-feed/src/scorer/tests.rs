//! Worked examples, and random histories against a second, naive scorer.
//!
//! The naive scorer keeps each row.

use super::{AHEAD, Attributes, MONITORS, MonitorStatus, Row, RowError, Scorer};
use crate::delta::Change;

/// A good result, or none.
fn row(monitor_id: u64, ts: i64, good: bool) -> Row {
    let attributes = Attributes { no_response: !good, ..Attributes::default() };
    let offset = good.then_some(0.001);
    Row {
        monitor_id,
        server_id: 7,
        ts,
        offset,
        rtt: Some(10_000),
        attributes: Some(attributes),
        ..Row::default()
    }
}

fn scored(monitor_id: u64, ts: i64, score: f64, rtt: u32) -> Row {
    Row { monitor_id, server_id: 7, ts, score: Some(score), rtt: Some(rtt), ..Row::default() }
}

fn observe(scorer: &mut Scorer, row: &Row) -> Option<f64> {
    match scorer.observe(row, row.ts).unwrap()?.change {
        Change::Score { server_id: 7, score } => Some(score),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_settles_at_twenty_times_its_step() {
    for (ms, expect) in [(1.0, 20.0), (100.0, 10.0), (200.0, 5.388), (1_000.0, -40.0)] {
        let mut scorer = Scorer::default();
        for poll in 0..400 {
            let row = Row { offset: Some(ms / 1_000.0), ..row(1, poll * 540, true) };
            observe(&mut scorer, &row);
        }
        let score = scorer.score(7).unwrap();
        assert!((score - expect).abs() < 0.01, "{ms} ms: {score}");
    }
}

#[test]
fn two_missed_polls_take_a_server_from_20_to_below_10() {
    let mut scorer = Scorer::default();
    assert_eq!(observe(&mut scorer, &scored(1, 0, 20.0, 0)), Some(20.0));
    assert_eq!(observe(&mut scorer, &row(1, 540, false)), Some(14.0));
    let score = observe(&mut scorer, &row(1, 1_080, false)).unwrap();
    assert!((score - 8.3).abs() < 1e-9, "{score}");
}

#[test]
fn a_server_that_never_answers_sinks_to_minus_100_and_needs_49_good_polls_to_pass_10() {
    let mut scorer = Scorer::default();
    let mut ts = 0;
    for _ in 0..1_000 {
        ts += 540;
        observe(&mut scorer, &row(1, ts, false));
        assert!(scorer.score(7).unwrap() >= -100.0);
    }
    assert!(scorer.score(7).unwrap() < -99.999);
    let mut polls = 0;
    while scorer.score(7).unwrap() <= 10.0 {
        ts += 540;
        polls += 1;
        observe(&mut scorer, &row(1, ts, true));
    }
    assert_eq!(polls, 49);
}

#[test]
fn the_lower_median_of_score_and_round_trip_decides() {
    let mut scorer = Scorer::default();
    for (monitor, score, rtt) in [(1, 20.0, 10), (2, 5.0, 10), (3, 12.0, 30), (4, 12.0, 20)] {
        observe(&mut scorer, &scored(monitor, 1_000 + i64::from(rtt), score, rtt));
    }
    // 5, 12, 12, 20: the second.
    assert_eq!(scorer.score(7), Some(12.0));
    assert_eq!(observe(&mut scorer, &scored(5, 1_100, 1.0, 0)), None);
    // 1, 5, 12, 12, 20 was the third; 0, 1, 5, 12, 12, 20 is again the third.
    assert_eq!(observe(&mut scorer, &scored(6, 1_101, 0.0, 0)), Some(5.0));
}

#[test]
fn of_fewer_than_three_the_one_that_was_heard_first_decides() {
    let mut scorer = Scorer::default();
    assert_eq!(observe(&mut scorer, &scored(1, 1_000, 3.0, 0)), Some(3.0));
    assert_eq!(observe(&mut scorer, &scored(2, 1_500, 18.0, 0)), None);
    // Now the first is 1,201 s old, and counts no more.
    assert_eq!(observe(&mut scorer, &scored(2, 2_201, 17.0, 0)), Some(17.0));
}

#[test]
fn testing_and_candidate_monitors_count_when_those_before_them_are_silent() {
    let mut scorer = Scorer::default();
    let mut say = |monitor_id, ts, score, status| {
        let row = Row { status: Some(status), ..scored(monitor_id, ts, score, 0) };
        observe(&mut scorer, &row);
        scorer.score(7)
    };
    assert_eq!(say(1, 1_000, 9.0, MonitorStatus::Paused), None);
    assert_eq!(say(2, 1_001, 1.0, MonitorStatus::Candidate), Some(1.0));
    assert_eq!(say(3, 1_002, 2.0, MonitorStatus::Testing), Some(2.0));
    assert_eq!(say(4, 1_003, 3.0, MonitorStatus::Active), Some(3.0));
    // 1,200 s after the active one it still decides alone; then with the one on trial, which was
    // heard first; then the candidate's tier decides, which has no active ones.
    assert_eq!(say(2, 2_203, 0.5, MonitorStatus::Candidate), Some(3.0));
    assert_eq!(say(2, 2_204, 0.6, MonitorStatus::Candidate), Some(2.0));
    assert_eq!(say(2, 3_702, 0.7, MonitorStatus::Candidate), Some(2.0));
    assert_eq!(say(2, 3_703, 0.8, MonitorStatus::Candidate), Some(3.0));
    assert_eq!(say(2, 3_704, 0.9, MonitorStatus::Candidate), Some(2.0));
    assert_eq!(say(2, 8_203, 1.0, MonitorStatus::Candidate), Some(1.0));
}

#[test]
fn rows_that_are_late_or_known_change_no_servers_score() {
    let mut scorer = Scorer::default();
    let first = Row { id: Some(10), ..scored(1, 1_000, 3.0, 0) };
    assert_eq!(observe(&mut scorer, &first), Some(3.0));
    assert_eq!(observe(&mut scorer, &Row { score: Some(4.0), ..first.clone() }), None);
    assert_eq!(scorer.monitor(7, 1).unwrap().score(), 3.0);
    let late = Row { id: Some(11), ts: 900, score: Some(5.0), ..first.clone() };
    assert_eq!(observe(&mut scorer, &late), None);
    assert_eq!((scorer.cursor(), scorer.score(7)), (11, Some(3.0)));
    let delta = scorer.observe(&Row { id: Some(12), score: Some(6.0), ts: 1_001, ..first }, 1_001);
    let delta = delta.unwrap().unwrap();
    assert_eq!((delta.id, delta.ts), (12, 1_001));
}

#[test]
fn a_server_whose_score_was_known_goes_on_from_it() {
    let mut scorer = Scorer::default();
    scorer.seed(7, 20.0, 1_000).unwrap();
    assert_eq!(scorer.score(7), Some(20.0));
    assert_eq!(observe(&mut scorer, &row(1, 900, false)), None);
    assert_eq!(observe(&mut scorer, &row(2, 1_001, true)), Some(14.0));
    scorer.seed(7, -100.0, 2_000).unwrap();
    assert_eq!(observe(&mut scorer, &row(3, 1_002, true)), Some(20.0));
}

#[test]
fn rows_that_cannot_be_true_are_refused_and_change_nothing() {
    let mut scorer = Scorer::default();
    observe(&mut scorer, &scored(1, 1_000, 3.0, 0));
    let before = scorer.clone();
    let good = scored(1, 1_001, 3.0, 0);
    for bad in [
        Row { ts: -1, ..good.clone() },
        Row { ts: 1_002 + AHEAD, ..good.clone() },
        Row { score: Some(20.1), ..good.clone() },
        Row { score: Some(f64::NAN), ..good.clone() },
        Row { step: Some(-1e300), ..good.clone() },
        Row { offset: Some(f64::INFINITY), ..good.clone() },
    ] {
        scorer.observe(&bad, 1_001).unwrap_err();
        assert_eq!(scorer, before);
    }
    assert!(scorer.observe(&Row { ts: 1_001 + AHEAD, ..good }, 1_001).is_ok());
}

#[test]
fn what_is_kept_is_bounded() {
    let mut scorer = Scorer::default();
    for monitor in 0..300 {
        observe(&mut scorer, &scored(monitor, 1_000 + i64::try_from(monitor).unwrap(), 3.0, 0));
    }
    assert_eq!(scorer.servers[&7].monitors.len(), MONITORS);
    assert!(scorer.monitor(7, 0).is_none() && scorer.monitor(7, 299).is_some());
    for server_id in 0..65_537 {
        let row = Row { server_id, ..scored(1, 2_000, 3.0, 0) };
        match scorer.observe(&row, 2_000) {
            Ok(_) => assert!(server_id < 65_536),
            Err(error) => assert_eq!((server_id, error), (65_536, RowError::Servers { server_id })),
        }
    }
    scorer.forget(7);
    assert_eq!(scorer.servers(), super::SERVERS - 1);
}

#[test]
fn a_row_is_read_as_the_pool_writes_it() {
    let text = r#"{"id":5,"monitor_id":1,"server_id":7,"ts":1000,"offset":-0.0003,"rtt":8123,"step":1,
        "score":19.9,"attributes":{"leap":1,"warning":"odd","from_ls_id":4},"status":"testing","more":1}"#;
    let row: Row = serde_json::from_str(text).unwrap();
    assert_eq!((row.id, row.rtt, row.status), (Some(5), Some(8_123), Some(MonitorStatus::Testing)));
    assert_eq!(row.attributes.as_ref().unwrap().leap, 1);
    let text = r#"{"monitor_id":1,"server_id":7,"ts":1000,"offset":null,"attributes":null}"#;
    let row: Row = serde_json::from_str(text).unwrap();
    assert_eq!(observe(&mut Scorer::default(), &row), Some(0.95 * -5.0 - 4.0));
}

/// All rows, and the query of them as the pool's SQL has it.
#[derive(Default)]
struct Naive {
    rows: Vec<(i64, u64, f64, u32)>,
    scores: std::collections::HashMap<u64, f64>,
    statuses: std::collections::HashMap<u64, MonitorStatus>,
    server: Option<(i64, f64)>,
}

impl Naive {
    fn observe(&mut self, row: &Row) -> Option<f64> {
        if let Some(status) = row.status {
            self.statuses.insert(row.monitor_id, status);
        }
        let old = self.scores.get(&row.monitor_id).copied().unwrap_or(-5.0);
        let attributes = row.attributes.clone().unwrap_or_default();
        let (step, cap) = if attributes.no_response {
            (-5.0, 20.0)
        } else if attributes.error == "DENY" {
            (-10.0, -50.0)
        } else {
            let ms = row.offset.unwrap().abs() * 1_000.0;
            match ms {
                _ if ms > 3_000.0 => (-4.0, -20.0),
                _ if ms > 750.0 => (-2.0, 20.0),
                _ if ms > 100.0 => (-2.308 * ms / 1_000.0 + 0.731, 20.0),
                _ if ms > 25.0 => ((-6.667 * ms / 1_000.0 + 1.167).min(1.0), 20.0),
                _ => (1.0, 20.0),
            }
        };
        let score = (0.95 * old + step).min(cap);
        self.scores.insert(row.monitor_id, score);
        self.rows.push((row.ts, row.monitor_id, score, row.rtt.unwrap_or(0)));
        let mut recent = self.recent(row.ts, 1_200, "a");
        if recent.is_empty() {
            recent = self.recent(row.ts, 2_700, "at");
        }
        if recent.is_empty() {
            recent = self.recent(row.ts, 7_200, "ct");
        }
        let score = match recent.len() {
            0 => return None,
            1 | 2 => recent[0].2,
            n => {
                recent.sort_by(|a, b| (a.2, a.3).partial_cmp(&(b.2, b.3)).unwrap());
                if n % 2 == 0 { recent[n / 2 - 1].2 } else { recent[n / 2].2 }
            }
        };
        if self.server.is_some_and(|(ts, _)| ts >= row.ts) {
            return None;
        }
        let before = self.server.replace((row.ts, score));
        (before.map(|(_, score)| score) != Some(score)).then_some(score)
    }

    fn recent(&self, ts: i64, seconds: i64, letters: &str) -> Vec<(i64, u64, f64, u32)> {
        let mut recent = Vec::new();
        for monitor in 0..20 {
            let letter = match self.statuses.get(&monitor).copied().unwrap_or_default() {
                MonitorStatus::Active => 'a',
                MonitorStatus::Testing => 't',
                MonitorStatus::Candidate => 'c',
                MonitorStatus::Paused => 'p',
            };
            let rows = self.rows.iter().filter(|row| {
                row.1 == monitor && row.0 <= ts && row.0 >= ts - seconds && letters.contains(letter)
            });
            recent.extend(rows.copied().max_by_key(|row| row.0));
        }
        recent.sort_by_key(|row| row.0);
        recent
    }
}

#[test]
fn random_histories_give_what_a_naive_scorer_gives_and_so_does_one_that_was_kept_on_disk() {
    let mut changes = 0;
    for seed in 0..40 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (mut scorer, mut naive) = (Scorer::default(), Naive::default());
        let monitors = rng.u64(1..14);
        // Not both: see `Monitor`.
        let pauses = seed % 2 == 0;
        let mut ts: i64 = 1_000_000;
        for step in 0..400 {
            let most = if rng.u8(..) < 8 { 4_000 } else { 300 };
            ts += rng.i64(0..most);
            let late = if !pauses && rng.u8(..) < 20 { rng.i64(0..400) } else { 0 };
            let last = if pauses { MonitorStatus::Paused } else { MonitorStatus::Testing };
            let status = [
                MonitorStatus::Active,
                MonitorStatus::Active,
                MonitorStatus::Testing,
                MonitorStatus::Candidate,
                last,
            ];
            let denied = rng.u8(..) < 3;
            let attributes = Attributes {
                no_response: rng.u8(..) < 30,
                error: if denied { "DENY".to_owned() } else { String::new() },
                stratum: Some(if denied { 0 } else { 2 }),
                ..Attributes::default()
            };
            let scale = [0.01, 0.1, 1.0, 5.0][rng.usize(..4)];
            let row = Row {
                monitor_id: rng.u64(0..monitors),
                server_id: 7,
                ts: ts - late,
                offset: Some((rng.f64() - 0.5) * scale),
                rtt: Some(rng.u32(0..300_000)),
                attributes: Some(attributes),
                status: (rng.u8(..) < 40).then(|| status[rng.usize(..5)]),
                ..Row::default()
            };
            let expect = naive.observe(&row);
            let got = observe(&mut scorer, &row);
            match (got, expect) {
                (Some(got), Some(expect)) => assert!((got - expect).abs() < 1e-9),
                (got, expect) => assert_eq!(got, expect, "seed {seed}, step {step}"),
            }
            changes += u32::from(got.is_some());
            if step == 200 {
                let text = serde_json::to_string(&scorer).unwrap();
                scorer = serde_json::from_str(&text).unwrap();
            }
        }
    }
    assert!(changes > 5_000, "{changes}");
}
