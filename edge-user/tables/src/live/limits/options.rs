//! The options `[limits]`: response rates, and lists of client prefixes.

use std::net::IpAddr;

use edge_common::abi::maps::PREFIX_ENTRIES;
use edge_common::limit::Rate;
use ipnet::IpNet;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

mod ntp;

use crate::prefixes::{Prefix, Prefixes, Rule};
pub use ntp::NtpLimits;

/// Response-rate limits, and lists of prefixes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Average responses a second to a client, 1–1,000,000. Without it there is no limit.
    #[serde(deserialize_with = "responses")]
    pub responses_per_second: Option<u32>,
    /// Responses that a quiet client gets at once, 1–1,000,000; twice the rate if not given.
    #[serde(deserialize_with = "responses")]
    pub burst: Option<u32>,
    /// One in so many limited responses is sent, truncated, 0–1000; none if 0.
    #[serde(deserialize_with = "slip")]
    pub slip: u32,
    /// Bits of an IPv4 address that identify a client, 0–32.
    #[serde(deserialize_with = "bits4")]
    pub ipv4_prefix: u32,
    /// Bits of an IPv6 address that identify a client, 0–64.
    #[serde(deserialize_with = "bits6")]
    pub ipv6_prefix: u32,
    /// Prefixes of clients that are never limited.
    #[serde(deserialize_with = "nets")]
    pub exempt: Vec<IpNet>,
    /// Prefixes of clients that are never answered.
    #[serde(deserialize_with = "nets")]
    pub deny: Vec<IpNet>,
    /// Limits of NTP. The lists are for DNS and NTP.
    pub ntp: NtpLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            responses_per_second: None,
            burst: None,
            slip: 2,
            ipv4_prefix: 24,
            ipv6_prefix: 56,
            exempt: Vec::new(),
            deny: Vec::new(),
            ntp: NtpLimits::default(),
        }
    }
}

/// Why the keys of [`Limits`] contradict each other. The message names the keys, the cause and the
/// way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// A burst, but no rate.
    #[error("limits.burst without limits.responses_per_second; give both, or leave burst out")]
    BurstAlone,
    /// The burst doesn't hold the responses of one jiffy.
    #[error(
        "limits.burst: {burst} is less than a client gets in a hundredth of a second; \
         at {rate} responses a second, give at least {least}"
    )]
    SmallBurst {
        /// Responses a second.
        rate: u32,
        /// Responses at once.
        burst: u32,
        /// The smallest burst that fits this rate.
        least: u32,
    },
    /// A prefix in both lists.
    #[error("{0} is in limits.exempt and in limits.deny; leave it out of one of them")]
    Contradiction(IpNet),
    /// How many prefixes the lists have, which is more than fit.
    #[error(
        "limits.exempt and limits.deny have {0} prefixes, and {PREFIXES} fit; use shorter ones"
    )]
    Prefixes(usize),
}

/// Why a text isn't a prefix that may be listed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum NetError {
    #[error("{0:?} is not a prefix; write \"192.0.2.0/24\", \"2001:db8::/32\" or an address")]
    Syntax(String),
    /// The text, and the same prefix without the bits that don't belong to it.
    #[error("{0:?} has bits behind its prefix; write \"{1}\"")]
    HostBits(String, IpNet),
    #[error(
        "{0:?} would hold all IPv4 addresses, too; \
         write \"2000::/3\" for all of IPv6, \"0.0.0.0/0\" for all of IPv4"
    )]
    AllOfIpv4(String),
}

/// The greatest rate and burst.
const MOST: u32 = 1_000_000;

/// Prefixes that may be listed: with their successors they have to fit into the map.
const PREFIXES: usize = PREFIX_ENTRIES as usize / 2;

/// The fewest jiffies a second that Linux is built with. The responses that one jiffy brings have
/// to fit into a bucket.
const JIFFIES: u32 = 100;

fn number<'de, D: Deserializer<'de>>(
    from: D,
    (low, high): (u32, u32),
    what: &str,
) -> Result<u32, D::Error> {
    let number = i64::deserialize(from)?;
    let fitting = u32::try_from(number).ok().filter(|number| (low..=high).contains(number));
    fitting.ok_or_else(|| D::Error::custom(format!("{number} is not in {low} to {high}: {what}")))
}

fn responses<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    let what = "a number of responses; leave responses_per_second and burst out for no limit";
    number(from, (1, MOST), what).map(Some)
}

fn slip<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    number(from, (0, 1000), "one in so many limited responses is sent truncated, none at slip = 0")
}

fn bits4<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    number(from, (0, 32), "the bits of an IPv4 address that make a client")
}

fn bits6<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    number(from, (0, 64), "the bits of an IPv6 address that make a client")
}

fn nets<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    texts.iter().map(|text| net(text).map_err(D::Error::custom)).collect()
}

/// A prefix, or an address that stands for itself.
fn net(text: &str) -> Result<IpNet, NetError> {
    let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let Ok(net) = net else { return Err(NetError::Syntax(text.to_owned())) };
    if net != net.trunc() {
        return Err(NetError::HostBits(text.to_owned(), net.trunc()));
    }
    if Prefix::from(net).has_all_of_ipv4() {
        return Err(NetError::AllOfIpv4(text.to_owned()));
    }
    Ok(net)
}

impl Limits {
    /// The rate; `None` if there is none.
    #[must_use]
    pub fn rate(&self) -> Option<Rate> {
        let per_second = self.responses_per_second?;
        Some(Rate {
            per_second,
            burst: self.burst.unwrap_or_else(|| per_second.saturating_mul(2).min(MOST)),
            slip: self.slip,
            prefix4: self.ipv4_prefix,
            prefix6: self.ipv6_prefix,
        })
    }

    /// The lists as one.
    #[must_use]
    pub fn prefixes(&self) -> Prefixes {
        let [exempt, deny] = [(&self.exempt, Rule::Exempt), (&self.deny, Rule::Deny)]
            .map(|(nets, rule)| nets.iter().map(move |net| (Prefix::from(*net), rule)));
        exempt.chain(deny).collect()
    }

    /// Checks that the keys are consistent.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn check(&self) -> Result<(), LimitsError> {
        match (self.responses_per_second, self.burst) {
            (None, Some(_)) => return Err(LimitsError::BurstAlone),
            (Some(rate), Some(burst)) if burst < rate.div_ceil(JIFFIES) => {
                let least = rate.div_ceil(JIFFIES);
                return Err(LimitsError::SmallBurst { rate, burst, least });
            }
            _ => {}
        }
        if let Some(net) = self.exempt.iter().find(|net| self.deny.contains(net)) {
            return Err(LimitsError::Contradiction(*net));
        }
        let n = self.exempt.len() + self.deny.len();
        if n > PREFIXES {
            return Err(LimitsError::Prefixes(n));
        }
        Ok(())
    }
}
