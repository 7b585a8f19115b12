//! Tests of the intake, without a disk or a clock.

use std::sync::Arc;

use edge_feed::delta::Change;
use edge_feed::scorer::Row;
use edge_feed::source::Event;
use edge_feed::{Delta, ZonePolicy};
use serde_json::{Value, json};

use super::{Intake, Issue, KeptState};
use crate::node::controller::Fed;
use crate::settings as config;
use edge_zone::Zone;

const NOW: i64 = 1_800_000_000;

fn config(text: &str) -> config::Feed {
    let text = format!("snapshot = \"s\"\n{text}");
    toml::from_str(&text).unwrap()
}

fn intake_of(text: &str) -> Intake {
    Intake::resume(&config(text), ZonePolicy::default(), KeptState::default(), NOW).unwrap().0
}

fn intake() -> Intake {
    intake_of("")
}

/// A snapshot of so many servers, `age` seconds ago.
fn snapshot(n: u8, age: i64) -> Value {
    let servers: Vec<Value> = (1..=n)
        .map(|id| {
            json!({"id": id, "ip": format!("192.0.2.{id}"), "netspeed": 1000, "score": 20.0, "zones": ["@"]})
        })
        .collect();
    let root = |origin: &str| json!({"origin": origin, "ns": ["ns1.example.net."]});
    let roots = [root("pool.example"), root("pool.example.net")];
    json!({"serial": NOW - age, "cursor": 100 - age, "roots": roots, "servers": servers})
}

fn document(snapshot: &Value) -> Event {
    Event::Snapshot { octets: snapshot.to_string().into_bytes(), signature: None }
}

fn zone_document(origin: &str, text: &str) -> Event {
    Event::Zone { apex: origin.into(), text: text.into(), signature: None }
}

fn scores(first: u64, servers: impl Iterator<Item = u64>, score: f64) -> Event {
    let delta = |(id, server_id)| {
        let change = Change::Score { server_id, score };
        Delta { id, ts: NOW, change }
    };
    Event::Deltas((first..).zip(servers).map(delta).collect())
}

impl Intake {
    fn hear(&mut self, event: Event) -> Vec<Issue> {
        let mut issues = self.take(&Arc::from("here"), event, NOW);
        if self.is_dirty() {
            issues.extend(self.build(NOW));
        }
        issues
    }

    fn refusal(&self) -> String {
        self.errors().cloned().collect::<Vec<_>>().join("\n")
    }
}

fn zone(issue: &Issue) -> &Zone {
    match &issue.fed {
        Fed::Zone(zone) => zone,
        Fed::Gone(apex) => panic!("{apex} is gone"),
    }
}

/// Addresses at the apex of each zone.
fn sizes(issues: &[Issue]) -> Vec<(&str, usize)> {
    let size = |issue| zone(issue).labels.get("").unwrap().a.as_ref().map_or(0, |a| a.len());
    issues.iter().map(|issue| (&*issue.origin, size(issue))).collect()
}

#[test]
fn a_snapshot_makes_a_zone_for_each_root_and_a_change_makes_them_anew() {
    let mut intake = intake();
    assert!(intake.hear(scores(1, 1..=9, 5.0)).is_empty(), "of which servers?");
    let issues = intake.hear(document(&snapshot(9, 0)));
    assert_eq!(sizes(&issues), [("pool.example", 9), ("pool.example.net", 9)]);
    let serial = zone(&issues[0]).serial;
    let issues = intake.hear(scores(101, 3..=3, 5.0));
    assert_eq!(sizes(&issues), [("pool.example", 8), ("pool.example.net", 8)]);
    assert!(zone(&issues[0]).serial > serial);
    // Nothing that makes a difference makes a zone.
    assert!(intake.hear(scores(102, 4..=4, 15.0)).is_empty());
    assert!(intake.hear(scores(101, 4..=4, 5.0)).is_empty());
    let counted = intake.counted();
    assert_eq!((counted.deltas, counted.lag), (2, Some(0)));
    intake.hear(scores(103, 77..=77, 15.0));
    assert_eq!(intake.counted().unknown, 1);
}

