//! Turns the pool's scores into zones, and reports what servers got of it.
//!
//! The list below follows the data, from the pool's documents to the reports.
//!
//! Data as the pool publishes it. These modules hold types; [`source`] brings them in.
//!
//! - [`server`]: a server of the pool, with its netspeed, score and zones.
//! - [`snapshot`]: all servers at one moment, with the roots and vendors of the zones.
//! - [`delta`]: a change of one server: a line of the score feed.
//!
//! How it arrives.
//!
//! - [`source`]: files, HTTP servers and NATS. A source gives events: whole documents (a snapshot
//!   or a zone, as octets) and changes (parsed [`Delta`]s or rows of the scorer).
//! - [`guard`]: decides which documents may be served; it refuses broken, unsigned, old or shrunken
//!   ones.
//! - [`scorer`]: computes scores where only monitors' results arrive.
//!
//! What is made of it.
//!
//! - [`pool`]: the servers now: a snapshot with the deltas after it.
//! - [`policy`]: options that change which servers are in, and their weights.
//! - [`zone`]: the zones of a pool under a policy, as JSON of geodns.
//! - [`disk`]: keeps snapshot, memory and zones over a restart.
//!
//! Reports.
//!
//! - [`diff`]: compares two snapshots.
//! - [`simulate`]: replays a history under a policy; [`chart`] draws the result.
//! - [`fleet`]: heartbeats of the nodes that follow one feed, and their state.
//!
//! Errors are enums; nothing here panics on its input. [`source`] and [`fleet`] are asynchronous
//! and need a tokio runtime; everything else is called from any thread and blocks on nothing but
//! the files of [`disk`].
#![forbid(unsafe_code)]
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

pub mod chart;
pub mod cursor;
pub mod delta;
pub mod diff;
pub mod disk;
pub mod fleet;
pub mod guard;
mod member;
pub mod policy;
pub mod pool;
pub mod scorer;
pub mod server;
pub mod simulate;
pub mod snapshot;
pub mod source;
mod unix_time;
pub mod zone;

pub use cursor::Cursor;
pub use delta::Delta;
pub use policy::ZonePolicy;
pub use pool::Pool;
pub use server::Server;
pub use snapshot::Snapshot;
pub use zone::Zones;
