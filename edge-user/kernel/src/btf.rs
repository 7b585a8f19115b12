//! The object's type information (BTF), loaded a second time.
//!
//! Inner maps that are created one by one need a descriptor of it. aya loads it and keeps the
//! descriptor to itself, and only `CAP_SYS_ADMIN` may open by number what is loaded already.
//! `CAP_BPF` may load it again: the octets are the same, and so are the numbers of the types.
#![expect(unsafe_code, reason = "one system call that no crate of ours wraps")]

use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

use aya_obj::Object;

use super::KernelError;
use super::error::is_permission;

/// `BPF_BTF_LOAD` of `enum bpf_cmd`.
const LOAD: libc::c_int = 18;

/// The part of `union bpf_attr` that [`LOAD`] reads. The kernel takes what follows as zeros: it
/// writes no log.
#[repr(C)]
struct Attributes {
    btf: u64,
    log: u64,
    octets: u32,
    log_octets: u32,
    log_level: u32,
    padding: u32,
}

/// Loads the type information of an object, in the form that aya gives it. `None` if the object has
/// none, or the kernel doesn't take any; then aya's maps have none either.
///
/// # Errors
/// When the kernel refuses.
pub(super) fn load(object: &mut Object) -> Result<Option<OwnedFd>, KernelError> {
    let Some(features) = aya::features().btf() else { return Ok(None) };
    let btf = object.fixup_and_sanitize_btf(features);
    match btf.map_err(|error| KernelError::io("read BTF", io::Error::other(error)))? {
        Some(btf) => Ok(Some(load_octets(&btf.to_bytes())?)),
        None => Ok(None),
    }
}

fn load_octets(btf: &[u8]) -> Result<OwnedFd, KernelError> {
    let octets = u32::try_from(btf.len()).unwrap_or(u32::MAX);
    let btf = btf.as_ptr().expose_provenance() as u64;
    let attributes = Attributes { btf, log: 0, octets, log_octets: 0, log_level: 0, padding: 0 };
    // SAFETY: the kernel reads `attributes` and the octets that it points to, all alive, and writes
    // nothing.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, LOAD, &raw const attributes, size_of_val(&attributes))
    };
    let fd = i32::try_from(result).ok().filter(|fd| *fd >= 0).ok_or_else(|| {
        let cause = io::Error::last_os_error();
        if is_permission(&cause) {
            return KernelError::NotPermitted { what: "load BTF".into() };
        }
        KernelError::io("load BTF", cause)
    })?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
