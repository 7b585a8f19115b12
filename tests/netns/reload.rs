//! Files that change while they are served: bad ones change nothing.

use std::fs;
use std::time::{Duration, SystemTime};

use edge_tests::geoip::country_mmdb;
use edge_tests::netns::{COUNTRIES, PATIENCE, Rig};

const ZONE: &str = "zones/small.example.json";

/// A small zone with one address.
fn zone(serial: u32, address: &str) -> String {
    format!(
        r#"{{"serial": {serial}, "ttl": 60, "data": {{"": {{"ns": ["ns.example."], "a": [["{address}"]]}}}}}}"#
    )
}

fn serving() -> Rig {
    let mut rig = Rig::new("native");
    rig.write_zone("small.example", &zone(1, "10.0.0.1"));
    rig.start();
    assert_eq!(answer(&rig), ["10.0.0.1"]);
    rig
}

fn answer(rig: &Rig) -> Vec<String> {
    let reply = rig.ask("192.0.2.10", "small.example A +nocookie");
    reply.data().into_iter().map(str::to_owned).collect()
}

/// Waits until the small zone has an address, and insists that XDP answers so.
fn becomes(rig: &Rig, address: &str) {
    rig.wait_until(&format!("{address} is served"), PATIENCE, || answer(rig) == [address]);
    let before = rig.counters();
    assert_eq!(answer(rig), [address]);
    assert_eq!(rig.counters().xdp() - before.xdp(), 1);
}

fn errors(rig: &Rig) -> Vec<String> {
    let status = rig.status();
    let errors = status["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().filter_map(|error| error.as_str()).map(str::to_owned).collect()
}

/// Waits until the only error is about a file and says `reason`.
fn complains(rig: &Rig, file: &str, reason: &str) {
    let wanted = format!("{}{reason}", rig.path(file).display());
    let so = || matches!(errors(rig).as_slice(), [error] if error.starts_with(&wanted));
    rig.wait_until(&format!("the error is {wanted}"), PATIENCE, so);
}

fn content(rig: &Rig) {
    rig.wait_until("there is no error", PATIENCE, || errors(rig).is_empty());
}

#[test]
fn a_changed_file_is_served_however_it_was_written() {
    let rig = serving();
    rig.write_zone("small.example", &zone(2, "10.0.0.2"));
    becomes(&rig, "10.0.0.2");
    fs::write(rig.path(ZONE), zone(3, "10.0.0.3")).unwrap();
    becomes(&rig, "10.0.0.3");
    let status = rig.status();
    let zones = status["zones"].as_array().unwrap();
    let small = zones.iter().find(|zone| zone["name"] == "small.example").unwrap();
    assert_eq!((&small["serial"], &small["in_xdp"]), (&3.into(), &true.into()));
}

#[test]
fn a_broken_file_changes_nothing_until_it_is_mended() {
    let rig = serving();
    for (file, reason) in [("{\n \"data\": {]}", ":2:11: "), ("", ": "), ("{\"data", ":1:6: ")] {
        rig.write_zone("small.example", file);
        complains(&rig, ZONE, reason);
        assert_eq!(answer(&rig), ["10.0.0.1"], "{file}");
        assert_eq!(rig.ask("192.0.2.10", "pool.example A +nocookie").answers.len(), 4);
    }
    // A good file that is older than the broken one.
    let earlier = SystemTime::now() - Duration::from_secs(86_400);
    fs::write(rig.path("new"), zone(4, "10.0.0.4")).unwrap();
    fs::File::open(rig.path("new")).unwrap().set_modified(earlier).unwrap();
    fs::rename(rig.path("new"), rig.path(ZONE)).unwrap();
    becomes(&rig, "10.0.0.4");
    content(&rig);
}

#[test]
fn files_come_and_go_and_their_zones_with_them() {
    let rig = serving();
    fs::remove_file(rig.path(ZONE)).unwrap();
    let asked = || rig.ask("192.0.2.10", "small.example A +nocookie").status;
    rig.wait_until("the zone is gone", PATIENCE, || asked() == "REFUSED");
    assert_eq!(rig.ask("192.0.2.10", "small.example A +tcp").status, "REFUSED");
    rig.write_zone("small.example", &zone(5, "10.0.0.5"));
    becomes(&rig, "10.0.0.5");
    rig.write_zone("UPPER.example", &zone(1, "10.0.0.9"));
    let upper = || rig.ask("192.0.2.10", "upper.example A +nocookie").data() == ["10.0.0.9"];
    rig.wait_until("a new zone is served", PATIENCE, upper);
}

#[test]
fn a_directory_that_is_replaced_is_looked_at_again() {
    let rig = serving();
    fs::create_dir(rig.path("others")).unwrap();
    fs::write(rig.path("others/small.example.json"), zone(6, "10.0.0.6")).unwrap();
    fs::rename(rig.path("zones"), rig.path("former")).unwrap();
    fs::rename(rig.path("others"), rig.path("zones")).unwrap();
    becomes(&rig, "10.0.0.6");
    assert_eq!(rig.ask("192.0.2.10", "pool.example A +nocookie").status, "REFUSED");
}

#[test]
fn a_directory_that_vanishes_changes_nothing() {
    let rig = serving();
    fs::rename(rig.path("zones"), rig.path("former")).unwrap();
    complains(&rig, "zones", ": No such file");
    assert_eq!(answer(&rig), ["10.0.0.1"]);
    fs::rename(rig.path("former"), rig.path("zones")).unwrap();
    content(&rig);
    assert_eq!(answer(&rig), ["10.0.0.1"]);
}

#[test]
fn a_new_database_moves_clients_and_a_broken_one_does_not() {
    const DATABASE: &str = "geoip/GeoLite2-Country.mmdb";
    let rig = serving();
    let from = |prefix: &str| {
        let reply = rig.ask("192.0.2.10", "pool.example A +nocookie");
        reply.answers.iter().all(|record| record.data.starts_with(prefix))
    };
    assert!(from("10.49.0."), "Germany's");
    let moved = COUNTRIES.map(|(prefix, country)| match prefix {
        "192.0.2.0/24" => (prefix, "JP"),
        _ => (prefix, country),
    });
    let moved = country_mmdb(&moved);
    rig.write(DATABASE, &moved);
    rig.wait_until("the client is in Japan", PATIENCE, || from("10.81.0."));
    for octets in [moved.len() / 2, 0] {
        // In place, as by a disk that is full.
        fs::write(rig.path(DATABASE), &moved[..octets]).unwrap();
        complains(&rig, DATABASE, ": ");
        assert!(from("10.81.0."), "still Japan's");
    }
    fs::remove_file(rig.path(DATABASE)).unwrap();
    complains(&rig, "geoip", ": ");
    assert!(from("10.81.0."), "still Japan's");
    rig.write(DATABASE, &country_mmdb(&COUNTRIES));
    rig.wait_until("the client is back in Germany", PATIENCE, || from("10.49.0."));
    content(&rig);
}
