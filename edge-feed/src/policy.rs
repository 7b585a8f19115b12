//! What operators may want otherwise than the pool has it comes in; which servers are in, and at which weight, goes
//! out. docs/policy.md has a section for each option.
//!
//! Everything is off by default: zones are then those of the pool's own generator. All of it is integer arithmetic over
//! what comes in, and time is an argument, so that nodes with the same feed and the same past agree.

mod backfill;
mod cap;
mod exclude;
mod hysteresis;
mod judge;
mod ramp;
mod split;
mod state;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use backfill::Backfill;
pub use cap::Cap;
pub use exclude::{Exclude, Prefix};
pub use hysteresis::Hysteresis;
pub(crate) use judge::{Standing, eligible};
pub use ramp::{Netspeed, Ramp};
pub(crate) use split::{GROUPS, LEAST, deal, keep};
pub use state::{Groups, Memory, State};

/// The least score of a server that is in, if no hysteresis says otherwise.
pub const ACTIVE_SCORE: f64 = 10.0;

/// What differs from the pool's own zones.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Weight grows with the score instead of being whole from score 10 on.
    pub ramp: Option<Ramp>,
    /// A server comes in at one score and leaves at another.
    pub hysteresis: Option<Hysteresis>,
    /// A server stays under the number, 0 to 3, that it is under.
    pub stable_split: bool,
    /// Small zones get servers from around them.
    pub backfill: Option<Backfill>,
    /// No server of a small zone gets more than a part of it.
    pub cap: Option<Cap>,
    /// IPv6 addresses are under every name, not only under those with a 2.
    pub aaaa_everywhere: bool,
    /// The least and the largest weight.
    pub netspeed: Option<Netspeed>,
    /// Servers that are left out.
    pub exclude: Exclude,
}

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
    const fn new(option: &'static str, cause: String, remedy: &'static str) -> Self {
        Self { option, cause, remedy }
    }
}

impl Policy {
    /// Checks what no type says: ranges, and options that contradict each other.
    ///
    /// # Errors
    /// The first option that can't be.
    pub fn check(&self) -> Result<(), PolicyError> {
        self.ramp.as_ref().map_or(Ok(()), Ramp::check)?;
        self.hysteresis.as_ref().map_or(Ok(()), Hysteresis::check)?;
        self.backfill.as_ref().map_or(Ok(()), Backfill::check)?;
        self.cap.as_ref().map_or(Ok(()), Cap::check)?;
        self.netspeed.as_ref().map_or(Ok(()), Netspeed::check)
    }
}

/// Checks that a score is one that the scorer gives.
fn check_score(option: &'static str, score: f64) -> Result<(), PolicyError> {
    if (-100.0..=20.0).contains(&score) {
        return Ok(());
    }
    let cause = format!("{score} is no score");
    Err(PolicyError::new(option, cause, "write one from -100 to 20"))
}

/// Checks that a part is one: 1 to `most` percent.
fn check_percent(option: &'static str, percent: u8, most: u8) -> Result<(), PolicyError> {
    if (1..=most).contains(&percent) {
        return Ok(());
    }
    let remedy = if most == 100 { "write 1 to 100" } else { "write 1 to 99" };
    Err(PolicyError::new(option, format!("{percent} percent can't be"), remedy))
}

#[cfg(test)]
mod tests;
