//! Tests of what `--json` prints: its keys stay.

use std::collections::{BTreeMap, BTreeSet};

use edge_feed::fleet::{FleetNode, Heartbeat, NodePoints, PeerState};
use edge_leaves::audit::{AuditReport, ServerAudit};
use edge_leaves::points::{CountryPoints, PointsReport, ServerPoints};
use edge_leaves::preview::{CountryLoad, LabelLoad, Monopoly, Preview, ServerLoad};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::check;
use super::super::replies::{Allowed, FleetPoints, FleetStatus, Previews, Reloaded, ZonePreview};
use super::versioned;
use crate::node::checks::Check;
use crate::node::explain::{Deck, Explanation, Share};
use crate::node::status::{Counters, Feed, FeedSource, Interface, Status, Table, Zone};
use crate::node::switch_table::{SwitchTable, ZoneSwitch};
use crate::ntp::report::{Field, Report};
use crate::observe::refused::Refused;
use edge_tables::live::switches::Switches;

/// The keys of each report, a line each: what scripts may rely on as long as "schema" is 1.
const KEYS: &str = include_str!("keys.txt");

/// Adds the path of each key that holds a value; `[]` is any element of a list.
fn paths(prefix: &str, value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(keys) => {
            for (key, value) in keys {
                paths(&format!("{prefix}.{key}"), value, into);
            }
        }
        Value::Array(values) if values.iter().any(|value| value.is_object()) => {
            for value in values {
                paths(&format!("{prefix}[]"), value, into);
            }
        }
        _ => into.push(prefix.to_owned()),
    }
}

fn keys(command: &str, report: &impl Serialize) -> String {
    let keys = versioned(report).unwrap();
    assert_eq!(keys.keys().next().map(String::as_str), Some("schema"), "{command}");
    assert_eq!(keys["schema"], 1, "{command}");
    let mut all = Vec::new();
    paths(command, &Value::Object(keys), &mut all);
    // Elements of a list have the same keys.
    let mut seen = BTreeSet::new();
    all.retain(|key| seen.insert(key.clone()));
    all.join("\n") + "\n"
}

fn status() -> Status {
    let feed = Feed {
        serials: BTreeMap::from([("ZONE".into(), 1)]),
        refusals: BTreeMap::from([("KIND".into(), 1)]),
        sources: vec![FeedSource::default()],
        ..Feed::default()
    };
    let refused = Refused { client: String::new(), reason: String::new(), queries: 1 };
    Status {
        zones: vec![Zone::default()],
        xdp: vec![Interface::default()],
        counters: Counters::new(0, &[]),
        feed,
        tables: vec![Table { name: String::new(), used: 1, entries: 1 }],
        refused: vec![refused],
        checks: vec![Check::default()],
        ..Status::default()
    }
}

fn explanation() -> Explanation {
    Explanation {
        deck: Some(Deck { records: 1, ttl: 1 }),
        shares: vec![Share { data: String::new(), weight: 1, inclusion: 1.0, first: 1.0 }],
        ..Explanation::default()
    }
}

fn points() -> PointsReport {
    let country = CountryPoints { country: "de".into(), answers: 1.0, sigma: 1.0, points: 1.0 };
    let server = ServerPoints {
        ip: [192, 0, 2, 1].into(),
        answers: 1.0,
        sigma: 1.0,
        share: 1.0,
        countries: vec![country],
    };
    PointsReport { answers: 1, servers: 1, top: vec![server] }
}

fn audit() -> AuditReport {
    let server = ServerAudit {
        ip: [192, 0, 2, 1].into(),
        answers: 1.0,
        promised: 1.0,
        delivered: 1.0,
        low: 1.0,
        high: 1.0,
        sigmas: 1.0,
        outside: false,
        alarm: false,
    };
    AuditReport { servers: vec![server], ..AuditReport::default() }
}

