//! Reasons to refuse a feed, each with place, cause and way out.

use thiserror::Error;

use super::size::Measure;

/// Why a feed is refused. The feed that was served before stays in service.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// More octets than allowed.
    #[error("{place}: {octets} octets, {most} at most; is this the feed? if so, raise max_octets")]
    Octets {
        /// Where it came from.
        place: String,
        /// Its length in octets.
        octets: usize,
        /// The most.
        most: usize,
    },
    /// More servers than allowed.
    #[error(
        "{place}: {servers} servers, {most} at most; is this the feed? if so, raise max_servers"
    )]
    Servers {
        /// Where it came from.
        place: String,
        /// Servers in it.
        servers: usize,
        /// The most.
        most: usize,
    },
    /// No signature.
    #[error("{place}: not signed; sign it with the secret key of public_key, or unset that")]
    Unsigned {
        /// Where it came from.
        place: String,
    },
    /// A signature, but not of these octets by this key.
    #[error("{place}: signature: {cause}; sign what is sent, with the secret key of public_key")]
    Signature {
        /// Where it came from.
        place: String,
        /// What is wrong with it.
        cause: &'static str,
    },
    /// No snapshot or zone.
    #[error("{place}: {cause}; write it again, whole")]
    Broken {
        /// Where it came from, with line and column if it is about one.
        place: String,
        /// What is wrong.
        cause: String,
    },
    /// Older than what is served.
    #[error(
        "{place}: serial {serial} is older than {served}, which is served; publish a newer one, or override"
    )]
    Older {
        /// Where it came from.
        place: String,
        /// Its serial.
        serial: u32,
        /// What is served.
        served: u32,
    },
    /// Its last change is before the one that the served snapshot begins with.
    #[error(
        "{place}: its cursor {cursor} is behind {served}, that of the snapshot before; publish a \
         newer one; if the database was restored or made again: edge feed allow-once"
    )]
    Behind {
        /// Where it came from.
        place: String,
        /// Its cursor.
        cursor: u64,
        /// The cursor of the snapshot before.
        served: u64,
    },
    /// From the future: all later feeds would be older.
    #[error(
        "{place}: serial {serial} is {seconds} s ahead; set the publisher's clock, or this node's"
    )]
    Ahead {
        /// Where it came from.
        place: String,
        /// Its serial.
        serial: u32,
        /// How far ahead, in seconds.
        seconds: i64,
    },
    /// Too old.
    #[error(
        "{place}: {seconds} s old, {most} s at most; publish a newer one, or raise refuse_seconds"
    )]
    Stale {
        /// Where it came from.
        place: String,
        /// Its age in seconds.
        seconds: i64,
        /// The oldest that is taken, in seconds.
        most: u32,
    },
    /// It has lost too much.
    #[error(
        "{place}: {root}: {now} {measure} of {before} are left, more than {percent} % gone; check its \
         publisher, or override"
    )]
    Shrunken {
        /// Where it came from.
        place: String,
        /// The root, or what stands for all of them.
        root: String,
        /// What was counted.
        measure: Measure,
        /// What there was.
        before: u64,
        /// What there is.
        now: u64,
        /// What part may go.
        percent: u8,
    },
    /// It has no servers left.
    #[error("{place}: {root}: no server is left of {before}; check its publisher, or override")]
    Empty {
        /// Where it came from.
        place: String,
        /// The root, or what stands for all of them.
        root: String,
        /// Servers that there were.
        before: u64,
    },
    /// A root that there was isn't there any more.
    #[error("{place}: the root {root} is gone; put it back, or override")]
    RootGone {
        /// Where it came from.
        place: String,
        /// The root.
        root: String,
    },
}

impl Refusal {
    /// The names of all kinds, as metrics have them.
    pub const NAMES: [&str; 11] = [
        "octets",
        "servers",
        "unsigned",
        "signature",
        "broken",
        "older",
        "ahead",
        "stale",
        "shrunken",
        "empty",
        "root_gone",
    ];

    /// Its place in [`NAMES`](Self::NAMES).
    #[must_use]
    pub const fn kind(&self) -> usize {
        match self {
            Self::Octets { .. } => 0,
            Self::Servers { .. } => 1,
            Self::Unsigned { .. } => 2,
            Self::Signature { .. } => 3,
            Self::Broken { .. } => 4,
            Self::Older { .. } | Self::Behind { .. } => 5,
            Self::Ahead { .. } => 6,
            Self::Stale { .. } => 7,
            Self::Shrunken { .. } => 8,
            Self::Empty { .. } => 9,
            Self::RootGone { .. } => 10,
        }
    }

    /// Whether an operator can let it pass: it is about what was served before, not about the
    /// document alone.
    #[must_use]
    pub const fn can_be_allowed(&self) -> bool {
        matches!(
            self,
            Self::Older { .. }
                | Self::Behind { .. }
                | Self::Shrunken { .. }
                | Self::Empty { .. }
                | Self::RootGone { .. }
        )
    }

    /// Its kind's name, as metrics have it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        Self::NAMES.get(self.kind()).copied().unwrap_or_default()
    }
}
