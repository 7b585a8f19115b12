//! What the pool's scorer says comes in: servers, scores, monitors' results. The zones that follow from it go out.
//!
//! [`server`], [`snapshot`] and [`delta`] are what comes in, whatever the source. [`source`] brings it; [`fleet`]
//! says how the nodes that follow it are.
#![forbid(unsafe_code)]

pub mod delta;
pub mod fleet;
pub mod server;
pub mod snapshot;
pub mod source;

pub use delta::Delta;
pub use server::Server;
pub use snapshot::Snapshot;
