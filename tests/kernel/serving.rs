//! Publication under load: each answer is of one generation, whole.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use edge_kernel::Runner;
use edge_tables::publish::Publishable;
use edge_tests::fixture::{server4, server6};
use edge_tests::frames::Query;
use edge_tests::kernel::Shared;
use edge_tests::node;
use edge_tests::versions::{queries, version, version_of};

/// Replies that are checked, unless `EDGE_REPLIES` says how many.
const REPLIES: u64 = 10_000_000;
/// Publications and deals at least.
const PUBLICATIONS: u64 = 1_000;
/// Threads that ask.
const THREADS: u64 = 2;

/// Asks until `enough`; gives how many replies of each version there were.
fn ask(runner: &Runner, queries: &[Query], asked: &AtomicU64, enough: &AtomicBool) -> [u64; 3] {
    let frames: Vec<_> = queries.iter().map(Query::frame).collect();
    let mut seen = [0; 3];
    while !enough.load(Ordering::Relaxed) {
        for (query, frame) in queries.iter().zip(&frames) {
            let run = runner.run(frame, 1).unwrap();
            assert_eq!(run.action, 3, "{query:?}");
            let version = version_of(query, &run.frame);
            let version = version.unwrap_or_else(|fault| panic!("{query:?}: {fault}"));
            seen[usize::from(version)] += 1;
        }
        asked.fetch_add(frames.len() as u64, Ordering::Relaxed);
    }
    seen
}

#[test]
fn replies_are_of_one_generation_while_zones_are_published_and_dealt() {
    let replies = std::env::var("EDGE_REPLIES").map_or(REPLIES, |text| text.parse().unwrap());
    let (shared, _turn) = Shared::load();
    let store = shared.lock().store();
    let mut publisher = node::publisher(store.clone(), shared.backend(), &[server4(), server6()]);
    let databases = node::countries(&[("192.0.2.0/24", "DE"), ("2400::/16", "DE")]);
    // Compiled each time: a zone that is the very same keeps its tables.
    let compiled = |n| -> Vec<Publishable> { node::compiled(&[version(n)], &databases) };
    node::publish(&mut publisher, &compiled(1));
    shared.lock().renew_lease().unwrap();

    let queries = queries();
    let (asked, enough) = (AtomicU64::new(0), AtomicBool::new(false));
    let begun = Instant::now();
    let (mut publications, mut deals) = (0, 0);
    let seen = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..THREADS)
            .map(|_| {
                let runner = shared.lock().runner().unwrap();
                let (queries, asked, enough) = (&queries, &asked, &enough);
                scope.spawn(move || ask(&runner, queries, asked, enough))
            })
            .collect();
        while publications < PUBLICATIONS || asked.load(Ordering::Relaxed) < replies {
            if askers.iter().any(std::thread::ScopedJoinHandle::is_finished) {
                break; // An assertion failed there.
            }
            publications += 1;
            let n = if publications % 2 == 0 { 1 } else { 2 };
            node::publish(&mut publisher, &compiled(n));
            if publications % 4 == 0 {
                deals += publisher.deal_again().unwrap();
            }
            shared.lock().renew_lease().unwrap();
        }
        enough.store(true, Ordering::Relaxed);
        let seen = askers.into_iter().map(|asker| asker.join().unwrap());
        seen.fold([0; 3], |sums: [u64; 3], seen| [0, 1, 2].map(|at| sums[at] + seen[at]))
    });
    println!(
        "{} replies ({} of one version, {} of the other) during {publications} publications and \
         {deals} deals of decks in {:?}",
        seen.iter().sum::<u64>(),
        seen[1],
        seen[2],
        begun.elapsed()
    );
    assert_eq!(seen[0], 0);
    assert!(seen[1] > replies / 10 && seen[2] > replies / 10, "{seen:?}");
    assert!(seen[1] + seen[2] >= replies);
    assert_eq!(store.generation(), publications + 1);
}
