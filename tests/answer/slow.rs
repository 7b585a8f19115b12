//! What the engine answers is what the slow path answers, which is other code over other data: the same octets
//! wherever nothing is drawn, the same but for which records and in which order elsewhere.

use std::collections::BTreeMap;

use edge_common::verdict::{Action, Verdict};
use edge_tests::controls::Controls;
use edge_tests::engine::{self, grant_lease};
use edge_tests::frames::{Query, open_reply};
use edge_tests::message::Reply;
use edge_tests::oracle::{Slow, agree};
use edge_tests::{node, space};
use edge_user::publish::NoKernel;
use edge_user::store::Store;

/// The slow path's answer to a query.
fn answer(slow: &mut Slow, query: &Query, stream: bool) -> Option<Vec<u8>> {
    slow.answer(query.client, query.server, &query.message(), stream)
}

#[test]
fn the_engine_and_the_slow_path_give_the_same_answers_over_the_whole_space() {
    let store = Store::in_memory();
    let _publisher = space::publisher(&store, Box::new(NoKernel));
    grant_lease(&store);
    let tables = node::host(&store, 0x0dd5);
    let controls = Controls::OPEN;
    let mut slow = Slow::new(space::zones(), space::databases(), 11, &controls);
    let mut wide = Slow::new(space::wide_zones(), space::databases(), 12, &controls);
    let mut verdicts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut rng = fastrand::Rng::with_seed(13);
    controls.during(&store, || {
        for query in space::questions() {
            tables.seed(rng.u64(1..));
            let outcome = engine::run(&tables, &query.frame());
            *verdicts.entry(outcome.verdict.name()).or_default() += 1;
            if outcome.verdict.action() != Action::Tx {
                continue;
            }
            let other = answer(&mut slow, &query, false);
            let all = answer(&mut wide, &query, true).expect("a reply");
            let all = Reply::read(&all).expect("a message");
            let agreed = open_reply(&query, &outcome.frame)
                .and_then(|fast| agree(outcome.verdict, Some(&fast), other.as_deref(), Some(&all)));
            if let Err(fault) = agreed {
                wrong.push(format!("{query:?}: {fault}"));
            }
        }
    });
    let n = wrong.len();
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{n} differ, {verdicts:?}:\n{}", wrong.join("\n"));
    // The space is as large as it is meant to be.
    for verdict in [Verdict::Answer, Verdict::Nodata, Verdict::Edns] {
        let n = verdicts.get(verdict.name()).copied().unwrap_or(0);
        assert!(n > 1_000, "{}: {verdicts:?}", verdict.name());
    }
    assert!(!verdicts.contains_key(Verdict::Fault.name()), "{verdicts:?}");
}
