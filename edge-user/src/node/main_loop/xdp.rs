//! The program in the kernel: a configuration comes in; it is loaded, attached, and at the end taken off and away.

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

/// The kernel behind the publisher.
pub(super) struct Behind {
    pub(super) kernel: SharedKernel,
    pub(super) pins: Arc<Pins>,
}

impl Backend for Behind {
    fn insert(&mut self, table: TableId) -> Result<(), BackendError> {
        Ok(lock(&self.kernel).insert(table)?)
    }

    fn barrier(&mut self) -> Result<(), BackendError> {
        Ok(lock(&self.kernel).barrier()?)
    }

    fn name(&mut self, apex: &str, table: Option<TableId>) -> Result<(), BackendError> {
        match table {
            Some(table) => Ok(self.pins.pin_zone(&lock(&self.kernel), apex, table)?),
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
        Ok(Self { kernel, pins: Arc::new(pins), attachments: Vec::new(), bpffs })
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

    /// Takes everything off and away, as far as possible.
    pub(super) fn take_down(self) {
        lock(&self.kernel).end_lease();
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
