//! The node's loop: it renews the lease, and everything else in it is short.
//!
//! [`start`] puts the node together in an order: the authority listens before XDP is attached, so
//! that a query that passes is answered. The end goes the other way: XDP is detached before the
//! authority stops. What may take long (files, tries, compiling, dealing, publishing) is on the
//! controller's thread, see [`worker`]; the loop asks for it by [`jobs`] and never waits for it.
//! `docs/threads.md` lists all threads.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tracing::{error, info, warn};

use crate::node::checks::{Check, Checks};
use crate::node::control::{Request, Socket};
use crate::node::feed::{Feed, Handoff};
use crate::node::handover::Predecessor;
use crate::node::health_state::HealthState;
use crate::node::http::Http;
use crate::node::kept_switches::Kept;
use crate::node::notify;
use crate::observe::query_log::Log;
use crate::settings::Config;
use edge_authority::{Counters, Inherited};
use edge_kernel::LEASE;
use edge_tables::answer_counts::AnswerCounts;
use edge_tables::live::cookie_state;
use edge_tables::store::Store;

mod access;
mod findings;
mod heir;
mod interfaces;
mod jobs;
mod ntp;
mod popularity;
mod reload;
mod requests;
mod running_config;
mod services;
mod shared_kernel;
mod start;
mod status;
mod worker;
mod xdp;

use heir::{Handing, end_of};
use interfaces::View;
use jobs::{Jobs, Periodic};
use ntp::NtpService;
use popularity::SampleCounters;
use shared_kernel::lock;
pub(crate) use start::serve_all;
use start::{Inherits, Started, give_up, settle, start};
use worker::Snapshot;
use xdp::Xdp;

/// How often some of the decks are dealt again.
const DEAL: Duration = Duration::from_secs(1);
/// How often the kernel's lease is renewed: well before it ends.
const RENEW: Duration = Duration::from_secs(5);
/// How often directories are looked at although inotify reported nothing.
const LOOK: Duration = Duration::from_secs(10);
/// How often status files are looked at, and the health state is written.
const HEALTH: Duration = Duration::from_secs(1);
/// How often the time is written into the tables, and secret files are looked at.
const EDNS: Duration = Duration::from_secs(1);
/// How often samples are counted.
const COUNT: Duration = Duration::from_millis(100);
/// How often the controller looks whether other names should be in the tables.
const POPULARITY: Duration = Duration::from_secs(2);
/// How long TCP connections that are open are served on, once another node has taken over.
const GRACE: Duration = Duration::from_secs(2);
/// How long files are left to settle after a change.
const SETTLE: Duration = Duration::from_millis(100);

/// How a node ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// With XDP taken down.
    Stopped,
    /// With XDP left attached, under its lease.
    Kept,
    /// With everything left to another node.
    TakenOver,
}

/// A node, as its loop has it.
struct Node {
    config: Config,
    store: Store,
    /// The switches that stay over a restart.
    kept: Kept,
    /// The counts of the answers.
    answer_counts: AnswerCounts,
    /// What the controller's thread reported last.
    snapshot: Snapshot,
    /// The controller's jobs.
    jobs: Arc<Jobs>,
    authority: Arc<Counters>,
    log: Log,
    samples: SampleCounters,
    /// NTP, if it is answered.
    ntp: Option<NtpService>,
    /// Where zones come from besides files.
    feed: Option<Feed>,
    xdp: Option<Xdp>,
    /// The interfaces and addresses, as their thread found them last.
    interfaces: View,
    /// What the node's health is made of.
    checks: Checks,
    /// What they were when they were judged last.
    judged: Vec<Check>,
    health: Arc<HealthState>,
    /// Whether the controller worked when the lease was renewed last.
    was_alive: Cell<bool>,
    started: Instant,
}

/// Runs a node until a signal stops it, or another one takes over. `ready` is called once it
/// serves. With `takeover` it takes over from the node on its control socket, if there is one.
///
/// # Errors
/// When it can't start, with everything taken down again. The node that it wanted to take over from
/// goes on then.
pub fn run(config: Config, takeover: bool, ready: impl FnOnce()) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(config, takeover, ready))
}

