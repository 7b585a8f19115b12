//! The XDP programs: `edge`, `general`, `ntp`, `lease` and `pass`.
//!
//! `edge` runs on interfaces and may go on with `general` or `ntp`. Userspace runs `lease` to renew
//! the lease. `pass` is for the far end of a veth pair. A frame is an `xdp_md`;
//! [`edge_common::ingress`] describes what decides on it, over this crate's ports. The verdict is
//! counted here, once. No decision is made in this crate.
#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch))]
#![deny(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(target_arch = "bpf")]
mod entry;
#[cfg(target_arch = "bpf")]
mod frame;
#[cfg(target_arch = "bpf")]
mod maps;
#[cfg(target_arch = "bpf")]
mod program;
#[cfg(target_arch = "bpf")]
mod route;
#[cfg(target_arch = "bpf")]
mod tables;

/// On the host this program is only a stub: it is built for the kernel by edge-user.
#[cfg(not(target_arch = "bpf"))]
fn main() {}
