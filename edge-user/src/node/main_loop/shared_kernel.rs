//! The kernel's side of XDP, shared by threads under a mutex.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edge_kernel::Kernel;

/// The loaded programs and maps.
pub(super) type SharedKernel = Arc<Mutex<Kernel>>;

/// The kernel, held until the caller drops it.
pub(super) fn lock(kernel: &SharedKernel) -> MutexGuard<'_, Kernel> {
    kernel.lock().unwrap_or_else(PoisonError::into_inner)
}
