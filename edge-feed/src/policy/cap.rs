//! Cap on the share of one server in a small zone.

use serde::{Deserialize, Serialize};

use super::error::{PolicyError, check_percent};
use crate::member::Member;

/// No server of a small zone gets more than a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// Zones with fewer servers than this; 2 to 1,000.
    pub below: u16,
    /// The most that a server may have of the zone's weight, in percent: 1 to 99. With so few
    /// servers that it can't be kept, all weigh the same.
    pub share_percent: u8,
}

impl Cap {
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        if !(2..=1_000).contains(&self.below) {
            let cause = format!("{} servers can't be", self.below);
            return Err(PolicyError::new("cap.below", cause, "write 2 to 1000"));
        }
        check_percent("cap.share_percent", self.share_percent, 99)
    }

    /// Lowers the weights that are too large, and no others.
    pub(crate) fn lower(&self, members: &mut [Member]) {
        if members.len() >= usize::from(self.below) {
            return;
        }
        let Some(cap) = self.largest(members) else { return };
        for member in members {
            member.weight = member.weight.min(cap);
        }
    }

    /// The largest weight that may be, if any has to be lowered.
    fn largest(&self, members: &[Member]) -> Option<u32> {
        let mut weights: Vec<u64> = members.iter().map(|each| each.weight.into()).collect();
        weights.sort_unstable_by(|one, other| other.cmp(one));
        let share = u64::from(self.share_percent);
        let mut rest: u64 = weights.iter().sum();
        // The n largest are lowered to c, of which each is its share: c = share * (n * c + rest).
        for (n, &weight) in (0..).zip(&weights) {
            let left = 100_u64.saturating_sub(n * share);
            if left == 0 {
                break;
            }
            let cap = rest * share / left;
            if weight <= cap {
                return if n == 0 { None } else { u32::try_from(cap.max(1)).ok() };
            }
            rest -= weight;
        }
        // Too few servers for the cap: all get the same weight.
        weights.last().and_then(|&least| u32::try_from(least).ok())
    }
}
