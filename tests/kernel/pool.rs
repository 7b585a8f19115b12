//! A zone as large as the NTP Pool's: from its text to the kernel's answers.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Instant;

use edge_tests::fixture::{A, AAAA, server_for, server4, server6};
use edge_tests::frames::Query;
use edge_tests::kernel::Shared;
use edge_tests::pool::{POOL, Servers, prefixes};
use edge_tests::reader::{self, Reply};
use edge_tests::{geoip, node};
use edge_zone::geo::{Database, DatabaseKind, Databases};

/// Clients that ask.
const CLIENTS: usize = 2_000;

/// An address in a prefix.
fn inside(prefix: &str, rng: &mut fastrand::Rng) -> IpAddr {
    let (address, length) = prefix.split_once('/').unwrap();
    let length: u32 = length.parse().unwrap();
    match address.parse().unwrap() {
        IpAddr::V4(address) => {
            let below = rng.u32(..).checked_shr(length).unwrap_or(0);
            IpAddr::from((address.to_bits() | below).to_be_bytes())
        }
        IpAddr::V6(address) => {
            let below = rng.u128(..).checked_shr(length).unwrap_or(0);
            IpAddr::from((address.to_bits() | below).to_be_bytes())
        }
    }
}

#[test]
fn a_zone_of_the_pools_size_fits_and_is_answered() {
    let mut rng = fastrand::Rng::with_seed(13);
    let servers = Servers::new(&POOL, &mut rng);
    let json = servers.json(POOL.vendors);
    let nets = prefixes(&POOL, &mut rng);
    let borrowed: Vec<_> = nets.iter().map(|(net, code)| (net.as_str(), code.as_str())).collect();
    let file = geoip::country_mmdb(&borrowed);
    println!("{} octets of JSON, {} of mmdb, {} prefixes", json.len(), file.len(), nets.len());

    let (shared, _turn) = Shared::load();
    let store = shared.lock().store();
    let listen = [server4(), server6()];
    let mut publisher = node::publisher(store, shared.backend(), &listen);
    shared.lock().renew_lease().unwrap();
    let ask = |name: &str, rtype, client: IpAddr| {
        let client = SocketAddr::new(client, 4321);
        let query = Query::new(name, rtype, client, server_for(client.ip()));
        let run = shared.lock().run(&query.frame(), 1).unwrap();
        (query, run)
    };

    let begun = Instant::now();
    let path = Path::new("GeoLite2-Country.mmdb");
    let database = Database::from_octets(file, path, DatabaseKind::Country).unwrap();
    let databases = Databases::new(vec![database]);
    let opened = begun.elapsed();
    let zone = node::zone("pool.example", &json);
    let parsed = begun.elapsed();
    let zones = node::compiled(&[zone], &databases);
    let compiled = begun.elapsed();
    let placed = node::publish(&mut publisher, &zones);
    let published = begun.elapsed();
    let (_, first) = ask("pool.example", A, [198, 18, 0, 1].into());
    println!(
        "mmdb open {opened:?}, JSON read {parsed:?}, compiled {compiled:?}, published \
         {published:?}, answered {:?}",
        begun.elapsed()
    );
    assert_eq!(first.action, 3);
    let dealt = Instant::now();
    let decks = publisher.deal_again().unwrap();
    println!("{placed:?}; {decks} decks dealt anew in {:?}", dealt.elapsed());
    println!("classes {}", zones[0].compiled.n_classes);
    println!("{} octets of maps; {:?}", shared.lock().map_octets().unwrap(), publisher.usage());
    assert!(
        publisher.usage().iter().all(|(_, taken, entries)| taken * 2 <= *entries),
        "no room for a successor"
    );

    let zone = node::zone("pool.example", &json);
    for at in 0..CLIENTS {
        let (prefix, code) = &nets[rng.usize(..nets.len())];
        let client = inside(prefix, &mut rng);
        let country = code.to_lowercase();
        let quarter = rng.usize(..5).checked_sub(1);
        let vendor = rng.usize(..POOL.vendors);
        let name = match quarter {
            None => "pool.example".to_owned(),
            Some(quarter) if at % 2 == 0 => format!("{quarter}.pool.example"),
            Some(quarter) => format!("{quarter}.vendor{vendor:03}.pool.example"),
        };
        for (rtype, six) in [(A, false), (AAAA, true)] {
            let from = servers.expected(quarter, &country, six);
            let reply = if from.is_empty() {
                Reply::nodata(&zone)
            } else {
                Reply::Addresses { n: from.len().min(4), from, ttl: 150 }
            };
            let (query, run) = ask(&name, rtype, client);
            assert_eq!(run.action, 3, "{name} {rtype} from {client} in {country}");
            assert!(reader::read(&query, &run.frame, &reply).len() <= 4);
        }
    }
}
