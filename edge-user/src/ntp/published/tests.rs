//! Tests of what packets read, against the states that it is made from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use edge_common::abi;
use edge_common::ntp::clock::at;
use edge_common::tables::Tables as _;
use fastrand::Rng;

use super::{Barrier, Published, clock, fuzz};
use crate::ntp::Publish as _;
use crate::ntp::state::{PHI, Service, Smear, State};
use crate::ntp::timestamp::{ONE, SECOND, Short, Timestamp, nanoseconds};
use edge_tables::store::{HostTables, Store};

/// A state of any kind: with a leap second or a smear, in any era, with any dispersion.
fn state(rng: &mut Rng) -> State {
    let monotonic = rng.u64(..1 << 55);
    let within = |rng: &mut Rng| monotonic + rng.u64(..70 * SECOND);
    let (leap_at, leap_step) = match rng.u8(..3) {
        0 => (within(rng), ONE),
        1 => (within(rng), -ONE),
        _ => (u64::MAX, 0),
    };
    let smear = match rng.u8(..4) {
        0 => Smear { from: monotonic, until: within(rng), rate: rng.i64(-4_294_967..=4_294_967) },
        1 => Smear {
            from: monotonic - rng.u64(..10_000 * SECOND).min(monotonic),
            until: if rng.bool() { u64::MAX } else { within(rng) },
            rate: rng.i64(-100_000..=100_000),
        },
        2 => Smear { from: within(rng), until: within(rng), rate: 49_710 },
        _ => Smear::default(),
    };
    State {
        monotonic,
        utc: Timestamp(rng.u64(..)),
        uncertainty: 50,
        lease: monotonic + rng.u64(..60 * SECOND),
        service: Service::Answer,
        leap: rng.u8(..3),
        stratum: rng.u8(1..16),
        precision: rng.i8(-30..=-1),
        refid: [192, 0, 2, 77],
        root_delay: Short(rng.u32(..)),
        root_dispersion: Short(rng.u32(..1 << 20)),
        dispersion_rate: if rng.bool() { PHI } else { rng.u32(..1 << 24) },
        reference: Timestamp(rng.u64(..)),
        leap_at,
        leap_step,
        smear,
    }
}

#[test]
fn packets_have_the_time_and_dispersion_of_the_state_during_its_lease_and_nothing_outside() {
    let mut rng = Rng::with_seed(5);
    let mut compared = 0;
    for _ in 0..20_000 {
        let state = state(&mut rng);
        let clock = clock(&state, false);
        assert_eq!(at(&clock, state.lease), None, "{state:?}");
        assert_eq!(at(&clock, state.monotonic.wrapping_sub(1)), None, "{state:?}");
        let mut moments = vec![state.monotonic, state.leap_at, state.leap_at.saturating_sub(1)];
        moments.extend([state.smear.from, state.smear.until, state.lease.saturating_sub(1)]);
        moments.extend((0..5).map(|_| state.monotonic + rng.u64(..60 * SECOND)));
        for now in moments {
            if !(state.monotonic..state.lease).contains(&now) {
                continue;
            }
            let served = at(&clock, now).unwrap();
            let apart = nanoseconds(Timestamp(served.time).since(state.utc_at(now)));
            // Rounding, of fractions and of the smear's rate for each nanosecond.
            let allowed = 2 + (now - state.monotonic) / (20 * SECOND);
            assert!(apart.unsigned_abs() <= allowed, "{apart} ns at {now} of {state:?}");
            assert_eq!(served.leapt, now >= state.leap_at);
            // One is rounded down, the other up, with its rate.
            let wanted = state.root_dispersion_at(now).0;
            assert!(
                (wanted..=wanted + 2).contains(&served.dispersion),
                "{} at {now} of {state:?}",
                served.dispersion
            );
            compared += 1;
        }
    }
    assert!(compared > 100_000, "{compared}");
}

