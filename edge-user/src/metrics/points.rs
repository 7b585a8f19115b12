//! In how many answers servers have been: a report comes in, a metric of the servers in it goes out.

use edge_feed::points::Report;
use prometheus::proto::MetricFamily;

use super::family::{Family, float};

pub(super) fn add(families: &mut Vec<MetricFamily>, report: &Report) {
    let mut family = Family::counter(
        "edge_server_points_total",
        "Answers that a server's address has been in, of the servers that have most, by user country",
    );
    for server in &report.top {
        let ip = server.ip.to_string();
        for country in &server.countries {
            family.add(&[("server", &ip), ("country", &country.country)], country.answers);
        }
    }
    families.push(family.done());
    let mut family =
        Family::gauge("edge_server_points_servers", "Servers that have been in any answer");
    family.add(&[], float(u64::try_from(report.servers).unwrap_or(u64::MAX)));
    families.push(family.done());
}
