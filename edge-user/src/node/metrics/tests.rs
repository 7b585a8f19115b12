//! Tests of the metrics' text, for a node with and without XDP.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use edge_common::abi::Requests;
use edge_common::verdict::Verdict;
use zerocopy::FromZeros as _;

use super::{Instance, Metrics};
use crate::node::health_state::HealthState;
use crate::node::status::{Feed, FeedSource, Interface, Status, Table, Zone};
use edge_tables::answer_counts::{AnswerCounts, Answered};
use edge_tables::live::switches::Switches;

fn metrics(verdicts: Option<Vec<u64>>) -> Metrics {
    let health = Arc::new(HealthState::default());
    let attached = Interface {
        interface: "eth0".into(),
        mode: "native".into(),
        up: true,
        attached: 3,
        ..Interface::default()
    };
    health.serve(Status {
        generation: 7,
        amended: 11,
        zones: vec![Zone {
            name: "pool.example".into(),
            serial: 2_026_080_101,
            names: 29,
            decks: 24,
            in_xdp: true,
            incomplete: true,
            names_in_xdp: 29,
            names_total: 40,
            ..Zone::default()
        }],
        switches: Switches { dry_run: true, ..Switches::default() },
        tables: vec![Table { name: "NAMES".into(), used: 29, entries: 32_768 }],
        xdp: verdicts.iter().map(|_| attached.clone()).collect(),
        errors: vec!["a \"quoted\" error".into()],
        ..Status::default()
    });
    health.renew();
    let instance = Instance {
        id: "edge1".into(),
        ip: "192.0.2.1".into(),
        group: "a\"b".into(),
        started: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250),
    };
    let requests = verdicts.as_ref().map(|_| Requests::new_zeroed());
    let (verdicts, requests) = (Box::new(move || verdicts.clone()), Box::new(move || requests));
    Metrics {
        instance,
        authority: Arc::default(),
        verdicts,
        requests,
        health,
        clock: None,
        feed: None,
        answer_counts: AnswerCounts::default(),
        top: 20,
    }
}

#[test]
fn a_feed_has_metrics_of_age_serials_sources_and_refusals_and_no_feed_has_none() {
    let source =
        FeedSource { name: "nats \"s\"".into(), connected: true, lost: 2, ..FeedSource::default() };
    let feed = Feed {
        age_seconds: Some(700),
        freshness: "warn".into(),
        deltas: 9,
        serials: [("pool.example".into(), 17)].into(),
        refusals: [("older".into(), 3)].into(),
        sources: vec![source],
        ..Feed::default()
    };
    let mut families = Vec::new();
    super::feed::add(&mut families, &feed);
    families.retain(|family| !family.get_metric().is_empty());
    let text = prometheus::TextEncoder::new().encode_to_string(&families).unwrap();
    for line in [
        "edge_feed_age_seconds 700",
        "edge_feed_freshness{state=\"warn\"} 1",
        "edge_feed_freshness{state=\"alarm\"} 0",
        "edge_feed_serial{origin=\"pool.example\"} 17",
        "edge_feed_deltas_total{result=\"taken\"} 9",
        "edge_feed_refusals_total{kind=\"older\"} 3",
        "edge_feed_source_up{source=\"nats \\\"s\\\"\"} 1",
        "edge_feed_source_lost_total{source=\"nats \\\"s\\\"\"} 2",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} isn't in\n{text}");
    }
    assert!(!text.contains("edge_feed_lag_seconds"), "there was no change");
    families.clear();
    super::feed::add(&mut families, &Feed::default());
    assert!(families.is_empty());
    super::feed::add(&mut families, &Feed { fleet_name_conflict: Some(true), ..Feed::default() });
    let text = prometheus::TextEncoder::new().encode_to_string(&families).unwrap();
    assert!(text.ends_with("edge_fleet_name_conflict 1\n"), "{text}");
}

#[test]
fn every_metric_that_the_shipped_alerts_read_is_one_of_ours() {
    let mut families = Vec::new();
    let source = FeedSource { name: "nats".into(), ..FeedSource::default() };
    let refusals = [("older".into(), 3)].into();
    let (freshness, fleet_name_conflict) = ("warn".into(), Some(false));
    let sources = vec![source];
    let feed = Feed { freshness, refusals, sources, fleet_name_conflict, ..Feed::default() };
    super::feed::add(&mut families, &feed);
    families.retain(|family| !family.get_metric().is_empty());
    let feed = prometheus::TextEncoder::new().encode_to_string(&families).unwrap();
    let text = metrics(Some(counts())).text().unwrap() + &feed;
    let rules = include_str!("../../../../deploy/edge.rules.yml");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = rules.split(|c| !is_part(c)).filter(|word| word.starts_with("edge_"));
    // NTP's have tests of their own.
    let names: BTreeSet<&str> = words.filter(|word| !word.starts_with("edge_ntp_")).collect();
    assert!(names.len() > 12, "{names:?}");
    for name in names {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} isn't in\n{text}");
    }
}

