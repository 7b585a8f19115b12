//! The report: a table for people and JSON for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::figures::{Pairs, Spread};
use crate::link::Rates;
use crate::machine::Machine;
use crate::measure::Times;
use crate::offset;

mod authority;
mod feed;
mod fleet;
mod mix;
mod ntp;

/// What `edge` may take of the anchor's time at most.
const TIME: f64 = 1.15;
/// What it must reach of the reflector's replies at least.
const RATE: f64 = 0.85;

/// Everything that was measured.
pub(crate) struct Report {
    pub machine: Machine,
    pub programs: Vec<Times>,
    pub rates: Option<Rates>,
    pub mix: Option<crate::mix::Mix>,
    pub authority: Vec<crate::authority::Mix>,
    pub stamps: Option<crate::ntp::stamps::Stamps>,
    pub ntp: Option<crate::ntp::Ntp>,
    pub offsets: Vec<offset::Offsets>,
    pub feeds: Vec<crate::feed::Fed>,
    pub fleet: Vec<crate::fleet::Followed>,
}

/// Rows as aligned columns: the first to the left, all others to the right.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(String::len).max();
    let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in rows {
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let result = if at == 0 {
                write!(text, "{cell:<width$}")
            } else {
                write!(text, "  {cell:>width$}")
            };
            result.ok();
        }
        text.push('\n');
    }
    text
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn cells(pairs: &Pairs) -> [String; 4] {
    let Spread { quartile, median, most, .. } = pairs.differences();
    [pairs.least(), quartile, median, most].map(|time| format!("{time:.0}"))
}

fn figures(pairs: &Pairs) -> Value {
    let Spread { least, quartile, median, most } = pairs.differences();
    json!({
        "min_above_min": pairs.least(),
        "paired": { "min": least, "p25": quartile, "median": median, "max": most },
    })
}

/// `edge` in the anchor's time: by minima, and by quartiles of paired differences.
fn ratios(times: &Times) -> Option<[f64; 2]> {
    let robust = &times.anchor.as_ref()?.robust;
    Some([
        times.edge.least() / robust.least(),
        times.edge.differences().quartile / robust.differences().quartile,
    ])
}

impl Report {
    /// The tables.
    pub(crate) fn text(&self) -> String {
        let Machine { processor, cores, kernel, rustc, cpu, load } = &self.machine;
        let mut text = format!(
            "{processor}, {cores} cores, Linux {kernel}, {rustc}; on CPU {cpu}; load {load}\n"
        );
        if !self.programs.is_empty() {
            self.times(&mut text);
        }
        if let Some(rates) = &self.rates {
            live(&mut text, rates);
        }
        if let Some(mix) = &self.mix {
            mix::text(&mut text, mix);
        }
        if !self.authority.is_empty() {
            authority::text(&mut text, &self.authority);
        }
        if let Some(stamps) = &self.stamps {
            ntp::stamps(&mut text, stamps);
        }
        if let Some(ntp) = &self.ntp {
            ntp::text(&mut text, ntp);
        }
        if !self.feeds.is_empty() {
            feed::text(&mut text, &self.feeds);
        }
        if !self.offsets.is_empty() {
            text.push('\n');
            let mut rows = vec![row(&offset::COLUMNS)];
            rows.extend(self.offsets.iter().map(|offsets| offsets.cells().to_vec()));
            text.push_str(&table(&rows));
        }
        if !self.fleet.is_empty() {
            fleet::text(&mut text, &self.fleet);
        }
        text
    }

    fn times(&self, text: &mut String) {
        text.push_str("\nns above the prelude (BPF_PROG_TEST_RUN)\n");
        let mut rows = vec![row(&["case", "program", "min", "p25", "median", "max"])];
        for times in &self.programs {
            let mut add = |program: &str, pairs: &Pairs| {
                let mut cells: Vec<String> = cells(pairs).into();
                cells.splice(0..0, row(&[times.case.name, program]));
                rows.push(cells);
            };
            add("reflector", &times.reflector);
            add("edge", &times.edge);
            if let Some(clock) = &times.clock {
                add("clock read alone", clock);
            }
            if let Some(anchor) = &times.anchor {
                add("C reflector", &anchor.reflector);
                add("C robust", &anchor.robust);
            }
        }
        text.push_str(&table(&rows));
        self.compare(text);
        ntp::times(text, &self.programs);
    }

