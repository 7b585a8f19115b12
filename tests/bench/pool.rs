//! A pool's zone, the places of its clients, and the queries to measure.
//!
//! 16 rows (`0` to `f`) of 24 addresses of each family, of their own for each of 64 countries,
//! and 128 vendors' aliases of every row (`0.a0` and so on): the class of every client matters.
//! Another 16 rows have no IPv6 addresses, and 256 aliases have names of 100 octets.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use edge_common::cookie::Cookie;
use edge_common::limit::Rate;
use edge_common::verdict::Verdict;
use edge_tables::publish::Publishable;
use edge_tests::frames::Query;
use edge_tests::message::{OptAsked, option, rtype, subnet};
use edge_tests::node;
use fastrand::Rng;

use crate::ntp::time;

/// Countries with addresses of their own; the first four are those of the hot clients.
const COUNTRIES: [&str; 64] = [
    "de", "fr", "nl", "ch", "at", "be", "bg", "br", "ca", "cl", "cn", "co", "cz", "dk", "ee", "es",
    "fi", "gb", "gr", "hk", "hr", "hu", "id", "ie", "il", "in", "ir", "is", "it", "jp", "ke", "kr",
    "lt", "lu", "lv", "ma", "mx", "my", "ng", "no", "nz", "pe", "ph", "pk", "pl", "pt", "ro", "rs",
    "ru", "sa", "se", "sg", "si", "sk", "th", "tr", "tw", "ua", "us", "uy", "ve", "vn", "za", "au",
];
/// The zone's name.
pub(crate) const APEX: &str = "pool.example";
const ROWS: &[u8] = b"0123456789abcdef";
const ROWS_WITHOUT_AAAA: &[u8] = b"ghijklmnopqrstuv";

/// Where queries go.
pub(crate) const SERVER4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 53, 0, 1)), 53);
/// See [`SERVER4`].
pub(crate) const SERVER6: SocketAddr =
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0xfd53, 0, 0, 0, 0, 0, 0, 1)), 53);

/// What cookies are made with.
pub(crate) const SECRET: [u8; 16] = *b"sixteen octets..";
/// Seconds: the time at which cookies are made, and taken.
pub(crate) const COOKIE_TIME: u32 = 1_800_000_000;

/// A prefix that sources are taken from at random.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources {
    /// The address, or its first eight octets, as a number.
    pub prefix: u64,
    /// The bits that vary.
    pub varying: u64,
}

/// One /20 of the benchmarking addresses of RFC 2544: 16 networks in four countries.
pub(crate) const HOT: Sources = Sources { prefix: 0xc612_0000, varying: 0xfff };
/// A quarter of the address space.
const COLD: Sources = Sources { prefix: 0x8000_0000, varying: 0x3fff_ffff };
/// One /36 of the documentation addresses of RFC 3849: 16 networks in the same countries.
const HOT6: Sources = Sources { prefix: 0x2001_0db8_0000_0000, varying: 0xfff_ffff };

/// Someone who shows a cookie, whose address it holds for.
const WITH_COOKIE: Sources = Sources { prefix: 0xc612_0001, varying: 0 };

/// What the names of a case look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Usual,
    WithoutAaaa,
    Long,
    /// A label at random below the apex.
    Missing,
    Apex,
}

/// What the OPT record of a case looks like.
#[derive(Clone, Copy, Debug)]
enum Edns {
    None,
    /// Without options.
    Bare,
    Subnet,
    /// A client's part only.
    Cookie,
    /// A good one.
    GoodCookie,
    Nsid,
}

/// Queries that are measured together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// What the report calls it.
    pub name: &'static str,
    /// What the anchor calls it.
    pub anchor: Option<&'static str>,
    /// Who asks.
    pub sources: Sources,
    /// What has to become of all of them.
    pub verdict: Verdict,
    rtype: u16,
    edns: Edns,
    six: bool,
    names: Names,
    /// The limits that it is asked under, if any.
    pub limits: Option<Rate>,
    /// Whether it asks for the time instead.
    pub is_time: bool,
}

