//! A snapshot and changes in files that go wrong in turn, and the ways out.

use std::fs;

use crate::documents::{mark, now, score, snapshot, snapshot_of};
use crate::node::Node;

const CONFIG: &str = "snapshot = \"snapshot.json\"\ndeltas = \"deltas.ndjson\"\n\
                      [feed.guard]\nmax_octets = 20000\nmax_servers = 50\n";
/// Whose only server is the mark.
const MARKED: &str = "jp.pool.example";

fn serving(n: u8) -> Node {
    let mut node = Node::new(CONFIG);
    node.write("snapshot.json", snapshot(now() - 50, 10, 20, n).as_bytes());
    node.write("deltas.ndjson", b"");
    node.start();
    is_served(&node, n);
    node
}

fn is_served(node: &Node, n: u8) {
    node.until("the mark is served", |node| node.ask(MARKED) == Some(vec![mark(n)]));
    node.until("all is well", |node| node.errors().is_empty());
}

/// Waits until a refusal is reported in all places, once, and insists that what was served still
/// is.
fn is_refused(node: &Node, kind: &str, says: &str, n: u8) {
    node.until(says, |node| {
        let feed = node.status()["feed"].clone();
        feed["refusals"][kind].as_u64() > Some(0)
            && feed["last_refusal"].as_str().is_some_and(|text| text.contains(says))
    });
    let metric = format!("edge_feed_refusals_total{{kind=\"{kind}\"}}");
    assert!(node.metric(&metric) > Some(0.5), "{kind}");
    is_told(node, says, n);
}

/// Asserts that one error and one line of the log contain `says`, and that what was served still
/// is.
fn is_told(node: &Node, says: &str, n: u8) {
    let errors = node.errors();
    assert!(errors.len() == 1 && errors[0].contains(says), "{says}: {errors:?}");
    assert_eq!(node.warnings(&[says]).len(), 1, "{says}: {:#?}", node.log());
    assert_eq!(node.ask(MARKED), Some(vec![mark(n)]), "{says}");
    assert_eq!(node.ask("de.pool.example").map(|all| all.len()), Some(4), "{says}");
}

#[test]
fn the_last_good_snapshot_stays_whatever_takes_its_place() {
    let node = serving(1);
    let now = now();
    let whole = snapshot(now, 10, 20, 66);
    let twice = whole.replace("\"id\":3,", "\"id\":4,");
    for (text, kind, says) in [
        (whole[..300].to_owned(), "broken", "EOF while parsing"),
        ("nonsense".to_owned(), "broken", "expected ident"),
        ("{}".to_owned(), "broken", "missing field `serial`"),
        (twice, "broken", "server 4 is listed twice"),
        (snapshot(now - 500, 10, 20, 66), "older", "is older than"),
        (snapshot(now + 4000, 10, 20, 66), "ahead", "s ahead; set the publisher's clock"),
        (snapshot(now, 10, 5, 66), "shrunken", "6 servers of 21 are left"),
        (snapshot(now, 10, 0, 0), "empty", "no server is left of 21"),
        (snapshot(now, 10, 60, 66), "servers", "61 servers, 50 at most"),
        (snapshot_of(&["a.example"], now, 10, 20, 66), "root_gone", "the root pool.example is"),
    ] {
        node.write("snapshot.json", text.as_bytes());
        is_refused(&node, kind, says, 1);
        // Good again, and another kind of bad is news again.
        node.write("snapshot.json", snapshot(now - 49, 10, 20, 1).as_bytes());
        is_served(&node, 1);
    }
    let place = node.path("snapshot.json");
    let place = place.to_str().unwrap();
    for (what, reason, says) in [
        ("gigantic", "too_large", "more than 20000 octets"),
        ("gone", "file", "not found"),
        ("a folder", "setting", "no regular file"),
    ] {
        match what {
            "gigantic" => node.write("snapshot.json", &[b' '; 30_000]),
            "gone" => fs::remove_file(place).unwrap(),
            _ => {
                fs::remove_file(place).unwrap();
                fs::create_dir(place).unwrap();
            }
        }
        node.until(what, |node| node.source(place)["reason"] == reason);
        node.until("it has been looked at again", |node| {
            node.source(place)["retries"].as_u64() > Some(1)
        });
        is_told(&node, says, 1);
        assert_eq!(
            node.metric(&format!("edge_feed_source_up{{source=\"{place}\"}}")),
            Some(0.0),
            "{what}"
        );
        if what == "a folder" {
            fs::remove_dir(place).unwrap();
        }
        node.write("snapshot.json", snapshot(now - 49, 10, 20, 1).as_bytes());
        is_served(&node, 1);
    }
    node.write("snapshot.json", snapshot(now, 10, 20, 2).as_bytes());
    is_served(&node, 2);
}

