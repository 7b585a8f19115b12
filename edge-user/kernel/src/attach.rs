//! The XDP program on an interface, attached by a pinned link.
//!
//! Native mode is used if the driver supports it, generic mode otherwise.

use std::path::{Path, PathBuf};

use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::xdp::XdpLink;
use aya::programs::{ProgramError, Xdp, XdpMode};
use edge_common::abi::{Device, maps};
use nix::ifaddrs::getifaddrs;

use super::{Kernel, KernelError, Pins, error, link, pins, program};

/// Where the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// In the driver.
    Native,
    /// In the network stack, after the kernel allocated a buffer.
    Generic,
}

impl Mode {
    /// Its name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }

    const fn xdp(self) -> XdpMode {
        match self {
            Self::Native => XdpMode::Driver,
            Self::Generic => XdpMode::Skb,
        }
    }
}

/// A program on an interface. Dropping it leaves the program there, by its pin.
#[derive(Debug)]
pub struct Attachment {
    /// The interface's name.
    pub interface: String,
    /// How it is attached.
    pub mode: Mode,
    /// Why not natively, when that was tried first.
    pub fallback: Option<String>,
    /// Why replies may get lost, and the way out.
    pub warning: Option<String>,
    pin: PathBuf,
}

/// An interface's index and link-layer address.
fn device(name: &str) -> Result<Device, KernelError> {
    let ifindex = nix::net::if_::if_nametoindex(name)
        .map_err(|_none| KernelError::NoInterface { name: name.to_owned() })?;
    let addresses =
        getifaddrs().map_err(|cause| KernelError::io("list interfaces", cause.into()))?;
    let address = addresses
        .filter(|entry| entry.interface_name == name)
        .find_map(|entry| entry.address?.as_link_addr()?.addr())
        .unwrap_or_default();
    let [a, b, c, d, e, f] = address;
    Ok(Device { address: [a, b, c, d, e, f, 0, 0], ifindex, reserved: 0 })
}

impl Kernel {
    /// Enters a device into the table of devices whose frames are ours.
    fn own(&self, device: Device) -> Result<(), KernelError> {
        self.store().own(device).map_err(|other| KernelError::Map {
            name: "devices",
            cause: format!(
                "interfaces {other} and {} need the same slot; leave one out of xdp.interfaces",
                device.ifindex
            ),
        })
    }

    /// Attaches the program to an interface in the first of `modes` that works, and pins the link.
    /// A link that a former run left there is taken over without a gap.
    ///
    /// # Errors
    /// When there is no such interface, or the kernel refuses every mode.
    pub fn attach(
        &mut self,
        interface: &str,
        modes: &[Mode],
        pins: &Pins,
    ) -> Result<Attachment, KernelError> {
        let device = device(interface)?;
        self.own(device)?;
        let program = program(&mut self.ebpf, maps::PROGRAM)?;
        let attached = |mode, fallback| Attachment {
            interface: interface.to_owned(),
            mode,
            fallback,
            warning: warning(interface, device.ifindex, mode),
            pin: pins.link(mode.name(), interface),
        };
        for mode in [Mode::Native, Mode::Generic] {
            let pin = pins.link(mode.name(), interface);
            if !modes.contains(&mode) {
                pins::remove(&pin)?;
            } else if take_over(program, &pin)? {
                return Ok(attached(mode, None));
            }
        }
        let mut refused: Option<KernelError> = None;
        for mode in modes {
            match program.attach(interface, mode.xdp()) {
                Ok(id) => {
                    let link = program.take_link(id);
                    let link = link.map_err(|e| KernelError::program(maps::PROGRAM, e))?;
                    pin_link(link, interface, &pins.link(mode.name(), interface))?;
                    return Ok(attached(*mode, refused.map(|cause| cause.to_string())));
                }
                Err(cause) => refused = Some(explain(interface, *mode, &cause)),
            }
        }
        Err(refused.unwrap_or_else(|| KernelError::NoInterface { name: interface.to_owned() }))
    }
}

