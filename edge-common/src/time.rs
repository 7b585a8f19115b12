//! Units of time.

/// Nanoseconds of a second.
pub const SECOND: u64 = 1_000_000_000;
