//! Score of a server: the lower median of its monitors' recent scores.

use std::collections::BTreeMap;

use super::monitor::{Monitor, Newest};
use super::status::MonitorStatus;

/// The statuses that count, and how many seconds back, first to last. The first tier that finds a
/// result decides.
const TIERS: [(&[MonitorStatus], i64); 3] = [
    (&[MonitorStatus::Active], 1_200),
    (&[MonitorStatus::Active, MonitorStatus::Testing], 2_700),
    (&[MonitorStatus::Candidate, MonitorStatus::Testing], 7_200),
];

/// The score of a server at the time `ts` of the row that asks for it, in seconds since 1970;
/// `None` if no monitor that counts has a result in time.
///
/// Of three or more results, the lower median of (score, round trip) decides; of fewer, the oldest
/// one.
#[must_use]
pub fn score(monitors: &BTreeMap<u64, Monitor>, ts: i64) -> Option<f64> {
    TIERS.iter().find_map(|(statuses, seconds)| {
        let recent = monitors
            .values()
            .filter(|monitor| statuses.contains(&monitor.status))
            .filter_map(Monitor::newest)
            .filter(|newest| newest.ts <= ts && newest.ts >= ts.saturating_sub(*seconds))
            .collect();
        median(recent)
    })
}

fn median(mut recent: Vec<Newest>) -> Option<f64> {
    if recent.len() < 3 {
        return recent.iter().min_by_key(|newest| newest.ts).map(|newest| newest.score);
    }
    recent.sort_by(|a, b| a.score.total_cmp(&b.score).then(a.rtt.cmp(&b.rtt)));
    recent.get((recent.len() - 1) / 2).map(|newest| newest.score)
}
