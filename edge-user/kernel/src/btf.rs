//! A descriptor of type information (BTF) that the kernel already has.
//!
//! aya has no call for it.
#![expect(unsafe_code, reason = "one system call that no crate of ours wraps")]

use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

use super::KernelError;

/// `BPF_BTF_GET_FD_BY_ID` of `enum bpf_cmd`.
const GET_FD_BY_ID: libc::c_int = 19;

/// Opens the type information of this number.
pub(super) fn open(id: u32) -> Result<OwnedFd, KernelError> {
    // union bpf_attr's { btf_id, next_id, open_flags }.
    let attributes = [id, 0, 0];
    // SAFETY: the kernel reads only the given number of octets of a live array, and writes none.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, GET_FD_BY_ID, attributes.as_ptr(), size_of_val(&attributes))
    };
    let fd = i32::try_from(result).ok().filter(|fd| *fd >= 0);
    let fd = fd.ok_or_else(|| KernelError::io("open BTF", io::Error::last_os_error()))?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
