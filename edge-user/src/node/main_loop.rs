//! A running node: everything put together, started in order, kept going, taken down in order.
//!
//! The authority listens before XDP is attached, so that what passes finds somebody; XDP is taken
//! off before the authority stops. The clock that NTP is answered by runs on a thread of its own, from before XDP is
//! attached until before it is taken off.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use crate::node::control::{Asked, Request, Socket};
use crate::node::controller::{Controller, Refresh};
use crate::node::explain::explain;
use crate::node::feed::{Feed, Prepared};
use crate::node::health_state::HealthState;
use crate::node::http::Http;
use crate::node::status::{self, Counters as Counted, Status};
use crate::node::watch::Watch;
use crate::observe::Observers;
use crate::observe::query_log::Log;
use crate::settings::{Config, Denied, XdpMode, host_name};
use edge_authority::{Authority, Cookies, Counters, Current, Options};
use edge_tables::live::cookie_state::Edns;
use edge_tables::live::limits;
use edge_tables::prefixes::PrefixMap;
use edge_tables::publish::{Backend, NoKernel, Publisher};
use edge_tables::store::Store;
use edge_zone::name::bare;
use hot::Hot;

mod beside;
mod fed;
mod hot;
mod ntp;
mod switch;
mod xdp;

use ntp::Time;
use xdp::{Behind, Xdp, lock};

/// How often some of the decks are dealt anew.
const DEAL: Duration = Duration::from_secs(1);
/// The decks are dealt in so many parts, one after the other.
const DEAL_PARTS: u32 = 5;
/// Every so many deals the shares that servers have had are compared with those that they were promised.
const AUDIT: u32 = 60;
/// How often the kernel's lease is renewed: well before it ends.
const RENEW: Duration = Duration::from_secs(5);
/// How often directories are looked at although nothing was told.
const LOOK: Duration = Duration::from_secs(10);
/// How often status files are looked at.
const HEALTH: Duration = Duration::from_secs(1);
/// How often the kernel is told the time, and secret files are looked at.
const EDNS: Duration = Duration::from_secs(1);
/// How often it is counted what was asked for.
const COUNT: Duration = Duration::from_millis(100);
/// How often it is looked at whether other names should be in the tables.
const WARM: Duration = Duration::from_secs(2);
/// How long files are left to settle after a change.
const SETTLE: Duration = Duration::from_millis(100);

/// A node.
struct Node {
    config: Config,
    controller: Controller,
    authority: Arc<Counters>,
    log: Log,
    edns: Edns,
    hot: Hot,
    /// Where NTP is answered.
    time: Option<Time>,
    /// Where zones come from besides files.
    feed: Option<Feed>,
    xdp: Option<Xdp>,
    vitals: Arc<HealthState>,
    /// How often a part of the decks was dealt anew.
    deals: u32,
    started: Instant,
}

/// Runs a node until it is told to stop. `ready` is called once it serves.
///
/// # Errors
/// When it can't start, with everything taken down again.
pub fn run(config: Config, ready: impl FnOnce()) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(config, ready))
}