#[test]
fn broken_older_and_shrunken_snapshots_change_nothing_and_the_reason_is_reported() {
    let mut intake = intake();
    assert_eq!(intake.hear(document(&snapshot(20, 50))).len(), 2);
    let mut twice = snapshot(20, 20);
    twice["servers"][3]["ip"] = json!("192.0.2.1");
    let cases = [
        (json!({"serial": 1}), "missing field `servers`"),
        (snapshot(20, 60), "is older than"),
        (snapshot(10, 40), "10 servers of 20 are left"),
        (snapshot(0, 40), "no server is left of 20"),
        (snapshot(20, -5000), "5000 s ahead"),
        (twice, "server 4 has the address 192.0.2.1, which server 1 has"),
    ];
    for (bad, expected) in cases {
        assert!(intake.hear(document(&bad)).is_empty(), "{expected}");
        let refusal = intake.refusal();
        assert!(refusal.starts_with("here") && refusal.contains(expected), "{refusal}");
    }
    assert_eq!(intake.pool().unwrap().servers().count(), 20);
    // The age is that of the last good one.
    assert_eq!(intake.guard().age(NOW), Some(50));
    intake.hear(document(&snapshot(20, 20)));
    assert_eq!((intake.refusal(), intake.guard().age(NOW)), (String::new(), Some(20)));
}

#[test]
fn an_operator_lets_a_shrunken_snapshot_pass_and_the_zones_that_follow_from_it() {
    let mut intake = intake();
    intake.hear(document(&snapshot(20, 50)));
    assert!(intake.hear(document(&snapshot(5, 40))).is_empty());
    let (mut issues, messages) = intake.allow_once(NOW);
    assert_eq!(messages, ["the refused document of here is accepted now"]);
    issues.extend(intake.build(NOW));
    assert_eq!(sizes(&issues), [("pool.example", 5), ("pool.example.net", 5)]);
    assert_eq!(intake.refusal(), "");
    assert!(intake.guard().allowed_until(NOW).is_none(), "once is once");
}

#[test]
fn an_operator_goes_back_to_an_older_snapshot() {
    let mut intake = intake();
    intake.hear(document(&snapshot(20, 40)));
    let (_, messages) = intake.allow_once(NOW);
    assert_eq!(messages, ["the next older or smaller feed within 15 min will be accepted"]);
    let issues = intake.hear(document(&snapshot(19, 50)));
    assert_eq!(sizes(&issues), [("pool.example", 19), ("pool.example.net", 19)]);
}

#[test]
fn what_an_operator_allows_in_advance_is_taken_back_and_ends_by_itself() {
    let mut intake = intake();
    intake.hear(document(&snapshot(20, 40)));
    assert!(intake.cancel_allowed(NOW).starts_with("no feed is allowed"));
    intake.allow_once(NOW);
    assert_eq!(intake.guard().allowed_until(NOW), Some(NOW + 900));
    assert_eq!(intake.cancel_allowed(NOW), "older or smaller feeds will be refused again");
    assert!(intake.hear(document(&snapshot(19, 50))).is_empty());
    let (_, messages) = intake.allow_once(NOW - 900);
    assert_eq!(messages, ["the refused document of here is accepted now"]);
    assert_eq!(intake.guard().allowed_until(NOW - 900), None, "it is used up");
    intake.allow_once(NOW - 900);
    assert_eq!(intake.guard().allowed_until(NOW), None);
    assert!(intake.hear(document(&snapshot(19, 60))).is_empty());
    assert!(intake.refusal().contains("is older than"), "{}", intake.refusal());
}

#[test]
fn after_a_return_to_an_older_snapshot_lower_changes_are_taken() {
    let mut intake = intake();
    intake.hear(document(&snapshot(20, 20)));
    intake.hear(scores(101, 5..=6, 5.0));
    // Before the operator's decision they are passed over, and that is reported.
    let mut later = scores(61, 1..=1, 5.0);
    if let Event::Deltas(deltas) = &mut later {
        deltas[0].ts = NOW + 100;
    }
    intake.hear(later);
    assert!(intake.refusal().contains("change 61 is ignored"), "{}", intake.refusal());
    assert_eq!(intake.counted().fallen, 1);
    assert!(intake.hear(document(&snapshot(20, 40))).is_empty());
    let (_, messages) = intake.allow_once(NOW);
    assert_eq!(messages, ["the refused document of here is accepted now"]);
    assert_eq!((intake.returns(), intake.pool().unwrap().cursor()), (1, 60));
    assert_eq!(intake.position().unwrap().0.discarded.unwrap().through, 102);
    let issues = intake.hear(scores(61, 1..=3, 5.0));
    assert_eq!(sizes(&issues), [("pool.example", 17), ("pool.example.net", 17)]);
    assert_eq!(intake.refusal(), "");
}

