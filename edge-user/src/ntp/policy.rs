//! The decision whether the clock is synchronised, and what is published.
//!
//! The clock is synchronised while an answer of the daemon is no older than the lease, and that
//! answer agrees with the real-time clock within the error that the daemon itself reports.
//! That ends at once if the daemon takes its answer back, if the clock is stepped (but not by a
//! leap second), or after a suspension. Silence of the daemon ends it with the lease.

use std::net::SocketAddr;

use super::daemon::{Answer, Fault, STEP, step};
use super::host::Host;
use super::kernel::Kernel;
use super::leap::{Leap, Plan, plan};
use super::message::UNSYNCHRONISED;
use super::pair::Pair;
use super::reason::Reason;
use super::smear::{Line, Smearing};
use super::state::{PHI, Service, Smear, State, grown};
use super::timestamp::{SECOND, Short, Timestamp, nanoseconds};
use crate::settings::{Ntp, Unsynchronised};

/// The least that the daemon's time and the real clock may be apart, in nanoseconds: a daemon that
/// is very sure of itself may still be leading the clock to where it wants it. Clients see
/// it in the root dispersion.
const TOLERANCE: i64 = 1_000_000;
/// So far from UTC a smear may be, in nanoseconds.
const SMEARED: i64 = 2_000_000_000;
/// When the clock was stepped and so much was added to the boot-time clock against the monotonic
/// one, in nanoseconds, that was a suspension.
const NAP: u64 = 10_000_000;
/// Around a leap second the kernel may be late by a tick: its clock isn't looked at for so many
/// nanoseconds.
const BLUR: u64 = 50_000_000;
/// For so long after a leap second there is no other, in nanoseconds.
const REST: u64 = 20 * 86_400 * SECOND;

/// The readings of a host's clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Monotonic and real clock.
    pub pair: Pair,
    /// Nanoseconds of suspension since the start.
    pub asleep: u64,
    /// The kernel's report, if there is one.
    pub kernel: Option<Kernel>,
}

impl Moment {
    /// Looks at a host's clocks.
    pub fn now(host: &impl Host) -> Self {
        Self { pair: host.pair(), asleep: host.asleep(), kernel: host.kernel().ok() }
    }
}

/// The state to publish, and the reasons for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The state that clients are answered from.
    pub state: State,
    /// Why it isn't the time; none if it is.
    pub reason: Option<Reason>,
    /// A fault, although the time is served.
    pub remark: Option<Reason>,
    /// The answer that it rests on.
    pub answer: Option<Answer>,
    /// The readings that it was judged by.
    pub moment: Moment,
}

/// The policy, with the memory that its judgements need.
#[derive(Debug)]
pub struct Policy {
    source: SocketAddr,
    unsynchronised: Unsynchronised,
    /// Nanoseconds.
    lease: u64,
    /// That of reading the clock.
    precision: i8,
    /// The daemon's last answer, if nothing has happened since that makes it worthless.
    answer: Option<Answer>,
    /// The last fault, if nothing has succeeded since.
    trouble: Option<Reason>,
    smearing: Smearing,
    before: Option<Before>,
    last: Option<Judgement>,
    /// When the last leap second was, in nanoseconds of the monotonic clock.
    leapt: Option<u64>,
}

/// The last readings of the clocks, and the leap second that was expected then.
#[derive(Clone, Copy, Debug)]
struct Before {
    pair: Pair,
    asleep: u64,
    leap: Option<Leap>,
}

impl Policy {
    /// By configuration, and the precision of this host's clock.
    #[must_use]
    pub fn new(config: &Ntp, precision: i8) -> Self {
        Self {
            source: config.source,
            unsynchronised: config.unsynchronised,
            lease: u64::from(config.lease_seconds) * SECOND,
            precision,
            answer: None,
            trouble: None,
            smearing: Smearing::default(),
            before: None,
            last: None,
            leapt: None,
        }
    }

