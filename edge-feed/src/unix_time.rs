//! The time of day, in seconds since 1970.

/// The time of day by this machine's clock, in seconds since 1970.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
