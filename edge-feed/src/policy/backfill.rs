//! Back-fill: servers from around a small zone help out in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{PolicyError, check_percent};
use crate::member::{Member, OwnServer};

/// Small zones get servers from around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Backfill {
    /// Zones with fewer servers than this get as many more; 2 to 1,000.
    pub below: u16,
    /// The part of a zone's weight that these have at most, in percent: 1 to 99.
    pub share_percent: u8,
}

impl Backfill {
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        if !(2..=1_000).contains(&self.below) {
            let cause = format!("{} servers can't be", self.below);
            return Err(PolicyError::new("backfill.below", cause, "write 2 to 1000"));
        }
        check_percent("backfill.share_percent", self.share_percent, 99)
    }

    /// Whether a zone with so many servers gets helpers. An empty zone doesn't: its users get the
    /// servers of its continent.
    pub(crate) fn wants(&self, n_own: usize) -> bool {
        (1..usize::from(self.below)).contains(&n_own)
    }

    /// Adds helpers from the `rings` around a zone, the nearest ring first. `nominal` is the weight
    /// of the zone's own servers at full scores, in kbit/s.
    ///
    /// Together the helpers have `share_percent` of the zone while its own servers are at their
    /// full weight. They also get the weight that the own servers lack. No helper has more than its
    /// own weight.
    ///
    /// Returns whether the last ring was used.
    pub(crate) fn fill(
        &self,
        zone: &str,
        nominal: u64,
        members: &mut Vec<Member>,
        rings: &[&BTreeMap<u64, OwnServer>],
    ) -> bool {
        let own: u64 = members.iter().map(|each| u64::from(each.weight)).sum();
        let share = u64::from(self.share_percent).min(99);
        let budget = nominal * share / (100 - share) + nominal.saturating_sub(own);
        let mut helpers: Vec<(u64, u32, usize)> = Vec::new();
        let mut n_asked = 0;
        let seed = seed(zone);
        for ring in rings {
            let wanted = usize::from(self.below).saturating_sub(members.len() + helpers.len());
            if wanted == 0 {
                break;
            }
            n_asked += 1;
            // Only servers at their full weight help.
            let mut around: Vec<_> = ring
                .iter()
                .filter(|(id, own)| {
                    own.weighting.weight == own.weighting.nominal
                        && !members.iter().any(|each| each.id == **id)
                        && !helpers.iter().any(|(helper, ..)| helper == *id)
                })
                .map(|(&id, own)| {
                    let weight = own.weighting.nominal;
                    (key(seed, id, weight), id, weight, own.slot)
                })
                .collect();
            if around.len() > wanted {
                around.select_nth_unstable(wanted);
                around.truncate(wanted);
            }
            around.sort_unstable();
            helpers.extend(around.into_iter().map(|(_, id, weight, slot)| (id, weight, slot)));
        }
        let total: u64 = helpers.iter().map(|(_, weight, _)| u64::from(*weight)).sum();
        members.extend(helpers.into_iter().map(|(id, weight, slot)| {
            let part = u128::from(budget) * u128::from(weight) / u128::from(total.max(1));
            let part = u32::try_from(part).unwrap_or(u32::MAX);
            Member { id, weight: part.clamp(1, weight), helps: true, slot }
        }));
        n_asked == rings.len()
    }
}

/// Rank of a server among a zone's possible helpers: the lowest helps first.
///
/// It depends only on the zone and the server, so that other servers that come and go don't change
/// it. A server of twice the weight is twice as likely to be first: the rank is `-log2(random) /
/// weight`, with the logarithm taken from the bits of the number.
fn key(seed: u64, id: u64, weight: u32) -> u64 {
    let random = split_mix(seed.wrapping_add(id.wrapping_mul(GOLDEN_GAMMA))) | 1;
    let zeros = random.leading_zeros();
    // The bits behind the first one.
    let fraction = (random << zeros) << 1;
    let log2 = (u64::from(zeros) << 57) + ((u64::MAX - fraction) >> 7);
    log2 / u64::from(weight.max(1))
}

/// The increment of the generator `SplitMix64`: the odd integer nearest to 2⁶⁴ divided by the
/// golden ratio.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of `SplitMix64`: each bit of the result depends on each bit of the state.
const fn split_mix(state: u64) -> u64 {
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The offset basis and the prime of the 64-bit hash FNV-1a.
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// The FNV-1a hash of a zone's name.
fn seed(zone: &str) -> u64 {
    zone.bytes().fold(FNV_BASIS, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(FNV_PRIME))
}
