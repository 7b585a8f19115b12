//! Zones for tests, ready to be published.

use std::borrow::Borrow;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::Publishable;
use crate::compile::compile;
use edge_zone::geo::{Compiled, Databases, Profile};
use edge_zone::rdata::soa_record;
use edge_zone::{self as zone, AnyPolicy, Targets, Zone};

pub mod zones;

/// What a profile distinguishes, and the trie that was compiled for it.
pub type Trie = (Profile, Arc<Compiled<Targets>>);

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
    publishables(&[(apex, json)]).pop().unwrap()
}

/// Zones from their JSON, which share tries where they can. No database knows any client.
///
/// # Panics
/// When a zone is refused.
#[must_use]
pub fn publishables(zones: &[(&str, &str)]) -> Vec<Publishable> {
    let parse = |(apex, json): &(&str, &str)| {
        zone::parse(apex, json.as_bytes(), UNIX_EPOCH, Path::new("z.json")).unwrap()
    };
    let zones: Vec<Zone> = zones.iter().map(parse).collect();
    let tries = tries(&zones, &Databases::new(Vec::new()));
    zones.iter().map(|zone| publishable_with(zone, &tries, AnyPolicy::default())).collect()
}

/// The tries of zones: one for all whose profiles suit each other.
///
/// # Panics
/// When a profile is too fine.
#[must_use]
pub fn tries(zones: &[impl Borrow<Zone>], databases: &Databases) -> Vec<Trie> {
    let mut profiles: Vec<Profile> = Vec::new();
    for zone in zones.iter().map(Borrow::borrow) {
        match profiles.iter_mut().find(|profile| profile.suits(zone)) {
            Some(profile) => profile.add(zone),
            None => {
                let mut profile = Profile::of(zone);
                profile.add(zone);
                profiles.push(profile);
            }
        }
    }
    let compiled = profiles.into_iter().map(|profile| {
        let trie = Arc::new(profile.compile(databases).unwrap());
        (profile, trie)
    });
    compiled.collect()
}

/// A zone, compiled for the trie among `tries` that suits it.
///
/// # Panics
/// When none does.
#[must_use]
pub fn publishable_with(zone: &Zone, tries: &[Trie], any: AnyPolicy) -> Publishable {
    let (_, trie) = tries.iter().find(|(profile, _)| profile.suits(zone)).unwrap();
    let compiled = Arc::new(compile(zone, &trie.classes, soa_record(zone), any));
    Publishable { compiled, trie: Arc::clone(trie) }
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
