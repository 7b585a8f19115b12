//! A node without XDP, used through its control socket's requests.

use std::cell::Cell;
use std::fs;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use super::interfaces::View;
use super::jobs::{Job, Jobs, LONGEST, Periodic, SLOW};
use super::worker::{Done, Worker};
use super::{Checks, Node, SampleCounters};
use crate::node::control::Request;
use crate::node::controller::Controller;
use crate::node::health_state::HealthState;
use crate::node::kept_switches::{Kept, KeptSwitches};
use crate::observe::query_log::Log;
use crate::settings::Config;
use edge_authority::{Counters, Current};
use edge_tables::live::cookie_state::CookieState;
use edge_tables::live::limits::{self, Limits};
use edge_tables::live::switches::{ReturnPath, Setting};
use edge_tables::publish::{NoKernel, Publisher};
use edge_tables::store::Store;

const SECOND: Duration = Duration::from_secs(1);

struct Running {
    folder: tempfile::TempDir,
    runtime: Runtime,
    node: Node,
    done: mpsc::UnboundedReceiver<Done>,
    thread: Option<JoinHandle<()>>,
}

/// A node whose controller's thread runs.
fn running() -> Running {
    let (mut running, worker, sender) = held();
    running.thread = Some(worker.start(sender).unwrap());
    running
}

