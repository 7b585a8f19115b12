//! The controller's thread.
//!
//! It owns the controller and with it the publisher. Everything that may be slow happens here:
//! reading files, building tries, compiling, dealing, and waiting for the publisher's barrier. The
//! node's loop asks by [`Jobs`] and gets results by [`Done`], and never waits for it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use anyhow::Context as _;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::jobs::{Job, Jobs, Periodic};
use super::running_config::{Running, SetLimits};
use super::{LOOK, json};
use crate::node::control::Request;
use crate::node::controller::{Controller, Refresh};
use crate::node::explain::explain;
use crate::node::feed::Handoff;
use crate::node::kept_switches::{self, Kept};
use crate::node::status::{self, Reload};
use crate::node::switch_table::{SwitchTable, ZoneSwitch, same_switch};
use crate::node::watch::Watch;
use crate::observe::popularity::PopularityCounter;
use crate::settings::{Config, XdpMode};
use edge_authority::Options;
use edge_tables::live::cookie_state::CookieState;
use edge_tables::live::switches::{Setting, Switches};
use edge_tables::publish::Placed;
use edge_zone::Zone;
use edge_zone::name::bare;

/// The decks are dealt in so many parts, one after the other.
const DEAL_PARTS: u32 = 5;
/// Every so many deals the shares that servers have had are compared with the promised ones.
const AUDIT: u32 = 60;

/// A copy of the controller's state for the loop, made after every job that may change it.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    /// The zones.
    pub(super) zones: Vec<status::Zone>,
    /// The switch of each zone.
    pub(super) switches: Vec<ZoneSwitch>,
    /// How full the tables are.
    pub(super) tables: Vec<status::Table>,
    /// Publications that took no generation.
    pub(super) amended: u64,
    /// How the configuration was read last.
    pub(super) reload: Reload,
    /// Everything that is wrong, a line each.
    pub(super) errors: Vec<String>,
}

/// The result of a job, for the loop.
#[derive(Debug)]
pub(super) struct Done {
    /// Of after the job.
    pub(super) snapshot: Snapshot,
    /// The reply to a request. The loop sends it, after it has reported the snapshot.
    pub(super) reply: Option<Reply>,
    /// A configuration that was read again, of which the loop takes over its part.
    pub(super) config: Option<Box<Config>>,
}

/// A reply, and the way to its reader.
pub(super) type Reply = (oneshot::Sender<Result<Value, String>>, Result<Value, String>);

/// The work of the thread.
pub(super) struct Worker {
    jobs: Arc<Jobs>,
    pub(super) controller: Controller,
    pub(super) cookies: CookieState,
    /// The identifier that NSID shows.
    pub(super) nsid: String,
    pub(super) set_limits: SetLimits,
    pub(super) running: Running,
    popularity: PopularityCounter,
    watch: Watch,
    /// The directories that are watched.
    directories: Vec<PathBuf>,
    /// Whether the directory of zones may be missing.
    zones_are_optional: bool,
    handoff: Option<Arc<Handoff>>,
    listen: Vec<SocketAddr>,
    pub(super) configured: Switches,
    pub(super) kept: Kept,
    has_xdp: bool,
    /// How often a part of the decks was dealt again.
    deals: u32,
}

impl Worker {
    /// Of a controller that has published once.
    pub(super) fn new(
        jobs: Arc<Jobs>,
        config: &Config,
        controller: Controller,
        cookies: CookieState,
        popularity: PopularityCounter,
        set_limits: SetLimits,
        kept: Kept,
    ) -> Self {
        let (watch, error) = Watch::new();
        if let Some(cause) = error {
            let every = LOOK.as_secs();
            warn!("inotify: {cause}; directories are checked every {every} s");
        }
        let zones = config.zones.directory.iter();
        let directories = zones.chain([&config.geoip.directory]).cloned().collect();
        let mut worker = Self {
            jobs,
            controller,
            cookies,
            nsid: Options::new(&config.dns.server_id).nsid().to_owned(),
            set_limits,
            running: Running::new(config),
            popularity,
            watch,
            directories,
            zones_are_optional: config.zones.is_optional,
            handoff: None,
            listen: config.dns.listen.clone(),
            configured: config.xdp.switches(),
            kept,
            has_xdp: config.xdp.mode != XdpMode::Off,
            deals: 0,
        };
        worker.watch_directories();
        worker.count_incomplete();
        worker
    }

    /// Takes zones of the feed from there.
    pub(super) fn take_from(&mut self, handoff: Option<Arc<Handoff>>) {
        self.handoff = handoff;
    }

    /// The watch of the directories, for the loop.
    pub(super) const fn watch(&self) -> &Watch {
        &self.watch
    }

