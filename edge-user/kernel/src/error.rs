//! The errors between this program and the kernel.
//!
//! Each message has the place, the cause and the way out.

use std::io;
use std::path::PathBuf;

use aya::EbpfError;
use aya::maps::MapError;
use aya::programs::ProgramError;
use aya::programs::xdp::XdpError;
use edge_leaves::error_chain::error_chain;
use edge_tables::publish::BackendError;
use rustix::thread::{CapabilitySet, capabilities};

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// This build has no object.
    #[error(
        "this build has no XDP program; build it by `cargo xtask build`, or set xdp.mode = \"off\""
    )]
    NoObject,
    /// The object isn't what this program expects.
    #[error("the XDP object has no {name} of the right kind; rebuild by `cargo xtask build`")]
    Object {
        /// Map or program.
        name: &'static str,
    },
    /// The user may not do it.
    #[error(
        "{what}: not permitted; run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON{}, or \
         set xdp.mode = \"off\"",
        missing_rights()
    )]
    NotPermitted {
        /// What was tried.
        what: String,
    },
    /// The kernel refused a program.
    #[error("program {name}: {cause}")]
    Program {
        /// Its name.
        name: &'static str,
        /// The kernel's and the verifier's words.
        cause: String,
    },
    /// The kernel refused something about a map.
    #[error("map {name}: {cause}")]
    Map {
        /// Its name.
        name: &'static str,
        /// The kernel's words.
        cause: String,
    },
    /// There is no such interface.
    #[error("interface {name}: no such interface; `ip link` lists what there is")]
    NoInterface {
        /// Its name.
        name: String,
    },
    /// The interface can't have the program.
    #[error("interface {name}, {mode} mode: {cause}")]
    Attach {
        /// The interface.
        name: String,
        /// Native or generic.
        mode: &'static str,
        /// The kernel's words, and a way out.
        cause: String,
    },
    /// Another XDP program is on the interface.
    #[error(
        "interface {name}, {mode} mode: {cause}; {other} is there: `bpftool net` and `ip link show` \
         show it; take it off, or leave the interface out of xdp.interfaces"
    )]
    Busy {
        /// The interface.
        name: String,
        /// Native or generic.
        mode: &'static str,
        /// That program, as far as it is known.
        other: String,
        /// The kernel's words.
        cause: String,
    },
    /// Another process has the instance.
    #[error(
        "instance \"{instance}\": another edge{holder} runs under this name; stop it, or set \
         xdp.instance"
    )]
    Locked {
        /// Its name.
        instance: String,
        /// That process, for people, with a space before it; may be empty.
        holder: String,
    },
    /// Something with a path failed.
    #[error("{path}: {cause}")]
    Path {
        /// The path.
        path: PathBuf,
        /// Why, and a way out.
        cause: String,
    },
    /// A system call failed.
    #[error("{what}: {cause}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The system's words.
        cause: io::Error,
    },
    /// No zone slot of this number.
    #[error("no zone slot {0:#x}")]
    NoSlot(u32),
}

impl From<KernelError> for BackendError {
    fn from(error: KernelError) -> Self {
        Self::new(error)
    }
}

/// The number of the operating system's error that is at the bottom of an error, if there is one.
pub(super) fn os_error(error: &(dyn std::error::Error + 'static)) -> Option<i32> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return io.raw_os_error();
        }
        // Some of netlink's errors hide the system's error from `source`.
        if let Some(ProgramError::XdpError(XdpError::NetlinkError(netlink))) = error.downcast_ref()
        {
            return netlink.raw_os_error();
        }
        next = error.source();
    }
    None
}

/// Whether the operating system's error at the bottom of an error is a missing right.
pub(super) fn is_permission(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(os_error(error), Some(libc::EPERM | libc::EACCES))
}

/// Which capabilities of those that XDP needs this thread lacks, as a part of a sentence; empty
/// if it has all, or if the kernel doesn't report them.
fn missing_rights() -> String {
    let own = capabilities(None).map_or(CapabilitySet::all(), |sets| sets.effective);
    let needed = [
        ("CAP_BPF", CapabilitySet::BPF),
        ("CAP_NET_ADMIN", CapabilitySet::NET_ADMIN),
        ("CAP_PERFMON", CapabilitySet::PERFMON),
    ];
    let missing: Vec<&str> =
        needed.iter().filter(|(_, right)| !own.contains(*right)).map(|(name, _)| *name).collect();
    match missing[..] {
        [] => String::new(),
        _ => format!(" (missing: {})", missing.join(", ")),
    }
}

/// An error with its causes in one line. Of a verifier's log it has only the end.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let text = error_chain(error);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    match lines.as_slice() {
        [first, .., before, last] => format!("{first} … {before} {last}"),
        _ => text,
    }
}

impl KernelError {
    pub(super) fn load(error: EbpfError) -> Self {
        if is_permission(&error) {
            return Self::NotPermitted { what: "create BPF maps".into() };
        }
        Self::Program { name: "edge", cause: chain(&error) }
    }

    pub(super) fn program(name: &'static str, error: ProgramError) -> Self {
        // The verifier refuses with the error number of a missing right, but it writes a log. It
        // writes one also where only `CAP_PERFMON` may do what the program does.
        let is_verifiers = match &error {
            ProgramError::LoadError { verifier_log, .. } => {
                !verifier_log.to_string().trim().is_empty()
            }
            _ => false,
        };
        let is_verifiers = is_verifiers && missing_rights().is_empty();
        if is_permission(&error) && !is_verifiers {
            return Self::NotPermitted { what: format!("load program {name}") };
        }
        Self::Program { name, cause: chain(&error) }
    }

    pub(super) fn map(name: &'static str) -> impl Fn(MapError) -> Self {
        move |error| {
            if is_permission(&error) {
                return Self::NotPermitted { what: format!("use map {name}") };
            }
            Self::Map { name, cause: chain(&error) }
        }
    }

    pub(super) const fn io(what: &'static str, cause: io::Error) -> Self {
        Self::Io { what, cause }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use aya::maps::MapError;
    use aya::programs::ProgramError;
    use aya::sys::SyscallError;

    use super::{KernelError, is_permission, os_error};

    fn failed(number: i32) -> ProgramError {
        let io_error = io::Error::from_raw_os_error(number);
        ProgramError::SyscallError(SyscallError { call: "bpf_link_create", io_error })
    }

    #[test]
    fn the_systems_error_is_found_by_its_number_below_other_errors() {
        assert_eq!(os_error(&failed(libc::EBUSY)), Some(libc::EBUSY));
        assert_eq!(os_error(&ProgramError::NotLoaded), None);
        let permissions = [libc::EPERM, libc::EACCES, libc::EBUSY].map(failed);
        assert_eq!(permissions.map(|error| is_permission(&error)), [true, true, false]);
    }

    #[test]
    fn a_missing_right_is_said_with_the_way_out() {
        let refused = KernelError::program("edge", failed(libc::EPERM)).to_string();
        assert!(refused.starts_with("load program edge: not permitted; run as root"), "{refused}");
        let other = KernelError::map("shared")(MapError::KeyNotFound).to_string();
        assert!(other.starts_with("map shared: "), "{other}");
    }
}
