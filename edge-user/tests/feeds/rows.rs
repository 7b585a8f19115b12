//! Tests of the zones of others, from a server that goes wrong.
//!
//! It goes wrong with each zone in another way, all at once.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::documents::{mark, now, zone};
use crate::node::Node;
use crate::server::{Reply, Server, error, page, plain};

/// Between two looks at all rows.
const LOOK: Duration = Duration::from_millis(300);
/// How long the longest may take: one that drips has 18 s, and is asked again after a pause.
const PATIENCE: Duration = Duration::from_secs(180);

/// What is wrong with a zone, and how it has to show.
struct Row {
    origin: String,
    reply: Reply,
    sign: Sign,
    says: &'static str,
}

/// The place where the status shows the kind of a fault.
#[derive(Clone, Copy, Debug)]
enum Sign {
    /// With the source: the way is bad.
    Source(&'static str),
    /// Among the refusals: the word is bad.
    Refusal(&'static str),
}

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut into = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    into.write_all(octets).unwrap();
    into.finish().unwrap()
}

/// Every way of the word's being bad. The mark 66 would show if any were served.
fn bad_words() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let now = now();
    let whole = zone(now, 12, 66);
    vec![
        ("json", whole[..200].to_owned(), "broken", "EOF while parsing"),
        ("nothing", String::new(), "broken", "EOF while parsing"),
        ("list", "[]".to_owned(), "broken", "invalid type: sequence"),
        ("labels", r#"{"serial":7,"data":[]}"#.to_owned(), "broken", "data isn't an object"),
        ("serial", whole.replace(&format!("{now}"), "\"7\""), "broken", "serial isn't a number"),
        ("address", whole.replace("192.0.2.7\"", "192.0.2.700\""), "broken", "is not an IPv4"),
        ("older", zone(now - 200, 12, 66), "older", "is older than"),
        ("ahead", zone(now + 4000, 12, 66), "ahead", "s ahead; set the publisher's clock"),
        ("stale", zone(now - 200_000, 12, 66), "stale", "s old, 86400 s at most"),
        ("shrunken", zone(now, 5, 66), "shrunken", "6 servers of 13 are left"),
        ("empty", zone(now, 0, 0), "empty", "no server is left of 13"),
        ("crowded", zone(now, 60, 66), "servers", "61 servers, 50 at most"),
    ]
}

/// Every way of the way's being bad.
fn bad_ways() -> Vec<(&'static str, Reply, &'static str, &'static str)> {
    let say = |octets: &[u8]| Reply::Say(octets.to_vec());
    let ok = "HTTP/1.1 200 OK\r\n";
    let packed = gzip(zone(now(), 12, 66).as_bytes());
    let gzipped = |octets: &[u8]| Reply::Say(page("content-encoding: gzip\r\n", octets));
    let endless = [ok.as_bytes(), b"\r\n", &vec![b' '; 200_000]].concat();
    let short = format!("{ok}content-length: 9999\r\n\r\n{{\"serial\":");
    let long = format!("{ok}content-length: 200000000\r\n\r\n{{");
    let begun = format!("{ok}content-length: 9999\r\n\r\n");
    vec![
        ("page", Reply::Say(page("content-type: text/html\r\n", b"<html>")), "answer", "not JSON"),
        ("truncated", say(short.as_bytes()), "damaged", "end of file before message length"),
        ("gigantic", Reply::Hang(long.into()), "too_large", "more than 100000 octets"),
        ("endless", Reply::Say(endless), "too_large", "more than 100000 octets"),
        ("bomb", gzipped(&gzip(&vec![b' '; 10_000_000])), "too_large", "more than 100000 octets"),
        ("cut", gzipped(&packed[..packed.len() - 9]), "damaged", "gzip: "),
        ("brotli", Reply::Say(page("content-encoding: br\r\n", b"x")), "answer", "encoded as br"),
        (
            "h302",
            say(&error("302 Found\r\nlocation: http://h/")),
            "answer",
            "302 Found to http://h/",
        ),
        ("h401", say(&error("401 Unauthorized")), "refused", "HTTP 401 Unauthorized"),
        ("h403", say(&error("403 Forbidden")), "refused", "HTTP 403 Forbidden"),
        ("h404", say(&error("404 Not Found")), "missing", "HTTP 404 Not Found"),
        ("h500", say(&error("500 Oops")), "answer", "HTTP 500"),
        ("ssh", say(b"SSH-2.0-x\r\n"), "answer", "no HTTP response"),
        ("closed", say(b""), "answer", "no HTTP response"),
        ("hanging", Reply::Hang(Vec::new()), "slow", "no answer within 3 s"),
        ("stalled", Reply::Hang(begun.clone().into()), "slow", "nothing more within 3 s"),
        ("heads", Reply::Drip(format!("{ok}x: ").into(), b'y'), "slow", "no answer within 3 s"),
        ("dripping", Reply::Drip(begun.into(), b' '), "slow", "not complete within 18 s"),
    ]
}

fn rows() -> Vec<Row> {
    let words = bad_words().into_iter().map(|(name, text, kind, says)| {
        let reply = Reply::Say(page("", text.as_bytes()));
        Row { origin: format!("{name}.example"), reply, sign: Sign::Refusal(kind), says }
    });
    let ways = bad_ways().into_iter().map(|(name, reply, reason, says)| Row {
        origin: format!("{name}.example"),
        reply,
        sign: Sign::Source(reason),
        says,
    });
    words.chain(ways).collect()
}

fn good(serial: u64, n: u8) -> Reply {
    Reply::Say(page("content-type: application/json\r\n", zone(serial, 12, n).as_bytes()))
}

/// The server's reply for each zone.
#[derive(Clone, Default)]
struct Replies(Arc<Mutex<BTreeMap<String, Reply>>>);

impl Replies {
    fn set(&self, origin: &str, reply: Reply) {
        self.0.lock().unwrap().insert(origin.to_owned(), reply);
    }

