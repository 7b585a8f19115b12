//! The time of NTP, from a published clock and a reading of `CLOCK_MONOTONIC`.
//!
//! Integers only, and no division.

use crate::abi::Clock;

/// A reading of a clock. Timestamps and dispersion are in the machine's octet order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The time, an NTP timestamp with all bits that arithmetic gives.
    pub time: u64,
    /// When the clock was last set, on the scale of `time`.
    pub reference: u64,
    /// Root dispersion, NTP short format.
    pub dispersion: u32,
    /// Whether a leap second is behind us that was still to come when the clock was published.
    pub leapt: bool,
}

/// What is stamped on a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// Receive timestamp; its lowest bit is 1.
    pub receive: u64,
    /// Transmit timestamp; its lowest bit is 0. Later than `receive`.
    pub transmit: u64,
}

/// Of nanoseconds as 2⁻³² seconds, what four times as many leave over, in 2⁻³² each: 2⁶⁴ / 10⁹ −
/// 2³⁴, rounded up.
const REST: u64 = 18_446_744_074 - (4 << 32);

/// Nanoseconds in 2⁻³² seconds: ⌊ns × 18,446,744,074 / 2³²⌋ modulo 2⁶⁴, exact at whole seconds, and
/// never too small nor more than 1.6 × 10⁻¹¹ of it too large.
#[inline(always)]
#[must_use]
pub const fn fraction(ns: u64) -> u64 {
    let (high, low) = (ns >> 32, ns & 0xffff_ffff);
    let rest = ((low * REST) >> 32).wrapping_add(high.wrapping_mul(REST));
    (ns << 2).wrapping_add(rest)
}

/// What a clock says `now` (ns of `CLOCK_MONOTONIC`); `None` outside its lease.
#[inline(always)]
#[must_use]
pub fn at(clock: &Clock, now: u64) -> Option<Moment> {
    let elapsed = now.wrapping_sub(clock.monotonic);
    // One comparison for both ends: what is before the first is far behind the last.
    if elapsed >= clock.lease.wrapping_sub(clock.monotonic) {
        return None;
    }
    let mut time = clock.utc.wrapping_add(fraction(elapsed));
    let until = if now < clock.smear_until { now } else { clock.smear_until };
    if until > clock.smear_from {
        time = time.wrapping_add(smear(until - clock.smear_from, clock.smear_rate));
    }
    let mut reference = clock.reference;
    let leapt = now >= clock.leap_at;
    if leapt {
        let step = clock.leap_step.cast_unsigned();
        time = time.wrapping_add(step);
        // Otherwise it could be in the future, and the clock's age in replies would change by a
        // second.
        reference = reference.wrapping_add(step);
    }
    Some(Moment { time, reference, dispersion: dispersion(clock, elapsed), leapt })
}

/// The part of a smear of `ns` nanoseconds, in 2⁻³² s, rounded down.
#[inline(always)]
const fn smear(ns: u64, rate: i64) -> u64 {
    (ns.cast_signed().wrapping_mul(rate) >> 32).cast_unsigned()
}

/// Root dispersion `elapsed` nanoseconds after the clock was published, in NTP short format,
/// rounded up.
#[inline(always)]
const fn dispersion(clock: &Clock, elapsed: u64) -> u32 {
    // Leases are short; whatever they are, nothing overflows.
    let units = (elapsed >> 10) + 1;
    let units = if units > 0xffff_ffff { 0xffff_ffff } else { units };
    let grown = units * clock.dispersion_rate as u64 + 0xffff_ffff;
    let grown = (grown >> 32) as u32;
    clock.root_dispersion.saturating_add(grown)
}

impl Stamps {
    /// Both from one reading of the time: the bits of `fuzz` are the `random` ones (receive's, then
    /// transmit's), transmit is later by one unit of what they leave, and the lowest bits say that
    /// this is a server which doesn't do interleaved mode. `origin` is the request's transmit
    /// timestamp, which neither is to repeat.
    #[inline(always)]
    #[must_use]
    pub const fn new(time: u64, fuzz: u64, random: [u32; 2], origin: u64) -> Self {
        let fuzz = fuzz | 1;
        let (time, [one, other]) = (time & !fuzz, random);
        let mut receive = time | one as u64 & fuzz | 1;
        let mut transmit = time.wrapping_add(fuzz).wrapping_add(1) | other as u64 & fuzz & !1;
        // Away from each other.
        if receive == origin {
            receive = receive.wrapping_sub(2);
        }
        if transmit == origin {
            transmit = transmit.wrapping_add(2);
        }
        Self { receive, transmit }
    }
}

#[cfg(test)]
mod tests;
