//! The settings of the authority beside its addresses.

use std::time::Instant;

use super::cookies::Cookies;
use edge_zone::AnyPolicy;

/// The longest identifier with which any question fits into any response, in octets.
const MAX_NSID_OCTETS: usize = 128;

/// How the authority presents itself.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server's identifier, which NSID (RFC 5001; its first 128 octets), `_status` and
    /// `_country` show; empty for none.
    pub server_id: String,
    /// The host's name, which `_status` shows.
    pub hostname: String,
    /// Whether `_status` and `_health` are answered to everyone; else only to this host.
    pub public_debug_queries: bool,
    /// The answer to queries for ANY.
    pub any: AnyPolicy,
    /// The text of `version.bind` and `version.server`; they are refused if it is empty.
    pub version: String,
    /// Whether `id.server` and `hostname.bind` show the server's identifier; else they are refused.
    pub chaos_id: bool,
    /// Cookies.
    pub cookies: Cookies,
    /// Whether answers are counted by label, too.
    pub detailed_metrics: bool,
    /// Whether addresses may be bound that no interface has yet (`IP_FREEBIND`).
    pub freebind: bool,
    /// When the program started.
    pub started: Instant,
}

impl Options {
    /// Options with the server's identifier, and nothing else.
    #[must_use]
    pub fn new(server_id: &str) -> Self {
        Self {
            server_id: server_id.to_owned(),
            hostname: String::new(),
            public_debug_queries: false,
            any: AnyPolicy::default(),
            version: String::new(),
            chaos_id: false,
            cookies: Cookies::none(),
            detailed_metrics: false,
            freebind: false,
            started: Instant::now(),
        }
    }

    /// As much of the server's identifier as fits into every response.
    #[must_use]
    pub fn nsid(&self) -> &str {
        let cut = self.server_id.floor_char_boundary(MAX_NSID_OCTETS);
        self.server_id.get(..cut).unwrap_or_default()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new("")
    }
}
