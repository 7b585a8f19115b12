//! Limits: how much one prefix is answered, and what becomes of the rest.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use edge_common::abi::switches::LIMIT;
use edge_common::verdict::Verdict;
use edge_kernel::Runner;
use edge_tables::live::limits;
use edge_tables::live::limits::Limits;
use edge_tables::store::HostTables;
use edge_tests::controls::{Controls, SECRETS, server_cookie};
use edge_tests::fixture::{self, server_for};
use edge_tests::frames::{frame, open_reply_to};
use edge_tests::kernel::{Shared, number};
use edge_tests::message::{Ask, Reply, flag, option, rtype};
use edge_tests::{engine, node};

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
    let mut tally = Tally::default();
    for id in (0..=u16::MAX).take(usize::try_from(FLOOD).unwrap()) {
        let ask = Ask { id, ..ask.clone() };
        let query = frame(client, server_for(client.ip()), &ask.octets(), &[], 0);
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
            shared.lock().seed(|| 77);
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

/// `[limits]` without a rate.
fn lists(exempt: &[&str], deny: &[&str]) -> Limits {
    let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    Limits { exempt: nets(exempt), deny: nets(deny), ..Limits::default() }
}

/// What is ruled on queries from an address, by the kernel and by the host with the same lists: of
/// a flood, how many each of them let through and how many it denied.
fn ruled(runner: &Runner, shared: &Shared, host: &HostTables, client: IpAddr) -> [[u64; 2]; 2] {
    let www = Ask::new("www.pool.example", rtype::A);
    let frame = frame(SocketAddr::new(client, 9), server_for(client), &www.octets(), &[], 0);
    let denied = Verdict::Denied.index() as usize;
    let before = shared.verdicts();
    let mut let_through = [0; 2];
    let mut host_denied = 0;
    for _ in 0..FLOOD {
        let run = runner.run(&frame, 1).unwrap();
        let_through[0] += u64::from(run.action == 3);
        let outcome = engine::run(host, &frame);
        let_through[1] += u64::from(outcome.verdict == Verdict::Answer);
        host_denied += u64::from(outcome.verdict == Verdict::Denied);
        if outcome.verdict == Verdict::Denied {
            assert_eq!(run.action, number(outcome.verdict.action()), "{client}");
            assert_eq!((&run.frame, &outcome.frame), (&frame, &frame), "{client}: untouched");
        }
    }
    let kernel_denied = shared.verdicts()[denied] - before[denied];
    [[let_through[0], kernel_denied], [let_through[1], host_denied]]
}

/// What is to become of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    Exempt,
    Denied,
    Not,
}

#[test]
fn the_longest_prefix_around_a_client_rules_in_the_kernel_as_on_the_host() {
    use Listed::{Denied, Exempt, Not};
    let first = lists(
        &["198.18.0.0/16", "198.18.9.129/32", "2400:9::/32", "2400:9:1:2::3/128"],
        &["198.0.0.0/8", "198.18.9.0/24", "2400::/16", "2400:9:1::/48"],
    );
    // As the first, except some that are gone, turned round, or new. Who isn't listed is limited,
    // and asks once only.
    let second = lists(
        &["198.18.9.0/24", "2400:9:1:2::/64"],
        &["198.18.0.0/16", "203.0.113.7/32", "2400:9:1::/48", "2400:9:1:2::3/128"],
    );
    let steps = [
        (
            &first,
            [
                ("198.17.0.1", Denied),
                ("198.18.1.1", Exempt),
                ("198.18.9.1", Denied),
                ("198.18.9.129", Exempt),
                ("198.18.9.130", Denied),
                ("203.0.113.7", Not),
                ("2400:8::1", Denied),
                ("2400:9:2::1", Exempt),
                ("2400:9:1::1", Denied),
                ("2400:9:1:2::3", Exempt),
                ("2400:9:1:2::4", Denied),
                ("2401::1", Not),
            ],
        ),
        (
            &second,
            [
                ("198.17.1.1", Not),
                ("198.18.1.1", Denied),
                ("198.18.9.1", Exempt),
                ("198.18.9.129", Exempt),
                ("198.19.0.1", Not),
                ("203.0.113.7", Denied),
                ("2400:8::1", Not),
                ("2400:9:2::1", Not),
                ("2400:9:1::1", Denied),
                ("2400:9:1:2::3", Denied),
                ("2400:9:1:2::4", Exempt),
                ("2401:0:0:100::1", Not),
            ],
        ),
        (
            &lists(&[], &[]),
            [
                ("198.17.2.1", Not),
                ("198.18.1.1", Not),
                ("198.18.9.1", Not),
                ("198.20.0.1", Not),
                ("203.0.112.7", Not),
                ("198.21.0.1", Not),
                ("2400:a::1", Not),
                ("2400:9:3::1", Not),
                ("2400:9:1::1", Not),
                ("2400:9:1:200::3", Not),
                ("2400:9:1:300::4", Not),
                ("2402::1", Not),
            ],
        ),
    ];
    limited(0, |runner, shared| {
        let store = shared.lock().store();
        let host = node::host(&store, 1);
        for (step, (lists, clients)) in steps.into_iter().enumerate() {
            limits::set_prefixes(&store, Some(&mut *shared.lock()), lists.prefixes()).unwrap();
            for (client, listed) in clients {
                let begun = Instant::now();
                let ruled = ruled(runner, shared, &host, client.parse().unwrap());
                let most = BURST + begun.elapsed().as_secs() + 1;
                for (who, [let_through, denied]) in ["kernel", "host"].into_iter().zip(ruled) {
                    let what = format!("{who}: {let_through} and {denied} denied");
                    let is = match (let_through, denied) {
                        (FLOOD, 0) => Exempt,
                        (0, FLOOD) => Denied,
                        (n, 0) if (BURST..=most).contains(&n) => Not,
                        _ => panic!("{client} by list {step}: {what}"),
                    };
                    assert_eq!(is, listed, "{client} by list {step}: {what}");
                }
            }
        }
    });
}
