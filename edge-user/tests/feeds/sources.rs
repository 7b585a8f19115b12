//! Tests of a snapshot and a stream of changes over HTTP.
//!
//! They cover tokens, tags, gzip, cursors, and a start without anybody there.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use crate::documents::{mark, now, score, snapshot};
use crate::node::Node;
use crate::server::{Reply, Server, error, page, plain};

const MARKED: &str = "jp.pool.example";

/// What the scorer has.
#[derive(Default)]
struct Scorer {
    token: String,
    snapshot: String,
    /// Identifiers and lines of changes.
    changes: Vec<(u64, String)>,
    /// The lines of streams that are open.
    stream: Arc<Mutex<Vec<u8>>>,
}

impl Scorer {
    fn change(&mut self, id: u64, line: String) {
        self.stream.lock().unwrap().extend(line.as_bytes());
        self.changes.push((id, line));
    }

    fn answer(&self, head: &str) -> Reply {
        if !head.contains(&format!("\r\nauthorization: Bearer {}\r\n", self.token)) {
            return Reply::Say(error("401 Unauthorized"));
        }
        let page_of = head.split(' ').nth(1).unwrap_or_default();
        if let Some(after) = page_of.strip_prefix("/changes?after=") {
            let after: u64 = after.parse().unwrap();
            let mut octets = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
            let changes = self.changes.iter().filter(|(id, _)| *id > after);
            changes.for_each(|(_, line)| octets.extend(line.as_bytes()));
            let at = self.stream.lock().unwrap().len();
            return Reply::Follow(octets, Arc::clone(&self.stream), at);
        }
        let tag = format!("\"{}\"", self.snapshot.len());
        if head.contains(&format!("\r\nif-none-match: {tag}\r\n")) {
            return Reply::Say(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec());
        }
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(self.snapshot.as_bytes()).unwrap();
        let fields = format!("etag: {tag}\r\ncontent-encoding: gzip\r\n");
        Reply::Say(page(&fields, &packed.finish().unwrap()))
    }
}

fn serve(scorer: &Arc<Mutex<Scorer>>, at: SocketAddr) -> Server {
    let scorer = Arc::clone(scorer);
    let listener = TcpListener::bind(at).unwrap();
    Server::start(listener, plain(), move |head| scorer.lock().unwrap().answer(head))
}

#[test]
fn a_snapshot_and_its_changes_come_over_http_and_a_restart_goes_on_where_it_was() {
    let scorer = Arc::new(Mutex::new(Scorer {
        token: "one".to_owned(),
        snapshot: snapshot(now() - 50, 10, 20, 1),
        ..Scorer::default()
    }));
    let server = serve(&scorer, "127.0.0.1:0".parse().unwrap());
    let address = server.address();
    let mut node = Node::new(&format!(
        "snapshot = \"http://{address}/snapshot\"\ndeltas = \"http://{address}/changes\"\n\
         token_file = \"token\"\nevery_seconds = 1\ntimeout_seconds = 3\n"
    ));
    node.write("token", b"one\n");
    node.start();
    let until_served = |node: &Node, served: &[u8]| {
        let served: Vec<_> = served.iter().map(|n| mark(*n)).collect();
        node.until("it is served", |node| node.ask(MARKED).as_ref() == Some(&served));
    };
    until_served(&node, &[1]);
    let asked = |server: &Server, word: &str| {
        server.asked().iter().filter(|head| head.contains(word)).count()
    };
    // That nothing is new is a look, too.
    node.until("it is asked by its tag", |_| asked(&server, "if-none-match: ") > 2);
    let source = node.source("/snapshot");
    assert!(source["last_event_seconds"].as_u64() <= source["last_change_seconds"].as_u64());
    assert_eq!((&source["connected"], &source["failures"]), (&true.into(), &0.into()));
    let heads = server.asked();
    assert!(heads[0].starts_with("GET /snapshot HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[0].contains("\r\naccept-encoding: gzip\r\n"), "{heads:?}");
    assert_eq!(asked(&server, "GET /changes?after=10 "), 1);

    // One connection brings both, as they come to be.
    scorer.lock().unwrap().change(11, score(11, 200, 5.0));
    until_served(&node, &[]);
    scorer.lock().unwrap().change(12, score(12, 200, 20.0));
    until_served(&node, &[1]);
    assert_eq!(asked(&server, "GET /changes?after="), 1, "{:#?}", server.asked());
    let feed = node.status()["feed"].clone();
    assert_eq!((&feed["cursor"], &feed["deltas"]), (&12.into(), &2.into()));

    scorer.lock().unwrap().token = "two".to_owned();
    node.until("the token is refused", |node| node.source("/snapshot")["reason"] == "refused");
    assert_eq!(node.warnings(&["HTTP 401 Unauthorized"]).len(), 1, "{:#?}", node.log());
    until_served(&node, &[1]);
    node.write("token", b"two");
    node.until("the new token is taken", |node| node.errors().is_empty());
    assert!(asked(&server, "Bearer two") > 0);
    assert!(!node.log().iter().any(|line| line.contains("Bearer")));

    node.stop();
    drop(server);
    node.start();
    assert_eq!(node.ask(MARKED), Some(vec![mark(1)]), "before any source has answered");
    node.until("nobody is there", |node| {
        ["/snapshot", "/changes"].iter().all(|name| node.source(name)["reason"] == "unreachable")
    });
    assert_eq!(node.ask(MARKED), Some(vec![mark(1)]));
    scorer.lock().unwrap().change(13, score(13, 200, 5.0));
    let server = serve(&scorer, address);
    until_served(&node, &[]);
    node.until("all is well", |node| node.errors().is_empty());
    assert!(asked(&server, "GET /changes?after=12 ") > 0, "{:#?}", server.asked());
    assert_eq!(asked(&server, "GET /changes?after=10 "), 0);
    assert_eq!(node.status()["feed"]["deltas"], 1, "the first two were known");
}