async fn serve(config: Config, takeover: bool, ready: impl FnOnce()) -> anyhow::Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hup = signal(SignalKind::hangup())?;
    let (mut usr1, mut usr2) =
        (signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?);
    let at = config.control.socket.clone();
    let mut inherits = take_over(&at, takeover)?;
    let bound = match inherits.predecessor {
        Some(_) => Socket::bind_beside(&at),
        None => Socket::bind(&at),
    };
    let mut socket = bound.map_err(anyhow::Error::msg)?;
    let http = Http::bind(&config.http, &mut inherits.sockets)?;
    if let Some(http) = &http {
        info!("HTTP on {}", http.address());
    }
    let http_socket = http.as_ref().map(Http::socket).transpose()?;
    let mut started = start(config, &mut inherits)?;
    // Nobody would read from those of addresses that aren't wanted any more.
    inherits.sockets = Inherited::default();
    let prepared = started.prepared.take();
    started.node.health.renew();
    // The HTTP service ends after XDP is off; until then it reports that the node stops.
    let services = started.node.start_services(prepared, http);
    let links = std::mem::take(&mut started.links);
    let Started { mut node, mut worker, mut authority, .. } = started;
    let changed = worker.watch().changed();
    worker.take_from(node.feed.as_ref().map(Feed::handoff));
    let handoff = node.feed.as_ref().map(Feed::handoff);
    let (sender, mut done) = mpsc::unbounded_channel();
    let has_predecessor = inherits.predecessor.is_some();
    let running = services.and_then(|http| {
        let thread = worker.start(sender)?;
        inherits.predecessor.take().map_or(Ok(()), Predecessor::done)?;
        Ok((http, thread))
    });
    let (mut http, thread) = match running {
        Ok(running) => running,
        Err(cause) => {
            if let Some(xdp) = node.xdp {
                give_up(xdp, has_predecessor);
            }
            return Err(cause);
        }
    };
    // From here on this is the only node of its instance.
    let settled = settle(&node, &links, inherits.lock.take(), has_predecessor);
    let settled = settled.and_then(|()| match has_predecessor {
        true => socket.take_place(&at).map_err(anyhow::Error::msg),
        false => Ok(()),
    });
    if let Err(cause) = settled {
        if let Some(xdp) = node.xdp {
            give_up(xdp, false);
        }
        return Err(cause);
    }
    if has_predecessor {
        info!("took over from the node that ran");
    }

    let (sender, mut requests) = mpsc::channel(16);
    let (heir_sender, mut heirs) = mpsc::channel(1);
    // The hand-over that goes on, and its end.
    let mut handing: Option<Handing> = None;
    // How the node ends if the hand-over fails.
    let mut end_after = None;
    let periods = [DEAL, RENEW, LOOK, HEALTH, EDNS, COUNT, POPULARITY];
    let [mut deal, mut renew, mut look, mut health, mut cookies, mut count, mut popularity] =
        periods.map(|period| {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        });
    // When files that changed will have settled.
    let mut settled: Option<tokio::time::Instant> = None;
    if let Ok(sockets) = heir::sockets(&authority, http_socket.as_ref()) {
        notify::store(&sockets);
    }
    ready();
    let talk = socket.serve(sender, heir_sender);
    tokio::pin!(talk);
    let end = loop {
        tokio::select! {
            // What is in the kernel may be another node's already: this waits for the end.
            _ = term.recv() => match &handing {
                Some(handing) if handing.is_attaching() => end_after = Some(End::Stopped),
                _ => break End::Stopped,
            },
            _ = int.recv() => match &handing {
                Some(handing) if handing.is_attaching() => end_after = Some(End::Stopped),
                _ => break End::Stopped,
            },
            Some(heir) = heirs.recv() => {
                handing = node.hand_over(heir, &authority, http_socket.as_ref(), handing);
            }
            ended = end_of(&mut handing) => {
                handing = None;
                match ended {
                    Ok(()) => break End::TakenOver,
                    Err(cause) => warn!("{cause}; this node goes on"),
                }
                if let Some(end) = end_after {
                    break end;
                }
            }
            _ = hup.recv() => node.jobs.ask_for(Periodic::Reload),
            // By default they would end the process.
            _ = usr1.recv() => info!("SIGUSR1 has no meaning for edge"),
            _ = usr2.recv() => info!("SIGUSR2 has no meaning for edge"),
            () = &mut talk => {}
            () = changed.notified(), if settled.is_none() => {
                settled = Some(tokio::time::Instant::now() + SETTLE);
            }
            () = wait_until(settled) => {
                settled = None;
                node.jobs.ask_for(Periodic::Refresh);
            }
            () = wait_for_zones(handoff.as_deref()) => node.jobs.ask_for(Periodic::Feed),
            _ = look.tick() => node.jobs.ask_for(Periodic::Look),
            _ = health.tick() => {
                node.jobs.ask_for(Periodic::TargetHealth);
                node.check(Instant::now());
            }
            _ = deal.tick() => node.jobs.ask_for(Periodic::Deal),
            _ = cookies.tick() => {
                cookie_state::refresh_time(&node.store);
                node.jobs.ask_for(Periodic::Secrets);
            }
            _ = renew.tick() => node.renew(Instant::now()),
            _ = count.tick() => node.samples.count(),
            _ = popularity.tick() => node.jobs.ask_for(Periodic::Popularity),
            Some(done) = done.recv() => node.take(done),
            Some(asked) = requests.recv() => match asked {
                (request, reply) if handing.is_some() && request.changes() => {
                    drop(reply.send(Err("another node is taking over; ask that one".into())));
                }
                (Request::Stop { keep_xdp }, reply) => {
                    // Whoever asked may be gone.
                    drop(reply.send(Ok(serde_json::Value::Null)));
                    // The reply is written before the runtime ends.
                    tokio::task::yield_now().await;
                    break if keep_xdp { End::Kept } else { End::Stopped };
                }
                asked => node.reply(asked),
            },
        }
    };
    let mut grace = Duration::ZERO;
    match end {
        End::TakenOver => {
            info!("another node has taken over; stopping");
            socket.leave();
            // The other node has both.
            drop((http.take(), node.feed.take()));
            grace = GRACE;
        }
        End::Kept => {
            info!("stopping; XDP answers on until its lease ends, in {} s", LEASE.as_secs());
        }
        End::Stopped => info!("stopping"),
    }
    if end != End::TakenOver {
        node.health.stop();
    }
    notify::stopping();
    let is_busy = node.jobs.stop();
    // From here on requests pass to the daemon.
    drop(node.ntp.take());
    if let Some(xdp) = node.xdp.take() {
        match end {
            End::TakenOver => xdp.leave(),
            End::Kept => xdp.keep(),
            End::Stopped => xdp.take_down(),
        }
    }
    authority.stop(grace);
    node.log.stop();
    // Last, since it writes its state to a disk that may hang.
    drop(node.feed.take());
    end_controller(thread, is_busy);
    Ok(())
}

