//! Tests of opening and refusing databases, and of lookups.

use std::time::UNIX_EPOCH;

use fastrand::Rng;
use mmdb_writer::{IpVersion, RecordSize, Writer};

use super::*;
use crate::geo::fixture::{self, ip, net};

fn country(octets: Vec<u8>) -> Result<Database, GeoError> {
    Database::from_octets(octets, Path::new("x/GeoLite2-Country.mmdb"), DatabaseKind::Country)
}

/// As small as a database with all its parts can be.
fn small() -> Vec<u8> {
    let records = [("1.2.0.0/16", "DE"), ("1.2.3.0/24", "FR"), ("2a00::/12", "GB")];
    fixture::country(&records.map(|(text, code)| (net(text), code)))
}

const COUNTRY: Needs = Needs { country: true, region: false, asn: false };

#[test]
fn geolite2_wins_and_missing_kinds_are_fine() {
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, octets: Vec<u8>| fs::write(directory.path().join(name), octets).unwrap();
    assert_eq!(Databases::open(directory.path()).unwrap().iter().count(), 0);
    put("GeoIP2-Country.mmdb", fixture::country(&[(net("1.0.0.0/8"), "DE")]));
    put("GeoIP2-ASN.mmdb", fixture::asn(&[(net("1.0.0.0/8"), 7)]));
    let found = Databases::open(directory.path()).unwrap();
    assert_eq!(found.lookup(ip("1.1.1.1"), COUNTRY).country, Some(*b"de"));
    put("GeoLite2-Country.mmdb", fixture::country(&[(net("1.0.0.0/8"), "FR")]));
    let found = Databases::open(directory.path()).unwrap();
    assert_eq!(found.lookup(ip("1.1.1.1"), COUNTRY).country, Some(*b"fr"));
    assert_eq!(found.lookup(ip("1.1.1.1"), COUNTRY).asn, None);
    assert_eq!(found.lookup(ip("1.1.1.1"), Needs { asn: true, ..COUNTRY }).asn, Some(7));
    assert!(found.get(DatabaseKind::City).is_none());
}

#[test]
fn a_broken_file_is_not_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("GeoIP2-Country.mmdb"), small()).unwrap();
    fs::write(directory.path().join("GeoLite2-Country.mmdb"), b"not one").unwrap();
    let error = Databases::open(directory.path()).unwrap_err().to_string();
    assert!(error.contains("GeoLite2-Country.mmdb: "), "{error}");
    assert!(error.contains("download it again"), "{error}");
}

#[test]
fn a_directory_or_another_kind_of_file_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("GeoLite2-ASN.mmdb");
    fs::create_dir(&path).unwrap();
    assert!(matches!(Databases::open(directory.path()), Err(GeoError::Unfit { .. })));
    fs::remove_dir(&path).unwrap();
    fs::write(&path, small()).unwrap();
    let error = Databases::open(directory.path()).unwrap_err();
    assert!(matches!(error, GeoError::WrongType { expected: DatabaseKind::Asn, .. }), "{error}");
}

#[test]
fn city_supplies_country_region_and_location_when_a_region_is_needed() {
    let needs = Needs { country: true, region: true, asn: true };
    let city = fixture::city(&[(net("1.0.0.0/8"), "US", "CA", (37.5, -122.25))]);
    let databases = fixture::databases([
        (DatabaseKind::City, city),
        (DatabaseKind::Country, fixture::country(&[(net("1.0.0.0/8"), "DE")])),
        (DatabaseKind::Asn, fixture::asn(&[(net("1.0.0.0/8"), 64_500)])),
    ]);
    let place = databases.lookup(ip("1.1.1.1"), needs);
    assert_eq!(place.country, Some(*b"us"));
    assert_eq!(place.region.unwrap().as_str(), "us-ca");
    assert_eq!(place.location, Some((37.5, -122.25)));
    assert_eq!(place.asn, Some(64_500));
    let place = databases.lookup(ip("1.1.1.1"), COUNTRY);
    assert_eq!(place, GeoRecord { country: Some(*b"de"), ..GeoRecord::default() });
    assert_eq!(databases.lookup(ip("9.9.9.9"), needs), GeoRecord::default());
}

