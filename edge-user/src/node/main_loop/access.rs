//! The right to change what is in the kernel.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether this process may change what is in the kernel. Written under the kernel's lock, so that
/// whoever has that sees no change.
#[derive(Debug, Default)]
pub(super) struct Access {
    is_closed: AtomicBool,
    is_paused: AtomicBool,
}

impl Access {
    /// Whether it never may again: XDP is being taken down, or another node has taken over.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Whether another node is attaching its program.
    pub(super) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    pub(super) fn pause(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Relaxed);
    }
}
