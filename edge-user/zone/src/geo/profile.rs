//! Geo profiles: the distinctions between clients that several zones share.
//!
//! Zones with the same targeting words, and the same need for coordinates, share one trie.
//! Countries, continents and region groups are always distinct. Regions, ASNs and addresses are
//! distinct only where a label of some zone names one, so that one label for one network doesn't
//! cut the address space to pieces.

use std::collections::BTreeSet;
use std::net::IpAddr;

use edge_common::abi::GeoLeaf;
use ipnet::IpNet;

use super::{Compiled, Databases, Distinctions, GeoError, GeoRecord, Needs, compile};
use crate::{ClientPlace, Targeting, Targets, Zone};

/// The target of clients of whom something is known that no label is for. No label has upper-case
/// letters. It keeps them apart from those of whom nothing is known: for a client subnet of these
/// the packet's source is looked at.
const KNOWN: &str = "KNOWN";

/// What zones share a trie for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The targeting words.
    pub targeting: Targeting,
    closest: bool,
    /// Targets for single regions, ASNs and addresses that labels name.
    mentioned: BTreeSet<String>,
}

impl Profile {
    /// The profile that a zone wants, before anything is added.
    #[must_use]
    pub const fn of(zone: &Zone) -> Self {
        Self { targeting: zone.targeting, closest: zone.has_closest, mentioned: BTreeSet::new() }
    }

    /// Whether a zone can share the profile.
    #[must_use]
    pub fn suits(&self, zone: &Zone) -> bool {
        self.targeting == zone.targeting && self.closest == zone.has_closest
    }

    /// Adds what a zone that it suits names.
    pub fn add(&mut self, zone: &Zone) {
        for label in &zone.labels {
            if let Some(target) = fine_target(&label.name)
                && !self.mentioned.contains(target)
            {
                self.mentioned.insert(target.to_owned());
            }
        }
    }

    /// Whether classes keep `target`: those of single regions, ASNs and addresses only when a label
    /// names it.
    fn keeps(&self, target: &str) -> bool {
        fine_target(target).is_none() || self.mentioned.contains(target)
    }

    /// The trie, and the targets of each of its classes. Those of class 0 say nothing
    /// ([`edge_common::class::NOTHING`]), and no others'.
    ///
    /// # Errors
    /// [`GeoError::TooFine`] when the address space is too finely divided for the maps.
    pub fn compile(&self, databases: &Databases) -> Result<Compiled<Targets>, GeoError> {
        let ip = self.targeting.contains(Targeting::IP);
        let prefixes = if ip {
            self.mentioned.iter().filter_map(|t| network(t)).collect()
        } else {
            Vec::new()
        };
        let distinctions = Distinctions { needs: needs(self.targeting, self.closest), prefixes };
        let compiled = compile(databases, &distinctions, |place, around| {
            let own = around.iter().map(|net| format!("[{}]", net.addr()));
            let rest = Targets::new(self.targeting, &place_of(place, None));
            let kept = rest.iter().filter(|t| self.keeps(t)).map(str::to_owned);
            let targets = Targets::of(own.chain(kept));
            if targets.is_unspecific() && (ip || !rest.is_unspecific()) {
                let known = std::iter::once(KNOWN.to_owned());
                return Targets::of(known.chain(targets.iter().map(str::to_owned)));
            }
            targets
        })?;
        Ok(self.with_nothing(compiled))
    }

    /// Keeps class 0 free where something is known of every address: by ASN and address all clients
    /// have targets.
    fn with_nothing(&self, mut compiled: Compiled<Targets>) -> Compiled<Targets> {
        if compiled.classes.first().is_some_and(Targets::is_unspecific) {
            return compiled;
        }
        let everyones = self.targeting.contains(Targeting::GLOBAL).then(|| "@".to_owned());
        compiled.classes.insert(0, Targets::of(everyones));
        for leaf in compiled.leaves.iter_mut().filter(|leaf| leaf.class != GeoLeaf::UNKNOWABLE) {
            leaf.class += 1;
        }
        compiled
    }
}

/// What clients of a zone with this targeting are looked up for.
pub fn needs(targeting: Targeting, closest: bool) -> Needs {
    let wants = |word| targeting.contains(word);
    Needs {
        country: wants(Targeting::COUNTRY) || wants(Targeting::CONTINENT),
        region: wants(Targeting::REGION) || wants(Targeting::REGION_GROUP) || closest,
        asn: wants(Targeting::ASN),
    }
}

/// The place of an address, from its data in a database.
pub fn place_of(record: &GeoRecord, ip: Option<IpAddr>) -> ClientPlace {
    let country = record.country.as_ref().and_then(|code| str::from_utf8(code).ok());
    let mut known = country.map_or_else(ClientPlace::default, ClientPlace::in_country);
    if let Some(region) = &record.region
        && let Some((_, subdivision)) = region.as_str().split_once('-')
    {
        known = known.in_subdivision(subdivision);
    }
    ClientPlace { asn: record.asn, ip, ..known }
}

/// The end of a label, or a target itself, that stands for a single region, ASN or address.
fn fine_target(label: &str) -> Option<&str> {
    if label.ends_with(']') {
        return label.rfind('[').and_then(|at| label.get(at..));
    }
    let last = label.rsplit('.').next()?;
    let asn = last
        .strip_prefix("as")
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let region = matches!(last.as_bytes(), [a, b, b'-', rest @ ..]
        if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && (1..=3).contains(&rest.len()));
    (asn || region).then_some(last)
}

/// The addresses that a target such as `[192.0.2.0]` is for: the address itself, and when it is
/// that of a network, the network (/24 or /48).
fn network(target: &str) -> Option<IpNet> {
    let ip: IpAddr = target.strip_prefix('[')?.strip_suffix(']')?.parse().ok()?;
    let length = match ip {
        IpAddr::V4(ip) if ip.octets()[3] == 0 => 24,
        IpAddr::V4(_) => 32,
        IpAddr::V6(ip) if ip.to_bits() << 48 == 0 => 48,
        IpAddr::V6(_) => 128,
    };
    IpNet::new(ip, length).ok()
}

#[cfg(test)]
mod tests {
    use super::{fine_target, network};

    #[test]
    fn labels_for_single_regions_asns_and_addresses_are_recognized() {
        for (label, expect) in [
            ("www.us-ca", Some("us-ca")),
            ("as15169", Some("as15169")),
            ("bar.[1.0.0.255]", Some("[1.0.0.255]")),
            ("www.us-west", None),
            ("asia", None),
            ("0.de", None),
            ("as", None),
        ] {
            assert_eq!(fine_target(label), expect, "{label}");
        }
    }

    #[test]
    fn an_address_that_is_a_network_s_stands_for_the_network() {
        let text = |target| network(target).map(|net| net.to_string());
        assert_eq!(text("[192.0.2.0]").as_deref(), Some("192.0.2.0/24"));
        assert_eq!(text("[192.0.2.1]").as_deref(), Some("192.0.2.1/32"));
        assert_eq!(text("[2001:db8::]").as_deref(), Some("2001:db8::/48"));
        assert_eq!(text("[2001:db8::1]").as_deref(), Some("2001:db8::1/128"));
        assert_eq!(text("us-ca"), None);
    }
}
