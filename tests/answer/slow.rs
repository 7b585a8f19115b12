//! The engine against the slow path, which is other code over other data.
//!
//! Where nothing is drawn, both give the same octets. Elsewhere the replies are the same except
//! for which records they have and in which order.

use std::collections::BTreeMap;

use edge_common::verdict::{Action, Verdict};
use edge_tables::publish::NoKernel;
use edge_tables::store::Store;
use edge_tests::controls::Controls;
use edge_tests::engine::{self, grant_lease};
use edge_tests::frames::{Query, open_reply};
use edge_tests::message::{Reply, flag, rtype};
use edge_tests::oracle::{Slow, agree, verdict};
use edge_tests::{node, space};

/// The slow path's answer to a query.
fn answer(slow: &mut Slow, query: &Query, stream: bool) -> Option<Vec<u8>> {
    slow.answer(query.client, query.server, &query.message(), stream)
}

/// Whether a question with this answer is one that tables can answer, as far as that can be seen
/// from here.
fn owed(query: &Query, slow: Option<&[u8]>) -> bool {
    let Some(reply) = slow.and_then(|octets| Reply::read(octets).ok()) else { return false };
    let labels: Vec<&str> = query.name.split('.').collect();
    let is_special = |label: &str| ["_status", "_health", "_country"].contains(&label);
    // The distance, the client's very address, and sets that fall to pieces by health aren't in
    // tables.
    let elsewhere = ["near", "target", "health", "real-status", "syntax", "Mixed"];
    let is_elsewhere = labels.iter().any(|label| elsewhere.contains(label));
    let is_asked =
        query.class == 1 && !matches!(query.rtype, rtype::AXFR | rtype::IXFR | rtype::ANY);
    // An OPT record right behind the question, and nothing else.
    let behind = (query.additionals, query.opt.as_deref());
    let is_plain = matches!(behind, (Some(0), None) | (Some(1), Some([0, 0, 41, ..])));
    let most = match query.rtype {
        rtype::A => 12,
        rtype::AAAA => 7,
        _ => 2,
    };
    is_asked
        && is_plain
        && !is_special(labels[0])
        && !is_elsewhere
        && !reply.has(flag::TC)
        && reply.answers.len() <= most
        && reply.octets.len() < 300
        && verdict(&reply).is_some_and(|verdict| verdict != Verdict::Refused)
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
    let mut coverage: BTreeMap<(u16, &str), (u32, Query)> = BTreeMap::new();
    let (mut debts, mut unpaid) = (0_u32, 0_u32);
    let mut rng = fastrand::Rng::with_seed(13);
    controls.during(&store, || {
        for query in space::questions() {
            tables.seed(rng.u64(1..));
            let outcome = engine::run(&tables, &query.frame());
            *verdicts.entry(outcome.verdict.name()).or_default() += 1;
            let other = answer(&mut slow, &query, false);
            if owed(&query, other.as_deref()) {
                let missed = outcome.verdict.action() != Action::Tx;
                let key = (query.rtype, outcome.verdict.name());
                let (n, example) = coverage.entry(key).or_insert_with(|| (0, query.clone()));
                *n += 1;
                example.clone_from(&query);
                debts += 1;
                unpaid += u32::from(missed);
            }
            if outcome.verdict.action() != Action::Tx {
                continue;
            }
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
    coverage.retain(|(_, verdict), _| {
        Verdict::ALL.iter().any(|v| v.name() == *verdict && v.action() == Action::Pass)
    });
    let told: Vec<_> = coverage
        .iter()
        .map(|((kind, verdict), (n, example))| {
            format!("type {kind}: {n} {verdict}, as {} with {:02x?}", example.name, example.opt)
        })
        .collect();
    assert!(debts > 100_000, "{debts}");
    assert!(unpaid * 50 < debts, "{unpaid} of {debts} aren't answered:\n{}", told.join("\n"));
    // The space is as large as it is meant to be.
    for verdict in [Verdict::Answer, Verdict::Nodata, Verdict::Edns] {
        let n = verdicts.get(verdict.name()).copied().unwrap_or(0);
        assert!(n > 1_000, "{}: {verdicts:?}", verdict.name());
    }
    assert!(!verdicts.contains_key(Verdict::Fault.name()), "{verdicts:?}");
}
