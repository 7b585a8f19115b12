//! The state of the clock, from which every reply to a client is made.

use super::timestamp::{Short, Timestamp, fractions};

/// The rate at which the root dispersion grows, 15 · 10⁻⁶ (RFC 5905's `PHI`), in units of
/// [`State::dispersion_rate`]: 2⁻¹⁶ s for 2⁴⁸ ns.
pub const PHI: u32 = 276_702;

/// The treatment of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// They are answered with the time.
    Answer,
    /// They are answered with leap indicator 3 and stratum 0.
    Flag,
    /// They pass to the daemon.
    Pass,
    /// They are dropped.
    Drop,
}

/// A clock that is slowly led away from UTC and back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Smear {
    /// From this moment on, in nanoseconds of the monotonic clock,
    pub from: u64,
    /// and until this one
    pub until: u64,
    /// so many 2⁻³² ns are added for each nanosecond since `from`.
    pub rate: i64,
}

/// A state of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Nanoseconds of the monotonic clock,
    pub monotonic: u64,
    /// and the time then.
    pub utc: Timestamp,
    /// How many nanoseconds the two may be apart.
    pub uncertainty: u64,
    /// From this nanosecond of the monotonic clock on nothing is answered.
    pub lease: u64,
    /// The treatment of requests until then.
    pub service: Service,
    /// Leap indicator.
    pub leap: u8,
    /// Stratum; 0 when not synchronised.
    pub stratum: u8,
    /// log₂ of the seconds that can be distinguished.
    pub precision: i8,
    /// Reference identifier.
    pub refid: [u8; 4],
    /// Round trip to the root.
    pub root_delay: Short,
    /// Greatest error against the root at `monotonic`.
    pub root_dispersion: Short,
    /// How that grows: units of 2⁻¹⁶ s for 2⁴⁸ ns, so that one adds `(elapsed * rate) >> 48`.
    pub dispersion_rate: u32,
    /// When the clock was last set or corrected.
    pub reference: Timestamp,
    /// The nanosecond of the monotonic clock from which `leap_step` is added; `u64::MAX` without a
    /// leap second.
    pub leap_at: u64,
    /// −1 s when a second is inserted, +1 s when one is deleted, in units of 2⁻³² s.
    pub leap_step: i64,
    /// The smear.
    pub smear: Smear,
}

impl State {
    /// The time for replies at a nanosecond of the monotonic clock that isn't before
    /// `self.monotonic`.
    #[must_use]
    pub fn utc_at(&self, monotonic: u64) -> Timestamp {
        let elapsed = monotonic.saturating_sub(self.monotonic);
        let smeared = monotonic.min(self.smear.until).saturating_sub(self.smear.from);
        let smear = (i128::from(smeared) * i128::from(self.smear.rate)) >> 32;
        let ns = i128::from(elapsed) + smear;
        let leap = if monotonic >= self.leap_at { self.leap_step } else { 0 };
        self.utc.plus(fractions(i64::try_from(ns).unwrap_or(i64::MAX)).wrapping_add(leap))
    }

    /// The root dispersion for replies then.
    #[must_use]
    pub fn root_dispersion_at(&self, monotonic: u64) -> Short {
        let elapsed = monotonic.saturating_sub(self.monotonic);
        self.root_dispersion.plus(grown(elapsed, self.dispersion_rate))
    }

    /// Whether clients get the time.
    #[must_use]
    pub const fn is_synchronised(&self) -> bool {
        matches!(self.service, Service::Answer)
    }

    /// Seconds until nothing is answered any more, rounded down.
    #[must_use]
    pub const fn lease_seconds(&self, monotonic: u64) -> u64 {
        self.lease.saturating_sub(monotonic) / super::timestamp::SECOND
    }
}

/// By how much a dispersion grows in so many nanoseconds.
#[must_use]
pub fn grown(nanoseconds: u64, rate: u32) -> Short {
    let units = (u128::from(nanoseconds) * u128::from(rate)) >> 48;
    Short(u32::try_from(units).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::{PHI, grown};
    use crate::ntp::timestamp::{SECOND, Short};

    #[test]
    fn the_dispersion_grows_by_fifteen_microseconds_a_second() {
        // An hour: 54 ms, which are 3538.9 units.
        assert_eq!(grown(3600 * SECOND, PHI), Short(3538));
        assert_eq!(grown(0, PHI), Short(0));
        assert_eq!(grown(u64::MAX, u32::MAX), Short(u32::MAX));
    }
}
