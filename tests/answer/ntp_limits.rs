//! NTP clients and their rates on the host, over simulated time.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use edge_common::abi::{Requests, maps, switches};
use edge_common::limit::NtpRate;
use edge_common::tables::{GOLDEN, Tables as _};
use edge_common::verdict::Verdict;
use edge_tables::jiffies;
use edge_tables::publish::NoKernel;
use edge_tables::store::{HostTables, Store};
use edge_tests::controls::Controls;
use edge_tests::engine;
use edge_tests::frames::ends;
use edge_tests::mutate::Mutations;
use edge_tests::node;
use edge_tests::time::{self, Admission, Ask, NOW, Told};

const FRAMES: u64 = 1_000_000;

/// chrony's defaults.
const CHRONY: NtpRate =
    NtpRate { interval: 3, burst: 8, leak: 2, kod: 0, prefix4: 32, prefix6: 64 };

/// Does something with a server of a machine that has been up for a while.
fn serving(rate: NtpRate, act: impl FnOnce(&HostTables)) {
    let store = Store::in_memory();
    drop(time::publisher(&store, Box::new(NoKernel)));
    store.publish_clock(&time::clock());
    let tables = node::host(&store, 1);
    tables.set_monotonic(NOW);
    tables.set_now(1 << 32);
    tables.seed(0x1234_5678_9abc_def1);
    let controls = Controls { time: Some((rate, 7)), ..Controls::default() };
    controls.switched(switches::NTP_LIMIT).during(&store, || act(&tables));
}

fn pass(tables: &HostTables, seconds: f64) {
    let jiffies = (seconds * f64::from(jiffies::per_second())).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few seconds")]
    tables.set_now(tables.now() + jiffies as u64);
}

fn ask(tables: &HostTables, frame: &[u8]) -> Verdict {
    engine::run(tables, frame).verdict
}

/// How many of `n` requests have each verdict.
fn asked(tables: &HostTables, frame: &[u8], n: u32) -> BTreeMap<&'static str, u32> {
    let mut seen = BTreeMap::new();
    for _ in 0..n {
        *seen.entry(ask(tables, frame).name()).or_default() += 1;
    }
    seen
}

/// Insists on a share of `n` to five standard deviations.
fn is_share(count: u32, n: u32, share: f64, what: &str) {
    let mean = f64::from(n) * share;
    let most = 5.0 * (mean * (1.0 - share)).sqrt();
    assert!((f64::from(count) - mean).abs() <= most, "{what}: {count}, not {mean} ± {most}");
}

#[test]
fn one_in_a_power_of_two_over_the_limit_is_answered_and_one_of_the_others_kissed() {
    for leak in 1..=4 {
        for kod in 0..=4 {
            serving(NtpRate { leak, kod, interval: 12, ..CHRONY }, |tables| {
                let frame = Ask::new("198.18.0.1:40123").frame();
                assert_eq!(asked(tables, &frame, 8), [("ntp", 8)].into());
                let n = 100_000;
                let seen = asked(tables, &frame, n);
                let count = |name| seen.get(name).copied().unwrap_or_default();
                let leaked = 1.0 / f64::from(1 << leak);
                let kissed = if kod == 0 { 0.0 } else { (1.0 - leaked) / f64::from(1 << kod) };
                is_share(count("ntp"), n, leaked, &format!("leak {leak}"));
                is_share(count("ntp_rate"), n, kissed, &format!("leak {leak}, kod {kod}"));
                assert_eq!(count("ntp") + count("ntp_rate") + count("ntp_limited"), n);
            });
        }
    }
}

#[test]
fn a_burst_is_answered_and_then_a_request_each_interval() {
    for (client, interval, burst) in [
        ("198.18.0.1:1", 3, 8),
        ("[2400::1]:1", 12, 255),
        ("198.18.0.1:1", -4, 100),
        ("198.18.0.1:1", 0, 1),
    ] {
        // No leak is as rare as one can't be, so what is let through is told apart by the bucket's
        // not being empty.
        serving(NtpRate { interval, burst, leak: 4, kod: 0, ..CHRONY }, |tables| {
            let frame = Ask::new(client).frame();
            let most = u32::from(burst);
            assert_eq!(asked(tables, &frame, most), [("ntp", most)].into());
            let n = 3000;
            // A leak takes what has come back of the next token, and so none may come in the
            // meantime.
            pass(tables, 2_f64.powi(interval.into()));
            assert_eq!(ask(tables, &frame), Verdict::NtpAnswer, "{interval} {burst}");
            let over = asked(tables, &frame, n);
            is_share(over["ntp"], n, 1.0 / 16.0, client);
            // Half of the time brings half of the tokens.
            pass(tables, 2_f64.powi(interval.into()) * f64::from(burst.div_ceil(2)));
            let half = u32::from(burst.div_ceil(2));
            assert_eq!(asked(tables, &frame, half), [("ntp", half)].into());
            pass(tables, 2_f64.powi(interval.into()) * f64::from(burst) * 3.0);
            assert_eq!(asked(tables, &frame, most), [("ntp", most)].into());
            is_share(asked(tables, &frame, n)["ntp"], n, 1.0 / 16.0, client);
        });
    }
}

