//! Tests of the guard with documents that must be refused.
//!
//! The keys and signatures were made once with minisign; the secret keys no longer exist.

use super::{
    Candidate, ExpectedContent, FeedContent, Freshness, Guard, GuardConfig, GuardConfigError,
    Refusal, RootSize,
};

const NOW: i64 = 1_000_600;

const OURS: &str = "RWTOfYYHAogN+n60979y6dmK4SPrOEQYrh5EMLanDjLtFDIrLw6DiiNL";

const ANOTHER: &str = "RWSGeZuTs2xmVCqdWpU+RSzUCDzB7WpoKtijmFQ6V2jEV35OHqNaKUaa";

/// What was signed.
const SIGNED: &str = r#"{"serial":1000000,"servers":[{"id":1,"ip":"192.0.2.1","netspeed":1000,"score":20.0,"zones":["@"]}]}"#;

/// By us.
const SIGNATURE: &str = "untrusted comment: signature of a test
RUTOfYYHAogN+ha7TnOxH+8UPA3emFihAVraYrEu3BkjAJM+Dc80tYbkHfYYKQkwg1e6vbqNw6b0QLo1y4YeamkFeYHaLLaQFAs=
trusted comment: timestamp:1000000\tfile:servers.json\thashed
DZxGkX2IGqKTg+um70K/m/M/WkZ3uGXYDpAOcVZ2sDE/4l8jDEw01cONnHh26hNXKsoZE1zg2AvElWw8bMbGDQ==
";

/// By another.
const FORGED: &str = "untrusted comment: signature of a test
RUSGeZuTs2xmVEDob2xVHFENcOTBvMCA9UZxlxxKjpTpRnCWuCFBb3Vhm5IDinY8efLhzT3CHkeMbqHIolURjAPM7VRm2mIUewg=
trusted comment: timestamp:1000000\tfile:servers.json\thashed
Ghw36iRYchuzrGq+WHu6Ay10UFXOPqEIjaI8Unplx2oAZu5cI+XFTOJzjK+WQUsFOsvbeLwgNWh75ER/N42ABQ==
";

fn guard(config: GuardConfig) -> Guard {
    Guard::new(config).unwrap()
}

