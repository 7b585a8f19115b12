//! Limits of a source: octets and time.

use std::time::Duration;

/// Limits of a source. A document that exceeds any of them is discarded as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLimits {
    /// Octets of a document, both as they arrive and decompressed.
    pub octets: u64,
    /// Octets of a line of the score feed.
    pub line: usize,
    /// From the call to the first octet of the answer: names, connection, TLS and the server's own
    /// work.
    pub first: Duration,
    /// The longest pause between octets.
    pub idle: Duration,
    /// From the call to a document's last octet. A stream has none.
    pub total: Duration,
}

impl Default for SourceLimits {
    /// 64 MiB, lines of 64 KiB; 10 s to the first octet, 10 s between octets, 60 s in all.
    fn default() -> Self {
        Self {
            octets: 64 << 20,
            line: 64 << 10,
            first: Duration::from_secs(10),
            idle: Duration::from_secs(10),
            total: Duration::from_secs(60),
        }
    }
}
