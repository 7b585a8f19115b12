//! What the engine answers is what the slow path answers, which is other code over other data: the same octets
//! wherever nothing is drawn, the same but for which records and in which order elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use edge_common::verdict::{Action, Verdict};
use edge_tests::engine::{self, grant_lease};
use edge_tests::frames::{Query, open_reply};
use edge_tests::message::Reply;
use edge_tests::{node, space};
use edge_user::authority::{Answerer, Asked, Options, Serving};
use edge_user::places::GeoPlaces;
use edge_user::publish::NoKernel;
use edge_user::store::Store;
use edge_user::zone::Zone;

fn serving(zones: Vec<Zone>) -> Serving {
    let databases = Arc::new(space::databases());
    let places = GeoPlaces { databases, ..GeoPlaces::default() };
    Serving::new(zones.into_iter().map(Arc::new), Arc::new(places))
}

/// The slow path over some zones.
struct Slow {
    serving: Serving,
    answerer: Answerer,
    options: Options,
}

impl Slow {
    fn new(zones: Vec<Zone>, seed: u64) -> Self {
        let answerer = Answerer::new(fastrand::Rng::with_seed(seed));
        Self { serving: serving(zones), answerer, options: Options::new("tests") }
    }

    fn answer(&mut self, query: &Query, stream: bool) -> Vec<u8> {
        let asked = Asked { client: query.client, server: query.server, stream };
        let mut out = Vec::new();
        let message = query.message();
        let code = self.answerer.answer(&self.serving, &self.options, &message, &asked, &mut out);
        assert!(code.is_some(), "{query:?}");
        out
    }
}

/// Insists that two answers differ at most in the records drawn from `all`.
fn compare(fast: &[u8], slow: &[u8], all: &Reply) {
    let read = |octets| Reply::read(octets).expect("a message");
    let (one, other) = (read(fast), read(slow));
    let around = |reply: &Reply| Reply { answers: Vec::new(), octets: Vec::new(), ..reply.clone() };
    assert_eq!(around(&one), around(&other));
    assert_eq!((one.answers.len(), fast.len()), (other.answers.len(), slow.len()));
    let kept = |reply: &Reply| {
        let records = reply.answers.iter();
        records.map(|r| (r.owner.clone(), r.rtype, r.class, r.ttl)).collect::<Vec<_>>()
    };
    assert_eq!(kept(&one), kept(&other));
    let drawn: BTreeSet<&str> = one.data().into_iter().collect();
    assert_eq!(drawn.len(), one.answers.len(), "no record twice");
    let allowed: BTreeSet<&str> = all.data().into_iter().collect();
    assert!(drawn.is_subset(&allowed), "{drawn:?} of {allowed:?}");
    if allowed.len() == drawn.len() {
        assert_eq!(one.sorted(), other.sorted());
    }
    if allowed.len() < 2 {
        assert_eq!(fast, slow, "nothing was drawn");
    }
}

#[test]
fn the_engine_and_the_slow_path_give_the_same_answers_over_the_whole_space() {
    let store = Store::in_memory();
    let _publisher = space::publisher(&store, Box::new(NoKernel));
    grant_lease(&store);
    let tables = node::host(&store, 0x0dd5);
    let mut slow = Slow::new(space::zones(), 11);
    let mut wide = Slow::new(space::wide_zones(), 12);
    let mut verdicts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut rng = fastrand::Rng::with_seed(13);
    for query in space::questions() {
        tables.seed(rng.u64(1..));
        let outcome = engine::run(&tables, &query.frame());
        *verdicts.entry(outcome.verdict.name()).or_default() += 1;
        let other = slow.answer(&query, false);
        if outcome.verdict.action() != Action::Tx {
            continue;
        }
        let fast = open_reply(&query, &outcome.frame).expect("a reply");
        let all = Reply::read(&wide.answer(&query, true)).expect("a message");
        let result = std::panic::catch_unwind(|| compare(&fast, &other, &all));
        assert!(result.is_ok(), "{query:?}");
    }
    // The space is as large as it is meant to be.
    for verdict in [Verdict::Answer, Verdict::Nodata, Verdict::Name, Verdict::Deck, Verdict::Edns] {
        let n = verdicts.get(verdict.name()).copied().unwrap_or(0);
        assert!(n > 1_000, "{}: {verdicts:?}", verdict.name());
    }
    assert!(!verdicts.contains_key(Verdict::Fault.name()), "{verdicts:?}");
}
