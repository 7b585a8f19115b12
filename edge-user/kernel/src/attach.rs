//! The XDP program on interfaces, attached by pinned links, and kept there.
//!
//! Native mode is used if the driver supports it, generic mode otherwise.

use std::path::{Path, PathBuf};

use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::xdp::XdpLink;
use aya::programs::{ProgramError, Xdp};
use edge_common::abi::{Device, maps};

use super::interfaces::{self, Interface};
use super::mode::Mode;
use super::{Kernel, KernelError, Pins, error, pins, program};

/// An interface that XDP is wanted on, and what is there now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// The interface's name in the configuration.
    pub interface: String,
    /// Its index; `None` if there is no such interface now.
    pub index: Option<u32>,
    /// The mode in which the program is attached; `None` if it isn't.
    pub mode: Option<Mode>,
    /// Why not natively, when that was tried first.
    pub fallback: Option<String>,
    /// Why replies may get lost, and the way out.
    pub warning: Option<String>,
    /// Why the program isn't attached, and the way out.
    pub error: Option<String>,
    /// Whether the interface is up and has a carrier.
    pub is_up: bool,
    /// How often the program was attached to it; a link that was taken over counts.
    pub attached: u64,
    /// A number that differs when its link-layer addresses differ; 0 without any.
    pub addresses: u64,
}

/// The interfaces that XDP is wanted on.
#[derive(Debug)]
pub struct Attachments {
    modes: Vec<Mode>,
    all: Vec<Attachment>,
    /// What is in the table of devices.
    devices: Vec<Device>,
}

impl Attachments {
    /// Interfaces by their names, and the modes to try, in their order. Nothing is attached yet.
    #[must_use]
    pub fn new(interfaces: &[String], modes: &[Mode]) -> Self {
        let attachment =
            |name: &String| Attachment { interface: name.clone(), ..Attachment::default() };
        let all = interfaces.iter().map(attachment).collect();
        Self { modes: modes.to_vec(), all, devices: Vec::new() }
    }

    /// Wants other interfaces, or other modes. What is known of those that stay is kept.
    pub fn want(&mut self, interfaces: &[String], modes: &[Mode]) {
        let mut wanted = Self::new(interfaces, modes);
        for it in &mut wanted.all {
            if let Some(known) = self.all.iter().find(|known| known.interface == it.interface) {
                it.clone_from(known);
            }
        }
        (self.modes, self.all) = (wanted.modes, wanted.all);
    }

    /// What [`Kernel::reconcile`] found and did last.
    #[must_use]
    pub fn all(&self) -> &[Attachment] {
        &self.all
    }

    /// The pins of the links that these interfaces may have.
    #[must_use]
    pub fn pins(&self, pins: &Pins) -> Vec<PathBuf> {
        let of = |it: &Attachment| {
            [Mode::Native, Mode::Generic].map(|mode| pins.link(mode.name(), &it.interface))
        };
        self.all.iter().flat_map(of).collect()
    }
}

impl Kernel {
    /// Makes of the interfaces what is wanted: the program attached to each that exists, and their
    /// addresses in the table of devices.
    ///
    /// The kernel is asked what is there; nothing is remembered but why the mode is generic. So
    /// this heals whatever happened since the last call: an interface that was made again, a link
    /// that somebody detached, another address. A link that a former run left is taken over without
    /// a gap.
    ///
    /// It takes milliseconds; a driver that has to make new queues takes longer. Errors of a single
    /// interface are in its [`Attachment::error`].
    ///
    /// # Errors
    /// When the kernel can't be asked, or the table of devices is full.
    pub fn reconcile(&mut self, wanted: &mut Attachments, pins: &Pins) -> Result<(), KernelError> {
        let found = list()?;
        let links: Vec<_> = wanted.all.iter().map(|it| find(&found, &it.interface)).collect();
        // Before the program begins to answer: it passes what is for addresses that aren't there.
        let devices =
            links.iter().flatten().flat_map(|link| interfaces::devices(&found, link.index));
        let known = self.know(&mut wanted.devices, devices.collect());
        for (it, link) in wanted.all.iter_mut().zip(links) {
            it.index = link.map(|link| link.index);
            it.is_up = link.is_some_and(|link| link.is_up && link.has_carrier);
            match link {
                Some(link) => {
                    let own = interfaces::devices(&found, link.index);
                    it.addresses = own.iter().fold(0, |sum, device| {
                        sum.rotate_left(1) ^ u64::from_ne_bytes(device.address)
                    });
                    self.attach(it, link, &wanted.modes, pins);
                }
                None => {
                    let name = it.interface.clone();
                    (it.mode, it.fallback, it.warning) = (None, None, None);
                    it.error = Some(KernelError::NoInterface { name }.to_string());
                }
            }
        }
        known
    }

