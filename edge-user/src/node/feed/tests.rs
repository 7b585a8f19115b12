//! Tests of a feed of files, with its thread and a controller.
//!
//! The zones that are served follow the files that are written.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Feed, Prepared, now};
use crate::node::control::Request;
use crate::node::controller::Controller;
use crate::settings::Config;
use edge_authority::{Answerer, Asked, Current, Options};
use edge_tables::publish::{NoKernel, Publisher};
use edge_tables::store::Store;

struct Running {
    folder: tempfile::TempDir,
    controller: Controller,
    current: Arc<Current>,
    feed: Option<Feed>,
}

/// All servers; the last octets of their addresses are their identifiers.
fn snapshot(n: u8, serial: i64) -> String {
    let servers: Vec<Value> = (1..=n)
        .map(|id| {
            json!({"id": id, "ip": format!("192.0.2.{id}"), "netspeed": 1000, "score": 20.0, "zones": ["@"]})
        })
        .collect();
    let roots = [json!({"origin": "pool.example", "ns": ["ns1.example.net."]})];
    json!({"serial": serial, "cursor": 10, "roots": roots, "servers": servers}).to_string()
}

fn score(id: u64, server_id: u64, score: f64) -> String {
    format!("{}\n", json!({"id": id, "ts": now(), "server_id": server_id, "score": score}))
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["zones", "geoip"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let text = "[dns]\nlisten = [\"192.0.2.53\"]\n[xdp]\nmode = \"off\"\n[feed]\nstate = \"state\"\n\
                snapshot = \"snapshot.json\"\ndeltas = \"deltas.ndjson\"\n";
    fs::write(folder.path().join("edge.toml"), text).unwrap();
    folder
}

impl Running {
    fn start(folder: tempfile::TempDir) -> Self {
        let config = Config::load(&folder.path().join("edge.toml")).unwrap();
        let mut publisher =
            Publisher::new(Store::in_memory(), Box::new(NoKernel), fastrand::Rng::with_seed(1));
        publisher.serve(&config.dns.listen).unwrap();
        let current = Arc::new(Current::default());
        let mut controller = Controller::new(&config, publisher, Arc::clone(&current));
        let (prepared, zones) = Prepared::new(&config).unwrap().unwrap();
        controller.take_fed(zones);
        controller.refresh().unwrap();
        let feed = Some(prepared.start(None).unwrap());
        Self { folder, controller, current, feed }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn feed(&self) -> &Feed {
        self.feed.as_ref().unwrap()
    }

    /// What the feed replies to an operator.
    fn ask(&self, request: Request) -> Value {
        let (reply, replied) = oneshot::channel();
        self.feed().ask((request, reply));
        replied.blocking_recv().unwrap().unwrap()
    }

    /// Files are replaced by a rename.
    fn replace(&self, name: &str, text: &str) {
        fs::write(self.path(".new"), text).unwrap();
        fs::rename(self.path(".new"), self.path(name)).unwrap();
    }

    fn append(&self, text: &str) {
        let mut file =
            OpenOptions::new().create(true).append(true).open(self.path("deltas.ndjson")).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Takes what the feed has until that is true.
    fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            self.controller.feed(self.feed().handoff().take()).unwrap();
            if is_so(self) {
                return;
            }
            assert!(Instant::now() < end, "{what}: {:?}", self.feed().view().read());
            sleep(Duration::from_millis(5));
        }
    }

    /// The servers that many answers for the pool's name hold, by their last octets.
    fn answers(&self) -> Vec<u8> {
        let mut question = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        question.extend_from_slice(b"\x04pool\x07example\0\0\x01\0\x01");
        let asked = Asked {
            client: "198.51.100.7:5353".parse().unwrap(),
            server: "192.0.2.53:53".parse().unwrap(),
            stream: false,
        };
        let mut answerer = Answerer::new(fastrand::Rng::with_seed(1));
        let serving = self.current.get();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let mut out = Vec::new();
            answerer.answer(&serving, &Options::default(), &question, &asked, &mut out).unwrap();
            let records = out[question.len()..].chunks(16).take(out[7].into());
            seen.extend(records.map(|record| record[15]));
        }
        seen.into_iter().collect()
    }
}

