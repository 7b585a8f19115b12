//! NTP in the kernel: the host's octets, and the kernel's clock.
//!
//! The octets are compared for the moment that the kernel's clock read; that moment is compared
//! with the system's clock.

use edge_common::abi::{Clock, switches};
use edge_common::limit::NtpRate;
use edge_common::ntp::clock;
use edge_common::tables::Tables as _;
use edge_common::verdict::{Action, Verdict};
use edge_tables::jiffies::monotonic;
use edge_tables::live::limits::set_prefixes;
use edge_tables::prefixes::Prefixes;
use edge_tables::publish::Publisher;
use edge_tables::store::HostTables;
use edge_tests::controls::Controls;
use edge_tests::engine::{self, Outcome};
use edge_tests::frames::payload;
use edge_tests::kernel::{Shared, number};
use edge_tests::mutate::Mutations;
use edge_tests::node;
use edge_tests::time::{self, Ask, BOOT, Held, NOW, SECOND, WHOLE, Wanted};
use rustix::time::{ClockId, clock_gettime};

/// Mutated frames that are compared.
const FRAMES: u64 = 1_000_000;

struct Both {
    shared: Shared,
    tables: HostTables,
    /// Keeps its backend's share of the kernel.
    _publisher: Publisher,
}

/// The same clock, published `by` nanoseconds later.
fn later(clock: &Clock, by: u64) -> Clock {
    let later = |at: u64| if at == 0 || at == u64::MAX { at } else { at.wrapping_add(by) };
    Clock {
        monotonic: later(clock.monotonic),
        lease: later(clock.lease),
        leap_at: later(clock.leap_at),
        smear_from: later(clock.smear_from),
        smear_until: later(clock.smear_until),
        ..*clock
    }
}

/// Nanoseconds between two timestamps that are less than a second apart.
fn nanoseconds(from: u64, to: u64) -> i64 {
    let apart = i128::from(to.wrapping_sub(from).cast_signed());
    i64::try_from((apart * i128::from(SECOND)) >> 32).unwrap()
}

fn stamp(frame: &[u8], at: usize) -> u64 {
    let octets = payload(frame).unwrap();
    u64::from_be_bytes(octets[at..at + 8].try_into().unwrap())
}

impl Both {
    fn new(shared: &Shared) -> Self {
        let store = shared.lock().store();
        let publisher = time::publisher(&store, shared.backend());
        let tables = node::host(&store, 1);
        Self { shared: shared.clone(), tables, _publisher: publisher }
    }

    fn on_host(&self, frame: &[u8], seed: u64, now: u64, held: Option<Held>) -> Outcome {
        self.tables.set_monotonic(now);
        // So much later that all buckets are full again, and not so much that their clock has gone
        // round.
        self.tables.set_now(self.tables.now() + (1 << 31));
        for _ in 0..held.map_or(0, |held| held.before) {
            let _before = engine::run(&self.tables, frame);
        }
        self.tables.seed(seed);
        engine::run(&self.tables, frame)
    }

    /// The host's outcome at some moment while the kernel's run lasted, once that is found to be
    /// the same.
    fn run(&self, frame: &[u8], seed: u64, clock: Option<&Clock>, what: &str) -> Outcome {
        self.run_held(frame, seed, clock, None, what)
    }

    /// The same of a client that is held to something.
    fn run_held(
        &self,
        frame: &[u8],
        seed: u64,
        clock: Option<&Clock>,
        held: Option<Held>,
        what: &str,
    ) -> Outcome {
        let seed = held.map_or(seed, |held| held.seed);
        let kernel = {
            let mut kernel = self.shared.lock();
            kernel.seed(|| seed);
            let begun = monotonic();
            let run = kernel.run(frame, 1).unwrap();
            (begun, run, monotonic())
        };
        let (begun, run, ended) = kernel;
        let same = |outcome: &Outcome| {
            run.action == number(outcome.verdict.action()) && run.frame == outcome.frame
        };
        let mut moments = vec![begun, ended];
        if let (3, Some(clock)) = (run.action, clock) {
            // The moment that the kernel read, by what it made of it, as near as the random bits
            // let it be told.
            let receive = stamp(&run.frame, 32);
            let around = (clock.fuzz / 4 + 4).cast_signed();
            for edge in [begun, ended] {
                let Some(moment) = clock::at(clock, edge) else { continue };
                let near = edge.wrapping_add_signed(nanoseconds(moment.time, receive));
                moments.extend((-around..=around).map(|by| near.wrapping_add_signed(by)));
            }
        }
        moments.retain(|moment| (begun..=ended).contains(moment));
        let outcomes = moments.into_iter().map(|moment| self.on_host(frame, seed, moment, held));
        let found = outcomes.into_iter().find(same);
        found.unwrap_or_else(|| {
            let host = self.on_host(frame, seed, begun, held);
            panic!("{what}: {run:02x?} unlike the host's {host:02x?}")
        })
    }
}