#[test]
fn a_database_that_was_made_again_is_taken_once_an_operator_allows_it() {
    let mut made_again = snapshot(20, 10);
    made_again["cursor"] = json!(3);
    let named = NOW - 10;
    for how in ["refused", "armed", "named"] {
        let named = format!("guard = {{ override_serial = {named} }}");
        let mut intake = intake_of(if how == "named" { &named } else { "" });
        intake.hear(document(&snapshot(20, 20)));
        if how == "armed" {
            intake.allow_once(NOW);
        }
        let issues = intake.hear(document(&made_again));
        if how == "refused" {
            assert!(issues.is_empty());
            let refusal = intake.refusal();
            assert!(refusal.contains("its cursor 3 is behind 80"), "{refusal}");
            assert_eq!(intake.guard().last_refusal().unwrap().0.name(), "older");
            let (_, messages) = intake.allow_once(NOW);
            assert_eq!(messages, ["the refused document of here is accepted now"]);
        }
        assert_eq!((intake.pool().unwrap().cursor(), intake.returns()), (3, 1), "{how}");
        assert!(intake.guard().allowed_until(NOW).is_none(), "once is once");
        intake.build(NOW);
        intake.hear(scores(4, 1..=2, 5.0));
        assert_eq!((intake.counted().deltas, intake.refusal()), (2, String::new()));
        // It isn't another return when the same document is read again.
        intake.hear(document(&made_again));
        assert_eq!((intake.pool().unwrap().cursor(), intake.returns()), (5, 1));
    }
}

#[test]
fn a_newer_snapshot_with_less_than_changes_that_have_fallen_begins_another_history() {
    let mut intake = intake();
    intake.hear(document(&snapshot(20, 20)));
    intake.hear(scores(101, 5..=6, 5.0));
    let mut restored = snapshot(20, -200);
    restored["cursor"] = json!(90);
    let mut later = restored.clone();
    later["cursor"] = json!(91);
    later["serial"] = json!(NOW - 100);
    intake.hear(document(&later));
    assert_eq!(intake.returns(), 0, "it may have been late");
    let mut fallen = scores(91, 1..=1, 5.0);
    if let Event::Deltas(deltas) = &mut fallen {
        deltas[0].ts = NOW + 100;
    }
    intake.hear(fallen.clone());
    intake.hear(document(&restored));
    assert_eq!((intake.returns(), intake.pool().unwrap().cursor()), (1, 90));
    assert_eq!(sizes(&intake.hear(fallen)), [("pool.example", 19), ("pool.example.net", 19)]);
}

#[test]
fn a_document_that_was_refused_for_its_time_is_judged_again_when_its_time_has_come() {
    let mut intake = intake();
    assert!(intake.hear(document(&snapshot(20, -611))).is_empty());
    assert!(intake.refusal().contains("611 s ahead"), "{}", intake.refusal());
    assert!(intake.judge_again(NOW + 10).is_empty() && intake.pool().is_none());
    assert_eq!(intake.guard().status(NOW).refused["ahead"], 1, "it isn't refused each time");
    intake.judge_again(NOW + 11);
    assert_eq!(sizes(&intake.build(NOW + 11)), [("pool.example", 20), ("pool.example.net", 20)]);
    assert_eq!(intake.refusal(), "");

    // A clock that was ahead has been set.
    let mut intake = intake_of("guard = { refuse_seconds = 3600 }");
    intake.take(&Arc::from("here"), document(&snapshot(20, 0)), NOW + 9000);
    assert!(intake.refusal().contains("9000 s old"), "{}", intake.refusal());
    // Another document from there takes its place.
    intake.take(&Arc::from("here"), document(&snapshot(19, 0)), NOW + 9000);
    intake.judge_again(NOW);
    assert_eq!(sizes(&intake.build(NOW)), [("pool.example", 19), ("pool.example.net", 19)]);
}

