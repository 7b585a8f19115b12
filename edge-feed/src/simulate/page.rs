//! Charts of several simulations of one history, side by side.

use std::collections::BTreeMap;

use super::{Simulation, ZoneHistory};
use crate::chart::{self, ChartError, ChartLine, ChartPanel};

/// What a page shows.
#[derive(Clone, Copy, Debug)]
pub struct Page<'p> {
    /// What stands above it.
    pub title: &'p str,
    /// The simulations, a column each, and what they are called.
    pub columns: &'p [(&'p str, &'p Simulation)],
    /// The zone, such as `cm`; its shares must have been kept.
    pub zone: &'p str,
    /// Whether the servers are IPv6 ones.
    pub six: bool,
    /// Panels that stand above all columns' own, once in each.
    pub above: &'p [ChartPanel],
    /// What servers are called; their identifiers if they aren't in it.
    pub names: &'p BTreeMap<u64, String>,
}

/// The most servers that have a line of their own.
const MAX_LINES: usize = 6;

/// Draws a zone's servers' shares and its size over time, for each simulation.
///
/// # Errors
/// A zone whose shares weren't kept, or a simulation of no time.
pub fn page(what: &Page<'_>) -> Result<String, ChartError> {
    let hours = |seconds: i64| f64::from(i32::try_from(seconds).unwrap_or(i32::MAX)) / 3_600.0;
    let mut rows: Vec<Vec<ChartPanel>> =
        what.above.iter().map(|panel| vec![panel.clone(); what.columns.len()]).collect();
    let (mut shares, mut sizes) = (Vec::new(), Vec::new());
    let mut end = 0.0_f64;
    let courses: Vec<Option<&ZoneHistory>> = what
        .columns
        .iter()
        .map(|(_, simulation)| {
            let mut courses = simulation.zones.iter();
            courses.find(|course| {
                course.zone == what.zone && course.six == what.six && !course.points.is_empty()
            })
        })
        .collect();
    // Both columns have one scale.
    let points = || courses.iter().flatten().flat_map(|course| &course.points);
    let largest = points().map(|point| point.n_own + point.n_helpers).max().unwrap_or(0);
    for ((name, simulation), course) in what.columns.iter().zip(&courses) {
        let Some(course) = course else {
            return Err(ChartError::Empty(format!("the zone {:?}", what.zone)));
        };
        let at = |ts: i64| hours(ts - simulation.start);
        end = end.max(at(simulation.end));
        shares.push(ChartPanel {
            title: format!("{name}: shares of {}", what.zone),
            values: "share of the zone's weight (%)".to_owned(),
            range: [0.0, 105.0],
            lines: share_lines(course, what.names, at),
        });
        let line = |name: &str, size: fn(&super::ZoneShares) -> usize| ChartLine {
            name: name.to_owned(),
            points: course.points.iter().map(|point| (at(point.ts), count(size(point)))).collect(),
        };
        sizes.push(ChartPanel {
            title: format!("{name}: size of {}", what.zone),
            values: "servers".to_owned(),
            range: [0.0, count(largest + 1)],
            lines: vec![
                line("in all", |point| point.n_own + point.n_helpers),
                line("its own", |point| point.n_own),
            ],
        });
    }
    rows.extend([shares, sizes]);
    chart::draw(what.title, "time (h)", end, &rows)
}

fn count(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::MAX, f64::from)
}

/// The servers that have most, and one line for all others.
fn share_lines(
    course: &ZoneHistory,
    names: &BTreeMap<u64, String>,
    at: impl Fn(i64) -> f64,
) -> Vec<ChartLine> {
    let mut sums: BTreeMap<u64, f64> = BTreeMap::new();
    for point in &course.points {
        for (&id, share) in &point.shares {
            *sums.entry(id).or_default() += share;
        }
    }
    let mut ids: Vec<u64> = sums.keys().copied().collect();
    // Those with a name first, then those that have most; the order is the legend's.
    let sum = |id: &u64| (names.contains_key(id), sums.get(id).copied().unwrap_or(0.0));
    ids.sort_by(|one, other| {
        let (one, other) = (sum(one), sum(other));
        other.0.cmp(&one.0).then(other.1.total_cmp(&one.1))
    });
    let n_own = if ids.len() > MAX_LINES { MAX_LINES - 1 } else { ids.len() };
    let (own, rest) = ids.split_at_checked(n_own).unwrap_or((&ids, &[]));
    let line = |name: String, ids: &[u64]| {
        let share = |point: &super::ZoneShares| -> f64 {
            ids.iter().filter_map(|id| point.shares.get(id)).sum()
        };
        let points = course.points.iter().map(|point| (at(point.ts), 100.0 * share(point)));
        ChartLine { name, points: points.collect() }
    };
    let mut lines: Vec<ChartLine> = own
        .iter()
        .map(|id| {
            let name = names.get(id).cloned().unwrap_or_else(|| format!("server {id}"));
            line(name, &[*id])
        })
        .collect();
    if !rest.is_empty() {
        lines.push(line(format!("{} others", rest.len()), rest));
    }
    lines
}