    /// Takes what came of asking the daemon.
    pub fn hear(&mut self, result: Result<Answer, Fault>) {
        match result {
            Ok(answer) => {
                self.smearing.hear(&answer);
                self.answer = Some(answer);
                self.trouble = None;
            }
            Err(fault) => {
                if fault.is_final() {
                    self.forget();
                }
                self.trouble = Some(Reason::Daemon(self.source, fault));
            }
        }
    }

    fn forget(&mut self) {
        self.answer = None;
        self.smearing.forget();
    }

    /// The state for clients from this moment on, and why.
    pub fn judge(&mut self, moment: Moment) -> Judgement {
        let now = moment.pair.monotonic;
        if let (Some(last), Some(Before { leap: Some(leap), .. })) = (&self.last, self.before)
            && now.abs_diff(leap.at) < BLUR
        {
            return last.clone();
        }
        self.notice(&moment);
        let unheard = || self.trouble.clone().unwrap_or(Reason::Unheard(self.source));
        let synchronised = self.answer.ok_or_else(unheard).and_then(|answer| {
            let line = self.agree(&answer, &moment)?;
            Ok((answer, line))
        });
        let (state, reason) = match synchronised {
            Ok((answer, line)) => (self.synchronised(&answer, line, &moment), None),
            Err(reason) => (self.unsynchronised(&moment), Some(reason)),
        };
        let leap = match reason {
            None if state.leap_at == u64::MAX => None,
            None => Some(Leap { at: state.leap_at, step: state.leap_step }),
            // A daemon may call itself unsynchronised while its leap second lasts; it happens
            // nevertheless.
            Some(_) => self.before.and_then(|before| before.leap).filter(|leap| leap.at > now),
        };
        self.before = Some(Before { pair: moment.pair, asleep: moment.asleep, leap });
        let remark = if reason.is_none() { self.trouble.clone() } else { None };
        let judgement = Judgement { state, reason, remark, answer: self.answer, moment };
        self.last = Some(judgement.clone());
        judgement
    }

    /// When the time that is served would end for lack of an answer, in nanoseconds of the
    /// monotonic clock; none if none is served. A lease that ends before a step of the kernel's
    /// isn't meant: only the step shows what comes after it.
    #[must_use]
    pub fn end(&self) -> Option<u64> {
        let served = self.last.as_ref().filter(|last| last.state.is_synchronised())?;
        let end = served.answer?.monotonic.saturating_add(self.lease);
        (served.state.lease == end).then_some(end)
    }

    /// Looks for a step or a suspension since the last time.
    fn notice(&mut self, moment: &Moment) {
        let Some(Before { pair, asleep, leap }) = self.before else { return };
        let mut stepped = step(pair, moment.pair);
        if let Some(leap) = leap
            && moment.pair.monotonic >= leap.at
        {
            self.leapt = Some(leap.at);
            stepped = stepped.saturating_sub(nanoseconds(leap.step));
        }
        if stepped.abs() <= STEP {
            return;
        }
        // A suspension moves the real clock against the monotonic one, too. Alone, the span shows
        // nothing: this thread may have been held up between two readings.
        let nap = moment.asleep.saturating_sub(asleep);
        let trouble = if nap > NAP {
            Reason::Suspended(i64::try_from(nap).unwrap_or(i64::MAX))
        } else {
            Reason::Stepped(stepped)
        };
        // An answer may have come since the clock was stepped, but then it was measured against the
        // clock before.
        self.forget();
        self.trouble = Some(trouble);
    }

    /// Whether the answer is fresh and goes with the real clock; for a smear, where it is going.
    fn agree(&self, answer: &Answer, moment: &Moment) -> Result<Option<Line>, Reason> {
        let now = moment.pair.monotonic;
        if now >= answer.monotonic.saturating_add(self.lease) {
            let late = || Reason::Late(self.source, now.saturating_sub(answer.monotonic) / SECOND);
            return Err(self.trouble.clone().unwrap_or_else(late));
        }
        let offset = nanoseconds(answer.offset);
        let may_be_wrong = i64::try_from(answer.delay / 2).unwrap_or(i64::MAX);
        let distance = i64::try_from(answer.message.root_distance()).unwrap_or(i64::MAX);
        let is_smeared = answer.message.is_smeared();
        let allowed = if is_smeared { SMEARED } else { distance.max(TOLERANCE) };
        let allowed = allowed.saturating_add(may_be_wrong);
        if offset.saturating_abs() > allowed {
            return Err(Reason::Disagrees { daemon: self.source, offset, allowed });
        }
        if !is_smeared {
            return Ok(None);
        }
        self.smearing.line(now).map(Some).ok_or(Reason::Smear(self.source))
    }