#[test]
fn who_is_asked_for_in_its_name_still_gets_its_share() {
    serving(CHRONY, |tables| {
        let spoofed = Ask { transmit: 1, ..Ask::new("198.18.0.1:666") }.frame();
        let victim = Ask::new("198.18.0.1:40123").frame();
        let stranger = Ask::new("198.18.0.2:40123").frame();
        let (n, mut answered) = (20_000, 0);
        for _ in 0..n {
            // A thousand a second, and the victim asks a little too often as well.
            pass(tables, 0.02);
            let _spoofed = asked(tables, &spoofed, 20);
            answered += u32::from(ask(tables, &victim) == Verdict::NtpAnswer);
        }
        is_share(answered, n, 0.25, "the victim");
        assert_eq!(asked(tables, &stranger, 8), [("ntp", 8)].into());
    });
}

#[test]
fn many_clients_within_their_rate_are_all_answered_and_one_beyond_it_isnt_forgotten_for_them() {
    serving(CHRONY, |tables| {
        let before = tables.store().buckets.entries();
        assert_eq!(before, 4 * maps::BUCKETS as usize);
        let greedy = Ask::new("198.18.0.1:40123").frame();
        let (mut answered, mut n, mut of_greedy, mut turns) = (0, 0, 0, 0);
        // Some 50,000 clients a second, six times as many as buckets that anyone falls into would
        // have answers for.
        for _ in 0..4 * jiffies::per_second() {
            pass(tables, 1.0 / f64::from(jiffies::per_second()));
            for _ in 0..50_000 / jiffies::per_second() {
                let source = Ipv4Addr::from(tables.random() & 0x1fff_ffff | 0x4000_0000);
                let frame = Ask::new(&format!("{source}:123")).frame();
                answered += u32::from(ask(tables, &frame) == Verdict::NtpAnswer);
                n += 1;
            }
            let seen = asked(tables, &greedy, 20);
            of_greedy += seen.get("ntp").copied().unwrap_or_default();
            turns += 20;
        }
        assert_eq!(answered, n);
        // A quarter is leaked; the burst, and what it was forgotten for, come on top.
        assert!(f64::from(of_greedy) < 0.3 * f64::from(turns), "{of_greedy} of {turns}");
        assert!(f64::from(of_greedy) > 0.2 * f64::from(turns), "{of_greedy} of {turns}");
        assert_eq!(tables.store().buckets.entries(), before);
        // DNS's rows are others.
        let dns = (0..2 * maps::BUCKETS).map(|at| tables.store().buckets.read(at).unwrap());
        assert!(dns.into_iter().all(|bucket| bucket == 0));
    });
}

#[test]
fn requests_are_counted_by_version_and_poll_whatever_becomes_of_them() {
    serving(NtpRate { interval: 12, burst: 1, ..CHRONY }, |tables| {
        let mut counts = [0; Requests::VERSIONS * Requests::POLLS];
        for version in 0..8 {
            for poll in [0x80, 0xf9, 0xfa, 0, 6, 10, 17, 18, 0x7f] {
                let ask_it = Ask { first: version << 3 | 3, poll, ..Ask::new("[2400::1]:999") };
                let verdict = ask(tables, &ask_it.frame());
                if (1..=4).contains(&version) {
                    counts[Requests::place(version, poll.cast_signed())] += 1;
                } else {
                    assert_eq!(verdict, Verdict::NtpVersion);
                }
            }
        }
        // Not the ordinary.
        for (first, more) in [(0x16, 0), (0x24, 0), (0x23, 20)] {
            let other = Ask { first, more: vec![0; more], ..Ask::new("198.18.0.1:1") };
            assert_ne!(ask(tables, &other.frame()), Verdict::NtpAnswer);
        }
        assert_eq!(tables.requests(), Requests { counts });
    });
}

#[test]
fn every_mutated_request_is_ruled_on_as_the_model_of_tokens_says() {
    let rate = NtpRate { interval: 12, burst: 255, kod: 1, ..CHRONY };
    serving(rate, |tables| {
        let mut model = Admission::new(rate);
        let clock = time::clock();
        let mut mutations = Mutations::new(0x7261_7465, time::corpus());
        let mut seen = vec![0_u32; Verdict::ALL.len()];
        for nth in 1..=FRAMES {
            let frame = mutations.frame();
            // Small states draw no good lots.
            let seed = nth.wrapping_mul(GOLDEN);
            tables.seed(seed);
            let outcome = engine::run(tables, &frame);
            seen[outcome.verdict.index() as usize] += 1;
            if !time::is_ordinary(&frame) {
                assert_eq!(outcome.frame, frame, "{:?}", outcome.verdict);
                continue;
            }
            let (verdict, state) = model.rule(ends(&frame).unwrap().0.ip(), seed);
            assert_eq!(outcome.verdict, verdict, "{frame:02x?}");
            let after = match verdict {
                Verdict::NtpLimited => frame,
                verdict => {
                    let told = Told::of(verdict, Some(rate));
                    time::reply_frame_as(&frame, &clock, NOW, state, told)
                }
            };
            assert_eq!(outcome.frame, after, "{verdict:?}");
        }
        for verdict in [Verdict::NtpAnswer, Verdict::NtpRate, Verdict::NtpLimited] {
            assert!(seen[verdict.index() as usize] > 50_000, "{verdict:?}: {seen:?}");
        }
    });
}
