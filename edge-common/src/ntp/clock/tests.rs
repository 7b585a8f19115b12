//! Integer time against arithmetic that has room for everything.

use zerocopy::FromZeros as _;

use super::{Moment, Stamps, at, fraction};
use crate::abi::Clock;
use crate::tables::xorshift;
use crate::time::SECOND;

/// A second of NTP timestamps.
const WHOLE: u64 = 1 << 32;
/// 2026-01-01T00:00:00Z.
const UTC: u64 = 3_976_214_400 << 32;
/// Three hours after boot.
const BOOT: u64 = 10_800 * SECOND;

/// A clock published at [`BOOT`], with a lease of four seconds.
fn clock() -> Clock {
    Clock {
        monotonic: BOOT,
        utc: UTC,
        lease: BOOT + 4 * SECOND,
        leap_at: u64::MAX,
        reference: UTC - 7 * WHOLE,
        root_dispersion: 100,
        dispersion_rate: Clock::dispersion_rate(15_000),
        header: Clock::header(0, 2, -25),
        state: Clock::SYNCHRONISED,
        ..Clock::new_zeroed()
    }
}

fn moment(clock: &Clock, elapsed: u64) -> Moment {
    at(clock, clock.monotonic + elapsed).unwrap()
}

/// Numbers that are no pattern.
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = xorshift(state).0;
        state
    })
}

#[test]
fn nanoseconds_become_fractions_at_the_ends_of_a_second() {
    assert_eq!(fraction(0), 0);
    assert_eq!(fraction(1), 4);
    assert_eq!(fraction(SECOND / 2), WHOLE / 2);
    assert_eq!(fraction(SECOND - 1), WHOLE - 5);
    assert_eq!(fraction(SECOND), WHOLE);
    assert_eq!(fraction(SECOND + 1), WHOLE + 4);
}

#[test]
fn nanoseconds_become_fractions_as_they_do_with_128_bits() {
    let edges =
        [0, 1, 2, u64::from(u32::MAX) - 1, u32::MAX.into(), 1 << 32, (1 << 32) + 1, 1 << 36];
    for ns in edges.into_iter().chain(numbers(1).take(100_000).map(|n| n >> 28)) {
        let exact = (u128::from(ns) << 32) / u128::from(SECOND);
        let got = u128::from(fraction(ns));
        assert_eq!(got, (u128::from(ns) * 18_446_744_074) >> 32, "{ns}");
        assert!(got >= exact && got - exact <= exact * 16 / 1_000_000_000_000 + 1, "{ns}");
    }
}

#[test]
fn time_never_goes_back_from_one_nanosecond_to_the_next() {
    for from in [0, SECOND - 100, (1 << 32) - 100, SECOND * 60] {
        for ns in from..from + 200 {
            assert!((4..=5).contains(&(fraction(ns + 1) - fraction(ns))), "{ns}");
        }
    }
}

#[test]
fn a_clock_advances_from_what_was_published() {
    let clock = clock();
    assert_eq!(moment(&clock, 0).time, UTC);
    assert_eq!(moment(&clock, 1).time, UTC + 4);
    assert_eq!(moment(&clock, 999_999_999).time, UTC + WHOLE - 5);
    assert_eq!(moment(&clock, SECOND).time, UTC + WHOLE);
    assert_eq!(moment(&clock, SECOND).reference, clock.reference);
    assert!(!moment(&clock, SECOND).leapt);
}

#[test]
fn a_clock_says_nothing_outside_its_lease() {
    let clock = clock();
    assert_eq!(at(&clock, clock.monotonic - 1), None);
    assert!(at(&clock, clock.monotonic).is_some());
    assert!(at(&clock, clock.lease - 1).is_some());
    assert_eq!(at(&clock, clock.lease), None);
    assert_eq!(at(&clock, clock.lease + 1), None);
    assert_eq!(at(&clock, u64::MAX), None);
    assert_eq!(at(&clock, 0), None);
    let ended = Clock { lease: clock.monotonic, ..clock };
    assert_eq!(at(&ended, clock.monotonic), None);
    assert_eq!(at(&Clock::new_zeroed(), 0), None);
}

#[test]
fn an_era_ends_in_the_midst_of_a_lease() {
    // 2036-02-07T06:28:15.5Z.
    let clock = Clock { utc: u64::MAX - WHOLE / 2 + 1, reference: u64::MAX - WHOLE, ..clock() };
    assert_eq!(moment(&clock, SECOND / 2 - 1).time, u64::MAX - 4);
    assert_eq!(moment(&clock, SECOND / 2).time, 0);
    assert_eq!(moment(&clock, SECOND / 2 + 1).time, 4);
    assert_eq!(moment(&clock, SECOND + SECOND / 2).time, WHOLE);
}

#[test]
fn an_inserted_second_is_told_twice_and_its_announcement_ends() {
    let step = WHOLE.cast_signed();
    let leap_at = BOOT + 2 * SECOND;
    let clock = Clock { leap_at, leap_step: -step, reference: UTC, ..clock() };
    let before = moment(&clock, 2 * SECOND - 1);
    assert_eq!((before.time, before.leapt), (UTC + 2 * WHOLE - 5, false));
    let after = moment(&clock, 2 * SECOND);
    assert_eq!((after.time, after.leapt), (UTC + WHOLE, true));
    assert_eq!(moment(&clock, 3 * SECOND).time, UTC + 2 * WHOLE);
    // The clock's age goes on.
    assert_eq!(after.time - after.reference, 2 * WHOLE);
}

