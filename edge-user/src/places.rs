//! Where clients are, for the authority: the databases in the words of targets.

use std::net::IpAddr;
use std::sync::Arc;

use crate::authority::{Coordinates, Places};
use crate::geo::Databases;
use crate::profile::{needs, place_of};
use crate::zone::{Place, Zone};

/// The databases of a generation.
#[derive(Debug)]
pub struct GeoPlaces(pub Arc<Databases>);

impl Places for GeoPlaces {
    fn place(&self, ip: IpAddr, zone: &Zone) -> (Place, Option<Coordinates>) {
        let known = self.0.lookup(ip, needs(zone.targeting, zone.has_closest));
        (place_of(&known, Some(ip)), known.location)
    }
}
