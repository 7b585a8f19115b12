//! Metrics of the feed, and of the node's name in the fleet.

use prometheus::proto::MetricFamily;

use super::family::{Family, float};
use crate::node::status::Feed;

pub(super) fn add(families: &mut Vec<MetricFamily>, feed: &Feed) {
    if let Some(is_used_twice) = feed.fleet_name_conflict {
        let mut conflict = Family::gauge(
            "edge_fleet_name_conflict",
            "1 while another process sends heartbeats under this node's name",
        );
        conflict.add(&[], u8::from(is_used_twice).into());
        families.push(conflict.done());
    }
    // A node that has only a fleet has no feed.
    if feed.freshness.is_empty() {
        return;
    }
    let mut age = Family::gauge(
        "edge_feed_age_seconds",
        "Seconds since the last good feed; no sample before the first",
    );
    if let Some(seconds) = feed.age_seconds {
        age.add(&[], float(seconds));
    }
    let mut lag = Family::gauge(
        "edge_feed_lag_seconds",
        "Seconds from the time of the last change to its arrival",
    );
    if let Some(seconds) = feed.lag_seconds {
        lag.add(&[], float(seconds));
    }
    let mut freshness =
        Family::gauge("edge_feed_freshness", "1 for the state of the feed: fresh, warn or alarm");
    for state in ["fresh", "warn", "alarm"] {
        freshness.add(&[("state", state)], u8::from(feed.freshness == state).into());
    }
    let mut serial = Family::gauge("edge_feed_serial", "The serial of the zone in the feed");
    for (origin, number) in &feed.serials {
        serial.add(&[("origin", origin)], (*number).into());
    }
    let mut cursor = Family::gauge("edge_feed_cursor", "The number of the last accepted change");
    if let Some(number) = feed.cursor {
        cursor.add(&[], float(number));
    }
    let mut deltas = Family::counter("edge_feed_deltas_total", "Changes received, by result");
    for (what, n) in [
        ("taken", feed.deltas),
        ("unknown", feed.deltas_unknown),
        ("broken", feed.deltas_broken),
        ("fallen", feed.deltas_fallen),
    ] {
        deltas.add(&[("result", what)], float(n));
    }
    let mut refusals =
        Family::counter("edge_feed_refusals_total", "Refused feeds, by kind of refusal");
    for (kind, n) in &feed.refusals {
        refusals.add(&[("kind", kind)], float(*n));
    }
    let [mut up, mut changed] = [
        ("edge_feed_source_up", "Whether the last attempt to read the source succeeded"),
        ("edge_feed_source_change_seconds", "Seconds since the source last sent something new"),
    ]
    .map(|(name, help)| Family::gauge(name, help));
    let [mut failures, mut lost] = [
        ("edge_feed_source_failures_total", "Failed attempts to reach the source"),
        ("edge_feed_source_lost_total", "Lost or unreadable messages and lines of the source"),
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
