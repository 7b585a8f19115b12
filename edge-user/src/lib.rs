//! The controller and the authority of an `edge` node.
#![deny(unsafe_code)]

pub mod authority;
pub mod catalogue;
pub mod check;
pub mod clock;
pub mod compile;
pub mod config;
pub mod control;
pub mod controller;
pub mod deal;
pub mod edns;
pub mod explain;
pub mod extents;
pub mod feed;
pub mod geo;
pub mod health;
pub mod heat;
pub mod http;
pub mod import;
pub mod jiffies;
pub mod kernel;
pub mod ledger;
pub mod limits;
pub mod metrics;
pub mod node;
pub mod places;
pub mod preview;
pub mod profile;
pub mod publish;
pub mod querylog;
mod stamp;
pub mod status;
pub mod store;
pub mod switches;
pub mod vitals;
pub mod watch;
pub mod zone;
