//! Conversion of counts to floating-point numbers.

/// Exact up to 2⁵³, which no counter of queries or answers reaches.
#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}
