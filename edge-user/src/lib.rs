//! The program `edge`: a node that serves, and the commands that look at it.
//!
//! The parts of a node are crates of their own. Each may use those above it in this list:
//!
//! - `edge-common`: wire formats, decisions and map layouts, for kernel and host
//! - `edge-leaves`: small modules without state
//! - `edge-zone`: zones, GeoIP databases, record data
//! - `edge-tables`: from zones to what the BPF maps hold
//! - `edge-kernel`: the programs in the kernel; the only crate that names aya
//! - `edge-authority`: queries over sockets
//! - `edge-feed`: the pool's servers and scores, and the zones that follow from them
//!
//! The folders of this crate are these. Each may use those above it:
//!
//! - [`settings`]: the configuration file
//! - [`observe`]: the query log, the popularity of names, refused clients
//! - [`ntp`]: the clock from which NTP clients are answered
//! - [`node`]: the running process: its loop, zone files, feed, control socket, status, metrics
//! - [`cli`]: the commands
#![deny(unsafe_code)]
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

pub mod cli;
pub mod node;
pub mod ntp;
pub mod observe;
pub mod settings;
