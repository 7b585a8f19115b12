//! Tests of pools from good and bad snapshots and deltas.

use std::collections::BTreeMap;

use super::{Applied, KeptPool, Pool, PoolError};
use crate::cursor::Discarded;
use crate::delta::Change;
use crate::{Cursor, Delta, Server, Snapshot};

fn server(id: u64, score: f64) -> Server {
    let low = u32::try_from(id).unwrap();
    Server {
        id,
        ip: std::net::Ipv4Addr::from(0xc000_0200 + low).into(),
        netspeed: 1_000,
        score,
        score_ts: 0,
        in_pool: true,
        deletion_on: None,
        zones: vec!["@".to_owned()],
    }
}

fn snapshot(cursor: u64, servers: &[(u64, f64)]) -> Snapshot {
    let servers = servers.iter().map(|&(id, score)| server(id, score)).collect();
    Snapshot { serial: 100, cursor, servers, ..Snapshot::default() }
}

fn score(id: u64, server_id: u64, score: f64) -> Delta {
    Delta { id, ts: 200, change: Change::Score { server_id, score } }
}

fn server_delta(id: u64, server: Server) -> Delta {
    Delta { id, ts: 200, change: Change::Server { server } }
}

fn removed(id: u64, removed: u64) -> Delta {
    Delta { id, ts: 200, change: Change::Removed { removed } }
}

fn scores(pool: &Pool) -> BTreeMap<u64, f64> {
    pool.servers().map(|server| (server.id, server.score)).collect()
}

#[test]
fn of_those_removed_the_newest_are_remembered_and_no_more_than_so_many() {
    let mut pool = Pool::default();
    let most = u64::try_from(super::MOST_REMOVED).unwrap();
    for id in 1..=3 * most {
        let change = Change::Removed { removed: id };
        assert_eq!(pool.apply(&Delta { id, ts: 0, change }).unwrap(), Applied::Unknown(id));
        assert!(pool.removed.len() <= super::MOST_REMOVED && pool.removed.contains_key(&id));
    }
    assert!(!pool.removed.contains_key(&1));
}

#[test]
fn a_delta_is_applied_once() {
    let mut pool = Pool::new(snapshot(5, &[(1, 20.0)])).unwrap();
    assert_eq!(pool.apply(&score(5, 1, 1.0)), Ok(Applied::Ignored));
    assert_eq!(pool.apply(&score(7, 1, 2.0)), Ok(Applied::Changed(1)));
    assert_eq!(pool.apply(&score(7, 1, 3.0)), Ok(Applied::Ignored));
    assert_eq!(pool.apply(&score(6, 1, 4.0)), Ok(Applied::Ignored));
    assert_eq!(pool.apply(&score(8, 9, 5.0)), Ok(Applied::Unknown(9)));
    assert_eq!((pool.cursor(), pool.serial()), (8, 200));
    assert_eq!(scores(&pool), [(1, 2.0)].into());
    assert_eq!(pool.server(1).unwrap().score_ts, 200);
}

#[test]
fn servers_come_change_and_go() {
    let mut pool = Pool::new(snapshot(0, &[])).unwrap();
    assert_eq!(pool.apply(&server_delta(1, server(3, 5.0))), Ok(Applied::Changed(3)));
    assert_eq!(pool.apply(&server_delta(2, server(3, 6.0))), Ok(Applied::Changed(3)));
    assert_eq!(pool.apply(&removed(3, 3)), Ok(Applied::Changed(3)));
    assert_eq!(pool.apply(&removed(4, 3)), Ok(Applied::Unknown(3)));
    // Its address is free again.
    let other = Server { id: 4, ..server(3, 7.0) };
    assert_eq!(pool.apply(&server_delta(5, other)), Ok(Applied::Changed(4)));
    assert_eq!(scores(&pool), [(4, 7.0)].into());
}