#[test]
fn an_operator_lets_pass_what_is_older_or_smaller_once() {
    let node = serving(1);
    let (now, place) = (now(), node.path("snapshot.json"));
    let said = format!("the refused document of {} is accepted now", place.display());
    let allow = || {
        let printed = node.allow_once();
        assert!(printed.contains(&said), "{printed}");
    };
    node.write("snapshot.json", snapshot(now - 500, 10, 20, 3).as_bytes());
    is_refused(&node, "older", "is older than", 1);
    allow();
    is_served(&node, 3);
    node.write("snapshot.json", snapshot(now - 400, 10, 5, 4).as_bytes());
    is_refused(&node, "shrunken", "6 servers of 21 are left", 3);
    allow();
    is_served(&node, 4);
    // Once: the next one is judged as before.
    node.write("snapshot.json", snapshot(now - 450, 10, 5, 5).as_bytes());
    node.until("it is refused", |node| {
        node.status()["feed"]["refusals"]["older"] == 2 && !node.errors().is_empty()
    });
    assert_eq!(node.ask(MARKED), Some(vec![mark(4)]));
    node.write("snapshot.json", snapshot_of(&["a.example"], now, 10, 20, 6).as_bytes());
    node.until("it is refused", |node| node.status()["feed"]["refusals"]["root_gone"] == 1);
    assert_eq!(node.ask(MARKED), Some(vec![mark(4)]));
    allow();
    node.until("the other root is served", |node| {
        node.ask("jp.a.example") == Some(vec![mark(6)]) && node.ask(MARKED).is_none()
    });
    assert_eq!(node.errors(), [""; 0]);
}

#[test]
fn what_an_operator_allows_in_advance_is_in_the_status_until_it_is_taken_back() {
    let node = serving(1);
    let allowed = "the next older or smaller feed within 15 min will be accepted";
    assert_eq!(node.allow_once().trim(), allowed);
    node.until("the status has it", |node| {
        node.status()["feed"]["allow_once_seconds"].as_u64().is_some_and(|left| left > 800)
    });
    let cancel = || node.feed(&["allow-once", "--cancel"]);
    assert_eq!(cancel().trim(), "older or smaller feeds will be refused again");
    assert_eq!(cancel().trim(), "no feed is allowed in advance; nothing has changed");
    node.until("it is gone", |node| node.status()["feed"]["allow_once_seconds"].is_null());
    node.write("snapshot.json", snapshot(now() - 500, 10, 20, 3).as_bytes());
    is_refused(&node, "older", "is older than", 1);
    let retried = node.feed(&["retry"]);
    assert!(retried.contains("snapshot.json is tried again now"), "{retried}");
}

#[test]
fn changes_that_cannot_be_are_skipped_and_counted_and_the_others_taken() {
    let node = serving(1);
    let place = node.path("deltas.ndjson");
    let place = place.to_str().unwrap();
    let long = format!("{{\"id\":12,\"x\":\"{}\"}}\n", "x".repeat(70_000));
    let broken = ["nonsense\n", "{\"id\":0,\"ts\":1,\"removed\":1}\n", "{\"id\":12}\n", &long];
    node.append("deltas.ndjson", &broken.concat());
    node.until("broken lines are told", |node| {
        let source = node.source(place);
        source["broken_lines"] == 4 && source["reason"] == "broken_lines"
    });
    is_told(&node, "broken line(s) skipped", 1);
    let lost = format!("edge_feed_source_lost_total{{source=\"{place}\"}}");
    assert_eq!(node.metric(&lost), Some(4.0));
    let counted = |result: &str| {
        node.metric(&format!("edge_feed_deltas_total{{result=\"{result}\"}}")).unwrap()
    };
    node.append("deltas.ndjson", &(score(13, 999, 20.0) + &score(14, 200, 5.0)));
    node.until("the good one is taken", |node| node.ask(MARKED) == Some(Vec::new()));
    assert_eq!((counted("taken"), counted("unknown")), (1.0, 1.0));
    node.until("all is well", |node| node.errors().is_empty());
    // More servers than allowed: these don't come in.
    let server = |id: u64| {
        format!(
            "{{\"id\":{id},\"ts\":{},\"server\":{{\"id\":{id},\"ip\":\"203.0.113.{}\",\"netspeed\":9,\"zones\":[\"@\"]}}}}\n",
            now(),
            id % 100
        )
    };
    node.append("deltas.ndjson", &(1000..1040).map(server).collect::<String>());
    node.append("deltas.ndjson", &score(2000, 200, 20.0));
    node.until("the last one is taken", |node| node.ask(MARKED) == Some(vec![mark(1)]));
    assert_eq!(counted("broken"), 11.0, "21 were there, and 29 came");
    is_told(&node, "more than 50 servers; raise feed.guard.max_servers", 1);
    node.write("snapshot.json", snapshot(now(), 2000, 20, 2).as_bytes());
    is_served(&node, 2);
}
