//! The start of a node, in order.
//!
//! Everything is on the main thread: the controller reads, compiles and publishes for the first
//! time before its own thread exists. The lease begins after that, just before XDP is attached.

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::Context as _;
use tracing::{info, warn};

use super::interfaces::{Keeper, View};
use super::ntp::NtpService;
use super::popularity::SampleCounters;
use super::running_config::SetLimits;
use super::shared_kernel::lock;
use super::worker::{Worker, log_refresh};
use super::xdp::Xdp;
use super::{Jobs, Node};
use crate::node::checks::Checks;
use crate::node::controller::Controller;
use crate::node::feed::Prepared;
use crate::node::handover::{Inheritance, Predecessor};
use crate::node::health_state::HealthState;
use crate::node::kept_switches::{Kept, KeptSwitches};
use crate::observe::Observers;
use crate::observe::query_log::Log;
use crate::settings::{Config, Denied, XdpMode, host_name};
use edge_authority::{Authority, Cookies, Current, Inherited, Options};
use edge_tables::live::cookie_state::CookieState;
use edge_tables::live::limits;
use edge_tables::live::switches::Setting;
use edge_tables::prefixes::PrefixMap;
use edge_tables::publish::{Backend, NoKernel, Publisher};
use edge_tables::store::Store;

/// A node that serves, and what its loop still has to start or stop.
pub(super) struct Started {
    pub(super) node: Node,
    pub(super) worker: Worker,
    pub(super) authority: Authority,
    /// The feed.
    pub(super) prepared: Option<Prepared>,
    /// The links of the interfaces that are wanted.
    pub(super) links: Vec<PathBuf>,
}

/// Makes the node the one of its instance: what a former run left in the kernel goes. `lock` is
/// that of the instance, if the former node had XDP and this one hasn't.
///
/// # Errors
/// When the file system refuses.
pub(super) fn settle(
    node: &Node,
    links: &[PathBuf],
    lock: Option<OwnedFd>,
    has_taken_over: bool,
) -> anyhow::Result<()> {
    match &node.xdp {
        Some(xdp) => {
            xdp.pins.commit()?;
            Ok(xdp.pins.keep_links(links)?)
        }
        None if has_taken_over => Xdp::clear(&node.config, lock),
        None => Ok(()),
    }
}

/// What a node that starts has from the one that it takes over from; all of it empty if there is
/// none.
#[derive(Default)]
pub(super) struct Inherits {
    pub(super) predecessor: Option<Predecessor>,
    /// The lock of the instance.
    pub(super) lock: Option<OwnedFd>,
    pub(super) sockets: Inherited,
}

impl From<Inheritance> for Inherits {
    fn from(from: Inheritance) -> Self {
        let Inheritance { predecessor, lock, sockets } = from;
        Self { predecessor: Some(predecessor), lock, sockets }
    }
}

/// Starts everything up to XDP.
///
/// # Errors
/// When it can't, with everything taken down again, or given back.
pub(super) fn start(config: Config, inherits: &mut Inherits) -> anyhow::Result<Started> {
    let started = Instant::now();
    let mut xdp = match config.xdp.mode {
        XdpMode::Off => {
            if inherits.predecessor.is_none() {
                Xdp::clear(&config, None)?;
            }
            None
        }
        _ => Some(Xdp::load(&config, inherits.lock.take())?),
    };
    match start_by(config, started, &mut xdp, inherits) {
        Ok(mut up) => {
            up.node.xdp = xdp;
            Ok(up)
        }
        Err(cause) => {
            if let Some(xdp) = xdp {
                give_up(xdp, inherits.predecessor.is_some());
            }
            Err(cause)
        }
    }
}

/// Takes down the XDP of a node that can't start. With a predecessor the interfaces are given back
/// to that one.
pub(super) fn give_up(xdp: Xdp, has_predecessor: bool) {
    match has_predecessor {
        true => xdp.give_back(),
        false => xdp.take_down(),
    }
}

