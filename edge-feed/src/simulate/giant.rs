//! A history of a country in which one server outweighs all others.
//!
//! That server is away for an hour. docs/policy.md shows the effect of the options that don't
//! depend on scores.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::yo_yo::{START, replay_in, server};
use super::{Page, SimulateError, Simulation, page};
use crate::chart::ChartError;
use crate::delta::Change;
use crate::policy::{Cap, Exclude, Netspeed};
use crate::{Delta, Snapshot, ZonePolicy};

/// The country.
pub const ZONE: &str = "nz";
/// The server with the largest share.
pub const GIANT: u64 = 1;
/// The server with the smallest share.
pub const DWARF: u64 = 5;
/// Length of the history, in seconds.
const END: u32 = 12 * 3_600;
/// From when to when the giant is away, in seconds from the start.
const AWAY: [u32; 2] = [6 * 3_600, 7 * 3_600];
/// Its IPv4 servers' netspeeds in kbit/s, from the first on.
const NETSPEEDS: [u32; 5] = [3_000_000, 150_000, 75_000, 25_000, 512];
/// Its IPv6 servers have identifiers from here on.
const SIX: u64 = 11;

/// The snapshot and the deltas after it.
#[must_use]
pub fn history() -> (Snapshot, Vec<Delta>) {
    let fours = (GIANT..).zip(NETSPEEDS).map(|(id, netspeed)| {
        server(id, Ipv4Addr::new(203, 0, 113, low(id)).into(), netspeed, [ZONE, "oceania"])
    });
    let sixes = (SIX..SIX + 3).map(|id| {
        let ip = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, low(id).into()).into();
        server(id, ip, 100_000, [ZONE, "oceania"])
    });
    let near = (100..110)
        .map(|id| server(id, Ipv4Addr::new(192, 0, 2, low(id)).into(), 250_000, ["au", "oceania"]));
    let servers = fours.chain(sixes).chain(near).collect();
    let scores = [(AWAY[0], 5.0), (AWAY[1], 20.0), (END, 20.0)];
    let deltas = (1..).zip(scores).map(|(id, (seconds, score))| Delta {
        id,
        ts: i64::from(START + seconds),
        change: Change::Score { server_id: GIANT, score },
    });
    (Snapshot { serial: START, servers, ..Snapshot::default() }, deltas.collect())
}

/// Each option alone, and the pool's own way first.
#[must_use]
pub fn each_option() -> [(&'static str, ZonePolicy); 5] {
    let cap = Some(Cap { below: 8, share_percent: 40 });
    let netspeed = Some(Netspeed { floor: Some(1_000), ceiling: Some(1_000_000) });
    let exclude = Exclude { servers: vec![GIANT], ..Exclude::default() };
    [
        ("as the pool", ZonePolicy::default()),
        ("cap", ZonePolicy { cap, ..ZonePolicy::default() }),
        ("netspeed", ZonePolicy { netspeed, ..ZonePolicy::default() }),
        ("exclude", ZonePolicy { exclude, ..ZonePolicy::default() }),
        ("aaaa_everywhere", ZonePolicy { aaaa_everywhere: true, ..ZonePolicy::default() }),
    ]
}

/// Replays the history under a policy, with a step each minute.
///
/// # Errors
/// An invalid policy.
pub fn replay(policy: ZonePolicy) -> Result<Simulation, SimulateError> {
    replay_in(ZONE, history(), policy)
}

/// A server's share of the country while all servers work, from 0 to 1.
#[must_use]
pub fn share(simulation: &Simulation, id: u64) -> f64 {
    let mut courses = simulation.zones.iter().filter(|course| course.zone == ZONE && !course.six);
    let first = courses.next().and_then(|course| course.points.first());
    first.and_then(|point| point.shares.get(&id)).copied().unwrap_or(0.0)
}

/// The page: as the pool does it on the left, with a cap on the right.
///
/// # Errors
/// When it can't be drawn.
pub fn draw(before: &Simulation, after: &Simulation) -> Result<String, ChartError> {
    page(&Page {
        title: "New Zealand, five servers, of which the largest is away for an hour",
        columns: &[("as the pool", before), ("cap at 40 %", after)],
        zone: ZONE,
        six: false,
        above: &[],
        names: &BTreeMap::from([
            (GIANT, "the largest".to_owned()),
            (DWARF, "the smallest".to_owned()),
        ]),
    })
}

fn low(id: u64) -> u8 {
    u8::try_from(id).unwrap_or(u8::MAX)
}
