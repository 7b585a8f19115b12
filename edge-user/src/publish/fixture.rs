//! Zones for tests, ready to be published: an apex and labels come in.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::Publishable;
use crate::compile::compile;
use crate::geo::Databases;
use crate::geo::Profile;
use crate::rdata::soa_record;
use crate::zone;
use crate::zone::Any;

/// A zone with an A record at its apex and at each label.
pub(crate) fn publishable(apex: &str, labels: impl IntoIterator<Item = String>) -> Publishable {
    let mut data = String::from(r#""": {"a": [["192.0.2.1", 1]]}"#);
    for label in labels {
        write!(data, r#", "{label}": {{"a": [["192.0.2.2", 1]]}}"#).unwrap();
    }
    let json = format!(r#"{{"serial": 1, "ttl": 60, "targeting": "@", "data": {{{data}}}}}"#);
    let zone = zone::parse(apex, json.as_bytes(), UNIX_EPOCH, Path::new("z.json")).unwrap();
    let mut profile = Profile::of(&zone);
    profile.add(&zone);
    let trie = Arc::new(profile.compile(&Databases::new(Vec::new())).unwrap());
    let compiled = Arc::new(compile(&zone, &trie.classes, soa_record(&zone), Any::default()));
    Publishable { compiled, trie }
}

/// A name on the wire.
pub(crate) fn wire(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.') {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}
