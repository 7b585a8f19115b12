//! The start of a node, in order.
//!
//! Everything is on the main thread: the controller reads, compiles and publishes for the first
//! time before its own thread exists. The lease begins after that, just before XDP is attached.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;

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
use crate::node::health_state::HealthState;
use crate::observe::Observers;
use crate::observe::query_log::Log;
use crate::settings::{Config, Denied, XdpMode, host_name};
use edge_authority::{Authority, Cookies, Current, Options};
use edge_tables::live::cookie_state::CookieState;
use edge_tables::live::limits;
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
}

/// Starts everything up to XDP.
///
/// # Errors
/// When it can't, with everything taken down again.
pub(super) fn start(config: Config) -> anyhow::Result<Started> {
    let started = Instant::now();
    let mut xdp = if config.xdp.mode == XdpMode::Off {
        Xdp::clear(&config)?;
        None
    } else {
        Some(Xdp::load(&config)?)
    };
    match start_by(config, started, &mut xdp) {
        Ok(mut up) => {
            up.node.xdp = xdp;
            Ok(up)
        }
        Err(cause) => {
            if let Some(xdp) = xdp {
                xdp.take_down();
            }
            Err(cause)
        }
    }
}

/// Starts everything up to XDP, which stays with the caller to be taken down after an error.
fn start_by(config: Config, started: Instant, xdp: &mut Option<Xdp>) -> anyhow::Result<Started> {
    let (store, backend): (Store, Box<dyn Backend>) = match xdp {
        Some(xdp) => (lock(&xdp.kernel).store(), Box::new(xdp.backend())),
        None => (Store::in_memory(), Box::new(NoKernel)),
    };
    config.xdp.switches().write(&store);
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
    let (listen, workers) = (&config.dns.listen, config.dns.workers);
    let mut authority =
        Authority::bind(listen, workers, store.clone(), Arc::clone(&current), options)?;
    let kernel = xdp.as_ref().map(|xdp| &xdp.kernel);
    let (samples, ring) = SampleCounters::new(kernel, config.log.xdp_sample, &config.limits)?;
    let log = Log::start(&config.log, Arc::clone(&current), ring).context("start the log")?;
    let observers = Observers { log: log.sender(), popularity: samples.probe() };
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
    log_refresh(&refresh);
    authority.serve().context("start the authority's threads")?;
    let mut ntp = None;
    if let Some(xdp) = xdp {
        if config.ntp.enabled {
            ntp = Some(NtpService::start(&config.ntp, store.clone(), xdp.barrier()?)?);
        }
        lock(&xdp.kernel).renew_lease()?;
    }
    let interfaces = keep_interfaces(&config, xdp.as_mut())?;
    let jobs = Arc::new(Jobs::default());
    let (popularity, has_xdp) = (samples.popularity(), xdp.is_some());
    let set_limits = set_limits(&store, xdp.as_ref());
    let jobs_of_worker = Arc::clone(&jobs);
    let worker =
        Worker::new(jobs_of_worker, &config, controller, cookies, popularity, set_limits, has_xdp);
    let node = Node {
        answer_counts: worker.controller().answer_counts(),
        snapshot: worker.snapshot(),
        config,
        store,
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
    Ok(Started { node, worker, authority, prepared })
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

/// Attaches XDP, if it is on, and starts the thread that looks at interfaces and addresses.
///
/// # Errors
/// When the kernel refuses the program on every interface that exists. An interface that is
/// missing is no error: XDP is attached when it comes.
fn keep_interfaces(config: &Config, xdp: Option<&mut Xdp>) -> anyhow::Result<View> {
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
    keeper.remove_others()?;
    keeper.start().context("start the thread for interfaces")?;
    Ok(view)
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
