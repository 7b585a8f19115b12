//! The published clock: a state in the units that packets read.
//!
//! The unused side of the clock is filled, then put into use. A packet may still read the other
//! side, so that a barrier follows. After it nobody reads the spare side, and the next state, which
//! may come at once after a step, doesn't wait.

use std::thread::sleep;
use std::time::Duration;

use edge_common::abi;
use tracing::error;
use zerocopy::FromZeros as _;

use super::Publish;
use super::state::{Service, State};
use super::timestamp::SECOND;
use edge_tables::store::Store;

/// Waits until every packet that began before the call is through; the error is why it couldn't.
pub type Barrier = Box<dyn FnMut() -> Result<(), String> + Send>;

/// No packet reads one clock for longer: what is waited for when there is no barrier.
const LONG: Duration = Duration::from_secs(1);
/// A lease is shorter, in nanoseconds.
const LEASE: u64 = 1 << 36;
/// A smear is slower, in 2⁻⁶⁴ s a nanosecond.
const RATE: i128 = 1 << 26;

/// The clock that packets read.
pub struct Published {
    store: Store,
    barrier: Barrier,
    passes_control: bool,
    /// Whether it was logged that there is no barrier.
    logged: bool,
}

impl std::fmt::Debug for Published {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Published").finish_non_exhaustive()
    }
}

impl Published {
    /// The clock of a store, and a barrier for its packets. `passes_control` is whether packets
    /// of modes 6 and 7 pass.
    #[must_use]
    pub const fn new(store: Store, barrier: Barrier, passes_control: bool) -> Self {
        Self { store, barrier, passes_control, logged: false }
    }
}

impl Publish for Published {
    fn publish(&mut self, state: &State) {
        self.store.publish_clock(&clock(state, self.passes_control));
        if let Err(cause) = (self.barrier)() {
            if !self.logged {
                self.logged = true;
                error!("publish the clock: {cause}; each publication waits a second instead");
            }
            sleep(LONG);
        }
    }

    fn end(&mut self) {
        self.store.end_clock();
    }
}

/// A state as packets read it.
#[must_use]
pub fn clock(state: &State, passes_control: bool) -> abi::Clock {
    let monotonic = state.monotonic;
    // What the smear has added by then is in the time; the leap second is added by who reads.
    let utc = State { leap_at: u64::MAX, ..*state }.utc_at(monotonic);
    abi::Clock {
        monotonic,
        utc: utc.0,
        // One that ended before it began would seem very long.
        lease: state.lease.clamp(monotonic, monotonic.saturating_add(LEASE - 1)),
        leap_at: state.leap_at,
        leap_step: state.leap_step,
        smear_from: state.smear.from.max(monotonic),
        smear_until: state.smear.until,
        smear_rate: smear_rate(state.smear.rate),
        reference: state.reference.0,
        fuzz: fuzz(state.precision),
        header: abi::Clock::header(state.leap, state.stratum, state.precision),
        refid: u32::from_ne_bytes(state.refid),
        root_delay: state.root_delay.0,
        root_dispersion: state.root_dispersion.0,
        // 2⁻¹⁶ s for 2⁴⁸ ns are 2⁻⁶⁴ s a nanosecond, or 2⁻⁵⁴ s for 1,024.
        dispersion_rate: state.dispersion_rate.div_ceil(1 << 6),
        state: match state.service {
            Service::Answer => abi::Clock::SYNCHRONISED,
            Service::Flag => abi::Clock::UNSYNCHRONISED,
            Service::Pass => abi::Clock::PASSES,
            Service::Drop => abi::Clock::DROPS,
        },
        passes_control: passes_control.into(),
        ..abi::Clock::new_zeroed()
    }
}

/// 2⁻³² ns for each nanosecond as 2⁻⁶⁴ s, to the nearest.
fn smear_rate(rate: i64) -> i64 {
    let second = i128::from(SECOND);
    let rate = ((i128::from(rate) << 32) + second / 2).div_euclid(second);
    i64::try_from(rate.clamp(1 - RATE, RATE - 1)).unwrap_or_default()
}

/// The bits of a timestamp that are below a precision.
fn fuzz(precision: i8) -> u64 {
    let bits = i32::from(precision).saturating_add(32).clamp(0, 32);
    (1 << bits) - 1
}

#[cfg(test)]
mod tests;