/// What the node that runs hands over, if it is to be taken over from and there is one.
fn take_over(socket: &Path, is_wanted: bool) -> anyhow::Result<Inherits> {
    // Those that systemd kept while it started the service again.
    let kept = Inherits { sockets: notify::kept(), ..Inherits::default() };
    if !is_wanted {
        return Ok(kept);
    }
    match Predecessor::ask(socket)? {
        Some(inheritance) => Ok(inheritance.into()),
        None => {
            info!("no node on {}; there is none to take over from", socket.display());
            Ok(kept)
        }
    }
}

/// Waits until a moment; for ever without one.
async fn wait_until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Waits until the feed has zones; for ever without a feed.
async fn wait_for_zones(handoff: Option<&Handoff>) {
    match handoff {
        Some(handoff) => handoff.wait_for_zones().await,
        None => std::future::pending().await,
    }
}

/// Joins the controller's thread if it was idle. A thread that was busy ends with the process: its
/// job may take minutes, it has nothing to save, the kernel refuses it everything since XDP was
/// taken down, and it owns (by an `Arc`) all memory that it still writes.
fn end_controller(thread: JoinHandle<()>, was_busy: bool) {
    if was_busy && !thread.is_finished() {
        info!("the controller was busy; its last job ends with the process");
    } else if thread.join().is_err() {
        error!("the controller's thread panicked");
    }
}

impl Node {
    /// Renews the lease, unless the controller hangs.
    fn renew(&self, now: Instant) {
        let is_alive = self.jobs.is_alive(now);
        if !is_alive {
            if let Some(text) = self.jobs.error(now).filter(|_| self.was_alive.replace(false)) {
                error!("{text}");
            }
            return;
        }
        if !self.was_alive.replace(true) {
            info!("the controller works again; the lease is renewed");
        }
        if let Some(xdp) = &self.xdp
            && let Err(cause) = lock(&xdp.kernel).renew_lease()
        {
            error!("renew the lease: {cause}; XDP passes everything when it ends");
            return;
        }
        self.health.renew();
        notify::watchdog();
    }
}

fn json(value: impl serde::Serialize) -> Result<serde_json::Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
