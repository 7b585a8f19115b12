//! Labels that the authority answers itself: `_status` and others.
//!
//! It does so for each name whose first component is one of them, unless the zone has that name.
//! So no table may say that such a name doesn't exist.

/// A special label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// The server, and its uptime.
    Status,
    /// Always the text `{}`, as in geodns; for programs that ask for it.
    Health,
    /// The client: its address and its targets.
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
