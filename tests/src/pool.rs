//! A zone and a database as large as the NTP Pool's, made up from a seed.
//!
//! Areas are the world, the continents and the countries. An area `de` has the labels `de` with
//! all its servers, and `0.de` to `3.de` with a quarter each; IPv6 is only at `2.de`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use edge_zone::countries::{CONTINENTS, continent};
use fastrand::Rng;

/// What users of the pool can choose as netspeed, in kbit/s.
const NETSPEEDS: [u32; 14] = [
    512, 1_500, 3_000, 6_000, 12_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    1_500_000, 2_000_000, 3_000_000,
];
/// Lengths of IPv4 prefixes and how often each is, of a thousand.
const LENGTHS4: &[(u8, u32)] =
    &[(24, 500), (23, 150), (22, 120), (21, 80), (20, 60), (19, 40), (18, 25), (17, 12), (16, 13)];
/// The same for IPv6.
const LENGTHS6: &[(u8, u32)] = &[(48, 400), (44, 150), (40, 100), (36, 100), (32, 250)];

/// How much of everything there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Servers with an IPv4 address.
    pub servers4: usize,
    /// Servers with an IPv6 address.
    pub servers6: usize,
    /// Vendors, each with the aliases `0.vendor` to `3.vendor`.
    pub vendors: usize,
    /// Prefixes of the database: IPv4, IPv6.
    pub prefixes: [usize; 2],
}

/// The NTP Pool's.
pub const POOL: Size =
    Size { servers4: 4_000, servers6: 2_000, vendors: 500, prefixes: [350_000, 150_000] };

/// Countries that the database knows, lower case: those of today.
#[must_use]
pub fn countries() -> Vec<String> {
    let letters = || b'a'..=b'z';
    let codes = letters().flat_map(|one| letters().map(move |two| [one, two]));
    let codes = codes.filter(|code| continent(*code).is_some() && !matches!(code, b"an" | b"fx"));
    codes.map(|code| code.map(char::from).iter().collect()).collect()
}

/// The area around one: a country's continent, then the world.
fn around(area: &str) -> Option<&'static str> {
    match *area.as_bytes() {
        [] => None,
        [one, two] => continent([one, two]),
        _ => Some(""),
    }
}

/// The servers of each label, with their weights.
#[derive(Clone, Debug, Default)]
pub struct Servers {
    /// By label.
    pub by_label: BTreeMap<String, Vec<(IpAddr, u32)>>,
}

impl Servers {
    /// Servers all over the world; some countries have none.
    #[must_use]
    pub fn new(size: &Size, rng: &mut Rng) -> Self {
        let countries = countries();
        let mut servers = Self::default();
        let areas =
            std::iter::once("").chain(CONTINENTS).chain(countries.iter().map(String::as_str));
        for area in areas {
            servers.by_label.insert(area.to_owned(), Vec::new());
            for quarter in 0..4 {
                servers.by_label.insert(label(quarter, area), Vec::new());
            }
        }
        let addresses4 = (0..).map(|n: u32| IpAddr::from(Ipv4Addr::from(0x0a00_0000 + n * 7)));
        let addresses6 =
            (0..).map(|n: u128| IpAddr::from(Ipv6Addr::from((0xfd01 << 112) + n * 11)));
        let all = addresses4.take(size.servers4).chain(addresses6.take(size.servers6));
        for (id, address) in all.enumerate() {
            // A few countries have most of them.
            let most = rng.usize(..countries.len());
            let most = rng.usize(..=most);
            let weight = NETSPEEDS[rng.usize(..NETSPEEDS.len())];
            let mut area = Some(countries[rng.usize(..=most)].as_str());
            while let Some(name) = area {
                if address.is_ipv4() {
                    servers.push(name.to_owned(), address, weight);
                    servers.push(label(id % 4, name), address, weight);
                } else {
                    servers.push(label(2, name), address, weight);
                }
                area = around(name);
            }
        }
        servers
    }