#[test]
fn answers_follow_a_snapshot_and_the_changes_behind_it() {
    let folder = folder();
    let mut running = Running::start(folder);
    assert!(running.controller.zones().is_empty());
    assert_eq!(running.feed().view().read().freshness, "alarm", "it has never arrived");
    running.append(&score(11, 2, 5.0));
    running.replace("snapshot.json", &snapshot(3, now()));
    running.until("the snapshot", |running| !running.controller.zones().is_empty());
    running.until("the change before it", |running| running.answers() == [1, 3]);
    running.append(&score(12, 2, 20.0));
    running.append(&score(13, 1, 9.9));
    running.until("more changes", |running| running.answers() == [2, 3]);
    let feed = running.feed().view().read();
    assert_eq!((feed.cursor, feed.deltas, &*feed.freshness), (Some(13), 3, "fresh"));
    assert!(feed.sources.iter().all(|source| source.connected), "{feed:?}");
    assert_eq!(feed.serials["pool.example"], running.controller.zones()[0].serial);
    assert_eq!(running.feed().view().errors(), [""; 0]);
}

#[test]
fn a_change_of_scores_costs_the_tables_their_decks_alone() {
    let folder = folder();
    fs::write(folder.path().join("snapshot.json"), snapshot(40, now())).unwrap();
    fs::write(folder.path().join("deltas.ndjson"), "").unwrap();
    let mut running = Running::start(folder);
    running.until("the snapshot", |running| !running.controller.zones().is_empty());
    let compiled = |running: &Running| {
        Arc::clone(&running.controller.zone_of(b"\x04pool\x07example\0").unwrap().compiled)
    };
    let before = compiled(&running);
    running.append(&score(11, 2, 5.0));
    running.until("the change", |running| {
        running.controller.zones()[0].serial > 0
            && running.feed().view().read().deltas == 1
            && !Arc::ptr_eq(&before, &compiled(running))
    });
    assert!(compiled(&running).is_of_the_same_shape(&before));
}

#[test]
fn the_last_good_stays_whatever_comes_after_it_and_the_reason_is_reported() {
    let folder = folder();
    fs::write(folder.path().join("deltas.ndjson"), "").unwrap();
    let mut running = Running::start(folder);
    running.replace("snapshot.json", &snapshot(20, now() - 5));
    running.until("the snapshot", |running| !running.controller.zones().is_empty());
    let good: Vec<u8> = (1..=20).collect();
    assert_eq!(running.answers(), good);
    for (kind, expected, text) in [
        ("broken", "snapshot.json:1:", snapshot(20, now()).split_at(200).0.to_owned()),
        ("older", "is older than", snapshot(20, now() - 900)),
        ("shrunken", "6 servers of 20 are left", snapshot(6, now() - 4)),
    ] {
        running.replace("snapshot.json", &text);
        running.until(kind, |running| running.feed().view().read().refusals[kind] == 1);
        let errors = running.feed().view().errors();
        assert!(errors.len() == 1 && errors[0].contains(expected), "{errors:?}");
        assert_eq!(running.answers(), good);
    }
    let reply = running.ask(Request::FeedAllowOnce);
    let place = running.path("snapshot.json");
    let message = format!("the refused document of {} is accepted now", place.display());
    assert_eq!(reply["messages"], json!([message]));
    running.until("the operator's word", |running| running.answers() == [1, 2, 3, 4, 5, 6]);
    assert_eq!(running.feed().view().errors(), [""; 0]);
}

/// The same, of another cursor.
fn snapshot_at(n: u8, serial: i64, cursor: u64) -> String {
    let mut value: Value = serde_json::from_str(&snapshot(n, serial)).unwrap();
    value["cursor"] = json!(cursor);
    value.to_string()
}

