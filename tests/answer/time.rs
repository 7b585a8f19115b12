//! NTP on the host: every octet of every reply.

use edge_common::abi::Clock;
use edge_common::frame::SliceFrame;
use edge_common::ntp::ntp;
use edge_common::verdict::{Action, Verdict};
use edge_tables::live::limits::set_prefixes;
use edge_tables::prefixes::{Prefix, Prefixes, Rule};
use edge_tables::publish::NoKernel;
use edge_tables::store::{HostTables, Store};
use edge_tests::engine::{self, Outcome};
use edge_tests::frames::{ends, open_reply_to, payload};
use edge_tests::mutate::Mutations;
use edge_tests::node;
use edge_tests::time::{self, Ask, NOW, Row, SECOND, Wanted};

const FRAMES: usize = 1_000_000;

fn tables() -> HostTables {
    let store = Store::in_memory();
    drop(time::publisher(&store, Box::new(NoKernel)));
    let tables = node::host(&store, 1);
    tables.set_monotonic(NOW);
    tables
}

fn publish(store: &Store, clock: Option<&Clock>) {
    match clock {
        Some(clock) => store.publish_clock(clock),
        None => store.end_clock(),
    }
}

/// Does something with a row's frame when everything is as the row says.
fn during<T>(tables: &HostTables, row: &Row, seed: u64, act: impl FnOnce() -> T) -> T {
    publish(tables.store(), row.clock.as_ref());
    tables.set_monotonic(row.now);
    set_prefixes(tables.store(), None, row.prefixes()).unwrap();
    let done = row.controls(seed).during(tables.store(), || {
        for _ in 0..row.held.map_or(0, |held| held.before) {
            let _before = engine::run(tables, &row.frame);
        }
        tables.seed(row.held.map_or(seed, |held| held.seed));
        act()
    });
    set_prefixes(tables.store(), None, Prefixes::default()).unwrap();
    done
}

fn run(tables: &HostTables, row: &Row, seed: u64) -> Outcome {
    during(tables, row, seed, || engine::run(tables, &row.frame))
}

#[test]
fn every_octet_of_every_reply_is_as_the_model_says_and_all_else_stays_as_it_was() {
    let tables = tables();
    let rows = time::rows();
    assert!(rows.len() > 1_000, "{}", rows.len());
    for (row, seed) in rows.iter().zip(1..) {
        let outcome = run(&tables, row, seed);
        let (Wanted::Reply(verdict) | Wanted::Same(verdict)) = row.wanted;
        assert_eq!(outcome.verdict, verdict, "{}", row.what);
        assert_eq!(outcome.frame, row.after(seed), "{}", row.what);
        if verdict.action() == Action::Tx {
            open_reply_to(&row.frame, &outcome.frame).unwrap();
            assert!(time::is_ordinary(&row.frame), "{}", row.what);
        }
    }
}

#[test]
fn a_reply_says_what_rfc_5905_has_in_its_fields() {
    let tables = tables();
    let clock = Clock { fuzz: 0, ..time::clock() };
    tables.store().publish_clock(&clock);
    let ask = Ask::new("198.18.0.1:40123");
    let reply = payload(&engine::run(&tables, &ask.frame()).frame).unwrap();
    let word = |at: usize| u64::from_be_bytes(reply[at..at + 8].try_into().unwrap());
    assert_eq!(reply.len(), 48);
    // LI 0, version 4, mode 4; stratum 2; poll 6; 2⁻²⁵ s.
    assert_eq!(reply[..4], [0x24, 2, 6, 0xe7]);
    assert_eq!(reply[4..8], [0, 0, 0x01, 0x23]);
    // A third of a second at 15 ppm is less than half a unit of 15 µs.
    assert_eq!(reply[8..12], [0, 0, 0, 0x8a]);
    assert_eq!(reply[12..16], [192, 0, 2, 77]);
    assert_eq!(word(16), clock.reference);
    assert_eq!(word(24), ask.transmit);
    // A third of a second is 333,333,333 ns.
    let third = 333_333_333_u64 * 4_294_967_296 / 1_000_000_000;
    assert_eq!(word(32), (clock.utc + third) | 1);
    assert_eq!(word(40), ((clock.utc + third) & !1) + 2);
}

#[test]
fn each_publication_is_seen_whole_and_by_turns_on_both_sides() {
    let tables = tables();
    let ask = Ask::new("[2400::1]:999").frame();
    for n in 1..100_u32 {
        let clock =
            Clock { refid: n, utc: time::clock().utc + (u64::from(n) << 33), ..time::clock() };
        tables.store().publish_clock(&clock);
        assert_eq!(tables.store().clocks.read(n & 1), Some(clock));
        tables.seed(n.into());
        let outcome = engine::run(&tables, &ask);
        assert_eq!(outcome.frame, time::reply_frame(&ask, &clock, NOW, n.into()));
    }
}

