//! Switches, set by `edge switch` while the node runs.
//!
//! Who answers changes at once; the answers don't change, and no query stays without one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use edge_tests::message::{Ask, Reply, flag, rcode, rtype};
use edge_tests::netns::{Counters, PATIENCE, Rig};
use edge_tests::stage::Line;
use serde_json::Value;

/// Clients of both families, both in Germany.
const CLIENTS: [&str; 2] = ["192.0.2.10", "2001:db8:de::10"];
/// Questions that XDP answers, and by which verdict. All of the records are in each answer, so that
/// answers are equal.
const QUESTIONS: [(&str, u16, &str); 7] = [
    ("2.de.pool.example", rtype::AAAA, "answer"),
    ("jp.pool.example", rtype::A, "answer"),
    ("pool.example", rtype::SOA, "answer"),
    ("www.pool.example", rtype::A, "answer"),
    ("pool.example", rtype::HTTPS, "nodata"),
    ("nobody.pool.example", rtype::A, "nxdomain"),
    ("a.b.nobody.pool.example", rtype::TXT, "nxdomain"),
];
/// The zones of these tests, in nobody's tables if switched off: `small.example`, and one nested in
/// it.
const ZONES: [&str; 2] = ["small.example", "nested.small.example"];
/// Questions that each of these has asked for while each switch is on.
const SETTLED: u64 = 500;

/// A rig with all zones, whose neighbours know each other.
fn rig() -> Rig {
    let mut rig = Rig::new("native");
    for (zone, n) in ZONES.into_iter().zip(1..) {
        let json = format!(
            r#"{{"ttl": 60, "data": {{"": {{"ns": ["ns.example."], "a": [["10.9.0.{n}"]]}}, "www": {{"a": [["10.9.1.{n}"]]}}}}}}"#
        );
        rig.write_zone(zone, &json);
    }
    rig.start();
    for client in CLIENTS {
        let _first = rig.ask(client, "pool.example A +nocookie");
    }
    rig
}

/// What counts of a reply, its records in order.
fn content(reply: &Reply) -> Reply {
    let mut content = Reply { octets: Vec::new(), ..reply.clone() };
    content.answers.sort();
    content.authorities.sort();
    content
}

/// The replies to all questions by both clients, with and without EDNS.
fn replies(rig: &Rig) -> Vec<Reply> {
    let mut replies = Vec::new();
    for client in CLIENTS {
        let mut line = Line::Udp(rig.datagrams(client));
        for (name, rtype, _) in QUESTIONS {
            let plain = Ask::new(name, rtype);
            for ask in [plain.clone(), plain.clone().edns(1232), plain.subnet("203.0.113.0/24")] {
                replies.push(content(&line.ask(&ask)));
            }
        }
    }
    replies
}

/// The queries that [`replies`] asks.
const ASKED: u64 = 3 * (CLIENTS.len() * QUESTIONS.len()) as u64;

/// What XDP and the authority answered, and how many frames passed for a reason, while something
/// was done.
fn during<T>(rig: &Rig, reason: &str, work: impl FnOnce() -> T) -> (T, [u64; 3]) {
    let before = rig.counters();
    let done = work();
    let after = rig.counters();
    let since = |of: &dyn Fn(&Counters) -> u64| of(&after) - of(&before);
    (done, [since(&Counters::xdp), since(&Counters::authority), since(&|it| it.passed(reason))])
}

/// Asks everything; insists that XDP answers all of it, and gives the replies.
fn by_xdp(rig: &Rig) -> Vec<Reply> {
    let (replies, counted) = during(rig, "name", || replies(rig));
    assert_eq!(counted, [ASKED, 0, 0]);
    replies
}

#[test]
fn bypass_leaves_everything_to_the_authority_and_changes_no_answer() {
    let rig = rig();
    let expected = by_xdp(&rig);
    assert!(rig.switch("bypass on").starts_with("bypass is on"));
    assert_eq!(rig.status()["switches"]["bypass"], true);
    assert!(rig.status_text().contains("BYPASS is on"));
    let (bypassed, counted) = during(&rig, "bypass", || replies(&rig));
    assert_eq!(counted, [0, ASKED, ASKED]);
    assert_eq!(bypassed, expected);
    assert_eq!(rig.switch("bypass off"), "bypass is off\n");
    assert_eq!(rig.status()["switches"]["bypass"], false);
    // The name that it had before.
    assert!(rig.switch("drain on").starts_with("bypass is on"));
    assert_eq!(rig.switch("bypass off"), "bypass is off\n");
    assert_eq!(by_xdp(&rig), expected);
}