#[test]
fn ipv6_addresses_are_unknown_to_an_ipv4_database() {
    let mut writer = Writer::builder("GeoLite2-Country").ip_version(IpVersion::V4).build();
    let record = mmdb_writer::Value::map([("iso_code", "DE")]);
    writer.insert_value(net("1.0.0.0/8"), mmdb_writer::Value::map([("country", record)])).unwrap();
    let database = country(writer.to_bytes().unwrap()).unwrap();
    assert_eq!(database.lookup(ip("1.1.1.1")).country, Some(*b"de"));
    assert_eq!(database.lookup(ip("2a00::1")), GeoRecord::default());
}

#[test]
fn teredo_and_6to4_addresses_are_looked_up_as_the_ipv4_address_they_carry() {
    let database = country(small()).unwrap();
    assert_eq!(database.lookup(ip("2002:102:300::1")).country, Some(*b"fr"));
    assert_eq!(database.lookup(ip("::ffff:1.2.4.4")).country, Some(*b"de"));
}

#[test]
fn every_truncation_is_an_error() {
    let whole = small();
    for length in 0..whole.len() {
        let error = country(whole[..length].to_vec()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("GeoLite2-Country.mmdb"), "{text}");
    }
}

#[test]
fn flipped_bits_and_octets_never_panic_or_hang() {
    let mut random = Rng::with_seed(1);
    let nets = fixture::nets(&mut random, 60, 60);
    let records: Vec<_> = nets.iter().map(|net| (*net, "US", "CA", (1.0, 2.0))).collect();
    let city = fixture::city(&records);
    for whole in [small(), city] {
        for round in 0..6_000 {
            let mut octets = whole.clone();
            for _ in 0..random.usize(1..4) {
                // Half of the time in the metadata, where little does much.
                let tail = if round % 2 == 0 { 0 } else { octets.len() - 300 };
                let at = random.usize(tail..octets.len());
                octets[at] =
                    if random.bool() { octets[at] ^ (1 << random.u8(..8)) } else { random.u8(..) };
            }
            for kind in [DatabaseKind::Country, DatabaseKind::City] {
                if let Ok(database) = Database::from_octets(octets.clone(), Path::new("f"), kind) {
                    for _ in 0..20 {
                        let _ = database.lookup(IpAddr::from(random.u32(..).to_be_bytes()));
                        let _ = database.lookup(IpAddr::from(random.u128(..).to_be_bytes()));
                    }
                    for family in [Family::V4, Family::V6] {
                        assert!(database.blocks(family).all(|block| block.is_ok()));
                    }
                }
            }
        }
    }
}

/// A search tree of 32-bit records, no data, and the metadata that goes with it.
fn tree(nodes: &[[u32; 2]], from: &[u8]) -> Vec<u8> {
    let marker = b"\xab\xcd\xefMaxMind.com";
    let metadata = from.windows(marker.len()).rposition(|window| window == marker).unwrap();
    let mut octets: Vec<u8> = nodes.iter().flatten().flat_map(|to| to.to_be_bytes()).collect();
    octets.extend([0; 16]);
    octets.extend(&from[metadata..]);
    octets
}

/// An empty database whose metadata promises this many nodes.
fn empty(node_count: usize) -> Vec<u8> {
    let mut writer = Writer::builder("GeoLite2-Country")
        .record_size(RecordSize::Bits32)
        .build_epoch(UNIX_EPOCH)
        .build();
    // One address of depth d makes d nodes.
    let value = mmdb_writer::Value::map([("iso_code", "DE")]);
    let length = u8::try_from(node_count).unwrap();
    let at = IpAddr::from(0x4000_u128.checked_shl(112).unwrap().to_be_bytes());
    writer.insert_value(ipnet::IpNet::new(at, length).unwrap(), value).unwrap();
    writer.to_bytes().unwrap()
}

#[test]
fn a_tree_that_fans_out_without_end_is_an_error_soon() {
    // Both sides of each node lead to the next: 2^100 networks from 100 nodes.
    let nodes: Vec<[u32; 2]> = (1..=100).map(|next| [next, next]).collect();
    let error = country(tree(&nodes, &empty(100))).unwrap_err().to_string();
    assert!(error.contains("more networks than nodes allow"), "{error}");
}

#[test]
fn a_tree_that_bites_its_tail_is_an_error() {
    let nodes: Vec<[u32; 2]> = (0..50).map(|n| [50, (n + 1) % 50]).collect();
    let error = country(tree(&nodes, &empty(50))).unwrap_err().to_string();
    assert!(error.contains("cycle"), "{error}");
}
