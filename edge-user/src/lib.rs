//! The controller and the authority of an `edge` node.
#![deny(unsafe_code)]

pub mod deal;
pub mod geo;
pub mod kernel;
pub mod store;
pub mod zone;
