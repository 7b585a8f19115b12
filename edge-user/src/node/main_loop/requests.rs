//! Replies to requests of the control socket.
//!
//! The loop answers at once what needs no controller: the status and the table of switches from
//! the last snapshot, the switches of the whole node, NTP. Everything else is a job of the
//! controller's thread; a task waits for its reply, so the loop doesn't.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::{info, warn};

use super::jobs::Claim;
use super::worker::Done;
use super::xdp::Xdp;
use super::{Node, json};
use crate::node::control::{Asked, Request};
use crate::node::kept_switches;
use crate::node::switch_table::SwitchTable;
use crate::settings::{self, Config, XdpMode};
use edge_tables::live::switches::{Setting, Switches};

/// How long a request may wait for the controller: a little less than the control socket waits,
/// so that its sender learns why.
const PATIENCE: Duration = Duration::from_secs(4);

/// For the sender of a request that takes long.
const BEGUN: &str = "the controller has begun the request and will finish it; `edge status` and \
                     `edge switch` show when it is done";

impl Node {
    /// Replies to a request, at once or when the controller has. Doesn't wait.
    pub(super) fn reply(&self, (request, reply): Asked) {
        let value = match request {
            Request::FeedAllowOnce | Request::FeedCancelAllowOnce | Request::FeedRetry => {
                match &self.feed {
                    Some(feed) => return feed.ask((request, reply)),
                    None => Err("this node has no feed; configure [feed]".into()),
                }
            }
            Request::Status => json(self.status(Instant::now())),
            Request::ExplainTime => match &self.ntp {
                Some(ntp) => json(ntp.report()),
                None => Err("this node serves no time; set ntp.enabled".into()),
            },
            Request::Switches => json(self.switch_table()),
            Request::Switch(setting) if !matches!(setting, Setting::Zone { .. }) => {
                self.switch(&setting, true);
                json(self.switch_table())
            }
            Request::SwitchUntilRestart(setting) if !matches!(setting, Setting::Zone { .. }) => {
                self.switch(&setting, false);
                json(self.switch_table())
            }
            request => return self.ask_controller((request, reply)),
        };
        // Whoever asked may be gone.
        drop(reply.send(value));
    }

    /// Makes a job of a request, and a task that waits for its reply.
    fn ask_controller(&self, (request, reply): Asked) {
        let (sender, receiver) = oneshot::channel();
        let claim = Claim::default();
        if self.jobs.request((request, sender), claim.clone()).is_err() {
            drop(reply.send(Err(self.jobs.busy(Instant::now()))));
            return;
        }
        let jobs = Arc::clone(&self.jobs);
        tokio::spawn(async move {
            let value = match tokio::time::timeout(PATIENCE, receiver).await {
                Ok(Ok(value)) => value,
                Ok(Err(_dropped)) => Err("the node is stopping".into()),
                Err(_elapsed) if claim.take() => Err(jobs.busy(Instant::now())),
                Err(_elapsed) => Err(BEGUN.into()),
            };
            drop(reply.send(value));
        });
    }

    /// Takes what the controller's thread reports after a job, and sends its reply.
    pub(super) fn take(&mut self, done: Done) {
        self.snapshot = done.snapshot;
        if let Some(config) = done.config {
            self.configure(*config);
        }
        self.report_health(Instant::now());
        if let Some((reply, value)) = done.reply {
            drop(reply.send(value));
        }
    }

    /// Takes over the loop's part of a configuration that was read again.
    fn configure(&mut self, config: Config) {
        let Config { xdp, zone, limits, cookies, .. } = config;
        // XDP is loaded at the start or not at all.
        if (xdp.mode == XdpMode::Off) == (self.config.xdp.mode == XdpMode::Off) {
            self.interfaces.want(&xdp.interfaces, Xdp::modes(xdp.mode));
            let instance = std::mem::take(&mut self.config.xdp.instance);
            self.config.xdp = settings::Xdp { instance, ..xdp };
        }
        (self.config.zone, self.config.limits, self.config.cookies) = (zone, limits, cookies);
    }

    /// Sets a switch of the whole node, by one atomic operation on the tables: it works at once,
    /// whatever the controller does. It is kept over restarts if it is wanted, and if the
    /// configuration has it otherwise.
    fn switch(&self, setting: &Setting, is_kept: bool) {
        setting.write(&self.store);
        info!("switched: {setting}");
        let differs = !self.config.xdp.switches().settings().contains(setting);
        if let Err(cause) = kept_switches::lock(&self.kept).set(setting, is_kept && differs) {
            warn!("{cause}; {} isn't kept over a restart", setting.name());
        }
        self.report_health(Instant::now());
    }

    /// All switches.
    fn switch_table(&self) -> SwitchTable {
        SwitchTable {
            switches: Switches::read(&self.store),
            configured: self.config.xdp.switches(),
            zones: self.snapshot.switches.clone(),
            xdp: self.xdp.is_some(),
            kept: kept_switches::lock(&self.kept).names(),
        }
    }
}
