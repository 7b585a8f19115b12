//! MaxMind databases for tests, made from prefixes.
//!
//! The files are as MaxMind makes them: `GeoLite2-*` types, one IPv6 tree with the IPv4 tree at
//! `::/96` and its aliases. Of nested prefixes the longer must come later. All functions panic
//! when a prefix is invalid, or lies in Teredo's or 6to4's space.

use std::time::{Duration, UNIX_EPOCH};

use mmdb_writer::ipnet::IpNet;
use mmdb_writer::{Value, Writer};

/// A record of the City database.
#[derive(Clone, Copy, Debug)]
pub struct City<'a> {
    /// Prefix text, IPv4 or IPv6.
    pub prefix: &'a str,
    /// ISO 3166-1 code, as in `US`.
    pub country: &'a str,
    /// ISO 3166-2 subdivision, as in `CA`; empty for none.
    pub subdivision: &'a str,
    /// Latitude and longitude in degrees.
    pub location: Option<(f64, f64)>,
}

/// A file `GeoLite2-Country.mmdb` of prefixes and ISO 3166-1 codes.
#[must_use]
pub fn country_mmdb(prefixes: &[(&str, &str)]) -> Vec<u8> {
    let record = |code| Value::map([("country", coded(code))]);
    let records = prefixes.iter().map(|(prefix, code)| (*prefix, record(code)));
    write("GeoLite2-Country", records.collect())
}

/// A file `GeoLite2-ASN.mmdb` of prefixes and autonomous system numbers.
#[must_use]
pub fn asn_mmdb(prefixes: &[(&str, u32)]) -> Vec<u8> {
    let record = |asn| Value::map([("autonomous_system_number", Value::from(asn))]);
    let records = prefixes.iter().map(|(prefix, asn)| (*prefix, record(*asn)));
    write("GeoLite2-ASN", records.collect())
}

/// A file `GeoLite2-City.mmdb`.
#[must_use]
pub fn city_mmdb(records: &[City<'_>]) -> Vec<u8> {
    let record = |city: &City<'_>| {
        let mut fields = vec![("country", coded(city.country))];
        if !city.subdivision.is_empty() {
            fields.push(("subdivisions", Value::array([coded(city.subdivision)])));
        }
        if let Some((latitude, longitude)) = city.location {
            let location = [("latitude", latitude), ("longitude", longitude)];
            fields.push(("location", Value::map(location)));
        }
        Value::map(fields)
    };
    write("GeoLite2-City", records.iter().map(|city| (city.prefix, record(city))).collect())
}

fn coded(code: &str) -> Value {
    Value::map([("iso_code", code)])
}

fn write(database_type: &str, records: Vec<(&str, Value)>) -> Vec<u8> {
    let mut writer = Writer::builder(database_type)
        .description(&[("en", "a fixture")])
        .build_epoch(UNIX_EPOCH + Duration::from_secs(1_700_000_000))
        .build();
    for (prefix, record) in records {
        let net: IpNet = prefix.parse().unwrap_or_else(|error| panic!("prefix {prefix}: {error}"));
        writer.insert_value(net, record).unwrap_or_else(|error| panic!("prefix {prefix}: {error}"));
    }
    writer.to_bytes().unwrap_or_else(|error| panic!("{database_type}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use edge_zone::geo::{Database, DatabaseKind, Databases, Needs};

    use super::*;
    use crate::netns::{COUNTRIES, DATABASE};

    #[test]
    fn the_kept_database_is_what_is_written_of_the_rigs_list() {
        let written = country_mmdb(&COUNTRIES);
        assert!(written == DATABASE, "write these octets there: {written:02x?}");
    }

    #[test]
    fn the_controller_reads_what_is_written() {
        let files = [
            (DatabaseKind::Asn, asn_mmdb(&[("192.0.2.0/24", 64_500)])),
            (
                DatabaseKind::Country,
                country_mmdb(&[("192.0.2.0/24", "GB"), ("2001:db8::/32", "FR")]),
            ),
            (
                DatabaseKind::City,
                city_mmdb(&[City {
                    prefix: "192.0.2.0/25",
                    country: "US",
                    subdivision: "CA",
                    location: Some((37.0, -122.0)),
                }]),
            ),
        ];
        let files = files.map(|(kind, octets)| {
            Database::from_octets(octets, Path::new("fixture"), kind).unwrap()
        });
        let found = Databases::new(files.into());
        let country = Needs { country: true, ..Needs::default() };
        let lookup = |ip: &str, needs| found.lookup(ip.parse().unwrap(), needs);
        assert_eq!(lookup("192.0.2.200", country).country, Some(*b"gb"));
        assert_eq!(lookup("2001:db8::1", country).country, Some(*b"fr"));
        let place = lookup("192.0.2.1", Needs { region: true, asn: true, ..country });
        assert_eq!(place.region.unwrap().as_str(), "us-ca");
        assert_eq!(place.location, Some((37.0, -122.0)));
        assert_eq!(place.asn, Some(64_500));
    }
}
