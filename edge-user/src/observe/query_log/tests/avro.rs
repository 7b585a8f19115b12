//! Tests of Avro files, with a reader that isn't ours.

use std::fs;
use std::path::Path;

use apache_avro::types::Value;
use apache_avro::{Reader, Schema};
use rustix::fs::{FlockOperation, flock};

use super::{FOREVER, NOON_NS, account, names, query, record};
use crate::observe::query_log::Record;
use crate::observe::query_log::avro::{BLOCK_RECORDS, Container, schema};
use crate::observe::query_log::files::{Limits, Sink as _};
use crate::observe::query_log::recover::recover;
use edge_common::time::SECOND;

/// geodns's schema, as it publishes it.
const GEODNS: &str = r#"{"type": "record", "name": "GeodnsQuery", "namespace": "develooper", "fields": [
    {"name": "Time", "type": "long", "logicalType": "timestamp-micros"},
    {"name": "Hostname", "type": "string"},
    {"name": "Origin", "type": "string"},
    {"name": "Name", "type": "string", "default": ""},
    {"name": "Qtype", "type": "int"},
    {"name": "Rcode", "type": "int"},
    {"name": "AnswerCount", "type": "int"},
    {"name": "Targets", "type": {"type": "array", "items": "string", "default": []}},
    {"name": "AnswerData", "type": {"type": "array", "items": "string", "default": []}},
    {"name": "LabelName", "type": "string"},
    {"name": "RemoteAddr", "type": "string"},
    {"name": "ClientAddr", "type": "string"},
    {"name": "HasECS", "type": "boolean"},
    {"name": "IsTCP", "type": "boolean"},
    {"name": "Version", "type": "string"}]}"#;

/// The records of a file, as a reader with geodns's schema sees them.
fn read(path: &Path) -> Vec<Vec<(String, Value)>> {
    let schema = Schema::parse_str(GEODNS).unwrap();
    let file = fs::File::open(path).unwrap();
    let reader = Reader::with_schema(&schema, file).unwrap();
    let fields = |value| match value {
        Value::Record(fields) => fields,
        other => panic!("{other:?}"),
    };
    reader.map(|value| fields(value.unwrap())).collect()
}

fn only_file(directory: &Path) -> std::path::PathBuf {
    let names = names(directory);
    assert_eq!(names.len(), 1, "{names:?}");
    directory.join(&names[0])
}

fn put(container: &mut Container, n: u64, now_ns: u64) {
    let account = account(&query("pool.example.com", 1, None));
    for _ in 0..n {
        container.add(&record(&account));
        if container.is_full() {
            container.flush(now_ns).unwrap();
        }
    }
    container.flush(now_ns).unwrap();
}

