//! The controller and the authority of an `edge` node.
pub mod geo;
