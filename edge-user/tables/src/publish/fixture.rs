//! Zones for tests, ready to be published.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::Publishable;
use crate::compile::compile;
use edge_zone as zone;
use edge_zone::AnyPolicy;
use edge_zone::geo::Databases;
use edge_zone::geo::Profile;
use edge_zone::rdata::soa_record;

/// A zone with an A record at its apex and at each label.
///
/// # Panics
/// When the zone is refused.
pub fn publishable(apex: &str, labels: impl IntoIterator<Item = String>) -> Publishable {
    let mut data = String::from(r#""": {"a": [["192.0.2.1", 1]]}"#);
    for label in labels {
        write!(data, r#", "{label}": {{"a": [["192.0.2.2", 1]]}}"#).unwrap();
    }
    let json = format!(r#"{{"serial": 1, "ttl": 60, "targeting": "@", "data": {{{data}}}}}"#);
    publishable_of(apex, &json)
}

/// A zone from its JSON. No database knows any client.
///
/// # Panics
/// When the zone is refused.
#[must_use]
pub fn publishable_of(apex: &str, json: &str) -> Publishable {
    let zone = zone::parse(apex, json.as_bytes(), UNIX_EPOCH, Path::new("z.json")).unwrap();
    let mut profile = Profile::of(&zone);
    profile.add(&zone);
    let trie = Arc::new(profile.compile(&Databases::new(Vec::new())).unwrap());
    let compiled = Arc::new(compile(&zone, &trie.classes, soa_record(&zone), AnyPolicy::default()));
    Publishable { compiled, trie }
}

/// A name on the wire.
///
/// # Panics
/// When a label has more than 255 octets.
#[must_use]
pub fn wire(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.') {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}
