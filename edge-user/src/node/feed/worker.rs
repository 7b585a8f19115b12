//! The feed's loop: from events to zones, with writing to disk beside it.
//!
//! A change after a quiet while is built at once. While changes keep coming, zones are built at
//! most four times a second. If building and serving them would take more than a fortieth of the
//! time, they are built less often, down to once in 0.6 seconds. So a change is in answers within a
//! second.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tracing::{info, warn};

use edge_feed::source::{Event, SourceError};

use super::handoff::Handoff;
use super::heartbeat::HeartbeatTask;
use super::intake::{Intake, Issue};
use super::now;
use super::persistence::{Done, Job, Persistence};
use super::sources::{SourceResult, Sources, WAITING};
use super::view::View;
use crate::node::control::{Asked, Request};
use crate::node::controller::Fed;
use crate::settings::Feed;

/// Between two zones that are built, at least.
const BUILD: Duration = Duration::from_millis(250);
/// What took so long to build and to serve isn't built again before so many times as long,
const REST: u32 = 40;
/// but after this at the latest.
const LATEST: Duration = Duration::from_millis(600);
/// Zones are built without changes, too: days of deletion and dwell times come by themselves.
const TICK: Duration = Duration::from_secs(5);
/// Between two times of writing to disk.
const KEEP: Duration = Duration::from_secs(10);

/// What stays wrong with a source is logged again only when it has been well for so long.
const SILENCE: Duration = Duration::from_secs(300);

/// The feed at work.
pub(super) struct Worker {
    pub(super) config: Feed,
    /// The name of this client for NATS.
    pub(super) name: String,
    pub(super) intake: Intake,
    /// None without sources.
    pub(super) persistence: Option<Persistence>,
    pub(super) view: View,
    pub(super) handoff: Arc<Handoff>,
    pub(super) beat: Option<HeartbeatTask>,
    /// What was wrong with each source when it last failed, and when that was.
    pub(super) last_failures: HashMap<Arc<str>, (&'static str, Instant)>,
}

impl Worker {
    /// Works until it is stopped, and then keeps what there is.
    pub(super) async fn run(
        mut self,
        mut requests: mpsc::Receiver<Asked>,
        mut stopped: oneshot::Receiver<()>,
    ) {
        let (into, mut results) = mpsc::channel(WAITING);
        let made = Sources::new(self.config.clone(), &self.name, into, self.view.clone()).await;
        let (sources, connected) = made;
        let mut errors: Vec<String> = connected.err().iter().map(ToString::to_string).collect();
        errors.extend(sources.start_documents());
        if let (Some(beat), Some(nats)) = (self.beat.take(), sources.nats()) {
            tokio::spawn(beat.run(nats.clone(), self.view.clone()));
        }
        let mut following = None;
        let (mut tick, mut keep) = (ticks(TICK), ticks(KEEP));
        let mut due = Instant::now();
        let mut writing: Option<JoinHandle<Done>> = None;
        loop {
            if let (true, Some((changes, results))) =
                (following != Some(self.intake.returns()), self.intake.position())
            {
                let returns = self.intake.returns();
                sources.restart(returns, changes, results);
                if following.replace(returns).is_none() {
                    errors.extend(sources.start_changes(changes, results));
                }
            }
            for error in errors.drain(..) {
                self.intake.record(error);
            }
            tokio::select! {
                _ = &mut stopped => break,
                Some(first) = results.recv() => {
                    self.take(first);
                    for _ in 0..WAITING {
                        let Ok(more) = results.try_recv() else { break };
                        self.take(more);
                    }
                }
                () = sleep_until(due), if self.intake.is_dirty() => due = self.build(),
                Some(asked) = requests.recv() => self.reply(asked),
                _ = tick.tick() => {
                    let issues = self.intake.judge_again(now());
                    self.publish(issues);
                    due = self.build().max(due);
                }
                _ = keep.tick(), if writing.is_none() => {
                    if let Some(job) = self.job(false) {
                        writing = Some(tokio::task::spawn_blocking(|| job.run()));
                    }
                }
                done = written(&mut writing) => {
                    writing = None;
                    self.kept(done);
                }
            }
            if self.persistence.is_some() {
                self.view.look(&self.intake, now());
            }
        }
        if writing.is_some() {
            let done = written(&mut writing).await;
            self.kept(done);
        }
        if let Some(job) = self.job(true) {
            self.kept(job.run());
        }
    }

