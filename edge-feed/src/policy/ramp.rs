//! Weight that grows with the score, and limits of the netspeed.

use serde::{Deserialize, Serialize};

use super::error::{PolicyError, check_percent, check_score};

/// Steps from the least weight to the full one. Between two steps the weight stays, so that small
/// changes of the score don't make a new zone each time.
const STEPS: u32 = 20;

/// Weight grows with the score.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// The score up to which the weight is the least.
    pub from: f64,
    /// The score from which it is whole.
    pub to: f64,
    /// The least weight, in percent of the whole one: 1 to 100.
    pub floor_percent: u8,
}

impl Ramp {
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        check_score("ramp.from", self.from)?;
        check_score("ramp.to", self.to)?;
        check_percent("ramp.floor_percent", self.floor_percent, 100)?;
        if self.from < self.to {
            return Ok(());
        }
        let cause = format!("{} isn't below to = {}", self.from, self.to);
        Err(PolicyError::new("ramp.from", cause, "let the ramp go up"))
    }

    /// The part of the weight that a score is worth, in percent: the floor at least, 100 at most.
    #[must_use]
    pub fn percent(&self, score: f64) -> u32 {
        let floor = u32::from(self.floor_percent);
        let step = (self.to - self.from) / f64::from(STEPS);
        // How many of the steps the score is above.
        let steps = (1..=STEPS)
            .take_while(|&each| score >= f64::from(each).mul_add(step, self.from))
            .count();
        let steps = u32::try_from(steps).unwrap_or(STEPS);
        if score >= self.to { 100 } else { floor + (100 - floor) * steps / STEPS }
    }
}

/// The least and the largest weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Netspeed {
    /// Slower servers count as if they had this, in kbit/s.
    pub floor: Option<u32>,
    /// Faster servers count as if they had this, in kbit/s.
    pub ceiling: Option<u32>,
}

impl Netspeed {
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        if self.ceiling == Some(0) {
            let cause = "0 would leave no server in".to_owned();
            return Err(PolicyError::new("netspeed.ceiling", cause, "write kbit/s"));
        }
        match (self.floor, self.ceiling) {
            (Some(floor), Some(ceiling)) if floor > ceiling => {
                let cause = format!("{floor} is above ceiling = {ceiling}");
                Err(PolicyError::new("netspeed.floor", cause, "write less"))
            }
            _ => Ok(()),
        }
    }

    /// The weight of a server that isn't for monitoring only.
    #[must_use]
    pub fn clamp(&self, netspeed: u32) -> u32 {
        netspeed.max(self.floor.unwrap_or(0)).min(self.ceiling.unwrap_or(u32::MAX))
    }
}
