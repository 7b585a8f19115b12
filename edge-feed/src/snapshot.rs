//! All servers at one moment, with the roots and vendors of the zones.

use serde::{Deserialize, Serialize};

use crate::Server;

/// All data that zones are built from, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Snapshot {
    /// When it was taken, in seconds since 1970. It becomes the zones' serial, and never goes back.
    pub serial: u32,
    /// The identifier of the last score (`log_scores.id`) that is in it: deltas up to this one
    /// change nothing.
    #[serde(default)]
    pub cursor: u64,
    /// The zones that are published (`dns_roots`).
    #[serde(default)]
    pub roots: Vec<Root>,
    /// The vendors' names (`vendor_zones`, approved ones only).
    #[serde(default)]
    pub vendors: Vec<Vendor>,
    /// The labels that servers may be in (`zones` with `dns = 1`): `@`, continents, countries.
    /// Empty: those that servers are in.
    #[serde(default)]
    pub zones: Vec<String>,
    /// The servers.
    pub servers: Vec<Server>,
}

/// A zone that is published (`dns_roots`), with the records in it that don't depend on servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Root {
    /// Its name, such as `pool.ntp.org`.
    #[serde(rename = "origin")]
    pub apex: String,
    /// Its name servers (`ns_list`).
    pub ns: Vec<String>,
    /// The TTL of its answers in seconds: 150 if absent, 30 at least.
    #[serde(default = "default_ttl")]
    pub ttl: u32,
    /// Whether vendors' names are in it.
    #[serde(default)]
    pub vendor_available: bool,
    /// The name that `www` and `web` lead to; they are left out when empty.
    #[serde(default)]
    pub www: String,
    /// TXT records at the apex, such as proofs of ownership.
    #[serde(default)]
    pub txt: Vec<String>,
    /// The text at `_dmarc`; left out when empty.
    #[serde(default)]
    pub dmarc: String,
    /// `logging.stathat_api`, which geodns reads and we don't.
    #[serde(default)]
    pub stathat_api: String,
}

/// A vendor's name under a root.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Vendor {
    /// The label, such as `debian`.
    pub zone_name: String,
    /// The root that it is under.
    #[serde(rename = "origin")]
    pub apex: String,
    /// The protocol of its clients. It decides which labels the vendor has.
    #[serde(default)]
    pub client_type: ClientType,
}

/// The protocol of a vendor's clients (`vendor_zones.client_type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientType {
    /// One address: the vendor's own label.
    Sntp,
    /// Four servers: the labels 0 to 3 under it.
    Ntp,
    /// Both.
    #[default]
    #[serde(other)]
    Legacy,
}

const fn default_ttl() -> u32 {
    150
}
