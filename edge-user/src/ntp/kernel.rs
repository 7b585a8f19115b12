//! The kernel's clock discipline, read by `adjtimex`.
//!
//! It doesn't decide whether the clock is right. A daemon that doesn't steer the hardware clock
//! leaves `STA_UNSYNC` set (chrony without `rtcsync`), and before a daemon starts the offset of TAI
//! is 0. Only the leap second counts that the kernel is going to insert or delete by itself.
#![expect(unsafe_code, reason = "one system call that no crate of ours wraps")]

use std::io;
use std::mem::MaybeUninit;

/// The kernel's account of its clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// What `adjtimex` returns: `TIME_OK` and so on.
    pub state: i32,
    /// `STA_…` bits.
    pub status: i32,
    /// `CLOCK_TAI` − `CLOCK_REALTIME` in seconds; 0 until somebody sets it.
    pub tai: i32,
    /// Greatest error in microseconds, as the daemon set it and grown since.
    pub max_error: i64,
    /// Estimated error in microseconds, as the daemon set it.
    pub estimated_error: i64,
}

/// A leap second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeapSecond {
    /// 23:59:60 comes.
    Insert,
    /// 23:59:59 doesn't.
    Delete,
}

impl Kernel {
    /// Asks the kernel.
    ///
    /// # Errors
    /// When it refuses, as a container's filter of system calls may.
    pub fn read() -> io::Result<Self> {
        // No mode bit is set: nothing is changed, and no privilege needed.
        let mut timex = MaybeUninit::<libc::timex>::zeroed();
        // SAFETY: the kernel reads and writes one `timex`, which is ours.
        let state = unsafe { libc::adjtimex(timex.as_mut_ptr()) };
        if state < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: all its fields are numbers, for which zeros are a value, too.
        let timex = unsafe { timex.assume_init() };
        Ok(Self {
            state,
            status: timex.status,
            tai: timex.tai,
            max_error: timex.maxerror,
            estimated_error: timex.esterror,
        })
    }

    /// The leap second that comes at the end of this UTC day, if one does. The status shows that
    /// even while the state is `TIME_ERROR`; during the leap second and after it nothing comes any
    /// more, although the bit still stands.
    #[must_use]
    pub const fn pending(&self) -> Option<LeapSecond> {
        if matches!(self.state, libc::TIME_OOP | libc::TIME_WAIT) {
            return None;
        }
        match (self.status & libc::STA_INS != 0, self.status & libc::STA_DEL != 0) {
            (true, _) => Some(LeapSecond::Insert),
            (false, true) => Some(LeapSecond::Delete),
            (false, false) => None,
        }
    }

    /// The state's name.
    #[must_use]
    pub const fn state_name(&self) -> &'static str {
        match self.state {
            libc::TIME_OK => "TIME_OK",
            libc::TIME_INS => "TIME_INS",
            libc::TIME_DEL => "TIME_DEL",
            libc::TIME_OOP => "TIME_OOP",
            libc::TIME_WAIT => "TIME_WAIT",
            _ => "TIME_ERROR",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kernel, LeapSecond};

    #[test]
    fn the_kernel_answers_whoever_asks() {
        let kernel = Kernel::read().unwrap();
        assert!((libc::TIME_OK..=libc::TIME_ERROR).contains(&kernel.state), "{kernel:?}");
        assert!(kernel.max_error >= 0, "{kernel:?}");
    }

    #[test]
    fn a_pending_leap_second_shows_even_if_nobody_disciplines_the_clock() {
        for (state, status, pending) in [
            (libc::TIME_OK, 0, None),
            (libc::TIME_ERROR, libc::STA_UNSYNC, None),
            (libc::TIME_INS, libc::STA_INS, Some(LeapSecond::Insert)),
            (libc::TIME_DEL, libc::STA_DEL, Some(LeapSecond::Delete)),
            (libc::TIME_ERROR, libc::STA_UNSYNC | libc::STA_INS, Some(LeapSecond::Insert)),
            (libc::TIME_OOP, libc::STA_INS, None),
            (libc::TIME_WAIT, libc::STA_INS, None),
        ] {
            let kernel = Kernel { state, status, ..Kernel::default() };
            assert_eq!(kernel.pending(), pending, "{}", kernel.state_name());
        }
    }
}