#[test]
fn every_row_has_the_hosts_octets_in_the_kernel_and_counts_once() {
    let (shared, _turn) = Shared::load();
    let both = Both::new(&shared);
    let store = both.tables.store();
    let mut answered = 0;
    for (row, seed) in time::rows().iter().zip(1..) {
        // As if the kernel's time were the row's, with a few microseconds in which to ask.
        let by = monotonic().wrapping_sub(row.now.min(NOW + 60 * SECOND));
        let clock = row.clock.map(|clock| {
            // More random bits than the moment is exact to.
            let fuzz = clock.fuzz.min(0xff);
            Clock { fuzz, ..later(&clock, by) }
        });
        match &clock {
            Some(clock) => store.publish_clock(clock),
            None => store.end_clock(),
        }
        let lists = |prefixes| set_prefixes(store, Some(&mut *shared.lock()), prefixes).unwrap();
        lists(row.prefixes());
        let (outcome, mut before) = row.controls(seed).during(store, || {
            for _ in 0..row.held.map_or(0, |held| held.before) {
                shared.lock().run(&row.frame, 1).unwrap();
            }
            let before = shared.verdicts();
            (both.run_held(&row.frame, seed, clock.as_ref(), row.held, &row.what), before)
        });
        lists(Prefixes::default());
        let (Wanted::Reply(wanted) | Wanted::Same(wanted)) = row.wanted;
        // Where a nanosecond decides, time has gone on.
        if row.now != BOOT - 1 && row.now != time::clock().lease - 1 {
            assert_eq!(outcome.verdict, wanted, "{}", row.what);
        }
        answered += u32::from(outcome.verdict.action() == Action::Tx);
        let after = shared.verdicts();
        before[outcome.verdict.index() as usize] += 1;
        assert_eq!(after, before, "{}", row.what);
    }
    assert!(answered > 400, "{answered}");
    println!("{answered} replies are the same");
}

#[test]
fn mutated_requests_have_the_hosts_octets_in_the_kernel() {
    let (shared, _turn) = Shared::load();
    let both = Both::new(&shared);
    let mut mutations = Mutations::new(0x7469_6d65, time::corpus());
    let mut counts = shared.verdicts();
    let mut clock = time::clock();
    for seed in 1..=FRAMES {
        if seed % 10_000 == 1 {
            clock = Clock { fuzz: 0, ..later(&time::clock(), monotonic().wrapping_sub(BOOT)) };
            clock.lease = clock.monotonic + 60 * SECOND;
            both.tables.store().publish_clock(&clock);
        }
        let frame = mutations.frame();
        let outcome = both.run(&frame, seed, Some(&clock), "mutated");
        counts[outcome.verdict.index() as usize] += 1;
    }
    assert_eq!(shared.verdicts(), counts);
    assert_eq!(counts[Verdict::Fault.index() as usize], 0);
    assert!(counts[Verdict::NtpAnswer.index() as usize] > FRAMES / 5, "{counts:?}");
    println!("{FRAMES} mutated requests are the same: {counts:?}");
}