/// Starts everything up to XDP, which stays with the caller to be taken down after an error.
fn start_by(
    config: Config,
    started: Instant,
    xdp: &mut Option<Xdp>,
    inherits: &mut Inherits,
) -> anyhow::Result<Started> {
    let (store, backend): (Store, Box<dyn Backend>) = match xdp {
        Some(xdp) => (lock(&xdp.kernel).store(), Box::new(xdp.backend())),
        None => (Store::in_memory(), Box::new(NoKernel)),
    };
    config.xdp.switches().write(&store);
    let (kept, lost) = KeptSwitches::beside(&config.control.socket);
    if let Some(cause) = lost {
        warn!("{cause}");
    }
    for setting in kept.all() {
        setting.write(&store);
        info!("{setting}, as it was switched before the restart");
    }
    let mut publisher = Publisher::new(store.clone(), backend, fastrand::Rng::new());
    serve_all(&mut publisher, &config)?;
    let mut kernel = xdp.as_ref().map(|xdp| lock(&xdp.kernel));
    let map = kernel.as_deref_mut().map(|kernel| -> &mut dyn PrefixMap { kernel });
    limits::set(&config.limits, &store, map).context("limits")?;
    limits::set_ntp_denial(&store, config.ntp.deny == Denied::Kiss);
    drop(kernel);
    let current = Arc::new(Current::default());
    let options = options(&config, Cookies::of(&store));
    let cookies = CookieState::start(&store, &config.cookies, options.nsid())?;
    let kernel = xdp.as_ref().map(|xdp| &xdp.kernel);
    let (samples, ring) = SampleCounters::new(kernel, config.log.xdp_sample, &config.limits)?;
    let log = Log::start(&config.log, Arc::clone(&current), ring).context("start the log")?;
    let observers = Observers { log: log.sender(), popularity: samples.probe() };
    let of_authority = Arc::clone(&current);
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
    log_refresh(&refresh);
    switch_zones(&mut controller, kept.all());
    let kept: Kept = Arc::new(Mutex::new(kept));
    // Just before they are read from: a new socket gets its part of the queries at once.
    let (listen, workers) = (&config.dns.listen, config.dns.workers);
    let (sockets, of_zones) = (&mut inherits.sockets, of_authority);
    let mut authority =
        Authority::inherit(sockets, listen, workers, store.clone(), of_zones, options)?;
    authority.observe_by(Arc::new(observers));
    authority.serve().context("start the authority's threads")?;
    let mut ntp = None;
    if let Some(xdp) = xdp {
        if config.ntp.enabled {
            ntp = Some(NtpService::start(&config.ntp, store.clone(), xdp.barrier()?)?);
        }
        lock(&xdp.kernel).renew_lease()?;
    }
    if let Some(predecessor) = &mut inherits.predecessor {
        predecessor.attach()?;
    }
    let (interfaces, links) = keep_interfaces(&config, xdp.as_mut())?;
    let jobs = Arc::new(Jobs::default());
    let popularity = samples.popularity();
    let set_limits = set_limits(&store, xdp.as_ref());
    let jobs_of_worker = Arc::clone(&jobs);
    let of_worker = Arc::clone(&kept);
    let worker = Worker::new(
        jobs_of_worker,
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
        authority: Arc::clone(authority.counters()),
        log,
        samples,
        ntp,
        feed: None,
        xdp: None,
        interfaces,
        checks: Checks::default(),
        judged: Vec::new(),
        health: Arc::new(HealthState::default()),
        was_alive: Cell::new(true),
        started,
    };
    Ok(Started { node, worker, authority, prepared, links })
}

/// Switches the zones that were switched before the restart.
fn switch_zones(controller: &mut Controller, kept: &[Setting]) {
    for setting in kept {
        if let Setting::Zone { name, on } = setting {
            match controller.switch_zone(name, *on) {
                Ok(refresh) => log_refresh(&refresh),
                // It may come back.
                Err(cause) => warn!("{setting}, as it was switched before the restart: {cause}"),
            }
        }
    }
}

/// What sets the limits while the node runs.
fn set_limits(store: &Store, xdp: Option<&Xdp>) -> SetLimits {
    let (store, kernel) = (store.clone(), xdp.map(|xdp| Arc::clone(&xdp.kernel)));
    Box::new(move |limits| {
        let mut kernel = kernel.as_ref().map(lock);
        let map = kernel.as_deref_mut().map(|kernel| -> &mut dyn PrefixMap { kernel });
        limits::set(limits, &store, map)
    })
}

/// Attaches XDP, if it is on, and starts the thread that looks at interfaces and addresses. Returns
/// what that finds, and the links that are wanted.
///
/// # Errors
/// When the kernel refuses the program on every interface that exists. An interface that is
/// missing is no error: XDP is attached when it comes.
fn keep_interfaces(config: &Config, xdp: Option<&mut Xdp>) -> anyhow::Result<(View, Vec<PathBuf>)> {
    let view = View::default();
    let mut keeper = Keeper::new(xdp.map(|xdp| xdp.attaching(config)), view.clone());
    let before = keeper.look().unwrap_or_default();
    let found = view.read();
    let refused = found.interfaces.iter().filter(|it| it.index.is_some());
    let refused = refused.filter_map(|it| it.error.clone()).next();
    let is_anywhere = found.interfaces.iter().any(|it| it.mode.is_some());
    if let Some(cause) = found.error.or_else(|| refused.filter(|_| !is_anywhere)) {
        anyhow::bail!(cause);
    }
    keeper.log(&before);
    let links = keeper.links();
    keeper.start().context("start the thread for interfaces")?;
    Ok((view, links))
}

/// Writes the addresses of DNS and NTP into the tables.
///
/// # Errors
/// When there are more than the tables hold.
pub(crate) fn serve_all(publisher: &mut Publisher, config: &Config) -> anyhow::Result<()> {
    let (dns, ntp) = (&config.dns.listen, config.ntp.served());
    publisher.serve_both(dns, ntp).context(match ntp {
        [] => "dns.listen",
        _ => "dns.listen and ntp.listen",
    })
}

/// The authority's options.
fn options(config: &Config, cookies: Cookies) -> Options {
    let dns = &config.dns;
    Options {
        hostname: host_name(),
        public_debug_queries: dns.public_debug_queries,
        detailed_metrics: config.http.detailed_metrics,
        any: dns.any,
        version: dns.version.clone(),
        chaos_id: dns.chaos_id,
        freebind: dns.freebind,
        cookies,
        ..Options::new(&dns.server_id)
    }
}
