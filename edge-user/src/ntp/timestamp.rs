//! NTP's timestamp and short formats (RFC 5905 §6).
//!
//! A timestamp has no era: its seconds are those since 1900 modulo 2³², which begin again on 7
//! February 2036. All arithmetic wraps, and a difference is right as long as it is less than 68
//! years.

pub use edge_common::time::SECOND;

/// Seconds from 1900 to 1970.
const UNIX_EPOCH: i64 = 2_208_988_800;
/// A second, in units of 2⁻³² s.
pub const ONE: i64 = 1 << 32;

/// A moment in UTC: seconds since 1900 modulo 2³² in the upper 32 bits, 2⁻³² s in the lower ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Of seconds since 1970 and nanoseconds (below 10⁹), rounded down.
    #[must_use]
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Self {
        let fraction = (u64::from(nanoseconds) << 32) / SECOND;
        let seconds = seconds.wrapping_add(UNIX_EPOCH).cast_unsigned() << 32;
        Self(seconds.wrapping_add(fraction))
    }

    /// Seconds since 1970, of the era that is nearest to `pivot` (seconds since 1970).
    #[must_use]
    pub fn unix_near(self, pivot: i64) -> i64 {
        pivot + (self.since(Self::from_unix(pivot, 0)) >> 32)
    }

    /// From `earlier` to this, in units of 2⁻³² s.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }

    /// So many units of 2⁻³² s later.
    #[must_use]
    pub const fn plus(self, fractions: i64) -> Self {
        Self(self.0.wrapping_add_signed(fractions))
    }

    /// Whether it is all zeros, which stands for no time.
    #[must_use]
    pub const fn is_unknown(self) -> bool {
        self.0 == 0
    }
}

/// A span in units of 2⁻³² s, of nanoseconds; rounded down, at most 68 years.
#[must_use]
pub fn fractions(nanoseconds: i64) -> i64 {
    clamp((i128::from(nanoseconds) << 32).div_euclid(i128::from(SECOND)))
}

/// A span in nanoseconds, of units of 2⁻³² s; to the nearest.
#[must_use]
pub fn nanoseconds(fractions: i64) -> i64 {
    clamp((i128::from(fractions) * i128::from(SECOND) + (1 << 31)) >> 32)
}

fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// A span of time as the header's root delay and root dispersion have it: units of 2⁻¹⁶ s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Short(pub u32);

impl Short {
    /// Of nanoseconds, rounded up: an error is never given smaller than it is. At most 18 hours.
    #[must_use]
    pub fn at_least(nanoseconds: u64) -> Self {
        let units = (u128::from(nanoseconds) << 16).div_ceil(u128::from(SECOND));
        Self(u32::try_from(units).unwrap_or(u32::MAX))
    }

    /// In nanoseconds, rounded down.
    #[must_use]
    pub fn nanoseconds(self) -> u64 {
        (u64::from(self.0) * SECOND) >> 16
    }

    /// The sum, at most 18 hours.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{ONE, Short, Timestamp, fractions, nanoseconds};

    /// 2036-02-07 06:28:16 UTC, where the second era begins.
    const ERA_1: i64 = 2_085_978_496;

    #[test]
    fn the_epochs_are_seventy_years_apart() {
        assert_eq!(Timestamp::from_unix(0, 0), Timestamp(0x83AA_7E80_0000_0000));
        assert_eq!(Timestamp::from_unix(0, 500_000_000).0 & 0xFFFF_FFFF, 0x8000_0000);
        // RFC 5905 §6, figure 4: the first day of 1 January 1972 in UTC.
        assert_eq!(Timestamp::from_unix(63_072_000, 0).0 >> 32, 2_272_060_800);
    }

    #[test]
    fn nanoseconds_become_fractions_exactly_and_come_back() {
        for ns in [0_u32, 1, 4, 5, 999, 500_000_000, 999_999_998, 999_999_999] {
            let fraction = Timestamp::from_unix(0, ns).0 & 0xFFFF_FFFF;
            let exact = (u128::from(ns) << 32) / 1_000_000_000;
            assert_eq!(u128::from(fraction), exact, "{ns}");
            assert_eq!(nanoseconds(fractions(i64::from(ns))), i64::from(ns));
            assert_eq!(nanoseconds(fractions(-i64::from(ns))), -i64::from(ns));
        }
        assert_eq!(fractions(-1_500_000_000), -ONE - ONE / 2);
        assert_eq!(fractions(i64::MAX), i64::MAX);
        assert_eq!(fractions(i64::MIN), i64::MIN);
    }

    #[test]
    fn time_goes_on_across_the_end_of_an_era() {
        let last = Timestamp::from_unix(ERA_1 - 1, 999_999_999);
        let first = Timestamp::from_unix(ERA_1, 0);
        assert_eq!(last.0 >> 32, 0xFFFF_FFFF);
        assert_eq!(first, Timestamp(0));
        assert_eq!(nanoseconds(first.since(last)), 1);
        assert_eq!(nanoseconds(last.since(first)), -1);
        assert_eq!(last.plus(fractions(2_000_000_000)).0 >> 32, 1);
        for pivot in [ERA_1 - 1000, ERA_1 + 1000] {
            assert_eq!(last.unix_near(pivot), ERA_1 - 1);
            assert_eq!(first.unix_near(pivot), ERA_1);
        }
        assert_eq!(Timestamp::from_unix(-5, 0).unix_near(0), -5);
    }

    #[test]
    fn spans_in_the_short_format_are_rounded_up_and_end_at_eighteen_hours() {
        assert_eq!(Short::at_least(0), Short(0));
        assert_eq!(Short::at_least(1), Short(1));
        assert_eq!(Short::at_least(1_000_000_000), Short(1 << 16));
        assert_eq!(Short::at_least(1_000_000_001), Short((1 << 16) + 1));
        assert_eq!(Short::at_least(u64::MAX), Short(u32::MAX));
        assert_eq!(Short(1 << 16).nanoseconds(), 1_000_000_000);
        assert_eq!(Short(1).nanoseconds(), 15_258);
        assert_eq!(Short(u32::MAX).plus(Short(1)), Short(u32::MAX));
    }
}
