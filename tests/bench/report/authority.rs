//! The authority's part of the report.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{row, table};
use crate::authority::{Mix, Ratios, Run};
use crate::figures::Spread;

/// The server that `edge` is to be level with.
const YARDSTICK: &str = "knot";
/// What `edge` must reach of its queries at least.
const RATE: f64 = 1.0;

/// Appends the table.
pub(super) fn text(text: &mut String, mixes: &[Mix]) {
    let head =
        ["plain UDP, dnsperf", "server", "q/s median", "min", "max", "lost", "CPU ns/q", "min"];
    let mut rows = vec![row(&head)];
    let head_of_ratios =
        ["edge / others", "server", "q/s median", "min", "max", "CPU median", "min", "max"];
    let mut ratios = vec![row(&head_of_ratios)];
    for mix in mixes {
        for series in &mix.servers {
            let (rates, costs) = (series.rates(), series.costs());
            let mut cells = row(&[mix.name, &format!("{} {}", series.server, series.version)]);
            cells.extend([rates.median, rates.least, rates.most].map(|rate| format!("{rate:.0}")));
            cells.push(series.lost().to_string());
            cells.extend([costs.median, costs.least].map(|cost| format!("{cost:.0}")));
            rows.push(cells);
            if let Some(Ratios { rates, costs }) = mix.against(series.server) {
                let mut cells = row(&[mix.name, series.server]);
                for Spread { least, median, most, .. } in [rates, costs] {
                    cells.extend([median, least, most].map(|ratio| format!("{ratio:.3}")));
                }
                ratios.push(cells);
            }
        }
    }
    let rounds = mixes.first().and_then(|mix| mix.servers.first()).map_or(0, |one| one.runs.len());
    write!(
        text,
        "\n{}\n{}{rounds} rounds, one worker each; wanted: at least {RATE:.1} of {YARDSTICK}\n",
        table(&rows),
        table(&ratios),
    )
    .ok();
}

fn spread(Spread { least, median, most, .. }: Spread) -> Value {
    json!({ "min": least, "median": median, "max": most })
}

fn run(run: &Run) -> Value {
    json!({
        "answered": run.answered, "lost": run.lost, "seconds": run.seconds,
        "queries_per_second": run.rate(), "cpu_nanoseconds_per_query": run.cost(),
    })
}

/// The same as JSON.
pub(super) fn json(mixes: &[Mix]) -> Value {
    let ratios = |Ratios { rates, costs }| {
        json!({
            "queries_per_second": spread(rates),
            "cpu_nanoseconds_per_query": spread(costs),
        })
    };
    let mix = |mix: &Mix| {
        let servers = mix.servers.iter().map(|series| {
            json!({
                "server": series.server,
                "version": series.version,
                "queries_per_second": spread(series.rates()),
                "cpu_nanoseconds_per_query": spread(series.costs()),
                "edge_to_this": mix.against(series.server).map(ratios),
                "runs": series.runs.iter().map(run).collect::<Vec<_>>(),
            })
        });
        json!({ "queries": mix.name, "servers": servers.collect::<Vec<_>>() })
    };
    mixes.iter().map(mix).collect()
}
