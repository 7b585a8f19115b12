//! The clock for NTP clients, published about once a second.
//!
//! It is also published at once after a step, and at the end of a lease.
//!
//! Three parties know something. The kernel's clocks show the time: the monotonic clock runs at the
//! same rate as the real-time one, so that a pair of readings ([`pair`]) is the time until somebody
//! steps it ([`step`]). The daemon, asked as a client asks ([`daemon`]), shows how far that can be
//! trusted. `adjtimex` ([`kernel`]) shows whether the kernel is about to insert a leap second.
//! [`policy`] makes a [`State`] of these: the time with a lease of seconds, or the reason why there
//! is none. No party is believed alone: a daemon whose time differs from the real-time clock
//! doesn't discipline it, and then the time isn't served.
#![deny(unsafe_code)]

pub use status::NtpStatus;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

pub mod chronyc;
pub mod daemon;
#[cfg(test)]
pub(crate) mod fixture;
pub mod host;
pub mod kernel;
pub mod leap;
pub mod message;
pub mod pair;
pub mod policy;
pub mod published;
pub mod reason;
pub mod report;
pub mod smear;
pub mod state;
mod status;
pub mod step;
#[cfg(test)]
mod tests;
pub mod timestamp;
pub mod tracking;

use crate::settings::Ntp;
use daemon::{Answer, Fault, ask};
use host::{Host, This};
use policy::{Judgement, Moment, Policy};
use reason::Reason;
use report::Report;
use state::State;
use step::{Alarm, Steps};
use tracking::Fault as ChronycFault;
use tracking::{ChronyReport, Tracking};

/// How often a state is published, and the daemon asked.
const PERIOD: Duration = Duration::from_secs(1);

/// The receiver of states.
pub trait Publish {
    /// Puts this state into the place of the one before.
    fn publish(&mut self, state: &State);
    /// Takes the last one away: nothing is answered any more.
    fn end(&mut self);
}

/// The clock, which publishes while it runs.
#[derive(Debug)]
pub struct Clock {
    config: Ntp,
    view: View,
}

/// The published state, for reading from any thread. All clones share it.
#[derive(Clone, Debug, Default)]
pub struct View {
    shared: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    judgement: Option<Judgement>,
    steps: u64,
    publications: u64,
    chrony: Option<ChronyReport>,
}

/// The last publication, as seen at a moment.
#[derive(Clone, Debug)]
pub struct Look {
    /// What was published; `None` if nothing was yet.
    pub judgement: Option<Judgement>,
    /// How often the kernel reported that the clock was set.
    pub steps: u64,
    /// How often something was published.
    pub publications: u64,
    /// The result of asking chrony about its own clock; `None` unless chrony is asked.
    pub chrony: Option<ChronyReport>,
    /// The moment, in nanoseconds of the monotonic clock.
    pub now: u64,
}

impl Look {
    /// The report for then: what clients get, and where it comes from.
    #[must_use]
    pub fn report(&self) -> Report {
        let Self { judgement, steps, publications, chrony, now } = self;
        let mut report = Report::new(judgement.as_ref(), *now, *publications, *steps);
        if let Some(chrony) = chrony {
            chrony.add_to(&mut report, *now);
        }
        report
    }
}

impl View {
    /// The report for now: what clients get, and where it comes from.
    #[must_use]
    pub fn report(&self) -> Report {
        self.look().report()
    }

    /// The last publication.
    #[must_use]
    pub fn look(&self) -> Look {
        self.look_at(This.monotonic())
    }

    /// The same at a nanosecond of the monotonic clock.
    fn look_at(&self, now: u64) -> Look {
        let seen = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let Seen { judgement, steps, publications, chrony } = &*seen;
        let (judgement, chrony) = (judgement.clone(), chrony.clone());
        Look { judgement, steps: *steps, publications: *publications, chrony, now }
    }

    #[cfg(test)]
    fn report_at(&self, now: u64) -> Report {
        self.look_at(now).report()
    }

    /// A view of a clock that has published this once.
    #[cfg(test)]
    pub(crate) fn of(judgement: Judgement) -> Self {
        let view = Self::default();
        view.with(|seen| {
            (seen.judgement, seen.publications) = (Some(judgement), 1);
        });
        view
    }

    /// Takes the result of asking chrony now; `None` if chrony isn't there.
    pub(crate) fn track(&self, result: Option<Result<Tracking, ChronycFault>>) {
        let monotonic = This.monotonic();
        self.with(|seen| {
            let judgement = seen.judgement.as_ref();
            let synchronised = judgement.is_some_and(|judgement| judgement.reason.is_none());
            seen.chrony = result.map(|result| ChronyReport { result, monotonic, synchronised });
        });
    }

