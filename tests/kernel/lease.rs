//! Leases: begun by the program, ended by time or at once.

use std::time::{Duration, Instant};

use edge_common::verdict::Verdict;
use edge_tests::fixture::{self, A};
use edge_tests::frames::Query;
use edge_tests::kernel::Shared;

const LEASE: Duration = Duration::from_secs(1);

fn verdict(shared: &Shared) -> Verdict {
    let client = "198.18.0.1:4321".parse().unwrap();
    let query = Query::new("www.pool.example", A, client, fixture::server4());
    let before = shared.verdicts();
    shared.lock().run(&query.frame(), 1).unwrap();
    let after = shared.verdicts();
    let moved =
        Verdict::ALL.iter().find(|v| after[v.index() as usize] > before[v.index() as usize]);
    *moved.unwrap()
}

#[test]
fn queries_are_answered_during_a_lease_only() {
    let (shared, _turn) = Shared::load();
    let store = shared.lock().store();
    let _publisher = fixture::publisher(&store, shared.backend());
    assert_eq!(verdict(&shared), Verdict::Lease, "before the first");
    shared.lock().set_lease(LEASE);
    for _ in 0..3 {
        shared.lock().renew_lease().unwrap();
        assert_eq!(verdict(&shared), Verdict::Answer);
        shared.lock().end_lease();
        assert_eq!(verdict(&shared), Verdict::Lease);
    }
    shared.lock().renew_lease().unwrap();
    let begun = Instant::now();
    while verdict(&shared) == Verdict::Answer {
        assert!(begun.elapsed() < LEASE * 10, "a lease that nobody renewed has no end");
    }
    let lasted = begun.elapsed();
    assert_eq!(verdict(&shared), Verdict::Lease);
    // It begins in the middle of a tick, of which there are at least a hundred a second.
    assert!(lasted + Duration::from_millis(20) >= LEASE, "{lasted:?}");
    println!("a lease of {LEASE:?} lasted {lasted:?}");
    shared.lock().renew_lease().unwrap();
    assert_eq!(verdict(&shared), Verdict::Answer);
}
