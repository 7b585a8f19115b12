//! Frames as nobody sends them.

use edge_common::abi::switches::REFUSE;
use edge_common::frame::SliceFrame;
use edge_common::verdict::{Action, Verdict};
use edge_tables::publish::NoKernel;
use edge_tables::store::Store;
use edge_tests::controls::Controls;
use edge_tests::engine::{self, grant_lease};
use edge_tests::frames::{ends, open_reply_to, payload};
use edge_tests::grammar::Grammar;
use edge_tests::message::Reply;
use edge_tests::mutate::Mutations;
use edge_tests::oracle::{Slow, agree, verdict};
use edge_tests::{cases, fixture, node};

const FRAMES: usize = 200_000;

#[test]
fn no_frame_stops_the_engine_and_none_is_half_answered() {
    let store = Store::in_memory();
    drop(fixture::publisher(&store, Box::new(NoKernel)));
    grant_lease(&store);
    let tables = node::host(&store, 1);
    let mut mutations = Mutations::new(0x2545_f491, cases::corpus());
    let mut seen = vec![0_u32; Verdict::ALL.len()];
    for _ in 0..FRAMES {
        let frame = mutations.frame();
        let outcome = engine::run(&tables, &frame);
        seen[outcome.verdict.index() as usize] += 1;
        match outcome.verdict.action() {
            Action::Pass | Action::Drop => {
                assert_eq!(outcome.frame, frame, "{:?}", outcome.verdict);
            }
            Action::Tx => {
                let opened = open_reply_to(&frame, &outcome.frame);
                assert!(opened.is_ok(), "{opened:?}: {frame:02x?}");
                assert!(outcome.frame.len() <= frame.len() + SliceFrame::HEAD_ROOM);
            }
            Action::Aborted => panic!("a fault: {frame:02x?}"),
        }
    }
    // The mutations are worth something: many get far, and none stays out of reach.
    let count = |verdict: Verdict| seen[verdict.index() as usize];
    assert!(count(Verdict::Answer) > 1_000 && count(Verdict::Nodata) > 100, "{seen:?}");
    let never = [
        Verdict::Unpublished,
        Verdict::Lease,
        Verdict::Room,
        Verdict::General,
        Verdict::Fault,
        // Nothing is switched on.
        Verdict::Badcookie,
        Verdict::Refused,
        Verdict::Slip,
        Verdict::Limited,
        Verdict::Denied,
        Verdict::Bypass,
        Verdict::DryRun,
        Verdict::Route,
        // By chance only.
        Verdict::Size,
    ];
    // Nobody asks for the time.
    let of_ntp = |verdict: &Verdict| verdict.name().starts_with("ntp");
    let all = Verdict::ALL.iter().filter(|verdict| !never.contains(verdict) && !of_ntp(verdict));
    for verdict in all {
        assert!(count(*verdict) > 0, "{verdict:?} {seen:?}");
    }
}

#[test]
fn whatever_a_frame_asks_is_answered_as_the_slow_path_does_or_passes() {
    let store = Store::in_memory();
    drop(fixture::publisher(&store, Box::new(NoKernel)));
    grant_lease(&store);
    let tables = node::host(&store, 2);
    let controls = Controls { enforce: true, ..Controls::OPEN }.switched(REFUSE);
    let mut slow = Slow::new(fixture::zones(), fixture::databases(), 22, &controls);
    let mut mutations = Mutations::new(0x5eed, cases::corpus());
    let mut grammar = Grammar::new(0x5eed, &fixture::names());
    let mut wrong = Vec::new();
    let mut owed = 0_usize;
    let mut answered = 0_usize;
    let mut one = |n: usize| {
        let good = if n.is_multiple_of(4) { mutations.frame() } else { grammar.frame() };
        let frame = if n % 4 == 1 { mutations.changed(good) } else { good };
        let outcome = engine::run(&tables, &frame);
        let answer = ends(&frame)
            .zip(payload(&frame))
            .and_then(|((client, server), message)| slow.answer(client, server, &message, false));
        // Addresses, ports and the link are the frame's business; of what is left, most can be
        // answered.
        let reply = answer.as_ref().and_then(|octets| Reply::read(octets).ok());
        owed += usize::from(reply.is_some_and(|reply| verdict(&reply).is_some()));
        if outcome.verdict.action() == Action::Tx {
            answered += 1;
            let agreed = open_reply_to(&frame, &outcome.frame)
                .and_then(|fast| agree(outcome.verdict, Some(&fast), answer.as_deref(), None));
            wrong.extend(agreed.err().map(|fault| format!("{fault}: {frame:02x?}")));
        }
    };
    controls.during(&store, || (0..FRAMES / 2).for_each(&mut one));
    let n = wrong.len();
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{n} differ:\n{}", wrong.join("\n"));
    assert!(owed * 2 > FRAMES / 2, "{owed}");
    assert!(answered * 5 > owed * 3, "{answered} of {owed}");
}