    fn get(&self, head: &str) -> Reply {
        let replies = self.0.lock().unwrap();
        replies.get(origin_of(head)).cloned().unwrap_or_else(|| Reply::Say(error("410 Gone")))
    }
}

fn origin_of(head: &str) -> &str {
    let rest = head.split_once("origin=").map(|(_, rest)| rest).unwrap_or_default();
    rest.split(' ').next().unwrap_or_default()
}

impl Row {
    fn place(&self, server: &Server) -> String {
        format!("http://{}/api/dns-zone?origin={}", server.address(), self.origin)
    }

    /// Whether the status names the fault, its kind and its cause.
    fn shows(&self, place: &str, status: &Value) -> bool {
        let list = |path: &str| status.pointer(path).and_then(Value::as_array).unwrap();
        let source = list("/feed/sources").iter().find(|source| source["name"] == place).unwrap();
        let told = |line: &Value| {
            line.as_str().is_some_and(|line| line.contains(place) && line.contains(self.says))
        };
        list("/errors").iter().any(told)
            && match self.sign {
                Sign::Source(reason) => source["reason"] == reason,
                Sign::Refusal(kind) => {
                    source["connected"] == true
                        && status["feed"]["refusals"][kind].as_u64() > Some(0)
                }
            }
    }

    /// Asserts that metrics show it, too, and that what was served still is.
    fn check(&self, place: &str, node: &Node) {
        let of = |name: &str| node.metric(&format!("{name}{{source=\"{place}\"}}")).unwrap();
        let (up, failures) = (of("edge_feed_source_up"), of("edge_feed_source_failures_total"));
        match self.sign {
            Sign::Source(_) => assert!(up < 0.5 && failures > 0.5, "{place}: {up} {failures}"),
            Sign::Refusal(kind) => {
                let refusals = node.metric(&format!("edge_feed_refusals_total{{kind=\"{kind}\"}}"));
                assert!(refusals > Some(0.5) && up > 0.5, "{place}: {refusals:?} {up}");
            }
        }
        self.is_served(1, node);
    }

    /// Insists that the zone with this mark is served, at all its names.
    fn is_served(&self, n: u8, node: &Node) {
        let origin = &self.origin;
        assert_eq!(node.ask(&format!("one.{origin}")), Some(vec![mark(n)]), "{origin}");
        assert_eq!(node.ask(origin).map(|addresses| addresses.len()), Some(4), "{origin}");
    }
}

#[test]
fn the_last_good_stays_whatever_a_server_says_and_the_reason_is_told_once() {
    let (rows, replies) = (rows(), Replies::default());
    for row in &rows {
        replies.set(&row.origin, good(now() - 100, 1));
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let said = replies.clone();
    let server = Server::start(listener, plain(), move |head| said.get(head));
    let origins: Vec<&String> = rows.iter().map(|row| &row.origin).collect();
    let node = Node::serving(&format!(
        "timeout_seconds = 3\n[feed.guard]\nmax_octets = 100000\nmax_servers = 50\nrefuse_seconds = 86400\n\
         [feed.zones]\nurl = \"http://{}\"\norigins = {origins:?}\nevery_seconds = 1\n",
        server.address()
    ));
    node.until("all are served", |node| {
        node.status()["zones"].as_array().is_some_and(|all| all.len() == rows.len())
    });
    rows.iter().for_each(|row| row.is_served(1, &node));
    assert_eq!(node.errors(), [""; 0]);

    let asked_for =
        |origin: &str| server.asked().iter().filter(|head| origin_of(head) == origin).count();
    let mut pending: Vec<(&Row, usize)> = Vec::new();
    for row in &rows {
        replies.set(&row.origin, row.reply.clone());
        pending.push((row, asked_for(&row.origin)));
    }
    let end = Instant::now() + PATIENCE;
    while !pending.is_empty() {
        thread::sleep(LOOK);
        let status = node.status();
        pending.retain(|&(row, before)| {
            let place = row.place(&server);
            // Asked again, it says the same again.
            if asked_for(&row.origin) < before + 2 || !row.shows(&place, &status) {
                return true;
            }
            row.check(&place, &node);
            replies.set(&row.origin, good(now(), 2));
            false
        });
        let left: Vec<_> = pending.iter().map(|(row, _)| &row.origin).collect();
        assert!(Instant::now() < end, "{left:?} of {status:#}; log: {:#?}", node.log());
    }
    node.until("all are well", |node| node.errors().is_empty());
    for row in &rows {
        // What the feed has taken is published a moment later, by the controller's thread.
        let name = format!("one.{}", row.origin);
        node.until("the new zone is served", |node| node.ask(&name) == Some(vec![mark(2)]));
        row.is_served(2, &node);
        let told = node.warnings(&[&row.place(&server), row.says]);
        assert_eq!(told.len(), 1, "{told:#?}");
    }
}