    fn compare(&self, text: &mut String) {
        let mut rows = vec![row(&["edge / C robust", "by min", "by p25"])];
        for times in &self.programs {
            if let Some([least, quartile]) = ratios(times) {
                rows.push(vec![
                    times.case.name.to_owned(),
                    format!("{least:.2}"),
                    format!("{quartile:.2}"),
                ]);
            }
        }
        if rows.len() > 1 {
            write!(text, "\n{}wanted: at most {TIME:.2}\n", table(&rows)).ok();
        }
    }

    /// The same as JSON.
    pub(crate) fn json(&self) -> Value {
        let Machine { processor, cores, kernel, rustc, cpu, load } = &self.machine;
        let programs: Vec<Value> = self
            .programs
            .iter()
            .map(|times| {
                let mut case = json!({
                    "case": times.case.name,
                    "edge": figures(&times.edge),
                    "reflector": figures(&times.reflector),
                });
                if let Some(clock) = &times.clock {
                    case["clock_read"] = figures(clock);
                    case["edge_above_reflector"] = figures(&times.above);
                }
                if let Some(anchor) = &times.anchor {
                    case["anchor_reflector"] = figures(&anchor.reflector);
                    case["anchor_robust"] = figures(&anchor.robust);
                    let [least, quartile] = ratios(times).unwrap_or_default();
                    case["edge_to_robust"] = json!({ "min": least, "p25": quartile });
                }
                case
            })
            .collect();
        let mut report = json!({
            "machine": {
                "processor": processor, "cores": cores, "kernel": kernel, "rustc": rustc,
                "cpu": cpu, "load": load,
            },
            "nanoseconds_above_prelude": programs,
        });
        if let Some(rates) = &self.rates {
            let run = |run: &crate::link::Run| {
                json!({
                    "sent": run.sent, "replies": run.replies, "seconds": run.seconds,
                    "replies_per_second": run.rate(),
                })
            };
            let pairs: Vec<Value> = rates
                .pairs
                .iter()
                .map(|(edge, mirror)| json!({ "edge": run(edge), "reflector": run(mirror) }))
                .collect();
            let ratios = rates.ratios();
            report["link"] = json!({
                "case": rates.case.name,
                "ratio": { "min": ratios.least, "median": ratios.median, "max": ratios.most },
                "pairs": pairs,
            });
        }
        report["mix"] = self.mix.as_ref().map(mix::json).unwrap_or_default();
        report["authority"] = authority::json(&self.authority);
        report["stamps"] = self.stamps.as_ref().map(ntp::json_of_stamps).unwrap_or_default();
        report["ntp"] = self.ntp.as_ref().map(ntp::json).unwrap_or_default();
        report["feeds"] = feed::json(&self.feeds);
        report["fleet"] = fleet::json(&self.fleet);
        report["offsets"] = self.offsets.iter().map(offset::Offsets::json).collect();
        report
    }
}

fn live(text: &mut String, rates: &Rates) {
    let mut rows = vec![row(&["over a veth pair", "median", "min", "max", "unanswered"])];
    let millions = |rate: f64| format!("{:.3} M/s", rate / 1e6);
    let names = ["edge", "reflector"];
    for ((name, rate), lost) in names.into_iter().zip(rates.rates()).zip(rates.lost()) {
        rows.push(vec![
            name.to_owned(),
            millions(rate.median),
            millions(rate.least),
            millions(rate.most),
            lost.to_string(),
        ]);
    }
    let ratios = rates.ratios();
    rows.push(vec![
        "edge / reflector".to_owned(),
        format!("{:.3}", ratios.median),
        format!("{:.3}", ratios.least),
        format!("{:.3}", ratios.most),
    ]);
    write!(
        text,
        "\n{}{} pairs of runs, {}, one generator; wanted: at least {RATE:.2}\n",
        table(&rows),
        rates.pairs.len(),
        rates.case.name,
    )
    .ok();
}
