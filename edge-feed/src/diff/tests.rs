//! Snapshots that differ in known ways.

use super::*;

fn server(id: u64, score: f64, zones: &[&str]) -> Server {
    let low = u8::try_from(id).unwrap();
    Server {
        id,
        ip: std::net::Ipv4Addr::new(192, 0, 2, low).into(),
        netspeed: 1_000,
        score,
        score_ts: 0,
        in_pool: true,
        deletion_on: None,
        zones: zones.iter().map(|&zone| zone.to_owned()).collect(),
    }
}

fn snapshot(servers: Vec<Server>) -> Snapshot {
    Snapshot { serial: 1_800_000_000, servers, ..Snapshot::default() }
}

#[test]
fn a_snapshot_doesnt_differ_from_itself() {
    let one = snapshot(vec![server(1, 20.0, &["uk", "@"])]);
    let mut same = one.clone();
    same.servers[0].score_ts = 9;
    same.servers[0].zones.reverse();
    let diff = diff(&one, &same, 10);
    assert_eq!(
        (diff.added.len(), diff.removed.len(), diff.changed.len(), diff.zones.len()),
        (0, 0, 0, 0)
    );
    assert_eq!(
        diff.to_string(),
        "0 servers added, 0 removed, 0 changed; 0 zones differ, 0 of them lose more than 10 %\n"
    );
}

#[test]
fn what_changed_is_told_in_a_table_that_lines_up() {
    let before = snapshot(vec![
        server(1, 20.0, &["uk", "@"]),
        server(2, 20.0, &["uk", "@"]),
        server(30, 20.0, &["nz", "@"]),
    ]);
    let after = snapshot(vec![
        Server { netspeed: 500, ..server(1, 20.0, &["uk", "@"]) },
        Server {
            in_pool: false,
            deletion_on: Some(jiff::civil::date(2027, 3, 1)),
            ..server(2, 9.5, &["uk", "de", "@"])
        },
        server(4, 20.0, &["nz", "@"]),
        server(5, 20.0, &["nz", "@"]),
    ]);
    let expected = "\
2 servers added, 1 removed, 2 changed; 3 zones differ, 1 of them lose more than 30 %

ZONE  IP    SERVERS  KBIT/S        LOST
uk    IPv4  2 -> 1   2000 -> 500   75.0 %    !
@     IPv4  3 -> 3   3000 -> 2500  16.7 %
nz    IPv4  1 -> 2   1000 -> 2000  -100.0 %

   SERVER  ADDRESS     CHANGES
+  4       192.0.2.4
+  5       192.0.2.5
-  30      192.0.2.30
~  1       192.0.2.1   netspeed 1000 -> 500
~  2       192.0.2.2   score 20.0 -> 9.5, out of the pool, deletion planned for 2027-03-01, zones @ uk -> @ de uk
";
    let diff = diff(&before, &after, 30);
    assert_eq!(diff.to_string(), expected);
    let json = serde_json::to_value(&diff).unwrap();
    assert_eq!(
        json["changed"][0],
        serde_json::json!({"id": 1, "ip": "192.0.2.1", "netspeed": [1000, 500]})
    );
    assert_eq!(json["zones"][0]["alarming"], true);
}

#[test]
fn only_so_many_servers_are_told_one_by_one() {
    let many: Vec<Server> = (1..=60).map(|id| server(id, 20.0, &["@"])).collect();
    let text = diff(&snapshot(many), &snapshot(Vec::new()), 30).to_string();
    assert!(text.ends_with("and 10 servers more\n"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with('-')).count(), 50);
    assert!(text.contains("@     IPv4  60 -> 0  60000 -> 0  100.0 %  !"), "{text}");
}
