//! Tests that the tables and the authority agree about clients.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use edge_common::class;
use edge_common::frame::SliceFrame;
use edge_common::service::words;
use edge_common::subnet::{Subnet, resolve};
use edge_common::verdict::Verdict;
use fastrand::Rng;
use ipnet::IpNet;

use super::Client;
use crate::Serving;
use edge_tables::store::{HostTables, Store};
use edge_zone::geo::GeoLocator;
use edge_zone::geo::Profile;
use edge_zone::geo::{Compiled, DatabaseKind, Databases, fixture};
use edge_zone::{self as zone, Targets, Zone};

/// A label for some target of each kind.
const DATA: &str = r#"{"targeting": "TARGETING", "data": {
  "who": {"a": [["192.0.2.1"]]}, "who.de": {"a": [["192.0.2.2"]]}, "who.europe": {"a": [["192.0.2.3"]]},
  "who.us-ca": {"a": [["192.0.2.5"]]}, "who.us-west": {"a": [["192.0.2.6"]]},
  "who.as64510": {"a": [["192.0.2.7"]]}, "who.as0": {"a": [["192.0.2.8"]]},
  "who.[2.3.4.0]": {"a": [["192.0.2.9"]]}, "who.[2.3.4.5]": {"a": [["192.0.2.10"]]},
  "who.[2a00:1:2::]": {"a": [["192.0.2.11"]]}CLOSEST
}}"#;

/// A zone as the authority serves it, and its trie in tables.
struct World {
    serving: Serving,
    zone: Arc<Zone>,
    trie: Arc<Compiled<Targets>>,
    tables: HostTables,
}

impl World {
    fn new(targeting: &str, databases: &Arc<Databases>, store: &Store) -> Self {
        // `closest` labels make a profile of their own.
        let (targeting, closest) = match targeting.strip_suffix(" closest") {
            Some(targeting) => (targeting, r#", "near": {"closest": true, "a": [["192.0.2.1"]]}"#),
            None => (targeting, ""),
        };
        let text = DATA.replace("TARGETING", targeting).replace("CLOSEST", closest);
        let zone = zone::parse("z", text.as_bytes(), UNIX_EPOCH, Path::new("z")).unwrap();
        let zone = Arc::new(zone);
        let mut profile = Profile::of(&zone);
        profile.add(&zone);
        let trie = Arc::new(profile.compile(databases).unwrap());
        // The first trie's nodes begin with the first node.
        store.geo4_root.write(0, &trie.v4.root);
        store.geo4_node.write(0, &trie.v4.nodes);
        store.geo6_tree.write(0, &[trie.v6.tree]);
        store.geo6_keys.write(0, &trie.v6.keys);
        store.geo6_leaf.write(0, &trie.v6.leaves);
        store.geo_leaf.write(0, &trie.leaves);
        let tries = vec![(profile, Arc::clone(&trie))];
        let places = GeoLocator { databases: Arc::clone(databases), tries };
        let serving = Serving::new([Arc::clone(&zone)], Arc::new(places));
        Self { serving, zone, trie, tables: HostTables::new(store.clone(), 1, true) }
    }

    /// Asserts that the tables say of a client what the authority does; gives its class and scope
    /// if they say anything.
    fn check(&self, source: IpAddr, subnet: Option<&Subnet>) -> Option<(u32, u8)> {
        let what = format!("{} {source} {subnet:?}", self.zone.targeting);
        let client = Client::new(&self.serving, &self.zone, source, subnet);
        let (class, scope) =
            match resolve::<SliceFrame<'_>, _>(&self.tables, 0, words(source), subnet) {
                Ok(found) => found,
                Err(verdict) => {
                    assert_eq!(verdict, Verdict::ClientClass, "{what}");
                    return None;
                }
            };
        if !super::is_client_independent(&self.zone) {
            assert_eq!(scope, client.scope(&self.serving, &self.zone, false), "{what}");
        }
        // Clients that differ only in regions, ASNs or addresses that no label names are of one
        // class.
        let targets = &self.trie.classes[class as usize];
        let mut own = client.targets.iter();
        for target in targets.iter().filter(|target| *target != "KNOWN" && !target.starts_with('['))
        {
            assert!(own.any(|own| own == target), "{what}: {targets} for {}", client.targets);
        }
        let names =
            ["de", "europe", "us-ca", "us-west", "as64510", "as0", "[2.3.4.5]", "[2.3.4.0]"];
        for named in names {
            let both = [targets, &client.targets].map(|list| list.iter().any(|own| own == named));
            assert_eq!(both[0], both[1], "{what}: {named} in {targets}, {}", client.targets);
        }
        assert_eq!(class == class::NOTHING, client.targets.is_unspecific(), "{what}");
        Some((class, scope))
    }
}