fn previews() -> Previews {
    let ip = [192, 0, 2, 1].into();
    let country = || "de".to_owned();
    let effect = Preview {
        queries: 1,
        answered: [1; 2],
        servers: vec![ServerLoad { ip, answers: [1.0; 2] }],
        countries: vec![CountryLoad {
            country: country(),
            queries: 1,
            answered: [1; 2],
            servers: [1; 2],
            largest: [1.0; 2],
        }],
        labels: vec![LabelLoad { label: "de".into(), answers: [1; 2] }],
        monopoly: 0.5,
        monopolies: vec![Monopoly { country: country(), ip, share: [1.0; 2] }],
    };
    Previews { zones: [("ZONE".to_owned(), ZonePreview { serials: [1; 2], effect })].into() }
}

/// What changed between two snapshots that differ in everything.
fn diff() -> edge_feed::diff::Diff {
    let server = |id: u32, more: Value| {
        let mut server = json!({
            "id": id, "ip": format!("192.0.2.{id}"), "netspeed": 1000, "score": 20.0,
            "zones": ["@"],
        });
        server.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server
    };
    let roots = json!([{"origin": "pool.example", "ns": ["ns1.example.net."]}]);
    let snapshot = |servers: Value| {
        serde_json::from_value(json!({
            "serial": 1, "cursor": 1, "roots": roots, "servers": servers,
        }))
        .unwrap()
    };
    let before = snapshot(json!([server(1, json!({})), server(2, json!({}))]));
    let other = json!({
        "ip": "192.0.2.9", "score": 1.0, "netspeed": 1, "in_pool": false, "zones": ["@", "de"],
        "deletion_on": "2026-01-01",
    });
    let after = snapshot(json!([server(2, other), server(3, json!({}))]));
    edge_feed::diff::diff(&before, &after, 20)
}

fn reports() -> String {
    let strings = || vec!["a".to_owned()];
    let switch = ZoneSwitch { name: "a".into(), xdp: true, configured: true };
    let switches = SwitchTable {
        switches: Switches::default(),
        configured: Switches::default(),
        zones: vec![switch],
        xdp: true,
        kept: strings(),
    };
    let check = check::Report { zones: vec![check::ZoneRow::default()], ..Default::default() };
    let field = Field {
        name: String::new(),
        value: String::new(),
        source: String::new(),
        age_seconds: None,
    };
    let time = Report { fields: vec![field], ..Report::default() };
    let reloaded = Reloaded { path: String::new(), changed: strings(), needs_restart: strings() };
    let heartbeat = Heartbeat {
        serials: BTreeMap::from([("ZONE".into(), 1)]),
        rates: BTreeMap::from([("SERVICE".into(), 1.0)]),
        ..Heartbeat::default()
    };
    let node = FleetNode {
        state: PeerState::Well,
        silent_seconds: 1,
        behind: BTreeMap::from([("ZONE".into(), 1)]),
        heartbeat,
    };
    let of_node = NodePoints { since: 1, time: 1, points: points() };
    [
        keys("status", &status()),
        keys("switch", &switches),
        keys("explain", &explanation()),
        keys("explain-time", &time),
        keys("points", &points()),
        keys("points --audit", &audit()),
        keys("preview", &previews()),
        keys("check", &check),
        keys("reload", &reloaded),
        keys("feed allow-once", &Allowed { messages: strings() }),
        keys("feed diff", &diff()),
        keys("fleet status", &FleetStatus { nodes: vec![node] }),
        keys("fleet points", &FleetPoints { nodes: [("NODE".to_owned(), of_node)].into() }),
    ]
    .concat()
}

#[test]
fn every_json_report_keeps_its_keys() {
    let (found, kept) = (reports(), KEYS);
    let missing: Vec<&str> =
        kept.lines().filter(|key| !found.lines().any(|it| it == *key)).collect();
    assert!(missing.is_empty(), "these keys are gone; scripts read them: {missing:#?}");
    let new: Vec<&str> = found.lines().filter(|key| !kept.lines().any(|it| it == *key)).collect();
    assert!(new.is_empty(), "add these keys to keys.txt: {new:#?}\n{found}");
}