#[test]
fn a_deleted_second_is_never_told() {
    let clock = Clock { leap_at: BOOT + 2 * SECOND, leap_step: 1 << 32, ..clock() };
    assert_eq!(moment(&clock, 2 * SECOND - 1).time, UTC + 2 * WHOLE - 5);
    let after = moment(&clock, 2 * SECOND);
    assert_eq!((after.time, after.leapt), (UTC + 3 * WHOLE, true));
    assert_eq!(after.reference, clock.reference + WHOLE);
}

#[test]
fn a_smear_begins_goes_on_and_ends_without_a_step() {
    // A second in 86,400, as an inserted one is smeared.
    let rate = -18_446_744_073 / 86_400;
    let [from, until] = [BOOT + SECOND, BOOT + 3 * SECOND];
    let clock = Clock { smear_from: from, smear_until: until, smear_rate: rate, ..clock() };
    assert_eq!(moment(&clock, 0).time, UTC);
    assert_eq!(moment(&clock, SECOND).time, UTC + WHOLE);
    // 2⁻³² s: half a second's part is 1/172,800 s.
    let part = WHOLE / 172_800;
    let near = |elapsed: u64, time: u64| {
        let got = moment(&clock, elapsed).time;
        assert!(got.abs_diff(time) <= 2, "{elapsed}: {got:#x} {time:#x}");
    };
    near(SECOND + SECOND / 2, UTC + WHOLE + WHOLE / 2 - part);
    near(2 * SECOND, UTC + 2 * WHOLE - 2 * part);
    near(3 * SECOND, UTC + 3 * WHOLE - 4 * part);
    near(3 * SECOND + SECOND / 2, UTC + 3 * WHOLE + WHOLE / 2 - 4 * part);
    for edge in [from, until] {
        for ns in edge - 20..edge + 20 {
            let step = at(&clock, ns + 1).unwrap().time - at(&clock, ns).unwrap().time;
            assert!((3..=6).contains(&step), "{ns}: {step}");
        }
    }
}

#[test]
fn dispersion_grows_with_the_clocks_age_and_is_never_told_too_small() {
    let mut clock = clock();
    assert_eq!(moment(&clock, 0).dispersion, 101);
    let mut last = 0;
    for elapsed in (0..4 * SECOND).step_by(1_000_003) {
        #[expect(clippy::cast_precision_loss, reason = "four seconds have 32 bits")]
        let exact = 100.0 + elapsed as f64 * 15e-15 * 65_536.0;
        let got = f64::from(moment(&clock, elapsed).dispersion);
        assert!(got >= exact && got < exact + 2.0, "{elapsed}: {got} {exact}");
        assert!(got >= f64::from(last));
        last = moment(&clock, elapsed).dispersion;
    }
    clock.dispersion_rate = 0;
    assert_eq!(moment(&clock, 3 * SECOND).dispersion, 100);
    clock.root_dispersion = u32::MAX - 1;
    clock.dispersion_rate = u32::MAX;
    assert_eq!(moment(&clock, 3 * SECOND).dispersion, u32::MAX);
    clock.lease = u64::MAX;
    assert_eq!(at(&clock, u64::MAX - 1).unwrap().dispersion, u32::MAX);
}

#[test]
fn stamps_are_in_order_marked_and_near_the_time_whatever_is_random() {
    for (round, time) in (0_u32..).zip(numbers(2).take(200_000)) {
        let fuzz = (1_u64 << (round % 33)) - 1;
        let mut random = numbers(time | 1);
        let mut next = || u32::try_from(random.next().unwrap() >> 32).unwrap();
        // Often what it must not be.
        let plain = Stamps::new(time, fuzz, [next(), next()], 0);
        let random = [next(), next()];
        let usual = Stamps::new(time, fuzz, random, 0);
        let origin = [time, usual.receive, usual.transmit, plain.transmit][round as usize % 4];
        let stamps = Stamps::new(time, fuzz, random, origin);
        let later = stamps.transmit.wrapping_sub(stamps.receive).cast_signed();
        let unit = (fuzz | 1) + 1;
        assert!(later > 0 && later.cast_unsigned() < 2 * unit + 2, "{stamps:x?} {fuzz:x}");
        assert_eq!((stamps.receive & 1, stamps.transmit & 1), (1, 0));
        assert!(stamps.receive != origin && stamps.transmit != origin, "{stamps:x?} {origin:x}");
        for stamp in [stamps.receive, stamps.transmit] {
            assert!(stamp.wrapping_sub(time).cast_signed().unsigned_abs() < 2 * unit + 2);
        }
    }
}

#[test]
fn bits_below_the_precision_are_random_and_all_others_the_clocks() {
    let time = UTC | 0x1234_5600;
    let (mut ones, mut zeroes) = (0, u64::MAX);
    for random in numbers(3).take(1_000) {
        let random = u32::try_from(random >> 32).unwrap();
        let stamps = Stamps::new(time, 0x7f, [random, !random], 1);
        assert_eq!((stamps.receive & !0x7f, stamps.transmit & !0x7f), (time, time + 0x80));
        ones |= stamps.receive | (stamps.transmit & 0x7f) << 32;
        zeroes &= stamps.receive & 0x7f | (stamps.transmit & 0x7f) << 32;
    }
    assert_eq!((ones & 0x7f, zeroes & 0x7f), (0x7f, 1));
    assert_eq!((ones >> 32 & 0x7f, zeroes >> 32), (0x7e | UTC >> 32 & 0x7f, 0));
}
