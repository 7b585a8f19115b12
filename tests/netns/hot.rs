//! A zone with more names than XDP may have: popular names get in, and soon.

use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use edge_tests::message::{Ask, rcode, rtype};
use edge_tests::netns::Rig;
use edge_tests::stage::Line;
use serde_json::Value;

/// Names of the zone, its apex among them, and those that may be in XDP.
const NAMES: usize = 400;
const SHARE: usize = 100;
/// Names that are asked for often.
const HOT: usize = 60;
/// Names that don't exist, asked for in each round.
const MISSES: usize = 200;
/// How long a change of traffic may go unnoticed until it is given up. It ought to be seconds.
const PATIENCE: Duration = Duration::from_secs(60);

const CLIENT: &str = "192.0.2.10";

/// A rig with the zone `many.example`: the apex, and `n1` to `n399`.
fn rig() -> Rig {
    let mut rig = Rig::new("native");
    let labels: Vec<_> = (1..NAMES)
        .map(|n| format!(r#""n{n}": {{"a": [["10.8.{}.{}"]]}}"#, n / 256, n % 256))
        .collect();
    let json = format!(
        r#"{{"ttl": 60, "data": {{"": {{"ns": ["ns.example."], "a": [["10.8.9.9"]]}}, {}}}}}"#,
        labels.join(", ")
    );
    rig.write_zone("many.example", &json);
    let config = format!("{}\n[zone.\"many.example\"]\nshare = {SHARE}\n", rig.config());
    rig.write("edge.toml", config.as_bytes());
    rig.start();
    // Neighbour discovery is over after this.
    let _first = rig.ask(CLIENT, "pool.example A +nocookie");
    rig
}

fn zone(rig: &Rig) -> Value {
    let status = rig.status();
    let zones = status["zones"].as_array().cloned().unwrap_or_default();
    zones
        .into_iter()
        .find(|zone| zone["name"] == "many.example")
        .unwrap_or_else(|| panic!("{status}"))
}

/// Asks for the address of a name under the zone.
fn ask(line: &mut Line, label: &str) {
    let reply = line.ask(&Ask::new(&format!("{label}.many.example"), rtype::A));
    let exists = label.strip_prefix('n').is_some_and(|rest| rest.parse::<usize>().is_ok());
    let expected = if exists { (rcode::NOERROR, 1) } else { (rcode::NXDOMAIN, 0) };
    assert_eq!((reply.rcode, reply.answers.len()), expected, "{label}: {reply:?}");
}

/// How many queries XDP answered of those that were asked meanwhile.
fn by_xdp(rig: &Rig, asked: impl FnOnce()) -> u64 {
    let before = rig.counters().xdp();
    asked();
    rig.counters().xdp() - before
}

/// Does something again and again until it says that it is enough; gives how long that took.
fn until(what: &str, mut round: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !round() {
        assert!(begun.elapsed() < PATIENCE, "given up after {PATIENCE:?}: {what}");
        // A modest rate.
        thread::sleep(Duration::from_millis(10));
    }
    begun.elapsed()
}

fn says_of_its_share(rig: &Rig) {
    let zone = zone(rig);
    assert_eq!((&zone["in_xdp"], &zone["incomplete"]), (&true.into(), &true.into()), "{zone}");
    assert_eq!(
        (&zone["names_in_xdp"], &zone["names_total"]),
        (&SHARE.into(), &NAMES.into()),
        "{zone}"
    );
}

#[test]
fn an_incomplete_zone_says_so_and_never_denies_a_name_in_xdp() {
    let rig = rig();
    says_of_its_share(&rig);
    let text = rig.status_text();
    assert!(text.contains("100 of 400") && text.contains("xdp (incomplete), authority"), "{text}");
    let mut line = Line::Udp(rig.datagrams(CLIENT));
    let misses = ["x", "nobody", "n1.x", "a.b.c", "x.n1", "x.n399"];
    assert_eq!(by_xdp(&rig, || misses.into_iter().for_each(|label| ask(&mut line, label))), 0);
    // Each of the zone's names is there, whoever answers; as many as its share by XDP.
    let all = || (1..NAMES).for_each(|n| ask(&mut line, &format!("n{n}")));
    let in_xdp = by_xdp(&rig, all);
    assert_eq!(usize::try_from(in_xdp).unwrap(), SHARE - 1, "but for the apex");
    let apex = || assert_eq!(rig.ask(CLIENT, "many.example A +nocookie").data(), ["10.8.9.9"]);
    assert_eq!(by_xdp(&rig, apex), 1, "the apex is always in");
    // Other zones are whole.
    let other = || drop(rig.ask(CLIENT, "nobody.pool.example A +nocookie"));
    assert_eq!(by_xdp(&rig, other), 1);
}

#[test]
fn names_that_are_asked_for_come_into_xdp_and_names_that_do_not_exist_displace_none() {
    let rig = rig();
    let mut line = Line::Udp(rig.datagrams(CLIENT));
    // The names that nobody has asked for are in by their order.
    let outside: Vec<_> = (NAMES - 2 * HOT..NAMES).map(|n| format!("n{n}")).collect();
    let (hot, others) = outside.split_at(HOT);
    let newcomer = &others[0];
    assert_eq!(by_xdp(&rig, || outside.iter().for_each(|label| ask(&mut line, label))), 0);

    // One name.
    let mut queries = 0;
    let one = until("the only name that is asked for is in XDP", || {
        queries += 5;
        by_xdp(&rig, || (0..5).for_each(|_| ask(&mut line, &hot[0]))) > 0
    });
    writeln!(std::io::stdout(), "one name: in XDP after {one:?} and {queries} queries").unwrap();
    assert_eq!(by_xdp(&rig, || ask(&mut line, &hot[0])), 1);
    says_of_its_share(&rig);

    // Many names at once.
    let hot_ones = u64::try_from(HOT).unwrap();
    let all = until("all names that are asked for are in XDP", || {
        by_xdp(&rig, || hot.iter().for_each(|label| ask(&mut line, label))) == hot_ones
    });
    writeln!(std::io::stdout(), "{HOT} names: in XDP after {all:?}").unwrap();

    // What doesn't exist, each name once; another name comes in, so that a choice has been made
    // meanwhile.
    let mut missed = 0;
    let next = until("the next name that is asked for is in XDP", || {
        for n in missed..missed + MISSES {
            ask(&mut line, &format!("miss{n}"));
        }
        missed += MISSES;
        by_xdp(&rig, || (0..5).for_each(|_| ask(&mut line, newcomer))) > 0
    });
    let rate = missed as f64 / next.as_secs_f64();
    writeln!(
        std::io::stdout(),
        "one more: in XDP after {next:?}, with {missed} other queries ({rate:.0}/s) for names that do not exist"
    )
    .unwrap();
    let hot_still = by_xdp(&rig, || hot.iter().for_each(|label| ask(&mut line, label)));
    assert_eq!(hot_still, hot_ones, "names that were asked for before");
    let misses = || (0..50).for_each(|n| ask(&mut line, &format!("miss{n}")));
    assert_eq!(by_xdp(&rig, misses), 0);
    says_of_its_share(&rig);
}
