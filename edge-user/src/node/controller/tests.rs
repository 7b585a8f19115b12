//! Tests of the controller with files on a disk.
//!
//! They check what the tables and the authority serve of these files.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Controller;
use crate::settings::Config;
use edge_authority::{Answerer, Asked, Current, Engine, Options};
use edge_common::abi::TableId;
use edge_tables::publish::{Backend, BackendError, NoKernel, Publisher};
use edge_tables::store::Store;

const ZONE: &str = r#"{"serial": 1, "ttl": 60, "targeting": "@", "max_hosts": 4, "data": {
  "": {"ns": ["ns1.example.net."]},
  "tested": {"health": {"name": "pool"}, "a": [["192.0.2.1", 3], ["192.0.2.2", 2], ["192.0.2.3", 1]],
             "mx": [{"mx": "mx.example.net."}]},
  "*.wild": {"a": [["192.0.2.8", 1]]},
  "plain": {"a": [["192.0.2.9", 1]]}}}"#;

struct Running {
    folder: tempfile::TempDir,
    controller: Controller,
    current: Arc<Current>,
}

const SERVER: &str = "192.0.2.53:53";
const CLIENT: &str = "198.51.100.7:5353";

fn running(health: Option<&str>) -> Running {
    running_with(health, Box::new(NoKernel))
}

