//! Size of a root: how many servers answers may hold, and their weight.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Size of a root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct RootSize {
    /// Servers that answers may hold.
    pub servers: u64,
    /// The sum of their weights, in kbit/s.
    pub weight: u64,
}

/// The part of a size that was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// The number of servers.
    Servers,
    /// The sum of their weights.
    Weight,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Servers => "servers",
            Self::Weight => "kbit/s of weight",
        })
    }
}

impl RootSize {
    /// The sum of two sizes.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            servers: self.servers.saturating_add(other.servers),
            weight: self.weight.saturating_add(other.weight),
        }
    }
}
