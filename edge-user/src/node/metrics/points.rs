//! Metrics of servers: the answers they were in, and their promised shares.
//!
//! Only the servers with the most answers have metrics.

use std::collections::BTreeSet;

use edge_leaves::audit;
use edge_leaves::points::PointsReport;
use prometheus::proto::MetricFamily;

use super::family::{Family, float};

pub(super) fn add(families: &mut Vec<MetricFamily>, report: &PointsReport) {
    let mut family = Family::counter(
        "edge_server_points_total",
        "Answers that contained the server's address, by user country; only servers in most answers",
    );
    for server in &report.top {
        let ip = server.ip.to_string();
        for country in &server.countries {
            family.add(&[("server", &ip), ("country", &country.country)], country.answers);
        }
    }
    families.push(family.done());
    let mut family =
        Family::gauge("edge_server_points_servers", "Servers that were in at least one answer");
    family.add(&[], float(u64::try_from(report.servers).unwrap_or(u64::MAX)));
    families.push(family.done());
}

/// The shares of the servers in the first report.
pub(super) fn add_audit(
    families: &mut Vec<MetricFamily>,
    top: &PointsReport,
    audit: &audit::AuditReport,
) {
    let shown: BTreeSet<_> = top.top.iter().map(|server| server.ip).collect();
    let mut shares = Family::gauge(
        "edge_server_share",
        "The server's share of the answers that it could be in: promised by weights, delivered by cards, low and high end of the 95 % error bar",
    );
    for line in audit.servers.iter().filter(|line| shown.contains(&line.ip)) {
        let ip = line.ip.to_string();
        let of = [
            ("promised", line.promised),
            ("delivered", line.delivered),
            ("low", line.low),
            ("high", line.high),
        ];
        for (of, share) in of {
            shares.add(&[("server", &ip), ("of", of)], share);
        }
    }
    families.push(shares.done());
    for (name, help, n) in [
        ("edge_audit_servers", "Servers in the last audit", audit.judged),
        ("edge_audit_outside", "Servers in the last audit outside their error bars", audit.outside),
        ("edge_audit_alarms", "Servers in the last audit too far off to be chance", audit.alarms),
    ] {
        let mut family = Family::gauge(name, help);
        family.add(&[], float(u64::try_from(n).unwrap_or(u64::MAX)));
        families.push(family.done());
    }
}
