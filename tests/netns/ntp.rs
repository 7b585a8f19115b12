//! NTP clients that people use: each accepts the node's time.
//!
//! XDP answers every one of them. The daemon behind the node gets requests from the node only.

use std::thread;
use std::time::{Duration, Instant};

use edge_tests::netns::{PATIENCE, Rig, SERVER, Source, TimeClient, TimeClientKind};
use serde_json::Value;

/// A client's address of either family, as [`SERVER`].
pub(crate) const CLIENT: [&str; 2] = ["10.53.0.2", "fd53::2"];
/// What XDP counts where a request isn't answered by it.
const PASSED: [&str; 5] =
    ["ntp_version", "ntp_mode", "ntp_length", "ntp_lease", "ntp_unsynchronised_pass"];

/// A rig with an NTP daemon, whose node answers with the time, too.
pub(crate) fn telling(keys: &str) -> (Rig, Source) {
    let mut rig = Rig::new("native");
    let source = Source::start(&rig);
    configure(&rig, keys);
    rig.start();
    synchronises(&rig);
    (rig, source)
}

/// Writes a configuration with `[ntp]` and its keys.
pub(crate) fn configure(rig: &Rig, keys: &str) {
    let config = format!("{}\n[ntp]\nenabled = true\n{keys}\n", rig.config());
    rig.write("edge.toml", config.as_bytes());
}

/// Waits until the node answers with the time.
pub(crate) fn synchronises(rig: &Rig) {
    rig.wait_until("time is served", PATIENCE, || rig.status()["ntp"]["synchronised"] == true);
}

/// Requests that passed to the daemon for any reason of NTP's.
pub(crate) fn passed(rig: &Rig) -> u64 {
    let counters = rig.counters();
    PASSED.iter().map(|reason| counters.passed(reason)).sum()
}

/// Insists that a client finds the time of these servers good, and that the daemon gets no request
/// of the client's. Other clients may run beside it.
pub(crate) fn accepts(rig: &Rig, source: &Source, kind: TimeClientKind, servers: &[&str]) {
    let before = rig.counters();
    let client = TimeClient::start(kind, rig, servers);
    let end = Instant::now() + PATIENCE * 2;
    while !servers.iter().all(|server| client.believes(rig, server)) {
        let status = &rig.status()["ntp"];
        let log = client.log();
        assert!(Instant::now() < end, "{kind:?} of {servers:?}: {status} {log:#?}");
        thread::sleep(Duration::from_millis(100));
    }
    let answered = rig.counters().answered("ntp") - before.answered("ntp");
    assert!(answered >= servers.len() as u64, "{kind:?}: {answered}");
    assert_eq!(passed(rig), 0, "{kind:?}: {:?}", rig.counters());
    assert_eq!(source.clients(), ["127.0.0.1"], "{kind:?}");
}

#[test]
fn what_chrony_knows_of_its_clock_is_told_beside_the_time() {
    let mut rig = Rig::new("native");
    let source = Source::start(&rig);
    configure(&rig, &source.keys());
    rig.start();
    synchronises(&rig);
    let has_row = || {
        let text = rig.explain_time();
        let row = text.lines().find(|line| line.trim_start().starts_with("chrony's leap status"));
        row.is_some_and(|row| row.contains("Normal") && row.contains("chronyc"))
    };
    rig.wait_until("chronyc has told it", PATIENCE, has_row);
    assert!(!rig.explain_time().contains("\nwarning: "), "{}", rig.explain_time());
}

#[test]
fn chrony_selects_the_node_by_both_families() {
    let (rig, source) = telling("");
    accepts(&rig, &source, TimeClientKind::Chrony, &SERVER);
}

#[test]
fn chrony_that_asks_for_the_interleaved_mode_gets_the_basic_one_and_selects_the_node() {
    let (rig, source) = telling("");
    accepts(&rig, &source, TimeClientKind::Interleaved, &SERVER);
    let client = TimeClient::start(TimeClientKind::Interleaved, &rig, &SERVER[..1]);
    rig.wait_until("it has asked eight times", PATIENCE, || {
        client.column("ntpdata", SERVER[0], 32).is_some_and(|n| n.parse::<u32>().unwrap() >= 8)
    });
    assert_eq!(client.column("ntpdata", SERVER[0], 26).unwrap(), "No", "interleaved");
    // Whatever it asked for was answered.
    assert_eq!(client.column("sources", SERVER[0], 5).unwrap(), "377", "reach");
    assert_eq!(passed(&rig), 0);
}

#[test]
fn ntpsec_selects_the_node_by_both_families() {
    let (rig, source) = telling("");
    accepts(&rig, &source, TimeClientKind::Ntpsec, &SERVER);
}

#[test]
fn timesyncd_contacts_the_node_by_either_family() {
    let (rig, source) = telling("");
    for server in SERVER {
        accepts(&rig, &source, TimeClientKind::Timesyncd, &[server]);
    }
}

/// Insists on an offset below ten milliseconds, in seconds: the client's clock is the server's. A
/// client that isn't run for a while between sending and receiving measures more, and asks again.
fn is_in_time(ask: impl Fn() -> f64) {
    let end = Instant::now() + PATIENCE;
    loop {
        let offset = ask();
        if offset.abs() < 0.01 {
            return;
        }
        assert!(Instant::now() < end, "{offset}");
    }
}

#[test]
fn ntpdig_is_told_the_time_by_either_family() {
    let (rig, source) = telling("");
    for server in SERVER {
        is_in_time(|| {
            let before = rig.counters().answered("ntp");
            let told = rig.ntpdig(server).unwrap();
            assert_eq!(
                (&told["stratum"], &told["leap"]),
                (&Value::from(2), &"no-leap".into()),
                "{told}"
            );
            assert_eq!(rig.counters().answered("ntp") - before, 1);
            told["offset"].as_f64().unwrap()
        });
    }
    assert_eq!((passed(&rig), source.clients()), (0, vec!["127.0.0.1".to_owned()]));
}

#[test]
fn rdate_takes_the_time_from_either_family() {
    let (rig, source) = telling("");
    for server in SERVER {
        is_in_time(|| {
            let before = rig.counters().answered("ntp");
            let offset = rig.rdate(server).unwrap();
            assert_eq!(rig.counters().answered("ntp") - before, 1);
            offset
        });
    }
    assert_eq!((passed(&rig), source.clients()), (0, vec!["127.0.0.1".to_owned()]));
}

#[test]
fn without_a_daemon_that_tells_the_time_the_node_serves_all_the_same_and_tells_none() {
    let mut rig = Rig::new("native");
    configure(&rig, "");
    rig.start();
    assert_eq!(rig.ask(CLIENT[0], "pool.example A").answers.len(), 4);
    for server in SERVER {
        let refused = rig.ntpdig(server).unwrap_err();
        assert!(refused.contains("no eligible servers"), "{refused}");
    }
    assert_eq!(rig.counters().answered("ntp"), 0);
    assert_eq!(rig.status()["ntp"]["synchronised"], false);
    // One that comes later is found.
    let _source = Source::start(&rig);
    synchronises(&rig);
    assert_eq!(rig.ntpdig(SERVER[0]).unwrap()["stratum"], 2);
}