    /// Writes link-layer addresses into the table of devices, if they differ from those `before`.
    fn know(&self, before: &mut Vec<Device>, now: Vec<Device>) -> Result<(), KernelError> {
        if now != *before {
            self.store().set_devices(&now).map_err(|most| KernelError::Map {
                name: "devices",
                cause: format!(
                    "the interfaces have {} link-layer addresses, and {most} fit; name fewer \
                     interfaces in xdp.interfaces",
                    now.len()
                ),
            })?;
            *before = now;
        }
        Ok(())
    }

    /// Attaches the program to an interface, unless it is there.
    fn attach(&mut self, it: &mut Attachment, link: &Interface, modes: &[Mode], pins: &Pins) {
        if let Some((id, mode)) = link.program
            && id == self.program_id
            && modes.contains(&mode)
        {
            (it.mode, it.error) = (Some(mode), None);
            return;
        }
        let attached = self.attach_again(&it.interface, link, modes, pins);
        it.mode = attached.as_ref().ok().map(|(mode, _)| *mode);
        it.attached += u64::from(it.mode.is_some());
        it.warning = it.mode.and_then(|mode| warning(link, mode));
        (it.fallback, it.error) = match attached {
            Ok((_, fallback)) => (fallback, None),
            Err(cause) => (None, Some(cause.to_string())),
        };
    }

    /// Attaches the program in the first of `modes` that works, and pins the link. Returns the mode
    /// and, unless it is the first, why the first didn't work.
    fn attach_again(
        &mut self,
        name: &str,
        link: &Interface,
        modes: &[Mode],
        pins: &Pins,
    ) -> Result<(Mode, Option<String>), KernelError> {
        let (id, program) = (self.program_id, program(&mut self.ebpf, maps::PROGRAM)?);
        for mode in [Mode::Native, Mode::Generic] {
            let pin = pins.link(mode.name(), name);
            // A link of another version serves as well: it gets the new program and our name.
            for other in pins.other_links(mode.name(), name) {
                if !pin.exists() {
                    pin.parent().map_or(Ok(()), pins::create)?;
                    std::fs::rename(&other, &pin).map_err(|cause| KernelError::Path {
                        path: other.clone(),
                        cause: cause.to_string(),
                    })?;
                }
            }
            if !modes.contains(&mode) {
                pins::remove(&pin)?;
            } else if take_over(program, &pin)? {
                if has(link.index, id)? {
                    return Ok((mode, None));
                }
                // The link's interface has another name now, and isn't wanted.
                pins::remove(&pin)?;
            }
        }
        let mut refused: Option<KernelError> = None;
        for mode in modes {
            match program.attach_to_if_index(link.index, mode.xdp()) {
                Ok(id) => {
                    let taken = program.take_link(id);
                    let taken = taken.map_err(|e| KernelError::program(maps::PROGRAM, e))?;
                    pin_link(taken, name, &pins.link(mode.name(), name))?;
                    return Ok((*mode, refused.map(|cause| cause.to_string())));
                }
                // What the first mode was refused for is the cause: the second may be refused for
                // what the first one's refusal left.
                Err(cause) => {
                    refused = Some(refused.unwrap_or_else(|| explain(name, link, *mode, &cause)));
                }
            }
        }
        Err(refused.unwrap_or_else(|| KernelError::NoInterface { name: name.to_owned() }))
    }
}