    /// The controller.
    pub(super) const fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(self, done: UnboundedSender<Done>) -> anyhow::Result<JoinHandle<()>> {
        let run = move || {
            let jobs = Arc::clone(&self.jobs);
            // Also if a job panics, in a build whose panics unwind.
            let _ended = EndOnDrop(Arc::clone(&jobs));
            self.run(&jobs, &done);
        };
        let thread = Builder::new().name("controller".into()).spawn(run);
        thread.context("start the controller's thread")
    }

    fn run(mut self, jobs: &Jobs, done: &UnboundedSender<Done>) {
        while let Some(job) = jobs.next() {
            let result = self.work(job);
            jobs.finish();
            if let Some(result) = result {
                // At the end of the node nobody listens any more.
                drop(done.send(result));
            }
        }
    }

    /// Does a job; returns what the loop has to hear of it.
    fn work(&mut self, job: Job) -> Option<Done> {
        let wanted = match job {
            Job::Periodic(wanted) => wanted,
            Job::Request((request, reply), claim) => {
                // If its sender has given up, nothing may change by it.
                if !claim.take() {
                    return None;
                }
                let (config, value) = match request {
                    Request::Reload => self.reload(),
                    request => (None, self.answer(request)),
                };
                let snapshot = self.snapshot();
                return Some(Done { snapshot, reply: Some((reply, value)), config });
            }
        };
        let is_news = match wanted {
            Periodic::Refresh => {
                let refresh = self.controller.refresh();
                self.report(refresh)
            }
            Periodic::Look => {
                self.watch_again();
                let refresh = self.controller.refresh();
                self.report(refresh)
            }
            Periodic::TargetHealth => {
                let refresh = self.controller.refresh_health();
                self.report(refresh);
                let again = self.controller.try_again(Instant::now());
                self.report(again)
            }
            Periodic::Feed => self.take_fed(),
            Periodic::Deal => {
                self.deal();
                false
            }
            Periodic::Popularity => self.choose_by_popularity(),
            Periodic::Secrets => {
                let before = self.cookies.error();
                self.cookies.refresh();
                self.cookies.error() != before
            }
            Periodic::Reload => {
                // What it says is in the log.
                let (config, _reply) = self.reload();
                return Some(Done { snapshot: self.snapshot(), reply: None, config });
            }
        };
        is_news.then(|| Done { snapshot: self.snapshot(), reply: None, config: None })
    }

    /// Watches the directories for the first time.
    fn watch_directories(&mut self) {
        let every = LOOK.as_secs();
        for directory in &self.directories {
            if let Some(cause) = self.watch.add(directory) {
                if self.zones_are_optional && !directory.exists() {
                    continue;
                }
                warn!("{}: {cause}; it is checked every {every} s", directory.display());
            }
        }
    }

    /// Watches directories again that were replaced or made since.
    fn watch_again(&mut self) {
        for directory in &self.directories {
            self.watch.add(directory);
        }
    }

    /// Logs what a refresh found; always news, since the files' errors may have changed.
    pub(super) fn report(&self, refresh: anyhow::Result<Refresh>) -> bool {
        match refresh {
            Ok(refresh) => {
                if refresh.published {
                    self.count_incomplete();
                }
                log_refresh(&refresh);
            }
            Err(cause) => self.log_failed_publication(&cause),
        }
        true
    }

    /// Has the names of zones counted that are not all in the tables.
    fn count_incomplete(&self) {
        self.popularity.watch(&self.controller.incomplete());
    }

    /// Serves what the feed has ready.
    fn take_fed(&mut self) -> bool {
        let Some(handoff) = self.handoff.clone() else { return false };
        let fed = handoff.take();
        if fed.is_empty() {
            return false;
        }
        let begun = Instant::now();
        let refresh = self.controller.feed(fed);
        let is_news = self.report(refresh);
        handoff.served_in(begun.elapsed());
        is_news
    }

    fn deal(&mut self) {
        let part = self.deals % DEAL_PARTS;
        self.deals = self.deals.wrapping_add(1);
        if let Err(cause) = self.controller.publisher().deal_part_again(part, DEAL_PARTS) {
            if self.jobs.is_stopping() {
                info!("the node is stopping: dealing has ended");
            } else {
                error!("deal again: {cause:#}");
            }
        }
        if self.deals.is_multiple_of(AUDIT) {
            drop(self.controller.publisher().audit());
        }
    }

    /// Has the most popular names in the tables; returns whether they are others than before.
    fn choose_by_popularity(&mut self) -> bool {
        let popularity = self.popularity.read(Instant::now());
        self.controller.choose_by_popularity(popularity).unwrap_or_else(|cause| {
            self.log_failed_publication(&cause);
            false
        })
    }

    /// A publication that the end of the node cuts off is no error.
    fn log_failed_publication(&self, cause: &anyhow::Error) {
        if self.jobs.is_stopping() {
            info!("the node is stopping: a publication has ended");
        } else {
            error!("publish: {cause:#}; what was served before is still served");
        }
    }

