//! What the pool's scorer says comes in: servers, scores, monitors' results. The zones that follow from it go out.
//!
//! [`server`], [`snapshot`] and [`delta`] are what comes in, whatever the source. [`pool`] is the servers now.
//! [`zone`] builds zones of them, as [`policy`] says.
//! [`simulate`] shows what a policy would have made of a history, [`chart`] draws it, and [`diff`] compares snapshots.
//! [`scorer`] computes scores where only monitors' results come in. [`guard`] says which feeds may be served, and
//! [`disk`] keeps them over a restart. [`preview`] says what a new zone would change; [`points`] and [`audit`] say what
//! servers really got.
//! [`source`] brings it all; [`fleet`] says how the nodes that follow it are.
#![forbid(unsafe_code)]
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

pub mod audit;
pub mod chart;
pub mod delta;
pub mod diff;
pub mod disk;
pub mod error_chain;
pub mod file_fingerprint;
pub mod fleet;
mod float;
pub mod guard;
mod member;
pub mod points;
pub mod policy;
pub mod pool;
pub mod preview;
pub mod scorer;
pub mod server;
pub mod simulate;
pub mod snapshot;
pub mod source;
pub mod text_table;
mod unix_time;
pub mod zone;

pub use delta::Delta;
pub use policy::ZonePolicy;
pub use pool::Pool;
pub use server::Server;
pub use snapshot::Snapshot;
pub use zone::Zones;
