//! The kernel's tick: how long it is, and the system's clock counted in it.

use edge_common::time::SECOND;
use rustix::time::{ClockId, clock_getres, clock_gettime};

/// Nanoseconds of a jiffy, at least 1: the coarse clocks' resolution is the kernel's tick.
#[must_use]
pub fn nanoseconds() -> u64 {
    let tick = clock_getres(ClockId::MonotonicCoarse);
    u64::try_from(tick.tv_nsec).unwrap_or(SECOND / 1000).max(1)
}

/// Jiffies a second, at least 1.
#[must_use]
pub fn per_second() -> u32 {
    u32::try_from(SECOND / nanoseconds()).unwrap_or(1).max(1)
}

/// The monotonic clock in jiffies, at `per_second` jiffies a second. It isn't the kernel's count of
/// jiffies, which begins with another number.
#[must_use]
#[inline]
pub fn now(per_second: u32) -> u64 {
    let now = clock_gettime(ClockId::MonotonicCoarse);
    let unsigned = |part: i64| u64::try_from(part).unwrap_or_default();
    let (seconds, rest) = (unsigned(now.tv_sec), unsigned(now.tv_nsec));
    let per_second = u64::from(per_second);
    seconds.wrapping_mul(per_second).wrapping_add(rest * per_second / SECOND)
}

/// `CLOCK_MONOTONIC` in nanoseconds.
#[must_use]
#[inline]
pub fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let unsigned = |part: i64| u64::try_from(part).unwrap_or_default();
    unsigned(now.tv_sec).wrapping_mul(SECOND).wrapping_add(unsigned(now.tv_nsec))
}

#[cfg(test)]
mod tests {
    use super::{nanoseconds, now, per_second};

    #[test]
    fn a_second_has_as_many_jiffies_as_go_into_it() {
        let second = u64::from(per_second()) * nanoseconds();
        assert!((999_000_000..=1_000_000_000).contains(&second), "{second} ns");
    }

    #[test]
    fn the_clock_goes_on_in_its_units() {
        let (first, milliseconds, last) = (now(1000), now(1_000_000) / 1000, now(1000));
        assert!((first..=last).contains(&milliseconds), "{first} {milliseconds} {last}");
    }
}
