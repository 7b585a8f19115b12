//! A seed comes in; a pool like the NTP Pool comes out, as a snapshot, and the scores that monitors give its servers one
//! after the other, as changes.
//!
//! A score is what the pool's is: 19 parts of 20 of the one before, and a step, 1 for a good answer and -5 for none. Most
//! servers are well and stay at 20; a sixth answers now and then, and goes about score 10.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use edge_tests::pool::countries;
use edge_user::zone::countries::{CONTINENTS, continent};
use fastrand::Rng;
use serde_json::{Value, json};

/// The zone's name.
pub(crate) const APEX: &str = "pool.example";
/// Servers with an IPv4 address, and with an IPv6 address.
const SERVERS: [u32; 2] = [3_700, 2_000];
/// Vendors, of which some have four labels, some one and some five.
const VENDORS: usize = 300;
/// The score from which on a server is in.
const ACTIVE: f64 = 10.0;
/// How often every server was scored before the snapshot.
const PAST: u32 = 300;
/// Of so many changes one is of the netspeed that a server's owner sets.
const OWNERS: u64 = 1_000;
/// Where the servers are whose ways in and out are timed: seven, so that more than half are in every answer.
pub(crate) const PROBED: &str = "is";
const PROBES: u32 = 7;

/// How many of a thousand servers are in a country. All others share the rest, so that most have a few or none.
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

/// A server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub ip: IpAddr,
    /// Its country, its continent and the world, as the pool calls them.
    pub zones: [String; 3],
    pub score: f64,
    netspeed: u32,
    /// The chance that a monitor gets an answer.
    fitness: f64,
}

impl Server {
    /// Whether it is in.
    pub(crate) fn is_in(&self) -> bool {
        self.score >= ACTIVE
    }

    fn json(&self, id: usize) -> Value {
        json!({
            "id": id, "ip": self.ip, "netspeed": self.netspeed, "score": self.score, "zones": self.zones,
        })
    }
}

/// All servers, by identifier, and who is scored next.
pub(crate) struct Scorer {
    pub servers: Vec<Server>,
    order: Vec<usize>,
    rng: Rng,
    cursor: u64,
}

/// A change, as a line, and whose it is.
pub(crate) struct Scored {
    pub line: String,
    pub id: usize,
    /// Its place among all changes.
    pub cursor: u64,
}

