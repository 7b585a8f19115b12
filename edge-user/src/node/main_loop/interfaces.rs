//! The thread `interfaces`: it keeps XDP attached where it is wanted.
//!
//! It asks the kernel what is there whenever an interface or an address changes, and once a
//! second in any case, and mends what differs: see [`Kernel::reconcile`]. What it found is in a
//! [`View`] that any thread may read.
//!
//! The thread ends with the process. Once XDP is being taken down it does nothing more.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{error, info, warn};

use super::xdp::{SharedKernel, lock};
use edge_kernel::{Attachment, Attachments, Changes, KernelError, Pins};

/// How often the kernel is asked although it reported no change: a program that somebody detaches
/// is no change of the interface.
const LOOK: Duration = Duration::from_secs(1);
/// How long changes are left to follow each other: an interface comes with its addresses.
const SETTLE: Duration = Duration::from_millis(20);

/// What was found last: the interfaces in the configuration's order, and why they couldn't be
/// looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct View(Arc<Mutex<Found>>);

/// See [`View`].
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) interfaces: Vec<Attachment>,
    pub(super) error: Option<String>,
}

impl View {
    /// A copy.
    pub(super) fn read(&self) -> Found {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, found: Found) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

/// The interfaces, and what is needed to attach to them.
pub(super) struct Keeper {
    pub(super) kernel: SharedKernel,
    pub(super) pins: Arc<Pins>,
    /// Whether XDP is being taken down. Written under the kernel's lock.
    pub(super) is_closed: Arc<AtomicBool>,
    pub(super) attachments: Attachments,
    pub(super) view: View,
}

impl Keeper {
    /// Looks once and mends what differs. Returns what was there before; `None` once XDP is taken
    /// down.
    pub(super) fn look(&mut self) -> Option<Found> {
        let mut kernel = lock(&self.kernel);
        if self.is_closed.load(Ordering::Relaxed) {
            return None;
        }
        let failed = kernel.reconcile(&mut self.attachments, &self.pins).err();
        drop(kernel);
        let before = self.view.read();
        let error = failed.as_ref().map(KernelError::to_string);
        self.view.write(Found { interfaces: self.attachments.all().to_vec(), error });
        Some(before)
    }

    /// Logs what differs from what was there before.
    pub(super) fn log(&self, before: &Found) {
        let now = self.view.read();
        if let Some(text) = now.error.as_ref().filter(|text| before.error.as_ref() != Some(text)) {
            error!("look at the interfaces: {text}");
        }
        // Before the first look there is nothing.
        let none = Attachment::default();
        let mut earlier = before.interfaces.iter();
        for now in &now.interfaces {
            log(earlier.next().unwrap_or(&none), now);
        }
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread, or no socket to listen for changes.
    pub(super) fn start(mut self) -> io::Result<()> {
        let changes = Changes::listen()?;
        let work = move || {
            loop {
                match changes.wait(LOOK) {
                    Ok(true) => thread::sleep(SETTLE),
                    Ok(false) => {}
                    // It can't wait for changes any more; it looks once a second.
                    Err(_cause) => thread::sleep(LOOK),
                }
                let Some(before) = self.look() else { return };
                self.log(&before);
            }
        };
        thread::Builder::new().name("interfaces".into()).spawn(work)?;
        Ok(())
    }
}

/// Logs what changed on an interface.
fn log(before: &Attachment, now: &Attachment) {
    let name = &now.interface;
    if now.error != before.error
        && let Some(text) = &now.error
    {
        error!("{text}; the authority answers what arrives at {name}, and XDP is tried again");
    }
    if now.attached != before.attached
        && let Some(mode) = now.mode
    {
        let mode = mode.name();
        match before.attached {
            0 => info!("interface {name}: XDP is attached, {mode} mode"),
            _ => warn!("interface {name}: XDP was gone and is attached again, {mode} mode"),
        }
        if let Some(reason) = &now.fallback {
            warn!("{reason}; attached in generic mode, which is slower");
        }
        if let Some(text) = &now.warning {
            warn!("{text}");
        }
    }
    if now.is_up != before.is_up && now.index.is_some() && before.index.is_some() {
        match now.is_up {
            true => info!("interface {name} is up"),
            false => warn!("interface {name} is down or has no carrier"),
        }
    }
    if before.addresses != now.addresses && before.index == now.index && before.addresses > 0 {
        info!("interface {name} has other link-layer addresses; XDP knows them");
    }
}