#[test]
fn zones_that_changes_have_shrunk_are_held_until_an_operator_or_better_changes_come() {
    let mut intake = intake();
    intake.hear(document(&snapshot(20, 0)));
    assert!(intake.hear(scores(101, 1..=10, 5.0)).is_empty());
    let refusal = intake.refusal();
    assert!(refusal.contains("pool.example: 10 servers of 20 are left"), "{refusal}");
    let issues = intake.hear(scores(201, 1..=8, 20.0));
    assert_eq!(sizes(&issues), [("pool.example", 18), ("pool.example.net", 18)]);
    assert_eq!(intake.refusal(), "");

    assert!(intake.hear(scores(301, 1..=10, 5.0)).is_empty());
    let (issues, messages) = intake.allow_once(NOW);
    assert_eq!(sizes(&issues), [("pool.example", 10), ("pool.example.net", 10)]);
    assert!(messages[0].starts_with("zone pool.example with serial "), "{messages:?}");
    assert_eq!(intake.refusal(), "");
}

#[test]
fn a_root_that_is_gone_takes_its_zone_along_once_an_operator_allows_it() {
    let mut intake = intake();
    intake.hear(document(&snapshot(5, 50)));
    let mut one = snapshot(5, 40);
    one["roots"].as_array_mut().unwrap().pop();
    assert!(intake.hear(document(&one)).is_empty());
    assert!(intake.refusal().contains("the root pool.example.net is gone"));
    intake.allow_once(NOW);
    let issues = intake.build(NOW);
    assert!(
        matches!(&issues[0], Issue { text: None, fed: Fed::Gone(_), origin } if origin == "pool.example.net")
    );
}

#[test]
fn a_zone_of_others_is_served_as_it_came_and_isnt_built_here() {
    let zones = "zones = { url = \"https://h\", origins = [\"Pool.example\"] }";
    let mut intake = intake_of(zones);
    let text = |serial: i64, alias: &str| {
        format!(
            r#"{{"serial":{serial},"data":{{"":{{"a":[["192.0.2.1",1]]}},"b":{{"alias":"{alias}"}}}}}}"#
        )
    };
    let good = text(NOW - 20, "");
    let issues = intake.hear(zone_document("pool.example", &good));
    assert_eq!(
        (sizes(&issues), issues[0].text.as_deref()),
        (vec![("pool.example", 1)], Some(&*good))
    );
    // What the guard can't see is seen all the same, and leaves no trace.
    assert!(intake.hear(zone_document("pool.example", &text(NOW - 5, "b"))).is_empty());
    assert!(intake.refusal().contains("here:1:68: data.\"b\""), "{}", intake.refusal());
    assert_eq!(intake.guard().age(NOW), Some(20));
    assert_eq!(intake.hear(zone_document("pool.example", &text(NOW - 10, ""))).len(), 1);
    let issues = intake.hear(document(&snapshot(9, 0)));
    assert_eq!(sizes(&issues), [("pool.example.net", 9)]);
}

#[test]
fn results_of_monitors_move_scores_from_those_of_the_snapshot_on() {
    let mut intake = intake_of("results = \"r\"");
    intake.hear(document(&snapshot(9, 0)));
    let rows = |first: u64, step: f64| {
        let row = |id: u64| Row {
            id: Some(first + id),
            monitor_id: 1 + id % 3,
            server_id: 7,
            ts: NOW - 100 + i64::try_from(id).unwrap(),
            step: Some(step),
            rtt: Some(10),
            status: Some(edge_feed::scorer::MonitorStatus::Active),
            ..Row::default()
        };
        Event::Results((0..30).map(row).collect())
    };
    let issues = intake.hear(rows(200, -5.0));
    assert_eq!(sizes(&issues), [("pool.example", 8), ("pool.example.net", 8)]);
    assert_eq!(intake.scorer().unwrap().cursor(), 229);
    assert!(intake.pool().unwrap().server(7).unwrap().score < 10.0);
    // After a return results count again from the snapshot's cursor and scores on.
    intake.allow_once(NOW);
    let issues = intake.hear(document(&snapshot(9, 40)));
    assert_eq!(sizes(&issues), [("pool.example", 9), ("pool.example.net", 9)]);
    let (_, results) = intake.position().unwrap();
    assert_eq!((results.id, results.discarded.unwrap().through), (60, 229));
    intake.hear(rows(61, -5.0));
    assert_eq!(intake.scorer().unwrap().cursor(), 90);
    assert!(intake.pool().unwrap().server(7).unwrap().score < 10.0);
}

