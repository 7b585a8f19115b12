//! The thread `interfaces`: it keeps XDP attached where it is wanted.
//!
//! It asks the kernel what is there whenever an interface or an address changes, and once a
//! second in any case, and mends what differs: see [`Kernel::reconcile`]. What it found is in a
//! [`View`] that any thread may read.
//!
//! The thread ends with the process. Once XDP is being taken down it does nothing more.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{error, info, warn};

use super::access::Access;
use super::shared_kernel::{SharedKernel, lock};
use edge_kernel::{Attachment, Attachments, Changes, KernelError, Mode, Pins};

/// How often the kernel is asked although it reported no change: a program that somebody detaches
/// is no change of the interface.
const LOOK: Duration = Duration::from_secs(1);
/// How long changes are left to follow each other: an interface comes with its addresses.
const SETTLE: Duration = Duration::from_millis(20);

/// Interfaces by their names, and the modes to try.
type Wanted = (Vec<String>, &'static [Mode]);

/// What was found last, and what is wanted instead, for any thread.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    found: Arc<Mutex<Found>>,
    /// Other interfaces and modes, which the thread takes over.
    wanted: Arc<Mutex<Option<Wanted>>>,
}

/// The interfaces and the addresses, as they are now.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// The interfaces that XDP is wanted on, in the configuration's order.
    pub(super) interfaces: Vec<Attachment>,
    /// The addresses that this host has; `None` if the kernel can't be asked.
    pub(super) addresses: Option<Vec<IpAddr>>,
    /// Why the interfaces couldn't be looked at.
    pub(super) error: Option<String>,
}

impl View {
    /// Wants XDP on other interfaces, or in other modes, from the thread's next look on.
    pub(super) fn want(&self, interfaces: &[String], modes: &'static [Mode]) {
        let wanted = Some((interfaces.to_vec(), modes));
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
    }

    fn take_wanted(&self) -> Option<Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A copy.
    pub(super) fn read(&self) -> Found {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, found: Found) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

/// What is needed to attach to the interfaces.
pub(super) struct Attaching {
    pub(super) kernel: SharedKernel,
    pub(super) pins: Arc<Pins>,
    pub(super) access: Arc<Access>,
    pub(super) attachments: Attachments,
}

/// Looks at interfaces and addresses, and attaches XDP if it is on.
pub(super) struct Keeper {
    xdp: Option<Attaching>,
    view: View,
}

impl Keeper {
    pub(super) const fn new(xdp: Option<Attaching>, view: View) -> Self {
        Self { xdp, view }
    }

    /// Looks once and mends what differs. Returns what was there before; `None` once XDP is taken
    /// down.
    pub(super) fn look(&mut self) -> Option<Found> {
        let addresses = edge_kernel::addresses().ok();
        let mut now = Found { addresses, ..Found::default() };
        if let Some(xdp) = &mut self.xdp {
            let mut kernel = lock(&xdp.kernel);
            if xdp.access.is_closed() {
                return None;
            }
            if xdp.access.is_paused() {
                return Some(self.view.read());
            }
            let wanted = self.view.take_wanted();
            let is_other = wanted.is_some();
            if let Some((interfaces, modes)) = wanted {
                xdp.attachments.want(&interfaces, modes);
            }
            let mut failed = kernel.reconcile(&mut xdp.attachments, &xdp.pins).err();
            if is_other {
                let keep = xdp.attachments.pins(&xdp.pins);
                failed = failed.or_else(|| xdp.pins.keep_links(&keep).err());
            }
            drop(kernel);
            now.error = failed.as_ref().map(KernelError::to_string);
            now.interfaces = xdp.attachments.all().to_vec();
        }
        let before = self.view.read();
        self.view.write(now);
        Some(before)
    }

    /// The links of the interfaces that are wanted.
    pub(super) fn links(&self) -> Vec<PathBuf> {
        self.xdp.as_ref().map(|xdp| xdp.attachments.pins(&xdp.pins)).unwrap_or_default()
    }

    /// Logs what differs from what was there before.
    pub(super) fn log(&self, before: &Found) {
        let now = self.view.read();
        if let Some(text) = now.error.as_ref().filter(|text| before.error.as_ref() != Some(text)) {
            error!("look at the interfaces: {text}");
        }
        // Before the first look there is nothing.
        let none = Attachment::default();
        let earlier = before.interfaces.iter();
        for now in &now.interfaces {
            let earlier = earlier.clone().find(|it| it.interface == now.interface);
            log(earlier.unwrap_or(&none), now);
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
