//! Tests that run one at a time: they measure rates, load or a fleet.

mod fleet;
mod limits;
pub(crate) mod load;
