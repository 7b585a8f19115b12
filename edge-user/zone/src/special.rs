//! The labels that no zone file has: names whose first label is one of a few.
//!
//! The authority answers them itself where the zone has nothing of that name, so that no table may
//! say that such a name doesn't exist.

/// A special label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// Who the server is, and for how long it has been up.
    Status,
    /// The health of a label's records.
    Health,
    /// Who the client is.
    Country,
}

impl Special {
    /// The special label that `label` (relative, lower case) begins with.
    #[must_use]
    pub fn of(label: &str) -> Option<Self> {
        match label.split('.').next()? {
            "_status" => Some(Self::Status),
            "_health" => Some(Self::Health),
            "_country" => Some(Self::Country),
            _ => None,
        }
    }
}
