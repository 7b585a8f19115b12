//! `[limits.ntp]`: how often an NTP client may ask, in the words of chrony's `ratelimit`.

use edge_common::limit::NtpRate;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::{bits4, bits6};

/// Limits of NTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NtpLimits {
    /// Log₂ of the seconds from answer to answer on average, -19–12; not limited if not given.
    #[serde(deserialize_with = "interval")]
    pub interval: Option<i8>,
    /// Answers that a client gets at once after it was quiet, 1–255.
    #[serde(deserialize_with = "burst")]
    pub burst: u8,
    /// Of 2ⁿ requests over the limit one is answered all the same, 1–4.
    #[serde(deserialize_with = "leak")]
    pub leak: u8,
    /// Of 2ⁿ requests that would be dropped one is answered with the kiss code RATE, 1–4; none when 0.
    #[serde(deserialize_with = "kod")]
    pub kod: u8,
    /// Bits of an IPv4 address that make a client, 0–32.
    #[serde(deserialize_with = "bits4")]
    pub ipv4_prefix: u32,
    /// Bits of an IPv6 address that make a client, 0–64.
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

#[cfg(test)]
mod tests {
    use super::NtpLimits;
    use crate::config::Config;
    use std::path::Path;

    fn parse(keys: &str) -> Result<NtpLimits, String> {
        let text =
            format!("[dns]\nlisten = [\"192.0.2.1\"]\n[xdp]\nmode = \"off\"\n[limits.ntp]\n{keys}");
        let config = Config::parse(&text, Path::new("edge.toml"));
        config.map(|config| config.limits.ntp).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_limited_without_an_interval_and_with_it_as_chrony_does() {
        assert_eq!(parse("").unwrap(), NtpLimits::default());
        assert_eq!(parse("burst = 16\n").unwrap().rate(), None);
        let rate = parse("interval = 3\n").unwrap().rate().unwrap();
        assert_eq!((rate.interval, rate.burst, rate.leak, rate.kod), (3, 8, 2, 0));
        assert_eq!((rate.prefix4, rate.prefix6), (32, 64));
    }

    #[test]
    fn every_key_is_taken_from_end_to_end_of_its_range() {
        let keys =
            "interval = -19\nburst = 255\nleak = 4\nkod = 4\nipv4_prefix = 0\nipv6_prefix = 0\n";
        let rate = parse(keys).unwrap().rate().unwrap();
        assert_eq!((rate.interval, rate.burst, rate.leak, rate.kod), (-19, 255, 4, 4));
        assert_eq!((rate.prefix4, rate.prefix6), (0, 0));
        let rate = parse("interval = 12\nburst = 1\nleak = 1\n").unwrap().rate().unwrap();
        assert_eq!((rate.interval, rate.burst, rate.leak), (12, 1, 1));
    }

    #[test]
    fn numbers_out_of_their_range_are_refused_with_their_place_and_a_way_out() {
        for (key, value, range) in [
            (
                "interval",
                "-20",
                "-20 is not in -19 to 12: 3 is an answer each 2³ = 8 seconds; leave",
            ),
            ("interval", "13", "13 is not in -19 to 12"),
            ("burst", "0", "0 is not in 1 to 255: the answers"),
            ("burst", "256", "256 is not in 1 to 255"),
            ("leak", "0", "0 is not in 1 to 4: at 2, one in"),
            ("leak", "5", "5 is not in 1 to 4"),
            ("kod", "5", "5 is not in 0 to 4: at 2, one in"),
            ("kod", "-1", "-1 is not in 0 to 4"),
            ("ipv4_prefix", "33", "33 is not in 0 to 32: the bits of an IPv4 address"),
            ("ipv6_prefix", "65", "65 is not in 0 to 64: the bits of an IPv6 address"),
        ] {
            let error = parse(&format!("{key} = {value}\n")).unwrap_err();
            assert!(error.starts_with("edge.toml:6:"), "{error}");
            assert!(error.contains(range), "{error}");
        }
        assert!(parse("slip = 2\n").unwrap_err().contains("unknown field `slip`"));
    }
}