impl Scorer {
    /// Of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let all: Vec<String> = countries()
            .into_iter()
            .map(|name| if name == "gb" { "uk".into() } else { name })
            .collect();
        let others: Vec<&String> = all
            .iter()
            .filter(|name| **name != PROBED && SHARES.iter().all(|(known, _)| known != name))
            .collect();
        let country = |rng: &mut Rng| {
            let mut at = rng.u32(..1_000);
            for (name, share) in SHARES {
                match at.checked_sub(share) {
                    Some(rest) => at = rest,
                    None => return name.to_owned(),
                }
            }
            others.get(rng.usize(..others.len())).map_or_else(String::new, |name| (*name).clone())
        };
        let mut servers = Vec::new();
        for at in 0..SERVERS.iter().sum() {
            let is_probe = at < PROBES;
            let country = if is_probe { PROBED.to_owned() } else { country(&mut rng) };
            let code = if country == "uk" { "gb" } else { &country };
            let code = code.as_bytes().first_chunk::<2>().copied().unwrap_or_default();
            let continent = continent(code).unwrap_or_default().to_owned();
            let ip: IpAddr = match at.checked_sub(SERVERS[0]) {
                None => Ipv4Addr::from(0x2d00_0000 + at * 7_919).into(),
                Some(at) => {
                    let spread = u128::from(at) * 0x1_0003_0005_0007;
                    Ipv6Addr::from((0x2a00_u128 << 112) + (spread << 32) + 0x1234_5678).into()
                }
            };
            let fitness = match rng.u8(..100) {
                _ if is_probe => 1.0,
                0..6 => 0.2,
                6..24 => 0.89 + 0.06 * rng.f64(),
                24..36 => 0.985,
                _ => 0.9995,
            };
            let netspeed = rng.choice(NETSPEEDS).unwrap_or_default();
            let netspeed = if is_probe { 1_000 } else { netspeed };
            let zones = [country, continent, "@".to_owned()];
            let mut server = Server { ip, zones, score: 20.0, netspeed, fitness };
            for _ in 0..PAST {
                server.score = next_score(&server, &mut rng);
            }
            servers.push(server);
        }
        let mut order: Vec<usize> = (PROBES as usize..servers.len()).collect();
        rng.shuffle(&mut order);
        Self { servers, order, rng, cursor: 0 }
    }

    /// The snapshot, taken at a time in seconds since 1970.
    pub(crate) fn snapshot(&self, now: u64) -> Value {
        let zones: Vec<&str> = CONTINENTS.into_iter().chain(["@"]).collect();
        let countries: Vec<String> = countries()
            .into_iter()
            .map(|name| if name == "gb" { "uk".into() } else { name })
            .collect();
        let servers: Vec<Value> =
            self.servers.iter().enumerate().map(|(id, s)| s.json(id)).collect();
        let vendors: Vec<Value> = (0..VENDORS)
            .map(|at| {
                let kind = ["ntp", "ntp", "ntp", "legacy", "sntp"].get(at % 5);
                json!({ "zone_name": vendor(at), "origin": APEX, "client_type": kind })
            })
            .collect();
        json!({
            "serial": now, "cursor": self.cursor, "vendors": vendors, "servers": servers,
            "zones": zones.into_iter().map(str::to_owned).chain(countries).collect::<Vec<_>>(),
            "roots": [{
                "origin": APEX, "ns": ["a.ntpns.example.", "b.ntpns.example."], "ttl": 150,
                "vendor_available": true, "www": "www.ntppool.example.", "txt": ["a pool"],
                "dmarc": "v=DMARC1; p=none",
            }],
        })
    }

    /// The next server's score, or now and then its netspeed, at a time in seconds since 1970.
    pub(crate) fn next(&mut self, now: u64) -> Scored {
        self.cursor += 1;
        let turn = usize::try_from(self.cursor).unwrap_or_default() % self.order.len();
        let id = self.order.get(turn).copied().unwrap_or_default();
        let cursor = self.cursor;
        let Some(server) = self.servers.get_mut(id) else {
            return Scored { line: String::new(), id, cursor };
        };
        if cursor.is_multiple_of(OWNERS) {
            server.netspeed = self.rng.choice(NETSPEEDS).unwrap_or_default();
            let line = json!({ "id": cursor, "ts": now, "server": server.json(id) }).to_string();
            return Scored { line, id, cursor };
        }
        server.score = next_score(server, &mut self.rng);
        self.line(id, now)
    }

    /// Puts one of the timed servers in, or out.
    pub(crate) fn probe(&mut self, id: usize, is_in: bool, now: u64) -> Scored {
        self.cursor += 1;
        if let Some(server) = self.servers.get_mut(id) {
            server.score = if is_in { 20.0 } else { 5.0 };
        }
        self.line(id, now)
    }

    fn line(&self, id: usize, now: u64) -> Scored {
        let score = self.servers.get(id).map_or(0.0, |server| server.score);
        let line = json!({ "id": self.cursor, "ts": now, "server_id": id, "score": score });
        Scored { line: line.to_string(), id, cursor: self.cursor }
    }
}

/// What a monitor's next look makes of a score.
fn next_score(server: &Server, rng: &mut Rng) -> f64 {
    let step = if rng.f64() < server.fitness { 1.0 } else { -5.0 };
    let score = server.score.mul_add(0.95, step);
    (score * 10_000.0).round() / 10_000.0
}

/// A vendor's label.
pub(crate) fn vendor(at: usize) -> String {
    format!("vendor{:03}", at % VENDORS)
}
