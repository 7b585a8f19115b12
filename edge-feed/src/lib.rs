//! What the pool's scorer says comes in: servers, scores, monitors' results. The zones that follow from it go out.
//!
//! [`server`], [`snapshot`] and [`delta`] are what comes in, whatever the source. [`pool`] is the servers now.
//! [`zone`] builds zones of them, as [`policy`] says.
//! [`simulate`] shows what a policy would have made of a history, [`chart`] draws it, and [`diff`] compares snapshots.
#![forbid(unsafe_code)]

pub mod chart;
pub mod delta;
pub mod diff;
pub mod policy;
pub mod pool;
pub mod server;
pub mod simulate;
pub mod snapshot;
pub mod zone;

pub use delta::Delta;
pub use policy::Policy;
pub use pool::Pool;
pub use server::Server;
pub use snapshot::Snapshot;
pub use zone::Zones;
