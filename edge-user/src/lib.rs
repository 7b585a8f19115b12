//! The controller and the authority of an `edge` node.
#![deny(unsafe_code)]

pub mod compile;
pub mod config;
pub mod deal;
pub mod extents;
pub mod geo;
pub mod kernel;
pub mod profile;
pub mod publish;
pub mod store;
pub mod zone;
