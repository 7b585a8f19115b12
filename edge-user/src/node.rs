//! The running process.
//!
//! - `main_loop`: the node put together, started in order, kept going, taken down in order
//! - [`controller`]: zones, databases and health, made ready and published
//! - [`zone_files`]: the zone files of a directory
//! - [`watch`]: the notices that a directory has changed
//! - [`feed`]: the thread of the scorer's feed
//! - [`control`]: the control socket, and the requests that come by it
//! - [`handover`]: the hand-over from a running node to the one that takes its place
//! - [`status`]: what `edge status` shows
//! - [`switch_table`]: what `edge switch` shows
//! - [`kept_switches`]: the switches that operators set, kept over restarts
//! - [`explain`]: why a client gets what it gets
//! - [`preview`]: what a new zone would change
//! - [`health_state`]: how the node is, for threads that must not wait for the loop
//! - [`notify`]: what systemd is notified of
//! - [`metrics`]: the numbers of `/metrics`
//! - [`http`]: the HTTP service

pub mod checks;
pub mod control;
pub mod controller;
pub mod explain;
pub mod feed;
pub mod handover;
pub mod health_state;
pub mod http;
pub mod kept_switches;
mod main_loop;
pub mod metrics;
pub mod notify;
pub mod preview;
pub mod status;
pub mod switch_table;
pub mod watch;
pub mod zone_files;

pub use main_loop::run;
pub(crate) use main_loop::serve_all;
