//! Tests of what the status counts, and how it stands on a page.

use super::{Counters, Feed, FeedSource, Interface, Status, Zone, duration};
use crate::ntp::NtpStatus;
use edge_common::verdict::{Action, Verdict};
use edge_tables::live::switches::Switches;

#[test]
fn durations_are_shown_in_two_units() {
    assert_eq!(duration(59), "59 s");
    assert_eq!(duration(61), "1 min 1 s");
    assert_eq!(duration(7_260), "2 h 1 min");
    assert_eq!(duration(90_000), "1 d 1 h");
}

#[test]
fn every_verdict_is_counted_in_one_place_and_answers_by_kind() {
    let numbers: Vec<u64> = (1..).take(Verdict::ALL.len()).collect();
    let counters = Counters::new(7, &numbers);
    let keys: Vec<_> = counters.answered.keys().map(String::as_str).collect();
    let kinds = "answer badcookie badvers nodata ntp ntp_deny ntp_rate ntp_unsynchronised nxdomain refused slip";
    assert_eq!(keys.join(" "), kinds);
    assert_eq!(counters.xdp_answered, counters.answered.values().sum::<u64>());
    let kinds =
        ["denied", "fault", "limited", "ntp_control", "ntp_limited", "ntp_unsynchronised_drop"];
    assert_eq!(counters.dropped.keys().collect::<Vec<_>>(), kinds);
    assert_eq!(counters.passed["dry_run"], u64::from(Verdict::DryRun.index()) + 1);
    let passed = Verdict::ALL.iter().filter(|verdict| verdict.action() == Action::Pass).count();
    assert_eq!(counters.passed.len(), passed);
    assert_eq!(counters.authority_answered, 7);
    let none = Counters::new(0, &[]);
    assert_eq!((none.passed.len(), none.passed.values().sum()), (passed, 0_u64));
}

fn status() -> Status {
    let zone = |name: &str, in_xdp, why: &str| Zone {
        name: name.into(),
        serial: 1,
        in_xdp,
        why: why.into(),
        ..Zone::default()
    };
    let mut numbers = vec![0; Verdict::ALL.len()];
    for (verdict, n) in [(Verdict::Nxdomain, 5), (Verdict::Limited, 3), (Verdict::UnknownName, 2)] {
        numbers[verdict.index() as usize] = n;
    }
    Status {
        zones: vec![zone("a", true, ""), zone("b", false, "switched off")],
        xdp: vec![Interface {
            interface: "srv".into(),
            mode: "native".into(),
            up: true,
            warning: "srv is one end of a veth pair: …".into(),
            ..Interface::default()
        }],
        counters: Counters::new(1, &numbers),
        ..Status::default()
    }
}

#[test]
fn the_page_shows_who_answers_for_a_zone_and_what_became_of_frames() {
    let text = status().to_text();
    for line in [
        "  a          1      0      0  xdp, authority",
        "  INTERFACE  STATE  XDP MODE",
        "  srv        up     native",
        "  b          1      0      0  authority (switched off)",
        "  answered by xdp                 5",
        "  answered by xdp: nxdomain       5",
        "  passed: name                    2",
        "  dropped: limited                3",
        "warning: srv is one end of a veth pair: …",
    ] {
        assert!(text.lines().any(|other| other == line), "{line:?} isn't in\n{text}");
    }
    assert!(!text.contains("nodata") && !text.contains("is on:"), "{text}");
}

#[test]
fn a_switch_that_keeps_xdp_from_answering_stands_on_top_and_at_the_zones() {
    let bypass = Switches { bypass: true, ..Switches::default() };
    let text = Status { switches: bypass, ..status() }.to_text();
    assert!(text.lines().nth(1).unwrap().starts_with("BYPASS is on: "), "{text}");
    assert!(text.contains("  authority (bypass)\n"), "{text}");
    let without = Status { switches: bypass, xdp: Vec::new(), ..status() }.to_text();
    assert!(!without.contains("BYPASS"), "{without}");
    let dry = Switches { dry_run: true, ..Switches::default() };
    let text = Status { switches: dry, ..status() }.to_text();
    assert!(text.lines().nth(1).unwrap().starts_with("DRY RUN is on: "), "{text}");
    assert!(text.contains("  authority (dry run)\n"), "{text}");
    let json = serde_json::to_value(Status { switches: bypass, ..status() }).unwrap();
    let expected = serde_json::json!({
        "bypass": true, "dry_run": false, "refuse_unknown": false, "return_path": "mirror"
    });
    assert_eq!(json["switches"], expected);
    assert_eq!(json["zones"][1]["why"], "switched off");
}

