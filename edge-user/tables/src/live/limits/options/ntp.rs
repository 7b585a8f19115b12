//! The options `[limits.ntp]`: how often an NTP client may ask.
//!
//! They have the names of chrony's `ratelimit`.

use edge_common::limit::NtpRate;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::{bits4, bits6};

/// Limits of NTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NtpLimits {
    /// Log₂ of the average seconds between answers, -19–12. Without it there is no limit.
    #[serde(deserialize_with = "interval")]
    pub interval: Option<i8>,
    /// Answers that a quiet client gets at once, 1–255.
    #[serde(deserialize_with = "burst")]
    pub burst: u8,
    /// One in 2ⁿ requests over the limit is answered all the same; n is 1–4.
    #[serde(deserialize_with = "leak")]
    pub leak: u8,
    /// One in 2ⁿ requests that would be dropped is answered with the kiss code RATE; n is 1–4. None
    /// is if 0.
    #[serde(deserialize_with = "kod")]
    pub kod: u8,
    /// Bits of an IPv4 address that identify a client, 0–32.
    #[serde(deserialize_with = "bits4")]
    pub ipv4_prefix: u32,
    /// Bits of an IPv6 address that identify a client, 0–64.
    #[serde(deserialize_with = "bits6")]
    pub ipv6_prefix: u32,
}

impl Default for NtpLimits {
    fn default() -> Self {
        Self { interval: None, burst: 8, leak: 2, kod: 0, ipv4_prefix: 32, ipv6_prefix: 64 }
    }
}

impl NtpLimits {
    /// The rate; `None` if there is none.
    #[must_use]
    pub fn rate(&self) -> Option<NtpRate> {
        let Self { interval, burst, leak, kod, ipv4_prefix, ipv6_prefix } = *self;
        let (prefix4, prefix6) = (ipv4_prefix, ipv6_prefix);
        interval.map(|interval| NtpRate { interval, burst, leak, kod, prefix4, prefix6 })
    }
}

fn number<'de, D: Deserializer<'de>, N: TryFrom<i64>>(
    from: D,
    (low, high): (i64, i64),
    what: &str,
) -> Result<N, D::Error> {
    let number = i64::deserialize(from)?;
    let fitting = Some(number).filter(|number| (low..=high).contains(number));
    fitting
        .and_then(|number| N::try_from(number).ok())
        .ok_or_else(|| D::Error::custom(format!("{number} is not in {low} to {high}: {what}")))
}

fn interval<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i8>, D::Error> {
    let what = "3 is an answer each 2³ = 8 seconds; leave interval out for no limit";
    number(from, (-19, 12), what).map(Some)
}

fn burst<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    number(from, (1, 255), "the answers that a client gets at once after it was quiet")
}

fn leak<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    number(from, (1, 4), "at 2, one in 2² = 4 requests over the limit is answered all the same")
}

fn kod<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    let what = "at 2, one in 2² = 4 requests that would be dropped is answered RATE; none at 0";
    number(from, (0, 4), what)
}
