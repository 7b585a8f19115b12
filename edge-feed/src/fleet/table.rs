//! Table of a fleet's nodes, for a terminal.

use super::node::{FleetNode, PeerState};
use edge_leaves::text_table::{Align, columns};

const HEAD: [&str; 8] =
    ["NODE", "STANDING", "HEARD", "FEED", "VERSION", "SERIALS", "RATES/S", "HEALTH"];

/// Nodes as a table, a line each, below a line that names the columns.
pub(super) fn draw(nodes: &[FleetNode]) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(nodes.iter().map(row));
    columns(&rows, Align::Left)
}

fn row(node: &FleetNode) -> [String; HEAD.len()] {
    let heartbeat = &node.heartbeat;
    let state = match node.state {
        PeerState::Lost => "lost",
        PeerState::Lagging => "lagging",
        PeerState::Unwell => "unwell",
        PeerState::Well => "well",
    };
    let serials = heartbeat.serials.iter().map(|(apex, serial)| {
        let behind = node.behind.get(apex).map(|seconds| format!("(-{seconds})"));
        format!("{apex}={serial}{}", behind.unwrap_or_default())
    });
    let rates = heartbeat.rates.iter().map(|(service, rate)| format!("{service}={rate:.0}"));
    let health = match &*heartbeat.health {
        [] => "ok".to_owned(),
        lines => lines.join("; "),
    };
    [
        clean(&heartbeat.node),
        state.to_owned(),
        format!("{} ago", span(node.silent_seconds)),
        heartbeat.feed_age_seconds.map_or_else(|| "-".to_owned(), span),
        clean(&heartbeat.version),
        clean(&join(serials)),
        clean(&join(rates)),
        clean(&health),
    ]
}

fn join(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.collect();
    if cells.is_empty() { "-".to_owned() } else { cells.join(" ") }
}

/// Text from a node must not move the cursor of the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Seconds, in the unit that fits.
fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7199 => format!("{}m", seconds / 60),
        7200..=172_799 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
