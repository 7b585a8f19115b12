//! The rows for the program `general`: slow path and engine agree with each.

use std::collections::BTreeMap;

use edge_common::verdict::Action;
use edge_tables::publish::NoKernel;
use edge_tables::store::Store;
use edge_tests::cases::{self, Case, Expect, tell};
use edge_tests::engine::{self, grant_lease};
use edge_tests::frames::{open_reply_to, payload};
use edge_tests::message::Reply;
use edge_tests::oracle::{Slow, agree, verdict};
use edge_tests::{controls::Controls, fixture, node};

/// Wrong rows that are shown.
const SHOWN: usize = 300;

/// The slow path over the fixture's zones.
fn slow() -> Slow {
    Slow::new(fixture::zones(), fixture::databases(), 21, &Controls::default())
}

/// What the slow path makes of a case.
fn answer(slow: &mut Slow, case: &Case) -> Option<Vec<u8>> {
    let four = fixture::server4();
    let (client, server) = edge_tests::frames::ends(&case.frame).unwrap_or((four, four));
    slow.configure(&case.state.controls());
    slow.answer(client, server, &payload(&case.frame)?, false)
}

#[test]
fn the_rows_say_what_the_slow_path_says() {
    let mut slow = slow();
    let mut wrong = Vec::new();
    for case in cases::general() {
        let Expect::Says(expected, words) = &case.expect else { continue };
        let reply = answer(&mut slow, &case).map(|octets| Reply::read(&octets).unwrap());
        let said = reply.as_ref().map_or_else(|| "nothing".to_owned(), tell);
        let ruled = reply.as_ref().and_then(verdict);
        if said != *words || ruled != Some(*expected) {
            wrong.push(format!("{}: {expected:?} {words:?}, but {ruled:?} {said:?}", case.what));
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_engine_does_what_the_rows_say() {
    let store = Store::in_memory();
    drop(fixture::publisher(&store, Box::new(NoKernel)));
    grant_lease(&store);
    let tables = node::host(&store, 0x9e0);
    let mut slow = slow();
    let mut wrong = Vec::new();
    let mut verdicts: BTreeMap<&str, u32> = BTreeMap::new();
    for case in cases::all() {
        let outcome = case.state.during(&store, || engine::run(&tables, &case.frame));
        *verdicts.entry(outcome.verdict.name()).or_default() += 1;
        let judged = case.judge(&outcome).and_then(|()| {
            if outcome.verdict.action() != Action::Tx {
                return Ok(());
            }
            let fast = open_reply_to(&case.frame, &outcome.frame)?;
            let slow = answer(&mut slow, &case);
            agree(outcome.verdict, Some(&fast), slow.as_deref(), None)
        });
        wrong.extend(judged.err().map(|fault| format!("{}: {fault}", case.what)));
    }
    let n = wrong.len();
    wrong.truncate(SHOWN);
    assert!(wrong.is_empty(), "{n} rows, {verdicts:?}:\n{}", wrong.join("\n"));
}
