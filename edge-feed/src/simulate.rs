//! Replay of a history under a policy.
//!
//! A history is a snapshot and the deltas after it. The result holds the servers of each zone and
//! their shares over time, and how much they changed.
//!
//! The share of a server is its part of a label's weight: the part of the label's clients that get
//! this server first. A label without servers counts as empty, although its clients get the servers
//! of the continent or the world.

pub mod giant;
mod page;
mod table;
pub mod yo_yo;

use std::collections::BTreeMap;

use serde::Serialize;
use thiserror::Error;

pub use page::{Page, page};

use crate::policy::{PolicyError, PolicyState, ZonePolicy};
use crate::pool::PoolError;
use crate::{Delta, Pool, Snapshot, Zones};

/// The most steps of a replay.
pub const MAX_STEPS: i64 = 1_000_000;

/// How to replay.
#[derive(Clone, Debug)]
pub struct Replay {
    /// How often zones are made, in seconds; 1 at least.
    pub interval_seconds: u32,
    /// The zones, such as `cm`, whose shares are kept step by step. The sums are of all zones.
    pub keep: Vec<String>,
    /// The seed of the pool's shuffling.
    pub seed: u64,
}

/// Result of a replay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Simulation {
    /// The first step, in seconds since 1970.
    pub start: i64,
    /// The last step, in seconds since 1970.
    pub end: i64,
    /// How many steps there were.
    pub steps: u64,
    /// At how many of them zones changed.
    pub changes: u64,
    /// Deltas that were refused.
    pub refused: u64,
    /// Each zone's IPv4 servers, then its IPv6 servers, by name.
    pub zones: Vec<ZoneHistory>,
}

/// The history of one zone's servers of one IP version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ZoneHistory {
    /// The zone's name.
    pub zone: String,
    /// Whether this is about IPv6 servers.
    pub six: bool,
    /// How often a server came in, after the first step.
    pub entries: u64,
    /// How often a server left.
    pub leaves: u64,
    /// The sum over all steps of the part of the zone's clients that were led to other servers; 1
    /// is all of them once.
    pub moved: f64,
    /// The largest of these parts.
    pub largest_move: f64,
    /// How often a server that stayed came under another number, 0 to 3.
    pub renumbered: u64,
    /// How many of its five names, its own and those with the numbers 0 to 3, had addresses at the
    /// end.
    pub n_names: usize,
    /// For how many seconds it had no server.
    pub empty_seconds: i64,
    /// For how many seconds it had a single server.
    pub alone_seconds: i64,
    /// The servers and shares from each change on, if they are kept.
    pub points: Vec<ZoneShares>,
}

/// A zone's servers and shares from one moment on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ZoneShares {
    /// In seconds since 1970.
    pub ts: i64,
    /// How many servers of its own it has.
    pub n_own: usize,
    /// How many help out.
    pub n_helpers: usize,
    /// Each server's share, from 0 to 1.
    pub shares: BTreeMap<u64, f64>,
}

/// Why a history can't be replayed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SimulateError {
    /// An invalid policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// An invalid snapshot.
    #[error("the snapshot: {0}")]
    Snapshot(#[from] PoolError),
    /// Steps of no length.
    #[error("an interval of 0 seconds has no end; write 1 or more")]
    Interval,
    /// More than [`MAX_STEPS`] steps.
    #[error(
        "delta {id} is {seconds} seconds after the snapshot, more than {MAX_STEPS} steps; choose a longer interval, or correct its time"
    )]
    Steps {
        /// The delta.
        id: u64,
        /// Its distance from the snapshot.
        seconds: i64,
    },
}

/// Replays a history. Zones are made at the snapshot's time and every interval from there, up to
/// the first step that has all deltas in it.
///
/// # Errors
/// An invalid policy or snapshot, or too many steps. An invalid delta is skipped and counted.
pub fn simulate(
    snapshot: Snapshot,
    deltas: impl IntoIterator<Item = Delta>,
    policy: ZonePolicy,
    replay: &Replay,
) -> Result<Simulation, SimulateError> {
    let interval = i64::from(replay.interval_seconds);
    if interval == 0 {
        return Err(SimulateError::Interval);
    }
    let start = i64::from(snapshot.serial);
    let mut pool = Pool::new(snapshot)?;
    let rng = fastrand::Rng::with_seed(replay.seed);
    let zones = Zones::new(policy, PolicyState::default(), rng)?;
    let mut run = Run { zones, courses: BTreeMap::new(), keep: &replay.keep, steps: 0, changes: 0 };
    let mut now = start;
    let mut refused = 0;
    for delta in deltas {
        let seconds = delta.ts.saturating_sub(start);
        if seconds / interval >= MAX_STEPS {
            return Err(SimulateError::Steps { id: delta.id, seconds });
        }
        while delta.ts > now {
            run.step(&pool, now);
            now += interval;
        }
        refused += u64::from(pool.apply(&delta).is_err());
    }
    run.step(&pool, now);
    let Run { courses, steps, changes, .. } = run;
    let zones = courses.into_values().map(|open| open.close(now)).collect();
    Ok(Simulation { start, end: now, steps, changes, refused, zones })
}

