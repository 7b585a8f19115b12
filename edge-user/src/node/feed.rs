//! The feed: sources, and the zones built of them, on a thread of its own.
//!
//! The thread reads the sources, checks them, builds and parses zones, and writes to disk. The
//! node's loop only takes zones that are ready. The last good state is kept in `feed.state`; from
//! it a node serves before any source has answered.
//!
//! The modules: `sources` starts the configured sources, `intake` checks their documents and builds
//! zones, `persistence` keeps them on disk, `worker` is the loop. [`Handoff`] passes zones to the
//! node, [`View`] is the feed's status, and [`HeartbeatTask`] reports to the fleet.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::SystemTime;

use anyhow::Context as _;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use crate::node::control::Asked;
use crate::node::controller::Fed;
use crate::settings as config;

mod handoff;
mod heartbeat;
mod intake;
mod persistence;
mod sources;
mod view;
mod worker;

pub use handoff::Handoff;
pub use heartbeat::{HeartbeatTask, ReadAnswers};
use intake::Intake;
use persistence::Persistence;
pub use view::View;
use worker::Worker;

/// Seconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// What is wrong with the sources' settings, without asking any: a line each.
#[must_use]
pub fn check(config: &config::Feed) -> Vec<String> {
    sources::check(config)
}

/// A feed that hasn't been started: what was good the last time has been read.
pub struct Prepared {
    worker: Worker,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Prepared").finish_non_exhaustive()
    }
}

impl Prepared {
    /// Reads what was kept, and gives the zones of it; none if no feed is configured.
    ///
    /// # Errors
    /// When the directory can't be made, or the configuration can't be. What can't be read there is
    /// logged, and the node waits for its sources instead.
    pub fn new(config: &config::Config) -> anyhow::Result<Option<(Self, Vec<Fed>)>> {
        let feed = &config.feed;
        if !feed.has_sources() && config.fleet.is_none() {
            return Ok(None);
        }
        let view = View::default();
        let persistence =
            feed.state.as_deref().map(Persistence::new).transpose().context("feed.state")?;
        let (past, errors) = persistence.as_ref().map(Persistence::read).unwrap_or_default();
        let policy = config.policy.clone();
        let (mut intake, issues) = Intake::resume(feed, policy, past, now())?;
        for error in errors {
            warn!("feed: {error}");
            intake.record_kept(error);
        }
        let mut zones = Vec::new();
        for issue in issues {
            if let Fed::Zone(zone) = &issue.fed {
                view.hand_over(&issue.origin, Some(zone.serial));
            }
            zones.push(issue.fed);
        }
        if feed.has_sources() {
            view.look(&intake, now());
        }
        let (feed, handoff) = (feed.clone(), Arc::default());
        let name = config.fleet.as_ref().map_or(&config.dns.server_id, |fleet| &fleet.node).clone();
        let worker = Worker {
            config: feed,
            name,
            intake,
            persistence,
            view,
            handoff,
            beat: None,
            last_failures: HashMap::new(),
        };
        Ok(Some((Self { worker }, zones)))
    }

    /// The status of the feed.
    #[must_use]
    pub fn view(&self) -> &View {
        &self.worker.view
    }

    /// Starts the thread. With `beat` the thread sends heartbeats to the fleet.
    ///
    /// # Errors
    /// When the system gives no thread, or nothing to wait with.
    pub fn start(self, beat: Option<HeartbeatTask>) -> anyhow::Result<Feed> {
        let mut worker = self.worker;
        worker.beat = beat;
        let (view, handoff) = (worker.view.clone(), Arc::clone(&worker.handoff));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let (requests, received) = mpsc::channel(4);
        let run = move || runtime.block_on(worker.run(received, stopped));
        let thread = Builder::new().name("feed".into()).spawn(run);
        let thread = Some(thread.context("start the feed's thread")?);
        Ok(Feed { view, handoff, requests, stop: Some(stop), thread })
    }
}

/// The feed while it runs; it ends with this, and keeps what there is.
#[derive(Debug)]
pub struct Feed {
    view: View,
    handoff: Arc<Handoff>,
    requests: mpsc::Sender<Asked>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// The status of the feed.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// Where zones are taken from.
    #[must_use]
    pub fn handoff(&self) -> Arc<Handoff> {
        Arc::clone(&self.handoff)
    }

    /// Takes an operator's request: to allow a document once, to take that back, to try again. The
    /// reply has messages for the operator.
    pub fn ask(&self, asked: Asked) {
        if let Err(unsent) = self.requests.try_send(asked) {
            let (_, reply) = match unsent {
                mpsc::error::TrySendError::Full(asked)
                | mpsc::error::TrySendError::Closed(asked) => asked,
            };
            // Whoever asked may be gone.
            drop(reply.send(Err("the feed's thread is busy or has ended; ask again".into())));
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            stop.send(()).unwrap_or_default();
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the feed's thread panicked");
        }
    }
}

#[cfg(test)]
mod tests;