#[test]
fn dry_run_counts_what_would_be_answered_and_nothing_else() {
    let rig = rig();
    let expected = by_xdp(&rig);
    assert!(rig.switch("dry-run on").starts_with("dry-run is on"));
    assert_eq!(rig.status()["switches"]["dry_run"], true);
    let (dry, counted) = during(&rig, "dry_run", || replies(&rig));
    assert_eq!(counted, [0, ASKED, ASKED]);
    assert_eq!(dry, expected);
    // What would have passed anyway is counted as what it is.
    for (question, reason) in [
        ("pool.invalid A", "name"),
        ("_country.pool.example TXT", "name"),
        ("version.bind CH TXT", "class"),
        ("pool.example A +ednsopt=10:00", "edns"),
    ] {
        for client in CLIENTS {
            let asked = || rig.ask(client, &format!("{question} +nocookie"));
            let before = rig.counters();
            let (_, counted) = during(&rig, reason, asked);
            assert_eq!(counted, [0, 1, 1], "{question}");
            assert_eq!(rig.counters().passed("dry_run"), before.passed("dry_run"), "{question}");
        }
    }
    assert_eq!(rig.switch("dry-run off"), "dry-run is off\n");
    assert_eq!(by_xdp(&rig), expected);
}

/// A zone of `edge status --json`.
fn zone(rig: &Rig, name: &str) -> Value {
    let status = rig.status();
    let zones = status["zones"].as_array().cloned().unwrap_or_default();
    zones.into_iter().find(|zone| zone["name"] == name).unwrap_or_else(|| panic!("{status}"))
}

/// Asks as both clients; gives the rcode, and how many of two queries XDP answered by a verdict.
fn ask(rig: &Rig, name: &str, verdict: &str) -> (u16, u64) {
    let before = rig.counters();
    let replies = CLIENTS
        .map(|client| Line::Udp(rig.datagrams(client)).ask(&Ask::new(name, rtype::A)))
        .map(|reply| (reply.rcode, reply.has(flag::AA), reply.answers.len()));
    assert_eq!(replies[0], replies[1], "{name}");
    let after = rig.counters();
    let (xdp, said) =
        (after.xdp() - before.xdp(), after.answered(verdict) - before.answered(verdict));
    assert_eq!(xdp, said, "{name}: XDP answered in another way than {verdict}");
    assert_eq!(xdp + after.authority() - before.authority(), 2, "{name}");
    assert_eq!(replies[0].1, replies[0].0 != rcode::REFUSED, "{name}: AA");
    assert_eq!(replies[0].2, usize::from(replies[0].0 == rcode::NOERROR), "{name}: answers");
    (replies[0].0, xdp)
}

/// Names of both zones, with what is said to them.
const NAMES: [(usize, &str, u16, &str); 8] = [
    (0, "small.example", rcode::NOERROR, "answer"),
    (0, "www.small.example", rcode::NOERROR, "answer"),
    (0, "nobody.small.example", rcode::NXDOMAIN, "nxdomain"),
    (0, "a.b.c.small.example", rcode::NXDOMAIN, "nxdomain"),
    (1, "nested.small.example", rcode::NOERROR, "answer"),
    (1, "www.nested.small.example", rcode::NOERROR, "answer"),
    (1, "nobody.nested.small.example", rcode::NXDOMAIN, "nxdomain"),
    (1, "a.b.nested.small.example", rcode::NXDOMAIN, "nxdomain"),
];
const FOREIGN: [&str; 4] = ["pool.invalid", "example", "smallexample", "www.xsmall.example"];

#[test]
fn names_of_no_zone_are_refused_and_those_of_zones_that_are_switched_off_are_not() {
    let rig = rig();
    for name in FOREIGN {
        assert_eq!(ask(&rig, name, "refused"), (rcode::REFUSED, 0), "{name}: not switched on");
    }
    assert!(rig.switch("refuse-unknown on").starts_with("refuse-unknown is on"));
    assert_eq!(rig.status()["switches"]["refuse_unknown"], true);
    for state in [[true, true], [false, true], [false, false], [true, false], [true, true]] {
        for (name, on) in ZONES.into_iter().zip(state) {
            let word = if on { "on" } else { "off" };
            let said = rig.switch(&format!("zone {name} {word}"));
            assert!(said.starts_with(&format!("zone {name} is {word}")), "{said}");
            let zone = zone(&rig, name);
            assert_eq!((&zone["xdp"], &zone["in_xdp"]), (&on.into(), &on.into()), "{zone}");
            assert_eq!(zone["why"] == "", on, "{zone}");
        }
        for (at, name, code, verdict) in NAMES {
            let in_xdp = if state[at] { 2 } else { 0 };
            assert_eq!(ask(&rig, name, verdict), (code, in_xdp), "{name} {state:?}");
        }
        for name in FOREIGN {
            assert_eq!(ask(&rig, name, "refused"), (rcode::REFUSED, 2), "{name} {state:?}");
        }
        assert_eq!(ask(&rig, "nobody.pool.example", "nxdomain"), (rcode::NXDOMAIN, 2));
    }
    assert_eq!(rig.switch("refuse-unknown off"), "refuse-unknown is off\n");
    assert_eq!(ask(&rig, FOREIGN[0], "refused"), (rcode::REFUSED, 0));
}

