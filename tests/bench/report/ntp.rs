//! The part of the report about NTP.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{row, table};
use crate::figures::Spread;
use crate::link::Run;
use crate::measure::Times;
use crate::ntp::stamps::Stamps;
use crate::ntp::{Kind, Ntp, Series};

/// Nanoseconds that a reply may take above the reflector.
const TIME: f64 = 90.0;
/// Nanoseconds that a stamp may be wrong by.
const ERROR: f64 = 1_000.0;

/// What `edge` must give of another's replies at least.
const fn wanted(kind: Kind) -> Option<f64> {
    match kind {
        Kind::Chrony => Some(10.0),
        Kind::Plain | Kind::PlainAll => Some(4.0),
        _ => None,
    }
}

/// Appends what replies take above the reflector, and what of that is the clock's.
pub(super) fn times(text: &mut String, programs: &[Times]) {
    let mut rows =
        vec![row(&["edge above the reflector, ns", "by min", "p25", "median", "clock read"])];
    for times in programs {
        let Some(clock) = &times.clock else { continue };
        let Spread { quartile, median, .. } = times.above.differences();
        let mut cells = row(&[times.case.name]);
        let figures = [times.above.least(), quartile, median, clock.least()];
        cells.extend(figures.map(|time| format!("{time:.0}")));
        rows.push(cells);
    }
    if rows.len() > 1 {
        write!(text, "\n{}wanted: at most {TIME:.0} where the clock takes 36\n", table(&rows)).ok();
    }
}

/// Appends how right stamps are.
pub(super) fn stamps(text: &mut String, stamps: &Stamps) {
    let mut rows = vec![row(&["stamps and CLOCK_REALTIME, ns", "median", "p25", "max"])];
    for (name, Spread { quartile, median, most, .. }) in
        [("error", stamps.errors), ("half of the time it took", stamps.halves)]
    {
        let mut cells = row(&[name]);
        cells.extend([median, quartile, most].map(|ns| format!("{ns:.0}")));
        rows.push(cells);
    }
    write!(
        text,
        "\n{}{} replies, {} of them outside; wanted: at most {ERROR:.0}\n",
        table(&rows),
        stamps.all,
        stamps.outside
    )
    .ok();
}

fn name(series: &Series) -> String {
    format!("{} {}", series.kind.name(), series.version).trim().to_owned()
}

/// Appends the table of replies.
pub(super) fn text(text: &mut String, ntp: &Ntp) {
    let head = [
        "NTP over a veth pair",
        "replies/s",
        "min",
        "max",
        "sent/s",
        "unanswered",
        "CPU ns",
        "min",
    ];
    let mut rows = vec![row(&head)];
    let mut ratios = vec![row(&["edge / others", "median", "min", "max", "best runs", "wanted"])];
    let millions = |rate: f64| format!("{:.3} M", rate / 1e6);
    for series in &ntp.series {
        let (rates, loads) = (series.rates(), series.loads());
        let mut cells = vec![name(series)];
        cells.extend([rates.median, rates.least, rates.most, loads.median].map(millions));
        cells.push(format!("{:.1} %", 100.0 * series.unanswered()));
        let costs = series.cost().map(|cost| [cost.median, cost.least]);
        cells.extend(costs.into_iter().flatten().map(|ns| format!("{ns:.0}")));
        rows.push(cells);
        if let Some(Spread { least, median, most, .. }) = ntp.ratios(series) {
            let mut cells = vec![name(series)];
            cells.extend([median, least, most].map(|ratio| format!("{ratio:.2}")));
            cells.push(ntp.best(series).map_or(String::new(), |ratio| format!("{ratio:.2}")));
            cells.push(wanted(series.kind).map_or(String::new(), |ratio| format!("{ratio:.0}")));
            ratios.push(cells);
        }
    }
    let rounds = ntp.series.first().map_or(0, |series| series.runs.len());
    write!(text, "\n{}\n{}{rounds} rounds, one generator\n", table(&rows), table(&ratios)).ok();
}

fn figures(Spread { least, median, most, .. }: Spread) -> Value {
    json!({ "min": least, "median": median, "max": most })
}

/// How right stamps are, as JSON.
pub(super) fn json_of_stamps(stamps: &Stamps) -> Value {
    json!({
        "error_ns": figures(stamps.errors),
        "half_of_the_time_ns": figures(stamps.halves),
        "outside": stamps.outside,
        "replies": stamps.all,
    })
}

/// The table of replies as JSON.
pub(super) fn json(ntp: &Ntp) -> Value {
    let run = |run: &Run| {
        json!({
            "sent": run.sent, "replies": run.replies, "seconds": run.seconds,
            "replies_per_second": run.rate(),
        })
    };
    let series = ntp.series.iter().map(|series| {
        json!({
            "server": series.kind.name(),
            "version": series.version,
            "replies_per_second": figures(series.rates()),
            "unanswered": series.unanswered(),
            "cpu_nanoseconds_per_reply": series.cost().map(figures),
            "edge_to_this": ntp.ratios(series).map(figures),
            "runs": series.runs.iter().map(run).collect::<Vec<_>>(),
        })
    });
    series.collect()
}