const A: Case = Case {
    name: "A",
    anchor: Some("A"),
    sources: HOT,
    verdict: Verdict::Answer,
    rtype: rtype::A,
    edns: Edns::None,
    six: false,
    names: Names::Usual,
    limits: None,
    is_time: false,
};
/// A rate that nobody exceeds, so that every query is admitted.
const ADMITTED: Option<Rate> =
    Some(Rate { per_second: 1_000_000, burst: 1_000_000, slip: 2, prefix4: 24, prefix6: 56 });
/// One that the anchor doesn't know.
const OWN: Case = Case { anchor: None, ..A };
/// A request for the time.
const NTP: Case = Case { name: "NTP", verdict: Verdict::NtpAnswer, is_time: true, ..OWN };
const AAAA: Case = Case { rtype: rtype::AAAA, ..OWN };
const NODATA: Case = Case { verdict: Verdict::Nodata, ..OWN };

/// Everything that is measured.
pub(crate) const CASES: [Case; 20] = [
    A,
    Case { name: "A, EDNS", anchor: Some("Ae"), edns: Edns::Bare, ..A },
    Case { name: "AAAA", anchor: Some("Q"), ..AAAA },
    Case { name: "AAAA, EDNS", anchor: Some("Qe"), edns: Edns::Bare, ..AAAA },
    Case { name: "NODATA", rtype: rtype::AAAA, names: Names::WithoutAaaa, ..NODATA },
    Case { name: "NODATA, HTTPS", rtype: rtype::HTTPS, ..NODATA },
    Case { name: "NXDOMAIN", verdict: Verdict::Nxdomain, names: Names::Missing, ..OWN },
    Case { name: "SOA", rtype: rtype::SOA, names: Names::Apex, ..OWN },
    Case { name: "A over IPv6", sources: HOT6, six: true, ..OWN },
    Case { name: "A, name of 100 octets", names: Names::Long, ..OWN },
    Case { name: "A, cold clients", sources: COLD, ..OWN },
    Case { name: "A, limits", limits: ADMITTED, ..OWN },
    Case { name: "A, limits, cold clients", sources: COLD, limits: ADMITTED, ..OWN },
    Case { name: "A, subnet", edns: Edns::Subnet, ..OWN },
    Case { name: "A, subnet, cold clients", sources: COLD, edns: Edns::Subnet, ..OWN },
    Case { name: "A, new cookie", edns: Edns::Cookie, ..OWN },
    Case { name: "A, good cookie", sources: WITH_COOKIE, edns: Edns::GoodCookie, ..OWN },
    Case { name: "A, NSID", edns: Edns::Nsid, ..OWN },
    NTP,
    Case { name: "NTP over IPv6", sources: HOT6, six: true, ..NTP },
];

fn vendors() -> impl Iterator<Item = String> {
    (b'a'..=b'p').flat_map(|letter| (0..8).map(move |n| format!("{}{n}", char::from(letter))))
}

/// Two labels between a row's alias and the apex, that make the name 100 octets long.
fn long_labels() -> String {
    format!("{}.{}", "l".repeat(40), "o".repeat(39))
}

/// A name as resolvers ask for it, who mix upper and lower case to make forgery harder.
pub(crate) fn mixed_case(name: &str, rng: &mut Rng) -> String {
    let mixed = |c: char| if rng.bool() { c.to_ascii_uppercase() } else { c };
    name.chars().map(mixed).collect()
}

/// A vendor's alias of a row with addresses of both families.
pub(crate) fn hot_name(rng: &mut Rng) -> String {
    let row = char::from(rng.choice(ROWS).copied().unwrap_or_default());
    let vendor = vendors().nth(rng.usize(..128)).unwrap_or_default();
    format!("{row}.{vendor}.{APEX}")
}

