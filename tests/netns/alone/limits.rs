//! Limits and lists, as clients see them.
//!
//! A client gets some answers, some truncated ones so that it asks again by TCP, and else
//! nothing.

use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use edge_tests::message::{Ask, Reply, flag, option, rtype};
use edge_tests::netns::{PATIENCE, Rig};

/// What is configured.
const RATE: u64 = 10;
const BURST: u64 = 20;
/// Queries of a flood.
const FLOOD: u16 = 200;
/// How long a socket waits for a reply that may not come.
const SILENCE: Duration = Duration::from_millis(500);

/// Clients of both families, who share their prefixes with nobody.
const CLIENTS: [&str; 2] = ["192.0.2.10", "2001:db8:de::10"];
const OTHERS: [&str; 2] = ["198.51.100.10", "2001:db8:6b::10"];
const DENIED: [&str; 2] = ["203.0.113.10", "2001:db8:b0::10"];

/// A rig with limits and more, whose neighbours know each other.
fn rig(lists: &str) -> Rig {
    let mut rig = Rig::new("native");
    let limits = format!("[limits]\nresponses_per_second = {RATE}\nburst = {BURST}\nslip = 2\n");
    let config = format!("{}\n{limits}{lists}\n", rig.config());
    rig.write("edge.toml", config.as_bytes());
    rig.start();
    for client in ["10.53.0.2", "fd53::2"] {
        // TCP takes nothing from the rate.
        let _first = rig.ask(client, "pool.example A +tcp");
    }
    rig
}

/// What became of queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    answered: u64,
    truncated: u64,
}

/// Asks [`FLOOD`] times as fast as can be, and counts what comes.
fn flood(socket: &UdpSocket, ask: &Ask) -> Tally {
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            for id in 0..FLOOD {
                socket.send(&Ask { id, ..ask.clone() }.octets()).unwrap();
            }
        });
        let mut buffer = [0; 2048];
        loop {
            let Ok(octets) = socket.recv(&mut buffer) else {
                if sender.is_finished() {
                    break;
                }
                continue;
            };
            let reply = Reply::read(&buffer[..octets]).unwrap();
            if reply.has(flag::TC) {
                assert!(reply.answers.is_empty() && reply.authorities.is_empty(), "{reply:?}");
                assert!(octets <= ask.octets().len() + 50, "no longer than its query, and options");
                tally.truncated += 1;
            } else {
                assert!(reply.answers.len() >= 3, "{reply:?}");
                tally.answered += 1;
            }
        }
    });
    tally
}

fn plain() -> Ask {
    Ask::new("pool.example", rtype::A)
}

/// Asks so often that nothing is left of a burst, and doesn't wait for what comes.
fn exhaust(socket: &UdpSocket) {
    for id in 0..FLOOD {
        socket.send(&Ask { id, ..plain() }.octets()).unwrap();
    }
}

/// Insists on a burst, and the rate since `begun`; of the rest about half has to be truncated.
fn is_limited(tally: Tally, begun: Instant) {
    let most = BURST + RATE * (begun.elapsed().as_secs() + 1);
    assert!((BURST..=most).contains(&tally.answered), "{tally:?} of {most}");
    let rest = u64::from(FLOOD) - tally.answered;
    // 180 tosses of a coin: six standard deviations.
    assert!(tally.truncated.abs_diff(rest / 2) <= 40, "{tally:?}");
}

#[test]
fn a_flood_is_answered_its_burst_and_half_of_the_rest_is_truncated() {
    let rig = rig("");
    for (at, client) in CLIENTS.into_iter().enumerate() {
        let before = rig.counters();
        let begun = Instant::now();
        let tally = flood(&rig.datagrams(client), &plain());
        is_limited(tally, begun);
        let after = rig.counters();
        assert_eq!(after.answered("answer") - before.answered("answer"), tally.answered);
        assert_eq!(after.answered("slip") - before.answered("slip"), tally.truncated);
        let dropped = after.dropped_for("limited") - before.dropped_for("limited");
        assert_eq!(dropped, u64::from(FLOOD) - tally.answered - tally.truncated);
        assert_eq!(after.authority() - before.authority(), 0);
        // Others notice nothing of it.
        for _ in 0..BURST / 2 {
            let reply = rig.ask(OTHERS[at], "pool.example A +nocookie +ignore");
            assert!(reply.answers.len() >= 3, "{}", reply.text);
        }
    }
    assert_eq!(rig.counters().dropped_for("denied"), 0);
}

#[test]
fn who_is_limited_is_told_by_prefix_from_a_sample_of_what_was_dropped() {
    let rig = rig("");
    for (client, prefix) in CLIENTS.into_iter().zip(["192.0.2.0/24", "2001:db8:de::/56"]) {
        let socket = rig.datagrams(client);
        rig.wait_until("the limited client is told", PATIENCE, || {
            exhaust(&socket);
            let refused = rig.status()["refused"].as_array().cloned().unwrap_or_default();
            refused.iter().any(|row| row["client"] == prefix && row["reason"] == "limited")
        });
    }
    assert!(rig.status_text().contains("REFUSED LATELY"));
}

#[test]
fn the_authority_limits_alike_what_comes_to_it() {
    let rig = rig("");
    let _said = rig.switch("bypass on");
    for client in CLIENTS {
        let before = rig.counters();
        let begun = Instant::now();
        let tally = flood(&rig.datagrams(client), &plain());
        is_limited(tally, begun);
        let after = rig.counters();
        assert_eq!(after.passed("bypass") - before.passed("bypass"), u64::from(FLOOD));
        assert_eq!(after.authority() - before.authority(), tally.answered + tally.truncated);
        assert_eq!((after.xdp(), after.dropped()), (before.xdp(), before.dropped()));
    }
}

