//! The part of the report about a pool's mix.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{row, table};
use crate::figures::Spread;
use crate::mix::{Flood, Mix, Round, Run};

/// What XDP must answer of a pool's mix at least.
const SHARE: f64 = 0.999;
/// What must be left of the hot names' replies in a flood, in parts of their share.
const KEPT: f64 = 1.0;

fn name(flood: &Flood) -> String {
    if flood.random > 0.0 {
        format!("{:.0} % random subdomains", 100.0 * flood.random)
    } else {
        "a pool's mix".to_owned()
    }
}

fn spread(cells: &mut Vec<String>, spread: Spread, show: impl Fn(f64) -> String) {
    cells.extend([spread.median, spread.least, spread.most].map(show));
}

/// Appends the table.
pub(super) fn text(text: &mut String, mix: &Mix) {
    let floods = [&mix.usual, &mix.flood];
    let millions = |rate: f64| format!("{:.3} M/s", rate / 1e6);
    let mut rows =
        vec![row(&["over a veth pair", "replies", "median", "min", "max", "unanswered"])];
    let mut shares = vec![row(&[
        "edge",
        "in XDP",
        "authority's CPU",
        "max",
        "its queries",
        "passed, by reason",
    ])];
    for flood in floods {
        let name = name(flood);
        let mut add = |what: &str, run: fn(&Round) -> &Run, rate: fn(&Run) -> f64| {
            let mut cells = row(&[&name, what]);
            spread(&mut cells, flood.spread(|round| rate(run(round))), millions);
            let lost = |round| run(round).sent.saturating_sub(run(round).answered());
            cells.push(flood.rounds.iter().map(lost).sum::<u64>().to_string());
            rows.push(cells);
        };
        add("edge", |round| &round.edge, Run::rate);
        add("edge, NOERROR", |round| &round.edge, |run| run.hot() as f64 / run.seconds);
        add("reflector", |round| &round.reflector, Run::rate);
        let verdicts = flood.verdicts();
        let cpu = flood.spread(|round| round.authority / round.edge.seconds);
        let mut cells = row(&[&name, &format!("{:.4} %", 100.0 * flood.in_xdp())]);
        cells.extend([cpu.median, cpu.most].map(|share| format!("{:.2} %", 100.0 * share)));
        cells.push(verdicts.authority_answered.to_string());
        let reasons = verdicts.passed.iter().chain(&verdicts.dropped);
        cells.push(reasons.map(|(why, n)| format!("{why} {n}")).collect::<Vec<_>>().join(", "));
        shares.push(cells);
    }
    let mut ratios = vec![row(&["ratios", "median", "min", "max"])];
    let ratio = |ratio: f64| format!("{ratio:.3}");
    for flood in floods {
        let mut cells = vec![format!("edge / reflector, {}", name(flood))];
        spread(&mut cells, flood.spread(|r| r.edge.rate() / r.reflector.rate()), ratio);
        ratios.push(cells);
    }
    for (what, kept) in [
        ("hot names' replies in the flood / their share, edge", mix.kept()),
        ("the same, reflector", mix.kept_by_reflector()),
    ] {
        let mut cells = row(&[what]);
        spread(&mut cells, kept, ratio);
        ratios.push(cells);
    }
    write!(
        text,
        "\n{}\n{}\n{}{} rounds, one generator; wanted: at least {:.1} % in XDP, {KEPT:.1} of the hot names' share\n",
        table(&rows),
        table(&ratios),
        table(&shares),
        mix.usual.rounds.len(),
        100.0 * SHARE,
    )
    .ok();
}

fn figures(Spread { least, median, most, .. }: Spread) -> Value {
    json!({ "min": least, "median": median, "max": most })
}

fn run(run: &Run) -> Value {
    json!({
        "sent": run.sent, "seconds": run.seconds, "replies": run.answered(),
        "noerror": run.hot(), "nxdomain": run.missing(), "replies_per_second": run.rate(),
    })
}

fn flood(flood: &Flood) -> Value {
    let rounds = flood.rounds.iter().map(|round| {
        json!({
            "edge": run(&round.edge), "reflector": run(&round.reflector),
            "counters": round.counters,
            "authority_cpu_seconds": round.authority, "controller_cpu_seconds": round.controller,
        })
    });
    json!({
        "random_subdomains": flood.random,
        "share_of_hot_names": flood.hot,
        "share_in_xdp": flood.in_xdp(),
        "authority_cpu_per_second": figures(flood.spread(|round| round.authority / round.edge.seconds)),
        "replies_per_second": figures(flood.spread(|round| round.edge.rate())),
        "edge_to_reflector": figures(flood.spread(|r| r.edge.rate() / r.reflector.rate())),
        "rounds": rounds.collect::<Vec<_>>(),
    })
}

/// The same as JSON.
pub(super) fn json(mix: &Mix) -> Value {
    json!({
        "mix": flood(&mix.usual),
        "flood": flood(&mix.flood),
        "hot_replies_to_share": figures(mix.kept()),
        "hot_replies_to_share_reflector": figures(mix.kept_by_reflector()),
    })
}
