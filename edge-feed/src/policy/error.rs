//! An option that can't be set so, and the checks that options share.

use thiserror::Error;

/// An option that can't be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("policy.{option}: {cause}; {remedy}")]
pub struct PolicyError {
    /// The option, such as `ramp.from`.
    pub option: &'static str,
    /// What is wrong with it.
    pub cause: String,
    /// What to write instead.
    pub remedy: &'static str,
}

impl PolicyError {
    pub(super) const fn new(option: &'static str, cause: String, remedy: &'static str) -> Self {
        Self { option, cause, remedy }
    }
}

/// Checks that a score is one that the scorer gives.
pub(super) fn check_score(option: &'static str, score: f64) -> Result<(), PolicyError> {
    if (-100.0..=20.0).contains(&score) {
        return Ok(());
    }
    let cause = format!("{score} is no score");
    Err(PolicyError::new(option, cause, "write one from -100 to 20"))
}

/// Checks that a part is one: 1 to `most` percent.
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
