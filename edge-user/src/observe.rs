//! Observers of what is answered and refused.
//!
//! None of them may delay an answer: they take copies, and lose what comes too fast.

mod observers;
pub mod popularity;
pub mod query_log;
pub mod refused;

pub use observers::Observers;