#[test]
fn what_becomes_of_those_over_their_rate_and_what_they_say_is_counted() {
    let (shared, _turn) = Shared::load();
    let both = Both::new(&shared);
    let store = both.tables.store();
    let clock = later(&time::clock(), monotonic().wrapping_sub(BOOT));
    store.publish_clock(&Clock { lease: clock.monotonic + 60 * SECOND, ..clock });
    let rate = NtpRate { interval: 12, burst: 5, leak: 2, kod: 1, prefix4: 32, prefix6: 64 };
    let controls = Controls { time: Some((rate, 1)), ..Controls::default() };
    let before = (shared.verdicts(), shared.lock().requests());
    let asked = 4_000_u32;
    controls.switched(switches::NTP_LIMIT).during(store, || {
        shared.lock().seed(|| 0x1234_5678_9abc_def1);
        for (poll, version) in (0..asked).map(|n| (n % 24, 1 + n / 24 % 4)) {
            let (poll, first) = (poll.wrapping_sub(6), version << 3 | 3);
            let [poll, first] = [poll, first].map(|part: u32| part.to_le_bytes()[0]);
            let ask = Ask { poll, first, ..Ask::new("198.18.0.1:40123") };
            shared.lock().run(&ask.frame(), 1).unwrap();
        }
    });
    let after = (shared.verdicts(), shared.lock().requests());
    let given = |verdict: Verdict| {
        let at = verdict.index() as usize;
        after.0[at] - before.0[at]
    };
    let kinds = [Verdict::NtpAnswer, Verdict::NtpRate, Verdict::NtpLimited].map(given);
    assert_eq!(kinds.iter().sum::<u64>(), u64::from(asked), "{kinds:?}");
    // A quarter; of the rest a half each: to five standard deviations of some 30.
    for (n, mean) in kinds.into_iter().zip([1004, 1498, 1498]) {
        assert!(n.abs_diff(mean) < 160, "{kinds:?}");
    }
    let counted = after.1.counts.iter().zip(&before.1.counts).map(|(after, before)| after - before);
    let counted: Vec<u64> = counted.collect();
    assert_eq!(counted.iter().sum::<u64>(), u64::from(asked));
    assert!(counted.iter().all(|n| (41..=42).contains(n)), "{counted:?}");
}

/// `CLOCK_REALTIME` as an NTP timestamp.
fn realtime() -> u64 {
    let now = clock_gettime(ClockId::Realtime);
    let unsigned = |part: i64| u64::try_from(part).unwrap();
    // From 1900 to 1970.
    let seconds = unsigned(now.tv_sec) + 2_208_988_800;
    let fraction = (unsigned(now.tv_nsec) << 32) / SECOND;
    (seconds << 32) + fraction
}

/// Both clocks at one moment, and how many nanoseconds it may have lasted.
fn pair() -> (u64, u64, u64) {
    let read = |_| {
        let (before, utc, after) = (monotonic(), realtime(), monotonic());
        (before + (after - before) / 2, utc, after - before)
    };
    (0..10_000).map(read).min_by_key(|(_, _, width)| *width).unwrap()
}

#[test]
fn what_is_told_is_the_systems_time_to_a_microsecond() {
    let (shared, _turn) = Shared::load();
    let both = Both::new(&shared);
    let frame = Ask::new("198.18.0.1:40123").frame();
    let mut narrowest = i64::MAX;
    for _ in 0..20 {
        let (at, utc, width) = pair();
        assert!(width < 1_000, "the clocks can't be read together: {width} ns");
        let (monotonic, lease) = (at, at + 10 * SECOND);
        let clock = Clock { monotonic, utc, lease, fuzz: 0x7f, ..time::clock() };
        both.tables.store().publish_clock(&clock);
        for _ in 0..500 {
            let (before, run, after) =
                (realtime(), shared.lock().run(&frame, 1).unwrap(), realtime());
            assert_eq!(run.action, 3);
            let (receive, transmit) = (stamp(&run.frame, 32), stamp(&run.frame, 40));
            let (early, late) = (nanoseconds(before, receive), nanoseconds(transmit, after));
            assert!(early > -1_000, "{early} ns before the request");
            assert!(late > -1_000, "{late} ns after the reply");
            assert!(transmit.wrapping_sub(receive) < WHOLE / 1_000_000);
            narrowest = narrowest.min(nanoseconds(before, after));
        }
    }
    println!("stamps are the system's time; runs took {narrowest} ns and more");
}
