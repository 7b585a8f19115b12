//! A pool like the NTP Pool, made from a seed: the scorer's snapshot of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use edge_feed::server::{CONTINENTS, GLOBAL};
use edge_feed::snapshot::{ClientType, Root, Vendor};
use edge_feed::{Server, Snapshot};
use edge_zone::countries::continent;
use fastrand::Rng;

use crate::pool::countries;

/// The zone.
pub const ORIGIN: &str = "pool.example";
/// Vendors, of which three of five have four labels, one five and one one.
pub const VENDORS: usize = 500;

/// How many of a thousand servers are in a country. All others share the rest, so that most have a
/// few or none.
const SHARES: [(&str, u32); 43] = [
    ("us", 165),
    ("de", 140),
    ("fr", 55),
    ("uk", 55),
    ("nl", 50),
    ("ca", 38),
    ("ch", 32),
    ("ru", 28),
    ("au", 23),
    ("se", 22),
    ("jp", 19),
    ("pl", 18),
    ("cn", 18),
    ("fi", 17),
    ("it", 17),
    ("at", 15),
    ("cz", 15),
    ("br", 14),
    ("sg", 14),
    ("dk", 11),
    ("es", 11),
    ("in", 11),
    ("za", 11),
    ("be", 9),
    ("bg", 9),
    ("hk", 9),
    ("no", 9),
    ("nz", 9),
    ("ro", 9),
    ("ua", 9),
    ("hu", 7),
    ("id", 7),
    ("tw", 7),
    ("ie", 6),
    ("kr", 6),
    ("pt", 6),
    ("ar", 5),
    ("cl", 5),
    ("gr", 5),
    ("il", 5),
    ("th", 5),
    ("tr", 5),
    ("mx", 4),
];
/// Netspeeds as owners choose them, in kbit/s.
const NETSPEEDS: [u32; 12] = [
    512, 1_000, 1_500, 3_000, 12_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    3_000_000,
];

/// A pool of so many IPv4 servers, then so many IPv6 servers, all of which are in, at a time in
/// seconds since 1970. Their identifiers count from 0.
///
/// # Panics
/// When it is after 2106, or there are 2³² servers.
#[must_use]
pub fn snapshot(fours: u32, sixes: u32, now: i64, rng: &mut Rng) -> Snapshot {
    let areas = areas();
    let others: Vec<&String> = areas
        .iter()
        .filter(|name| name.len() == 2 && SHARES.iter().all(|(known, _)| known != name))
        .collect();
    let addresses = (0..fours).map(four).chain((0..sixes).map(six));
    let servers = (0..).zip(addresses).map(|(id, ip)| Server {
        id,
        ip,
        netspeed: netspeed(rng),
        score: 20.0,
        score_ts: now,
        in_pool: true,
        deletion_on: None,
        zones: zones(country(&others, rng)),
    });
    let servers = servers.collect();
    let kinds =
        [ClientType::Ntp, ClientType::Ntp, ClientType::Ntp, ClientType::Legacy, ClientType::Sntp];
    let vendors = (0..VENDORS).zip(kinds.into_iter().cycle()).map(|(at, client_type)| Vendor {
        zone_name: vendor(at),
        apex: ORIGIN.to_owned(),
        client_type,
    });
    let root = Root {
        apex: ORIGIN.to_owned(),
        ns: ["a.ntpns.example.", "b.ntpns.example."].map(str::to_owned).to_vec(),
        ttl: 150,
        vendor_available: true,
        www: "www.ntppool.example.".to_owned(),
        txt: vec!["a pool".to_owned()],
        dmarc: "v=DMARC1; p=none".to_owned(),
        ..Root::default()
    };
    Snapshot {
        serial: u32::try_from(now).expect("before 2106"),
        cursor: 0,
        roots: vec![root],
        vendors: vendors.collect(),
        zones: areas,
        servers,
    }
}

/// A country, its continent and the world, as the pool calls them.
#[must_use]
pub fn zones(country: &str) -> Vec<String> {
    let code = if country == "uk" { "gb" } else { country };
    let code = code.as_bytes().first_chunk::<2>().copied().unwrap_or_default();
    [country, continent(code).unwrap_or_default(), GLOBAL].map(str::to_owned).to_vec()
}

/// A netspeed that some owner chooses, in kbit/s.
pub fn netspeed(rng: &mut Rng) -> u32 {
    rng.choice(NETSPEEDS).unwrap_or_default()
}

/// A vendor's label.
#[must_use]
pub fn vendor(at: usize) -> String {
    format!("vendor{:03}", at % VENDORS)
}

/// All labels that servers may be in.
fn areas() -> Vec<String> {
    let countries =
        countries().into_iter().map(|name| if name == "gb" { "uk".to_owned() } else { name });
    CONTINENTS.into_iter().chain([GLOBAL]).map(str::to_owned).chain(countries).collect()
}

fn country<'a>(others: &[&'a String], rng: &mut Rng) -> &'a str {
    let mut at = rng.u32(..1_000);
    for (name, share) in SHARES {
        match at.checked_sub(share) {
            Some(rest) => at = rest,
            None => return name,
        }
    }
    rng.choice(others.iter().copied()).map_or("", String::as_str)
}

fn four(at: u32) -> IpAddr {
    Ipv4Addr::from(0x2d00_0000 + at * 7_919).into()
}

fn six(at: u32) -> IpAddr {
    let spread = u128::from(at) * 0x1_0003_0005_0007;
    Ipv6Addr::from((0x2a00_u128 << 112) + (spread << 32) + 0x1234_5678).into()
}
