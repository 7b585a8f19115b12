//! Where clients are, for the authority: the databases in the words of targets, and the tries for scopes.

use std::net::IpAddr;
use std::sync::Arc;

use crate::authority::{Coordinates, Places};
use crate::geo::{self, Databases};
use crate::profile::{Profile, needs, place_of};
use crate::zone::{Place, Targeting, Targets, Zone};

/// The databases of a generation, and what was compiled of them.
#[derive(Debug, Default)]
pub struct GeoPlaces {
    /// What is known of addresses.
    pub databases: Arc<Databases>,
    /// The tries of profiles. Where one is missing, scopes are longer than need be.
    pub tries: Vec<(Profile, Arc<geo::Compiled<Targets>>)>,
}

impl Places for GeoPlaces {
    fn place(&self, ip: IpAddr, zone: &Zone) -> (Place, Option<Coordinates>) {
        let known = self.databases.lookup(ip, needs(zone.targeting, zone.has_closest));
        (place_of(&known, Some(ip)), known.location)
    }

    fn scope(&self, ip: IpAddr, zone: &Zone, near: bool) -> u8 {
        let trie = self.tries.iter().find(|(profile, _)| profile.suits(zone));
        let of_class = trie.and_then(|(_, trie)| trie.scope(ip));
        let of_records = || self.databases.prefix(ip, needs(zone.targeting, zone.has_closest));
        match of_class {
            Some(class) if near => class.max(of_records()),
            Some(class) => class,
            // The databases don't know which addresses labels name.
            None if zone.targeting.contains(Targeting::IP) => whole(ip),
            None => of_records(),
        }
    }
}

/// Bits of an address.
pub(crate) const fn whole(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}