#[test]
fn a_bad_delta_changes_nothing_and_holds_nothing_up() {
    let mut pool = Pool::new(snapshot(0, &[(1, 20.0), (2, 20.0)])).unwrap();
    let before = scores(&pool);
    let stolen = Server { ip: server(2, 0.0).ip, ..server(1, 3.0) };
    let ip = stolen.ip;
    assert_eq!(
        pool.apply(&server_delta(1, stolen)),
        Err(PoolError::SameAddress { id: 1, other: 2, ip })
    );
    assert_eq!(pool.apply(&score(2, 1, f64::NAN)), Err(PoolError::Score(1)));
    assert_eq!(pool.apply(&server_delta(3, server(3, f64::INFINITY))), Err(PoolError::Score(3)));
    let odd = Server { zones: vec!["a\"b".to_owned()], ..server(1, 3.0) };
    let error = pool.apply(&server_delta(4, odd)).unwrap_err().to_string();
    assert_eq!(
        error,
        r#"the zone "a\"b" can't be a label: only small letters, digits, - and _ may be in it; correct it at its source"#
    );
    assert_eq!((scores(&pool), pool.cursor()), (before, 4));
    assert_eq!(pool.apply(&score(5, 1, 1.0)), Ok(Applied::Changed(1)));
}

#[test]
fn a_contradictory_snapshot_is_refused() {
    assert_eq!(Pool::new(snapshot(0, &[(1, 1.0), (1, 2.0)])).unwrap_err(), PoolError::SameId(1));
    let mut twins = snapshot(0, &[(1, 1.0), (2, 2.0)]);
    twins.servers[1].ip = twins.servers[0].ip;
    assert!(matches!(Pool::new(twins), Err(PoolError::SameAddress { id: 2, other: 1, .. })));
    let long = Snapshot { zones: vec!["x".repeat(64)], ..Snapshot::default() };
    assert!(matches!(Pool::new(long), Err(PoolError::Label { .. })));
    let dotted = r#"{"serial":1,"servers":[],"vendors":[{"zone_name":"a..b","origin":"o"}]}"#;
    let dotted: Snapshot = serde_json::from_str(dotted).unwrap();
    assert!(matches!(Pool::new(dotted), Err(PoolError::Label { cause: "it is empty", .. })));
    let mut pool = Pool::new(snapshot(0, &[(1, 1.0)])).unwrap();
    pool.replace(snapshot(9, &[(1, 1.0), (1, 2.0)])).unwrap_err();
    assert_eq!((scores(&pool), pool.cursor()), ([(1, 1.0)].into(), 0));
}

