//! A zone of the feed, which XDP answers while the feed fails in many ways.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use edge_tests::netns::{PATIENCE, Rig};

use documents::{mark, now, zone};
use server::{Reply, Server, error, page, plain};

// Those of the node's own tests.
#[expect(dead_code, reason = "they need more kinds")]
#[path = "../../edge-user/tests/feeds/documents.rs"]
mod documents;
#[expect(dead_code, reason = "they need more replies")]
#[path = "../../edge-user/tests/feeds/server.rs"]
mod server;

/// Where zones come from: in the server's namespace.
const FROM: &str = "10.53.0.1:8000";

/// What is said, the kind that it has to show as, and a part of the line.
fn bad() -> Vec<(Reply, &'static str, &'static str)> {
    let say = |octets: Vec<u8>| Reply::Say(octets);
    let word = |text: &str| say(page("", text.as_bytes()));
    let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{".to_vec();
    let long = b"HTTP/1.1 200 OK\r\ncontent-length: 200000000\r\n\r\n{".to_vec();
    let now = now();
    vec![
        (word("{\"serial\":"), "broken", "EOF while parsing"),
        (word(&zone(now - 200, 12, 66)), "older", "is older than"),
        (word(&zone(now, 5, 66)), "shrunken", "6 servers of 13 are left"),
        (word(&zone(now, 0, 0)), "empty", "no server is left of 13"),
        (say(begun.clone()), "damaged", "end of file before message length"),
        (Reply::Hang(long), "too_large", "more than 67108864 octets"),
        (say(error("403 Forbidden")), "refused", "HTTP 403"),
        (say(error("404 Not Found")), "missing", "HTTP 404"),
        (say(error("500 Oops")), "answer", "HTTP 500"),
        (Reply::Hang(Vec::new()), "slow", "no answer within 2 s"),
        (Reply::Drip(begun, b' '), "slow", "not complete within 12 s"),
    ]
}

fn good(serial: u64, n: u8) -> Reply {
    Reply::Say(page("", zone(serial, 12, n).as_bytes()))
}

/// Whether the zone with this mark is served.
fn is_served(rig: &Rig, n: u8) -> bool {
    let one = rig.ask("192.0.2.10", "one.fed.example A +nocookie");
    one.data() == [mark(n).to_string()]
}

#[test]
fn xdp_answers_from_the_last_good_feed_whatever_comes_after_it() {
    let mut rig = Rig::new("native");
    let listener = rig.server.enter(|| TcpListener::bind(FROM)).unwrap();
    let served = now() - 100;
    let said = Arc::new(Mutex::new(good(served, 1)));
    let saying = Arc::clone(&said);
    let server = Server::start(listener, plain(), move |_| saying.lock().unwrap().clone());
    let feed = format!(
        "[feed]\nstate = \"state\"\ntimeout_seconds = 2\n\
         [feed.zones]\nurl = \"http://{FROM}\"\norigins = [\"fed.example\"]\nevery_seconds = 1\n"
    );
    rig.write("edge.toml", (rig.config() + &feed).as_bytes());
    rig.start();
    rig.wait_until("the feed is served", PATIENCE, || is_served(&rig, 1));
    let errors = || rig.status()["errors"].to_string();
    for (reply, kind, says) in bad() {
        *said.lock().unwrap() = reply;
        rig.wait_until(says, PATIENCE * 3, || errors().contains(says));
        let feed = rig.status()["feed"].clone();
        let is_refused = feed["refusals"][kind].as_u64() > Some(0);
        assert!(is_refused || feed["sources"][0]["reason"] == kind, "{kind}: {feed:#}");
        let before = rig.counters();
        for _ in 0..20 {
            assert!(is_served(&rig, 1), "{says}");
            assert_eq!(rig.ask("192.0.2.10", "fed.example A +nocookie").answers.len(), 4, "{says}");
        }
        let after = rig.counters();
        assert_eq!(after.xdp() - before.xdp(), 40, "{says}");
        assert_eq!(after.authority() - before.authority(), 0, "{says}");
        *said.lock().unwrap() = good(served, 1);
        rig.wait_until("it is well again", PATIENCE, || errors() == "[]");
    }
    *said.lock().unwrap() = good(now(), 2);
    rig.wait_until("the newer one is served", PATIENCE, || is_served(&rig, 2));
    let before = rig.counters();
    assert!(is_served(&rig, 2));
    assert_eq!(rig.counters().xdp() - before.xdp(), 1);
    // It wakes itself by a connection.
    rig.server.enter(|| drop(server));
}
