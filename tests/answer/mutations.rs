//! Frames as nobody sends them.

use edge_common::frame::SliceFrame;
use edge_common::verdict::{Action, Verdict};
use edge_tests::engine::{self, grant_lease};
use edge_tests::frames::open_reply_to;
use edge_tests::mutate::Mutations;
use edge_tests::{cases, fixture, node};
use edge_user::publish::NoKernel;
use edge_user::store::Store;

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
                assert_eq!(outcome.frame, frame, "{:?}", outcome.verdict)
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
    let never = [Verdict::Unpublished, Verdict::Lease, Verdict::Room, Verdict::Fault];
    for verdict in Verdict::ALL.iter().filter(|verdict| !never.contains(verdict)) {
        assert!(count(*verdict) > 0, "{verdict:?} {seen:?}");
    }
}