/// A snapshot of so many servers of this netspeed.
fn snapshot(serial: u32, servers: usize, netspeed: u32) -> String {
    let servers: Vec<String> = (0..servers)
        .map(|n| {
            let ip = std::net::Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(n).unwrap());
            format!(r#"{{"id":{n},"ip":"{ip}","netspeed":{netspeed},"score":20}}"#)
        })
        .collect();
    let roots = r#"[{"origin":"pool.example","ns":["ns.example"]}]"#;
    format!(r#"{{"serial":{serial},"roots":{roots},"servers":[{}]}}"#, servers.join(","))
}

/// A zone with so many addresses, each under two labels.
fn zone(serial: u32, servers: usize, weight: u64) -> String {
    let a: Vec<String> =
        (0..servers).map(|n| format!(r#"["192.0.{}.{}","{weight}"]"#, n / 256, n % 256)).collect();
    let a = a.join(",");
    format!(r#"{{"serial":{serial},"data":{{"":{{"a":[{a}]}},"uk":{{"a":[{a}],"mx":[]}}}}}}"#)
}

fn feed(octets: &str) -> Candidate<'_> {
    Candidate {
        place: "feed.json",
        content: ExpectedContent::Snapshot,
        octets: octets.as_bytes(),
        signature: None,
    }
}

fn zone_feed<'a>(apex: &'a str, octets: &'a str) -> Candidate<'a> {
    Candidate { content: ExpectedContent::Zone { apex }, ..feed(octets) }
}

/// What the refusal is called, with its text.
fn refused(guard: &mut Guard, candidate: &Candidate<'_>) -> (&'static str, String) {
    let served = guard.status(NOW).served;
    let before = guard.refused;
    let refusal = guard.admit(candidate, NOW).unwrap_err();
    assert_eq!(guard.status(NOW).served, served, "{refusal}");
    assert_eq!(guard.refused[refusal.kind()], before[refusal.kind()] + 1);
    assert_eq!(guard.last_refusal(), Some(&(refusal.clone(), NOW)));
    let text = refusal.to_string();
    assert_eq!(guard.status(NOW).last_refusal.as_deref(), Some(text.as_str()));
    (refusal.name(), text)
}

#[test]
fn a_good_feed_is_taken_and_says_how_large_it_is() {
    let mut guard = guard(GuardConfig::default());
    let text = snapshot(1_000_000, 12, 500);
    let admitted = guard.admit(&feed(&text), NOW).unwrap();
    assert_eq!(
        (admitted.serial, admitted.size),
        (1_000_000, RootSize { servers: 12, weight: 6_000 })
    );
    assert!(
        matches!(admitted.what, FeedContent::Snapshot(snapshot) if snapshot.servers.len() == 12)
    );
    let text = zone(1_000_001, 300, 7);
    let admitted = guard.admit(&zone_feed("pool.example", &text), NOW).unwrap();
    assert_eq!(admitted.size, RootSize { servers: 300, weight: 2_100 });
    assert_eq!(admitted.what, FeedContent::Zone { apex: "pool.example".to_owned(), text });
    assert_eq!(guard.last_refusal(), None);
}

#[test]
fn broken_and_truncated_feeds_are_refused_with_the_place() {
    let mut guard = guard(GuardConfig::default());
    let (snapshot, zone) = (snapshot(1_000_000, 3, 500), zone(1_000_000, 3, 500));
    for end in (0..snapshot.len()).step_by(7) {
        let (name, text) = refused(&mut guard, &feed(&snapshot[..end]));
        assert_eq!(name, "broken");
        assert!(text.starts_with(&format!("feed.json:1:{end}: ")), "{text}");
    }
    for end in (0..zone.len()).step_by(7) {
        assert_eq!(refused(&mut guard, &zone_feed("pool.example", &zone[..end])).0, "broken");
    }
    let deep = "[".repeat(1_000_000);
    for text in
        ["[]", "{}", "null", "\u{0}", r#"{"serial":-1,"servers":[]}"#, r#"{"serial":1}"#, &deep]
    {
        assert_eq!(refused(&mut guard, &feed(text)).0, "broken", "{text:.20}");
        assert_eq!(refused(&mut guard, &zone_feed("pool.example", text)).0, "broken");
    }
    let twice = snapshot.replace(r#""id":2"#, r#""id":1"#);
    let (_, text) = refused(&mut guard, &feed(&twice));
    assert_eq!(text, "feed.json: server 1 is listed twice; write it again, whole");
    let bad = Candidate { octets: b"{\"serial\":1,\"data\":{\"\xff\":{}}}", ..zone_feed("a", "") };
    assert_eq!(refused(&mut guard, &bad).0, "broken");
    assert_eq!(guard.freshness(NOW), Freshness::Alarm);
}

#[test]
fn unsigned_and_wrongly_signed_feeds_are_refused() {
    let config = GuardConfig { public_key: Some(OURS.to_owned()), ..GuardConfig::default() };
    let mut guard = guard(config);
    let signed = |signature| Candidate { signature, ..feed(SIGNED) };
    assert_eq!(refused(&mut guard, &signed(None)).0, "unsigned");
    let (name, text) = refused(&mut guard, &signed(Some(FORGED)));
    assert_eq!(name, "signature");
    assert!(text.starts_with("feed.json: signature: made with another key; "), "{text}");
    let truncated = &SIGNATURE[..SIGNATURE.len() - 40];
    for text in ["", "nonsense", truncated] {
        let (_, text) = refused(&mut guard, &signed(Some(text)));
        assert!(text.contains("not the text of a .minisig file"), "{text}");
    }
    let changed = SIGNED.replace("1000,", "9000,");
    let changed = Candidate { signature: Some(SIGNATURE), ..feed(&changed) };
    assert!(refused(&mut guard, &changed).1.contains("not of these octets"));
    let comment = SIGNATURE.replace("timestamp:1000000", "timestamp:2000000");
    assert!(refused(&mut guard, &signed(Some(&comment))).1.contains("not of these octets"));

    guard.admit(&signed(Some(SIGNATURE)), NOW).unwrap();
    let header = SIGNATURE.trim_end().replace('\n', "\\n");
    guard.admit(&signed(Some(&header)), NOW).unwrap();
}

#[test]
fn a_signed_zone_is_taken_only_for_the_zone_that_its_signature_names() {
    const ZONE: &str = include_str!("../../../tests/fixtures/feed/second.json");
    const NAMED: &str = include_str!("../../../tests/fixtures/feed/second.json.minisig");
    const FOREIGN: &str = include_str!("../../../tests/fixtures/feed/second.foreign.minisig");
    const LATER: &str = include_str!("../../../tests/fixtures/feed/third.json");
    const TOLD: &str = include_str!("../../../tests/fixtures/feed/third.json.minisig");
    let key = include_str!("../../../tests/fixtures/feed/key.pub").to_owned();
    let mut guard = guard(GuardConfig { public_key: Some(key), ..GuardConfig::default() });
    let signed = |apex, octets, signature| Candidate {
        signature: Some(signature),
        ..zone_feed(apex, octets)
    };
    for (apex, signature) in [("other.example", NAMED), ("signed.example", FOREIGN)] {
        let (name, text) = refused(&mut guard, &signed(apex, ZONE, signature));
        assert_eq!(name, "signature");
        assert!(text.contains("doesn't name this zone (file:ORIGIN.json, or origin:"), "{text}");
    }
    let comment = FOREIGN.replace("other.example", "signed.example");
    let (_, text) = refused(&mut guard, &signed("signed.example", ZONE, &comment));
    assert!(text.contains("not of these octets"), "{text}");
    guard.admit(&signed("Signed.Example.", ZONE, NAMED), NOW).unwrap();
    guard.admit(&signed("other.example", ZONE, FOREIGN), NOW).unwrap();
    // As by `minisign -t origin:signed.example`.
    guard.admit(&signed("signed.example", LATER, TOLD), NOW).unwrap();
    assert_eq!(refused(&mut guard, &signed("other.example", LATER, TOLD)).0, "signature");
}

#[test]
fn the_key_may_stand_in_a_file_and_what_is_no_key_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feed.pub");
    let config = GuardConfig { public_key_file: Some(path.clone()), ..GuardConfig::default() };
    let error = Guard::new(config.clone()).unwrap_err();
    assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    std::fs::write(&path, format!("untrusted comment: minisign public key\n{ANOTHER}\n")).unwrap();
    let mut guard = guard(config.clone());
    let forged = Candidate { signature: Some(FORGED), ..feed(SIGNED) };
    guard.admit(&forged, NOW).unwrap();
    for text in ["", "RWQ", SIGNATURE] {
        std::fs::write(&path, text).unwrap();
        assert!(matches!(Guard::new(config.clone()), Err(GuardConfigError::Key { .. })));
    }
    let both = GuardConfig { public_key: Some(OURS.to_owned()), ..config };
    assert!(matches!(Guard::new(both), Err(GuardConfigError::TwoKeys)));
}

#[test]
fn older_feeds_are_refused_and_so_are_those_from_the_future() {
    let mut guard = guard(GuardConfig::default());
    let at = |serial| snapshot(serial, 12, 500);
    guard.admit(&feed(&at(1_000_100)), NOW).unwrap();
    guard.admit(&feed(&at(1_000_100)), NOW).unwrap();
    let (name, text) = refused(&mut guard, &feed(&at(1_000_099)));
    assert_eq!(name, "older");
    assert!(text.contains("serial 1000099 is older than 1000100, which is served"), "{text}");
    assert_eq!(refused(&mut guard, &feed(&at(1_001_201))).0, "ahead");
    assert_eq!(refused(&mut guard, &feed(&at(u32::MAX))).0, "ahead");
    guard.admit(&feed(&at(1_001_200)), NOW).unwrap();
    // Another root has its own serial.
    guard.admit(&zone_feed("pool.example", &zone(1_000_000, 12, 500)), NOW).unwrap();
}

#[test]
fn feeds_past_their_age_are_refused_only_where_that_is_configured() {
    let text = snapshot(999_000, 12, 500);
    guard(GuardConfig::default()).admit(&feed(&text), NOW).unwrap();
    let mut guard = guard(GuardConfig { refuse_seconds: 1_599, ..GuardConfig::default() });
    let (name, text) = refused(&mut guard, &feed(&text));
    assert_eq!(name, "stale");
    assert!(text.contains("1600 s old, 1599 s at most"), "{text}");
    guard.admit(&feed(&snapshot(999_001, 12, 500)), NOW).unwrap();
}

#[test]
fn a_feed_that_has_lost_more_than_its_share_of_servers_or_weight_is_refused() {
    let mut guard = guard(GuardConfig::default());
    guard.admit(&feed(&snapshot(1_000_000, 100, 500)), NOW).unwrap();
    let (name, text) = refused(&mut guard, &feed(&snapshot(1_000_001, 79, 500)));
    assert_eq!(name, "shrunken");
    assert_eq!(
        text,
        "feed.json: all servers: 79 servers of 100 are left, more than 20 % gone; check its publisher, or override"
    );
    let (_, text) = refused(&mut guard, &feed(&snapshot(1_000_001, 100, 399)));
    assert!(text.contains("39900 kbit/s of weight of 50000 are left"), "{text}");
    // Servers that are there but not good enough to be served are as good as gone.
    let sick = snapshot(1_000_001, 100, 500).replace(r#""score":20"#, r#""score":9.9"#);
    assert_eq!(refused(&mut guard, &feed(&sick)).0, "empty");
    let monitoring = snapshot(1_000_001, 100, 0);
    assert_eq!(refused(&mut guard, &feed(&monitoring)).0, "empty");
    let gone = snapshot(1_000_001, 100, 500).replace("pool.example", "other.example");
    let (name, text) = refused(&mut guard, &feed(&gone));
    assert_eq!(name, "root_gone");
    assert!(text.contains("the root pool.example is gone"), "{text}");
    guard.admit(&feed(&snapshot(1_000_001, 80, 500)), NOW).unwrap();
}

#[test]
fn many_small_losses_count_as_the_large_one_that_they_are() {
    let mut guard = guard(GuardConfig::default());
    guard.admit(&feed(&snapshot(1_000_000, 100, 500)), NOW).unwrap();
    guard.admit(&feed(&snapshot(1_000_001, 85, 500)), NOW + 60).unwrap();
    let third = snapshot(1_000_002, 75, 500);
    assert_eq!(guard.admit(&feed(&third), NOW + 120).unwrap_err().name(), "shrunken");
    // An hour after the first it is outside the window.
    guard.admit(&feed(&third), NOW + 3_601).unwrap();
}

#[test]
fn small_roots_may_lose_many_but_never_all() {
    let mut guard = guard(GuardConfig::default());
    guard.admit(&feed(&snapshot(1_000_000, 9, 500)), NOW).unwrap();
    guard.admit(&feed(&snapshot(1_000_001, 1, 1)), NOW).unwrap();
    assert_eq!(refused(&mut guard, &feed(&snapshot(1_000_002, 0, 1))).0, "empty");
}

#[test]
fn roots_are_judged_each_and_together() {
    let config = GuardConfig { overall_percent: 5, ..GuardConfig::default() };
    let mut guard = guard(config);
    let mut admit = |apex, serial, servers| {
        guard.admit(&zone_feed(apex, &zone(serial, servers, 1)), NOW).map_err(|error| {
            let Refusal::Shrunken { root, .. } = error else { panic!("{error}") };
            root
        })
    };
    admit("a.example", 1_000_000, 100).unwrap();
    admit("b.example", 1_000_000, 1_000).unwrap();
    assert_eq!(admit("a.example", 1_000_001, 79), Err("a.example".to_owned()));
    admit("a.example", 1_000_001, 80).unwrap();
    assert_eq!(admit("b.example", 1_000_001, 964), Err("all roots".to_owned()));
    admit("b.example", 1_000_001, 966).unwrap();
}

#[test]
fn an_operators_word_lets_one_feed_pass() {
    let named = GuardConfig { override_serial: Some(1_000_005), ..GuardConfig::default() };
    let mut guard = guard(named);
    let at = |serial, servers| snapshot(serial, servers, 500);
    guard.admit(&feed(&at(1_000_000, 100)), NOW).unwrap();
    assert_eq!(refused(&mut guard, &feed(&at(1_000_004, 10))).0, "shrunken");
    guard.admit(&feed(&at(1_000_005, 50)), NOW).unwrap();
    guard.admit(&feed(&at(1_000_006, 45)), NOW).unwrap();
    assert_eq!(refused(&mut guard, &feed(&at(1_000_007, 20))).0, "shrunken");
    guard.allow_once(NOW + 60);
    // It isn't used up by what would be taken, nor does it help against what is broken.
    guard.admit(&feed(&at(1_000_008, 45)), NOW).unwrap();
    assert_eq!(refused(&mut guard, &feed("{")).0, "broken");
    guard.admit(&feed(&at(1_000_001, 20)), NOW).unwrap();
    assert_eq!(refused(&mut guard, &feed(&at(1_000_002, 10))).0, "shrunken");
    guard.allow_once(NOW + 60);
    let gone = at(1_000_002, 20).replace("pool.example", "other.example");
    guard.admit(&feed(&gone), NOW).unwrap();
    guard.admit(&feed(&gone), NOW).unwrap();
}

#[test]
fn gigantic_feeds_are_refused_unread() {
    let config = GuardConfig { max_octets: 10_000, max_servers: 100, ..GuardConfig::default() };
    let mut guard = guard(config);
    let (name, text) = refused(&mut guard, &feed(&"{".repeat(10_001)));
    assert_eq!(name, "octets");
    assert!(text.starts_with("feed.json: 10001 octets, 10000 at most"), "{text}");
    assert_eq!(refused(&mut guard, &feed(&snapshot(1_000_000, 101, 5))).0, "servers");
    assert_eq!(refused(&mut guard, &zone_feed("a.example", &zone(1_000_000, 101, 5))).0, "servers");
    guard.admit(&feed(&snapshot(1_000_000, 100, 5)), NOW).unwrap();
}

#[test]
fn age_is_that_of_the_oldest_feed_and_deltas_make_it_younger() {
    let mut guard = guard(GuardConfig::default());
    assert_eq!((guard.age(NOW), guard.freshness(NOW)), (None, Freshness::Alarm));
    guard.admit(&feed(&snapshot(1_000_001, 12, 5)), NOW).unwrap();
    assert_eq!((guard.age(NOW), guard.freshness(NOW)), (Some(599), Freshness::Fresh));
    assert_eq!(guard.freshness(NOW + 1), Freshness::Warn);
    assert_eq!(guard.freshness(NOW + 601), Freshness::Alarm);
    guard.note_deltas(NOW + 500, NOW + 601);
    guard.note_deltas(NOW + 9_999, NOW + 601);
    assert_eq!(guard.age(NOW + 700), Some(99));
    guard.admit(&zone_feed("a.example", &zone(1_000_000, 3, 5)), NOW + 700).unwrap();
    assert_eq!(guard.age(NOW + 700), Some(1_300));
    guard.forget("a.example");
    assert_eq!(guard.age(NOW + 700), Some(99));
}

#[test]
fn what_was_served_before_a_restart_is_what_feeds_are_compared_with() {
    let mut before = guard(GuardConfig::default());
    let last = before.admit(&feed(&snapshot(1_000_100, 100, 5)), NOW).unwrap();
    let mut guard = guard(GuardConfig::default());
    guard.resume(&last, NOW);
    assert_eq!(refused(&mut guard, &feed(&snapshot(1_000_099, 100, 5))).0, "older");
    assert_eq!(refused(&mut guard, &feed(&snapshot(1_000_101, 50, 5))).0, "shrunken");
}

#[test]
fn zones_built_from_deltas_pass_the_same_guard() {
    let mut guard = guard(GuardConfig::default());
    let size = |servers| RootSize { servers, weight: servers * 10 };
    guard.admit_built("a.example", 1_000_000, size(100), NOW).unwrap();
    for serial in 1..=20 {
        let left = size(100 - u64::from(serial));
        guard.admit_built("a.example", 1_000_000 + serial, left, NOW + i64::from(serial)).unwrap();
    }
    let refusal = guard.admit_built("a.example", 1_000_021, size(79), NOW + 21).unwrap_err();
    assert_eq!(refusal.name(), "shrunken");
    // It doesn't change the feed's age.
    assert_eq!(guard.age(NOW), None);
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    let wrong = GuardConfig { weight_percent: 101, ..GuardConfig::default() };
    let error = Guard::new(wrong).unwrap_err().to_string();
    assert!(error.starts_with("weight_percent = 101"), "{error}");
    let wrong = GuardConfig { alarm_seconds: 599, ..GuardConfig::default() };
    assert!(matches!(Guard::new(wrong), Err(GuardConfigError::Order { alarm: 599, warn: 600 })));
    let read = serde_json::from_str::<GuardConfig>;
    assert_eq!(read("{}").unwrap(), GuardConfig::default());
    assert!(read(r#"{"warn_second":1}"#).is_err());
}
