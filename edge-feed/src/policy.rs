//! Options that change which servers are in the zones, and their weights.
//!
//! docs/policy.md has a section for each option. All are off by default; then the zones are those
//! of the pool's own generator.
//!
//! The arithmetic is integer arithmetic on the input, and the time is an argument. Nodes with the
//! same feed and the same past therefore agree.

mod backfill;
mod cap;
mod error;
mod exclude;
mod hysteresis;
mod judge;
mod ramp;
mod split;
mod state;

use serde::{Deserialize, Serialize};

pub use crate::server::ACTIVE_SCORE;
pub use backfill::Backfill;
pub use cap::Cap;
pub use error::PolicyError;
pub use exclude::{Exclude, ExcludedPrefix, PrefixError};
pub use hysteresis::Hysteresis;
pub(crate) use judge::eligible;
pub use ramp::{Netspeed, Ramp};
pub(crate) use split::{deal, keep};
pub use state::{Groups, HysteresisMemory, PolicyState};

/// Differences from the pool's own zones.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZonePolicy {
    /// Weight grows with the score; without this option it is full from score 10 on.
    pub ramp: Option<Ramp>,
    /// A server comes in at one score and leaves at another.
    pub hysteresis: Option<Hysteresis>,
    /// A server keeps its number, 0 to 3.
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

impl ZonePolicy {
    /// Checks ranges, and options that contradict each other.
    ///
    /// # Errors
    /// The first option that is out of range or contradicts another.
    pub fn check(&self) -> Result<(), PolicyError> {
        self.ramp.as_ref().map_or(Ok(()), Ramp::check)?;
        self.hysteresis.as_ref().map_or(Ok(()), Hysteresis::check)?;
        self.backfill.as_ref().map_or(Ok(()), Backfill::check)?;
        self.cap.as_ref().map_or(Ok(()), Cap::check)?;
        self.netspeed.as_ref().map_or(Ok(()), Netspeed::check)
    }
}

#[cfg(test)]
mod tests;
