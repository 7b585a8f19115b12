//! Error of an option that is out of range, and the checks that options share.

use thiserror::Error;

/// An option that can't be used so.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("policy.{option}: {cause}; {remedy}")]
pub struct PolicyError {
    /// The option, such as `ramp.from`.
    pub option: &'static str,
    /// The cause.
    pub cause: String,
    /// The way out.
    pub remedy: &'static str,
}

impl PolicyError {
    pub(super) const fn new(option: &'static str, cause: String, remedy: &'static str) -> Self {
        Self { option, cause, remedy }
    }
}

/// Checks that a score is in the scorer's range.
pub(super) fn check_score(option: &'static str, score: f64) -> Result<(), PolicyError> {
    if (-100.0..=20.0).contains(&score) {
        return Ok(());
    }
    let cause = format!("{score} is no score");
    Err(PolicyError::new(option, cause, "write one from -100 to 20"))
}

/// Checks that a share is from 1 to `most` percent.
pub(super) fn check_percent(
    option: &'static str,
    percent: u8,
    most: u8,
) -> Result<(), PolicyError> {
    if (1..=most).contains(&percent) {
        return Ok(());
    }
    let remedy = if most == 100 { "write 1 to 100" } else { "write 1 to 99" };
    Err(PolicyError::new(option, format!("{percent} percent can't be"), remedy))
}
