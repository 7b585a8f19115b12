//! The settings that belong to no generation, and may change at run time.
//!
//! Each module writes its own words of the control block, which packets and the authority read.

pub mod cookie_state;
pub mod limits;
pub mod switches;
