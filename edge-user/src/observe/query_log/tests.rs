//! Tests of the log, from the worker to the octets in the files.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use super::files::Limits;
use super::queue::{Entry, OCTETS, Queue};
use super::response::Account;
use super::writer::Writer;
use super::{Log, Numbers, Record, Samples, Sender, check};
use crate::observe::Observers;
use crate::settings::{self as config, LogFormat};
use edge_authority::{Asked, Current, Options, Serving, Shared, Worker};
use edge_common::time::SECOND;
use edge_tables::store::Store;
use edge_zone as zone;
use edge_zone::geo::Nowhere;

mod avro;
mod json;

/// 2023-07-03 19:55:39.649 UTC.
const NOON_NS: u64 = 1_688_414_139_649_978_091;
const FOREVER: Limits = Limits { octets: u64::MAX, age_ns: 0, keep: 0 };

const ZONE: &str = r#"{"serial": 1, "data": {
  "":      {"ns": ["ns1.example.net."]},
  "pool":  {"max_hosts": 4, "a": [["192.0.2.1", 9]]},
  "texts": {"txt": ["one"]}
}}"#;

fn current() -> Arc<Current> {
    let zone = zone::parse("example.com", ZONE.as_bytes(), std::time::UNIX_EPOCH, Path::new("z"));
    Arc::new(Current::new(Serving::new([Arc::new(zone.unwrap())], Arc::new(Nowhere))))
}

fn worker(log: Sender) -> Worker {
    Worker::new(Shared {
        store: Store::in_memory(),
        current: current(),
        options: Arc::new(Options::default()),
        counters: Arc::default(),
        observer: Arc::new(Observers { log, ..Observers::default() }),
    })
}

fn asked(stream: bool) -> Asked {
    let client = "198.51.100.7:4000".parse().unwrap();
    Asked { client, server: "198.51.100.53:53".parse().unwrap(), stream }
}

/// A query, with an OPT record of `version` and `options` if there is a version.
fn query(name: &str, rtype: u16, opt: Option<(u8, &[u8])>) -> Vec<u8> {
    let mut octets = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, opt.is_some().into()];
    for label in name.split('.') {
        octets.push(u8::try_from(label.len()).unwrap());
        octets.extend_from_slice(label.as_bytes());
    }
    octets.push(0);
    octets.extend(rtype.to_be_bytes());
    octets.extend([0, 1]);
    if let Some((version, options)) = opt {
        let length = u8::try_from(options.len()).unwrap();
        octets.extend([0, 0, 41, 4, 0, 0, version, 0, 0, 0, length]);
        octets.extend_from_slice(options);
    }
    octets
}

fn answer(worker: &mut Worker, query: &[u8], stream: bool) -> Vec<u8> {
    let mut buffer = vec![0; Worker::ROOM];
    buffer.extend_from_slice(query);
    worker.answer(&mut buffer, query.len(), &asked(stream)).unwrap().to_vec()
}

/// A response to `query`.
fn response(query: &[u8]) -> Vec<u8> {
    answer(&mut worker(Sender::default()), query, false)
}

fn account(query: &[u8]) -> Account {
    let remote: IpAddr = asked(false).client.ip();
    Account::of(&current().get(), &response(query), &[], remote).unwrap()
}

fn record(account: &Account) -> Record<'_> {
    Record { time_ns: NOON_NS, hostname: "", account, is_tcp: false, weight: 0 }
}

fn log_at(path: &Path) -> config::Log {
    config::Log { path: path.to_path_buf(), ..config::Log::default() }
}

/// The files in a directory, by name.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// A writer of its own, and its queue and numbers.
fn writer(
    config: &config::Log,
    samples: Option<Box<dyn Samples>>,
) -> (Writer, Sender, Arc<Numbers>) {
    let (queue, numbers) = (Arc::new(Queue::new(8)), Arc::default());
    let writer = Writer::new(config, current(), samples, Arc::clone(&queue), Arc::clone(&numbers));
    let random = fastrand::Rng::with_seed(7);
    (writer, Sender { queue: Some(queue), sample: config.sample.get(), random }, numbers)
}

