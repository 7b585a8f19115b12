//! Metrics of the feed: its age, serials, sources and refusals.

use prometheus::proto::MetricFamily;

use super::family::{Family, float};
use crate::node::status::Feed;

pub(super) fn add(families: &mut Vec<MetricFamily>, feed: &Feed) {
    // A node that has only a fleet has no feed.
    if feed.freshness.is_empty() {
        return;
    }
    let mut age =
        Family::gauge("edge_feed_age_seconds", "Since the last good feed; none before the first");
    if let Some(seconds) = feed.age_seconds {
        age.add(&[], float(seconds));
    }
    let mut lag =
        Family::gauge("edge_feed_lag_seconds", "By how much the last change came after its time");
    if let Some(seconds) = feed.lag_seconds {
        lag.add(&[], float(seconds));
    }
    let mut freshness =
        Family::gauge("edge_feed_freshness", "Whether the feed is so: fresh, warn or alarm");
    for state in ["fresh", "warn", "alarm"] {
        freshness.add(&[("state", state)], u8::from(feed.freshness == state).into());
    }
    let mut serial =
        Family::gauge("edge_feed_serial", "The serial of the zone, as the feed has it");
    for (origin, number) in &feed.serials {
        serial.add(&[("origin", origin)], (*number).into());
    }
    let mut cursor = Family::gauge("edge_feed_cursor", "The last change that was taken");
    if let Some(number) = feed.cursor {
        cursor.add(&[], float(number));
    }
    let mut deltas =
        Family::counter("edge_feed_deltas_total", "Changes that came, by what became of them");
    for (what, n) in
        [("taken", feed.deltas), ("unknown", feed.deltas_unknown), ("broken", feed.deltas_broken)]
    {
        deltas.add(&[("result", what)], float(n));
    }
    let mut refusals =
        Family::counter("edge_feed_refusals_total", "Feeds that were refused, by kind");
    for (kind, n) in &feed.refusals {
        refusals.add(&[("kind", kind)], float(*n));
    }
    let [mut up, mut changed] = [
        ("edge_feed_source_up", "Whether the source's last attempt went well"),
        ("edge_feed_source_change_seconds", "Since the source last said something new"),
    ]
    .map(|(name, help)| Family::gauge(name, help));
    let [mut failures, mut lost] = [
        ("edge_feed_source_failures_total", "Attempts to reach the source that failed"),
        (
            "edge_feed_source_lost_total",
            "Messages and lines of the source that can't be had or read",
        ),
    ]
    .map(|(name, help)| Family::counter(name, help));
    for source in &feed.sources {
        let labels = [("source", source.name.as_str())];
        up.add(&labels, u8::from(source.connected).into());
        if let Some(seconds) = source.last_change_seconds {
            changed.add(&labels, float(seconds));
        }
        failures.add(&labels, float(source.failures));
        lost.add(&labels, float(source.lost.saturating_add(source.broken_lines)));
    }
    let all = [age, lag, freshness, serial, cursor, deltas, refusals, up, changed, failures, lost];
    families.extend(all.map(Family::done));
}
