//! What may change while the node runs and belongs to no generation.
//!
//! Each module writes its own words of the control block, which packets and the authority read.

pub mod cookie_state;
pub mod limits;
pub mod switches;