/// In native mode, veth drops what XDP sends to a far end that isn't ready to take it.
fn warning(link: &Interface, mode: Mode) -> Option<String> {
    let Interface { name, kind, .. } = link;
    (mode == Mode::Native && kind.as_deref() == Some("veth")).then(|| {
        format!(
            "{name} is one end of a veth pair: in native mode Linux drops the replies unless the \
             far end has an XDP program, too; put one there, or set xdp.mode = \"generic\""
        )
    })
}

/// Why the kernel refused to attach to an interface, and the way out: by the number of its error
/// and by what it reports of the interface.
pub(super) fn explain(
    name: &str,
    link: &Interface,
    mode: Mode,
    cause: &ProgramError,
) -> KernelError {
    if error::is_permission(cause) {
        return KernelError::NotPermitted { what: format!("attach to {name}") };
    }
    let (number, text) = (error::os_error(cause), error::chain(cause));
    if matches!(number, Some(libc::EBUSY | libc::EEXIST)) {
        let (name, mode) = (name.to_owned(), mode.name());
        return KernelError::Busy { name, mode, other: other_program(link), cause: text };
    }
    let way_out = match (mode, number) {
        (Mode::Native, Some(libc::ERANGE)) => format!(
            "; its MTU of {} octets is too large for native XDP: `ip link set {} mtu 1500`, or set \
             xdp.mode = \"generic\" or \"auto\"",
            link.mtu, link.name
        ),
        (Mode::Native, Some(libc::EOPNOTSUPP)) => {
            "; the driver doesn't support native XDP, or not with the interface's offloads: set \
             xdp.mode = \"generic\" or \"auto\""
                .to_owned()
        }
        (Mode::Native, Some(libc::ENOSPC | libc::ENOMEM)) => format!(
            "; the driver has no queues or memory left for XDP's replies: give it fewer queues \
             (`ethtool -L {} combined N`), or set xdp.mode = \"generic\" or \"auto\"",
            link.name
        ),
        (Mode::Native, _) => format!(
            "; the driver refuses native XDP at an MTU of {} octets and with its present queues \
             (`dmesg` may have more): set xdp.mode = \"generic\" or \"auto\"",
            link.mtu
        ),
        (Mode::Generic, _) => String::new(),
    };
    let name = name.to_owned();
    KernelError::Attach { name, mode: mode.name(), cause: format!("{text}{way_out}") }
}

/// Whether an interface has a program, by their numbers, now.
fn has(index: u32, program: u32) -> Result<bool, KernelError> {
    let listed = list()?;
    Ok(listed
        .iter()
        .any(|link| link.index == index && link.program.is_some_and(|p| p.0 == program)))
}

/// The interface that goes by a name.
fn find<'a>(all: &'a [Interface], name: &str) -> Option<&'a Interface> {
    all.iter().find(|link| link.is_called(name))
}

/// All interfaces now.
pub(super) fn list() -> Result<Vec<Interface>, KernelError> {
    interfaces::list().map_err(|cause| KernelError::io("list interfaces", cause))
}

/// The program that is on an interface, for people.
fn other_program(link: &Interface) -> String {
    let Some((id, mode)) = link.program else { return "another XDP program".to_owned() };
    // The kernel gives the name only to those who have CAP_SYS_ADMIN.
    let name = aya::programs::loaded_programs()
        .filter_map(Result::ok)
        .find(|program| program.id() == id)
        .and_then(|program| program.name_as_str().map(|name| format!(" \"{name}\"")));
    format!("the XDP program {id}{} ({} mode)", name.unwrap_or_default(), mode.name())
}

