//! The programs in the kernel: loaded, attached, and removed at the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edge_common::abi::TableId;
use tracing::{error, info, warn};

use crate::ntp::published::Barrier;
use crate::settings::{Config, XdpMode};
use edge_kernel::{Attachment, Bpffs, Kernel, Mode, Pins};
use edge_tables::publish::{Backend, BackendError};

pub(super) type SharedKernel = Arc<Mutex<Kernel>>;

pub(super) fn lock(kernel: &SharedKernel) -> MutexGuard<'_, Kernel> {
    kernel.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The kernel, for the publisher on the controller's thread.
///
/// It refuses everything once XDP is being taken down: a publication that goes on meanwhile can't
/// pin anything in a directory that was removed.
pub(super) struct KernelBackend {
    kernel: SharedKernel,
    pins: Arc<Pins>,
    is_closed: Arc<AtomicBool>,
}

impl KernelBackend {
    /// The kernel, held until the caller drops it.
    fn open(&self) -> Result<MutexGuard<'_, Kernel>, BackendError> {
        let kernel = lock(&self.kernel);
        // Written under the same lock.
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(BackendError::new("the node is stopping"));
        }
        Ok(kernel)
    }
}

impl Backend for KernelBackend {
    fn insert(&mut self, table: TableId) -> Result<(), BackendError> {
        Ok(self.open()?.insert(table)?)
    }

    fn barrier(&mut self) -> Result<(), BackendError> {
        Ok(self.open()?.barrier()?)
    }

    fn name(&mut self, apex: &str, table: Option<TableId>) -> Result<(), BackendError> {
        let kernel = self.open()?;
        match table {
            Some(table) => Ok(self.pins.pin_zone(&kernel, apex, table)?),
            None => Ok(self.pins.unpin_zone(apex)?),
        }
    }
}

/// XDP, when it is on.
pub(super) struct Xdp {
    pub(super) kernel: SharedKernel,
    pub(super) pins: Arc<Pins>,
    pub(super) attachments: Vec<Attachment>,
    bpffs: Bpffs,
    /// Whether the publisher may no longer use the kernel.
    is_closed: Arc<AtomicBool>,
}

impl Xdp {
    pub(super) fn load(config: &Config) -> anyhow::Result<Self> {
        let kernel = Kernel::load()?;
        let own = config.control.socket.with_file_name("bpf");
        let bpffs = Bpffs::find(&own)?;
        if bpffs.is_ours() {
            info!("mounted a BPF file system on {}", bpffs.path().display());
        }
        let pins = Pins::new(&bpffs, &config.xdp.instance)?;
        if let Err(cause) = pins.pin_shared(&kernel) {
            // What stopped us is worth more than what is left behind.
            drop(pins.remove());
            drop(bpffs.unmount());
            return Err(cause.into());
        }
        let kernel = Arc::new(Mutex::new(kernel));
        let (attachments, is_closed) = (Vec::new(), Arc::default());
        Ok(Self { kernel, pins: Arc::new(pins), attachments, bpffs, is_closed })
    }

    /// The kernel for the publisher.
    pub(super) fn backend(&self) -> KernelBackend {
        let (kernel, pins) = (Arc::clone(&self.kernel), Arc::clone(&self.pins));
        KernelBackend { kernel, pins, is_closed: Arc::clone(&self.is_closed) }
    }

    /// Waits for packets without waiting for whoever has the kernel.
    pub(super) fn barrier(&self) -> anyhow::Result<Barrier> {
        let mut barrier = lock(&self.kernel).own_barrier()?;
        Ok(Box::new(move || barrier.wait().map_err(|error| error.to_string())))
    }

    pub(super) fn attach(&mut self, config: &Config) -> anyhow::Result<()> {
        let modes: &[Mode] = match config.xdp.mode {
            XdpMode::Native => &[Mode::Native],
            XdpMode::Generic => &[Mode::Generic],
            XdpMode::Auto | XdpMode::Off => &[Mode::Native, Mode::Generic],
        };
        for interface in &config.xdp.interfaces {
            let attachment = lock(&self.kernel).attach(interface, modes, &self.pins)?;
            if let Some(reason) = &attachment.fallback {
                warn!("{reason}; attached in generic mode, which is slower");
            }
            if let Some(text) = &attachment.warning {
                warn!("{text}");
            }
            self.attachments.push(attachment);
        }
        let keep: Vec<_> = self.attachments.iter().map(Attachment::pin).collect();
        Ok(self.pins.keep_links(&keep)?)
    }

    /// Ends the lease, detaches and unpins everything, as far as possible. It waits for no
    /// publication: for the kernel's mutex alone, which a barrier holds for some milliseconds.
    pub(super) fn take_down(self) {
        let kernel = lock(&self.kernel);
        self.is_closed.store(true, Ordering::Relaxed);
        kernel.end_lease();
        drop(kernel);
        for attachment in self.attachments {
            if let Err(cause) = attachment.detach() {
                error!("{cause}");
            }
        }
        for removed in [self.pins.remove(), self.bpffs.unmount()] {
            if let Err(cause) = removed {
                error!("{cause}");
            }
        }
    }
}