    fn with(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Clock {
    /// A clock by configuration.
    #[must_use]
    pub fn new(config: &Ntp) -> Self {
        Self { config: config.clone(), view: View::default() }
    }

    /// The view of what it publishes.
    #[must_use]
    pub fn view(&self) -> View {
        self.view.clone()
    }

    /// Publishes until it is dropped, and then ends what it published. The runtime that polls it
    /// shouldn't be busy for long: a state that comes late is late by as much, and one that doesn't
    /// come ends with its lease.
    ///
    /// # Errors
    /// When the kernel gives no timer to notice steps by.
    pub async fn run(self, publish: impl Publish) -> io::Result<()> {
        let steps = Steps::watch()?;
        let Self { config, view } = self;
        Runner::new(&config, view, This, publish).run(steps).await;
        Ok(())
    }
}

type Asking<'a> = Pin<Box<dyn Future<Output = Result<Answer, Fault>> + Send + 'a>>;

/// Ends what was published, however it ends.
struct Ending<P: Publish>(P);

impl<P: Publish> Drop for Ending<P> {
    fn drop(&mut self) {
        self.0.end();
    }
}

struct Runner<H, P: Publish> {
    config: Ntp,
    host: H,
    policy: Policy,
    view: View,
    publisher: Ending<P>,
    /// How often is published.
    period: Duration,
    /// Periods from one question to the next.
    pace: u32,
    /// When what was published ends before its time, in nanoseconds of the monotonic clock.
    end: Option<u64>,
    /// What was logged last: why no time is served, or `""`.
    logged: Option<&'static str>,
}

impl<H: Host + Clone + Send + Sync, P: Publish> Runner<H, P> {
    fn new(config: &Ntp, view: View, host: H, publisher: P) -> Self {
        let policy = Policy::new(config, host.precision());
        let publisher = Ending(publisher);
        let (period, pace, end) = (PERIOD, 1, None);
        let config = config.clone();
        Self { config, host, policy, view, publisher, period, pace, end, logged: None }
    }

    async fn run(mut self, mut alarm: impl Alarm) {
        let mut ticks = interval(self.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let host = self.host.clone();
        let source = self.config.source;
        let mut random = fastrand::Rng::new();
        let mut question =
            || -> Option<Asking<'_>> { Some(Box::pin(ask(source, random.u64(..), &host))) };
        let mut asking: Option<Asking<'_>> = None;
        let mut asked: Option<Instant> = None;
        loop {
            let end = self.end;
            tokio::select! {
                () = alarm.stepped() => {
                    self.view.with(|seen| seen.steps += 1);
                    self.publish();
                    // What is under way was measured by the clock before.
                    asking = question();
                    asked = Some(Instant::now());
                }
                result = async { match asking.as_mut() {
                    Some(asking) => asking.await,
                    None => std::future::pending().await,
                } } => {
                    asking = None;
                    self.hear(result);
                    self.publish();
                }
                () = async { match end {
                    Some(end) => host.until(end).await,
                    None => std::future::pending().await,
                } } => self.publish(),
                _ = ticks.tick() => {
                    if asking.is_none() && asked.is_none_or(|asked| self.is_time(asked)) {
                        // The state is published when the answer is there, or has failed.
                        asking = question();
                        asked = Some(Instant::now());
                    } else {
                        self.publish();
                    }
                }
            }
        }
    }

    /// Whether the daemon may be asked again.
    fn is_time(&self, asked: Instant) -> bool {
        // A tick may come a little early.
        asked.elapsed() + self.period / 2 > self.period * self.pace
    }

    fn hear(&mut self, result: Result<Answer, Fault>) {
        // RFC 5905 §7.4: who gets RATE asks less often, and never more often again. The lease
        // sets the end to it.
        if result.as_ref().is_err_and(Fault::is_rate) {
            self.pace = (self.pace * 2).min((self.config.lease_seconds / 2).max(1));
        }
        self.policy.hear(result);
    }

    /// Publishes the state for clients now.
    fn publish(&mut self) {
        let judgement = self.policy.judge(Moment::now(&self.host));
        self.publisher.0.publish(&judgement.state);
        // What becomes of requests then is published then, and not up to a second later.
        self.end = self.policy.end().filter(|end| *end > judgement.moment.pair.monotonic);
        self.log(&judgement);
        self.view.with(|seen| {
            seen.publications += 1;
            seen.judgement = Some(judgement);
        });
    }

    /// A line for each change, not for each second: the spans in a reason change all the time.
    fn log(&mut self, judgement: &Judgement) {
        let kind = judgement.reason.as_ref().map_or("", Reason::kind);
        if self.logged.replace(kind) == Some(kind) {
            return;
        }
        match &judgement.reason {
            None => info!("serving time: stratum {}", judgement.state.stratum),
            Some(reason) => warn!("NOT serving time: {reason}"),
        }
    }
}