#[test]
fn an_incomplete_zone_shows_how_many_of_its_names_are_in_the_tables() {
    let zone = Zone {
        name: "pool.example".into(),
        serial: 1,
        names: 10,
        decks: 3,
        xdp: true,
        in_xdp: true,
        incomplete: true,
        names_in_xdp: 10,
        names_total: 25,
        ..Zone::default()
    };
    let whole = Zone { incomplete: false, names_total: 10, ..zone.clone() };
    let text = Status { zones: vec![zone, whole], ..Status::default() }.to_text();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("pool.example")).collect();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(lines[0]), "pool.example 1 10 of 25 3 xdp (incomplete), authority");
    assert_eq!(words(lines[1]), "pool.example 1 10 3 xdp, authority");
    // The status of an older node is read, too.
    let old = r#"{"name": "a", "serial": 1, "names": 2, "decks": 1, "in_xdp": true}"#;
    assert!(!serde_json::from_str::<Zone>(old).unwrap().incomplete);
}

#[test]
fn the_page_shows_how_old_the_feed_is_and_the_state_of_its_sources() {
    let source = |name: &str, reason: &str| FeedSource {
        name: name.into(),
        connected: reason.is_empty(),
        reason: reason.into(),
        last_change_seconds: Some(61).filter(|_| reason.is_empty()),
        deltas: 7,
        ..FeedSource::default()
    };
    let feed = Feed {
        age_seconds: Some(1300),
        serial: Some(17),
        freshness: "alarm".into(),
        cursor: Some(5),
        deltas: 7,
        lag_seconds: Some(2),
        allow_once_seconds: Some(65),
        last_refusal: Some("here: serial 1 is older".into()),
        last_refusal_seconds: Some(3),
        sources: vec![source("a", ""), source("b", "slow")],
        ..Feed::default()
    };
    let text = Status { feed, ..status() }.to_text();
    for line in [
        "feed: 21 min 40 s (TOO OLD), serial 17, change 5, 7 taken, the last one 2 s after its time",
        "  a       ok     1 min 1 s ago        7",
        "  b       slow   never                7",
        "allow-once: the next older or smaller feed within 1 min 5 s will be accepted; to take that back: edge feed allow-once --cancel",
        "last refused 3 s ago: here: serial 1 is older",
    ] {
        assert!(text.lines().any(|other| other == line), "{line:?} isn't in\n{text}");
    }
    assert!(!status().to_text().contains("feed"), "a node without one has no line for it");
    // The status of an older node is read, too.
    let old = r#"{"age_seconds": null, "serial": null}"#;
    assert_eq!(serde_json::from_str::<Feed>(old).unwrap(), Feed::default());
}

#[test]
fn a_line_shows_the_time_that_ntp_clients_get_or_why_they_get_none() {
    let mut numbers = vec![0; Verdict::ALL.len()];
    numbers[Verdict::NtpAnswer.index() as usize] = 7;
    numbers[Verdict::NtpUnsynchronised.index() as usize] = 2;
    let mut ntp = NtpStatus {
        enabled: true,
        listen: vec!["192.0.2.1:123".into(), "[2001:db8::1]:123".into()],
        synchronised: true,
        stratum: 2,
        lease_seconds: 4,
        service: "answer".into(),
        ..NtpStatus::default()
    };
    ntp.count(&Counters::new(0, &numbers).answered);
    assert_eq!((ntp.answered, ntp.unsynchronised), (7, 2));
    let line = "NTP at 192.0.2.1:123, [2001:db8::1]:123: serving time, stratum 2, for 4 s; 7 requests answered";
    let text = Status { ntp: ntp.clone(), ..status() }.to_text();
    assert!(text.lines().any(|other| other == line), "{text}");
    let ntp = NtpStatus {
        synchronised: false,
        service: "pass".into(),
        reason: "the daemon is gone".into(),
        ..ntp
    };
    let text = Status { ntp, ..status() }.to_text();
    assert!(text.contains(": NOT serving time (requests: pass): the daemon is gone; 7"), "{text}");
    assert!(!status().to_text().contains("NTP"), "a node that serves DNS alone has no line for it");
    // The status of an older node is read, too.
    let old = r#"{"synchronised": false, "stratum": 0, "lease_seconds": 0}"#;
    assert!(!serde_json::from_str::<NtpStatus>(old).unwrap().enabled);
}
