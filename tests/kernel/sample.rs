//! Samples: frames that the program copies for the query log.

use edge_kernel::{Runner, Samples};
use edge_tables::samples::Samples as _;
use edge_tests::fixture::{self, A, AAAA};
use edge_tests::frames::Query;
use edge_tests::kernel::Shared;

/// Entries of 640 octets and eight of their own that the ring holds.
const ENTRIES: usize = (1 << 20) / 648;

fn drain(samples: &mut Samples) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    samples.drain(&mut |frame| frames.push(frame.to_vec()));
    frames
}

/// Runs the program so often; gives the last reply.
fn run(runner: &Runner, query: &[u8], times: usize) -> Vec<u8> {
    let mut reply = Vec::new();
    for _ in 0..times {
        let run = runner.run(query, 1).unwrap();
        assert_eq!(run.action, 3);
        reply = run.frame;
    }
    reply
}

#[test]
fn one_in_so_many_answers_is_sampled_whole_and_the_lost_are_counted() {
    let (shared, _turn) = Shared::load();
    let store = shared.lock().store();
    let _publisher = fixture::publisher(&store, shared.backend());
    shared.lock().renew_lease().unwrap();
    let runner = shared.lock().runner().unwrap();
    let client = "198.18.0.1:4321".parse().unwrap();
    let name = "www.pool.example";
    let [answered, nodata, passed] = [(name, A), (name, AAAA), ("not.there.example", A)]
        .map(|(name, rtype)| Query::new(name, rtype, client, fixture::server4()).frame());
    let mut samples = shared.lock().sample(1).unwrap();
    assert!(shared.lock().sample(1).is_err(), "there is one reader");

    let replies = [run(&runner, &answered, 1), run(&runner, &nodata, 1)];
    assert_eq!(runner.run(&passed, 1).unwrap().action, 2);
    assert_eq!(drain(&mut samples), replies);

    shared.lock().set_sample(0);
    run(&runner, &answered, 1000);
    assert!(drain(&mut samples).is_empty());

    shared.lock().seed(|| 7);
    shared.lock().set_sample(8);
    run(&runner, &answered, 4000);
    let n = drain(&mut samples).len();
    // Five standard deviations around 500.
    assert!((395..=605).contains(&n), "{n}");
    assert_eq!(samples.lost(), 0);

    shared.lock().set_sample(1);
    run(&runner, &answered, ENTRIES + 100);
    let n = drain(&mut samples).len();
    assert!((ENTRIES - 1..=ENTRIES).contains(&n), "{n}");
    assert_eq!(samples.lost(), (ENTRIES + 100 - n) as u64);
    assert_eq!(drain(&mut samples).len(), 0);
    let reply = run(&runner, &answered, 1);
    assert_eq!(drain(&mut samples), [reply]);
}
