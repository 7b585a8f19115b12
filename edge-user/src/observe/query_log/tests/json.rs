//! Tests of JSON lines and their files.

use std::fs;
use std::path::Path;

use super::{FOREVER, NOON_NS, account, names, query, record};
use crate::observe::query_log::Record;
use crate::observe::query_log::files::{Limits, Sink as _};
use crate::observe::query_log::json::{Lines, write_line};
use edge_common::time::SECOND;

fn line(record: &Record<'_>) -> String {
    let mut out = Vec::new();
    write_line(record, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn lines_have_geodns_keys_in_geodns_order() {
    let account =
        account(&query("pool.example.com", 1, Some((0, &[0, 8, 0, 7, 0, 1, 24, 0, 203, 0, 113]))));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        line(&record(&account)),
        format!(
            "{{\"Time\":1688414139649978091,\"Origin\":\"example.com\",\"Name\":\"pool.example.com.\",\
             \"Qtype\":1,\"Rcode\":0,\"Answers\":1,\"Targets\":[\"@\"],\"AnswerData\":[\"192.0.2.1\"],\
             \"LabelName\":\"pool\",\"RemoteAddr\":\"198.51.100.7\",\"ClientAddr\":\"203.0.113.0/24\",\
             \"HasECS\":true,\"IsTCP\":false,\"Version\":\"{version}\"}}\n"
        )
    );
}

#[test]
fn what_a_line_leaves_out_is_what_geodns_leaves_out() {
    let account = account(&query("pool.example.com", 28, None));
    let whole = Record { hostname: "a.example", weight: 7, is_tcp: true, ..record(&account) };
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        line(&whole),
        format!(
            "{{\"Time\":1688414139649978091,\"Hostname\":\"a.example\",\"Origin\":\"example.com\",\
             \"Name\":\"pool.example.com.\",\"Qtype\":28,\"Rcode\":0,\"Answers\":0,\"Targets\":[\"@\"],\
             \"AnswerData\":null,\"LabelName\":\"\",\"RemoteAddr\":\"198.51.100.7\",\
             \"ClientAddr\":\"198.51.100.7/32\",\"HasECS\":false,\"IsTCP\":true,\
             \"Version\":\"{version}\",\"Weight\":7}}\n"
        )
    );
}

/// Writes a line at a moment.
fn put(lines: &mut Lines, now_ns: u64) {
    let account = account(&query("pool.example.com", 1, None));
    lines.add(&record(&account));
    assert_eq!(lines.pending(), 1);
    lines.flush(now_ns).unwrap();
    assert_eq!(lines.pending(), 0);
}

fn count(path: &Path) -> usize {
    fs::read_to_string(path).unwrap().lines().count()
}

fn octets() -> u64 {
    let account = account(&query("pool.example.com", 1, None));
    line(&record(&account)).len().try_into().unwrap()
}

#[test]
fn a_file_never_grows_beyond_its_size_and_the_oldest_go() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queries.log");
    for other in ["queries-1.log", "queries.log.1", "other-2023-07-03T19-55-39.649.log"] {
        fs::write(directory.path().join(other), "x").unwrap();
    }
    let limits = Limits { octets: 2 * octets(), keep: 2, ..FOREVER };
    let mut lines = Lines::new(path.clone(), limits);
    for _ in 0..7 {
        // Within the same millisecond, too.
        put(&mut lines, NOON_NS);
    }
    assert_eq!(
        names(directory.path()),
        [
            "other-2023-07-03T19-55-39.649.log",
            "queries-1.log",
            "queries-2023-07-03T19-55-39.650.log",
            "queries-2023-07-03T19-55-39.651.log",
            "queries.log",
            "queries.log.1",
        ]
    );
    assert_eq!(count(&path), 1);
    assert_eq!(count(&directory.path().join("queries-2023-07-03T19-55-39.651.log")), 2);
}

#[test]
fn a_file_with_something_in_it_is_closed_when_it_is_old() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("q");
    let limits = Limits { age_ns: 60 * SECOND, ..FOREVER };
    let mut lines = Lines::new(path.clone(), limits);
    put(&mut lines, NOON_NS);
    put(&mut lines, NOON_NS + 59 * SECOND);
    assert_eq!((names(directory.path()).len(), count(&path)), (1, 2));
    lines.flush(NOON_NS + 60 * SECOND).unwrap();
    assert_eq!(names(directory.path()), ["q-2023-07-03T19-56-39.649"]);
    put(&mut lines, NOON_NS + 61 * SECOND);
    assert_eq!(count(&path), 1);
}

#[test]
fn a_file_that_was_renamed_or_removed_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let (path, moved) = (directory.path().join("q"), directory.path().join("moved"));
    let mut lines = Lines::new(path.clone(), FOREVER);
    put(&mut lines, NOON_NS);
    fs::rename(&path, &moved).unwrap();
    put(&mut lines, NOON_NS + SECOND);
    assert_eq!((count(&moved), count(&path)), (1, 1));
    fs::remove_file(&path).unwrap();
    put(&mut lines, NOON_NS + 2 * SECOND);
    assert_eq!(count(&path), 1);
}

#[test]
fn lines_go_behind_what_is_there_even_half_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("q");
    fs::write(&path, "{\"Time\":1}\n{\"Ti").unwrap();
    let mut lines = Lines::new(path.clone(), FOREVER);
    put(&mut lines, NOON_NS);
    lines.close(NOON_NS).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("{\"Time\":1}\n{\"Ti\n{\"Time\":1688414139649978091,"), "{text}");
    assert_eq!(text.lines().count(), 3);
}
