//! The engine in the kernel against the engine on the host, by octets.

use edge_common::abi::{Hits, maps};
use edge_common::verdict::Verdict;
use edge_tables::publish::{Backend, Publisher};
use edge_tables::store::{HostTables, Store};
use edge_tests::cases::{self, Case};
use edge_tests::controls::Controls;
use edge_tests::engine::{self, Outcome};
use edge_tests::kernel::{Shared, number};
use edge_tests::mutate::Mutations;
use edge_tests::{fixture, node, space};

/// Mutated frames that are compared.
const FRAMES: u64 = 200_000;

struct Both {
    shared: Shared,
    tables: HostTables,
    /// Keeps its backend's share of the kernel.
    _publisher: Publisher,
}

impl Both {
    fn new(shared: &Shared, publisher: impl FnOnce(&Store, Box<dyn Backend>) -> Publisher) -> Self {
        let store = shared.lock().store();
        let publisher = publisher(&store, shared.backend());
        shared.lock().renew_lease().unwrap();
        let tables = node::host(&store, 1);
        Self { shared: shared.clone(), tables, _publisher: publisher }
    }

    /// The host's outcome, once the kernel's is found to be the same.
    fn run(&self, frame: &[u8], seed: u64, what: &str) -> Outcome {
        let mut kernel = self.shared.lock();
        kernel.seed(|| seed);
        let run = kernel.run(frame, 1).unwrap();
        self.tables.seed(seed);
        let outcome = engine::run(&self.tables, frame);
        assert_eq!(run.action, number(outcome.verdict.action()), "{what} {outcome:?}");
        assert_eq!(run.frame, outcome.frame, "{what}");
        outcome
    }

    /// Kernel and host have counted the same answers in the same places: as many as the verdicts
    /// say.
    fn check_hits(&self) {
        let hits = self.tables.store().hits(0, maps::HIT_WORDS);
        for (place, [kernel, host]) in hits.iter().enumerate() {
            assert_eq!(kernel, host, "{place}");
        }
        let apart = hits.iter().filter(|[n, _]| *n > 0).count();
        let hits: u64 = hits.iter().map(|[n, _]| n).sum();
        let sent = [Verdict::Answer, Verdict::Nodata, Verdict::Nxdomain];
        let none = [Verdict::Badvers, Verdict::Badcookie, Verdict::Refused, Verdict::Slip];
        let verdicts = self.shared.verdicts();
        let sum = |of: &[Verdict]| of.iter().map(|v| verdicts[v.index() as usize]).sum::<u64>();
        let [rest, no_deck] =
            [Hits::REST, Hits::NONE].map(|place| self.tables.store().hits(place, 1)[0][0]);
        assert_eq!((hits, no_deck), (sum(&sent) + sum(&none), sum(&none)));
        assert_eq!(rest, 0);
        println!("{hits} answers in {apart} places");
    }
}

#[test]
fn every_case_has_the_same_outcome_in_the_kernel_and_counts_once() {
    let (shared, _turn) = Shared::load();
    let both = Both::new(&shared, fixture::publisher);
    let mut rng = fastrand::Rng::with_seed(5);
    let mut before = shared.verdicts();
    let mut n = 0;
    for case in cases::usual() {
        let outcome = case
            .state
            .during(both.tables.store(), || both.run(&case.frame, rng.u64(1..), &case.what));
        Case::check(&case, &outcome);
        let after = shared.verdicts();
        before[outcome.verdict.index() as usize] += 1;
        assert_eq!(after, before, "{}", case.what);
        n += 1;
    }
    both.check_hits();
    println!("{n} cases are the same");
}

#[test]
fn every_row_of_the_second_program_has_the_same_outcome_in_the_kernel_and_counts_once() {
    let (shared, _turn) = Shared::load();
    let both = Both::new(&shared, fixture::publisher);
    let mut rng = fastrand::Rng::with_seed(8);
    let mut before = shared.verdicts();
    let mut wrong = Vec::new();
    for (n, case) in cases::general().iter().enumerate() {
        if n % 5_000 == 0 {
            shared.lock().renew_lease().unwrap();
        }
        let store = both.tables.store();
        let run = || both.run(&case.frame, rng.u64(1..), &case.what);
        let outcome = case.state.during(store, run);
        wrong.extend(case.judge(&outcome).err().map(|fault| format!("{}: {fault}", case.what)));
        let after = shared.verdicts();
        before[outcome.verdict.index() as usize] += 1;
        assert_eq!(after, before, "{}", case.what);
    }
    both.check_hits();
    let n = wrong.len();
    wrong.truncate(100);
    assert!(wrong.is_empty(), "{n} rows:\n{}", wrong.join("\n"));
}

#[test]
fn mutated_frames_have_the_same_outcome_in_the_kernel() {
    let (shared, _turn) = Shared::load();
    let both = Both::new(&shared, fixture::publisher);
    let mut mutations = Mutations::new(0x1357_9bdf, cases::corpus());
    let mut rng = fastrand::Rng::with_seed(6);
    let mut counts = shared.verdicts();
    for n in 0..FRAMES {
        // Leases last for half a minute, as in a node, and the test may take longer.
        if n % 10_000 == 0 {
            shared.lock().renew_lease().unwrap();
        }
        let frame = mutations.frame();
        let outcome = both.run(&frame, rng.u64(1..), "mutated");
        counts[outcome.verdict.index() as usize] += 1;
    }
    assert_eq!(shared.verdicts(), counts);
    both.check_hits();
    assert_eq!(counts[Verdict::Fault.index() as usize], 0);
    println!("{FRAMES} mutated frames are the same: {counts:?}");
}

#[test]
fn the_whole_answer_space_has_the_same_outcome_in_the_kernel() {
    let (shared, _turn) = Shared::load();
    let both = Both::new(&shared, space::publisher);
    let mut rng = fastrand::Rng::with_seed(7);
    let mut counts = shared.verdicts();
    let mut n = 0_u64;
    Controls::OPEN.during(both.tables.store(), || {
        for query in space::questions() {
            if n.is_multiple_of(10_000) {
                shared.lock().renew_lease().unwrap();
            }
            n += 1;
            let outcome = both.run(&query.frame(), rng.u64(1..), &query.name);
            counts[outcome.verdict.index() as usize] += 1;
        }
    });
    assert_eq!(shared.verdicts(), counts);
    for verdict in [Verdict::Answer, Verdict::Nodata] {
        assert!(counts[verdict.index() as usize] > 1_000, "{counts:?}");
    }
    println!("{n} questions are the same");
}
