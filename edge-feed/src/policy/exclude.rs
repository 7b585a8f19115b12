//! Servers that are left out, by identifier or address.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Server;

/// Servers that are left out, whatever their score.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exclude {
    /// By the pool's identifier.
    pub servers: Vec<u64>,
    /// By address: single ones, or prefixes.
    pub addresses: Vec<ExcludedPrefix>,
}

impl Exclude {
    pub(super) fn matches(&self, server: &Server) -> bool {
        self.servers.contains(&server.id)
            || self.addresses.iter().any(|prefix| prefix.0.contains(&server.ip))
    }
}

/// An address or a prefix, such as `192.0.2.1` or `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExcludedPrefix(IpNet);

/// Why a text is no address or prefix.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PrefixError {
    /// It is neither; the text, or its beginning.
    #[error("{0:?} is no address or prefix; write it as \"192.0.2.1\" or \"2001:db8::/32\"")]
    Syntax(String),
    /// Bits after its length are set; the prefix, and the same without those bits.
    #[error("{0} has bits behind its length; write it as \"{1}\"")]
    HostBits(IpNet, IpNet),
}

impl TryFrom<String> for ExcludedPrefix {
    type Error = PrefixError;

    fn try_from(text: String) -> Result<Self, PrefixError> {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        let prefix = address
            .or_else(|_| text.parse::<IpNet>())
            .map_err(|_syntax| PrefixError::Syntax(text.chars().take(60).collect()))?;
        if prefix.trunc() == prefix {
            return Ok(Self(prefix));
        }
        Err(PrefixError::HostBits(prefix, prefix.trunc()))
    }
}

impl From<ExcludedPrefix> for String {
    fn from(prefix: ExcludedPrefix) -> Self {
        prefix.0.to_string()
    }
}