/// A history is applied to one pool delta by delta; another gets snapshots taken of it, late and
/// out of step.
#[test]
fn late_snapshots_and_repeated_deltas_end_where_the_deltas_end() {
    let mut rng = fastrand::Rng::with_seed(6);
    for _ in 0..200 {
        let start = snapshot(0, &[(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]);
        let mut truth = Pool::new(start.clone()).unwrap();
        let mut tried = Pool::new(start).unwrap();
        let mut taken = vec![truth.snapshot()];
        let mut deltas = Vec::new();
        let mut since = 0;
        for id in 1..60 {
            let server_id = rng.u64(1..8);
            let delta = match rng.u8(..8) {
                0 => removed(id, server_id),
                1 => server_delta(id, server(server_id, f64::from(rng.i8(..)))),
                _ => score(id, server_id, f64::from(rng.i8(..))),
            };
            truth.apply(&delta).unwrap();
            deltas.push(delta);
            taken.push(truth.snapshot());
            // All so far, or only some of the last ones again.
            let from = if rng.bool() { 0 } else { deltas.len().saturating_sub(3) };
            for delta in &deltas[from..] {
                // A feed repeats itself, but it has no gaps.
                if delta.id <= tried.cursor() + 1 {
                    tried.apply(delta).unwrap();
                }
            }
            if rng.u8(..4) == 0 {
                let snapshot = taken[rng.usize(..taken.len())].clone();
                let (cursor, before) = (snapshot.cursor, since);
                since = since.max(cursor);
                let expected =
                    if cursor < before { Err(PoolError::Older { cursor, since }) } else { Ok(()) };
                assert_eq!(tried.replace(snapshot), expected);
            }
        }
        for delta in &deltas {
            tried.apply(delta).unwrap();
        }
        assert_eq!(tried.snapshot(), truth.snapshot());
    }
}

#[test]
fn a_pool_that_was_kept_joins_documents_and_changes_as_if_it_had_gone_on() {
    let document = snapshot(5, &[(1, 20.0), (2, 20.0), (3, 20.0)]);
    let mut pool = Pool::new(document.clone()).unwrap();
    for delta in [score(6, 1, 1.0), removed(7, 2), server_delta(8, server(4, 9.0))] {
        pool.apply(&delta).unwrap();
    }
    let text = serde_json::to_string(&pool.keep()).unwrap();
    let kept: KeptPool = serde_json::from_str(&text).unwrap();
    assert_eq!((kept.document_serial(), kept.snapshot.serial), (100, 200));
    let mut next = Pool::resume(kept).unwrap();
    // The same document again, and one of between.
    for cursor in [5, 6] {
        let document = Snapshot { cursor, ..document.clone() };
        assert_eq!(next.replace(document.clone()), pool.replace(document));
        assert_eq!((scores(&next), next.cursor()), (scores(&pool), 8));
        assert_eq!(next.keep(), pool.keep());
    }
    assert_eq!(scores(&next), [(1, 20.0), (3, 20.0), (4, 9.0)].into(), "change 6 is in it");
    assert!(matches!(next.replace(snapshot(5, &[])), Err(PoolError::Older { .. })));
    // As it was kept before.
    let old: KeptPool = serde_json::from_str(&serde_json::to_string(&document).unwrap()).unwrap();
    assert_eq!(old, document.into());
    assert_eq!(scores(&Pool::resume(old).unwrap()).len(), 3);
}

#[test]
fn after_a_return_lower_identifiers_count_and_the_discarded_history_is_known_over_a_restart() {
    let at = |id, ts, value| Delta { ts, ..score(id, 1, value) };
    let mut pool = Pool::new(snapshot(1000, &[(1, 20.0)])).unwrap();
    for (id, ts) in [(1001, 300), (1008, 310), (1010, 310)] {
        pool.apply(&at(id, ts, 1.0)).unwrap();
    }
    pool.return_to(Snapshot { serial: 90, ..snapshot(900, &[(1, 19.0)]) }, 0, 1000).unwrap();
    let discarded = Discarded { until: 310, from: 1008, through: 1010 };
    let position = Cursor { id: 900, time: 90, discarded: Some(discarded) };
    assert_eq!((pool.position(), pool.since(), pool.serial()), (position, 900, 90));
    assert_eq!(pool.apply(&at(901, 320, -50.0)), Ok(Applied::Changed(1)));
    let mut pool = Pool::resume(pool.keep()).unwrap();
    assert_eq!(pool.position(), Cursor { id: 901, time: 320, discarded: Some(discarded) });
    pool.replace(Snapshot { serial: 330, ..snapshot(950, &[(1, 18.0)]) }).unwrap();
    assert_eq!(pool.position(), Cursor { id: 950, time: 330, discarded: Some(discarded) });
    // Behind them nothing has to be discarded any more.
    pool.apply(&at(1010, 340, 3.0)).unwrap();
    assert_eq!(pool.position(), Cursor { id: 1010, time: 340, discarded: None });
    // A time that is yet to come isn't believed.
    pool.apply(&at(1011, 9_000, 3.0)).unwrap();
    pool.return_to(snapshot(3, &[]), 2_000, 1000).unwrap();
    let discarded = pool.position().discarded.unwrap();
    assert_eq!((discarded.until, discarded.through), (1000, 2000));
}
