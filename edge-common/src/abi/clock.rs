//! The published clock: the time for NTP replies, and how good it is.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// One side of the published clock.
///
/// **Units.** Times named `ns` are nanoseconds of `CLOCK_MONOTONIC`. An NTP timestamp (RFC 5905 §6)
/// is a word of the machine's: seconds since 1900 modulo 2³² in its upper half, 2⁻³² seconds in its
/// lower one. Eras don't matter: all arithmetic is modulo 2⁶⁴. NTP short format is
/// 2⁻¹⁶ seconds.
///
/// `CLOCK_MONOTONIC` and `CLOCK_REALTIME` run at the same rate, so that from `monotonic` on UTC
/// advances as the monotonic clock does, apart from what `leap_at` and the smear add.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Clock {
    /// When `utc` was right, in ns.
    pub monotonic: u64,
    /// UTC then (smeared UTC during a smear), an NTP timestamp.
    pub utc: u64,
    /// From then on no answer comes from this clock, in ns; after `monotonic`, and less than 2³⁶ ns
    /// (68 s) after it.
    pub lease: u64,
    /// When a leap second comes, in ns; `u64::MAX` if none does during the lease. From then on
    /// `leap_step` is added to `utc` and `reference`, and LI is 0.
    pub leap_at: u64,
    /// In 2⁻³² s: −2³² when a second is inserted, 2³² when one is deleted.
    pub leap_step: i64,
    /// The smear's beginning in ns, or `monotonic` if that is later: what it had added by then is
    /// in `utc`.
    pub smear_from: u64,
    /// The smear's end in ns; not after `smear_from` if there is none.
    pub smear_until: u64,
    /// What a smear adds between the two in 2⁻⁶⁴ s a nanosecond; less than 2²⁶ (4 ms a second)
    /// either way.
    pub smear_rate: i64,
    /// Reference timestamp: when the clock was last set or corrected.
    pub reference: u64,
    /// The bits of timestamps that the clock doesn't resolve, which are filled with random ones: 2ⁿ
    /// − 1, n from 0 to 32.
    pub fuzz: u64,
    /// The first four octets of replies as on the wire, in memory order: LI and mode 4 without a
    /// version, stratum, 0 in place of the client's poll, precision.
    pub header: u32,
    /// The reference ID, wire octets in memory order.
    pub refid: u32,
    /// Root delay, NTP short format.
    pub root_delay: u32,
    /// Root dispersion at `monotonic`, NTP short format.
    pub root_dispersion: u32,
    /// What is added to `root_dispersion`, in 2⁻⁴⁸ s each 1,024 ns: 15 ppm are 4,324.
    pub dispersion_rate: u32,
    /// How requests are answered, one of [`Clock::PASSES`], [`Clock::SYNCHRONISED`],
    /// [`Clock::UNSYNCHRONISED`], [`Clock::DROPS`].
    pub state: u32,
    /// Whether packets of modes 6 and 7 pass (1) or are dropped (0); also when the lease has ended.
    pub passes_control: u32,
    /// Zero.
    pub reserved: u32,
    /// Zero.
    pub unused: [u64; 2],
}

impl Clock {
    /// Not synchronised: requests pass. The state of a zeroed clock.
    pub const PASSES: u32 = 0;
    /// Requests are answered.
    pub const SYNCHRONISED: u32 = 1;
    /// Not synchronised: requests are answered with LI 3, stratum 0, and more delay and dispersion
    /// than any client accepts.
    pub const UNSYNCHRONISED: u32 = 2;
    /// Not synchronised: requests are dropped.
    pub const DROPS: u32 = 3;

    /// The first four octets of replies, as [`Clock::header`] has them.
    #[must_use]
    pub const fn header(leap: u8, stratum: u8, precision: i8) -> u32 {
        u32::from_ne_bytes([leap << 6 | 4, stratum, 0, precision.cast_unsigned()])
    }

    /// [`Clock::dispersion_rate`] of an error in parts in 10⁹ (nanoseconds a second), rounded up.
    #[must_use]
    pub const fn dispersion_rate(parts_per_billion: u32) -> u32 {
        // 1,024 ns at one part in 10⁹ are 1.024e-15 s, or 0.28823037… of 2⁻⁴⁸ s.
        #[expect(clippy::cast_possible_truncation, reason = "it is less than a third of what came")]
        let rate = (parts_per_billion as u64 * 288_231).div_ceil(1_000_000) as u32;
        rate
    }
}

// Two cache lines.
const _: () = assert!(size_of::<Clock>() == 128);

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn fifteen_parts_per_million_are_as_documented() {
        assert_eq!(Clock::dispersion_rate(15_000), 4_324);
        for ppb in [0, 1, 7, 1_000, 500_000, u32::MAX] {
            let exact = f64::from(ppb) * 1e-9 * 1_024e-9 * 2_f64.powi(48);
            let rate = f64::from(Clock::dispersion_rate(ppb));
            assert!(rate >= exact - 1e-3 && rate < exact * (1.0 + 1e-5) + 1.0, "{ppb}: {rate}");
        }
    }

    #[test]
    fn the_header_is_that_of_a_server() {
        assert_eq!(Clock::header(1, 2, -25).to_ne_bytes(), [0x44, 2, 0, 0xe7]);
    }
}
