//! What the pool's scorer says comes in: servers, scores, monitors' results. The zones that follow from it go out.
//!
//! [`server`], [`snapshot`] and [`delta`] are what comes in, whatever the source.
#![forbid(unsafe_code)]

pub mod delta;
pub mod server;
pub mod snapshot;

pub use delta::Delta;
pub use server::Server;
pub use snapshot::Snapshot;
