//! Tests of scopes: the prefix that an answer holds for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use fastrand::Rng;
use ipnet::IpNet;

use super::edns::options;
use super::{Ask, TXT, ask, zone};
use crate::{Answerer, Options, Serving};
use edge_zone::geo::GeoLocator;
use edge_zone::geo::Profile;
use edge_zone::geo::{DatabaseKind, Databases, fixture};

/// The scope in the last octets of a response whose only option is a client subnet.
fn scope(raw: &[u8], address_octets: usize) -> u8 {
    raw[raw.len() - address_octets - 1]
}

#[test]
fn a_subnet_comes_back_with_a_scope_where_the_answer_depends_on_it() {
    let asker = |name: &str, rtype| ask(name, rtype).subnet(1, 22, &[198, 51, 100]);
    let scope = |ask: &Ask| {
        let options = options(ask);
        assert_eq!(
            (&options[..7], &options[8..]),
            (&[0, 8, 0, 7, 0, 1, 22][..], &[198, 51, 100][..])
        );
        options[7]
    };
    for (name, rtype, expect) in [
        ("pool", TXT, 24),
        ("alias", TXT, 24),
        ("near", super::A, 25),
        ("near", TXT, 24),
        // Its text has the very address.
        ("_country", TXT, 32),
        ("_country", super::A, 0),
    ] {
        assert_eq!(scope(&asker(&format!("{name}.example.com"), rtype)), expect, "{name}");
    }
    for name in
        ["texts.example.com", "www.example.com", "x.y.example.com", "a.child.of.example.com", "org"]
    {
        assert_eq!(scope(&asker(name, TXT)), 0, "{name}");
    }
    let status = asker("_status.example.com", TXT).from("127.0.0.1");
    assert_eq!(scope(&status), 0);
}

#[test]
fn the_scope_of_an_address_that_tells_nothing_is_its_special_network() {
    let asker = || ask("pool.example.com", super::A);
    assert_eq!(scope(&asker().subnet(1, 24, &[10, 1, 2]).raw(), 3), 8);
    assert_eq!(scope(&asker().subnet(1, 24, &[192, 168, 2]).raw(), 3), 16);
    assert_eq!(scope(&asker().subnet(2, 16, &[0xfd, 0]).raw(), 2), 7);
    assert_eq!(scope(&asker().subnet(1, 0, &[]).raw(), 0), 0);
    assert_eq!(scope(&asker().subnet(2, 0, &[]).raw(), 0), 0);
    assert_eq!(options(&asker().subnet(0, 0, &[])), [0, 8, 0, 4, 0, 0, 0, 0]);
}

#[test]
fn an_ipv4_address_in_an_ipv6_one_has_the_ipv4_scope_behind_its_front() {
    let mapped = Ipv4Addr::new(198, 51, 100, 0).to_ipv6_mapped().octets();
    let ask = ask("pool.example.com", super::A).subnet(2, 120, &mapped[..15]);
    assert_eq!(ask.sorted(), ["A 60 198.51.100.1"]);
    assert_eq!(scope(&ask.raw(), 15), 96 + 24);
}

/// One address for each target, so that an answer says which client it was for.
const DATA: &str = r#"{"targeting": "TARGETING", "data": {
  "who":                {"a": [["192.0.2.1"]]},
  "who.de":             {"a": [["192.0.2.2"]]},
  "who.europe":         {"a": [["192.0.2.3"]]},
  "who.us":             {"a": [["192.0.2.4"]]},
  "who.us-ca":          {"a": [["192.0.2.5"]]},
  "who.us-west":        {"a": [["192.0.2.6"]]},
  "who.as64510":        {"a": [["192.0.2.7"]]},
  "who.as64511":        {"a": [["192.0.2.8"]]},
  "who.[2.3.4.0]":      {"a": [["192.0.2.9"]]},
  "who.[2.3.4.5]":      {"a": [["192.0.2.10"]]},
  "who.[2a00:1:2::]":   {"a": [["192.0.2.11"]]},
  "who.[2a00:1:2::5]":  {"a": [["192.0.2.12"]]}
}}"#;

struct World {
    serving: Serving,
    nets: Vec<IpNet>,
}

impl World {
    fn new(targeting: &str, random: &mut Rng) -> Self {
        let nets = fixture::nets(random, 2_000, 1_000);
        let codes = ["DE", "FR", "US", "ZA"];
        let states = ["CA", "NY"];
        let countries: Vec<_> = nets.iter().map(|net| (*net, codes[random.usize(..4)])).collect();
        let cities: Vec<_> = nets
            .iter()
            .map(|net| {
                let at = (f64::from(random.i8(-80..80)), f64::from(random.i8(..)));
                (*net, codes[random.usize(..4)], states[random.usize(..2)], at)
            })
            .collect();
        let asns: Vec<_> = nets.iter().map(|net| (*net, random.u32(64_508..64_513))).collect();
        let databases = Arc::new(fixture::databases([
            (DatabaseKind::Country, fixture::country(&countries)),
            (DatabaseKind::City, fixture::city(&cities)),
            (DatabaseKind::Asn, fixture::asn(&asns)),
        ]));
        Self::over(targeting, databases, nets)
    }

    fn over(targeting: &str, databases: Arc<Databases>, nets: Vec<IpNet>) -> Self {
        let zone = zone("z", &DATA.replace("TARGETING", targeting));
        let mut profile = Profile::of(&zone);
        profile.add(&zone);
        let trie = Arc::new(profile.compile(&databases).unwrap());
        let places = GeoLocator { databases, tries: vec![(profile, trie)] };
        Self { serving: Serving::new([zone], Arc::new(places)), nets }
    }