    fn take(&mut self, SourceResult { place, result, returns }: SourceResult) {
        match result {
            // It was sent before the source knew that the pool has gone back.
            Ok(Event::Deltas(_) | Event::Results(_)) if returns != self.intake.returns() => {}
            Ok(event) => {
                let issues = self.intake.take(&place, event, now());
                self.publish(issues);
                self.log_new_errors();
                self.mark_dirty(self.intake.is_dirty());
            }
            // It is in the source's status until it is well again.
            Err(cause) => self.log_failure(place, &cause),
        }
    }

    /// Builds zones; returns when to do so next.
    fn build(&mut self) -> Instant {
        let begun = Instant::now();
        let issues = self.intake.build(now());
        self.mark_dirty(!issues.is_empty());
        self.publish(issues);
        self.log_new_errors();
        let end = Instant::now();
        let cost = (end - begun).saturating_add(self.handoff.last_served_in());
        end + cost.saturating_mul(REST).clamp(BUILD, LATEST)
    }

    fn publish(&mut self, issues: Vec<Issue>) {
        for issue in issues {
            let serial = match &issue.fed {
                Fed::Zone(zone) => Some(zone.serial),
                Fed::Gone(_) => None,
            };
            self.view.hand_over(&issue.origin, serial);
            self.handoff.put(&issue.origin, issue.fed.clone());
            if let Some(persistence) = &mut self.persistence {
                persistence.put(issue);
            }
        }
    }

    /// Notes whether there is something new to keep.
    fn mark_dirty(&mut self, is_dirty: bool) {
        if let Some(persistence) = &mut self.persistence {
            persistence.dirty |= is_dirty;
        }
    }

    fn job(&mut self, is_last: bool) -> Option<Job> {
        self.persistence.as_mut()?.job(&self.intake, is_last)
    }

    /// Performs an operator's request.
    fn reply(&mut self, (request, reply): Asked) {
        let messages = match request {
            Request::FeedAllowOnce => Ok(self.allow_once()),
            Request::FeedCancelAllowOnce => {
                let message = self.intake.cancel_allowed(now());
                info!("feed: allow-once: {message}");
                Ok(vec![message])
            }
            Request::FeedRetry => {
                let places = self.view.retry().into_iter();
                Ok(places.map(|place| format!("{place} is tried again now")).collect())
            }
            _ => Err("a request for the node's loop".to_owned()),
        };
        // Whoever asked may be gone.
        drop(reply.send(messages.map(|messages| json!({ "messages": messages }))));
    }

    fn allow_once(&mut self) -> Vec<String> {
        let (issues, messages) = self.intake.allow_once(now());
        for message in &messages {
            info!("feed: allow-once: {message}");
        }
        self.publish(issues);
        self.log_new_errors();
        self.mark_dirty(true);
        messages
    }

    /// Logs what is wrong with a source, unless that was logged less than [`SILENCE`] ago: each
    /// attempt fails alike.
    fn log_failure(&mut self, place: Arc<str>, cause: &SourceError) {
        let now = Instant::now();
        let last = self.last_failures.insert(place, (cause.reason(), now));
        if last.is_some_and(|(reason, at)| reason == cause.reason() && now < at + SILENCE) {
            return;
        }
        warn!("feed: {cause}");
    }

    /// Logs what is newly wrong with what came.
    fn log_new_errors(&mut self) {
        for line in self.intake.take_new() {
            warn!("feed: {line}");
        }
    }

    fn kept(&mut self, done: Done) {
        let error = self.persistence.as_mut().and_then(|persistence| persistence.done(done));
        if let Some(error) = &error {
            warn!("{error}");
        }
        if error.is_none() {
            self.intake.clear_kept();
        }
        self.view.set_disk_error(error);
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// What became of the writing; for ever if there is none.
async fn written(writing: &mut Option<JoinHandle<Done>>) -> Done {
    match writing {
        Some(task) => task.await.unwrap_or_else(|cause| Done::failed(&cause)),
        None => std::future::pending().await,
    }
}
