//! Zones, snapshots and changes for tests, made from serials and sizes.
//!
//! Each is marked by one address, so that an answer shows which one is served.

use std::net::Ipv4Addr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The address that marks a document.
pub(crate) fn mark(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, n)
}

/// A geodns zone whose name has so many addresses; `one` under it has the mark alone.
pub(crate) fn zone(serial: u64, servers: u8, n: u8) -> String {
    let servers: Vec<_> = (1..=servers).map(|id| json!([format!("192.0.2.{id}"), 1000])).collect();
    let apex = match servers.len() {
        0 => json!({"ns": ["ns.example."]}),
        _ => json!({"ns": ["ns.example."], "a": servers}),
    };
    let mut data = json!({"": apex});
    if n > 0 {
        data["one"] = json!({"a": [[mark(n).to_string()]]});
    }
    json!({"serial": serial, "ttl": 60, "max_hosts": 4, "data": data}).to_string()
}

/// A snapshot of so many servers in Germany, and one in Japan that is its mark.
pub(crate) fn snapshot(serial: u64, cursor: u64, servers: u8, n: u8) -> String {
    snapshot_of(&["pool.example"], serial, cursor, servers, n)
}

/// The same, for zones of these names.
pub(crate) fn snapshot_of(
    origins: &[&str],
    serial: u64,
    cursor: u64,
    servers: u8,
    n: u8,
) -> String {
    let server = |id: u8, ip: String, zones: [&str; 3]| json!({"id": id, "ip": ip, "netspeed": 1000, "score": 20, "zones": zones});
    let mut all: Vec<Value> = (1..=servers)
        .map(|id| server(id, format!("192.0.2.{id}"), ["@", "europe", "de"]))
        .collect();
    if n > 0 {
        all.push(server(200, mark(n).to_string(), ["@", "asia", "jp"]));
    }
    let roots: Vec<Value> =
        origins.iter().map(|origin| json!({"origin": origin, "ns": ["ns.example."]})).collect();
    json!({"serial": serial, "cursor": cursor, "roots": roots, "servers": all}).to_string()
}

/// A change of a server's score, as a line.
pub(crate) fn score(id: u64, server: u64, score: f64) -> String {
    format!("{}\n", json!({"id": id, "ts": now(), "server_id": server, "score": score}))
}
