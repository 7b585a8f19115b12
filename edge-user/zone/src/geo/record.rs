//! The data of an address in a GeoIP database.
//!
//! Codes are in lower case. A code that can't be part of a label (wrong length, not ASCII
//! alphanumeric) and a coordinate that is not on the globe count as absent.

use std::fmt;

use serde::Deserialize;

/// What the databases know about an address; the default knows nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GeoRecord {
    /// ISO 3166-1 code, lower case.
    pub country: Option<[u8; 2]>,
    /// First subdivision of the country.
    pub region: Option<Region>,
    /// Autonomous system number.
    pub asn: Option<u32>,
    /// Latitude and longitude in degrees.
    pub location: Option<(f64, f64)>,
}

/// A region as labels name it: country, hyphen, ISO 3166-2 subdivision, as in `us-ca`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region {
    octets: [u8; Self::LONGEST],
    length: u8,
}

impl Region {
    const LONGEST: usize = 6;

    fn new(country: [u8; 2], subdivision: &str) -> Option<Self> {
        let code = subdivision.as_bytes();
        if !(1..=3).contains(&code.len()) || !code.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let mut octets = [0; Self::LONGEST];
        let name = country.iter().chain(b"-").chain(code);
        let mut length = 0;
        for (octet, from) in octets.iter_mut().zip(name) {
            *octet = from.to_ascii_lowercase();
            length += 1;
        }
        Some(Self { octets, length })
    }

    /// The label's text, 4 to 6 octets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let octets = self.octets.get(..usize::from(self.length)).unwrap_or_default();
        str::from_utf8(octets).unwrap_or_default()
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({})", self.as_str())
    }
}

/// What a zone's targets need to know about a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Needs {
    /// `country` or `continent` targets.
    pub country: bool,
    /// `region` or `regiongroup` targets, or a `closest` label: the City database then supplies
    /// the country too, and the Country database is not asked.
    pub region: bool,
    /// `asn` targets.
    pub asn: bool,
}

/// The fields that are read, of all three kinds of record; others are skipped undecoded.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct DatabaseRecord<'a> {
    #[serde(borrow)]
    country: Coded<'a>,
    #[serde(borrow)]
    subdivisions: Vec<Coded<'a>>,
    location: Location,
    autonomous_system_number: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Coded<'a> {
    iso_code: Option<&'a str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Location {
    latitude: Option<f64>,
    longitude: Option<f64>,
}

impl DatabaseRecord<'_> {
    /// All that the record says.
    pub(super) fn geo_record(&self) -> GeoRecord {
        let country = self.country.iso_code.and_then(|code| match *code.as_bytes() {
            [a, b] if a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() => {
                Some([a.to_ascii_lowercase(), b.to_ascii_lowercase()])
            }
            _ => None,
        });
        let subdivision = self.subdivisions.first().and_then(|first| first.iso_code);
        let region = country.zip(subdivision).and_then(|(c, s)| Region::new(c, s));
        let location =
            self.location.latitude.zip(self.location.longitude).filter(|(lat, lon)| {
                (-90.0..=90.0).contains(lat) && (-180.0..=180.0).contains(lon)
            });
        GeoRecord { country, region, asn: self.autonomous_system_number, location }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record<'a>(country: &'a str, subdivision: &'a str, lat: f64) -> DatabaseRecord<'a> {
        DatabaseRecord {
            country: Coded { iso_code: Some(country) },
            subdivisions: vec![Coded { iso_code: Some(subdivision) }],
            location: Location { latitude: Some(lat), longitude: Some(0.0) },
            autonomous_system_number: None,
        }
    }

    #[test]
    fn codes_are_lower_cased() {
        let place = record("GB", "ENG", 0.0).geo_record();
        assert_eq!(place.country, Some(*b"gb"));
        assert_eq!(place.region.as_ref().map(Region::as_str), Some("gb-eng"));
    }

    #[test]
    fn what_could_not_be_a_label_counts_as_absent() {
        assert_eq!(record("USA", "CA", 0.0).geo_record().country, None);
        assert_eq!(record("USA", "CA", 0.0).geo_record().region, None);
        assert_eq!(record("U.", "CA", 0.0).geo_record().country, None);
        assert_eq!(record("US", "", 0.0).geo_record().region, None);
        assert_eq!(record("US", "CALI", 0.0).geo_record().region, None);
        assert_eq!(record("US", "C\u{e9}", 0.0).geo_record().region, None);
        assert_eq!(record("US", "CA", 90.5).geo_record().location, None);
        assert_eq!(record("US", "CA", f64::NAN).geo_record().location, None);
    }
}
