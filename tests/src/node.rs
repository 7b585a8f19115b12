//! A node's tables without a process: a store filled from zones as text.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use edge_common::abi::Device;
use edge_tables::compile::compile;
use edge_tables::publish::{Backend, Placed, Publishable, Publisher, fixture};
use edge_tables::store::{HostTables, Store};
use edge_zone::AnyPolicy;
use edge_zone::geo::{Database, DatabaseKind, Databases};
use edge_zone::{self as zone, Zone};

use crate::frames::SERVER_MAC;

/// The interface that `BPF_PROG_TEST_RUN` says frames come in by.
pub const TEST_IFINDEX: u32 = 1;

/// A zone from its JSON.
#[must_use]
pub fn zone(name: &str, json: &str) -> Zone {
    let path = format!("{name}.json");
    zone::parse(name, json.as_bytes(), SystemTime::UNIX_EPOCH, Path::new(&path)).expect("zone")
}

/// Databases with one Country file.
#[must_use]
pub fn countries(prefixes: &[(&str, &str)]) -> Databases {
    let file = crate::geoip::country_mmdb(prefixes);
    let path = Path::new("GeoLite2-Country.mmdb");
    Databases::new(vec![
        Database::from_octets(file, path, DatabaseKind::Country).expect("database"),
    ])
}

/// Zones compiled for what the databases tell apart.
#[must_use]
pub fn compiled(zones: &[Zone], databases: &Databases) -> Vec<Publishable> {
    let tries = fixture::tries(zones, databases);
    zones
        .iter()
        .map(|zone| {
            let found = tries.iter().find(|(profile, _)| profile.suits(zone));
            let trie = Arc::clone(&found.expect("every zone has a profile").1);
            let soa = soa(zone);
            Publishable {
                compiled: Arc::new(compile(zone, &trie.classes, soa, AnyPolicy::Minimal)),
                trie,
            }
        })
        .collect()
}

/// The SOA record of a zone, as [`edge_tables::compile::Compiled::soa`] wants it.
#[must_use]
pub fn soa(zone: &Zone) -> Vec<u8> {
    let soa = zone.soa();
    let mut rdata = soa.mname.wire().to_vec();
    rdata.extend(soa.rname.wire());
    for number in [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum] {
        rdata.extend(number.to_be_bytes());
    }
    let mut record = vec![0, 0, 0, 6, 0, 1];
    record.extend(soa.ttl.to_be_bytes());
    record.extend(u16::try_from(rdata.len()).expect("short").to_be_bytes());
    record.extend(rdata);
    record
}

/// A publisher over a store, serving `listen`, that takes frames of [`TEST_IFINDEX`].
#[must_use]
pub fn publisher(store: Store, backend: Box<dyn Backend>, listen: &[SocketAddr]) -> Publisher {
    let [a, b, c, d, e, f] = SERVER_MAC;
    let device = Device { address: [a, b, c, d, e, f, 0, 0], ifindex: TEST_IFINDEX, reserved: 0 };
    store.set_devices(&[device]).expect("a free slot");
    let mut publisher = Publisher::new(store, backend, fastrand::Rng::with_seed(1));
    publisher.serve(listen).expect("addresses");
    publisher
}

/// Publishes zones and insists that all fit.
pub fn publish(publisher: &mut Publisher, zones: &[Publishable]) -> Vec<Placed> {
    let placed = publisher.publish(zones, &[]).expect("publish");
    assert!(placed.iter().all(|zone| zone.unfit.is_none()), "{placed:?}");
    placed
}

/// The host's tables over a store, with leases as in the kernel.
#[must_use]
pub fn host(store: &Store, seed: u64) -> HostTables {
    HostTables::new(store.clone(), seed, false)
}
