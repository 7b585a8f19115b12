//! The programs in the kernel: loaded, attached, and removed at the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use edge_common::abi::TableId;
use tracing::{error, info};

use super::interfaces::{Keeper, View};
use crate::ntp::published::Barrier;
use crate::settings::{Config, XdpMode};
use edge_kernel::{Attachments, Bpffs, Kernel, Mode, Pins};
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
    /// Where it is attached.
    pub(super) interfaces: View,
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
        let (interfaces, is_closed) = (View::default(), Arc::default());
        Ok(Self { kernel, pins: Arc::new(pins), interfaces, bpffs, is_closed })
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

    /// Attaches the program to the interfaces, and starts the thread that keeps it there.
    ///
    /// # Errors
    /// When the kernel refuses the program on every interface that exists. An interface that is
    /// missing is no error: XDP is attached when it comes.
    pub(super) fn attach(&mut self, config: &Config) -> anyhow::Result<()> {
        let modes: &[Mode] = match config.xdp.mode {
            XdpMode::Native => &[Mode::Native],
            XdpMode::Generic => &[Mode::Generic],
            XdpMode::Auto | XdpMode::Off => &[Mode::Native, Mode::Generic],
        };
        let mut keeper = Keeper {
            kernel: Arc::clone(&self.kernel),
            pins: Arc::clone(&self.pins),
            is_closed: Arc::clone(&self.is_closed),
            attachments: Attachments::new(&config.xdp.interfaces, modes),
            view: self.interfaces.clone(),
        };
        let before = keeper.look().unwrap_or_default();
        let found = self.interfaces.read();
        let refused = found.interfaces.iter().filter(|it| it.index.is_some());
        let refused = refused.filter_map(|it| it.error.clone()).next();
        let is_anywhere = found.interfaces.iter().any(|it| it.mode.is_some());
        if let Some(cause) = found.error.or(refused.filter(|_| !is_anywhere)) {
            anyhow::bail!(cause);
        }
        keeper.log(&before);
        let keep = keeper.attachments.pins(&self.pins);
        self.pins.keep_links(&keep)?;
        keeper.start().context("start the thread for interfaces")
    }

    /// Ends the lease, detaches and unpins everything, as far as possible. It waits for no
    /// publication: for the kernel's mutex alone, which a barrier holds for some milliseconds.
    pub(super) fn take_down(self) {
        let kernel = lock(&self.kernel);
        self.is_closed.store(true, Ordering::Relaxed);
        kernel.end_lease();
        drop(kernel);
        // The links' pins are among them, and detach the program when they go.
        for removed in [self.pins.remove(), self.bpffs.unmount()] {
            if let Err(cause) = removed {
                error!("{cause}");
            }
        }
    }
}
