//! A million frames, random, mutated and nearly good, in kernel and on host.
//!
//! The program makes of each what the engine makes of it on the host, octet for octet. Every
//! reply's checksums are right, and no fault is reached. `EDGE_PACKETS` is the number of frames,
//! `EDGE_SEED` the seed from which they are made.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use edge_common::abi::switches::REFUSE;
use edge_common::verdict::{Action, Verdict};
use edge_kernel::Runner;
use edge_tables::store::{HostTables, Store};
use edge_tests::controls::Controls;
use edge_tests::engine;
use edge_tests::frames::open_reply_to;
use edge_tests::grammar::Grammar;
use edge_tests::kernel::{Shared, number};
use edge_tests::message::Reply;
use edge_tests::mutate::Mutations;
use edge_tests::{cases, fixture, node};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Frames, unless `EDGE_PACKETS` says how many. The long tier runs ten times as many.
const FRAMES: u64 = 1_000_000;
/// Where they begin, unless `EDGE_SEED` says where.
const SEED: u64 = 0x00ed_9e00;
/// Frames after which a leader sees to the lease.
const TURN: u64 = 20_000;

fn number_of(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// The CPUs that this process may use.
fn cpus() -> Vec<usize> {
    let own = sched_getaffinity(None).expect("our CPUs");
    (0..CpuSet::MAX_CPU).filter(|cpu| own.is_set(*cpu)).collect()
}

/// Keeps this thread on a CPU: the program's random generator and counters are the CPU's.
fn stay_on(cpu: usize) {
    let mut only = CpuSet::new();
    only.set(cpu);
    sched_setaffinity(None, &only).expect("stay on a CPU");
}

/// One CPU's share.
struct Share {
    seed: u64,
    frames: u64,
    grammar: Grammar,
    mutations: Mutations,
    runner: Runner,
    tables: HostTables,
    seen: Vec<u64>,
}

impl Share {
    /// Compares all frames of the share; gives how often each verdict was given.
    fn run(mut self, renew: impl Fn(), stop: &AtomicBool) -> Vec<u64> {
        let _stop = StopOnPanic(stop);
        for n in 0..self.frames {
            if n % TURN == 0 {
                renew();
            }
            if n % 256 == 0 && stop.load(Ordering::Relaxed) {
                break; // An assertion failed elsewhere.
            }
            let good = if n % 4 == 0 { self.mutations.frame() } else { self.grammar.frame() };
            let frame = if n % 4 == 1 { self.mutations.changed(good) } else { good };
            self.compare(&frame, n);
        }
        self.seen
    }

    fn compare(&mut self, frame: &[u8], n: u64) {
        let what = || format!("EDGE_SEED={} frame {n}: {frame:02x?}", self.seed);
        let run = self.runner.run(frame, 1).expect("run");
        let outcome = engine::run(&self.tables, frame);
        self.seen[outcome.verdict.index() as usize] += 1;
        let action = outcome.verdict.action();
        assert_eq!(run.action, number(action), "{:?} on the host, {}", outcome.verdict, what());
        assert!(run.frame == outcome.frame, "other octets: {:02x?} {}", run.frame, what());
        match action {
            Action::Aborted => panic!("a fault, {}", what()),
            Action::Pass | Action::Drop => assert!(run.frame == frame, "touched, {}", what()),
            Action::Tx => {
                let reply = open_reply_to(frame, &run.frame).and_then(|reply| Reply::read(&reply));
                assert!(reply.is_ok(), "{reply:?} {}", what());
            }
        }
    }
}

/// Tells the others when a thread's assertion fails.
struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Runs all frames over a store; gives the verdicts' numbers, in the kernel and on the host.
fn compare_all(shared: &Shared, store: &Store, frames: u64, seed: u64) -> (Vec<u64>, Vec<u64>) {
    let names: Vec<String> = fixture::names();
    let corpus = cases::corpus();
    let cpus = cpus();
    let before = shared.verdicts();
    // The same on every CPU, and from there on each goes its own way, as does the host's beside it.
    shared.lock().seed(|| seed);
    let stop = AtomicBool::new(false);
    let host = std::thread::scope(|scope| {
        let threads: Vec<_> = cpus
            .iter()
            .zip(0..)
            .map(|(&cpu, nth): (_, u64)| {
                let own = seed.wrapping_add(nth * 0x9e37_79b9);
                let share = Share {
                    seed,
                    frames: frames / cpus.len() as u64,
                    grammar: Grammar::new(own, &names),
                    mutations: Mutations::new(own, corpus.clone()),
                    runner: shared.lock().runner().expect("a runner"),
                    tables: node::host(store, seed),
                    seen: vec![0; Verdict::ALL.len()],
                };
                let (shared, stop) = (shared.clone(), &stop);
                scope.spawn(move || {
                    stay_on(cpu);
                    share.run(|| shared.lock().renew_lease().expect("renew"), stop)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a share"))
            .fold(vec![0; Verdict::ALL.len()], |sums: Vec<u64>, seen| {
                sums.iter().zip(seen).map(|(a, b)| a + b).collect()
            })
    });
    let after = shared.verdicts();
    (after.iter().zip(before).map(|(after, before)| after - before).collect(), host)
}

#[test]
fn millions_of_frames_have_the_same_outcome_in_the_kernel() {
    let (frames, seed) = (number_of("EDGE_PACKETS", FRAMES), number_of("EDGE_SEED", SEED).max(1));
    let (shared, _turn) = Shared::load();
    let store = shared.lock().store();
    let _publisher = fixture::publisher(&store, shared.backend());
    let begun = Instant::now();
    let controls = Controls::OPEN.switched(REFUSE);
    let half = frames / 4;
    let strict = Controls { enforce: true, ..Controls::OPEN };
    let (mut kernel, mut host) =
        controls.during(&store, || compare_all(&shared, &store, frames - half, seed));
    let more = strict.during(&store, || compare_all(&shared, &store, half, seed ^ 1));
    for (sum, n) in kernel.iter_mut().zip(more.0).chain(host.iter_mut().zip(more.1)) {
        *sum += n;
    }
    let told: BTreeMap<_, _> = Verdict::ALL
        .iter()
        .zip(&host)
        .filter(|(_, n)| **n > 0)
        .map(|(v, n)| (v.name(), n))
        .collect();
    println!("{frames} frames from EDGE_SEED={seed} in {:?}: {told:?}", begun.elapsed());
    assert_eq!(kernel, host, "the kernel's counters and the host's");
    assert_eq!(kernel[Verdict::Fault.index() as usize], 0);
    let sum = |action: Action| -> u64 {
        let given = Verdict::ALL.iter().zip(&host).filter(|(v, _)| v.action() == action);
        given.map(|(_, n)| n).sum()
    };
    // Most of those that aren't changed get as far as they can.
    assert!(sum(Action::Tx) * 5 > frames * 2, "{told:?}");
    for verdict in [
        Verdict::Answer,
        Verdict::Nodata,
        Verdict::Nxdomain,
        Verdict::Badvers,
        Verdict::Badcookie,
        Verdict::Refused,
    ] {
        assert!(host[verdict.index() as usize] > frames / 1_000, "{verdict:?}: {told:?}");
    }
}
