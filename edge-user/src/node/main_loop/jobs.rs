//! The controller's jobs, and the watchdog over them.
//!
//! The node's loop puts jobs in and never waits; the controller's thread takes them out, one at a
//! time, in their order. A periodic job that still waits isn't put in a second time, so the queue
//! has a bound whatever the controller is busy with.
//!
//! The watchdog is what the lease means: XDP answers only while the loop is alive *and* the
//! controller makes progress. A job of more than [`SLOW`] shows in `edge status`. A job of more
//! than [`LONGEST`] is taken for one that never ends: the loop stops to renew the lease until the
//! job has ended after all.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::node::control::{Asked, Request};
use edge_tables::live::switches::Setting;

/// How long a job may take before the status names it.
pub(super) const SLOW: Duration = Duration::from_secs(30);
/// How long a job may take before the lease is no longer renewed. The largest zones and databases
/// take seconds to compile; a disk or a network file system that hangs may take minutes.
pub(super) const LONGEST: Duration = Duration::from_secs(600);
/// Requests that may wait; the sender of a further one is asked to try again.
const MOST_REQUESTS: usize = 64;

/// A job that the loop asks for again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Periodic {
    /// Compare files with what is served, since inotify reported a change.
    Refresh,
    /// The same because time has passed, after the directories are watched again.
    Look,
    /// Read the status files of servers.
    TargetHealth,
    /// Serve the zones that wait in the feed's handoff.
    Feed,
    /// Deal a part of the decks again.
    Deal,
    /// Choose the names of incomplete zones by their popularity.
    Popularity,
    /// Read the files of the cookies' secrets.
    Secrets,
    /// Read the configuration again.
    Reload,
}

/// A job.
#[derive(Debug)]
pub(super) enum Job {
    /// One that the loop asks for again and again.
    Periodic(Periodic),
    /// An operator's request, and who decides about it: see [`Claim`].
    Request(Asked, Claim),
}

/// The decision whether a request is done. The controller claims it when it begins, its sender when
/// it has waited long enough: the first one wins.
#[derive(Clone, Debug, Default)]
pub(super) struct Claim(Arc<AtomicBool>);

impl Claim {
    /// Claims the request. Returns false if the other side already has.
    pub(super) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }
}

impl Job {
    /// The job in a word or two, for the status and the log.
    const fn name(&self) -> &'static str {
        match self {
            Self::Periodic(Periodic::Refresh | Periodic::Look) => "reading and publishing files",
            Self::Periodic(Periodic::TargetHealth) => "publishing the health of servers",
            Self::Periodic(Periodic::Feed) => "publishing zones of the feed",
            Self::Periodic(Periodic::Deal) => "dealing",
            Self::Periodic(Periodic::Popularity) => "publishing popular names",
            Self::Periodic(Periodic::Secrets) => "reading cookies.secrets",
            Self::Periodic(Periodic::Reload) | Self::Request((Request::Reload, _), _) => {
                "reading the configuration"
            }
            Self::Request((Request::Switch(Setting::Zone { .. }), _), _) => "switching a zone",
            Self::Request(..) => "a request of the control socket",
        }
    }
}

/// The jobs, shared by the loop and the controller's thread.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Job>,
    running: Option<Running>,
    is_stopping: bool,
    /// Whether the thread ended without being asked to.
    has_died: bool,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    name: &'static str,
    since: Instant,
}

impl Jobs {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a periodic job, unless it waits already.
    pub(super) fn ask_for(&self, wanted: Periodic) {
        let mut state = self.state();
        let waits = |job: &Job| matches!(job, Job::Periodic(waiting) if *waiting == wanted);
        if !state.is_stopping && !state.waiting.iter().any(waits) {
            state.waiting.push_back(Job::Periodic(wanted));
            self.changed.notify_one();
        }
    }

