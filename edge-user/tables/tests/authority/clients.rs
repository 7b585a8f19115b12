//! The clients of the tests, and the databases that know them.

use ipnet::IpNet;

use edge_zone::geo::fixture;
use edge_zone::geo::{DatabaseKind, Databases};

/// In Germany, France, California, New York, Brazil (IPv6), and nowhere.
pub(super) const CLIENTS: [&str; 6] =
    ["5.0.0.7", "6.0.1.9", "7.0.0.1", "7.1.0.1", "2a00:55::1", "100.65.0.1"];

pub(super) fn databases() -> Databases {
    databases_with(0)
}

/// The same, with so many German networks more.
pub(super) fn databases_with(more: u8) -> Databases {
    let net = |text: &str| -> IpNet { text.parse().unwrap() };
    let places = [
        ("5.0.0.0/16", "DE", "BE"),
        ("6.0.0.0/16", "FR", "IDF"),
        ("7.0.0.0/16", "US", "CA"),
        ("7.1.0.0/16", "US", "NY"),
        ("2a00:55::/32", "BR", "SP"),
    ]
    .into_iter()
    .map(|(prefix, country, state)| (net(prefix), country, state, (1.0, 2.0)));
    let more = (0..more).map(|n| (net(&format!("9.{n}.0.0/16")), "DE", "BE", (1.0, 2.0)));
    let places: Vec<_> = places.chain(more).collect();
    let countries: Vec<_> = places.iter().map(|(net, country, ..)| (*net, *country)).collect();
    let asns = [(net("5.0.0.0/20"), 64_500), (net("7.0.0.0/9"), 64_501)];
    fixture::databases([
        (DatabaseKind::Country, fixture::country(&countries)),
        (DatabaseKind::City, fixture::city(&places)),
        (DatabaseKind::Asn, fixture::asn(&asns)),
    ])
}