#[test]
fn the_schema_is_geodns_and_has_a_weight_only_if_records_have() {
    let ours: serde_json::Value = serde_json::from_str(&schema(false)).unwrap();
    let theirs: serde_json::Value = serde_json::from_str(GEODNS).unwrap();
    assert_eq!(ours, theirs);
    let weighted = Schema::parse_str(&schema(true)).unwrap().canonical_form();
    let plain = Schema::parse_str(&schema(false)).unwrap().canonical_form();
    assert!(weighted.starts_with(plain.strip_suffix("]}").unwrap()), "{weighted}");
    assert!(weighted.contains(r#"{"name":"Weight","type":"long"}"#), "{weighted}");
}

#[test]
fn records_read_back_with_geodns_schema() {
    for has_weight in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let mut container = Container::new(directory.path().into(), FOREVER, has_weight);
        let option = &[0, 8, 0, 7, 0, 1, 24, 0, 203, 0, 113];
        let account = account(&query("pool.example.com", 1, Some((0, option))));
        let whole = Record { hostname: "a.example", weight: 100, is_tcp: true, ..record(&account) };
        container.add(&whole);
        container.close(NOON_NS).unwrap();
        let path = only_file(directory.path());
        assert_eq!(path.file_name().unwrap(), "log.20230703-195539.1.avro");
        let text = |text: &str| Value::String(text.into());
        // Nanoseconds in truth, as geodns writes them.
        let expect = [
            ("Time", Value::TimestampMicros(1_688_414_139_649_978_091)),
            ("Hostname", text("a.example")),
            ("Origin", text("example.com")),
            ("Name", text("pool.example.com.")),
            ("Qtype", Value::Int(1)),
            ("Rcode", Value::Int(0)),
            ("AnswerCount", Value::Int(1)),
            ("Targets", Value::Array(vec![text("@")])),
            ("AnswerData", Value::Array(vec![text("192.0.2.1")])),
            ("LabelName", text("pool")),
            ("RemoteAddr", text("198.51.100.7")),
            ("ClientAddr", text("203.0.113.0/24")),
            ("HasECS", Value::Boolean(true)),
            ("IsTCP", Value::Boolean(true)),
            ("Version", text(env!("CARGO_PKG_VERSION"))),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        assert_eq!(read(&path), [expect.to_vec()]);
        let own = Reader::new(fs::File::open(&path).unwrap()).unwrap();
        for value in own {
            let Value::Record(fields) = value.unwrap() else { panic!("no record") };
            let weight = fields.iter().find(|(name, _)| name == "Weight").map(|(_, n)| n.clone());
            assert_eq!(weight, has_weight.then_some(Value::Long(100)));
        }
    }
}

#[test]
fn blocks_have_ten_thousand_records_and_the_last_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let mut container = Container::new(directory.path().into(), FOREVER, false);
    put(&mut container, BLOCK_RECORDS + 5, NOON_NS);
    assert_eq!(container.pending(), 5);
    assert_eq!(names(directory.path()), ["log.20230703-195539.1.avro.tmp"]);
    container.close(NOON_NS).unwrap();
    assert_eq!(container.pending(), 0);
    assert_eq!(read(&only_file(directory.path())).len(), 10_005);
}

#[test]
fn files_are_closed_when_they_are_large_or_old_and_kept_unless_configured_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { octets: 1, age_ns: 10 * SECOND, keep: 0 };
    let mut container = Container::new(directory.path().into(), limits, false);
    let old = Limits { octets: u64::MAX, keep: 2, ..limits };
    // Larger than allowed with its header already.
    put(&mut container, 1, NOON_NS);
    assert_eq!(names(directory.path()), ["log.20230703-195539.1.avro"]);
    let mut container = Container::new(directory.path().into(), old, false);
    put(&mut container, 1, NOON_NS);
    put(&mut container, 1, NOON_NS + 9 * SECOND);
    // A name that is taken isn't used again.
    let both = ["log.20230703-195539.1.avro", "log.20230703-195539.2.avro.tmp"];
    assert_eq!(names(directory.path()), both);
    container.flush(NOON_NS + 10 * SECOND).unwrap();
    let path = directory.path().join("log.20230703-195539.2.avro");
    assert_eq!(read(&path).len(), 2);
    // Nothing to write, nothing to close.
    container.flush(NOON_NS + 60 * SECOND).unwrap();
    assert_eq!(names(directory.path()).len(), 2);
    put(&mut container, 1, NOON_NS + 61 * SECOND);
    container.close(NOON_NS + 61 * SECOND).unwrap();
    let kept = ["log.20230703-195539.2.avro", "log.20230703-195640.3.avro"];
    assert_eq!(names(directory.path()), kept);
}

#[test]
fn leftovers_are_finished_behind_their_last_whole_block() {
    let directory = tempfile::tempdir().unwrap();
    let mut container = Container::new(directory.path().into(), FOREVER, false);
    put(&mut container, 2 * BLOCK_RECORDS, NOON_NS);
    let tmp = only_file(directory.path());
    let whole = fs::read(&tmp).unwrap();
    // Another process that writes its file holds a lock on it.
    recover(directory.path()).unwrap();
    assert_eq!(only_file(directory.path()), tmp);
    drop(container);
    fs::write(&tmp, &whole[..whole.len() - 1]).unwrap();
    for (name, octets) in [("2", &whole[..]), ("3", &whole[..100]), ("4", &[])] {
        fs::write(directory.path().join(format!("log.20230703-195539.{name}.avro.tmp")), octets)
            .unwrap();
    }
    fs::write(directory.path().join("mine.avro.tmp"), "x").unwrap();
    recover(directory.path()).unwrap();
    assert_eq!(
        names(directory.path()),
        ["log.20230703-195539.1.avro", "log.20230703-195539.2.avro", "mine.avro.tmp"]
    );
    assert_eq!(read(&tmp.with_extension("")).len(), 10_000);
    assert_eq!(read(&directory.path().join("log.20230703-195539.2.avro")).len(), 20_000);
}

#[test]
fn a_file_is_locked_as_long_as_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut container = Container::new(directory.path().into(), FOREVER, false);
    put(&mut container, 1, NOON_NS);
    let file = fs::File::open(only_file(directory.path())).unwrap();
    assert!(flock(&file, FlockOperation::NonBlockingLockShared).is_err());
    container.close(NOON_NS).unwrap();
    assert!(flock(&file, FlockOperation::NonBlockingLockShared).is_ok());
}