    fn synchronised(&self, answer: &Answer, line: Option<Line>, moment: &Moment) -> State {
        let Moment { pair, .. } = moment;
        let Answer { message, .. } = answer;
        let now = pair.monotonic;
        let plan = self.plan(answer, line, moment);
        let lease = answer.monotonic.saturating_add(self.lease);
        let age = now.saturating_sub(answer.monotonic);
        let utc = pair.utc().plus(line.map_or(0, |line| line.offset));
        // The daemon speaks of its own idea of the time; ours is the real clock (or the line),
        // which may differ by what was measured. What that measurement may be wrong by itself isn't
        // an error of the clock.
        let expected = line.map_or(0, |line| line.offset_before(age));
        let offset = nanoseconds(answer.offset.saturating_sub(expected));
        let apart = offset.unsigned_abs().saturating_sub(answer.delay / 2);
        let own = Short::at_least(apart.saturating_add(pair.uncertainty));
        let has_none = line.is_some() || self.has_just_leapt(now);
        State {
            monotonic: now,
            utc,
            uncertainty: pair.uncertainty,
            lease: plan.unknown.map_or(lease, |unknown| unknown.min(lease)),
            service: Service::Answer,
            leap: if has_none { 0 } else { message.leap },
            stratum: message.stratum,
            precision: message.precision.max(self.precision).clamp(-30, -1),
            refid: message.refid,
            root_delay: message.root_delay,
            root_dispersion: message.root_dispersion.plus(grown(age, PHI)).plus(own),
            dispersion_rate: PHI,
            // Never in the future, not even by the daemon's different idea of now.
            reference: if utc.since(message.reference) < 0 { utc } else { message.reference },
            leap_at: plan.leap.map_or(u64::MAX, |leap| leap.at),
            leap_step: plan.leap.map_or(0, |leap| leap.step),
            smear: line.map_or_else(Smear::default, |line| Smear {
                from: now,
                until: lease,
                rate: line.rate,
            }),
        }
    }

    /// What comes at the end of the day.
    fn plan(&self, answer: &Answer, line: Option<Line>, moment: &Moment) -> Plan {
        let now = moment.pair.monotonic;
        // Smeared time has no leap second; and where there was one, what still announces it is
        // late.
        if line.is_some() || self.has_just_leapt(now) {
            return Plan::default();
        }
        let pending = moment.kernel.and_then(|kernel| kernel.pending());
        plan(&moment.pair, answer.message.leap, pending)
    }

    fn has_just_leapt(&self, now: u64) -> bool {
        self.leapt.is_some_and(|at| now.saturating_sub(at) < REST)
    }

    /// As chrony answers when it isn't synchronised.
    fn unsynchronised(&self, moment: &Moment) -> State {
        let Moment { pair, .. } = moment;
        let service = match self.unsynchronised {
            Unsynchronised::Pass => Service::Pass,
            Unsynchronised::Flag => Service::Flag,
            Unsynchronised::Drop => Service::Drop,
        };
        State {
            monotonic: pair.monotonic,
            utc: pair.utc(),
            uncertainty: pair.uncertainty,
            lease: pair.monotonic.saturating_add(self.lease),
            service,
            leap: UNSYNCHRONISED,
            stratum: 0,
            precision: self.precision,
            refid: [0; 4],
            root_delay: Short(1 << 16),
            root_dispersion: Short(1 << 16),
            dispersion_rate: PHI,
            reference: Timestamp::default(),
            leap_at: u64::MAX,
            leap_step: 0,
            smear: Smear::default(),
        }
    }
}

#[cfg(test)]
mod tests;