/// A node whose controller does nothing: its thread isn't started.
fn held() -> (Running, Worker, mpsc::UnboundedSender<Done>) {
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
    let cookies = CookieState::start(&store, &config.cookies, "").unwrap();
    let mut publisher =
        Publisher::new(store.clone(), Box::new(NoKernel), fastrand::Rng::with_seed(1));
    publisher.serve(&config.dns.listen).unwrap();
    let current = Arc::new(Current::default());
    let log = Log::start(&config.log, Arc::clone(&current), None).unwrap();
    let mut controller = Controller::new(&config, publisher, current);
    controller.refresh().unwrap();
    let (samples, _) = SampleCounters::new(None, 0, &config.limits).unwrap();
    let jobs = Arc::new(Jobs::default());
    let popularity = samples.popularity();
    let limits_of = store.clone();
    let set_limits = Box::new(move |limits: &Limits| limits::set(limits, &limits_of, None));
    let (kept, _) = KeptSwitches::beside(&folder.path().join("edge.sock"));
    let kept: Kept = Arc::new(Mutex::new(kept));
    let of_worker = Arc::clone(&kept);
    let worker = Worker::new(
        Arc::clone(&jobs),
        &config,
        controller,
        cookies,
        popularity,
        set_limits,
        of_worker,
    );
    let node = Node {
        answer_counts: worker.controller().answer_counts(),
        snapshot: worker.snapshot(),
        config,
        store,
        kept,
        jobs,
        authority: Arc::new(Counters::default()),
        log,
        samples,
        ntp: None,
        feed: None,
        xdp: None,
        interfaces: View::default(),
        checks: Checks::default(),
        judged: Vec::new(),
        health: Arc::new(HealthState::default()),
        was_alive: Cell::new(true),
        started: Instant::now(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (sender, done) = mpsc::unbounded_channel();
    (Running { folder, runtime, node, done, thread: None }, worker, sender)
}

impl Running {
    /// Asks as the control socket does, while the loop goes on.
    fn ask(&mut self, request: Request) -> Result<Value, String> {
        let (sender, mut receiver) = oneshot::channel();
        let Self { node, done, .. } = self;
        self.runtime.block_on(async {
            node.reply((request, sender));
            loop {
                tokio::select! {
                    value = &mut receiver => return value.unwrap(),
                    Some(done) = done.recv() => node.take(done),
                }
            }
        })
    }

    /// Asks, and insists on a reply that nothing was waited for.
    fn ask_at_once(&self, request: Request) -> Result<Value, String> {
        let (sender, mut receiver) = oneshot::channel();
        self.node.reply((request, sender));
        receiver.try_recv().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.node.jobs.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

#[test]
fn switches_start_as_configured_and_are_set_at_once() {
    let mut running = running();
    let off = json!({
        "bypass": false, "dry_run": true, "refuse_unknown": false, "return_path": "mirror"
    });
    let panel = running.ask(Request::Switches).unwrap();
    assert_eq!((&panel["switches"], &panel["configured"]), (&off, &off));
    assert_eq!(panel["zones"], json!([{"name": "a.example", "xdp": true, "configured": true}]));
    assert_eq!(panel["xdp"], false);

    for setting in [
        Setting::Bypass { on: true },
        Setting::DryRun { on: false },
        Setting::RefuseUnknown { on: true },
        Setting::ReturnPath { path: ReturnPath::Fib },
        Setting::Zone { name: "a.example".into(), on: false },
    ] {
        running.ask(Request::Switch(setting)).unwrap();
    }
    let on = json!({
        "bypass": true, "dry_run": false, "refuse_unknown": true, "return_path": "fib"
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
    assert!(running.node.health.liveness().status.switches.bypass);

    // All of them differ from the configuration, and stay so over a restart.
    let beside = running.folder.path().join("edge.sock");
    let kept = || KeptSwitches::beside(&beside).0.names();
    let all = ["bypass", "dry-run", "refuse-unknown", "return-path", "zone a.example"];
    assert_eq!(kept(), all);
    assert_eq!(panel["kept"], json!(all));
    // As configured, or only until the restart: nothing to keep.
    running.ask(Request::Switch(Setting::DryRun { on: true })).unwrap();
    running.ask(Request::SwitchUntilRestart(Setting::Bypass { on: true })).unwrap();
    let zone = Setting::Zone { name: "A.example.".into(), on: false };
    running.ask(Request::SwitchUntilRestart(zone)).unwrap();
    assert_eq!(kept(), ["refuse-unknown", "return-path"]);

    let unknown = Setting::Zone { name: "b.example".into(), on: false };
    let error = running.ask(Request::Switch(unknown)).unwrap_err();
    assert_eq!(error, "no zone b.example is loaded; did you mean a.example?");
}

#[test]
fn a_node_without_a_feed_replies_so_when_an_operator_allows_one() {
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
fn a_node_without_ntp_replies_so_when_asked_for_its_time() {
    let mut running = running();
    let error = running.ask(Request::ExplainTime).unwrap_err();
    assert_eq!(error, "this node serves no time; set ntp.enabled");
    let status = running.ask(Request::Status).unwrap();
    assert_eq!(
        (&status["ntp"]["enabled"], &status["ntp"]["synchronised"]),
        (&json!(false), &json!(false))
    );
}

#[test]
fn while_the_controller_is_held_the_loop_answers_and_renews_until_the_bound() {
    let (running, _worker, _sender) = held();
    running.node.jobs.ask_for(Periodic::Refresh);
    let before = Instant::now();
    assert!(matches!(running.node.jobs.next(), Some(Job::Periodic(Periodic::Refresh))));
    let after = Instant::now();

    let status = running.ask_at_once(Request::Status).unwrap();
    assert_eq!((&status["zones"][0]["name"], &status["errors"]), (&json!("a.example"), &json!([])));
    let panel = running.ask_at_once(Request::Switch(Setting::Bypass { on: true })).unwrap();
    assert_eq!(
        (&panel["switches"]["bypass"], &panel["zones"][0]["xdp"]),
        (&json!(true), &json!(true))
    );
    assert!(running.ask_at_once(Request::ExplainTime).is_err());

    let errors = running.node.status(after + SLOW + SECOND).errors;
    assert!(
        errors[0].contains("has taken 31 s; what was served before is still served"),
        "{errors:?}"
    );
    let renewed = |running: &Running| running.node.health.liveness().since_renewal.is_some();
    running.node.renew(after + LONGEST + SECOND);
    assert!(!renewed(&running), "a controller that hangs ends the lease");
    let errors = running.node.status(after + LONGEST + SECOND).errors;
    assert!(errors[0].contains("the lease is no longer renewed"), "{errors:?}");
    running.node.renew(before + LONGEST);
    assert!(renewed(&running));
}

#[test]
fn a_request_for_a_held_controller_learns_why_it_waits_and_is_not_done_later() {
    let (mut running, worker, sender) = held();
    running.node.jobs.ask_for(Periodic::Refresh);
    assert!(running.node.jobs.next().is_some());
    let off = Setting::Zone { name: "a.example".into(), on: false };
    let error = running.ask(Request::Switch(off)).unwrap_err();
    assert!(
        error.starts_with("the controller is busy: reading and publishing files has taken "),
        "{error}"
    );
    // Now it goes on.
    running.node.jobs.finish();
    running.thread = Some(worker.start(sender).unwrap());
    let on = json!([{"name": "a.example", "xdp": true, "configured": true}]);
    assert!(running.ask(Request::Points { top: 1 }).is_ok());
    assert_eq!(running.ask(Request::Switches).unwrap()["zones"], on);
}

#[test]
fn the_sender_of_a_request_that_has_begun_learns_that_it_will_be_done() {
    let (mut running, worker, sender) = held();
    let (reply, mut receiver) = oneshot::channel();
    let off = Setting::Zone { name: "a.example".into(), on: false };
    {
        // The loop replies within its runtime, which runs the task that waits.
        let _runtime = running.runtime.enter();
        running.node.reply((Request::Switch(off), reply));
    }
    let Some(Job::Request(asked, claim)) = running.node.jobs.next() else {
        panic!("the request is a job")
    };
    // As the controller does when it begins.
    assert!(claim.take());
    let error = running.runtime.block_on(&mut receiver).unwrap().unwrap_err();
    assert!(
        error.starts_with("the controller has begun the request and will finish it"),
        "{error}"
    );
    running.node.jobs.finish();
    // Whoever has claimed it, nobody else does it.
    assert!(running.node.jobs.request(asked, claim).is_ok());
    running.thread = Some(worker.start(sender).unwrap());
    let on = json!([{"name": "a.example", "xdp": true, "configured": true}]);
    assert!(running.ask(Request::Points { top: 1 }).is_ok());
    assert_eq!(running.ask(Request::Switches).unwrap()["zones"], on);
}

#[test]
fn a_file_that_changed_is_served_by_the_controllers_thread() {
    let mut running = running();
    let path = running.folder.path().join("zones/a.example.json");
    fs::write(path, r#"{"serial": 12}"#).unwrap();
    running.node.jobs.ask_for(Periodic::Refresh);
    let done = running.runtime.block_on(running.done.recv()).unwrap();
    assert!(done.reply.is_none());
    running.node.take(done);
    let status = running.ask_at_once(Request::Status).unwrap();
    assert_eq!(status["zones"][0]["serial"], 12);
    assert_eq!(running.node.health.liveness().status.zones[0].serial, 12);
}

#[test]
fn a_configuration_is_taken_over_where_it_can_be_and_a_broken_one_is_not() {
    let mut running = running();
    let path = running.folder.path().join("edge.toml");
    let text = fs::read_to_string(&path).unwrap();
    let denied = "203.0.113.7".parse().unwrap();
    fs::write(
        &path,
        format!("{text}[limits]\ndeny = [\"203.0.113.0/24\"]\n[http]\nserver_points = 3\n"),
    )
    .unwrap();
    let reply = running.ask(Request::Reload).unwrap();
    assert_eq!(reply["changed"], json!(["limits.deny"]));
    assert_eq!(reply["needs_restart"], json!(["http.server_points"]));
    assert!(limits::denies(&running.node.store, denied));
    let status = running.ask(Request::Status).unwrap();
    assert_eq!(status["reload"]["needs_restart"], json!(["http.server_points"]));

    fs::write(&path, text.replace("dry_run", "dry_runn")).unwrap();
    let error = running.ask(Request::Reload).unwrap_err();
    assert!(error.contains("edge.toml:5:1") && error.contains("dry_runn"), "{error}");
    assert!(limits::denies(&running.node.store, denied), "nothing has changed");
    let status = running.ask(Request::Status).unwrap();
    assert_eq!(status["errors"], json!([error]));

    fs::write(&path, text.replace("dry_run = true", "dry_run = false")).unwrap();
    running.node.jobs.ask_for(Periodic::Reload);
    let done = running.runtime.block_on(running.done.recv()).unwrap();
    running.node.take(done);
    assert!(!limits::denies(&running.node.store, denied));
    let status = running.ask(Request::Status).unwrap();
    assert_eq!((&status["errors"], &status["reload"]["ok"]), (&json!([]), &json!(true)));
    assert_eq!(status["switches"]["dry_run"], false);
    assert_eq!(running.ask(Request::Switches).unwrap()["configured"]["dry_run"], false);
}