    /// The answer for a client with this subnet when its resolver asks, and the answer's scope.
    fn answer(&self, subnet: IpAddr, resolver: &str) -> (u8, u8) {
        let (family, octets) = match subnet {
            IpAddr::V4(ip) => (1, ip.octets().to_vec()),
            IpAddr::V6(ip) => (2, ip.octets().to_vec()),
        };
        let bits = u8::try_from(octets.len() * 8).unwrap();
        let ask = ask("who.z", super::A).from(resolver).subnet(family, bits, &octets);
        let mut answerer = Answerer::new(Rng::with_seed(7));
        let mut out = Vec::new();
        let options = Options::default();
        answerer.answer(&self.serving, &options, &ask.octets(), &ask.asked(), &mut out).unwrap();
        assert_eq!(out[7], 1, "{subnet}");
        // Header, question, and a record with a pointer before its four octets.
        (out[12 + 11 + 12 + 3], scope(&out, octets.len()))
    }
}

/// An address with this prefix of another one.
fn within(address: IpAddr, prefix: u8, random: &mut Rng) -> IpAddr {
    let net = IpNet::new(address, prefix).unwrap();
    match net.trunc() {
        IpNet::V4(net) => {
            (net.network() | (net.hostmask() & Ipv4Addr::from(random.u32(..)))).into()
        }
        IpNet::V6(net) => {
            (net.network() | (net.hostmask() & Ipv6Addr::from(random.u128(..)))).into()
        }
    }
}

/// The two ends of a block and the ends of networks in it: nowhere else could the answer change.
fn ends(block: IpNet, nets: &[IpNet]) -> Vec<IpAddr> {
    let mut ends = vec![block.network(), block.broadcast()];
    for net in nets.iter().filter(|net| block.contains(*net)) {
        ends.extend([net.network(), net.broadcast()]);
    }
    ends
}

#[test]
fn every_address_within_a_scope_has_the_same_answer() {
    let mut random = Rng::with_seed(11);
    for targeting in [
        "@",
        "@ country continent",
        "@ region",
        "@ regiongroup country",
        "@ asn",
        "@ asn country",
        "@ ip",
        "@ ip asn region regiongroup country continent",
    ] {
        let world = World::new(targeting, &mut random);
        let mut probes = fixture::probes(&mut random, &world.nets);
        random.shuffle(&mut probes);
        probes.truncate(300);
        let special = ["2.3.4.5", "2.3.4.6", "2.3.5.0", "10.1.2.3", "9.9.9.9", "127.0.0.1"];
        let special6 = ["2a00:1:2::5", "2a00:1:2::6", "2a00:1:3::", "fd00::1", "::5", "2002:1::"];
        probes.extend([special, special6].concat().into_iter().map(fixture::ip));
        for resolver in [world.nets[0].network().to_string(), "100.64.0.1".to_owned()] {
            for address in probes.iter().copied() {
                let (told, scope) = world.answer(address, &resolver);
                let mut others: Vec<_> =
                    (0..4).map(|_| within(address, scope, &mut random)).collect();
                let block = IpNet::new(address, scope).unwrap().trunc();
                others.extend(ends(block, &world.nets).into_iter().take(6));
                for other in others {
                    if other.to_canonical() != other {
                        continue;
                    }
                    let (same, _) = world.answer(other, &resolver);
                    assert_eq!(told, same, "{targeting}: {address}/{scope} {other} by {resolver}");
                }
            }
        }
    }
}

#[test]
fn one_bit_less_would_be_too_little_where_countries_decide() {
    let mut random = Rng::with_seed(12);
    let mut nets = fixture::nets(&mut random, 400, 400);
    nets.retain(|net| net.prefix_len() <= 64);
    let codes = ["DE", "US"];
    let records: Vec<_> = nets.iter().map(|net| (*net, codes[random.usize(..2)])).collect();
    let file = fixture::country(&records);
    let databases = Arc::new(fixture::databases([(DatabaseKind::Country, file)]));
    let world = World::over("@ country", databases, nets);
    let mut n_varying = 0;
    for net in &world.nets {
        let address = net.network();
        let (told, scope) = world.answer(address, "100.64.0.1");
        // Where a special network is next, it and not another class may be what ends the prefix.
        let wider = IpNet::new(address, scope - 1).unwrap().trunc();
        let is_special = ["10.0.0.0/8", "::/64", "2001::/32", "2002::/16", "fc00::/6"]
            .iter()
            .any(|special| wider.contains(&fixture::net(special)));
        let ends = ends(wider, &world.nets);
        let neighbours = ends.iter().flat_map(|end| beside(*end)).chain(ends.iter().copied());
        let differs = neighbours
            .filter(|other| wider.contains(other))
            .any(|other| world.answer(other, "100.64.0.1").0 != told);
        assert!(differs || is_special, "{address}/{scope}");
        n_varying += usize::from(differs);
    }
    assert!(n_varying > world.nets.len() / 2, "{n_varying}");
}

/// The addresses before and behind.
fn beside(address: IpAddr) -> [IpAddr; 2] {
    match address {
        IpAddr::V4(ip) => [ip.to_bits().wrapping_sub(1), ip.to_bits().wrapping_add(1)]
            .map(|ip| Ipv4Addr::from(ip).into()),
        IpAddr::V6(ip) => [ip.to_bits().wrapping_sub(1), ip.to_bits().wrapping_add(1)]
            .map(|ip| Ipv6Addr::from(ip).into()),
    }
}
