//! Small GeoIP databases for tests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use fastrand::Rng;
use ipnet::IpNet;
use mmdb_writer::{Value, Writer};

use super::{Database, DatabaseKind, Databases};

fn write(kind: DatabaseKind, records: impl Iterator<Item = (IpNet, Value)>) -> Vec<u8> {
    let mut writer = Writer::builder(format!("GeoLite2-{kind}")).build();
    for (net, value) in records {
        writer.insert_value(net, value).unwrap();
    }
    writer.to_bytes().unwrap()
}

fn coded(code: &str) -> Value {
    Value::map([("iso_code", code)])
}

/// A Country database: prefixes and their ISO 3166-1 codes.
#[must_use]
pub fn country(records: &[(IpNet, &str)]) -> Vec<u8> {
    let records = records.iter().map(|(net, code)| (*net, Value::map([("country", coded(code))])));
    write(DatabaseKind::Country, records)
}

/// An ASN database: prefixes and their autonomous systems.
#[must_use]
pub fn asn(records: &[(IpNet, u32)]) -> Vec<u8> {
    let record = |asn| Value::map([("autonomous_system_number", Value::from(asn))]);
    write(DatabaseKind::Asn, records.iter().map(|(net, asn)| (*net, record(*asn))))
}

/// Network, country, subdivision, latitude and longitude.
pub fn city(records: &[(IpNet, &str, &str, (f64, f64))]) -> Vec<u8> {
    let records = records.iter().map(|(net, code, subdivision, (latitude, longitude))| {
        let location = [("latitude", *latitude), ("longitude", *longitude)];
        let record = Value::map([
            ("country", coded(code)),
            ("subdivisions", Value::array([coded(subdivision), coded("second")])),
            ("location", Value::map(location)),
        ]);
        (*net, record)
    });
    write(DatabaseKind::City, records)
}

/// A database of some kind from its octets.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn open(kind: DatabaseKind, octets: Vec<u8>) -> Database {
    Database::from_octets(octets, Path::new("fixture"), kind).unwrap()
}

/// All databases of a node.
///
/// # Panics
/// When one is none.
#[must_use]
pub fn databases<const N: usize>(files: [(DatabaseKind, Vec<u8>); N]) -> Databases {
    Databases::new(files.into_iter().map(|(kind, octets)| open(kind, octets)).collect())
}

/// A prefix from its text.
///
/// # Panics
/// When the text is none.
#[must_use]
pub fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// An address from its text.
///
/// # Panics
/// When the text is none.
#[must_use]
pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Networks of lengths as they are announced, with some that are longer than /64.
pub fn nets(random: &mut Rng, v4: usize, v6: usize) -> Vec<IpNet> {
    let mut out = Vec::new();
    for _ in 0..v4 {
        let length = match random.u8(..100) {
            0..10 => random.u8(8..16),
            10..35 => random.u8(16..21),
            35..95 => random.u8(21..=24),
            _ => random.u8(25..=32),
        };
        // Crowded, so that networks nest and have neighbours.
        let address = Ipv4Addr::from(random.u32(0x0100_0000..0x1000_0000));
        out.push(IpNet::new(address.into(), length).unwrap().trunc());
    }
    for _ in 0..v6 {
        let length = match random.u8(..100) {
            0..30 => random.u8(16..32),
            30..95 => random.u8(32..=48),
            95..98 => random.u8(49..=64),
            _ => random.u8(65..=128),
        };
        let address =
            Ipv6Addr::from((0x2000_u128 << 112) | (random.u128(..) >> 4 & !(0xff << 100)));
        out.push(IpNet::new(address.into(), length).unwrap().trunc());
    }
    // Longer ones last, or they would be overwritten. The writer refuses what it will alias.
    out.retain(|net| {
        ["2001::/32", "2002::/16"].iter().all(|alias| {
            let alias: IpNet = alias.parse().unwrap();
            !alias.contains(net) && !net.contains(&alias)
        })
    });
    out.sort_by_key(IpNet::prefix_len);
    out
}

/// Addresses around the ends of each network, and as many at random.
pub fn probes(random: &mut Rng, nets: &[IpNet]) -> Vec<IpAddr> {
    let mut out = Vec::new();
    for net in nets {
        match (net.network(), net.broadcast()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let (first, last) = (first.to_bits(), last.to_bits());
                let inside = random.u32(first..=last);
                for at in [first, first.wrapping_sub(1), last, last.wrapping_add(1), inside] {
                    out.push(Ipv4Addr::from(at).into());
                }
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                let (first, last) = (first.to_bits(), last.to_bits());
                let inside = random.u128(first..=last);
                for at in [first, first.wrapping_sub(1), last, last.wrapping_add(1), inside] {
                    out.push(Ipv6Addr::from(at).into());
                }
            }
            _ => {}
        }
    }
    for _ in 0..50_000 {
        out.push(Ipv4Addr::from(random.u32(..)).into());
        out.push(Ipv6Addr::from(random.u128(..) >> random.u8(..4)).into());
    }
    out
}