#[test]
fn the_fields_of_a_reply_are_those_of_the_state() {
    let state = State {
        leap: 1,
        stratum: 2,
        precision: -24,
        root_delay: Short(0x123),
        root_dispersion: Short(0x89),
        reference: Timestamp(0xeeab_1a3f_7fff_ff01),
        dispersion_rate: PHI,
        ..state(&mut Rng::with_seed(1))
    };
    let clock = clock(&state, true);
    assert_eq!(clock.header.to_ne_bytes(), [0x44, 2, 0, 0xe8]);
    assert_eq!(clock.refid.to_ne_bytes(), [192, 0, 2, 77]);
    assert_eq!((clock.root_delay, clock.root_dispersion), (0x123, 0x89));
    assert_eq!(clock.reference, 0xeeab_1a3f_7fff_ff01);
    assert_eq!((clock.fuzz, clock.passes_control), (0xff, 1));
    assert_eq!(clock.dispersion_rate, 4_324);
    assert_eq!(clock.dispersion_rate, abi::Clock::dispersion_rate(15_000));
}

#[test]
fn what_becomes_of_requests_and_control_messages_is_as_the_state_and_the_operator_set_it() {
    let mut rng = Rng::with_seed(2);
    for (service, word) in [
        (Service::Answer, abi::Clock::SYNCHRONISED),
        (Service::Flag, abi::Clock::UNSYNCHRONISED),
        (Service::Pass, abi::Clock::PASSES),
        (Service::Drop, abi::Clock::DROPS),
    ] {
        let state = State { service, ..state(&mut rng) };
        assert_eq!((clock(&state, false).state, clock(&state, false).passes_control), (word, 0));
    }
}

#[test]
fn a_lease_that_is_over_or_too_long_never_seems_to_go_on() {
    let any = state(&mut Rng::with_seed(3));
    let over = clock(&State { lease: any.monotonic - 1, ..any }, false);
    for now in [any.monotonic - 1, any.monotonic, any.monotonic + 1, u64::MAX] {
        assert_eq!(at(&over, now), None, "{now}");
    }
    let long = clock(&State { lease: u64::MAX, ..any }, false);
    assert!(at(&long, any.monotonic + 60 * SECOND).is_some());
    assert_eq!(at(&long, any.monotonic + (1 << 36)), None);
}

#[test]
fn a_smear_faster_than_any_is_as_fast_as_can_be_served() {
    let any = state(&mut Rng::with_seed(4));
    let rate = |rate| {
        let smear = Smear { from: 0, until: u64::MAX, rate };
        clock(&State { smear, ..any }, false).smear_rate
    };
    assert_eq!((rate(i64::MAX), rate(i64::MIN)), ((1 << 26) - 1, 1 - (1 << 26)));
    // A second in a day: 1/86,400 of 2⁶⁴ / 10⁹.
    assert_eq!((rate(49_710), rate(-49_710), rate(0)), (213_503, -213_503, 0));
}

#[test]
fn random_bits_are_those_below_the_precision() {
    for (precision, mask) in [(-24, 0xff), (-32, 0), (-128, 0), (-1, 0x7fff_ffff), (0, 0xffff_ffff)]
    {
        assert_eq!(fuzz(precision), mask, "{precision}");
    }
    assert_eq!(fuzz(127), 0xffff_ffff);
}

#[test]
fn every_state_is_followed_by_a_barrier_and_the_end_leaves_no_clock() {
    let store = Store::in_memory();
    let tables = HostTables::new(store.clone(), 1, true);
    let barriers = Arc::new(AtomicU64::new(0));
    let barrier: Barrier = {
        let (barriers, tables) = (Arc::clone(&barriers), HostTables::new(store.clone(), 1, true));
        Box::new(move || {
            // By then the new clock is the one that packets read.
            let stratum = tables.clock().map_or(0, |clock| clock.header.to_ne_bytes()[1]);
            assert_eq!(u64::from(stratum), barriers.fetch_add(1, Ordering::SeqCst) + 1);
            Ok(())
        })
    };
    let mut published = Published::new(store, barrier, false);
    let any = state(&mut Rng::with_seed(6));
    for stratum in 1..=5 {
        published.publish(&State { stratum, ..any });
    }
    assert_eq!(barriers.load(Ordering::SeqCst), 5);
    assert!(tables.clock().is_some());
    published.end();
    assert!(tables.clock().is_none());
}
