//! A pool like the NTP Pool, made from a seed, and its monitors' scores.
//!
//! The pool is a snapshot, the scores are changes, one after the other. A score is computed as
//! the pool's is: 19 parts of 20 of the one before, and a step, 1 for a good answer and -5 for
//! none. Most servers are well and stay at 20. A sixth answers now and then, and stays around
//! score 10.

use edge_feed::delta::Change;
use edge_feed::{Delta, Server, Snapshot};
use edge_tests::volunteers::{self, netspeed, zones};
use fastrand::Rng;

/// Servers with an IPv4 address, and with an IPv6 address.
const SERVERS: [u32; 2] = [3_700, 2_000];
/// The score from which on a server is in.
const ACTIVE: f64 = 10.0;
/// How often every server was scored before the snapshot.
const PAST: u32 = 300;
/// Of so many changes one is of the netspeed that a server's owner sets.
const OWNERS: u64 = 1_000;
/// Where the servers are whose ways in and out are timed: seven, so that more than half are in
/// every answer.
pub(crate) const PROBED: &str = "is";
const PROBES: usize = 7;

/// All servers, by identifier, and who is scored next.
pub(crate) struct Scorer {
    snapshot: Snapshot,
    /// The chance that a monitor gets a server's answer.
    fitness: Vec<f64>,
    order: Vec<usize>,
    rng: Rng,
}

/// A change, as a line, and whose it is.
pub(crate) struct Scored {
    pub line: String,
    pub id: usize,
    /// Its place among all changes.
    pub cursor: u64,
}

/// Whether a server is in.
pub(crate) fn is_in(server: &Server) -> bool {
    server.score >= ACTIVE
}

impl Scorer {
    /// Of a seed, at a time in seconds since 1970.
    pub(crate) fn new(seed: u64, now: i64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut snapshot = volunteers::snapshot(SERVERS[0], SERVERS[1], now, &mut rng);
        let mut fitness = Vec::new();
        for (at, server) in snapshot.servers.iter_mut().enumerate() {
            let is_probe = at < PROBES;
            if is_probe {
                (server.zones, server.netspeed) = (zones(PROBED), 1_000);
            } else if server.zones.iter().any(|zone| zone == PROBED) {
                server.zones = zones("de");
            }
            let fit = match rng.u8(..100) {
                _ if is_probe => 1.0,
                0..6 => 0.2,
                6..24 => 0.89 + 0.06 * rng.f64(),
                24..36 => 0.985,
                _ => 0.9995,
            };
            for _ in 0..PAST {
                server.score = next_score(server.score, fit, &mut rng);
            }
            fitness.push(fit);
        }
        let mut order: Vec<usize> = (PROBES..fitness.len()).collect();
        rng.shuffle(&mut order);
        Self { snapshot, fitness, order, rng }
    }

    /// All servers and what else zones are made of.
    pub(crate) const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The next server's score, or now and then its netspeed, at a time in seconds since 1970.
    pub(crate) fn next(&mut self, now: i64) -> Scored {
        let cursor = self.snapshot.cursor + 1;
        let turn = usize::try_from(cursor).unwrap_or_default() % self.order.len();
        let id = self.order[turn];
        let server = &mut self.snapshot.servers[id];
        let change = if cursor.is_multiple_of(OWNERS) {
            server.netspeed = netspeed(&mut self.rng);
            Change::Server { server: server.clone() }
        } else {
            server.score = next_score(server.score, self.fitness[id], &mut self.rng);
            Change::Score { server_id: server.id, score: server.score }
        };
        self.tell(id, change, now)
    }

    /// Puts one of the timed servers in, or out.
    pub(crate) fn probe(&mut self, id: usize, is_in: bool, now: i64) -> Scored {
        let server = &mut self.snapshot.servers[id];
        server.score = if is_in { 20.0 } else { 5.0 };
        let change = Change::Score { server_id: server.id, score: server.score };
        self.tell(id, change, now)
    }

    fn tell(&mut self, id: usize, change: Change, ts: i64) -> Scored {
        self.snapshot.cursor += 1;
        let cursor = self.snapshot.cursor;
        let delta = Delta { id: cursor, ts, change };
        Scored { line: serde_json::to_string(&delta).unwrap_or_default(), id, cursor }
    }
}

/// What a monitor's next look makes of a score.
fn next_score(score: f64, fitness: f64, rng: &mut Rng) -> f64 {
    let step = if rng.f64() < fitness { 1.0 } else { -5.0 };
    (score.mul_add(0.95, step) * 10_000.0).round() / 10_000.0
}
