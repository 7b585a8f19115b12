//! A change of one server: a line of the score feed.

use serde::{Deserialize, Serialize};

use crate::Server;

/// A change of one server. The feed is ordered by [`id`](Self::id), which is also its cursor.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Delta {
    /// The identifier of the score (`log_scores.id`). A delta whose identifier isn't above the
    /// cursor changes nothing.
    pub id: u64,
    /// When, in seconds since 1970.
    pub ts: i64,
    /// What changes.
    #[serde(flatten)]
    pub change: Change,
}

/// What changes. On the wire: `{"id":…,"ts":…,"server_id":…,"score":…}`, `{…,"server":{…}}` or
/// `{…,"removed":ID}`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Change {
    /// A new score.
    Score {
        /// The server's identifier.
        server_id: u64,
        /// Its score now.
        score: f64,
    },
    /// A server that is new, or whose owner has changed something.
    Server {
        /// The server as it is now.
        server: Server,
    },
    /// A server that is gone.
    Removed {
        /// Its identifier.
        removed: u64,
    },
}
