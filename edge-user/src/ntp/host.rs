//! This host's clocks, behind a trait so that tests can stage others.

use std::future::Future;
use std::io;
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

use super::kernel::Kernel;
use super::pair::{Pair, Reading, precision};
use super::timestamp::SECOND;

/// How often both clocks are read for a pair: some microseconds.
const READINGS: usize = 64;

/// The clocks of a host.
pub trait Host {
    /// Both clocks now.
    fn pair(&self) -> Pair;
    /// Nanoseconds of the monotonic clock.
    fn monotonic(&self) -> u64;
    /// Waits for a nanosecond of the monotonic clock. May be dropped at any time.
    fn until(&self, monotonic: u64) -> impl Future<Output = ()> + Send;
    /// Nanoseconds that the host has been suspended since it was started; the monotonic clock
    /// doesn't count them.
    fn asleep(&self) -> u64;
    /// The kernel's report on the clock's discipline.
    ///
    /// # Errors
    /// When it gives none.
    fn kernel(&self) -> io::Result<Kernel>;
    /// log₂ of the seconds that reading the clock takes.
    fn precision(&self) -> i8;
}

/// The host that this runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct This;

/// Nanoseconds; the clocks that are read so are never negative.
fn nanoseconds(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * SECOND + u64::try_from(time.tv_nsec).unwrap_or_default()
}

fn read() -> Reading {
    let before = clock_gettime(ClockId::Monotonic);
    let real = clock_gettime(ClockId::Realtime);
    let after = clock_gettime(ClockId::Monotonic);
    let real = (real.tv_sec, u32::try_from(real.tv_nsec).unwrap_or_default());
    Reading { before: nanoseconds(before), real, after: nanoseconds(after) }
}

impl Host for This {
    fn pair(&self) -> Pair {
        Pair::tightest(read(), std::iter::repeat_with(read).take(READINGS - 1))
    }

    fn monotonic(&self) -> u64 {
        nanoseconds(clock_gettime(ClockId::Monotonic))
    }

    async fn until(&self, monotonic: u64) {
        let left = monotonic.saturating_sub(self.monotonic());
        // It is a millisecond or two late, never early.
        tokio::time::sleep(Duration::from_nanos(left)).await;
    }

    fn asleep(&self) -> u64 {
        // In this order it is never negative.
        let monotonic = self.monotonic();
        nanoseconds(clock_gettime(ClockId::Boottime)).saturating_sub(monotonic)
    }

    fn kernel(&self) -> io::Result<Kernel> {
        Kernel::read()
    }

    fn precision(&self) -> i8 {
        let mut last = self.monotonic();
        let mut least = SECOND;
        for _ in 0..READINGS {
            let now = self.monotonic();
            if now > last {
                least = least.min(now - last);
            }
            last = now;
        }
        precision(least)
    }
}

#[cfg(test)]
mod tests {
    use super::{Host as _, This};
    use crate::ntp::timestamp::nanoseconds;

    #[test]
    fn two_pairs_of_this_host_have_the_same_time() {
        let (first, second) = (This.pair(), This.pair());
        assert!(second.monotonic > first.monotonic);
        let monotonic = i64::try_from(second.monotonic - first.monotonic).unwrap();
        let real = nanoseconds(second.utc().since(first.utc()));
        let uncertain = i64::try_from(first.uncertainty + second.uncertainty).unwrap();
        // Both are steered alike; rounding to the format takes a nanosecond each.
        assert!((real - monotonic).abs() <= uncertain + 2, "{first:?} {second:?}");
        assert!((-30..=-1).contains(&This.precision()));
    }
}