struct Run<'r> {
    zones: Zones,
    courses: BTreeMap<(String, bool), OpenHistory>,
    keep: &'r [String],
    steps: u64,
    changes: u64,
}

/// A history that is being recorded.
struct OpenHistory {
    course: ZoneHistory,
    since: i64,
    last: ZoneShares,
    /// A bit for each number that a server is under.
    numbers: BTreeMap<u64, u8>,
}

impl Run<'_> {
    fn step(&mut self, pool: &Pool, now: i64) {
        self.steps += 1;
        let changed = self.zones.follow(pool, now);
        self.changes += u64::from(!changed.is_empty());
        for name in changed {
            for six in [false, true] {
                let point = self.point(&name, six, now);
                let mut numbers = BTreeMap::new();
                for (id, number) in self.zones.numbers(&name, six) {
                    *numbers.entry(id).or_insert(0) |= 1_u8 << number;
                }
                let keeps = self.keep.contains(&name);
                let n_names = self.zones.n_names(&name, six);
                match self.courses.get_mut(&(name.clone(), six)) {
                    Some(open) => {
                        open.follow(point, numbers, keeps);
                        open.course.n_names = n_names;
                    }
                    // A zone without IPv6 servers has no IPv6 history.
                    None if point.shares.is_empty() && six => {}
                    None => {
                        let mut open = OpenHistory::new(&name, six, point, numbers, keeps);
                        open.course.n_names = n_names;
                        self.courses.insert((name.clone(), six), open);
                    }
                }
            }
        }
    }

    fn point(&self, name: &str, six: bool, ts: i64) -> ZoneShares {
        let members = self.zones.members(name, six);
        let total: f64 = members.iter().map(|each| f64::from(each.weight)).sum();
        let n_helpers = members.iter().filter(|each| each.helps).count();
        let shares = members.iter().map(|each| (each.id, f64::from(each.weight) / total));
        ZoneShares { ts, n_own: members.len() - n_helpers, n_helpers, shares: shares.collect() }
    }
}

impl OpenHistory {
    fn new(
        name: &str,
        six: bool,
        point: ZoneShares,
        numbers: BTreeMap<u64, u8>,
        keeps: bool,
    ) -> Self {
        let course = ZoneHistory {
            zone: name.to_owned(),
            six,
            entries: 0,
            leaves: 0,
            moved: 0.0,
            largest_move: 0.0,
            renumbered: 0,
            n_names: 0,
            empty_seconds: 0,
            alone_seconds: 0,
            points: if keeps { vec![point.clone()] } else { Vec::new() },
        };
        Self { course, since: point.ts, last: point, numbers }
    }

    fn follow(&mut self, point: ZoneShares, numbers: BTreeMap<u64, u8>, keeps: bool) {
        self.pass(point.ts);
        let course = &mut self.course;
        let before = &self.last.shares;
        let after = &point.shares;
        let n_new = after.keys().filter(|id| !before.contains_key(id)).count();
        let n_gone = before.keys().filter(|id| !after.contains_key(id)).count();
        course.entries += n_new as u64;
        course.leaves += n_gone as u64;
        // Gains and losses are equal, unless the zone was or is empty.
        let gained = |(id, share): (&u64, &f64)| (share - before.get(id).unwrap_or(&0.0)).max(0.0);
        let lost = |(id, share): (&u64, &f64)| (share - after.get(id).unwrap_or(&0.0)).max(0.0);
        let moved = after.iter().map(gained).sum::<f64>().max(before.iter().map(lost).sum());
        course.moved += moved;
        course.largest_move = course.largest_move.max(moved);
        let renumbered = numbers
            .iter()
            .filter(|(id, mask)| self.numbers.get(id).is_some_and(|before| before != *mask));
        course.renumbered += renumbered.count() as u64;
        self.numbers = numbers;
        if keeps && (self.last.shares != point.shares || self.last.n_own != point.n_own) {
            course.points.push(point.clone());
        }
        self.last = point;
    }

    /// Adds the time up to `now` to the state that lasted until then.
    fn pass(&mut self, now: i64) {
        let seconds = now - self.since;
        self.since = now;
        match self.last.shares.len() {
            0 => self.course.empty_seconds += seconds,
            1 => self.course.alone_seconds += seconds,
            _ => {}
        }
    }

    fn close(mut self, now: i64) -> ZoneHistory {
        self.pass(now);
        self.course
    }
}

#[cfg(test)]
mod tests;
