//! The client that an answer is for: the source, or the client subnet.

use std::net::IpAddr;

use edge_common::service::words;
use edge_common::subnet::{EffectiveClient, Subnet};

use super::closest::Spot;
use super::serving::Serving;
use edge_zone::geo::Coordinates;
use edge_zone::variants::is_client_independent;
use edge_zone::{Targets, Zone};

/// The client that an answer is for.
pub struct Client {
    /// The address that counts.
    pub ip: IpAddr,
    /// Its targets in the zone.
    pub targets: Targets,
    /// Its place, as far as it is known.
    pub(super) coordinates: Option<Coordinates>,
    whom: EffectiveClient,
    /// Whether the packet's source stands for it, because nothing is known of the address.
    is_by_source: bool,
}

impl Client {
    /// The client of a query from `source`: the subnet's address if it could be anyone's on the
    /// Internet. If nothing is known of that address, its targets are the source's.
    #[must_use]
    pub fn new(serving: &Serving, zone: &Zone, source: IpAddr, subnet: Option<&Subnet>) -> Self {
        let source = source.to_canonical();
        let whom = EffectiveClient::new(words(source), subnet);
        let given = subnet.filter(|_| whom.is_subnets).and_then(Subnet::ip);
        let ip = given.map_or(source, |ip| ip.to_canonical());
        let client = Self { whom, ..Self::at(serving, zone, ip) };
        if client.targets.is_unspecific() && whom.has_other() {
            return Self { ip, whom, is_by_source: true, ..Self::at(serving, zone, source) };
        }
        client
    }

    /// The client at `ip` and nowhere else.
    pub(super) fn at(serving: &Serving, zone: &Zone, ip: IpAddr) -> Self {
        let whom = EffectiveClient::new(words(ip), None);
        if is_client_independent(zone) {
            let targets = Targets::new(zone.targeting, &edge_zone::ClientPlace::default());
            return Self { ip, targets, coordinates: None, whom, is_by_source: false };
        }
        let (mut place, coordinates) = serving.locator().place(ip, zone);
        place.ip = Some(ip);
        let targets = Targets::new(zone.targeting, &place);
        Self { ip, targets, coordinates, whom, is_by_source: false }
    }

    pub(super) fn spot(&self) -> Option<Spot> {
        self.coordinates.map(Spot::new)
    }

    /// The scope of an answer about a name that varies by client, and with `near` by where it is;
    /// as [`EffectiveClient::scope`].
    pub(super) fn scope(&self, serving: &Serving, zone: &Zone, near: bool) -> u8 {
        if is_client_independent(zone) {
            return 0;
        }
        let Self { ip, whom, is_by_source, .. } = self;
        let known =
            if whom.is_subnets { netmask(serving, zone, *ip, near && !is_by_source) } else { 0 };
        whom.scope(known, *is_by_source)
    }
}

/// Length of the prefix around an address in which all addresses have its targets, and with `near`
/// its coordinates.
pub(super) fn netmask(serving: &Serving, zone: &Zone, ip: IpAddr, near: bool) -> u8 {
    if is_client_independent(zone) { 0 } else { serving.locator().scope(ip, zone, near) }
}

#[cfg(test)]
mod tests;
