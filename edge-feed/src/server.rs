//! A server of the pool, as its owner and the scorer left it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The zone of the whole world, which every server is in.
pub const GLOBAL: &str = "@";

/// The continents, as zones.
pub const CONTINENTS: [&str; 7] =
    ["africa", "antarctica", "asia", "europe", "north-america", "oceania", "south-america"];

/// The lowest score of a server that is in the zones, unless hysteresis has other limits.
pub const ACTIVE_SCORE: f64 = 10.0;

/// A server of the pool.
///
/// A server with two addresses is two servers to the pool, each with an identifier and a score of
/// its own.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Server {
    /// The pool's identifier (`servers.id`).
    pub id: u64,
    /// Its address.
    pub ip: IpAddr,
    /// The rate that its owner asks for, in kbit/s: its weight. 0 is for monitoring only.
    pub netspeed: u32,
    /// Its score: at most 20, at least -100.
    #[serde(default)]
    pub score: f64,
    /// When the score was given, in seconds since 1970; 0 when never.
    #[serde(default)]
    pub score_ts: i64,
    /// Whether its owner has it in the pool.
    #[serde(default = "yes")]
    pub in_pool: bool,
    /// The day on which it will be deleted, if one is set.
    #[serde(default)]
    pub deletion_on: Option<jiff::civil::Date>,
    /// The zones that it is in: countries (`uk`, not `gb`), continents and [`GLOBAL`].
    #[serde(default)]
    pub zones: Vec<String>,
}

const fn yes() -> bool {
    true
}
