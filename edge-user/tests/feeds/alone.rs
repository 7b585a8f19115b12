//! A node with a feed, and with a directory of zones or without one.

use std::fs;

use crate::documents::{mark, now, snapshot, zone};
use crate::node::Node;

const FEED: &str = "snapshot = \"snapshot.json\"\n";
const MARKED: &str = "jp.pool.example";

fn node(feed: &str) -> Node {
    let node = Node::new(feed);
    node.write("snapshot.json", snapshot(now() - 50, 10, 20, 1).as_bytes());
    node
}

#[test]
fn a_feed_is_enough_and_a_directory_that_is_made_later_is_read() {
    let mut node = node(FEED);
    let checked = node.edge(&["check", "--config", "edge.toml"]);
    assert!(checked.status.success(), "{checked:?}");
    node.start();
    node.until("the feed is served", |node| node.ask(MARKED) == Some(vec![mark(1)]));
    assert_eq!(node.errors(), [""; 0]);
    assert_eq!(node.warnings(&["zones"]), [""; 0]);
    // At once whole, as by a rename.
    fs::create_dir(node.path("made")).unwrap();
    node.write("made/pool.example.json", zone(now(), 12, 2).as_bytes());
    fs::rename(node.path("made"), node.path("zones")).unwrap();
    node.until("the file is served", |node| node.ask("one.pool.example") == Some(vec![mark(2)]));
    let odd = node.errors();
    assert!(odd.len() == 1 && odd[0].contains("the feed has it, too"), "{odd:?}");
    fs::remove_file(node.path("zones/pool.example.json")).unwrap();
    node.until("the feed is served again", |node| node.ask(MARKED) == Some(vec![mark(1)]));
    // It has been there, so that it is missed.
    fs::remove_dir(node.path("zones")).unwrap();
    node.until("it is missed", |node| {
        node.errors().iter().any(|error| error.contains("/zones: No such file"))
    });
    assert_eq!(node.ask(MARKED), Some(vec![mark(1)]));
}

#[test]
fn a_directory_that_is_named_has_to_be_there_and_none_can_be_wished() {
    let mut node = node(&format!("{FEED}[zones]\ndirectory = \"elsewhere\"\n"));
    for command in ["check", "run"] {
        let ended = node.edge(&[command, "--config", "edge.toml"]);
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success() && said.contains("elsewhere: No such file"), "{said}");
    }
    let none = node.config(&format!("{FEED}[zones]\ndirectory = \"\"\n"));
    node.write("edge.toml", none.as_bytes());
    node.start();
    node.until("the feed is served", |node| node.ask(MARKED) == Some(vec![mark(1)]));
    assert_eq!(node.errors(), [""; 0]);
}