async fn serve(config: Config, ready: impl FnOnce()) -> anyhow::Result<()> {
    let started = Instant::now();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let socket = Socket::bind(&config.control.socket).map_err(anyhow::Error::msg)?;
    let http = Http::bind(&config.http)?;
    if let Some(http) = &http {
        info!("HTTP on {}", http.address());
    }
    let mut xdp = if config.xdp.mode == XdpMode::Off { None } else { Some(Xdp::load(&config)?) };
    let (store, backend): (Store, Box<dyn Backend>) = match &xdp {
        Some(xdp) => {
            let (kernel, pins) = (Arc::clone(&xdp.kernel), Arc::clone(&xdp.pins));
            (lock(&xdp.kernel).store(), Box::new(Behind { kernel, pins }))
        }
        None => (Store::in_memory(), Box::new(NoKernel)),
    };
    config.xdp.switches().write(&store);
    let started_up = async {
        let mut publisher = Publisher::new(store.clone(), backend, fastrand::Rng::new());
        serve_all(&mut publisher, &config)?;
        let mut kernel = xdp.as_ref().map(|xdp| lock(&xdp.kernel));
        let map = kernel.as_deref_mut().map(|kernel| -> &mut dyn PrefixMap { kernel });
        limits::set(&config.limits, &store, map)
            .map_err(|cause| anyhow::Error::from_boxed(cause).context("limits"))?;
        limits::set_time_denial(&store, config.ntp.deny == Denied::Kiss);
        drop(kernel);
        let current = Arc::new(Current::default());
        let options = options(&config, Cookies::of(&store));
        let edns = Edns::start(&store, &config.cookies, options.nsid())?;
        let (listen, workers) = (&config.dns.listen, config.dns.workers);
        let mut authority = Authority::bind(listen, workers, store, Arc::clone(&current), options)?;
        let kernel = xdp.as_ref().map(|xdp| &xdp.kernel);
        let (hot, samples) = Hot::new(kernel, config.log.xdp_sample, &config.limits)?;
        let log =
            Log::start(&config.log, Arc::clone(&current), samples).context("start the log")?;
        let observers = Observers { log: log.sender(), popularity: hot.probe() };
        authority.observe_by(Arc::new(observers));
        let mut controller = Controller::new(&config, publisher, current);
        let prepared = match Prepared::new(&config)? {
            Some((prepared, zones)) => {
                controller.take_fed(zones);
                Some(prepared)
            }
            None => None,
        };
        let refresh = controller.refresh()?;
        // Later it may come and go; but a start with a slip of the pen in its path would refuse
        // everything.
        if let Some(cause) = controller.directory_error() {
            anyhow::bail!("{cause}");
        }
        tell(&refresh);
        authority.serve().context("start the authority's threads")?;
        let mut time = None;
        if let Some(xdp) = &mut xdp {
            if config.ntp.enabled {
                let store = controller.store().clone();
                time = Some(Time::start(&config.ntp, store, xdp.barrier()?)?);
            }
            lock(&xdp.kernel).renew_lease()?;
            xdp.attach(&config)?;
        }
        hot.watch(&controller);
        Ok((controller, authority, log, edns, hot, time, prepared))
    };
    let (controller, mut authority, log, edns, hot, time, prepared) = match started_up.await {
        Ok(up) => up,
        Err(cause) => {
            if let Some(xdp) = xdp {
                xdp.take_down();
            }
            return Err(cause);
        }
    };
    let counters = Arc::clone(authority.counters());
    let vitals = Arc::new(HealthState::default());
    let mut node = Node {
        config,
        controller,
        authority: counters,
        log,
        edns,
        hot,
        time,
        feed: None,
        xdp,
        vitals,
        deals: 0,
        started,
    };
    node.vitals.renew();
    // The HTTP service ends, and says that the node stops until then, after XDP is off.
    let _http = match node.start_beside(prepared, http) {
        Ok(http) => http,
        Err(cause) => {
            if let Some(xdp) = node.xdp {
                xdp.take_down();
            }
            return Err(cause);
        }
    };
    let handoff = node.feed.as_ref().map(Feed::handoff);

    let (sender, mut requests) = mpsc::channel(16);
    let mut watch = node.watch();
    let changed = watch.changed();
    let periods = [DEAL, RENEW, LOOK, HEALTH, EDNS, COUNT, WARM];
    let [mut deal, mut renew, mut look, mut health, mut edns, mut count, mut warm] =
        periods.map(|period| {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
    ready();
    let talk = socket.serve(sender);
    tokio::pin!(talk);
    loop {
        tokio::select! {
            _ = term.recv() => break,
            _ = int.recv() => break,
            () = &mut talk => {}
            () = changed.notified() => {
                tokio::time::sleep(SETTLE).await;
                node.refresh();
            }
            () = fed::told(handoff.as_deref()) => node.take_fed(handoff.as_deref()),
            _ = look.tick() => {
                node.watch_again(&mut watch);
                node.refresh();
            }
            _ = health.tick() => node.refresh_health(),
            _ = deal.tick() => node.deal(),
            _ = edns.tick() => node.edns.refresh(),
            _ = renew.tick() => node.renew(),
            _ = count.tick() => node.hot.count(),
            _ = warm.tick() => {
                if node.hot.warm(&mut node.controller) {
                    node.tell_vitals();
                }
            }
            Some(asked) = requests.recv() => node.reply(asked),
        }
    }
    info!("stopping");
    node.vitals.stop();
    // It keeps what there is.
    drop(node.feed.take());
    // From here on requests pass to the daemon.
    drop(node.time.take());
    if let Some(xdp) = node.xdp.take() {
        xdp.take_down();
    }
    authority.stop();
    node.log.stop();
    Ok(())
}

/// Says where DNS and NTP are served.
pub(crate) fn serve_all(publisher: &mut Publisher, config: &Config) -> anyhow::Result<()> {
    let (dns, ntp) = (&config.dns.listen, config.ntp.served());
    publisher.serve_both(dns, ntp).context(match ntp {
        [] => "dns.listen",
        _ => "dns.listen and ntp.listen",
    })
}

/// How the authority presents itself.
fn options(config: &Config, cookies: Cookies) -> Options {
    let dns = &config.dns;
    Options {
        hostname: host_name(),
        public_debug_queries: dns.public_debug_queries,
        detailed_metrics: config.http.detailed_metrics,
        any: dns.any,
        version: dns.version.clone(),
        chaos_id: dns.chaos_id,
        cookies,
        ..Options::new(&dns.server_id)
    }
}

/// Logs what a refresh found.
fn tell(refresh: &Refresh) {
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

impl Node {
    /// Those that are watched.
    fn directories(&self) -> impl Iterator<Item = &PathBuf> {
        self.config.zones.directory.iter().chain([&self.config.geoip.directory])
    }

    fn watch(&self) -> Watch {
        let (mut watch, trouble) = Watch::new();
        let every = LOOK.as_secs();
        if let Some(cause) = trouble {
            warn!("inotify: {cause}; directories are looked at every {every} s");
        }
        for directory in self.directories() {
            if let Some(cause) = watch.add(directory) {
                if self.config.zones.is_optional && !directory.exists() {
                    continue;
                }
                warn!("{}: {cause}; it is looked at every {every} s", directory.display());
            }
        }
        watch
    }

    /// Watches directories again that were replaced or made since.
    fn watch_again(&self, watch: &mut Watch) {
        for directory in self.directories() {
            watch.add(directory);
        }
    }

    fn refresh_health(&mut self) {
        let refresh = self.controller.refresh_health();
        self.report(refresh);
    }

    fn refresh(&mut self) {
        let refresh = self.controller.refresh();
        self.report(refresh);
    }

    fn report(&self, refresh: anyhow::Result<Refresh>) {
        match refresh {
            Ok(refresh) => {
                if refresh.published {
                    self.hot.watch(&self.controller);
                }
                tell(&refresh);
            }
            Err(cause) => error!("publish: {cause:#}; what was served before still is"),
        }
        self.tell_vitals();
    }

    fn tell_vitals(&self) {
        self.vitals.serve(self.served());
    }

    fn deal(&mut self) {
        let part = self.deals % DEAL_PARTS;
        self.deals = self.deals.wrapping_add(1);
        if let Err(cause) = self.controller.publisher().deal_part_anew(part, DEAL_PARTS) {
            error!("deal anew: {cause:#}");
        }
        if self.deals.is_multiple_of(AUDIT) {
            drop(self.controller.publisher().audit());
        }
    }

    fn renew(&self) {
        if let Some(xdp) = &self.xdp
            && let Err(cause) = lock(&xdp.kernel).renew_lease()
        {
            error!("renew the lease: {cause}; XDP passes everything when it ends");
            return;
        }
        self.vitals.renew();
    }

    fn reply(&mut self, (request, reply): Asked) {
        let value = match request {
            Request::FeedAllowOnce => match &self.feed {
                Some(feed) => return feed.allow_once(reply),
                None => Err("this node has no feed; configure [feed]".into()),
            },
            Request::Status => self.status().and_then(json),
            Request::Explain(question) => {
                let server = self.server_for(question.client.is_ipv4());
                let xdp = self.xdp.is_some();
                explain(&self.controller, &question, server, xdp).and_then(json)
            }
            Request::ExplainTime => match &self.time {
                Some(time) => json(time.report()),
                None => Err("this node tells no time; set ntp.enabled".into()),
            },
            Request::Points { top } => {
                let publisher = self.controller.publisher();
                publisher.settle();
                json(publisher.ledger().points(top))
            }
            Request::Audit => json(self.controller.publisher().audit()),
            Request::Observed { zone } => self.controller.observed(&zone).and_then(json),
            Request::Switches => json(self.switch_table()),
            Request::Switch(setting) => self.switch(&setting).and_then(json),
        };
        // Whoever asked may be gone.
        drop(reply.send(value));
    }

    /// A served address of a family; any if there is none.
    fn server_for(&self, v4: bool) -> SocketAddr {
        let listen = &self.config.dns.listen;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 53));
        listen
            .iter()
            .find(|at| at.is_ipv4() == v4)
            .or_else(|| listen.first())
            .copied()
            .unwrap_or(nowhere)
    }

    fn status(&self) -> Result<Status, String> {
        let counters = self.counters()?;
        let mut status = self.served();
        status.ntp.count(&counters.answered);
        Ok(Status { counters, ..status })
    }

    /// What is served, without counters.
    fn served(&self) -> Status {
        let placed = self.controller.placed();
        let placed: HashMap<_, _> =
            placed.iter().map(|placed| (placed.apex.as_str(), placed)).collect();
        let zones = self.controller.zones().into_iter().map(|zone| {
            let name = bare(&zone.apex);
            let placed = placed.get(name.as_str()).copied();
            let why = self.why_not(&zone, placed);
            let in_xdp = why.is_empty();
            let names = placed.map_or(0, |placed| placed.names);
            status::Zone {
                serial: zone.serial,
                names,
                decks: placed.map_or(0, |placed| placed.decks),
                xdp: self.controller.is_in_xdp(&zone.apex),
                why,
                in_xdp,
                incomplete: placed.is_some_and(|placed| placed.incomplete),
                names_in_xdp: if in_xdp { names } else { 0 },
                names_total: placed.map_or(0, |placed| placed.total),
                name,
            }
        });
        let zones = zones.collect();
        let xdp =
            self.xdp.iter().flat_map(|xdp| &xdp.attachments).map(|attachment| status::Interface {
                interface: attachment.interface.clone(),
                mode: attachment.mode.name().to_owned(),
                warning: attachment.warning.clone().unwrap_or_default(),
            });
        let pins = self.xdp.as_ref().map(|xdp| xdp.pins.root().display().to_string());
        let tables = self
            .controller
            .usage()
            .into_iter()
            .map(|(name, used, entries)| status::Table { name: name.to_owned(), used, entries });
        let log = self.log.status();
        let trouble = Some(log.error.clone()).filter(|text| !text.is_empty());
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            server_id: self.config.dns.server_id.clone(),
            uptime_seconds: self.started.elapsed().as_secs(),
            generation: self.controller.generation(),
            amended: self.controller.amended(),
            switches: self.switches(),
            zones,
            xdp: xdp.collect(),
            counters: status::Counters::default(),
            log,
            feed: self.feed.as_ref().map(|feed| feed.view().read()).unwrap_or_default(),
            ntp: self.time.as_ref().map(Time::status).unwrap_or_default(),
            tables: tables.collect(),
            refused: self.hot.refused(),
            pins: pins.unwrap_or_default(),
            errors: self
                .controller
                .errors()
                .into_iter()
                .chain(trouble)
                .chain(self.edns.trouble())
                .chain(self.time.as_ref().and_then(Time::trouble))
                .chain(self.feed.iter().flat_map(|feed| feed.view().errors()))
                .collect(),
        }
    }

    fn counters(&self) -> Result<Counted, String> {
        let verdicts = match &self.xdp {
            Some(xdp) => lock(&xdp.kernel).verdicts(),
            None => Vec::new(),
        };
        Ok(Counted::new(self.authority.answered(), &verdicts))
    }
}

fn json(value: impl serde::Serialize) -> Result<serde_json::Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