fn values(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_a_worker_answers_is_in_the_file_and_what_it_refuses_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("queries.log");
    let mut log = Log::start(&log_at(&path), current(), None).unwrap();
    let mut worker = worker(log.sender());
    answer(&mut worker, &query("Pool.Example.COM", 1, None), false);
    // Refused: not our zone.
    answer(&mut worker, &query("example.org", 1, None), false);
    // Malformed: a subnet of no known family.
    answer(&mut worker, &query("pool.example.com", 1, Some((0, &[0, 8, 0, 4, 0, 9, 0, 0]))), false);
    // Not implemented: NOTIFY.
    let mut notify = query("example.com", 6, None);
    notify[2] = 4 << 3;
    answer(&mut worker, &notify, false);
    answer(&mut worker, &query("pool.example.com", 1, Some((1, &[]))), false);
    answer(&mut worker, &query("none.example.com", 28, None), true);
    log.stop();
    let values = values(&std::fs::read_to_string(&path).unwrap());
    let records: Vec<_> = values
        .iter()
        .map(|line| {
            (line["Name"].as_str().unwrap(), line["Rcode"].as_u64().unwrap(), &line["IsTCP"])
        })
        .collect();
    let (no, yes) = (false.into(), true.into());
    assert_eq!(
        records,
        [
            ("pool.example.com.", 0, &no),
            ("pool.example.com.", 16, &no),
            ("none.example.com.", 3, &yes),
        ]
    );
    let status = log.status();
    assert_eq!((status.written, status.dropped, status.failed), (3, 0, 0));
    assert_eq!((status.format.as_str(), status.error.as_str()), ("json", ""));
}

#[test]
fn a_log_without_a_path_takes_nothing() {
    let mut log = Log::start(&config::Log::default(), current(), None).unwrap();
    let mut sender = log.sender();
    sender.send(&asked(false), &response(&query("pool.example.com", 1, None)));
    assert!(sender.queue.is_none());
    log.stop();
    let status = log.status();
    assert_eq!((status.written, status.dropped, status.format.as_str()), (0, 0, "off"));
}

#[test]
fn a_full_queue_drops_and_counts_and_goes_on_when_it_is_emptied() {
    let queue = Arc::new(Queue::new(2));
    let mut sender =
        Sender { queue: Some(Arc::clone(&queue)), sample: 1, random: fastrand::Rng::new() };
    let response = response(&query("pool.example.com", 1, None));
    for _ in 0..5 {
        sender.send(&asked(false), &response);
    }
    assert_eq!(queue.dropped(), 3);
    let entry = queue.take().unwrap();
    assert_eq!(entry.parts(), (&*response, &[][..]));
    sender.send(&asked(false), &response);
    assert_eq!(queue.dropped(), 4);
    queue.give_back(entry);
    sender.send(&asked(true), &response);
    assert_eq!(queue.dropped(), 4);
    assert_eq!([queue.take(), queue.take()].map(|entry| entry.unwrap().is_tcp), [false, true]);
    assert!(queue.take().is_none());
}

#[test]
fn a_long_response_is_kept_with_its_opt_record() {
    let queue = Queue::new(1);
    let kept = |response: &[u8], check: &dyn Fn(&Entry)| {
        queue.put(|entry| entry.copy(response));
        let entry = queue.take().unwrap();
        check(&entry);
        queue.give_back(entry);
    };
    let mut long = query("pool.example.com", 16, None);
    (long[2], long[7], long[11]) = (0x84, 8, 1);
    for _ in 0..8 {
        long.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 9, 1, 0]);
        long.extend([255; 256]);
    }
    let opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2];
    long.extend(opt);
    kept(&long, &|entry| {
        let (head, kept) = entry.parts();
        assert_eq!((head, kept), (&long[..OCTETS - opt.len()], &opt[..]));
    });
    // Not one of ours, but nothing to stumble over.
    kept(&[0xff; 4000], &|entry| assert_eq!(entry.parts(), (&[0xff; OCTETS][..], &[][..])));
    kept(b"short", &|entry| assert_eq!(entry.parts(), (&b"short"[..], &[][..])));
}

#[test]
fn a_sampled_record_has_the_number_that_it_stands_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("q");
    let eight = NonZeroU32::new(8).unwrap();
    let (mut writer, mut sender, _) = writer(&config::Log { sample: eight, ..log_at(&path) }, None);
    let response = response(&query("pool.example.com", 1, None));
    for turn in 0..800 {
        sender.send(&asked(false), &response);
        writer.turn(NOON_NS + turn);
    }
    let values = values(&std::fs::read_to_string(&path).unwrap());
    assert!((50..150).contains(&values.len()), "{}", values.len());
    assert!(values.iter().all(|line| line["Weight"] == 8));
}

