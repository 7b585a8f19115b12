//! What was measured of a fleet, as tables and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{row, table};
use crate::figures::{Spread, rank};
use crate::fleet::{Fault, Followed};

/// From a change to the answers of all nodes, in seconds.
const WANTED: f64 = 1.0;

fn milliseconds(seconds: f64) -> String {
    format!("{:.0}", seconds * 1e3)
}

/// The tables.
pub(super) fn text(text: &mut String, scales: &[Followed]) {
    let columns =
        ["servers", "changes/s", "node", "measured", "median ms", "p99", "max", "CPU of node"];
    let mut rows = vec![row(&columns)];
    for scale in scales {
        for (node, times) in scale.nodes.iter().enumerate() {
            let Spread { median, most, .. } = Spread::of(times.seconds.iter().copied());
            rows.push(vec![
                scale.servers.to_string(),
                format!("{:.0}", scale.rate),
                node.to_string(),
                times.seconds.len().to_string(),
                milliseconds(median),
                milliseconds(rank(&times.seconds, 0.99)),
                milliseconds(most),
                format!("{:.1} %", times.cpu * 100.0),
            ]);
        }
    }
    let wanted = milliseconds(WANTED);
    write!(
        text,
        "\nfrom a change to the answer in XDP, over NATS\n{}wanted: at most {wanted} at 1,000 changes/s\n\n",
        table(&rows)
    )
    .ok();
    let columns = ["what failed", "NATS stood still ms", "others, longest", "itself current after"];
    let mut rows = vec![row(&columns)];
    for Fault { what, nats, others, itself } in scales.iter().flat_map(|scale| &scale.faults) {
        rows.push(vec![
            (*what).to_owned(),
            milliseconds(*nats),
            milliseconds(*others),
            itself.map(milliseconds).unwrap_or_default(),
        ]);
    }
    text.push_str(&table(&rows));
    let wrong: Vec<&str> =
        scales.iter().flat_map(|scale| &scale.wrong).map(String::as_str).collect();
    if wrong.is_empty() {
        text.push_str("no answer was wrong, no change was lost\n");
    } else {
        write!(text, "WRONG:\n{}\n", wrong.join("\n")).ok();
    }
}

/// The same for programs.
pub(super) fn json(scales: &[Followed]) -> Value {
    let scale = |scale: &Followed| {
        let nodes: Vec<Value> = (scale.nodes.iter())
            .map(|times| json!({ "seconds": times.seconds, "cpu": times.cpu }))
            .collect();
        let faults: Vec<Value> = (scale.faults.iter())
            .map(|Fault { what, nats, others, itself }| {
                json!({
                    "what": what, "nats_seconds": nats, "others_seconds": others,
                    "itself_seconds": itself,
                })
            })
            .collect();
        json!({
            "servers": scale.servers, "changes_per_second": scale.rate,
            "nodes": nodes, "faults": faults, "wrong": scale.wrong,
        })
    };
    scales.iter().map(scale).collect()
}
