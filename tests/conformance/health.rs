//! Records that depend on a status file (geodns's `health`).
//!
//! The behaviours share one status file, so each is one state of it, and one test goes through
//! all.

use edge_tests::message::rcode;
use edge_tests::message::rtype::{A, AAAA, MX, TXT};
use edge_tests::stage::{Asker, Client};

behaviours! {
    udp: [healthy_records_are_answered_and_others_pass_their_turn_on],
    tcp: [records_without_any_status_are_not_healthy],
}

fn data(on: &Asker, label: &str, rtype: u16) -> Vec<String> {
    let reply = on.get(&format!("{label}.health.example"), rtype);
    assert_eq!(reply.rcode, rcode::NOERROR, "{label}");
    reply.sorted().into_iter().map(str::to_owned).collect()
}

fn becomes(on: &Asker, label: &str, rtype: u16, wanted: &[&str]) {
    on.until(&format!("{label} is {wanted:?}"), || data(on, label, rtype) == wanted);
}

fn healthy_records_are_answered_and_others_pass_their_turn_on(on: &Asker) {
    let usa = &on.at(Client::Usa);
    // 0 is unknown, 1 unhealthy, 2 healthy; IPv6 addresses may be written in any way.
    on.write(
        "health/www.json",
        r#"{"10.0.0.1": 2, "10.0.0.2": 1, "10.0.0.3": 0, "FD00:0::1": 2, "named": 2, "good.example.net": 2}"#,
    );
    becomes(usa, "www", A, &["10.0.0.1"]);
    becomes(usa, "mail", MX, &["10 good.example.net."]);
    assert_eq!(data(usa, "www", AAAA), ["fd00::1"]);
    assert_eq!(data(usa, "own", A), ["10.0.0.8"], "a record's own key");
    assert_eq!(data(usa, "texts", TXT), ["\"texts are never ill\""]);
    assert_eq!(data(usa, "lost", A), [""; 0], "no status, no answer");
    assert_eq!(data(on, "www", A), ["10.0.0.1"], "Germany's are sick: the next target's");

    on.write("health/www.json", r#"{"10.0.0.1": 1, "10.0.0.2": 2, "10.0.0.3": 2}"#);
    becomes(usa, "www", A, &["10.0.0.2", "10.0.0.3"]);
    assert_eq!(data(usa, "www", AAAA), [""; 0]);

    on.write("health/www.json", "{");
    on.write("health/sick.json", r#"{"10.49.0.1": 2}"#);
    becomes(on, "www", A, &["10.49.0.1"]);
    assert_eq!(data(usa, "www", A), ["10.0.0.2", "10.0.0.3"], "a broken file changes nothing");

    on.write("health/sick.json", r#"{"10.49.0.1": 1}"#);
    becomes(on, "www", A, &["10.0.0.2", "10.0.0.3"]);
    on.write("health/www.json", r#"{"10.0.0.3": 2}"#);
    becomes(usa, "www", A, &["10.0.0.3"]);
}

fn records_without_any_status_are_not_healthy(on: &Asker) {
    assert_eq!(data(on, "lost", A), [""; 0]);
    assert_eq!(data(on, "texts", TXT), ["\"texts are never ill\""]);
}
