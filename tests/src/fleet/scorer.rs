//! A scorer and its pool, made up from a seed.
//!
//! It gives a snapshot, then changes, and remembers all that follows from them. Two labels are
//! for watching. `xm` has one server, whose address is another one with each mark: an answer
//! shows which mark it is of. At `xy` there are two servers, one of which is in: with each mark
//! one comes and the other leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{SystemTime, UNIX_EPOCH};

use edge_feed::delta::Change;
use edge_feed::policy::PolicyState;
use edge_feed::server::GLOBAL;
use edge_feed::{Delta, Pool, Server, Snapshot, ZonePolicy, Zones};
use fastrand::Rng;
use serde_json::Value;

use crate::volunteers;
pub use crate::volunteers::ORIGIN;

/// The label whose answer shows the mark, and the other one.
pub const MARK: &str = "xm";
pub(super) const YO_YO: &str = "xy";
/// Identifiers of the servers there.
const MARKED: u64 = 1_000_000;
const SWUNG: [u64; 2] = [1_000_001, 1_000_002];
/// From which address on marks are numbered.
const FIRST: u32 = 0x0ac8_0000;
/// One server of so many is out.
const OUT: u32 = 50;

/// Seconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_secs()).expect("a time")
}

/// The scorer.
#[derive(Debug)]
pub struct Scorer {
    rng: Rng,
    pool: Pool,
    ids: Vec<u64>,
    marks: u32,
    /// Servers' addresses at each label that they were at when they were in.
    ever: BTreeMap<String, BTreeSet<Ipv4Addr>>,
}

/// What a label has: its addresses with their weights.
type Label = BTreeSet<(String, u64)>;

impl Scorer {
    /// A pool of so many servers, two of three of them with an IPv4 address.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn new(servers: u32) -> (Self, Snapshot) {
        let mut rng = Rng::with_seed(6);
        let sixes = servers / 3;
        let mut snapshot = volunteers::snapshot(servers - sixes, sixes, now(), &mut rng);
        for server in &mut snapshot.servers {
            server.score = score(&mut rng);
        }
        snapshot.cursor = 1;
        snapshot.servers.extend([marked(0), swung(0, 20.0), swung(1, 5.0)]);
        snapshot.zones.extend([MARK, YO_YO].map(str::to_owned));
        let pool = Pool::new(snapshot.clone()).expect("a sound snapshot");
        let ids = (0..servers.into()).collect();
        let mut scorer = Self { rng, pool, ids, marks: 0, ever: BTreeMap::new() };
        snapshot.servers.iter().for_each(|server| scorer.note(server.id));
        (scorer, snapshot)
    }

    /// So many new scores of servers, one of fifty below 10.
    pub fn scores(&mut self, count: usize) -> Vec<Delta> {
        let mut changes = Vec::new();
        for _ in 0..count {
            let server_id = self.ids[self.rng.usize(..self.ids.len())];
            changes.push(Change::Score { server_id, score: score(&mut self.rng) });
        }
        self.deltas(changes)
    }

    /// The next mark: its number, and what changes. The server that comes is before the one that
    /// leaves.
    pub fn mark(&mut self) -> (u32, Vec<Delta>) {
        self.marks += 1;
        let is_odd = usize::from(self.marks % 2 == 1);
        let score = |server_id, score| Change::Score { server_id, score };
        let changes = vec![
            Change::Server { server: marked(self.marks) },
            score(SWUNG[is_odd], 20.0),
            score(SWUNG[1 - is_odd], 5.0),
        ];
        (self.marks, self.deltas(changes))
    }

    fn deltas(&mut self, changes: Vec<Change>) -> Vec<Delta> {
        let ts = now();
        let deltas = changes.into_iter().map(|change| {
            let delta = Delta { id: self.pool.cursor() + 1, ts, change };
            self.pool.apply(&delta).expect("a sound change");
            let id = match &delta.change {
                Change::Score { server_id, .. } => *server_id,
                Change::Server { server } => server.id,
                Change::Removed { removed } => *removed,
            };
            self.note(id);
            delta
        });
        deltas.collect()
    }

    /// Takes note of where a server is if it is in.
    fn note(&mut self, id: u64) {
        let Some(server) = self.pool.server(id).filter(|server| server.score >= 10.0) else {
            return;
        };
        if let IpAddr::V4(ip) = server.ip {
            for label in &server.zones {
                if let Some(there) = self.ever.get_mut(label) {
                    there.insert(ip);
                } else {
                    self.ever.insert(label.clone(), BTreeSet::from([ip]));
                }
            }
        }
    }

    /// Whether a server with this address ever was at a label.
    #[must_use]
    pub fn was_ever(&self, label: &str, address: Ipv4Addr) -> bool {
        let label = if label.is_empty() { GLOBAL } else { label };
        self.ever.get(label).is_some_and(|there| there.contains(&address))
    }

    /// The identifier of the last change.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.pool.cursor()
    }

    /// All servers as they are after all changes.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.pool.snapshot()
    }

    /// What is at each label of the zone that follows from the whole history at once.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, Label> {
        let zones = Zones::new(ZonePolicy::default(), PolicyState::default(), Rng::with_seed(1));
        let built = zones.expect("no options").update(&self.pool, now());
        labels(&built[0].text)
    }
}

/// What is at each label of a zone, except those with numbers: who is under 0 to 3 is each node's
/// own lot.
///
/// # Panics
/// When the text is no zone.
#[must_use]
pub(super) fn labels(zone: &str) -> BTreeMap<String, Label> {
    let zone: Value = serde_json::from_str(zone).expect("JSON");
    let mut labels: BTreeMap<String, Label> = BTreeMap::new();
    for (name, data) in zone["data"].as_object().expect("labels") {
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            continue;
        }
        let label = labels.entry(name.clone()).or_default();
        for kind in ["a", "aaaa"] {
            for record in data[kind].as_array().into_iter().flatten() {
                let address = record[0].as_str().expect("an address").to_owned();
                label.insert((address, record[1].as_u64().expect("a weight")));
            }
        }
    }
    labels
}

/// The mark that an address is of.
pub(super) fn number(address: Ipv4Addr) -> Option<u32> {
    u32::from(address).checked_sub(FIRST).filter(|number| *number < 1 << 16)
}

fn score(rng: &mut Rng) -> f64 {
    // Numbers that JSON doesn't blur.
    if rng.u32(..OUT) == 0 { 5.0 } else { 10.5 + 0.125 * f64::from(rng.u32(..=76)) }
}

/// The server that is watched, as of a mark.
fn marked(mark: u32) -> Server {
    special(MARKED, Ipv4Addr::from(FIRST + mark), 20.0, MARK)
}

/// One of the two that come and leave.
fn swung(which: u8, score: f64) -> Server {
    let id = SWUNG[usize::from(which)];
    special(id, Ipv4Addr::new(10, 199, 0, which), score, YO_YO)
}

fn special(id: u64, ip: Ipv4Addr, score: f64, label: &str) -> Server {
    Server {
        id,
        ip: ip.into(),
        netspeed: 1_000,
        score,
        score_ts: now(),
        in_pool: true,
        deletion_on: None,
        zones: [label, "europe", GLOBAL].map(str::to_owned).to_vec(),
    }
}
