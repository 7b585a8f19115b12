//! Status of a monitor towards a server: whether its score counts.

use serde::{Deserialize, Serialize};

/// What a monitor is to a server (`server_scores.status`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MonitorStatus {
    /// Not yet chosen. It counts only when all others are silent.
    Candidate,
    /// On trial. It counts when no active one has been heard.
    Testing,
    /// One of those that decide.
    #[default]
    Active,
    /// Never counts.
    Paused,
}
