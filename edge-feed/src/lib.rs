//! What the pool's scorer says comes in: servers, scores, monitors' results. The zones that follow from it go out.
//!
//! [`server`], [`snapshot`] and [`delta`] are what comes in, whatever the source. [`pool`] is the servers now.
#![forbid(unsafe_code)]

pub mod delta;
pub mod pool;
pub mod server;
pub mod snapshot;

pub use delta::Delta;
pub use pool::Pool;
pub use server::Server;
pub use snapshot::Snapshot;
