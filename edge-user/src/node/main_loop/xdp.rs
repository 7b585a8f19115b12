//! The programs in the kernel: loaded, attached, and removed at the end.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use edge_common::abi::TableId;
use tracing::{error, info};

use super::access::Access;
use super::interfaces::Attaching;
use super::shared_kernel::{SharedKernel, lock};
use crate::ntp::published::Barrier;
use crate::settings::{Config, XdpMode};
use edge_kernel::{Attachments, Bpffs, Kernel, Mode, Pins};
use edge_tables::publish::{Backend, BackendError};

/// How often it is looked whether another node has ended attaching.
const PAUSE: Duration = Duration::from_millis(10);

/// The kernel, for the publisher on the controller's thread.
///
/// It refuses everything once XDP is being taken down: a publication that goes on meanwhile can't
/// pin anything in a directory that was removed.
pub(super) struct KernelBackend {
    kernel: SharedKernel,
    pins: Arc<Pins>,
    access: Arc<Access>,
}

impl KernelBackend {
    /// The kernel, held until the caller drops it. While another node attaches its program, this
    /// waits: that node takes over, or gives up.
    fn open(&self) -> Result<MutexGuard<'_, Kernel>, BackendError> {
        loop {
            let kernel = lock(&self.kernel);
            if self.access.is_closed() {
                return Err(BackendError::new("the node is stopping"));
            }
            if !self.access.is_paused() {
                return Ok(kernel);
            }
            drop(kernel);
            thread::sleep(PAUSE);
        }
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
    bpffs: Bpffs,
    /// Whether a program of this process may be on an interface.
    has_attached: bool,
    access: Arc<Access>,
}

/// Where a BPF file system is mounted if the system has none.
fn own_bpffs(config: &Config) -> PathBuf {
    config.control.socket.with_file_name("bpf")
}

impl Xdp {
    /// Locks the instance, unless its lock was inherited, and loads the programs. What a former run
    /// left attached stays.
    ///
    /// # Errors
    /// When another process has the instance, or the kernel refuses something. Nothing of another
    /// process is changed, and what this one made is taken away.
    pub(super) fn load(config: &Config, lock: Option<OwnedFd>) -> anyhow::Result<Self> {
        let bpffs = Bpffs::find(&own_bpffs(config))?;
        if bpffs.is_ours() {
            info!("a BPF file system of this node's own is on {}", bpffs.path().display());
        }
        let loaded = Pins::lock(&bpffs, &config.xdp.instance, lock).and_then(|pins| {
            let prepared = Kernel::load().and_then(|kernel| {
                pins.prepare()?;
                pins.pin_shared(&kernel)?;
                Ok(kernel)
            });
            // What stopped us is worth more than what is left behind.
            prepared.inspect_err(|_| drop(pins.remove_but_links())).map(|kernel| (kernel, pins))
        });
        let (kernel, pins) = loaded.inspect_err(|_| drop(bpffs.unmount()))?;
        Ok(Self {
            kernel: Arc::new(Mutex::new(kernel)),
            pins: Arc::new(pins),
            bpffs,
            has_attached: false,
            access: Arc::default(),
        })
    }

    /// Takes away what a former run left attached: for a node without XDP.
    ///
    /// # Errors
    /// When another process has the instance, or the file system refuses.
    pub(super) fn clear(config: &Config, lock: Option<OwnedFd>) -> anyhow::Result<()> {
        if Pins::clear(&own_bpffs(config), &config.xdp.instance, lock)? {
            info!("xdp.mode is \"off\": took away the XDP program that a former run left");
        }
        Ok(())
    }

    /// The kernel for the publisher.
    pub(super) fn backend(&self) -> KernelBackend {
        let (kernel, pins) = (Arc::clone(&self.kernel), Arc::clone(&self.pins));
        KernelBackend { kernel, pins, access: Arc::clone(&self.access) }
    }

    /// Waits for packets without waiting for whoever has the kernel.
    pub(super) fn barrier(&self) -> anyhow::Result<Barrier> {
        let mut barrier = lock(&self.kernel).own_barrier()?;
        Ok(Box::new(move || barrier.wait().map_err(|error| error.to_string())))
    }

    /// The modes to try, in their order.
    pub(super) const fn modes(mode: XdpMode) -> &'static [Mode] {
        match mode {
            XdpMode::Native => &[Mode::Native],
            XdpMode::Generic => &[Mode::Generic],
            XdpMode::Auto | XdpMode::Off => &[Mode::Native, Mode::Generic],
        }
    }

    /// What is needed to attach to the interfaces. From now on a program of this process may be on
    /// one.
    pub(super) fn attaching(&mut self, config: &Config) -> Attaching {
        self.has_attached = true;
        Attaching {
            kernel: Arc::clone(&self.kernel),
            pins: Arc::clone(&self.pins),
            access: Arc::clone(&self.access),
            attachments: Attachments::new(&config.xdp.interfaces, Self::modes(config.xdp.mode)),
        }
    }

    /// What pauses this process's changes in the kernel (true), and lets them go on (false).
    pub(super) fn pause(&self) -> impl Fn(bool) + Send + 'static {
        let (kernel, access) = (Arc::clone(&self.kernel), Arc::clone(&self.access));
        move |is_paused| {
            let _held = lock(&kernel);
            access.pause(is_paused);
        }
    }

    /// Leaves XDP attached, and what it answers from, for a node that starts before the lease ends.
    pub(super) fn keep(self) {
        let mut kernel = self.close();
        if let Err(cause) = kernel.renew_lease() {
            error!("renew the lease: {cause}; XDP passes everything when it ends");
        }
        drop(kernel);
        self.pins.unlock();
    }

    /// Leaves everything as it is: another node has taken over.
    pub(super) fn leave(self) {
        drop(self.close());
        self.pins.unlock();
    }

    /// Leaves the interfaces to the node that this one wanted to take over from.
    pub(super) fn give_back(self) {
        drop(self.close());
        if let Err(cause) = self.pins.remove_but_links() {
            error!("{cause}");
        }
        self.pins.unlock();
    }

    fn close(&self) -> MutexGuard<'_, Kernel> {
        let kernel = lock(&self.kernel);
        self.access.close();
        kernel
    }

    /// Ends the lease, detaches and unpins everything, as far as possible. It waits for no
    /// publication: for the kernel's mutex alone, which a barrier holds for some milliseconds.
    pub(super) fn take_down(self) {
        let kernel = self.close();
        kernel.end_lease();
        drop(kernel);
        // The links' pins are among them, and the program is detached when they go. If this process
        // attached none, the program of a former run stays: it answers until its lease ends.
        let removed = match self.has_attached {
            true => self.pins.remove(),
            false => self.pins.remove_but_links(),
        };
        self.pins.unlock();
        for removed in [removed, self.bpffs.unmount()] {
            if let Err(cause) = removed {
                error!("{cause}");
            }
        }
    }
}
