//! Tests of client classes and scopes against direct lookups in the databases.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use fastrand::Rng;
use maxminddb::{LookupResult, Reader, path};

use super::*;
use crate::geo::fixture::{self, ip, net};
use crate::geo::{DatabaseKind, Region};

const COUNTRY: Needs = Needs { country: true, region: false, asn: false };

fn country_key(place: &GeoRecord, _: &[IpNet]) -> Option<[u8; 2]> {
    place.country
}

fn country_of(records: &[(&str, &'static str)]) -> Databases {
    let records: Vec<_> = records.iter().map(|(text, code)| (net(text), *code)).collect();
    fixture::databases([(DatabaseKind::Country, fixture::country(&records))])
}

fn profile(needs: Needs) -> Distinctions {
    Distinctions { needs, prefixes: Vec::new() }
}

fn prefix_of<K>(compiled: &Compiled<K>, address: &str) -> u32 {
    compiled.lookup(ip(address)).prefix
}

/// Whether the address is in a part of the IPv6 space that tables don't tell apart.
fn is_alias(address: IpAddr) -> bool {
    let aliases = ["::/64", "2001::/32", "2002::/16"];
    aliases.iter().any(|alias| net(alias).contains(&address))
}

/// Compares the tables with what `direct` says of what the readers have, address by address.
fn check<K: Clone + Eq + Hash + std::fmt::Debug, const N: usize>(
    compiled: &Compiled<K>,
    probes: &[IpAddr],
    readers: [&Reader<Vec<u8>>; N],
    direct: impl Fn([LookupResult<'_, Vec<u8>>; N]) -> K,
) {
    let mut unknowable = 0;
    for address in probes {
        let leaf = compiled.lookup(*address);
        let found = readers.map(|reader| reader.lookup(*address).unwrap());
        let long = found.iter().any(|one| one.network().unwrap().prefix() > 64);
        if is_alias(*address) || long {
            assert_eq!(leaf.class, GeoLeaf::UNKNOWABLE, "{address}");
            unknowable += 1;
        } else {
            let class = usize::try_from(leaf.class).unwrap();
            assert_eq!(compiled.classes.get(class), Some(&direct(found)), "{address}");
        }
    }
    assert!(unknowable > 100 && unknowable < probes.len() / 10, "{unknowable}");
}

fn code(found: &LookupResult<'_, Vec<u8>>) -> Option<[u8; 2]> {
    let code: Option<String> = found.decode_path(&path!["country", "iso_code"]).unwrap();
    code.map(|code| code.to_lowercase().into_bytes().try_into().unwrap())
}

const CODES: [&str; 7] = ["DE", "FR", "GB", "US", "JP", "BR", "ZA"];

#[test]
fn country_classes_are_what_the_reader_says() {
    let mut random = Rng::with_seed(2);
    let nets = fixture::nets(&mut random, 10_000, 5_000);
    let records: Vec<_> = nets.iter().map(|net| (*net, CODES[random.usize(..7)])).collect();
    let octets = fixture::country(&records);
    let reader = Reader::from_source(octets.clone()).unwrap();
    let databases = fixture::databases([(DatabaseKind::Country, octets)]);
    let compiled = compile(&databases, &profile(COUNTRY), country_key).unwrap();
    assert_eq!(compiled.classes.len(), 8);
    let probes = fixture::probes(&mut random, &nets);
    check(&compiled, &probes, [&reader], |[found]| code(&found));
    for address in probes {
        let place = databases.lookup(address, COUNTRY);
        let class = usize::try_from(compiled.lookup(address).class).unwrap();
        if let Some(key) = compiled.classes.get(class) {
            assert_eq!(*key, place.country, "the authority agrees about {address}");
        }
    }
}

#[test]
fn country_and_asn_classes_are_what_the_readers_say() {
    let mut random = Rng::with_seed(3);
    let nets = fixture::nets(&mut random, 5_000, 2_500);
    let others = fixture::nets(&mut random, 5_000, 2_500);
    let countries: Vec<_> = nets.iter().map(|net| (*net, CODES[random.usize(..7)])).collect();
    let asns: Vec<_> = others.iter().map(|net| (*net, random.u32(64_500..64_600))).collect();
    let (countries, asns) = (fixture::country(&countries), fixture::asn(&asns));
    let readers = [&countries, &asns].map(|octets| Reader::from_source(octets.clone()).unwrap());
    let databases =
        fixture::databases([(DatabaseKind::Country, countries), (DatabaseKind::Asn, asns)]);
    // Labels name three autonomous systems.
    let mentioned = |asn: Option<u32>| asn.filter(|asn| (64_510..64_513).contains(asn));
    let needs = Needs { asn: true, ..COUNTRY };
    let key = |place: &GeoRecord, _: &[IpNet]| (mentioned(place.asn), place.country);
    let compiled = compile(&databases, &profile(needs), key).unwrap();
    assert_eq!(compiled.classes.len(), 8 * 4);
    let all = [nets, others].concat();
    let probes = fixture::probes(&mut random, &all);
    check(&compiled, &probes, readers.each_ref(), |[country, asn]| {
        let asn = asn.decode_path(&path!["autonomous_system_number"]).unwrap();
        (mentioned(asn), code(&country))
    });
}

#[test]
fn region_classes_are_what_the_reader_says() {
    let mut random = Rng::with_seed(4);
    let nets = fixture::nets(&mut random, 5_000, 2_500);
    let states = ["CA", "NY", "TX", "WA"];
    let records: Vec<_> = nets
        .iter()
        .map(|net| (*net, CODES[random.usize(..7)], states[random.usize(..4)], (1.0, 1.0)))
        .collect();
    let octets = fixture::city(&records);
    let reader = Reader::from_source(octets.clone()).unwrap();
    let databases = fixture::databases([(DatabaseKind::City, octets)]);
    let needs = Needs { region: true, ..COUNTRY };
    // Labels name regions of one country; others are not told apart.
    let key = |place: &GeoRecord, _: &[IpNet]| {
        let region = place.region.as_ref().map(Region::as_str);
        (place.country, region.filter(|name| name.starts_with("us")).map(str::to_owned))
    };
    let compiled = compile(&databases, &profile(needs), key).unwrap();
    assert_eq!(compiled.classes.len(), 1 + 6 + 4);
    let probes = fixture::probes(&mut random, &nets);
    check(&compiled, &probes, [&reader], |[found]| {
        let path = path!["subdivisions", 0, "iso_code"];
        let state: Option<String> = found.decode_path(&path).unwrap();
        let country = code(&found);
        let us = country == Some(*b"us");
        (country, state.filter(|_| us).map(|state| format!("us-{}", state.to_lowercase())))
    });
}

/// Keys change nowhere but at the ends of networks, so a prefix is of one key exactly when the
/// ends inside of it are.
#[test]
fn each_scope_is_the_longest_range_of_one_key() {
    let mut random = Rng::with_seed(5);
    let mut nets = fixture::nets(&mut random, 300, 300);
    nets.retain(|net| net.prefix_len() <= 64);
    let records: Vec<_> = nets.iter().map(|net| (*net, CODES[random.usize(..3)])).collect();
    let databases = fixture::databases([(DatabaseKind::Country, fixture::country(&records))]);
    let compiled = compile(&databases, &profile(COUNTRY), country_key).unwrap();

    // Family, first address left-aligned, and what is known there.
    let mut ends = vec![(Family::V4, 0), (Family::V6, 0)];
    for net in nets.iter().copied().chain(["::/64", "2001::/32", "2002::/16"].map(net)) {
        let (family, first, bits) = match net.network() {
            IpAddr::V4(at) => (Family::V4, u64::from(at.to_bits()) << 32, 32),
            IpAddr::V6(at) => (Family::V6, ranges::first_64_bits(at), 64),
        };
        assert!(net.prefix_len() <= bits);
        let last = Block { start: first, prefix: net.prefix_len(), value: () }.last();
        ends.push((family, first));
        ends.extend(last.checked_add(1).map(|next| (family, next)));
    }
    let address = |(family, at): (Family, u64)| match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::from(u32::try_from(at >> 32).unwrap())),
        Family::V6 => IpAddr::V6(Ipv6Addr::from(u128::from(at) << 64)),
    };
    let key = |end| {
        let address = address(end);
        if is_alias(address) { None } else { Some(databases.lookup(address, COUNTRY).country) }
    };
    let uniform = |family, at: u64, prefix: u32| {
        let block = Block { start: 0, prefix: u8::try_from(prefix).unwrap(), value: () };
        let start = at & !block.last();
        let range = start..=start | block.last();
        let inside = ends.iter().filter(|end| end.0 == family && range.contains(&end.1));
        let keys: BTreeSet<_> = inside.copied().chain([(family, start)]).map(key).collect();
        keys.len() == 1
    };
    for (family, at) in ends.iter().copied() {
        let leaf = compiled.lookup(address((family, at)));
        assert!(uniform(family, at, leaf.prefix), "{:?} {leaf:?}", address((family, at)));
        let larger = leaf.prefix.checked_sub(1).is_some_and(|p| uniform(family, at, p));
        assert!(!larger, "{:?} {leaf:?}", address((family, at)));
    }
}

#[test]
fn every_address_of_a_small_space_has_its_class() {
    let databases = country_of(&[
        ("10.0.0.0/16", "DE"),
        ("10.0.16.0/20", "FR"),
        ("10.0.17.128/25", "DE"),
        ("10.0.255.255/32", "GB"),
    ]);
    let compiled = compile(&databases, &profile(COUNTRY), country_key).unwrap();
    for low in 0..=u16::MAX {
        let [c, d] = low.to_be_bytes();
        let address = IpAddr::from([10, 0, c, d]);
        let expected = databases.lookup(address, COUNTRY).country;
        let class = usize::try_from(compiled.lookup(address).class).unwrap();
        assert_eq!(compiled.classes[class], expected, "{address}");
    }
}

#[test]
fn equal_neighbours_share_one_scope() {
    let databases = country_of(&[("8.0.0.0/8", "DE"), ("9.0.0.0/9", "DE"), ("9.128.0.0/9", "DE")]);
    let compiled = compile(&databases, &profile(COUNTRY), country_key).unwrap();
    assert_eq!(prefix_of(&compiled, "9.200.0.1"), 7);
}

#[test]
fn a_hole_has_its_own_length_and_class_0() {
    let databases = country_of(&[("1.2.3.0/24", "DE"), ("2a00::/32", "DE")]);
    let compiled = compile(&databases, &profile(COUNTRY), country_key).unwrap();
    let hole = |prefix| GeoLeaf { class: 0, prefix };
    assert_eq!(compiled.lookup(ip("200.0.0.1")), hole(1));
    assert_eq!(compiled.lookup(ip("1.2.2.1")), hole(24));
    assert_eq!(compiled.lookup(ip("1.2.0.1")), hole(23));
    assert_eq!(compiled.lookup(ip("2a00:1::")), hole(32));
    assert_eq!(compiled.lookup(ip("8000::")), hole(1));
    assert_eq!(compiled.classes[0], None);
}

#[test]
fn without_a_database_everything_is_class_0_of_length_0() {
    for databases in [Databases::default(), country_of(&[("1.0.0.0/8", "DE")])] {
        let needs = Needs { region: true, asn: true, ..COUNTRY };
        let compiled = compile(&databases, &profile(needs), country_key).unwrap();
        for address in ["1.2.3.4", "2a00::1", "::1", "2002::1", "ffff::1"] {
            assert_eq!(compiled.lookup(ip(address)), GeoLeaf { class: 0, prefix: 0 });
        }
        assert_eq!(compiled.classes, [None]);
        assert_eq!(compiled.prefixes, [1, 1]);
    }
}

#[test]
fn ipv4_is_one_scope_where_the_file_has_no_ipv4_tree() {
    let databases = country_of(&[("::/20", "DE"), ("2a00::/12", "FR")]);
    let compiled = compile(&databases, &profile(COUNTRY), country_key).unwrap();
    let leaf = compiled.lookup(ip("9.9.9.9"));
    assert_eq!((compiled.classes[1], leaf), (Some(*b"de"), GeoLeaf { class: 1, prefix: 0 }));
    assert_eq!(databases.lookup(ip("9.9.9.9"), COUNTRY).country, Some(*b"de"));
}

#[test]
fn what_64_bits_cannot_tell_is_unknowable() {
    let databases = country_of(&[("2a00::/32", "DE"), ("2a00:0:0:5:8000::/65", "FR")]);
    let compiled = compile(&databases, &profile(COUNTRY), country_key).unwrap();
    let class = |address| compiled.lookup(ip(address)).class;
    for address in ["2a00:0:0:5::1", "2a00:0:0:5:8000::1"] {
        let leaf = GeoLeaf { class: GeoLeaf::UNKNOWABLE, prefix: 64 };
        assert_eq!(compiled.lookup(ip(address)), leaf);
    }
    assert_ne!(class("2a00:0:0:4::1"), GeoLeaf::UNKNOWABLE);
    assert_eq!(compiled.lookup(ip("::ffff:1.2.3.4")).prefix, 64);
    for address in ["::1", "::ffff:1.2.3.4", "2001:0:1234::1", "2002:1:2::3"] {
        assert_eq!(class(address), GeoLeaf::UNKNOWABLE, "{address}");
    }
    assert_eq!([class("2001:1::"), class("2003::"), class("0:0:0:1::")], [0; 3]);
}

#[test]
fn named_prefixes_are_told_apart_and_nest() {
    let prefixes = ["1.0.0.255/32", "1.0.0.0/24", "2a00:1:2::/48", "2a00:1:2:3::5/128"].map(net);
    let profile = Distinctions { needs: COUNTRY, prefixes: prefixes.to_vec() };
    let databases = country_of(&[("1.0.0.0/16", "DE"), ("2a00::/16", "DE")]);
    let key = |place: &GeoRecord, nets: &[IpNet]| (place.country, nets.to_vec());
    let compiled = compile(&databases, &profile, key).unwrap();
    let at = |address| {
        let leaf = compiled.lookup(ip(address));
        let key = &compiled.classes[usize::try_from(leaf.class).unwrap()];
        assert_eq!(key.0, Some(*b"de"));
        (key.1.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "), leaf.prefix)
    };
    assert_eq!(at("1.0.0.255"), ("1.0.0.255/32 1.0.0.0/24".to_owned(), 32));
    assert_eq!(at("1.0.0.254"), ("1.0.0.0/24".to_owned(), 32));
    assert_eq!(at("1.0.0.7"), ("1.0.0.0/24".to_owned(), 25));
    assert_eq!(at("1.0.1.0"), (String::new(), 24));
    assert_eq!(at("2a00:1:2::9"), ("2a00:1:2::/48".to_owned(), 63));
    assert_eq!(compiled.lookup(ip("2a00:1:2:3::5")).class, GeoLeaf::UNKNOWABLE);
    assert_eq!(at("2a00:1:3::"), (String::new(), 48));
}

#[test]
fn too_many_classes_are_an_error_with_a_way_out() {
    let prefixes = (0..40_000_u32).map(|n| IpNet::new(IpAddr::from((n << 8).to_be_bytes()), 24));
    let profile =
        Distinctions { needs: Needs::default(), prefixes: prefixes.map(Result::unwrap).collect() };
    let key = |_: &GeoRecord, nets: &[IpNet]| nets.to_vec();
    let error = compile(&Databases::default(), &profile, key).unwrap_err().to_string();
    assert!(error.contains("more than 32768 pairs of client class"), "{error}");
}
