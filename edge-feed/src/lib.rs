//! What the pool's scorer says comes in: servers, scores, monitors' results. The zones that follow from it go out.
//!
//! [`server`], [`snapshot`] and [`delta`] are what comes in, whatever the source.
//! [`scorer`] computes scores where only monitors' results come in. [`guard`] says which feeds may be served, and
//! [`disk`] keeps them over a restart. [`preview`] says what a new zone would change; [`points`] and [`audit`] say what
//! servers really got.
#![forbid(unsafe_code)]

pub mod audit;
pub mod delta;
pub mod disk;
pub mod guard;
pub mod points;
pub mod preview;
pub mod scorer;
pub mod server;
pub mod snapshot;
mod table;

pub use delta::Delta;
pub use server::Server;
pub use snapshot::Snapshot;