/// A score `ago` seconds ago.
fn score_at(id: u64, server_id: u64, score: f64, ago: i64) -> String {
    let ts = now() - ago;
    format!("{}\n", json!({"id": id, "ts": ts, "server_id": server_id, "score": score}))
}

#[test]
fn changes_after_a_return_are_taken_at_once_and_over_restarts_and_given_up_ones_are_not() {
    let folder = folder();
    fs::write(folder.path().join("snapshot.json"), snapshot_at(6, now() - 300, 1000)).unwrap();
    let given_up = score_at(1001, 6, 5.0, 60) + &score_at(1010, 5, 5.0, 50);
    fs::write(folder.path().join("deltas.ndjson"), given_up).unwrap();
    let mut running = Running::start(folder);
    running.until("changes", |running| {
        !running.controller.zones().is_empty() && running.answers() == [1, 2, 3, 4]
    });
    running.replace("snapshot.json", &snapshot_at(6, now() - 900, 900));
    running.until("the refusal", |running| running.feed().view().read().refusals["older"] == 1);
    // One comes before the operator's decision.
    running.append(&score_at(901, 1, -50.0, 5));
    running.ask(Request::FeedAllowOnce);
    running.append(&score(902, 2, -50.0));
    running.until("lower changes", |running| running.answers() == [3, 4, 5, 6]);
    assert_eq!(running.feed().view().read().cursor, Some(902));

    running.feed = None;
    let Running { folder, .. } = running;
    let mut running = Running::start(folder);
    assert_eq!(running.answers(), [3, 4, 5, 6]);
    running.append(&score(903, 3, -50.0));
    running.until("another one", |running| running.answers() == [4, 5, 6]);
    let feed = running.feed().view().read();
    assert_eq!((feed.cursor, feed.deltas), (Some(903), 1), "1001 and 1010 were given up");
    assert_eq!(running.feed().view().errors(), [""; 0]);
}

#[test]
fn what_waits_to_be_allowed_is_shown_and_can_be_taken_back() {
    let folder = folder();
    fs::write(folder.path().join("snapshot.json"), snapshot(4, now() - 5)).unwrap();
    let mut running = Running::start(folder);
    running.until("the snapshot", |running| !running.controller.zones().is_empty());
    let message = "the next older or smaller feed within 15 min will be accepted";
    assert_eq!(running.ask(Request::FeedAllowOnce)["messages"], json!([message]));
    running.until("the status", |running| {
        running.feed().view().read().allow_once_seconds.is_some_and(|left| left > 840)
    });
    let message = "older or smaller feeds will be refused again";
    assert_eq!(running.ask(Request::FeedCancelAllowOnce)["messages"], json!([message]));
    running.replace("snapshot.json", &snapshot(4, now() - 900));
    running.until("the refusal", |running| running.feed().view().read().refusals["older"] == 1);
    assert_eq!(running.feed().view().read().allow_once_seconds, None);
}

#[test]
fn a_source_is_tried_again_when_an_operator_asks_for_it() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = folder();
    let config = fs::read_to_string(folder.path().join("edge.toml")).unwrap();
    let url = format!("\"http://{}/\"", server.local_addr().unwrap());
    fs::write(folder.path().join("edge.toml"), config.replace("\"snapshot.json\"", &url)).unwrap();
    let answer = |status: &str, body: &str| {
        let (mut stream, _) = server.accept().unwrap();
        let mut piece = [0; 1024];
        assert!(stream.read(&mut piece).unwrap() > 0);
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nretry-after: 3600\r\ncontent-length: {length}");
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
    };
    let mut running = Running::start(folder);
    answer("503 Service Unavailable", "");
    running.until("the error", |running| running.feed().view().read().sources[0].failures == 1);
    let names = running.ask(Request::FeedRetry)["messages"].to_string();
    assert!(names.contains("http://127.0.0.1") && names.contains("is tried again now"), "{names}");
    answer("200 OK", &snapshot(2, now()));
    running.until("the snapshot", |running| !running.controller.zones().is_empty());
    assert_eq!(running.answers(), [1, 2]);
}