#[test]
fn a_zone_that_is_not_there_cannot_be_switched() {
    let rig = rig();
    let generation = rig.status()["generation"].clone();
    let said = rig.switch_refused("zone smal.example off");
    assert!(said.starts_with("edge: no zone smal.example is loaded; did you mean small.example"));
    let said = rig.switch_refused("zone a..b off");
    assert!(said.contains("\"a..b\": ") && said.contains("name a zone"), "{said}");
    assert!(rig.switch_refused("bypass perhaps").contains("perhaps"));
    assert_eq!(rig.status()["generation"], generation, "nothing was published");
    let panel: Value = serde_json::from_str(&rig.switch("--json")).unwrap();
    assert_eq!(panel["switches"], panel["configured"]);
    let zones = panel["zones"].as_array().unwrap();
    assert!(zones.len() == 3 && zones.iter().all(|zone| zone["xdp"] == true), "{panel}");
}

/// Asks by one line until `stop` is set; each query has to have its answer.
fn keep_asking(mut line: Line, asked: &AtomicU64, stop: &AtomicBool) {
    let small = [("www.small.example", rtype::A, 1), ("nobody.nested.small.example", rtype::A, 0)];
    let pool = QUESTIONS.map(|(name, rtype, verdict)| match (name, verdict) {
        ("2.de.pool.example" | "jp.pool.example", _) => (name, rtype, 2),
        (_, "answer") => (name, rtype, 1),
        _ => (name, rtype, 0),
    });
    for (n, (name, rtype, records)) in
        (0_u16..=u16::MAX).cycle().zip(pool.iter().chain(&small).cycle())
    {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let reply = line.ask(&Ask { id: n, ..Ask::new(name, *rtype) });
        assert!(reply.has(flag::AA) && !reply.has(flag::TC), "{name}: {reply:?}");
        assert_eq!(reply.answers.len(), *records, "{name}: {reply:?}");
        assert_eq!(reply.authorities.len(), usize::from(*records == 0), "{name}: {reply:?}");
        asked.fetch_add(1, Ordering::Relaxed);
    }
}

/// Ends the asking when it goes, should a test fail meanwhile, too.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_query_is_lost_while_switches_are_set() {
    let rig = rig();
    let (asked, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let lines = CLIENTS.map(|client| Line::Udp(rig.datagrams(client)));
    let before = rig.counters();
    thread::scope(|scope| {
        let askers = lines.map(|line| scope.spawn(|| keep_asking(line, &asked, &stop)));
        let asking = Stop(&stop);
        let settle = || {
            let enough = asked.load(Ordering::Relaxed) + SETTLED;
            // Longer than an asker waits for its reply, so that it says what is missing.
            rig.wait_until("queries are answered", 2 * PATIENCE, || {
                asked.load(Ordering::Relaxed) >= enough || askers.iter().any(|it| it.is_finished())
            });
        };
        for switch in [
            "bypass",
            "dry-run",
            "zone small.example",
            "refuse-unknown",
            "zone nested.small.example",
            "zone pool.example",
        ] {
            for state in ["off", "on", "off", "on"] {
                let _said = rig.switch(&format!("{switch} {state}"));
                settle();
            }
            if !switch.starts_with("zone") {
                let _said = rig.switch(&format!("{switch} off"));
                settle();
            }
        }
        drop(asking);
        for asker in askers {
            asker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
    let (after, asked) = (rig.counters(), asked.into_inner());
    let (xdp, authority) = (after.xdp() - before.xdp(), after.authority() - before.authority());
    assert_eq!(xdp + authority, asked, "each query has one answer");
    assert!(xdp >= 10 * SETTLED && authority >= 5 * SETTLED, "{xdp} and {authority}");
    assert!(after.passed("bypass") > before.passed("bypass"));
    assert!(after.passed("dry_run") > before.passed("dry_run"));
    assert_eq!(after.dropped(), 0);
}
