//! Metrics of NTP clients: their versions and poll intervals.

use edge_common::abi::Requests;
use prometheus::proto::MetricFamily;

use super::family::{Family, float, histogram};

pub(super) fn add(families: &mut Vec<MetricFamily>, requests: &Requests) {
    let mut versions = Family::counter(
        "edge_ntp_requests_by_version_total",
        "Ordinary requests of NTP clients that XDP saw, answered or not, by version",
    );
    let mut polls = [0; Requests::POLLS];
    for (version, counts) in (1..).zip(requests.counts.chunks_exact(Requests::POLLS)) {
        let version = u8::to_string(&version);
        versions.add(&[("version", &version)], float(counts.iter().sum()));
        for (sum, n) in polls.iter_mut().zip(counts) {
            *sum += n;
        }
    }
    families.push(versions.done());
    let seconds = (i32::from(Requests::LEAST)..).map(|poll| 2_f64.powi(poll));
    families.push(histogram(
        "edge_ntp_poll_seconds",
        "Seconds between requests, by the poll field of NTP clients; many clients leave the field at 0 (1 s)",
        seconds.zip(polls),
    ));
}

#[cfg(test)]
mod tests {
    use edge_common::abi::Requests;
    use prometheus::TextEncoder;
    use zerocopy::FromZeros as _;

    use super::add;

    #[test]
    fn versions_and_polls_are_summed_each_over_the_other() {
        let mut requests = Requests::new_zeroed();
        for (version, poll, n) in [(4, 6, 5), (3, 6, 2), (4, 10, 1), (1, -6, 7), (4, 17, 3)] {
            requests.counts[Requests::place(version, poll)] = n;
        }
        let mut families = Vec::new();
        add(&mut families, &requests);
        let text = TextEncoder::new().encode_to_string(&families).unwrap();
        for line in [
            "# TYPE edge_ntp_requests_by_version_total counter",
            "edge_ntp_requests_by_version_total{version=\"1\"} 7",
            "edge_ntp_requests_by_version_total{version=\"2\"} 0",
            "edge_ntp_requests_by_version_total{version=\"3\"} 2",
            "edge_ntp_requests_by_version_total{version=\"4\"} 9",
            "# TYPE edge_ntp_poll_seconds histogram",
            "edge_ntp_poll_seconds_bucket{le=\"0.015625\"} 7",
            "edge_ntp_poll_seconds_bucket{le=\"32\"} 7",
            "edge_ntp_poll_seconds_bucket{le=\"64\"} 14",
            "edge_ntp_poll_seconds_bucket{le=\"1024\"} 15",
            "edge_ntp_poll_seconds_bucket{le=\"131072\"} 18",
            "edge_ntp_poll_seconds_bucket{le=\"+Inf\"} 18",
            // 7/64 + 7 × 64 + 1,024 + 3 × 131,072
            "edge_ntp_poll_seconds_sum 394688.109375",
            "edge_ntp_poll_seconds_count 18",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} isn't in\n{text}");
        }
    }
}