    fn push(&mut self, label: String, address: IpAddr, weight: u32) {
        self.by_label.entry(label).or_default().push((address, weight));
    }

    /// The addresses that a client in a country (lower case; empty for none) may be answered for
    /// a quarter's name, or the base's; empty for NODATA.
    #[must_use]
    pub fn expected(&self, quarter: Option<usize>, country: &str, six: bool) -> Vec<IpAddr> {
        let mut area = Some(country);
        while let Some(name) = area {
            let wanted = quarter.map_or_else(|| name.to_owned(), |quarter| label(quarter, name));
            let found = self.by_label.get(&wanted).into_iter().flatten();
            let found: Vec<_> =
                found.map(|(address, _)| *address).filter(|a| a.is_ipv6() == six).collect();
            if !found.is_empty() {
                return found;
            }
            area = around(name);
        }
        Vec::new()
    }

    /// The zone's JSON.
    #[must_use]
    pub fn json(&self, vendors: usize) -> String {
        let mut json = String::from(r#"{"serial":1,"ttl":150,"max_hosts":4,"data":{"#);
        for (label, servers) in &self.by_label {
            let ns = if label.is_empty() {
                r#""ns":["a.ntpns.example.","b.ntpns.example."],"#
            } else {
                ""
            };
            write!(json, r#""{label}":{{{ns}"#).expect("a string");
            for (key, six) in [("a", false), ("aaaa", true)] {
                let set = servers.iter().filter(|(address, _)| address.is_ipv6() == six);
                let set: Vec<_> =
                    set.map(|(address, weight)| format!(r#"["{address}",{weight}]"#)).collect();
                if !set.is_empty() {
                    write!(json, r#""{key}":[{}],"#, set.join(",")).expect("a string");
                }
            }
            json.push_str(r#""ttl":150},"#);
        }
        for vendor in 0..vendors {
            for quarter in 0..4 {
                write!(json, r#""{quarter}.vendor{vendor:03}":{{"alias":"{quarter}"}},"#)
                    .expect("a string");
            }
        }
        json.pop();
        json.push_str("}}");
        json
    }
}

/// The label of a quarter of an area.
fn label(quarter: usize, area: &str) -> String {
    if area.is_empty() { quarter.to_string() } else { format!("{quarter}.{area}") }
}

fn length(lengths: &[(u8, u32)], rng: &mut Rng) -> u8 {
    let mut at = rng.u32(..1_000);
    for (length, share) in lengths {
        if at < *share {
            return *length;
        }
        at -= share;
    }
    lengths[0].0
}

/// Prefixes one behind another with some gaps, and the country of each, upper case.
#[must_use]
pub fn prefixes(size: &Size, rng: &mut Rng) -> Vec<(String, String)> {
    let countries: Vec<String> = countries().iter().map(|code| code.to_uppercase()).collect();
    let mut out = Vec::new();
    let country = |rng: &mut Rng| countries[rng.usize(..countries.len())].clone();
    let mut at = 0x0100_0000_u32;
    while out.len() < size.prefixes[0] {
        let length = length(LENGTHS4, rng);
        let block = 1_u32 << (32 - length);
        let start = at.next_multiple_of(block);
        at = start + block;
        if rng.u8(..10) == 0 {
            continue;
        }
        out.push((format!("{}/{length}", Ipv4Addr::from(start)), country(rng)));
    }
    let mut at = 0x2400_u128 << 32;
    while out.len() < size.prefixes[0] + size.prefixes[1] {
        let length = length(LENGTHS6, rng);
        // In units of a /48.
        let block = 1_u128 << (48 - length);
        let start = at.next_multiple_of(block);
        at = start + block;
        if rng.u8(..10) == 0 {
            continue;
        }
        out.push((format!("{}/{length}", Ipv6Addr::from(start << 80)), country(rng)));
    }
    out
}