/// In native mode, veth drops what XDP sends to a far end that isn't ready to take it.
fn warning(interface: &str, ifindex: u32, mode: Mode) -> Option<String> {
    // If the kernel reports nothing about an interface, that is no reason for a warning.
    let kind = link::kind(ifindex).ok().flatten()?;
    (mode == Mode::Native && kind == "veth").then(|| {
        format!(
            "{interface} is one end of a veth pair: in native mode Linux drops the replies unless \
             the far end has an XDP program, too; put one there, or set xdp.mode = \"generic\""
        )
    })
}

/// Why the kernel refused to attach to an interface, and the way out.
pub(super) fn explain(interface: &str, mode: Mode, cause: &ProgramError) -> KernelError {
    if error::is_permission(cause) {
        return KernelError::NotPermitted { what: format!("attach to {interface}") };
    }
    let (name, text) = (interface.to_owned(), error::chain(cause));
    // EEXIST: one is attached in the other mode.
    if matches!(error::os_error(cause), Some(libc::EBUSY | libc::EEXIST)) {
        return KernelError::Busy { name, mode: mode.name(), cause: text };
    }
    let way_out = match mode {
        Mode::Native => "; the driver may not support XDP: set xdp.mode = \"generic\" or \"auto\"",
        Mode::Generic => "",
    };
    KernelError::Attach { name, mode: mode.name(), cause: format!("{text}{way_out}") }
}

/// Puts the program behind a link that is still pinned. Returns whether there is one.
fn take_over(program: &mut Xdp, pin: &Path) -> Result<bool, KernelError> {
    if !pin.exists() {
        return Ok(false);
    }
    let path = |cause: String| KernelError::Path { path: pin.to_path_buf(), cause };
    let link = PinnedLink::from_pin(pin).map_err(|cause| path(error::chain(&cause)))?;
    let link = XdpLink::try_from(FdLink::from(link)).map_err(|cause| path(error::chain(&cause)))?;
    if let Ok(id) = program.attach_to_link(link) {
        // aya would detach the link with the program, so it is taken from aya; the pin keeps it.
        drop(program.take_link(id).map_err(|e| KernelError::program(maps::PROGRAM, e))?);
        return Ok(true);
    }
    // The link's interface is gone: a new one of the same name needs a new link.
    std::fs::remove_file(pin).map_err(|cause| path(cause.to_string()))?;
    Ok(false)
}

fn pin_link(link: XdpLink, interface: &str, pin: &Path) -> Result<(), KernelError> {
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

impl Attachment {
    /// Where its link is pinned.
    #[must_use]
    pub fn pin(&self) -> &Path {
        &self.pin
    }

    /// Takes the program off the interface.
    ///
    /// # Errors
    /// When the pin can't be removed.
    pub fn detach(self) -> Result<(), KernelError> {
        std::fs::remove_file(&self.pin)
            .map_err(|cause| KernelError::Path { path: self.pin, cause: cause.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use aya::programs::ProgramError;
    use aya::sys::SyscallError;

    use super::{KernelError, Mode, explain};

    fn refused(number: i32, mode: Mode) -> KernelError {
        let io_error = io::Error::from_raw_os_error(number);
        let cause = SyscallError { call: "bpf_link_create", io_error };
        explain("eth0", mode, &ProgramError::SyscallError(cause))
    }

    #[test]
    fn why_a_program_cannot_be_attached_is_said_with_the_way_out() {
        for (number, mode) in [(libc::EBUSY, Mode::Generic), (libc::EEXIST, Mode::Native)] {
            let busy = refused(number, mode);
            assert!(matches!(busy, KernelError::Busy { .. }));
            assert!(busy.to_string().ends_with("is there: `ip link show` names it"));
        }
        assert!(matches!(refused(libc::EACCES, Mode::Native), KernelError::NotPermitted { .. }));
        let other = refused(libc::EOPNOTSUPP, Mode::Native);
        assert!(other.to_string().contains("xdp.mode = \"generic\""));
        assert!(!refused(libc::EINVAL, Mode::Generic).to_string().contains("xdp.mode"));
    }
}
