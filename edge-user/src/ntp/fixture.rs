//! Staged clocks and answers for tests.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::daemon::Answer;
use super::host::Host;
use super::kernel::Kernel;
use super::message::Message;
use super::pair::Pair;
use super::timestamp::{SECOND, Short, Timestamp};

/// 2026-11-22 00:00:00 UTC.
pub(crate) const DAY: i64 = 1_795_305_600;
/// What reading a staged clock takes, in nanoseconds.
pub(crate) const READ: u64 = 100;

/// A good answer at a moment.
pub(crate) fn answer(monotonic: u64, offset: i64) -> Answer {
    let message = Message {
        leap: 0,
        stratum: 2,
        precision: -23,
        refid: [192, 0, 2, 1],
        // 1/64 s and 1/128 s: a root distance of 1/64 s.
        root_delay: Short(1 << 10),
        root_dispersion: Short(1 << 9),
        reference: Timestamp::from_unix(DAY, 0),
        receive: Timestamp::from_unix(DAY + 64, 0),
        transmit: Timestamp::from_unix(DAY + 64, 0),
    };
    Answer { message, monotonic, offset, delay: 40_000 }
}

/// The same from a daemon that smears.
pub(crate) fn smeared(monotonic: u64, offset: i64) -> Answer {
    let answer = answer(monotonic, offset);
    let message = Message { refid: [127, 127, 1, 255], ..answer.message };
    Answer { message, ..answer }
}

/// A host whose clocks do as a test sets them. All clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Staged {
    clocks: Arc<Clocks>,
}

#[derive(Debug, Default)]
struct Clocks {
    monotonic: AtomicU64,
    /// Real time less the monotonic clock, in nanoseconds since [`DAY`].
    real: AtomicI64,
    asleep: AtomicU64,
    mute: AtomicBool,
    kernel: Mutex<Kernel>,
    advanced: Notify,
}

impl Staged {
    pub(crate) fn at(monotonic: u64) -> Self {
        let staged = Self::default();
        staged.clocks.monotonic.store(monotonic, Ordering::SeqCst);
        staged
    }

    pub(crate) fn advance(&self, nanoseconds: u64) {
        self.clocks.monotonic.fetch_add(nanoseconds, Ordering::SeqCst);
        self.clocks.advanced.notify_waiters();
    }

    pub(crate) fn step(&self, nanoseconds: i64) {
        self.clocks.real.fetch_add(nanoseconds, Ordering::SeqCst);
    }

    pub(crate) fn suspend(&self, nanoseconds: u64) {
        self.clocks.asleep.fetch_add(nanoseconds, Ordering::SeqCst);
        self.step(i64::try_from(nanoseconds).unwrap());
    }

    pub(crate) fn set_kernel(&self, kernel: Option<Kernel>) {
        self.clocks.mute.store(kernel.is_none(), Ordering::SeqCst);
        *self.clocks.kernel.lock().unwrap() = kernel.unwrap_or_default();
    }

    /// Real time at a moment of the monotonic clock.
    pub(crate) fn real(&self, monotonic: u64) -> Pair {
        let ns = i64::try_from(monotonic).unwrap() + self.clocks.real.load(Ordering::SeqCst);
        let second = i64::try_from(SECOND).unwrap();
        let nanoseconds = u32::try_from(ns.rem_euclid(second)).unwrap();
        let seconds = DAY + ns.div_euclid(second);
        Pair { monotonic, seconds, nanoseconds, uncertainty: READ }
    }

    /// The time now, in a way that takes none.
    pub(crate) fn utc(&self) -> Timestamp {
        self.real(self.clocks.monotonic.load(Ordering::SeqCst)).utc()
    }
}

impl Host for Staged {
    fn pair(&self) -> Pair {
        self.real(self.monotonic())
    }

    fn monotonic(&self) -> u64 {
        self.clocks.monotonic.fetch_add(READ, Ordering::SeqCst)
    }

    async fn until(&self, monotonic: u64) {
        loop {
            // Made before the clock is read: it notices all that comes after.
            let advanced = self.clocks.advanced.notified();
            if self.clocks.monotonic.load(Ordering::SeqCst) >= monotonic {
                return;
            }
            advanced.await;
        }
    }

    fn asleep(&self) -> u64 {
        self.clocks.asleep.load(Ordering::SeqCst)
    }

    fn kernel(&self) -> io::Result<Kernel> {
        if self.clocks.mute.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(*self.clocks.kernel.lock().unwrap())
    }

    fn precision(&self) -> i8 {
        -24
    }
}
