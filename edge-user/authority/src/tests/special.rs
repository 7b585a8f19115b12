//! Tests of `_status`, `_health` and `_country`.

use hickory_proto::op::ResponseCode;

use super::{A, ANY, TXT, ask, assert_negative, serving};
use crate::Options;

/// The text of the only record of an answer, its strings one after another.
fn text(raw: &[u8]) -> String {
    let message = hickory_proto::op::Message::from_vec(raw).unwrap();
    assert_eq!(message.answers.len(), 1);
    assert_eq!(message.answers[0].ttl, 1);
    message.answers[0].data.to_string()
}

#[test]
fn status_is_told_to_this_host_only() {
    let options = Options { hostname: "host".to_owned(), ..Options::new("edge1") };
    let ask = ask("_status.x.example.com", TXT);
    assert_negative(&ask.get(), ResponseCode::NXDomain, "example.com.");
    for ip in ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"] {
        let raw = ask.clone().from(ip).raw_with(&serving(), &options).unwrap();
        let status: serde_json::Value = serde_json::from_str(&text(&raw)).unwrap();
        assert_eq!(status["h"], "host");
        assert_eq!(status["id"], "edge1");
        assert_eq!(status["v"], env!("CARGO_PKG_VERSION"));
        assert!(status["up"].as_str().unwrap().parse::<u64>().is_ok());
    }
}

#[test]
fn status_is_told_to_everyone_if_configured() {
    let options = Options { public_debug_queries: true, ..Options::default() };
    let raw = ask("_STATUS.example.com", ANY).raw_with(&serving(), &options).unwrap();
    assert!(text(&raw).starts_with(r#"{"h":"","id":"","up":""#));
    let raw = ask("_health.pool.example.com", TXT).raw_with(&serving(), &options).unwrap();
    assert_eq!(text(&raw), "{}");
}

#[test]
fn country_tells_everyone_who_they_are() {
    let raw = ask("_country.example.com", TXT).from("198.51.100.9").raw();
    assert_eq!(
        text(&raw),
        "198.51.100.9:4000198.51.100.9us north-america @/25edge1100.64.0.53(37.800,-122.400)"
    );
    let nowhere = ask("_country.a.b.example.com", TXT).raw();
    assert_eq!(text(&nowhere), "100.64.0.1:4000100.64.0.1@/25edge1100.64.0.53()");
    let subnet = ask("_country.example.com", TXT).subnet(1, 24, &[192, 0, 2]).raw();
    assert!(text(&subnet).contains("192.0.2.0de europe @"));
}

#[test]
fn special_labels_have_no_other_types() {
    for name in ["_status", "_health", "_country"] {
        let ask = ask(&format!("{name}.example.com"), A).from("127.0.0.1");
        assert_negative(&ask.get(), ResponseCode::NoError, "example.com.");
    }
}
