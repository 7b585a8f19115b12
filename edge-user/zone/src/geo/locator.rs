//! The place of a client, as the authority looks it up.
//!
//! A lookup reads the databases and reports what it finds in the words of targets. The length of
//! the prefix for which that is true comes from the tries, which are what packets are looked up in.

use std::net::IpAddr;
use std::sync::Arc;

use super::profile::{needs, place_of};
use super::{Compiled, Databases, Profile};
use crate::{ClientPlace, Targeting, Targets, Zone};

/// Latitude and longitude in degrees, north and east positive.
pub type Coordinates = (f64, f64);

/// Where addresses are.
pub trait ClientLocator: Send + Sync {
    /// The place of an address and its coordinates, as far as they are known and matter to a zone.
    /// [`ClientPlace::ip`] may be left out.
    fn place(&self, ip: IpAddr, zone: &Zone) -> (ClientPlace, Option<Coordinates>);

    /// Length of a prefix around an address in which every address has the same targets in a zone,
    /// and with `near` the same coordinates. Never shorter; all of the address's bits if that isn't
    /// known.
    fn scope(&self, ip: IpAddr, _zone: &Zone, _near: bool) -> u8 {
        full_prefix_len(ip)
    }
}

/// Knows no place at all: every client has the global target only.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl ClientLocator for Nowhere {
    fn place(&self, _: IpAddr, _: &Zone) -> (ClientPlace, Option<Coordinates>) {
        (ClientPlace::default(), None)
    }
}

/// The databases of a generation, and what was compiled of them.
#[derive(Debug, Default)]
pub struct GeoLocator {
    /// What is known of addresses.
    pub databases: Arc<Databases>,
    /// The tries of profiles. Where one is missing, scopes are longer than need be.
    pub tries: Vec<(Profile, Arc<Compiled<Targets>>)>,
}

impl ClientLocator for GeoLocator {
    fn place(&self, ip: IpAddr, zone: &Zone) -> (ClientPlace, Option<Coordinates>) {
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
            None if zone.targeting.contains(Targeting::IP) => full_prefix_len(ip),
            None => of_records(),
        }
    }
}

/// Bits of an address: the length of the prefix that holds nothing else.
#[must_use]
pub const fn full_prefix_len(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}