struct Frames(Vec<Vec<u8>>);

impl Samples for Frames {
    fn drain(&mut self, take: &mut dyn FnMut(&[u8])) {
        self.0.drain(..).for_each(|frame| take(&frame));
    }

    fn lost(&self) -> u64 {
        5
    }
}

#[test]
fn frames_that_xdp_sampled_are_logged_with_their_weight() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("q");
    let response = response(&query("pool.example.com", 1, None));
    let mut frame = vec![2; 12];
    frame.extend([8, 0]);
    frame.extend([0; 16]);
    frame.extend([198, 51, 100, 9]);
    frame.extend([0, 53, 16, 0]);
    frame.extend(u16::try_from(response.len() + 8).unwrap().to_be_bytes());
    frame.extend([0, 0]);
    frame.extend_from_slice(&response);
    let config = config::Log { xdp_sample: 100, ..log_at(&path) };
    let (mut writer, _, numbers) = writer(&config, Some(Box::new(Frames(vec![frame, vec![0; 9]]))));
    assert_eq!(writer.turn(NOON_NS), 2);
    let values = values(&std::fs::read_to_string(&path).unwrap());
    assert_eq!(values.len(), 1);
    assert_eq!(
        (&values[0]["Weight"], &values[0]["RemoteAddr"]),
        (&100.into(), &"198.51.100.9".into())
    );
    assert_eq!(values[0]["AnswerData"], serde_json::json!(["192.0.2.1"]));
    assert_eq!(numbers.samples_lost.load(std::sync::atomic::Ordering::Relaxed), 5);
}

#[test]
fn files_that_cannot_be_written_cost_records_only_until_they_can() {
    use std::sync::atomic::Ordering::Relaxed;
    for format in [LogFormat::Json, LogFormat::Avro] {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing");
        let path = if format == LogFormat::Json { missing.join("q") } else { missing.clone() };
        let (mut writer, mut sender, numbers) =
            writer(&config::Log { format, ..log_at(&path) }, None);
        let response = response(&query("pool.example.com", 1, None));
        // An Avro writer has looked for leftovers when it was made, by the real clock.
        let start_ns = super::now_ns() + 2 * SECOND;
        let mut turn = |after_ns| {
            sender.send(&asked(false), &response);
            assert_eq!(writer.turn(start_ns + after_ns), 1);
        };
        turn(0);
        turn(SECOND / 2);
        assert_eq!((numbers.failed.load(Relaxed), numbers.written.load(Relaxed)), (2, 0));
        let error = numbers.error();
        assert!(error.contains("missing"), "{error}");
        assert!(error.contains("No such file or directory"), "{error}");
        std::fs::create_dir(&missing).unwrap();
        turn(SECOND * 3 / 4);
        assert_eq!(numbers.failed.load(Relaxed), 3);
        turn(SECOND);
        // Avro's age is ten seconds.
        turn(SECOND * 11);
        assert_eq!((numbers.failed.load(Relaxed), numbers.written.load(Relaxed)), (3, 2));
        assert_eq!(numbers.error(), "");
        assert_eq!(names(&missing).len(), 1);
    }
}

#[test]
fn a_full_disk_loses_records_and_nothing_else() {
    use std::sync::atomic::Ordering::Relaxed;
    let (mut writer, mut sender, numbers) = writer(&log_at(Path::new("/dev/full")), None);
    for second in 1..=3 {
        sender.send(&asked(false), &response(&query("pool.example.com", 1, None)));
        assert_eq!(writer.turn(NOON_NS + second * SECOND), 1);
        assert_eq!((numbers.failed.load(Relaxed), numbers.written.load(Relaxed)), (second, 0));
    }
    assert!(numbers.error().contains("/dev/full: No space left on device"), "{numbers:?}");
}

#[test]
fn what_would_keep_a_log_from_being_written_is_found_beforehand() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let avro = |path: &Path| config::Log { format: LogFormat::Avro, ..log_at(path) };
    for fine in [config::Log::default(), log_at(&path.join("q.log")), avro(path)] {
        assert_eq!(check(&fine), Ok(()));
    }
    for (config, word) in [
        (log_at(path), "a directory; name a file in it"),
        (log_at(&path.join("no/q.log")), "there is no such directory"),
        (avro(&path.join("no")), "not a directory; Avro files need one"),
    ] {
        let error = check(&config).unwrap_err();
        assert!(error.contains(word) && error.contains("log.path"), "{error}");
    }
}
