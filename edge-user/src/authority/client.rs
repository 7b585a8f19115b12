//! The packet's source and the client subnet come in; whom the answer is for goes out.

use std::net::IpAddr;

use super::closest::Spot;
use super::message::Subnet;
use super::serving::{Coordinates, Served, Serving};
use crate::zone::{Targeting, Targets, Zone};

/// Whom an answer is for.
pub(super) struct Client {
    /// The address that counts.
    pub(super) ip: IpAddr,
    /// Its targets in the zone.
    pub(super) targets: Targets,
    /// Where it is, as far as it is known.
    pub(super) coordinates: Option<Coordinates>,
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
        let ip = address.filter(is_public).unwrap_or(source);
        let client = Self::at(serving, zone, ip);
        if client.targets.say_nothing() && ip != source {
            return Self { ip, ..Self::at(serving, zone, source) };
        }
        client
    }

    /// The client at `ip` and nowhere else.
    pub(super) fn at(serving: &Serving, zone: &Zone, ip: IpAddr) -> Self {
        if zone.targeting == Targeting::GLOBAL && !zone.has_closest {
            let targets = Targets::new(zone.targeting, &crate::zone::Place::default());
            return Self { ip, targets, coordinates: None };
        }
        let (mut place, coordinates) = serving.places().place(ip, zone);
        place.ip = Some(ip);
        Self { ip, targets: Targets::new(zone.targeting, &place), coordinates }
    }

    pub(super) fn spot(&self) -> Option<Spot> {
        self.coordinates.map(Spot::new)
    }
}

/// Whether an address is a unicast one that isn't private, link-local or this host's.
fn is_public(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            !(ip.is_unspecified()
                || ip.is_loopback()
                || ip.is_multicast()
                || ip.is_link_local()
                || ip.is_broadcast()
                || ip.is_private())
        }
        IpAddr::V6(ip) => {
            !(ip.is_unspecified()
                || ip.is_loopback()
                || ip.is_multicast()
                || ip.is_unicast_link_local()
                || ip.is_unique_local())
        }
    }
}

/// The scope of an answer (RFC 7871 §7.2.1) about `label`: 0 if it is everyone's, else what the client said of itself.
pub(super) fn scope(served: &Served, label: &str, subnet: Option<&Subnet>) -> u8 {
    match subnet {
        Some(subnet) if served.varies(label) => subnet.source_prefix,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn private_and_special_addresses_tell_nothing_of_the_client() {
        for ip in ["192.0.2.1", "8.8.8.8", "100.64.0.1", "2001:db8::1", "2600::"] {
            assert!(is_public(&ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "0.0.0.0",
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
        ] {
            assert!(!is_public(&ip.parse().unwrap()), "{ip}");
        }
    }
}