/// Puts the program behind a link that is still pinned. Returns whether there is one that works.
fn take_over(program: &mut Xdp, pin: &Path) -> Result<bool, KernelError> {
    if !pin.exists() {
        return Ok(false);
    }
    let path = |cause: String| KernelError::Path { path: pin.to_path_buf(), cause };
    let link = PinnedLink::from_pin(pin).map_err(|cause| path(error::chain(&cause)))?;
    let link = XdpLink::try_from(FdLink::from(link)).map_err(|cause| path(error::chain(&cause)))?;
    match program.attach_to_link(link) {
        Ok(id) => {
            // aya would detach the link with the program, so it is taken from aya; the pin keeps
            // it.
            drop(program.take_link(id).map_err(|e| KernelError::program(maps::PROGRAM, e))?);
            return Ok(true);
        }
        // The link lost its interface, or somebody detached it: a new one is needed.
        Err(cause) if error::os_error(&cause) == Some(libc::ENOLINK) => {}
        // Whatever it is, the program that is there still answers.
        Err(cause) => return Err(path(error::chain(&cause))),
    }
    pins::remove(pin)?;
    Ok(false)
}

fn pin_link(link: XdpLink, interface: &str, pin: &Path) -> Result<(), KernelError> {
    pin.parent().map_or(Ok(()), pins::create)?;
    let link = FdLink::try_from(link).map_err(|cause| KernelError::Attach {
        name: interface.to_owned(),
        mode: "any",
        cause: format!("{}; links for XDP want Linux 5.9 or later", error::chain(&cause)),
    })?;
    link.pin(pin).map_err(|cause| KernelError::Path {
        path: pin.to_path_buf(),
        cause: error::chain(&cause),
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io;

    use aya::programs::ProgramError;
    use aya::sys::SyscallError;

    use super::{Interface, KernelError, Mode, explain};

    fn link() -> Interface {
        Interface { name: "eth0".into(), mtu: 9000, ..Interface::default() }
    }

    fn refused(number: i32, mode: Mode, link: &Interface) -> KernelError {
        let io_error = io::Error::from_raw_os_error(number);
        let cause = SyscallError { call: "bpf_link_create", io_error };
        explain("lan", link, mode, &ProgramError::SyscallError(cause))
    }

    #[test]
    fn a_foreign_program_is_named_whichever_mode_it_is_in() {
        // No program has this number.
        let link = Interface { program: Some((u32::MAX, Mode::Generic)), ..link() };
        for (number, mode) in [(libc::EBUSY, Mode::Generic), (libc::EEXIST, Mode::Native)] {
            let busy = refused(number, mode, &link);
            assert!(matches!(busy, KernelError::Busy { .. }));
            let text = busy.to_string();
            assert!(text.contains("the XDP program 4294967295 (generic mode) is there"), "{text}");
            assert!(text.contains("`bpftool net`"), "{text}");
        }
        let unnamed = refused(libc::EBUSY, Mode::Native, &self::link()).to_string();
        assert!(unnamed.contains("another XDP program is there"), "{unnamed}");
    }

    #[test]
    fn why_a_program_cannot_be_attached_has_the_way_out() {
        let link = link();
        let denied = refused(libc::EACCES, Mode::Native, &link);
        assert!(matches!(denied, KernelError::NotPermitted { .. }));
        for (number, wanted) in [
            (libc::ERANGE, "its MTU of 9000 octets is too large for native XDP: `ip link set eth0"),
            (libc::EOPNOTSUPP, "the driver doesn't support native XDP"),
            (libc::ENOSPC, "`ethtool -L eth0 combined N`"),
            (libc::EINVAL, "at an MTU of 9000 octets"),
        ] {
            let text = refused(number, Mode::Native, &link).to_string();
            assert!(text.starts_with("interface lan, native mode: "), "{text}");
            assert!(text.contains(wanted) && text.contains("xdp.mode = \"generic\""), "{text}");
        }
        let generic = refused(libc::EINVAL, Mode::Generic, &link).to_string();
        assert!(!generic.contains("xdp.mode"), "{generic}");
    }
}