    /// Passes a request on. The controller does it only if it can still take the claim.
    ///
    /// # Errors
    /// When too many wait; the request comes back.
    pub(super) fn request(&self, asked: Asked, claim: Claim) -> Result<(), Asked> {
        let mut state = self.state();
        let requests = state.waiting.iter().filter(|job| matches!(job, Job::Request(..))).count();
        if state.is_stopping || requests >= MOST_REQUESTS {
            return Err(asked);
        }
        state.waiting.push_back(Job::Request(asked, claim));
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the next job, which runs from then on until [`Self::finish`]; `None` at the end.
    /// For the controller's thread.
    pub(super) fn next(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if state.is_stopping {
                return None;
            }
            if let Some(job) = state.waiting.pop_front() {
                state.running = Some(Running { name: job.name(), since: Instant::now() });
                return Some(job);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the job that runs. For the controller's thread.
    pub(super) fn finish(&self) {
        self.state().running = None;
    }

    /// Drops what waits, and lets the thread end after the job that runs. Returns whether one does.
    pub(super) fn stop(&self) -> bool {
        let mut state = self.state();
        state.is_stopping = true;
        state.waiting.clear();
        self.changed.notify_one();
        state.running.is_some()
    }

    /// Whether the node stops: the kernel then refuses what a job still does.
    pub(super) fn is_stopping(&self) -> bool {
        self.state().is_stopping
    }

    /// Notes that the thread has ended; an error unless it was asked to.
    pub(super) fn end(&self) {
        let mut state = self.state();
        state.has_died = !state.is_stopping;
    }

    /// Whether the controller makes progress, and so the lease may be renewed.
    pub(super) fn is_alive(&self, now: Instant) -> bool {
        let state = self.state();
        let hangs = |running: Running| now.saturating_duration_since(running.since) > LONGEST;
        !state.has_died && !state.running.is_some_and(hangs)
    }

    /// What runs and for how long; for the sender of a request that waits too long.
    pub(super) fn busy(&self, now: Instant) -> String {
        let state = self.state();
        if state.has_died {
            return "the controller's thread has ended; restart the node".to_owned();
        }
        let what = state.running.map_or_else(
            || "the controller is busy".to_owned(),
            |Running { name, since }| {
                let seconds = now.saturating_duration_since(since).as_secs();
                format!("the controller is busy: {name} has taken {seconds} s")
            },
        );
        format!("{what}; ask again later")
    }

    /// What is wrong with the controller, if anything is.
    pub(super) fn error(&self, now: Instant) -> Option<String> {
        let state = self.state();
        let lost = "the lease is no longer renewed, and XDP passes every query when it ends; \
                    restart the node";
        if state.has_died {
            return Some(format!("controller: its thread has ended; {lost}"));
        }
        let Running { name, since } = state.running?;
        let time = now.saturating_duration_since(since);
        let (seconds, longest) = (time.as_secs(), LONGEST.as_secs());
        if time > LONGEST {
            Some(format!("controller: {name} has taken {seconds} s, more than {longest} s; {lost}"))
        } else if time > SLOW {
            Some(format!(
                "controller: {name} has taken {seconds} s; what was served before is still served, for \
                 {longest} s at most; look at the disk and the size of the zones"
            ))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Claim, Job, Jobs, LONGEST, MOST_REQUESTS, Periodic, SLOW};
    use crate::node::control::Request;
    use tokio::sync::oneshot;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_controller_that_is_idle_or_busy_for_less_than_the_bound_is_alive() {
        let jobs = Jobs::default();
        let long_after = Instant::now() + 10 * LONGEST;
        assert!(jobs.is_alive(long_after) && jobs.error(long_after).is_none(), "idle");
        jobs.ask_for(Periodic::Refresh);
        assert!(jobs.is_alive(long_after), "nothing has begun");
        let before = Instant::now();
        assert!(jobs.next().is_some());
        let after = Instant::now();
        assert!(jobs.is_alive(before + LONGEST));
        assert!(!jobs.is_alive(after + LONGEST + SECOND));
        jobs.finish();
        assert!(jobs.is_alive(after + LONGEST + SECOND), "the lease is renewed again");
    }

    #[test]
    fn a_job_is_an_error_after_half_a_minute_and_another_after_the_bound() {
        let jobs = Jobs::default();
        jobs.ask_for(Periodic::Refresh);
        let before = Instant::now();
        assert!(jobs.next().is_some());
        let after = Instant::now();
        assert_eq!(jobs.error(before + SLOW), None);
        let slow = jobs.error(after + SLOW + SECOND).unwrap();
        assert!(
            slow.starts_with("controller: reading and publishing files has taken 31 s; what was"),
            "{slow}"
        );
        let hung = jobs.error(after + LONGEST + SECOND).unwrap();
        assert!(
            hung.contains("has taken 601 s, more than 600 s; the lease is no longer renewed"),
            "{hung}"
        );
        jobs.finish();
        assert_eq!(jobs.error(after + LONGEST + SECOND), None);
    }

    #[test]
    fn a_controller_whose_thread_died_is_not_alive() {
        let jobs = Jobs::default();
        jobs.end();
        let now = Instant::now();
        assert!(!jobs.is_alive(now));
        assert!(jobs.error(now).unwrap().starts_with("controller: its thread has ended; "));
        let jobs = Jobs::default();
        assert!(!jobs.stop(), "nothing runs");
        jobs.end();
        assert!(jobs.is_alive(now) && jobs.next().is_none());
    }

    #[test]
    fn a_periodic_job_waits_once_and_runs_again_if_it_is_asked_for_while_it_runs() {
        let jobs = Jobs::default();
        for wanted in [Periodic::Deal, Periodic::Refresh, Periodic::Deal] {
            jobs.ask_for(wanted);
        }
        assert!(matches!(jobs.next(), Some(Job::Periodic(Periodic::Deal))));
        jobs.ask_for(Periodic::Deal);
        jobs.finish();
        assert!(matches!(jobs.next(), Some(Job::Periodic(Periodic::Refresh))));
        jobs.finish();
        assert!(matches!(jobs.next(), Some(Job::Periodic(Periodic::Deal))));
        assert!(jobs.stop(), "the last one runs");
        assert!(jobs.next().is_none());
    }

    #[test]
    fn requests_have_a_bound_and_those_that_wait_at_the_end_are_dropped() {
        let jobs = Jobs::default();
        let mut receivers = Vec::new();
        let mut ask = || {
            let (sender, receiver) = oneshot::channel();
            receivers.push(receiver);
            jobs.request((Request::Audit, sender), Claim::default()).is_ok()
        };
        assert!((0..MOST_REQUESTS).all(|_| ask()));
        assert!(!ask());
        assert!(!jobs.stop());
        assert!(
            receivers
                .iter_mut()
                .all(|it| it.try_recv() == Err(oneshot::error::TryRecvError::Closed))
        );
    }
}