fn running_with(health: Option<&str>, backend: Box<dyn Backend>) -> Running {
    let folder = tempfile::tempdir().unwrap();
    for name in ["zones", "geoip", "health"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let section = if health.is_some() { "[health]\ndirectory = \"health\"\n" } else { "" };
    let path = folder.path().join("edge.toml");
    fs::write(&path, format!("[dns]\nlisten = [\"{SERVER}\"]\n[xdp]\nmode = \"off\"\n{section}"))
        .unwrap();
    fs::write(folder.path().join("zones/example.com.json"), ZONE).unwrap();
    if let Some(health) = health {
        write_health(folder.path(), health);
    }
    let config = Config::load(&path).unwrap();
    let mut publisher = Publisher::new(Store::in_memory(), backend, fastrand::Rng::with_seed(1));
    publisher.serve(&config.dns.listen).unwrap();
    let current = Arc::new(Current::default());
    let controller = Controller::new(&config, publisher, Arc::clone(&current));
    Running { folder, controller, current }
}

fn write_health(folder: &Path, text: &str) {
    fs::write(folder.join("health/pool.json"), text).unwrap();
}

/// A query for `label` in the zone.
fn query(label: &str, rtype: u8) -> Vec<u8> {
    let mut message = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in label.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(b"\x07example\x03com\0\0");
    message.extend([rtype, 0, 1]);
    message
}

/// The last octets of the addresses in a response, in order.
fn addresses(response: &[u8], question: &[u8]) -> Vec<u8> {
    let n = usize::from(response[7]);
    let answers = response[question.len()..].chunks(16).take(n);
    let mut last: Vec<u8> = answers.map(|record| record[15]).collect();
    last.sort_unstable();
    last
}

impl Running {
    /// What the tables answer; `None` if they leave it to the authority.
    fn by_tables(&mut self, label: &str) -> Option<Vec<u8>> {
        let engine = Engine::new(self.controller.publisher().store().clone(), 1);
        let question = query(label, 1);
        let mut buffer = vec![0; Engine::ROOM];
        buffer.extend_from_slice(&question);
        buffer.resize(Engine::ROOM + 2048, 0);
        let (client, server): (SocketAddr, SocketAddr) =
            (CLIENT.parse().unwrap(), SERVER.parse().unwrap());
        let answer = {
            let asked = Asked { client, server, stream: false };
            engine.answer(&mut buffer, question.len(), &asked).ok()?.0
        };
        Some(addresses(&buffer[answer], &question))
    }

    /// How many answers the authority has, and the addresses among them.
    fn by_authority(&self, label: &str, rtype: u8) -> (u8, Vec<u8>) {
        let question = query(label, rtype);
        let asked = Asked {
            client: CLIENT.parse().unwrap(),
            server: SERVER.parse().unwrap(),
            stream: false,
        };
        let mut out = Vec::new();
        let mut answerer = Answerer::new(fastrand::Rng::with_seed(1));
        let serving = self.current.get();
        answerer.answer(&serving, &Options::default(), &question, &asked, &mut out).unwrap();
        (out[7], if rtype == 1 { addresses(&out, &question) } else { Vec::new() })
    }

    fn both(&mut self, label: &str) -> Vec<u8> {
        let answer = self.by_authority(label, 1).1;
        assert_eq!(self.by_tables(label), Some(answer.clone()));
        answer
    }
}

const MX: u8 = 15;

#[test]
fn the_healthy_records_alone_are_served_by_tables_and_authority_alike() {
    let mut running = running(Some(r#"{"192.0.2.1": 2, "192.0.2.2": 1, "192.0.2.3": 2}"#));
    assert!(running.controller.refresh().unwrap().published);
    assert_eq!(running.both("tested"), [1, 3]);
    assert_eq!(running.both("plain"), [9]);
    assert_eq!(running.by_authority("tested", MX).0, 0);

    assert!(!running.controller.refresh_health().unwrap().published);
    // Another status of something that isn't in the zone changes nothing.
    let text = r#"{"192.0.2.1": 2, "192.0.2.2": 1, "192.0.2.3": 2, "192.0.2.4": 2}"#;
    write_health(running.folder.path(), text);
    assert!(!running.controller.refresh_health().unwrap().published);

    write_health(running.folder.path(), r#"{"192.0.2.2": 2, "mx.example.net": 2}"#);
    assert!(running.controller.refresh_health().unwrap().published);
    assert_eq!(running.both("tested"), [2]);
    assert_eq!(running.by_authority("tested", MX).0, 1);

    write_health(running.folder.path(), "{");
    let refresh = running.controller.refresh_health().unwrap();
    assert!(!refresh.published && refresh.errors.len() == 1);
    assert_eq!(running.controller.errors(), refresh.errors);
    assert_eq!(running.both("tested"), [2]);

    write_health(running.folder.path(), "{}");
    assert!(running.controller.refresh_health().unwrap().published);
    assert!(running.both("tested").is_empty());
}

#[test]
fn without_status_files_no_tested_record_is_served_and_that_is_reported() {
    let mut running = running(None);
    let refresh = running.controller.refresh().unwrap();
    let warning =
        "zone example.com.: records with a health test are never answered; set health.directory";
    assert!(refresh.warnings.iter().any(|other| other == warning), "{refresh:?}");
    assert!(running.both("tested").is_empty());
    assert_eq!(running.both("plain"), [9]);
    assert!(running.controller.refresh().unwrap().warnings.is_empty());
}

#[test]
fn a_zone_whose_file_is_gone_is_served_no_more() {
    let mut running = running(Some("{}"));
    running.controller.refresh().unwrap();
    assert_eq!(running.both("plain"), [9]);
    fs::remove_file(running.folder.path().join("zones/example.com.json")).unwrap();
    assert!(running.controller.refresh().unwrap().published);
    assert_eq!(running.by_tables("plain"), None);
    let left: Vec<_> = running.current.get().zones().map(|zone| zone.apex.to_string()).collect();
    assert_eq!(left, ["pgeodns."]);
}

#[test]
fn names_made_up_from_a_wildcard_are_in_the_tables_like_others() {
    let mut running = running(None);
    running.controller.refresh().unwrap();
    assert_eq!(running.both("any.wild"), [8]);
    // The asterisk label itself, and the empty non-terminal above it, are names like any other.
    assert_eq!(running.both("*.wild"), [8]);
    assert!(running.both("wild").is_empty());
}

#[test]
fn the_zone_that_geodns_always_has_is_served() {
    let mut running = running(None);
    running.controller.refresh().unwrap();
    let mut question = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    question.extend_from_slice(b"\x07pgeodns\0\0\x06\0\x01");
    let asked =
        Asked { client: CLIENT.parse().unwrap(), server: SERVER.parse().unwrap(), stream: false };
    let mut out = Vec::new();
    let mut answerer = Answerer::new(fastrand::Rng::with_seed(1));
    let serving = running.current.get();
    answerer.answer(&serving, &Options::default(), &question, &asked, &mut out).unwrap();
    assert_eq!((out[3] & 15, out[7]), (0, 1));
    assert!(running.controller.zones().iter().all(|zone| zone.apex.to_string() != "pgeodns."));
}

const SECOND: &str = r#"{"serial": 2, "ttl": 60, "data": {"plain": {"a": [["192.0.2.7", 1]]}}}"#;

#[test]
fn a_zone_that_is_switched_off_leaves_the_tables_at_once_and_comes_back_alone() {
    let mut running = running(None);
    fs::write(running.folder.path().join("zones/example.org.json"), SECOND).unwrap();
    running.controller.refresh().unwrap();
    assert_eq!(running.both("plain"), [9]);
    let generation = running.controller.generation();

    assert!(running.controller.switch_zone("Example.COM.", false).unwrap().published);
    assert_eq!(running.by_tables("plain"), None);
    assert_eq!(running.by_authority("plain", 1), (1, vec![9]));
    let placed: Vec<_> = running.controller.placed().iter().map(|zone| &*zone.apex).collect();
    assert_eq!(placed, ["example.org"]);
    let switches = running.controller.zone_switches();
    let states: Vec<_> = switches.iter().map(|zone| (&*zone.name, zone.xdp)).collect();
    assert_eq!(states, [("example.com", false), ("example.org", true)]);
    assert!(switches.iter().all(|zone| zone.configured));
    // To switch it off again changes nothing, nor does another look at the files.
    assert!(!running.controller.switch_zone("example.com", false).unwrap().published);
    assert!(!running.controller.refresh().unwrap().published);

    // A zone that is read again stays as it was switched.
    let longer = ZONE.replace("\"serial\": 1", "\"serial\": 11");
    fs::write(running.folder.path().join("zones/example.com.json"), longer).unwrap();
    assert!(running.controller.refresh().unwrap().published);
    assert_eq!(running.by_tables("plain"), None);

    assert!(running.controller.switch_zone("example.com", true).unwrap().published);
    assert_eq!(running.both("plain"), [9]);
    assert_eq!(running.controller.generation(), generation + 3);
    assert_eq!(running.controller.errors(), [""; 0]);
}

#[test]
fn a_zone_is_off_from_the_start_if_it_is_configured_so_and_a_table_for_none_is_reported() {
    let mut running = running(None);
    let path = running.folder.path().join("edge.toml");
    let tables = "[zone.\"example.com\"]\nxdp = false\n[zone.\"exmaple.com\"]\nxdp = false\n";
    fs::write(&path, fs::read_to_string(&path).unwrap() + tables).unwrap();
    let config = Config::load(&path).unwrap();
    let mut publisher =
        Publisher::new(Store::in_memory(), Box::new(NoKernel), fastrand::Rng::with_seed(1));
    publisher.serve(&config.dns.listen).unwrap();
    running.controller = Controller::new(&config, publisher, Arc::clone(&running.current));
    let refresh = running.controller.refresh().unwrap();
    let warning =
        "[zone.\"exmaple.com\"]: no zone exmaple.com is loaded; did you mean example.com?"
            .to_owned();
    assert!(refresh.warnings.contains(&warning), "{refresh:?}");
    assert!(running.controller.errors().contains(&warning));
    assert_eq!(running.by_tables("plain"), None);
    assert!(running.controller.zone_switches().iter().all(|zone| !zone.xdp && !zone.configured));
    running.controller.switch_zone("example.com", true).unwrap();
    assert_eq!(running.both("plain"), [9]);
}

#[test]
fn a_zone_that_is_not_loaded_cannot_be_switched_and_the_nearest_are_proposed() {
    let mut running = running(None);
    assert_eq!(
        running.controller.switch_zone("a", true).unwrap_err(),
        "no zone a is loaded; none is"
    );
    running.controller.refresh().unwrap();
    let error = running.controller.switch_zone("example.con", false).unwrap_err();
    assert_eq!(error, "no zone example.con is loaded; did you mean example.com?");
    let error = running.controller.switch_zone("a..b", false).unwrap_err();
    assert_eq!(error, "\"a..b\": it has an empty label; name a zone");
    assert_eq!(running.both("plain"), [9]);
}

/// A kernel that refuses zones' tables for a while.
struct Refusing(Arc<AtomicBool>);

impl Backend for Refusing {
    fn insert(&mut self, _: TableId) -> Result<(), BackendError> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(BackendError::new("out of memory")),
            false => Ok(()),
        }
    }

    fn barrier(&mut self) -> Result<(), BackendError> {
        Ok(())
    }

    fn name(&mut self, _: &str, _: Option<TableId>) -> Result<(), BackendError> {
        Ok(())
    }
}

#[test]
fn a_publication_that_failed_is_an_error_until_a_later_try_succeeds() {
    let refuses = Arc::new(AtomicBool::new(false));
    let mut running = running_with(None, Box::new(Refusing(Arc::clone(&refuses))));
    running.controller.refresh().unwrap();
    refuses.store(true, Ordering::Relaxed);
    // With a label more, the zone needs new tables.
    let next = ZONE
        .replace("\"serial\": 1", "\"serial\": 22")
        .replace("192.0.2.9", "192.0.2.19")
        .replace("\"plain\"", "\"more\": {\"txt\": \"x\"}, \"plain\"");
    fs::write(running.folder.path().join("zones/example.com.json"), next).unwrap();
    let begun = Instant::now();
    assert!(running.controller.refresh().is_err());
    let serials = |controller: &Controller| -> [u32; 2] {
        [controller.served()[0].serial, controller.zones()[0].serial]
    };
    // Tables, authority and status are those of before; the file's zone isn't forgotten.
    assert_eq!(serials(&running.controller), [1, 22]);
    assert_eq!(running.both("plain"), [9]);
    let errors = running.controller.errors();
    assert_eq!(
        errors,
        [
            "publish: out of memory; what was served before is still served; it is tried again within 1 s"
        ]
    );

    let mut now = begun;
    assert!(!running.controller.try_again(now).unwrap().published, "not at once");
    for seconds in [2, 4, 8, 16, 32, 60, 60] {
        now = Instant::now() + Duration::from_secs(60);
        assert!(running.controller.try_again(now).is_err());
        let errors = running.controller.errors();
        assert!(errors[0].ends_with(&format!(" within {seconds} s")), "{errors:?}");
        assert!(!running.controller.try_again(begun).unwrap().published);
    }
    refuses.store(false, Ordering::Relaxed);
    now = Instant::now() + Duration::from_secs(60);
    assert!(running.controller.try_again(now).unwrap().published);
    assert_eq!(running.controller.errors(), [""; 0]);
    assert_eq!(serials(&running.controller), [22, 22]);
    assert_eq!(running.both("plain"), [19]);
    assert!(!running.controller.try_again(now).unwrap().published, "there is nothing left");
}

#[test]
fn a_zone_that_cannot_be_published_is_named_and_every_other_zone_is_served() {
    let mut running = running(None);
    let zones = running.folder.path().join("zones");
    // These two names have the same hash whatever the seed is.
    let clash = r#"{"serial": 5, "data": {"": {"a": [["192.0.2.5"]]},
        "dcaaadcacdaaacbaa": {"a": [["192.0.2.5"]]}, "aaefaaaaaagdbaaaf": {"a": [["192.0.2.6"]]}}}"#;
    fs::write(zones.join("pool.ntp.org.json"), clash).unwrap();
    assert!(running.controller.refresh().unwrap().published);
    assert_eq!(running.both("plain"), [9]);
    let errors = running.controller.errors();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].starts_with("zone pool.ntp.org: "), "{errors:?}");
    assert!(errors[0].ends_with("rename one; the authority answers for it, XDP doesn't"));
    // It stays so while other zones change.
    fs::write(zones.join("example.com.json"), ZONE.replace("192.0.2.9", "192.0.2.19")).unwrap();
    assert!(running.controller.refresh().unwrap().published);
    assert_eq!(running.both("plain"), [19]);
    assert_eq!(running.controller.errors(), errors);
    fs::write(zones.join("pool.ntp.org.json"), clash.replace("dcaa", "ecaa")).unwrap();
    assert!(running.controller.refresh().unwrap().published);
    assert_eq!(running.controller.errors(), [""; 0]);
}
