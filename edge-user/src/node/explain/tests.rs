//! Tests of who answers, and why, as people read it.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use edge_common::verdict::Verdict;

use super::{Explanation, Question, explain, outcome, reason, why_tables};
use crate::node::controller::Controller;
use crate::settings::Config;
use edge_authority::Current;
use edge_tables::live::switches::Setting;
use edge_tables::publish::{NoKernel, Publisher};
use edge_tables::store::Store;

const SERVER: &str = "192.0.2.53:53";
const ZONE: &str = r#"{"serial": 1, "ttl": 60, "max_hosts": 4, "data": {
  "": {"ns": ["ns1.example.net."]},
  "pool": {"a": [["192.0.2.1", 3], ["192.0.2.2", 2]]},
  "other": {"txt": "text"}}}"#;

struct Running {
    _folder: tempfile::TempDir,
    controller: Controller,
}

fn running() -> Running {
    let folder = tempfile::tempdir().unwrap();
    for name in ["zones", "geoip"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let path = folder.path().join("edge.toml");
    fs::write(&path, format!("[dns]\nlisten = [\"{SERVER}\"]\n[xdp]\nmode = \"off\"\n")).unwrap();
    fs::write(folder.path().join("zones/example.com.json"), ZONE).unwrap();
    let config = Config::load(&path).unwrap();
    let mut publisher =
        Publisher::new(Store::in_memory(), Box::new(NoKernel), fastrand::Rng::with_seed(1));
    publisher.serve(&config.dns.listen).unwrap();
    let mut controller = Controller::new(&config, publisher, Arc::new(Current::default()));
    controller.refresh().unwrap();
    Running { _folder: folder, controller }
}

impl Running {
    fn explain(&self, name: &str, rtype: &str, xdp: bool) -> Explanation {
        let question = Question {
            name: name.into(),
            rtype: rtype.into(),
            client: "198.51.100.7".parse().unwrap(),
        };
        let server: SocketAddr = SERVER.parse().unwrap();
        explain(&self.controller, &question, server, xdp).unwrap()
    }

    /// Who answers for the pool's addresses, and why.
    fn pool(&self) -> (String, String) {
        let explanation = self.explain("pool.example.com", "A", true);
        assert_eq!(explanation.answer, "2 records");
        (explanation.answered_by, explanation.why)
    }
}

#[test]
fn the_answer_is_shown_whoever_gives_it_and_whatever_it_is() {
    let running = running();
    for (name, rtype, answer) in [
        ("pool.example.com", "A", "2 records"),
        ("pool.example.com", "AAAA", "NODATA"),
        ("pool.example.com", "TYPE65", "NODATA"),
        ("other.example.com", "TXT", "1 record"),
        ("none.example.com", "A", "NXDOMAIN"),
        ("example.net", "A", "REFUSED"),
        ("example.com", "AXFR", "REFUSED"),
    ] {
        for xdp in [false, true] {
            assert_eq!(running.explain(name, rtype, xdp).answer, answer, "{name} {rtype}");
        }
    }
    let text = running.explain("none.example.com", "A", false).to_text();
    assert!(text.contains("  answer            NXDOMAIN\n"), "{text}");
    assert!(text.contains("authority (xdp.mode is \"off\")"), "{text}");
}

#[test]
fn a_switch_that_changes_who_answers_is_named() {
    let mut running = running();
    let by_xdp = ("xdp".to_owned(), "the name has a deck for this type and client".to_owned());
    let authority = |why: &str| ("authority".to_owned(), why.to_owned());
    assert_eq!(running.pool(), by_xdp);

    Setting::DryRun { on: true }.write(running.controller.store());
    let why = "dry run is on: XDP would answer this, but only counts it";
    assert_eq!(running.pool(), authority(why));
    Setting::Bypass { on: true }.write(running.controller.store());
    assert_eq!(running.pool(), authority("bypass is on: XDP passes everything"));
    Setting::Bypass { on: false }.write(running.controller.store());
    Setting::DryRun { on: false }.write(running.controller.store());
    assert_eq!(running.pool(), by_xdp);

    running.controller.switch_zone("example.com", false).unwrap();
    assert_eq!(running.pool(), authority("XDP is switched off for zone example.com"));
}

#[test]
fn a_response_is_summed_up_by_its_rcode_and_records() {
    let response = |flags: u16, answers: u16| {
        let mut header = vec![0, 7];
        for field in [flags, 1, answers, 0, 0] {
            header.extend(field.to_be_bytes());
        }
        outcome(&header)
    };
    assert_eq!(response(0x8400, 4), "4 records");
    assert_eq!(response(0x8400, 1), "1 record");
    assert_eq!(response(0x8400, 0), "NODATA");
    assert_eq!(response(0x8403, 0), "NXDOMAIN");
    assert_eq!(response(0x8005, 0), "REFUSED");
    assert_eq!(response(0x8001, 0), "RCODE 1");
    for (answer, word) in
        [("NODATA", "type"), ("NXDOMAIN", "no such name"), ("REFUSED", "refuse-unknown")]
    {
        assert!(why_tables(answer, false).contains(word));
    }
    assert_ne!(why_tables("2 records", true), why_tables("2 records", false));
    assert_eq!(reason(Verdict::UnknownName), "name, the tables don't have the name");
    assert_eq!(reason(Verdict::Edns), "edns");
}
