//! Points by server and country, and previews of a new zone or policy.

use edge_tests::message::{Ask, rtype};
use edge_tests::netns::Rig;
use edge_tests::stage::Line;
use serde_json::{Value, json};

/// In Germany.
const CLIENT: &str = "192.0.2.10";
/// Queries by name.
const ASKED: [(&str, u64); 2] = [("pool.example", 400), ("uk.pool.example", 100)];

/// Asks everything, of XDP.
fn rig() -> Rig {
    let rig = Rig::serving("native");
    let _first = rig.ask(CLIENT, "pool.example TXT +nocookie");
    let before = rig.counters();
    let mut line = Line::Udp(rig.datagrams(CLIENT));
    for (name, n) in ASKED {
        for _ in 0..n {
            let reply = line.ask(&Ask::new(name, rtype::A));
            assert!(!reply.answers.is_empty());
        }
    }
    let by_xdp = rig.counters().xdp() - before.xdp();
    assert_eq!(by_xdp, ASKED.iter().map(|(_, n)| n).sum::<u64>());
    rig
}

/// What a command prints, and its exit code.
fn edge(rig: &Rig, arguments: &[&str]) -> (Value, Option<i32>) {
    let output = rig.edge(arguments);
    let value = serde_json::from_slice(&output.stdout);
    (value.unwrap_or_else(|error| panic!("{error}: {output:?}")), output.status.code())
}

/// The zone as it is served, changed.
fn changed(rig: &Rig, label: &str, to: Value) {
    let octets = std::fs::read(rig.path("zones/pool.example.json")).unwrap();
    let mut zone: Value = serde_json::from_slice(&octets).unwrap();
    zone["data"][label] = to;
    std::fs::create_dir_all(rig.path("next")).unwrap();
    rig.write("next/pool.example.json", zone.to_string().as_bytes());
}

#[test]
fn points_and_audit_know_every_answer_of_xdp() {
    let rig = rig();
    let explained = rig.explain("pool.example", "A", CLIENT.parse().unwrap());
    assert!(explained.contains("xdp"), "{explained}");
    let (points, code) = edge(&rig, &["points", "--json", "--top", "1000"]);
    assert_eq!(code, Some(0));
    assert_eq!(points["answers"], 500, "{points}");
    let mut by_country = std::collections::BTreeMap::<String, f64>::new();
    for server in points["top"].as_array().unwrap() {
        for country in server["countries"].as_array().unwrap() {
            let name = country["country"].as_str().unwrap().to_owned();
            *by_country.entry(name).or_default() += country["answers"].as_f64().unwrap();
        }
    }
    // Four of Germany's five servers in each answer, and all three of Britain's.
    assert!((by_country["de"] - 1600.0).abs() < 1e-6, "{by_country:?}");
    assert!((by_country["-"] - 300.0).abs() < 1e-6, "{by_country:?}");
    let (audit, _) = edge(&rig, &["points", "--audit", "--json"]);
    assert_eq!((&audit["alarms"], audit["servers"].as_array().unwrap().len()), (&json!(0), 8));
    let text = String::from_utf8(rig.edge(&["points"]).stdout).unwrap();
    assert!(text.contains("countries") && text.lines().count() > 8, "{text}");
}

#[test]
fn a_preview_tells_what_a_zone_and_a_feed_would_change() {
    let rig = rig();
    let path = |name: &str| rig.path(name).display().to_string();
    let preview = |name: &str| edge(&rig, &["preview", "--json", &path(name)]);
    // The zone as it is.
    let (same, code) = preview("zones/pool.example.json");
    let effect = &same["zones"]["pool.example"]["effect"];
    assert_eq!(
        (code, &effect["queries"], &effect["answered"]),
        (Some(0), &json!(500), &json!([500, 500]))
    );
    for server in effect["servers"].as_array().unwrap() {
        assert_eq!(server["answers"][0], server["answers"][1]);
    }
    // Germany is left with one server.
    changed(&rig, "de", json!({"a": [["10.0.0.1", 1]]}));
    let (alone, code) = preview("next/pool.example.json");
    let monopoly = &alone["zones"]["pool.example"]["effect"]["monopolies"][0];
    assert_eq!(
        (code, &monopoly["country"], &monopoly["ip"]),
        (Some(3), &json!("de"), &json!("10.0.0.1"))
    );
    let text = rig.edge(&["preview", &path("next/pool.example.json")]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("NEW") && text.contains("10.0.0.1"), "{text}");
    // A feed, from which zones are built.
    let server = |id: u32, country: &str| json!({"id": id, "ip": format!("10.1.0.{id}"), "netspeed": 1000, "score": 20.0, "zones": ["@", country]});
    let servers: Vec<Value> =
        (1..=6).map(|id| server(id, if id < 4 { "de" } else { "uk" })).collect();
    let snapshot = json!({"serial": 7, "roots": [{"origin": "pool.example", "ns": ["ns1.example"]}], "servers": servers});
    rig.write("snapshot.json", snapshot.to_string().as_bytes());
    let (fed, _) = preview("snapshot.json");
    let effect = &fed["zones"]["pool.example"]["effect"];
    assert_eq!(effect["answered"], json!([500, 500]), "{fed}");
    let after = |ip: &str| {
        let all = effect["servers"].as_array().unwrap();
        all.iter()
            .find(|server| server["ip"] == ip)
            .map(|server| server["answers"][1].as_f64().unwrap())
    };
    assert_eq!((after("10.1.0.1"), after("10.1.0.4")), (Some(400.0), Some(100.0)));
    // What can't be is said.
    let refused = rig.edge(&["preview", &path("edge.toml")]);
    assert!(!refused.status.success() && refused.stdout.is_empty());
    rig.write("other.example.json", br#"{"data": {"": {"a": [["192.0.2.1", 1]]}}}"#);
    let refused = rig.edge(&["preview", &path("other.example.json")]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("zone other.example isn't served; served are: "), "{said}");
}
