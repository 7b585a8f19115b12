//! Limits: how much one prefix is answered, and what becomes of the rest.

use std::net::SocketAddr;
use std::time::Instant;

use edge_common::abi::switches::LIMIT;
use edge_common::verdict::Verdict;
use edge_tests::controls::{Controls, SECRETS, server_cookie};
use edge_tests::fixture::{self, server_for};
use edge_tests::frames::{frame, open_reply_to};
use edge_tests::kernel::Shared;
use edge_tests::message::{Ask, Reply, flag, option, rtype};
use edge_user::kernel::Runner;

/// Responses that a new client is given at once.
const BURST: u64 = 5;
/// Frames of a flood.
const FLOOD: u64 = 200;

/// Frames sent, and what became of them.
#[derive(Debug, Default)]
struct Tally {
    answered: u64,
    truncated: u64,
    dropped: u64,
}

fn flood(runner: &Runner, client: &str, ask: &Ask) -> Tally {
    let client: SocketAddr = client.parse().unwrap();
    let query = frame(client, server_for(client.ip()), &ask.octets(), &[], 0);
    let mut tally = Tally::default();
    for _ in 0..FLOOD {
        let run = runner.run(&query, 1).unwrap();
        if run.action == 1 {
            tally.dropped += 1;
            continue;
        }
        assert_eq!(run.action, 3, "{tally:?}");
        let reply = Reply::read(&open_reply_to(&query, &run.frame).unwrap()).unwrap();
        if reply.has(flag::TC) {
            assert!(reply.answers.is_empty() && reply.authorities.is_empty(), "{reply:?}");
            assert!(run.frame.len() <= query.len() + 40, "a reply longer than its query");
            tally.truncated += 1;
        } else {
            tally.answered += 1;
        }
    }
    tally
}

/// Does something with a loaded program and limits of one response a second.
fn limited(slip: u32, act: impl FnOnce(&Runner, &Shared)) {
    let (shared, _turn) = Shared::load();
    let store = shared.lock().store();
    let _publisher = fixture::publisher(&store, shared.backend());
    shared.lock().renew_lease().unwrap();
    let runner = shared.lock().runner().unwrap();
    let burst = u32::try_from(BURST).unwrap();
    let limits = Some((1, burst, slip));
    let controls = Controls { limits, ..Controls::OPEN }.switched(LIMIT);
    controls.during(&store, || act(&runner, &shared));
}

/// Insists on a burst, and a response for each second since `begun`.
fn is_limited(tally: &Tally, begun: Instant) {
    let most = BURST + begun.elapsed().as_secs() + 1;
    assert!((BURST..=most).contains(&tally.answered), "{tally:?} of {most}");
    assert_eq!(tally.answered + tally.truncated + tally.dropped, FLOOD, "{tally:?}");
}

#[test]
fn a_prefix_is_answered_its_burst_and_then_at_its_rate() {
    limited(0, |runner, shared| {
        let www = Ask::new("www.pool.example", rtype::A);
        let absent = Ask::new("a.b.pool.example", rtype::A);
        for (one, neighbour, stranger) in [
            ("198.18.5.1:9", "198.18.5.200:10", "198.18.6.1:9"),
            ("[2400:5::1]:9", "[2400:5:0:ff::9]:9", "[2400:5:0:100::1]:9"),
        ] {
            let (before, begun) = (shared.verdicts(), Instant::now());
            let tally = flood(runner, one, &www);
            is_limited(&tally, begun);
            assert_eq!(tally.truncated, 0);
            let after = shared.verdicts();
            let limited = Verdict::Limited.index() as usize;
            assert_eq!(after[limited] - before[limited], tally.dropped);
            let same = flood(runner, neighbour, &www);
            assert!(same.answered <= begun.elapsed().as_secs() + 1, "the same prefix: {same:?}");
            is_limited(&flood(runner, stranger, &absent), begun);
        }
    });
}

#[test]
fn a_share_of_what_is_over_the_rate_is_sent_back_truncated() {
    for slip in [1, 2, 4] {
        limited(slip, |runner, shared| {
            shared.lock().seed(|| 77).unwrap();
            let begun = Instant::now();
            let tally = flood(runner, "198.18.7.1:9", &Ask::new("www.pool.example", rtype::A));
            is_limited(&tally, begun);
            let expected = (FLOOD - tally.answered) / u64::from(slip);
            // In turn or at random: some standard deviations.
            assert!(tally.truncated.abs_diff(expected) < 40, "one in {slip}: {tally:?}");
            assert!(slip > 1 || tally.dropped == 0, "{tally:?}");
        });
    }
}

#[test]
fn a_client_with_a_good_cookie_is_never_limited() {
    limited(0, |runner, _| {
        let client = *b"a client";
        let address: SocketAddr = "198.18.8.1:9".parse().unwrap();
        let server = server_cookie(client, &SECRETS[0], 0, address.ip());
        let data = [&client[..], &server].concat();
        let www = Ask::new("www.pool.example", rtype::A);
        let good = flood(runner, "198.18.8.1:9", &www.clone().option(option::COOKIE, &data));
        assert_eq!(good.answered, FLOOD, "{good:?}");
        let begun = Instant::now();
        is_limited(&flood(runner, "198.18.8.2:9", &www.option(option::COOKIE, &data)), begun);
    });
}
