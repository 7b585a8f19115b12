//! Memory of a policy, from one zone to the next and over a restart.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The memory of a policy. With the default, zones are built as if for the first time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct PolicyState {
    /// The last serial of each published zone.
    pub serials: BTreeMap<String, u32>,
    /// Hysteresis: the servers that are in, and those that wait.
    pub memory: HysteresisMemory,
    /// The stable split: the numbers of each zone's servers, IPv4 and IPv6 each by itself.
    pub split: BTreeMap<String, [Groups; 2]>,
}

/// The number, 0 to 3, of each server of a zone.
pub type Groups = BTreeMap<u64, u8>;

/// The memory of hysteresis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct HysteresisMemory {
    /// Whether anything is remembered at all.
    pub begun: bool,
    /// The servers whose score has let them in.
    pub inside: BTreeSet<u64>,
    /// Servers that wait, and since when their score is high enough, in seconds since 1970.
    pub waiting: BTreeMap<u64, i64>,
}

impl HysteresisMemory {
    /// Forgets servers that the pool no longer has.
    pub(crate) fn retain(&mut self, has: impl Fn(u64) -> bool) {
        self.inside.retain(|&id| has(id));
        self.waiting.retain(|&id, _| has(id));
    }
}
