//! Wire formats, decisions and map layouts that XDP and the authority share.
//!
//! Nothing here does IO, knows a kernel or a map, or can panic. [`ingress::ingress`] takes a frame,
//! turns it into its answer or leaves it unmodified, and returns a [`verdict::Verdict`].
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![expect(
    clippy::inline_always,
    reason = "a call costs the datapath nine nanoseconds; see docs/decisions"
)]

#[cfg(test)]
extern crate std;

pub mod abi;
mod answer;
pub mod class;
mod compose;
pub mod cookie;
pub mod device;
pub mod frame;
pub mod general;
pub mod hot;
pub mod ingress;
pub mod limit;
pub mod name;
mod network;
pub mod ntp;
pub mod scratch;
pub mod service;
pub mod siphash;
pub mod subnet;
pub mod tables;
pub mod time;
pub mod verdict;
pub mod verifier;
pub mod wire;
