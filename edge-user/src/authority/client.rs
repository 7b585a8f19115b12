//! The packet's source and the client subnet come in; whom the answer is for goes out.

use std::net::IpAddr;

use super::closest::Spot;
use super::message::Subnet;
use super::serving::{Coordinates, Serving};
use crate::zone::variants::is_everyones;
use crate::zone::{Targets, Zone};

/// Whom an answer is for.
pub(super) struct Client {
    /// The address that counts.
    pub(super) ip: IpAddr,
    /// Its targets in the zone.
    pub(super) targets: Targets,
    /// Where it is, as far as it is known.
    pub(super) coordinates: Option<Coordinates>,
    /// Whether the packet's source stands for it, because nothing is known of the address.
    is_by_source: bool,
}

impl Client {
    /// The client of a query from `source`: the subnet's address if it could be anyone's on the Internet. If nothing
    /// is known of that address, its targets are the source's.
    pub(super) fn new(
        serving: &Serving,
        zone: &Zone,
        source: IpAddr,
        subnet: Option<&Subnet>,
    ) -> Self {
        let source = source.to_canonical();
        let address = subnet.and_then(Subnet::address).map(|ip| ip.to_canonical());
        let ip = address.filter(|ip| standing(*ip).is_public).unwrap_or(source);
        let client = Self::at(serving, zone, ip);
        if client.targets.say_nothing() && ip != source {
            return Self { ip, is_by_source: true, ..Self::at(serving, zone, source) };
        }
        client
    }

    /// The client at `ip` and nowhere else.
    pub(super) fn at(serving: &Serving, zone: &Zone, ip: IpAddr) -> Self {
        if is_everyones(zone) {
            let targets = Targets::new(zone.targeting, &crate::zone::Place::default());
            return Self { ip, targets, coordinates: None, is_by_source: false };
        }
        let (mut place, coordinates) = serving.places().place(ip, zone);
        place.ip = Some(ip);
        let targets = Targets::new(zone.targeting, &place);
        Self { ip, targets, coordinates, is_by_source: false }
    }

    pub(super) fn spot(&self) -> Option<Spot> {
        self.coordinates.map(Spot::new)
    }

    /// The scope of an answer about a name that varies by client, and with `near` by where it is: the length of the
    /// prefix around the subnet's address in which every address has this answer (RFC 7871 §7.2.1). It may exceed the
    /// source prefix. 0 if the client withheld its address, as the answer is its resolver's then.
    pub(super) fn scope(&self, serving: &Serving, zone: &Zone, subnet: &Subnet, near: bool) -> u8 {
        let Some(address) = subnet.address() else { return 0 };
        if subnet.source_prefix == 0 || is_everyones(zone) {
            return 0;
        }
        let ip = address.to_canonical();
        let standing = standing(ip);
        let length = match (standing.is_public, self.is_by_source) {
            (false, _) => standing.prefix,
            // The source's word counts for the special addresses around this one, too.
            (true, true) => netmask(serving, zone, ip, false),
            (true, false) => netmask(serving, zone, ip, near).max(standing.prefix),
        };
        // An IPv4 address that came as an IPv6 one (RFC 4291 §2.5.5.2).
        if address.is_ipv6() && ip.is_ipv4() { length + 96 } else { length }
    }
}

/// Length of the prefix around an address in which all addresses have its targets, and with `near` its coordinates.
pub(super) fn netmask(serving: &Serving, zone: &Zone, ip: IpAddr, near: bool) -> u8 {
    if is_everyones(zone) { 0 } else { serving.places().scope(ip, zone, near) }
}

/// What an address is, and the length of the prefix around it in which every address is the same in this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    /// Whether it is a unicast one that isn't private, link-local or this host's.
    is_public: bool,
    prefix: u8,
}

/// Networks of addresses that tell nothing of a client, left-aligned.
const SPECIAL4: [(u128, u8); 8] = [
    (v4([0, 0, 0, 0]), 32),
    (v4([10, 0, 0, 0]), 8),
    (v4([127, 0, 0, 0]), 8),
    (v4([169, 254, 0, 0]), 16),
    (v4([172, 16, 0, 0]), 12),
    (v4([192, 168, 0, 0]), 16),
    (v4([224, 0, 0, 0]), 4),
    (v4([255, 255, 255, 255]), 32),
];

/// Of IPv6; the last one holds IPv4 addresses, which are judged as such.
const SPECIAL6: [(u128, u8); 6] = [
    (0, 128),
    (1, 128),
    (0xfc << 120, 7),
    (0xfe80 << 112, 10),
    (0xff << 120, 8),
    (0xffff << 32, 96),
];

const fn v4(octets: [u8; 4]) -> u128 {
    (u32::from_be_bytes(octets) as u128) << 96
}

fn standing(ip: IpAddr) -> Standing {
    let (address, special): (_, &[_]) = match ip {
        IpAddr::V4(ip) => (v4(ip.octets()), &SPECIAL4),
        IpAddr::V6(ip) => (ip.to_bits(), &SPECIAL6),
    };
    let mut prefix = 0;
    for (network, length) in special {
        let common = (address ^ network).leading_zeros();
        if common >= u32::from(*length) {
            return Standing { is_public: false, prefix: *length };
        }
        // One bit more than they have in common, and the network is outside.
        prefix = prefix.max(common + 1);
    }
    // Less than the longest of the networks' lengths.
    Standing { is_public: true, prefix: u8::try_from(prefix).unwrap_or(u8::MAX) }
}

#[cfg(test)]
mod tests {
    use super::{Standing, standing};

    fn standing_of(ip: &str) -> Standing {
        standing(ip.parse().unwrap())
    }

    #[test]
    fn private_and_special_addresses_tell_nothing_of_the_client() {
        for ip in ["192.0.2.1", "8.8.8.8", "100.64.0.1", "2001:db8::1", "2600::"] {
            assert!(standing_of(ip).is_public, "{ip}");
        }
        for (ip, prefix) in [
            ("0.0.0.0", 32),
            ("127.0.0.1", 8),
            ("10.1.2.3", 8),
            ("172.16.0.1", 12),
            ("192.168.0.1", 16),
            ("169.254.0.1", 16),
            ("224.0.0.1", 4),
            ("255.255.255.255", 32),
            ("::", 128),
            ("::1", 128),
            ("fe80::1", 10),
            ("fc00::1", 7),
            ("ff02::1", 8),
        ] {
            assert_eq!(standing_of(ip), Standing { is_public: false, prefix }, "{ip}");
        }
    }

    #[test]
    fn the_prefix_around_a_public_address_ends_before_special_ones() {
        for (ip, prefix) in [
            ("8.0.0.0", 7),
            ("9.255.0.0", 7),
            ("11.0.0.1", 8),
            ("192.169.0.1", 16),
            ("64.0.0.1", 3),
            ("2001:db8::1", 3),
            ("::2", 127),
            ("8000::1", 2),
        ] {
            assert_eq!(standing_of(ip), Standing { is_public: true, prefix }, "{ip}");
        }
    }
}