fn databases(random: &mut Rng) -> (Arc<Databases>, Vec<IpNet>) {
    let mut nets = fixture::nets(random, 1_500, 800);
    nets.extend(["2.3.4.0/24", "2a00:1:2::/48"].map(fixture::net));
    let codes = ["DE", "FR", "US", "ZZ"];
    let countries: Vec<_> = nets.iter().map(|net| (*net, codes[random.usize(..4)])).collect();
    let states = ["CA", "NY"];
    let cities: Vec<_> = nets
        .iter()
        .map(|net| (*net, codes[random.usize(..4)], states[random.usize(..2)], (1.0, 2.0)))
        .collect();
    let asns: Vec<_> = nets.iter().map(|net| (*net, random.u32(64_508..64_513))).collect();
    let databases = fixture::databases([
        (DatabaseKind::Country, fixture::country(&countries)),
        (DatabaseKind::City, fixture::city(&cities)),
        (DatabaseKind::Asn, fixture::asn(&asns)),
    ]);
    (Arc::new(databases), nets)
}

/// A subnet of some of an address's bits, in either family.
fn subnet(ip: IpAddr, random: &mut Rng) -> Subnet {
    let (family, mut octets, first) = match ip {
        IpAddr::V4(ip) if random.u8(..8) == 0 => (2, ip.to_ipv6_mapped().octets().to_vec(), 96),
        IpAddr::V4(ip) => (1, ip.octets().to_vec(), 0),
        IpAddr::V6(ip) => (2, ip.octets().to_vec(), 0),
    };
    let bits = u8::try_from(octets.len() * 8).unwrap();
    let prefix = match random.u8(..4) {
        0 => bits,
        1 => bits.min(first + 24),
        _ => random.u8(first..=bits),
    };
    for (octet, at) in octets.iter_mut().zip(0_u8..) {
        let kept = prefix.saturating_sub(8 * at).min(8);
        *octet &= u8::try_from(0xff00_u16 >> kept & 0xff).unwrap();
    }
    octets.truncate(usize::from(prefix.div_ceil(8)));
    Subnet::read(&[&[0, family, prefix, 0], &octets[..]].concat()).unwrap()
}

#[test]
fn the_tables_know_whom_an_answer_is_for_as_the_authority_does() {
    let mut random = Rng::with_seed(71);
    let store = Store::in_memory();
    let special = [
        "10.1.2.3",
        "9.255.255.255",
        "127.0.0.1",
        "192.168.1.1",
        "192.169.1.1",
        "224.0.0.1",
        "2.3.4.5",
        "2.3.4.9",
        "fd00::1",
        "fe80::1",
        "::5",
        "::1",
        "2002:1::",
        "2a00:1:2::5",
        "ff02::1",
        "8000::1",
    ];
    for targeting in [
        "@",
        "@ closest",
        "country",
        "@ country continent",
        "@ country continent closest",
        "@ region",
        "@ regiongroup country",
        "@ asn",
        "asn country",
        "@ ip",
        "@ ip asn region regiongroup country continent",
    ] {
        let (databases, nets) = databases(&mut random);
        let world = World::new(targeting, &databases, &store);
        let mut probes = fixture::probes(&mut random, &nets);
        random.shuffle(&mut probes);
        probes.truncate(3_000);
        probes.extend(special.map(fixture::ip));
        let (mut by_source, mut unknown, mut scopes) = (0, 0, [0; 2]);
        for at in 0..probes.len() {
            let source = probes[random.usize(..probes.len())];
            let subnet = subnet(probes[at], &mut random);
            match world.check(source, Some(&subnet)) {
                None => unknown += 1,
                Some((_, scope)) => scopes[usize::from(scope > 0)] += 1,
            }
            let own = Client::new(&world.serving, &world.zone, source, Some(&subnet));
            by_source += usize::from(own.is_by_source);
            world.check(source, None);
        }
        // Without databases nothing is too fine for the tables.
        let is_fine = !["@", "@ ip"].contains(&targeting);
        assert_eq!(unknown > 0, is_fine, "{targeting}: {unknown} unknowable");
        assert!(unknown < probes.len() / 2, "{targeting}: {unknown} unknowable");
        assert!(scopes[0] > 0 && scopes[1] > 200, "{targeting}: {scopes:?}");
        // By ASN and address something is known of everybody.
        let knows_all = targeting.contains("asn") || targeting.contains("ip");
        assert_eq!(by_source == 0, knows_all, "{targeting}: {by_source} by their sources");
    }
}

#[test]
fn a_resolver_that_names_itself_is_its_own_client() {
    let mut random = Rng::with_seed(72);
    let (databases, _) = databases(&mut random);
    let world = World::new("@ country", &databases, &Store::in_memory());
    let itself = Ipv4Addr::new(100, 64, 0, 1);
    for ip in [IpAddr::from(itself), itself.to_ipv6_mapped().into(), Ipv6Addr::LOCALHOST.into()] {
        let octets: &[u8] = &match ip {
            IpAddr::V4(ip) => [&[0, 1, 32, 0], &ip.octets()[..]].concat(),
            IpAddr::V6(ip) => [&[0, 2, 128, 0], &ip.octets()[..]].concat(),
        };
        let subnet = Subnet::read(octets).unwrap();
        let client = Client::new(&world.serving, &world.zone, itself.into(), Some(&subnet));
        assert!(!client.is_by_source && client.targets.is_unspecific(), "{ip}");
        assert!(world.check(itself.into(), Some(&subnet)).is_some(), "{ip}");
    }
}