#[test]
fn a_client_that_is_denied_gets_no_reply() {
    let tables = tables();
    tables.store().publish_clock(&time::clock());
    // 198.18.0.0/24.
    let mut prefix = Prefix { bits: 120, octets: [0; 16] };
    prefix.octets[10..15].copy_from_slice(&[0xff, 0xff, 198, 18, 0]);
    let rules = [(prefix, Rule::Deny)].into_iter().collect();
    set_prefixes(tables.store(), None, rules).unwrap();
    let verdict = |client: &str| engine::run(&tables, &Ask::new(client).frame()).verdict;
    assert_eq!(verdict("198.18.0.1:40123"), Verdict::Denied);
    assert_eq!(verdict("198.18.1.1:40123"), Verdict::NtpAnswer);
    assert_eq!(verdict("[2400::1]:999"), Verdict::NtpAnswer);
}

#[test]
fn no_frame_is_half_answered_and_only_ordinary_requests_are_answered() {
    let tables = tables();
    let clock = time::clock();
    tables.store().publish_clock(&clock);
    let mut mutations = Mutations::new(0x6e74_7021, time::corpus());
    let mut seen = vec![0_u32; Verdict::ALL.len()];
    for seed in 1..=FRAMES as u64 {
        let frame = mutations.frame();
        tables.seed(seed);
        let outcome = engine::run(&tables, &frame);
        seen[outcome.verdict.index() as usize] += 1;
        let is_ordinary = time::is_ordinary(&frame);
        assert_eq!(outcome.verdict == Verdict::NtpAnswer, is_ordinary, "{outcome:?} {frame:02x?}");
        if is_ordinary {
            assert!(outcome.frame.len() <= frame.len());
            assert_eq!(outcome.frame, time::reply_frame(&frame, &clock, NOW, seed), "{frame:02x?}");
            // Answered, it would be one of a server's, which nobody answers.
            assert_eq!(payload(&outcome.frame).unwrap()[0] & 7, 4);
        } else {
            assert_eq!(outcome.frame, frame, "{:?}", outcome.verdict);
            assert_ne!(outcome.verdict.action(), Action::Aborted);
        }
        if outcome.verdict.action() == Action::Drop {
            assert_eq!(outcome.verdict, Verdict::NtpControl);
            assert!(ends(&frame).is_some_and(|(_, server)| time::services().contains(&server)));
            assert!(payload(&frame).is_some_and(|octets| octets[0] & 7 >= 6));
        }
    }
    let count = |verdict: Verdict| seen[verdict.index() as usize];
    assert!(count(Verdict::NtpAnswer) > 200_000, "{seen:?}");
    for verdict in [
        Verdict::NtpVersion,
        Verdict::NtpMode,
        Verdict::NtpLength,
        Verdict::NtpControl,
        Verdict::Service,
        Verdict::Source,
        Verdict::Length,
    ] {
        assert!(count(verdict) > 1_000, "{verdict:?} {seen:?}");
    }
}

#[test]
fn a_reply_is_never_answered_and_so_servers_dont_talk_to_each_other() {
    let tables = tables();
    tables.store().publish_clock(&time::clock());
    let rows = time::rows();
    let replies = rows.iter().filter(|row| matches!(row.wanted, Wanted::Reply(_)));
    for (row, nth) in replies.zip(1..) {
        let reply = run(&tables, row, nth).frame;
        // As if its receiver were the server.
        let (server, client) = ends(&reply).unwrap();
        let octets = payload(&reply).unwrap();
        let turned = edge_tests::frames::frame(client, server, &octets, &[], 0);
        publish(tables.store(), Some(&time::clock()));
        tables.set_monotonic(NOW);
        let outcome = engine::run(&tables, &turned);
        let verdicts = [Verdict::NtpMode, Verdict::Source];
        assert!(verdicts.contains(&outcome.verdict), "{}: {outcome:?}", row.what);
        assert_eq!(outcome.frame, turned);
    }
}

#[test]
fn the_program_alone_refuses_what_the_first_would_not_have_given_it() {
    let tables = tables();
    tables.store().publish_clock(&time::clock());
    for (row, nth) in time::rows().iter().zip(1..) {
        let mut buffer = row.frame.clone();
        let end = buffer.len();
        let mut frame = SliceFrame::new(&mut buffer, 0, end, node::TEST_IFINDEX).unwrap();
        let verdict = during(&tables, row, nth, || ntp(&mut frame, &tables));
        let (Wanted::Reply(wanted) | Wanted::Same(wanted)) = row.wanted;
        assert_eq!(verdict, wanted, "{}", row.what);
    }
}

#[test]
fn a_published_clock_ends_with_its_lease_whoever_asks() {
    let tables = tables();
    let clock = time::clock();
    tables.store().publish_clock(&clock);
    let frame = Ask::new("198.18.0.1:40123").frame();
    let mut answered = 0;
    for elapsed in (0..8 * SECOND).step_by(10_000_019) {
        tables.set_monotonic(clock.monotonic + elapsed);
        let outcome = engine::run(&tables, &frame);
        let valid = elapsed < clock.lease - clock.monotonic;
        let wanted = if valid { Verdict::NtpAnswer } else { Verdict::NtpLease };
        assert_eq!(outcome.verdict, wanted, "{elapsed}");
        answered += u32::from(valid);
    }
    assert_eq!(answered, 400);
}