/// One for the first verdict, two for the second, and so on.
fn counts() -> Vec<u64> {
    (1..).take(Verdict::ALL.len()).collect()
}

#[test]
fn geodns_names_and_labels_are_kept() {
    let metrics = metrics(Some(counts()));
    let answered = Answered { noerror: 12, nxdomain: 13 };
    metrics.answer_counts.open().zones.insert("pool.example".into(), answered);
    let text = metrics.text().unwrap();
    for line in [
        "# TYPE dns_queries_total counter",
        // What slipped.
        "dns_queries_total{zone=\"_\",qtype=\"_\",qname=\"_\",rcode=\"NOERROR\"} 7",
        "dns_queries_total{zone=\"pool.example\",qtype=\"_\",qname=\"_\",rcode=\"NOERROR\"} 12",
        "dns_queries_total{zone=\"pool.example\",qtype=\"_\",qname=\"_\",rcode=\"NXDOMAIN\"} 13",
        "geodns_instance_info{ID=\"edge1\",IP=\"192.0.2.1\",Group=\"a\\\"b\"} 1",
        "geodns_start_time_seconds 1700000000.25",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} isn't in\n{text}");
    }
}

#[test]
fn what_xdp_did_is_counted_by_verdict() {
    let text = metrics(Some(counts())).text().unwrap();
    for line in [
        "edge_xdp_answered_total{answer=\"answer\"} 1",
        "edge_xdp_answered_total{answer=\"nodata\"} 2",
        "edge_xdp_attached{interface=\"eth0\",mode=\"native\"} 1",
        "edge_xdp_attach_total{interface=\"eth0\"} 3",
        "edge_interface_up{interface=\"eth0\"} 1",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} isn't in\n{text}");
    }
    let passed =
        format!("edge_passed_total{{reason=\"name\"}} {}", Verdict::UnknownName.index() + 1);
    assert!(text.lines().any(|line| line == passed), "{text}");
    let fault = format!("edge_dropped_total{{reason=\"fault\"}} {}", Verdict::Fault.index() + 1);
    assert!(text.lines().any(|line| line == fault), "{text}");
    let left = text.lines().find_map(|line| line.strip_prefix("edge_lease_seconds "));
    assert!(left.unwrap().parse::<f64>().unwrap() > 0.0);
}

#[test]
fn without_xdp_there_are_no_metrics_of_it() {
    let text = metrics(None).text().unwrap();
    for name in ["edge_xdp_", "edge_passed_", "edge_dropped_", "edge_lease_", "dns_queries_total{"]
    {
        assert!(!text.lines().any(|line| line.starts_with(name)), "{text}");
    }
}

#[test]
fn the_node_and_its_process_are_described() {
    let text = metrics(None).text().unwrap();
    for line in [
        "edge_zone_serial{zone=\"pool.example\"} 2026080101",
        "edge_zone_names{zone=\"pool.example\",where=\"xdp\"} 29",
        "edge_zone_names{zone=\"pool.example\",where=\"all\"} 40",
        "edge_table_used{table=\"NAMES\"} 29",
        "edge_table_entries{table=\"NAMES\"} 32768",
        "edge_generation 7",
        "edge_amended_total 11",
        "edge_errors 1",
        "edge_switch{switch=\"bypass\"} 0",
        "edge_switch{switch=\"dry_run\"} 1",
        "edge_switch{switch=\"return_path_fib\"} 0",
        "edge_healthy 1",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} isn't in\n{text}");
    }
    for name in [
        "process_cpu_seconds_total",
        "process_start_time_seconds",
        "process_open_fds",
        "process_max_fds",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
    ] {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value: f64 =
            value.unwrap_or_else(|| panic!("{name} isn't in\n{text}")).parse().unwrap();
        assert!(value >= 0.0, "{name} {value}");
    }
}

#[test]
fn every_sample_stands_behind_its_type_and_no_family_comes_twice() {
    let text = metrics(Some(counts())).text().unwrap();
    let mut seen = std::collections::HashSet::new();
    let mut family = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().unwrap();
            assert!(seen.insert(family), "{family} comes twice");
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            let parts = ["", "_bucket", "_sum", "_count"];
            let part = name.strip_prefix(family).filter(|part| parts.contains(part));
            assert!(part.is_some(), "{line} of {family}");
        }
    }
}