#[test]
fn a_snapshot_that_was_ahead_of_the_clock_is_taken_when_its_time_has_come() {
    let folder = folder();
    fs::write(folder.path().join("snapshot.json"), snapshot(3, now() + 602)).unwrap();
    fs::write(folder.path().join("deltas.ndjson"), "").unwrap();
    let mut running = Running::start(folder);
    running.until("the refusal", |running| running.feed().view().read().refusals["ahead"] == 1);
    running.until("the snapshot", |running| !running.controller.zones().is_empty());
    assert_eq!(running.answers(), [1, 2, 3]);
    assert_eq!(running.feed().view().errors(), [""; 0]);
}

#[test]
fn a_node_serves_without_its_feed_after_a_restart_and_goes_on_where_it_was() {
    let folder = folder();
    fs::write(folder.path().join("snapshot.json"), snapshot(4, now())).unwrap();
    fs::write(folder.path().join("deltas.ndjson"), score(11, 2, 5.0)).unwrap();
    let mut running = Running::start(folder);
    running.until("the feed", |running| {
        !running.controller.zones().is_empty() && running.answers() == [1, 3, 4]
    });
    // It keeps what there is when it ends.
    running.feed = None;
    let Running { folder, .. } = running;
    fs::remove_file(folder.path().join("snapshot.json")).unwrap();
    fs::rename(folder.path().join("deltas.ndjson"), folder.path().join("away")).unwrap();

    let mut running = Running::start(folder);
    assert_eq!(running.answers(), [1, 3, 4], "before any source has answered");
    running.until("what is wrong", |running| {
        let sources = running.feed().view().read().sources;
        sources.len() == 2 && sources.iter().all(|source| source.reason == "file")
    });
    assert_eq!(running.feed().view().errors().len(), 2);
    assert_eq!(running.answers(), [1, 3, 4]);
    fs::rename(running.path("away"), running.path("deltas.ndjson")).unwrap();
    running.append(&score(12, 3, 5.0));
    running.until("a change", |running| running.answers() == [1, 4]);
    assert_eq!(running.feed().view().read().deltas, 1, "the first one was known");
}

#[test]
fn what_was_kept_and_is_broken_is_named_and_the_feed_takes_its_place() {
    let folder = folder();
    let state = folder.path().join("state");
    fs::create_dir_all(state.join("zones")).unwrap();
    fs::write(state.join("snapshot.json"), "{").unwrap();
    fs::write(state.join("zones/pool.example.json"), "{").unwrap();
    fs::write(folder.path().join("snapshot.json"), snapshot(4, now())).unwrap();
    let config = Config::load(&folder.path().join("edge.toml")).unwrap();
    let (prepared, zones) = Prepared::new(&config).unwrap().unwrap();
    let errors = prepared.view().errors().join("\n");
    assert!(zones.is_empty() && errors.contains("state/snapshot.json: EOF while"), "{errors}");
    let mut running = Running::start(folder);
    running.until("the feed", |running| !running.controller.zones().is_empty());
    assert_eq!(running.answers(), [1, 2, 3, 4]);
    running.feed = None;
    let (prepared, zones) = Prepared::new(&config).unwrap().unwrap();
    assert_eq!((prepared.view().errors(), zones.len()), (Vec::new(), 1));
}

#[test]
fn a_state_that_cannot_be_written_is_reported_and_serving_goes_on() {
    let folder = folder();
    fs::write(folder.path().join("snapshot.json"), snapshot(4, now())).unwrap();
    fs::create_dir_all(folder.path().join("state/zones/.pool.example.json.new")).unwrap();
    let mut running = Running::start(folder);
    running.until("the feed", |running| !running.controller.zones().is_empty());
    running.until("the error", |running| {
        running.feed().view().errors().iter().any(|error| error.contains("pool.example.json: Is a"))
    });
    assert_eq!(running.answers(), [1, 2, 3, 4]);
    fs::remove_dir(running.path("state/zones/.pool.example.json.new")).unwrap();
    running.feed = None;
    assert!(running.path("state/zones/pool.example.json").exists(), "what failed is written again");
}