/// Sixteen octets as two words in memory order.
fn words(octets: [u8; 16]) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, back @ ..] = octets;
    [u64::from_ne_bytes([a, b, c, d, e, f, g, h]), u64::from_ne_bytes(back)]
}

/// A client's part and the server's, made with [`SECRET`] at a time.
pub(crate) fn good_cookie(client: [u8; 8], seconds: u32, address: IpAddr) -> Vec<u8> {
    let address = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    let cookie = Cookie { client: u64::from_ne_bytes(client), server: [0; 2], server_octets: 0 };
    let server = cookie.make(words(SECRET), seconds, words(address.octets()));
    [client, server[0].to_ne_bytes(), server[1].to_ne_bytes()].concat()
}

impl Case {
    fn name_of(&self, rng: &mut Rng) -> String {
        let rows = if self.names == Names::WithoutAaaa { ROWS_WITHOUT_AAAA } else { ROWS };
        let row = char::from(rows.get(rng.usize(..rows.len())).copied().unwrap_or_default());
        let some = if self.names == Names::Long { 16 } else { 128 };
        let vendor = vendors().nth(rng.usize(..some)).unwrap_or_default();
        let name = match self.names {
            Names::Long => format!("{row}.{vendor}.{}.{APEX}", long_labels()),
            Names::Usual | Names::WithoutAaaa => format!("{row}.{vendor}.{APEX}"),
            Names::Missing => {
                format!("{}.{APEX}", (0..8).map(|_| rng.lowercase()).collect::<String>())
            }
            Names::Apex => APEX.to_owned(),
        };
        mixed_case(&name, rng)
    }

    /// The OPT record.
    fn opt(&self, rng: &mut Rng) -> Option<Vec<u8>> {
        let mut client = [0; 8];
        rng.fill(&mut client);
        let asked = match self.edns {
            Edns::None => return None,
            Edns::Bare => None,
            // Of the sixteen networks that hot clients are in.
            Edns::Subnet => {
                Some((option::SUBNET, subnet(&format!("198.18.{}.0/24", rng.u8(..16)))))
            }
            Edns::Cookie => Some((option::COOKIE, client.to_vec())),
            Edns::GoodCookie => {
                let [.., a, b, c, d] = WITH_COOKIE.prefix.to_be_bytes();
                let address = Ipv4Addr::new(a, b, c, d).into();
                Some((option::COOKIE, good_cookie(client, COOKIE_TIME, address)))
            }
            Edns::Nsid => Some((option::NSID, Vec::new())),
        };
        let asked =
            OptAsked { flags: 0x8000, options: asked.into_iter().collect(), ..OptAsked::default() };
        Some(asked.octets())
    }

    /// A query's frame.
    pub(crate) fn frame(&self, rng: &mut Rng) -> Vec<u8> {
        let (client, server): (IpAddr, _) = if self.six {
            (Ipv6Addr::from(u128::from(rng.u64(..)) | 0x2001_0db8 << 96).into(), SERVER6)
        } else {
            (Ipv4Addr::new(198, 18, 0, 1).into(), SERVER4)
        };
        let client = SocketAddr::new(client, rng.u16(1_024..));
        if self.is_time {
            return time::request(client, server.ip(), rng);
        }
        let query = Query::new(&self.name_of(rng), self.rtype, client, server);
        Query { id: rng.u16(..), opt: self.opt(rng), ..query }.frame()
    }
}

fn records(rng: &mut Rng, aaaa: bool) -> String {
    let mut json = String::from("{\"a\":[");
    for at in 0..24 {
        let comma = if at == 0 { "" } else { "," };
        let [a, b] = rng.u16(..).to_be_bytes();
        write!(json, "{comma}[\"203.{a}.{b}.{at}\",{}]", rng.u32(10..1_000)).ok();
    }
    json.push(']');
    if aaaa {
        json.push_str(",\"aaaa\":[");
        for at in 0..24 {
            let comma = if at == 0 { "" } else { "," };
            write!(json, "{comma}[\"2001:db8::{:x}:{at:x}\",{}]", rng.u16(..), rng.u32(10..1_000))
                .ok();
        }
        json.push(']');
    }
    json.push('}');
    json
}