#[test]
fn more_servers_than_allowed_arent_added_by_changes() {
    let mut intake = intake_of("guard = { max_servers = 9 }");
    intake.hear(document(&snapshot(9, 0)));
    let server: edge_feed::Server = serde_json::from_value(
        json!({"id": 10, "ip": "192.0.2.10", "netspeed": 1, "zones": ["@"]}),
    )
    .unwrap();
    let delta = Delta { id: 101, ts: NOW, change: Change::Server { server } };
    assert!(intake.hear(Event::Deltas(vec![delta])).is_empty());
    assert!(intake.refusal().contains("more than 9 servers"));
    assert_eq!((intake.pool().unwrap().servers().count(), intake.counted().broken), (9, 1));
    assert_eq!(intake.take_new().len(), 1);
    intake.hear(scores(102, 1..=1, 12.0));
    assert!(intake.refusal().contains("more than 9 servers"), "it lacks one still");
    intake.hear(document(&snapshot(9, 0)));
    assert_eq!((intake.refusal(), intake.take_new()), (String::new(), Vec::new()));
}

#[test]
fn what_was_kept_is_served_at_once_and_newcomers_are_compared_with_it() {
    let mut intake = intake();
    let issues = intake.hear(document(&snapshot(20, 50)));
    let zones = issues.iter().map(|i| (i.origin.clone(), i.text.clone().unwrap()));
    let past = || KeptState {
        snapshot: intake.pool().map(edge_feed::Pool::keep),
        policy: Some(intake.state()),
        scorer: None,
        zones: zones.clone().chain([("else.example".into(), "{}".into())]).collect(),
    };
    let (mut next, issues) =
        Intake::resume(&config(""), ZonePolicy::default(), past(), NOW).unwrap();
    assert_eq!(sizes(&issues), [("pool.example", 20), ("pool.example.net", 20)]);
    let serial = zone(&issues[0]).serial;
    let issues = next.build(NOW);
    assert!(zone(&issues[0]).serial > serial);
    assert!(next.hear(document(&snapshot(5, 40))).is_empty());
    assert!(next.refusal().contains("5 servers of 20 are left"), "{}", next.refusal());
    assert_eq!(next.guard().age(NOW), Some(50));

    let broken = KeptState { zones: vec![("pool.example".into(), "{".into())], ..past() };
    let (next, issues) = Intake::resume(&config(""), ZonePolicy::default(), broken, NOW).unwrap();
    assert!(issues.is_empty() && next.is_dirty());
    assert!(next.refusal().starts_with("the kept zone pool.example"), "{}", next.refusal());
}

#[test]
fn after_a_start_a_snapshot_that_changes_have_made_larger_has_not_shrunk() {
    let mut outage = snapshot(20, 50);
    for server in outage["servers"].as_array_mut().unwrap().iter_mut().skip(8) {
        server["score"] = json!(5.0);
    }
    let mut before = intake();
    before.hear(document(&outage));
    before.hear(scores(101, 9..=20, 20.0));
    let past =
        KeptState { snapshot: before.pool().map(edge_feed::Pool::keep), ..KeptState::default() };
    let (mut next, _) = Intake::resume(&config(""), ZonePolicy::default(), past, NOW).unwrap();
    assert_eq!(sizes(&next.build(NOW)), [("pool.example", 20), ("pool.example.net", 20)]);
    assert!(next.hear(document(&outage)).is_empty());
    assert_eq!((next.refusal().as_str(), next.guard().last_refusal()), ("", None));
}

#[test]
fn after_a_start_the_snapshot_that_changes_came_after_is_known_and_no_alarm() {
    let mut before = intake();
    before.hear(document(&snapshot(20, 50)));
    before.hear(scores(101, 3..=3, 5.0));
    let kept = before.pool().map(edge_feed::Pool::keep);
    let past = KeptState { snapshot: kept, ..KeptState::default() };
    let (mut next, _) = Intake::resume(&config(""), ZonePolicy::default(), past, NOW).unwrap();
    assert_eq!(sizes(&next.build(NOW)), [("pool.example", 19), ("pool.example.net", 19)]);
    assert!(next.hear(document(&snapshot(20, 50))).is_empty());
    assert_eq!((next.refusal().as_str(), next.guard().last_refusal()), ("", None));
    // A newer one is compared with what is served, and from then on older ones are refused again.
    assert_eq!(sizes(&next.hear(document(&snapshot(20, -1)))).len(), 2);
    assert!(next.hear(document(&snapshot(20, 50))).is_empty());
    assert!(next.refusal().contains("is older than"), "{}", next.refusal());
}
