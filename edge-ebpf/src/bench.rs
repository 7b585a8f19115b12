//! The benchmark's object: `edge` behind a prelude that makes frames.
//!
//! It also has what `edge` is measured against, and the other end of a link. `cargo xtask bench`
//! loads it; it is no part of the product.
#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch))]
#![deny(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(target_arch = "bpf")]
#[path = "bench/edges.rs"]
mod edges;
#[cfg(target_arch = "bpf")]
mod frame;
#[cfg(target_arch = "bpf")]
#[path = "bench/live.rs"]
mod live;
#[cfg(target_arch = "bpf")]
mod maps;
#[cfg(target_arch = "bpf")]
#[path = "bench/mix.rs"]
mod mix;
#[cfg(target_arch = "bpf")]
#[path = "bench/prelude.rs"]
mod prelude;
#[cfg(target_arch = "bpf")]
mod program;
#[cfg(target_arch = "bpf")]
mod route;
#[cfg(target_arch = "bpf")]
#[path = "bench/state.rs"]
mod state;
#[cfg(target_arch = "bpf")]
mod tables;

/// On the host this program is only a stub, as `edge-xdp` is.
#[cfg(not(target_arch = "bpf"))]
fn main() {}
