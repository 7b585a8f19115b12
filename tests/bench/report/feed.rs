//! The part of the report about a node that follows a scorer.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{row, table};
use crate::feed::{Fed, Run};
use crate::figures::Spread;

/// The share of a core that a node may take.
const SHARE: f64 = 0.05;
/// Seconds within which a change is to be in answers.
const DELAY: f64 = 1.0;

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// A case's two runs.
fn runs(fed: &Fed) -> [(&'static str, &Run); 2] {
    [("no changes", &fed.idle), ("changes", &fed.fed)]
}

/// Appends the tables.
pub(super) fn text(text: &mut String, feeds: &[Fed]) {
    let first = ["a fed node", "", "s", "CPU of a core", "median", "min", "max", "changes/s"];
    let mut shares = vec![row(&first)];
    let mut works =
        vec![row(&["feed", "changes", "not taken", "came, went", "generations/s", "amended/s"])];
    let mut replies =
        vec![row(&["replies", "", "asked", "lost", "wrong", "by XDP", "authority", "late"])];
    let mut delays = vec![row(&["until answered, s", "", "median", "min", "max", "never"])];
    let mut threads = vec![row(&["CPU by thread", "", "of a core"])];
    let mut wrong = Vec::new();
    for fed in feeds {
        for (what, run) in runs(fed) {
            let mut cells = row(&[fed.name, what, &format!("{:.0}", run.seconds)]);
            let Spread { least, median, most, .. } = run.parts;
            cells.extend([run.share(), median, least, most].map(percent));
            cells.push(format!("{:.1}", run.changes[0] as f64 / run.seconds));
            shares.push(cells);
            let seen = &run.seen;
            let mut cells = row(&[fed.name, what]);
            let n_wrong: u64 = seen.wrong.values().sum();
            let [xdp, authority] = run.answered;
            let lost = seen.asked - seen.answered;
            cells.extend(
                [seen.asked, lost, n_wrong, xdp, authority, seen.late].map(|n| n.to_string()),
            );
            replies.push(cells);
            wrong.extend(seen.wrong.iter().map(|(what, n)| format!("wrong: {what}: {n}\n")));
            let mut by_share = run.threads.clone();
            by_share.sort_by(|(_, a), (_, b)| b.total_cmp(a));
            for (name, time) in by_share.iter().take(4) {
                threads.push(row(&[
                    &format!("{}, {what}", fed.name),
                    name,
                    &percent(time / run.seconds),
                ]));
            }
        }
        let run = &fed.fed;
        let mut cells = row(&[fed.name]);
        cells.push(run.changes[0].to_string());
        cells.push(run.changes[0].saturating_sub(run.changes[1]).to_string());
        cells.push(run.crossed.to_string());
        cells.extend(run.published.map(|n| format!("{:.2}", n as f64 / run.seconds)));
        works.push(cells);
        for (what, delay) in ["came", "went"].into_iter().zip(run.delays) {
            let mut cells = row(&[fed.name, what]);
            cells.extend([delay.median, delay.least, delay.most].map(|s| format!("{s:.3}")));
            cells.push(if what == "came" { run.never.to_string() } else { String::new() });
            delays.push(cells);
        }
    }
    let tables = [shares, works, replies, delays, threads].map(|rows| table(&rows));
    write!(
        text,
        "\n{}{}wanted: less than {} of a core, nothing lost or wrong, {DELAY:.0} s at most\n",
        tables.join("\n"),
        wrong.concat(),
        percent(SHARE),
    )
    .ok();
}

fn figures(Spread { least, median, most, .. }: Spread) -> Value {
    json!({ "min": least, "median": median, "max": most })
}

fn run(run: &Run) -> Value {
    let seen = &run.seen;
    json!({
        "seconds": run.seconds,
        "cpu_seconds": run.cpu,
        "share_of_a_core": run.share(),
        "share_of_a_core_by_parts": figures(run.parts),
        "threads_cpu_seconds": run.threads.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "asked": seen.asked, "answered": seen.answered, "wrong": seen.wrong,
        "late": seen.late, "latest_seconds": seen.latest.as_secs_f64(),
        "xdp_answered": run.answered[0], "authority_answered": run.answered[1],
        "changes": run.changes[0], "changes_taken": run.changes[1], "came_and_went": run.crossed,
        "generations": run.published[0], "amended": run.published[1],
        "came_seconds": figures(run.delays[0]), "went_seconds": figures(run.delays[1]), "never": run.never,
    })
}

/// The same as JSON.
pub(super) fn json(feeds: &[Fed]) -> Value {
    let feeds = feeds
        .iter()
        .map(|fed| json!({ "case": fed.name, "idle": run(&fed.idle), "fed": run(&fed.fed) }));
    feeds.collect()
}
