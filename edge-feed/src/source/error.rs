//! Errors of sources: place, cause and way out.

use std::io;
use std::path::{Path, PathBuf};

/// Why a source has no event. The served version stays in service.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A setting that can't work.
    #[error("{place}: {cause}")]
    Setting {
        /// The setting's value or the file it names.
        place: String,
        /// What is wrong, and the way out.
        cause: String,
    },
    /// A file that can't be read.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
    /// A server that can't be reached, or has the wrong identity.
    #[error("{place}: not reached: {cause}")]
    Unreachable {
        /// The address.
        place: String,
        /// The system's or TLS's reason.
        cause: String,
    },
    /// A server that refuses us.
    #[error("{place}: refused ({cause}); check the credentials and what they allow")]
    Refused {
        /// The address.
        place: String,
        /// Its text, such as `HTTP 403`.
        cause: String,
    },
    /// A server that doesn't have what it is asked for.
    #[error("{place}: not there ({cause}); check the name, or publish it first")]
    Missing {
        /// The address.
        place: String,
        /// Its text, such as `HTTP 404`.
        cause: String,
    },
    /// A server's answer that is neither the feed nor any of the above.
    #[error("{place}: {cause}")]
    Answer {
        /// The address.
        place: String,
        /// What it answered.
        cause: String,
    },
    /// A server that takes too long.
    #[error("{place}: {stage} within {seconds} s; given up, it will be tried again")]
    Slow {
        /// The address.
        place: String,
        /// What did not happen: `no answer`, `nothing more`, `not complete`.
        stage: &'static str,
        /// The limit, in seconds.
        seconds: f64,
    },
    /// A document above the limit.
    #[error(
        "{place}: more than {limit} octets; nothing of it is used; raise the limit if it is right"
    )]
    TooLarge {
        /// The address or path.
        place: String,
        /// The limit, in octets.
        limit: u64,
    },
    /// A document that ended early or was damaged on its way.
    #[error("{place}: damaged on its way: {cause}; nothing of it is used")]
    Damaged {
        /// The address or path.
        place: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Lines of the score feed that can't be read. They have been skipped; the others count.
    #[error("{place}: {count} broken line(s) skipped, the first at {at}: {cause}")]
    BrokenLines {
        /// The address or path.
        place: String,
        /// Position of the first, such as `octet 1200`.
        at: String,
        /// How many there are, since the last report.
        count: u64,
        /// What is wrong with the first.
        cause: String,
    },
    /// A feed of changes that broke off. It goes on where it was.
    #[error("{place}: interrupted: {cause}; it will be resumed after {after}")]
    Interrupted {
        /// The address.
        place: String,
        /// What happened.
        cause: String,
        /// The last position that arrived: a delta's identifier or a message's number.
        after: u64,
    },
    /// Changes that the server no longer has. Only a newer snapshot makes up for them.
    #[error("{place}: messages {first} to {last} are gone; a newer snapshot is needed")]
    Lost {
        /// The stream.
        place: String,
        /// The first message that is gone.
        first: u64,
        /// The last.
        last: u64,
    },
}

impl SourceError {
    /// The kind of error, in one word: a metric's label.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Setting { .. } => "setting",
            Self::File { .. } => "file",
            Self::Unreachable { .. } => "unreachable",
            Self::Refused { .. } => "refused",
            Self::Missing { .. } => "missing",
            Self::Answer { .. } => "answer",
            Self::Slow { .. } => "slow",
            Self::TooLarge { .. } => "too_large",
            Self::Damaged { .. } => "damaged",
            Self::BrokenLines { .. } => "broken_lines",
            Self::Interrupted { .. } => "interrupted",
            Self::Lost { .. } => "lost",
        }
    }

    /// Whether the error is in the content of the feed and not on the way. The source then
    /// continues without a pause.
    #[must_use]
    pub const fn is_content(&self) -> bool {
        matches!(self, Self::BrokenLines { .. } | Self::Lost { .. })
    }

    pub(crate) fn file(path: &Path) -> impl Fn(io::Error) -> Self + Copy {
        move |cause| Self::File { path: path.to_path_buf(), cause }
    }

    pub(crate) fn setting(place: impl ToString, cause: impl ToString) -> Self {
        Self::Setting { place: place.to_string(), cause: cause.to_string() }
    }
}