    /// Answers a request.
    fn answer(&mut self, request: Request) -> Result<Value, String> {
        match request {
            Request::Explain(question) => {
                let server = self.server_for(question.client.is_ipv4());
                explain(&self.controller, &question, server, self.has_xdp).and_then(json)
            }
            Request::Points { top } => {
                let publisher = self.controller.publisher();
                publisher.collect_counts();
                json(publisher.answer_counts().points(top))
            }
            Request::Audit => json(self.controller.publisher().audit()),
            Request::Observed { zone } => self.controller.observed(&zone).and_then(json),
            Request::Switch(Setting::Zone { name, on }) => self.switch_zone(name, on, true),
            Request::SwitchUntilRestart(Setting::Zone { name, on }) => {
                self.switch_zone(name, on, false)
            }
            Request::Status
            | Request::Reload
            | Request::ExplainTime
            | Request::Switches
            | Request::Switch(_)
            | Request::SwitchUntilRestart(_)
            | Request::TakeOver
            | Request::Stop { .. }
            | Request::FeedAllowOnce
            | Request::FeedCancelAllowOnce
            | Request::FeedRetry => Err("a request for the node's loop".into()),
        }
    }

    /// Sets a zone's switch; XDP follows it when this returns.
    fn switch_zone(&mut self, name: String, on: bool, is_kept: bool) -> Result<Value, String> {
        let refresh = self.controller.switch_zone(&name, on)?;
        if refresh.published {
            self.count_incomplete();
        }
        log_refresh(&refresh);
        let setting = Setting::Zone { name, on };
        info!("switched: {setting}");
        let configured = self.controller.zone_switches().into_iter().find(|it| {
            let name = it.name.clone();
            same_switch(&Setting::Zone { name, on }, &setting)
        });
        let differs = configured.is_none_or(|it| it.configured != on);
        let mut kept = kept_switches::lock(&self.kept);
        if let Err(cause) = kept.set(&setting, is_kept && differs) {
            warn!("{cause}; {} isn't kept over a restart", setting.name());
        }
        json(SwitchTable {
            kept: kept.names(),
            switches: Switches::read(self.controller.store()),
            configured: self.configured,
            zones: self.controller.zone_switches(),
            xdp: self.has_xdp,
        })
    }

    /// A served address of a family; any if there is none.
    fn server_for(&self, v4: bool) -> SocketAddr {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 53));
        let same = self.listen.iter().find(|at| at.is_ipv4() == v4);
        same.or_else(|| self.listen.first()).copied().unwrap_or(nowhere)
    }

    /// What the loop may know.
    pub(super) fn snapshot(&self) -> Snapshot {
        let controller = &self.controller;
        let placed = controller.placed().iter().map(|placed| (placed.apex.as_str(), placed));
        let placed: std::collections::HashMap<_, _> = placed.collect();
        let zones = controller.served().iter().map(|zone| {
            let name = bare(&zone.apex);
            let placed = placed.get(name.as_str()).copied();
            let why = self.why_not(zone, placed);
            let in_xdp = why.is_empty();
            let names = placed.map_or(0, |placed| placed.names);
            status::Zone {
                serial: zone.serial,
                names,
                decks: placed.map_or(0, |placed| placed.decks),
                xdp: controller.is_in_xdp(&zone.apex),
                why,
                in_xdp,
                incomplete: placed.is_some_and(|placed| placed.incomplete),
                names_in_xdp: if in_xdp { names } else { 0 },
                names_total: placed.map_or(0, |placed| placed.total),
                name,
            }
        });
        let tables = controller.usage().into_iter();
        let tables = tables.map(|(name, used, entries)| status::Table {
            name: name.to_owned(),
            used,
            entries,
        });
        Snapshot {
            zones: zones.collect(),
            switches: controller.zone_switches(),
            tables: tables.collect(),
            amended: controller.amended(),
            reload: self.running.last.clone(),
            errors: controller.errors().into_iter().chain(self.cookies.error()).collect(),
        }
    }

    /// Why XDP doesn't answer for a zone, whatever the switches of the whole node are; empty if it
    /// does.
    fn why_not(&self, zone: &Zone, placed: Option<&Placed>) -> String {
        if !self.has_xdp {
            return "xdp.mode is \"off\"".into();
        }
        if !self.controller.is_in_xdp(&zone.apex) {
            return "switched off".into();
        }
        match placed {
            Some(Placed { unfit: Some(reason), .. }) => reason.to_string(),
            Some(_) => String::new(),
            None => "its targeting doesn't fit".into(),
        }
    }
}

/// Logs what a refresh found.
pub(super) fn log_refresh(refresh: &Refresh) {
    for text in &refresh.warnings {
        warn!("{text}");
    }
    for text in &refresh.errors {
        error!("{text}");
    }
    if refresh.published && !refresh.read.is_empty() {
        info!("read {}", refresh.read.join(", "));
    }
}

/// Notes the end of the thread.
struct EndOnDrop(Arc<Jobs>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}
