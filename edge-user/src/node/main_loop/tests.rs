//! A node without XDP, as its control socket meets it.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Hot, Node};
use crate::node::control::Request;
use crate::node::controller::Controller;
use crate::node::health_state::HealthState;
use crate::observe::query_log::Log;
use crate::settings::Config;
use edge_authority::{Counters, Current};
use edge_tables::live::cookie_state::Edns;
use edge_tables::live::switches::{ReturnPath, Setting};
use edge_tables::publish::{NoKernel, Publisher};
use edge_tables::store::Store;

struct Running {
    _folder: tempfile::TempDir,
    node: Node,
}

fn running() -> Running {
    let folder = tempfile::tempdir().unwrap();
    for name in ["zones", "geoip"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let path = folder.path().join("edge.toml");
    let text = "[dns]\nlisten = [\"192.0.2.53\"]\n[xdp]\nmode = \"off\"\ndry_run = true\n";
    fs::write(&path, text).unwrap();
    fs::write(folder.path().join("zones/a.example.json"), r#"{"serial": 1}"#).unwrap();
    let config = Config::load(&path).unwrap();
    let store = Store::in_memory();
    config.xdp.switches().write(&store);
    let edns = Edns::start(&store, &config.cookies, "").unwrap();
    let mut publisher = Publisher::new(store, Box::new(NoKernel), fastrand::Rng::with_seed(1));
    publisher.serve(&config.dns.listen).unwrap();
    let current = Arc::new(Current::default());
    let log = Log::start(&config.log, Arc::clone(&current), None).unwrap();
    let mut controller = Controller::new(&config, publisher, current);
    controller.refresh().unwrap();
    let (authority, vitals) = (Arc::new(Counters::default()), Arc::new(HealthState::default()));
    let started = Instant::now();
    let (hot, _) = Hot::new(None, 0, &config.limits).unwrap();
    let (time, feed, xdp) = (None, None, None);
    let deals = 0;
    let node = Node {
        config,
        controller,
        authority,
        log,
        edns,
        hot,
        time,
        feed,
        xdp,
        vitals,
        deals,
        started,
    };
    Running { _folder: folder, node }
}

impl Running {
    fn ask(&mut self, request: Request) -> Result<Value, String> {
        let (sender, mut receiver) = oneshot::channel();
        self.node.reply((request, sender));
        receiver.try_recv().unwrap()
    }
}

#[test]
fn switches_start_as_configured_and_are_set_at_once() {
    let mut running = running();
    let off = json!({
        "drain": false, "dry_run": true, "refuse_unknown": false, "return_path": "mirror"
    });
    let panel = running.ask(Request::Switches).unwrap();
    assert_eq!((&panel["switches"], &panel["configured"]), (&off, &off));
    assert_eq!(panel["zones"], json!([{"name": "a.example", "xdp": true, "configured": true}]));
    assert_eq!(panel["xdp"], false);

    for setting in [
        Setting::Drain { on: true },
        Setting::DryRun { on: false },
        Setting::RefuseUnknown { on: true },
        Setting::ReturnPath { path: ReturnPath::Fib },
        Setting::Zone { name: "a.example".into(), on: false },
    ] {
        running.ask(Request::Switch(setting)).unwrap();
    }
    let on = json!({
        "drain": true, "dry_run": false, "refuse_unknown": true, "return_path": "fib"
    });
    let status = running.ask(Request::Status).unwrap();
    assert_eq!(status["switches"], on);
    assert_eq!(
        (&status["zones"][0]["xdp"], &status["zones"][0]["in_xdp"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(status["zones"][0]["why"], "xdp.mode is \"off\"");
    let panel = running.ask(Request::Switches).unwrap();
    assert_eq!((&panel["switches"], &panel["configured"]), (&on, &off));
    // Metrics see it, too.
    assert!(running.node.vitals.liveness().status.switches.drain);

    let unknown = Setting::Zone { name: "b.example".into(), on: false };
    let error = running.ask(Request::Switch(unknown)).unwrap_err();
    assert_eq!(error, "no zone b.example is loaded; did you mean a.example?");
}

#[test]
fn a_node_without_a_feed_says_so_when_an_operator_allows_one() {
    let mut running = running();
    let error = running.ask(Request::FeedAllowOnce).unwrap_err();
    assert_eq!(error, "this node has no feed; configure [feed]");
    let status = running.ask(Request::Status).unwrap();
    assert_eq!(
        (&status["feed"]["age_seconds"], &status["feed"]["serial"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_node_without_ntp_says_so_when_asked_for_its_time() {
    let mut running = running();
    let error = running.ask(Request::ExplainTime).unwrap_err();
    assert_eq!(error, "this node tells no time; set ntp.enabled");
    let status = running.ask(Request::Status).unwrap();
    assert_eq!(
        (&status["ntp"]["enabled"], &status["ntp"]["synchronised"]),
        (&json!(false), &json!(false))
    );
}