/// The zone's file.
pub(crate) fn zone_json() -> String {
    let mut rng = Rng::with_seed(1);
    let apex = r#""":{"ns":["ns1.example.net."],"txt":"time servers that don't exist"}"#;
    let mut labels = vec![apex.to_owned()];
    for row in ROWS {
        let row = char::from(*row);
        labels.push(format!("\"{row}\":{}", records(&mut rng, true)));
        for country in COUNTRIES {
            labels.push(format!("\"{row}.{country}\":{}", records(&mut rng, true)));
        }
    }
    for row in ROWS_WITHOUT_AAAA {
        labels.push(format!("\"{}\":{}", char::from(*row), records(&mut rng, false)));
    }
    for vendor in vendors() {
        for row in ROWS.iter().chain(ROWS_WITHOUT_AAAA).map(|row| char::from(*row)) {
            labels.push(format!("\"{row}.{vendor}\":{{\"alias\":\"{row}\"}}"));
        }
    }
    for vendor in vendors().take(16) {
        for row in ROWS.iter().map(|row| char::from(*row)) {
            let long = long_labels();
            labels.push(format!("\"{row}.{vendor}.{long}\":{{\"alias\":\"{row}\"}}"));
        }
    }
    format!("{{\"ttl\":150,\"max_hosts\":4,\"data\":{{{}}}}}", labels.join(","))
}

/// Networks and countries; of 65,536 IPv4 networks of 16 bits about 40,000 have several.
fn world() -> BTreeMap<String, &'static str> {
    let mut rng = Rng::with_seed(2);
    let mut prefixes = BTreeMap::new();
    let hot = COUNTRIES.iter().copied().cycle().take(4).collect::<Vec<_>>();
    for (at, country) in (0..16).zip(hot.into_iter().cycle()) {
        prefixes.insert(format!("198.18.{at}.0/24"), country);
        prefixes.insert(format!("2001:db8:{at:x}00::/40"), country);
    }
    let any = |rng: &mut Rng| COUNTRIES.get(rng.usize(..64)).copied().unwrap_or_default();
    for network in 0x0100..0xe000_u32 {
        if network == 0xc612 || network >> 8 == 127 || rng.u32(..10) < 3 {
            continue;
        }
        // Two halves of a 16-bit network, and a smaller one in each that is another country's.
        for half in 0..2 {
            let (length, country) = (rng.u32(18..=24), any(&mut rng));
            let base = network << 16 | half << 15;
            let within = base | (rng.u32(..0x8000) >> (32 - length) << (32 - length));
            prefixes.insert(format!("{}/17", Ipv4Addr::from(base)), country);
            prefixes.insert(format!("{}/{length}", Ipv4Addr::from(within)), any(&mut rng));
        }
    }
    for _ in 0..8_000 {
        let network = 0x2400_0000 | rng.u32(..0x0800_0000);
        let country = any(&mut rng);
        prefixes.insert(format!("{}/32", Ipv6Addr::from(u128::from(network) << 96)), country);
    }
    prefixes
}

/// Prefixes and countries; of nested ones the longer come later.
pub(crate) fn prefixes() -> Vec<(String, &'static str)> {
    let mut prefixes: Vec<_> = world().into_iter().collect();
    prefixes.sort_by_key(|(net, _)| net.rsplit('/').next().and_then(|n| n.parse::<u32>().ok()));
    prefixes
}

/// The zone, compiled for the world.
pub(crate) fn zones() -> Vec<Publishable> {
    let prefixes = prefixes();
    let prefixes: Vec<_> = prefixes.iter().map(|(net, country)| (net.as_str(), *country)).collect();
    node::compiled(&[node::zone(APEX, &zone_json())], &node::countries(&prefixes))
}
