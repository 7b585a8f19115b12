//! The controller and the authority of an `edge` node.
#![forbid(unsafe_code)]

pub mod authority;
pub mod store;
pub mod zone;
