//! Where everyone is: the databases of the conformance tier.

use crate::geoip::{City, asn_mmdb, city_mmdb, country_mmdb};

/// A place: country, subdivision, latitude and longitude.
type Spot = (&'static str, &'static str, (f64, f64));

const BERLIN: Spot = ("DE", "BE", (52.5, 13.4));
const FRANCISCO: Spot = ("US", "CA", (37.8, -122.4));
const TOKYO: Spot = ("JP", "", (35.7, 139.7));
const PAULO: Spot = ("BR", "SP", (-23.5, -46.6));
const LONDON: Spot = ("GB", "ENG", (51.5, -0.1));
const PARIS: Spot = ("FR", "", (48.9, 2.4));
const MOSCOW: Spot = ("RU", "MOW", (55.8, 37.6));

/// Prefixes and their places: clients on loopback, clients in namespaces and client subnets,
/// servers.
const PREFIXES: &[(&str, Spot)] = &[
    ("127.49.0.0/16", BERLIN),
    ("127.1.1.0/24", FRANCISCO),
    ("127.81.0.0/16", TOKYO),
    ("127.44.0.0/16", LONDON),
    ("::1/128", PAULO),
    ("192.0.2.0/24", BERLIN),
    ("198.51.100.0/24", FRANCISCO),
    ("203.0.113.0/24", TOKYO),
    ("11.0.0.0/8", PARIS),
    ("11.128.0.0/16", TOKYO),
    ("5.8.0.0/16", MOSCOW),
    ("2001:db8:de::/48", BERLIN),
    ("2001:db8:b0::/48", PAULO),
    ("2001:db8:6b::/48", LONDON),
    ("2001:db8:6a::/48", FRANCISCO),
    ("10.49.0.0/16", BERLIN),
    ("10.1.0.0/16", FRANCISCO),
    ("10.81.0.0/16", TOKYO),
    ("10.55.0.0/16", PAULO),
    ("10.44.0.0/16", LONDON),
];

/// Autonomous systems.
const SYSTEMS: &[(&str, u32)] = &[
    ("127.49.0.0/16", 64_500),
    ("192.0.2.0/24", 64_500),
    ("127.1.1.0/24", 64_501),
    ("198.51.100.0/24", 64_501),
    ("2001:db8:de::/48", 64_500),
];

/// The files, by name.
#[must_use]
pub fn files() -> [(&'static str, Vec<u8>); 3] {
    let countries: Vec<_> =
        PREFIXES.iter().map(|(prefix, (country, ..))| (*prefix, *country)).collect();
    let city = |(prefix, (country, subdivision, at)): &(&'static str, Spot)| City {
        prefix,
        country,
        subdivision,
        location: Some(*at),
    };
    let cities: Vec<_> = PREFIXES.iter().map(city).collect();
    [
        ("GeoLite2-Country.mmdb", country_mmdb(&countries)),
        ("GeoLite2-City.mmdb", city_mmdb(&cities)),
        ("GeoLite2-ASN.mmdb", asn_mmdb(SYSTEMS)),
    ]
}