#[test]
fn dig_comes_back_by_tcp_when_it_is_limited() {
    /// Each time dig is dropped in one of two cases.
    const TIMES: usize = 30;
    let rig = rig("");
    for client in CLIENTS {
        let by_tcp = (0..TIMES).find_map(|_| {
            exhaust(&rig.datagrams(client));
            let reply = rig.try_ask(client, "pool.example A +nocookie +timeout=1");
            reply.filter(|reply| reply.text.contains("(TCP)"))
        });
        let reply = by_tcp.expect("a truncated answer, and TCP then");
        assert!(reply.text.contains("Truncated, retrying in TCP mode"), "{}", reply.text);
        assert_eq!((reply.answers.len(), reply.has_flag("tc")), (4, false), "{}", reply.text);
    }
}

#[test]
fn a_client_that_shows_the_cookie_it_was_given_is_not_limited() {
    let rig = rig("");
    for client in CLIENTS {
        let first = rig.ask(client, "pool.example A +cookie=0102030405060708 +ignore");
        let line = first.text.lines().find_map(|line| line.strip_prefix("; COOKIE: "));
        let cookie =
            line.and_then(|line| line.strip_suffix(" (good)")).expect("a cookie").to_owned();
        let octets: Vec<u8> = (0..cookie.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&cookie[at..at + 2], 16).unwrap())
            .collect();
        assert_eq!(octets.len(), 24, "{cookie}");
        let socket = rig.datagrams(client);
        let begun = Instant::now();
        let without = flood(&socket, &plain());
        assert!(without.answered <= BURST + RATE * (begun.elapsed().as_secs() + 1), "{without:?}");
        let all = Tally { answered: FLOOD.into(), truncated: 0 };
        let limited = rig.counters().dropped_for("limited");
        assert_eq!(flood(&socket, &plain().option(option::COOKIE, &octets)), all);
        assert_eq!(rig.counters().dropped_for("limited"), limited);
        for _ in 0..5 {
            exhaust(&rig.datagrams(client));
            let reply = rig.ask(client, &format!("pool.example A +cookie={cookie} +ignore"));
            assert_eq!(reply.answers.len(), 4, "{}", reply.text);
        }
        // A client's part alone shows nothing.
        let _nothing_left = flood(&socket, &plain());
        let begun = Instant::now();
        let new = flood(&socket, &plain().option(option::COOKIE, &octets[..8]));
        assert!(new.answered <= RATE * (begun.elapsed().as_secs() + 2), "{new:?}");
        // Nor does somebody else's.
        let stolen = flood(&rig.datagrams(OTHERS[usize::from(client.contains(':'))]), &{
            plain().option(option::COOKIE, &octets)
        });
        assert!(stolen.answered < u64::from(FLOOD) / 2, "{stolen:?}");
    }
}

#[test]
fn the_denied_get_nothing_and_the_exempt_everything() {
    let rig = rig("deny = [\"203.0.113.0/24\", \"2001:db8:b0::/48\"]\n\
         exempt = [\"198.51.100.0/24\", \"2001:db8:6b::/48\"]");
    let (nothing, all) = (Tally::default(), Tally { answered: FLOOD.into(), truncated: 0 });
    let authority = rig.counters().authority();
    for at in 0..2 {
        let before = rig.counters();
        assert_eq!(flood(&rig.datagrams(DENIED[at]), &plain()), nothing);
        let after = rig.counters();
        assert_eq!(after.dropped_for("denied") - before.dropped_for("denied"), u64::from(FLOOD));
        assert_eq!(after.xdp(), before.xdp());
        // By whichever way: what passes is the authority's, which has the same list.
        for question in [
            "pool.example A +nocookie",
            "pool.example A +cookie",
            "pool.invalid A +nocookie",
            "version.bind CH TXT +nocookie",
            "pool.example A +nocookie +ednsopt=10:00",
            "pool.example A +nocookie +tcp",
        ] {
            let reply = rig.try_ask(DENIED[at], &format!("{question} +timeout=1"));
            assert_eq!(reply, None, "{} {question}", DENIED[at]);
        }
        assert_eq!(flood(&rig.datagrams(OTHERS[at]), &plain()), all);
        let begun = Instant::now();
        is_limited(flood(&rig.datagrams(CLIENTS[at]), &plain()), begun);
    }
    assert_eq!(rig.counters().authority(), authority, "it answered nobody");
    // The lists hold without XDP as well; a dry run counts what it would drop.
    for switch in ["bypass", "dry-run"] {
        let _said = rig.switch(&format!("{switch} on"));
        for at in 0..2 {
            let before = rig.counters();
            assert_eq!(flood(&rig.datagrams(DENIED[at]), &plain()), nothing);
            assert_eq!(flood(&rig.datagrams(OTHERS[at]), &plain()), all);
            let after = rig.counters();
            let reason = switch.replace('-', "_");
            let passed = after.passed(&reason) - before.passed(&reason);
            assert_eq!(passed, 2 * u64::from(FLOOD), "{switch}");
            assert_eq!(after.dropped(), before.dropped(), "{switch}");
        }
        let _said = rig.switch(&format!("{switch} off"));
    }
}
