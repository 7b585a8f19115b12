//! The notice of a step of the real-time clock.
//!
//! A timer on the real-time clock that never expires is cancelled when that clock is set: by
//! `settime`, by a leap second, or on waking up.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A time in seconds since 1970, in the year 2255. The kernel doesn't allow its clock to be set so
/// far, but its timers can wait for it.
const NEVER: i64 = 9_000_000_000;

/// The alarm for steps of the clock.
pub trait Alarm {
    /// Waits until it was. May be dropped at any time.
    fn stepped(&mut self) -> impl Future<Output = ()> + Send;
}

/// The kernel's word.
#[derive(Debug)]
pub struct Steps {
    timer: AsyncFd<OwnedFd>,
}

impl Steps {
    /// Begins to watch. To be called within a runtime.
    ///
    /// # Errors
    /// When the kernel gives no timer.
    pub fn watch() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
        arm(&timer)?;
        #[expect(
            deprecated,
            reason = "what replaces it is unsafe for types that lie about their descriptor"
        )]
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(Self { timer })
    }
}

fn arm(timer: &OwnedFd) -> io::Result<()> {
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
    let never = Itimerspec { it_interval: zero, it_value: Timespec { tv_sec: NEVER, tv_nsec: 0 } };
    match timerfd_settime(timer, flags, &never) {
        // The clock was set meanwhile; the timer is armed nevertheless.
        Ok(_) | Err(Errno::CANCELED) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// The meaning of a read of the timer: whether the clock was set, or nothing yet.
fn was_set(read: Result<usize, Errno>) -> io::Result<bool> {
    match read {
        Err(Errno::CANCELED) => Ok(true),
        // It expired: the clock was set to where its end is.
        Ok(_) => Ok(true),
        Err(Errno::AGAIN) => Err(io::ErrorKind::WouldBlock.into()),
        Err(Errno::INTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

impl Alarm for Steps {
    async fn stepped(&mut self) {
        loop {
            let Ok(mut ready) = self.timer.readable().await else {
                // Without a reactor nothing can be waited for; the clock is looked at every second
                // anyway.
                return std::future::pending().await;
            };
            let read = ready.try_io(|timer| {
                let mut expirations = [0; 8];
                let set = was_set(rustix::io::read(timer.get_ref(), &mut expirations))?;
                arm(timer.get_ref())?;
                Ok(set)
            });
            match read {
                Ok(Ok(true)) => return,
                // Not yet after all.
                Ok(Ok(false)) | Err(_) => {}
                Ok(Err(_)) => return std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Alarm as _, Steps, was_set};
    use rustix::io::Errno;
    use std::io::ErrorKind;
    use std::time::Duration;

    #[test]
    fn a_cancelled_timer_is_a_step_and_a_quiet_one_is_none() {
        assert!(was_set(Err(Errno::CANCELED)).unwrap());
        assert!(was_set(Ok(8)).unwrap());
        assert!(!was_set(Err(Errno::INTR)).unwrap());
        assert_eq!(was_set(Err(Errno::AGAIN)).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(was_set(Err(Errno::BADF)).is_err());
    }

    #[tokio::test]
    async fn the_kernel_takes_the_timer_and_reports_nothing_of_a_clock_that_isnt_set() {
        let mut steps = Steps::watch().unwrap();
        let quiet = tokio::time::timeout(Duration::from_millis(20), steps.stepped()).await;
        assert!(quiet.is_err());
        // It can be waited for again.
        let quiet = tokio::time::timeout(Duration::from_millis(20), steps.stepped()).await;
        assert!(quiet.is_err());
    }
}
