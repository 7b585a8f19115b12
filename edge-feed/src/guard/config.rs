//! Configuration of the guard: what a feed must be like.

use std::path::PathBuf;

use serde::Deserialize;
use thiserror::Error;

/// What a feed must be like. Each key has a default. Without a public key, signatures aren't
/// checked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardConfig {
    /// Age of a feed from which on there is a warning, in seconds.
    pub warn_seconds: u32,
    /// Age from which on there is an alarm, in seconds.
    pub alarm_seconds: u32,
    /// Age from which on a feed is refused, in seconds; 0: never.
    pub refuse_seconds: u32,
    /// The part of a root's servers that may disappear, in per cent; 100 for all but the last.
    pub servers_percent: u8,
    /// The part of a root's weight that may disappear, in per cent.
    pub weight_percent: u8,
    /// The part of all roots' servers and weight that may disappear, in per cent.
    pub overall_percent: u8,
    /// Window of the comparison, in seconds. A feed is compared with the largest size in the
    /// window, so that many small losses count as one large loss.
    pub window_seconds: u32,
    /// A root with fewer servers than this may lose any number of them, but not all.
    pub least_servers: u32,
    /// A serial that is admitted even if it is older or shrunken: an operator's decision for one
    /// feed.
    pub override_serial: Option<u32>,
    /// The most octets, unpacked.
    pub max_octets: usize,
    /// The most servers, or a zone's addresses. An index of a server has 16 bits.
    pub max_servers: usize,
    /// The minisign public key that feeds are signed with, as text: the line after the comment.
    pub public_key: Option<String>,
    /// A file with the public key, as `minisign -G` writes it.
    pub public_key_file: Option<PathBuf>,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            warn_seconds: 600,
            alarm_seconds: 1_200,
            refuse_seconds: 0,
            servers_percent: 20,
            weight_percent: 20,
            overall_percent: 20,
            window_seconds: 3_600,
            least_servers: 10,
            override_serial: None,
            max_octets: 64 << 20,
            max_servers: 65_535,
            public_key: None,
            public_key_file: None,
        }
    }
}

/// Why a configuration is refused.
#[derive(Debug, Error)]
pub enum GuardConfigError {
    /// A percentage above 100.
    #[error("{key} = {percent}: more than everything; set 0 to 100")]
    Percent {
        /// The key.
        key: &'static str,
        /// Its value.
        percent: u8,
    },
    /// The alarm before the warning.
    #[error("alarm_seconds = {alarm} comes before warn_seconds = {warn}; set the alarm later")]
    Order {
        /// The alarm's age in seconds.
        alarm: u32,
        /// The warning's age in seconds.
        warn: u32,
    },
    /// A key as text and as a file.
    #[error("public_key and public_key_file are both set; set one")]
    TwoKeys,
    /// The file can't be read.
    #[error("{}: {cause}; put the public key there, or set public_key", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// What is there is no key.
    #[error("{place}: this is not a minisign public key; set the line that begins with RW")]
    Key {
        /// Where it was.
        place: String,
        /// The error of the reader.
        source: minisign_verify::Error,
    },
}

impl GuardConfig {
    /// Whether the numbers make sense together.
    pub(super) fn check(&self) -> Result<(), GuardConfigError> {
        let percents = [
            ("servers_percent", self.servers_percent),
            ("weight_percent", self.weight_percent),
            ("overall_percent", self.overall_percent),
        ];
        for (key, percent) in percents {
            if percent > 100 {
                return Err(GuardConfigError::Percent { key, percent });
            }
        }
        if self.alarm_seconds < self.warn_seconds {
            let (alarm, warn) = (self.alarm_seconds, self.warn_seconds);
            return Err(GuardConfigError::Order { alarm, warn });
        }
        Ok(())
    }
}
