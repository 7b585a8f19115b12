//! Small modules without state of their own that any crate of the host may use.
//!
//! - [`audit`]: what servers were promised of the answers, and what they had
//! - [`error_chain`]: an error with its causes, in one line
//! - [`file_fingerprint`]: whether a file has changed
//! - [`points`]: in how many answers servers have been, by their users' country
//! - [`preview`]: what a new zone would change for servers and countries
//! - [`text_table`]: columns of text for people
#![forbid(unsafe_code)]
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

pub mod audit;
pub mod error_chain;
pub mod file_fingerprint;
mod float;
pub mod points;
pub mod preview;
pub mod text_table;
