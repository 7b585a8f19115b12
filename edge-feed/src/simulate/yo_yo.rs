//! A history of a country whose only server loses polls for hours.
//!
//! The server loses one poll of twelve, so that its score crosses 10 up and down. Operators of
//! small zones know this. docs/policy.md shows the zones of the pool and of a policy.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::{Page, Replay, SimulateError, Simulation, page, simulate};
use crate::chart::{ChartError, ChartLine, ChartPanel};
use crate::delta::Change;
use crate::policy::{ACTIVE_SCORE, Backfill, Hysteresis, Ramp};
use crate::server::GLOBAL;
use crate::{Delta, Server, Snapshot, ZonePolicy};

/// The country.
pub const ZONE: &str = "cm";
/// Its server.
pub const SERVER: u64 = 1;
/// When it begins, in seconds since 1970.
pub const START: u32 = 1_800_000_000;

/// How often the server gets a score, in seconds.
const POLL_SECONDS: u32 = 300;
/// How many scores it gets: a day's.
const POLLS: u32 = 288;
/// When one poll of twelve is lost: after three hours, for fifteen.
const TROUBLE: std::ops::Range<u32> = 36..216;
/// Servers elsewhere on its continent, and in the rest of the world.
const NEAR: u64 = 12;
const FAR: u64 = 40;

/// The snapshot and the deltas after it.
#[must_use]
pub fn history() -> (Snapshot, Vec<Delta>) {
    let server = |id: u64, netspeed, zones| {
        let ip = Ipv4Addr::from(0xcb00_7100 + u32::try_from(id).unwrap_or(0));
        server(id, ip.into(), netspeed, zones)
    };
    let mut servers = vec![server(SERVER, 25_000, [ZONE, "africa"])];
    servers.extend((2..2 + NEAR).map(|id| server(id, 100_000, ["za", "africa"])));
    servers.extend((100..100 + FAR).map(|id| server(id, 1_000_000, ["de", "europe"])));
    let deltas = scores().into_iter().map(|(poll, score)| Delta {
        id: u64::from(poll) + 1,
        ts: i64::from(START) + i64::from(poll * POLL_SECONDS),
        change: Change::Score { server_id: SERVER, score },
    });
    (Snapshot { serial: START, servers, ..Snapshot::default() }, deltas.collect())
}

/// The policy that docs/policy.md recommends: a ramp, hysteresis and back-fill.
#[must_use]
pub fn policy() -> ZonePolicy {
    ZonePolicy {
        ramp: Some(Ramp { from: 10.0, to: 15.0, floor_percent: 5 }),
        hysteresis: Some(Hysteresis { enter: 12.0, leave: 6.0, dwell_seconds: 1_800 }),
        stable_split: true,
        backfill: Some(Backfill { below: 4, share_percent: 50 }),
        ..ZonePolicy::default()
    }
}

/// Each of its options alone.
#[must_use]
pub fn each_option() -> [(&'static str, ZonePolicy); 3] {
    let ZonePolicy { ramp, hysteresis, stable_split, backfill, .. } = policy();
    [
        ("ramp", ZonePolicy { ramp, ..ZonePolicy::default() }),
        ("hysteresis", ZonePolicy { hysteresis, ..ZonePolicy::default() }),
        ("back-fill", ZonePolicy { backfill, stable_split, ..ZonePolicy::default() }),
    ]
}

/// Replays the history under a policy, with a step each minute.
///
/// # Errors
/// An invalid policy.
pub fn replay(policy: ZonePolicy) -> Result<Simulation, SimulateError> {
    replay_in(ZONE, history(), policy)
}

/// The page: as the pool does it on the left, with a policy on the right.
///
/// # Errors
/// When it can't be drawn.
pub fn draw(before: &Simulation, after: &Simulation) -> Result<String, ChartError> {
    let hours = |poll: u32| f64::from(poll * POLL_SECONDS) / 3_600.0;
    let score = ChartPanel {
        title: "the score of the zone's only server".to_owned(),
        values: "score".to_owned(),
        range: [0.0, 21.0],
        lines: vec![
            ChartLine {
                name: "score".to_owned(),
                points: scores().into_iter().map(|(poll, score)| (hours(poll), score)).collect(),
            },
            ChartLine { name: "10".to_owned(), points: vec![(0.0, ACTIVE_SCORE)] },
        ],
    };
    page(&Page {
        title: "Cameroon, one server that loses one poll of twelve for fifteen hours",
        columns: &[("as the pool", before), ("ramp, hysteresis, back-fill", after)],
        zone: ZONE,
        six: false,
        above: &[score],
        names: &BTreeMap::from([(SERVER, "its own server".to_owned())]),
    })
}

/// The server's scores, by the scorer's step: at 20 until trouble comes, and back to it afterwards.
fn scores() -> Vec<(u32, f64)> {
    let mut score = 20.0_f64;
    let next = |poll: u32| {
        let lost = TROUBLE.contains(&poll) && poll.is_multiple_of(12);
        score = 0.95_f64.mul_add(score, if lost { -5.0 } else { 1.0 });
        (poll, score)
    };
    (0..POLLS).map(next).collect()
}

/// Replays a history by the minute, and keeps a zone's shares.
pub(super) fn replay_in(
    zone: &str,
    (snapshot, deltas): (Snapshot, Vec<Delta>),
    policy: ZonePolicy,
) -> Result<Simulation, SimulateError> {
    let replay = Replay { interval_seconds: 60, keep: vec![zone.to_owned()], seed: 1 };
    simulate(snapshot, deltas, policy, &replay)
}

/// A server of a country and a continent with a full score.
pub(super) fn server(id: u64, ip: IpAddr, netspeed: u32, areas: [&str; 2]) -> Server {
    Server {
        id,
        ip,
        netspeed,
        score: 20.0,
        score_ts: START.into(),
        in_pool: true,
        deletion_on: None,
        zones: areas.into_iter().chain([GLOBAL]).map(str::to_owned).collect(),
    }
}
