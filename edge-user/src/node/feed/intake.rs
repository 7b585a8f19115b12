//! The intake: it checks documents and changes, and builds zones of them.
//!
//! It does no IO, and time is an argument. A document passes the guard. Snapshots and changes make
//! the pool. Zones are built of the pool, and pass the guard again. A refused document changes
//! nothing, and is remembered, so that an operator can let it pass.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use edge_feed::delta::Change;
use edge_feed::guard::{
    Admitted, Candidate, ExpectedContent, FeedContent, Guard, Refusal, RootSize,
};
use edge_feed::policy::{PolicyError, PolicyState};
use edge_feed::pool::{Applied, PoolError};
use edge_feed::scorer::{Row, Scorer};
use edge_feed::source::Event;
use edge_feed::{Delta, Pool, Snapshot, ZonePolicy, Zones, zone as built};

use crate::node::controller::Fed;
use edge_zone::{self as zone, Name, Zone, ZoneError};

mod errors;
mod resume;

use errors::FeedErrors;
pub(super) use resume::KeptState;

/// The places of errors with single changes and results.
const CHANGES: &str = "changes";
const RESULTS: &str = "results";

/// A zone, or that there is none any more.
#[derive(Clone, Debug)]
pub(super) struct Issue {
    /// Its name.
    pub(super) origin: String,
    /// Its JSON; none if it is gone.
    pub(super) text: Option<String>,
    /// The same for the node.
    pub(super) fed: Fed,
}

/// What has been counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    /// Changes that the pool took.
    pub(super) deltas: u64,
    /// Changes of servers that it doesn't have.
    pub(super) unknown: u64,
    /// Changes and results that can't be.
    pub(super) broken: u64,
    /// By how many seconds the last change came after its time.
    pub(super) lag: Option<i64>,
}

/// From sources to zones.
pub(super) struct Intake {
    guard: Guard,
    /// None before the first snapshot.
    pool: Option<Pool>,
    zones: Zones,
    /// The scores that are computed here, if results come in.
    scorer: Option<Scorer>,
    /// Zones that others build, in small letters.
    direct: BTreeSet<String>,
    /// Zones that were built.
    built: BTreeSet<String>,
    /// Zones that were built and refused.
    held: BTreeMap<String, built::FeedZone>,
    /// The document that was refused last, and where it came from.
    refused: Option<(Arc<str>, Event)>,
    errors: FeedErrors,
    counted: Counted,
    /// Whether the pool has changed since zones were built.
    dirty: bool,
}

impl Intake {
    /// # Errors
    /// A policy that can't be.
    pub(super) fn new(
        guard: Guard,
        policy: ZonePolicy,
        past: PolicyState,
        direct: impl IntoIterator<Item = String>,
        scorer: Option<Scorer>,
    ) -> Result<Self, PolicyError> {
        let zones = Zones::new(policy, past, fastrand::Rng::new())?;
        let direct = direct.into_iter().map(|origin| origin.to_ascii_lowercase()).collect();
        let (pool, built, held, refused, errors, counted, dirty) = Default::default();
        Ok(Self {
            guard,
            pool,
            zones,
            scorer,
            direct,
            built,
            held,
            refused,
            errors,
            counted,
            dirty,
        })
    }

    pub(super) fn guard(&self) -> &Guard {
        &self.guard
    }

    pub(super) fn pool(&self) -> Option<&Pool> {
        self.pool.as_ref()
    }

    pub(super) fn scorer(&self) -> Option<&Scorer> {
        self.scorer.as_ref()
    }

    /// What the policy has to remember.
    pub(super) fn state(&self) -> PolicyState {
        self.zones.state()
    }

    pub(super) const fn counted(&self) -> Counted {
        self.counted
    }

    /// What is wrong now, a line each.
    pub(super) fn errors(&self) -> impl Iterator<Item = &String> {
        self.errors.lines()
    }

    /// What of it is new since this was last asked, a line each: for the log.
    pub(super) fn take_new(&mut self) -> Vec<String> {
        self.errors.take_new()
    }

    /// Notes what is wrong with a source's settings, until the next start.
    pub(super) fn record(&mut self, error: String) {
        self.errors.record(error);
    }

    /// Notes what is wrong with what was kept, until something better is.
    pub(super) fn record_kept(&mut self, error: String) {
        self.errors.record_kept(error);
    }

    /// What was kept has been replaced.
    pub(super) fn clear_kept(&mut self) {
        self.errors.clear_kept();
    }

    /// Whether there are changes that no zones have been built of.
    pub(super) const fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Takes an event, from a place at the time `now` in seconds since 1970.
    pub(super) fn take(&mut self, place: &Arc<str>, event: Event, now: i64) -> Vec<Issue> {
        match event {
            Event::Unchanged => Vec::new(),
            Event::Deltas(deltas) => {
                self.apply(&deltas, now);
                Vec::new()
            }
            Event::Results(rows) => {
                self.observe(&rows, now);
                Vec::new()
            }
            Event::Snapshot { .. } | Event::Zone { .. } => self.document(place, event, now),
        }
    }

    /// Accepts what was refused last because it was older or smaller, or else the next such
    /// document. Returns the zones to serve, and messages for the operator.
    pub(super) fn allow_once(&mut self, now: i64) -> (Vec<Issue>, Vec<String>) {
        let mut messages = Vec::new();
        let mut issues = Vec::new();
        for (origin, zone) in std::mem::take(&mut self.held) {
            messages.push(format!("zone {origin} with serial {} is served now", zone.serial));
            self.guard.forget(&origin);
            issues.extend(self.admit_built(zone, now));
        }
        if let Some((place, event)) = self.refused.take() {
            self.guard.allow_once();
            issues.extend(self.document(&place, event, now));
            if self.refused.is_none() {
                messages.push(format!("the refused document of {place} is accepted now"));
            }
        }
        if messages.is_empty() {
            self.guard.allow_once();
            messages.push("the next older or smaller feed will be accepted".to_owned());
        }
        (issues, messages)
    }

    /// Builds zones of the pool, those that have changed; `now` is in seconds since 1970.
    pub(super) fn build(&mut self, now: i64) -> Vec<Issue> {
        self.dirty = false;
        let Some(pool) = &self.pool else { return Vec::new() };
        let zones = self.zones.update(pool, now);
        let direct = &self.direct;
        let is_ours = |origin: &str| !direct.contains(&origin.to_ascii_lowercase());
        let roots: BTreeSet<String> = pool
            .roots()
            .iter()
            .map(|root| root.apex.clone())
            .filter(|origin| is_ours(origin))
            .collect();
        let mut issues = Vec::new();
        for gone in std::mem::take(&mut self.built).difference(&roots) {
            self.held.remove(gone);
            self.errors.clear(&place_of(gone));
            self.guard.forget(gone);
            if let Ok(apex) = Name::parse(gone) {
                issues.push(Issue { origin: gone.clone(), text: None, fed: Fed::Gone(apex) });
            }
        }
        for zone in zones.into_iter().filter(|zone| roots.contains(&zone.apex)) {
            issues.extend(self.admit_built(zone, now));
        }
        self.built = roots;
        issues
    }

    /// A zone that we built passes the guard, or is held.
    fn admit_built(&mut self, zone: built::FeedZone, now: i64) -> Option<Issue> {
        let place = place_of(&zone.apex);
        let size = self.size();
        self.held.remove(&zone.apex);
        if let Err(refusal) = self.guard.admit_built(&zone.apex, zone.serial, size, now) {
            self.errors.refuse(&place, &refusal);
            self.held.insert(zone.apex.clone(), zone);
            return None;
        }
        match parse(&place, &zone.apex, &zone.text) {
            Ok(parsed) => {
                self.errors.clear(&place);
                let built::FeedZone { apex, text, .. } = zone;
                Some(Issue { origin: apex, text: Some(text), fed: Fed::Zone(parsed) })
            }
            Err(refusal) => {
                self.guard.refuse(&refusal, now);
                self.errors.refuse(&place, &refusal);
                None
            }
        }
    }

    /// The size of what is built: all servers that are in.
    fn size(&self) -> RootSize {
        let all = [false, true].map(|six| self.zones.members(edge_feed::server::GLOBAL, six));
        all.into_iter().flatten().fold(RootSize::default(), |size, member| {
            size.and(RootSize { servers: 1, weight: member.weight.into() })
        })
    }

    fn document(&mut self, place: &Arc<str>, event: Event, now: i64) -> Vec<Issue> {
        match self.judge(place, &event, now) {
            Ok(issues) => {
                self.errors.clear(place);
                if self.refused.as_ref().is_some_and(|(refused, _)| refused == place) {
                    self.refused = None;
                }
                issues
            }
            Err(refusal) => {
                self.errors.refuse(place, &refusal);
                let can_pass = matches!(
                    refusal,
                    Refusal::Older { .. }
                        | Refusal::Shrunken { .. }
                        | Refusal::Empty { .. }
                        | Refusal::RootGone { .. }
                );
                if can_pass {
                    self.refused = Some((Arc::clone(place), event));
                }
                Vec::new()
            }
        }
    }

    fn judge(&mut self, place: &str, event: &Event, now: i64) -> Result<Vec<Issue>, Refusal> {
        let (content, octets, signature) = match event {
            Event::Snapshot { octets, signature } => (ExpectedContent::Snapshot, octets, signature),
            Event::Zone { apex, text, signature } => {
                (ExpectedContent::Zone { apex }, text, signature)
            }
            _ => return Ok(Vec::new()),
        };
        let signature = signature.as_deref().map(String::from_utf8_lossy);
        let candidate = Candidate { place, content, octets, signature: signature.as_deref() };
        // What the guard takes may still be found wrong: then it has to be as if it hadn't.
        let mut guard = self.guard.clone();
        let admitted = match guard.admit(&candidate, now) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                self.guard = guard;
                return Err(refusal);
            }
        };
        let is_override = self.guard.is_allowing_once() && !guard.is_allowing_once()
            || guard.config().override_serial == Some(admitted.serial);
        let broken = |cause: String| Refusal::Broken { place: place.to_owned(), cause };
        let taken = match admitted.what {
            FeedContent::Snapshot(snapshot) => {
                self.take_snapshot(snapshot, is_override).map_err(broken).map(|()| Vec::new())
            }
            FeedContent::Zone { apex, text } => parse(place, &apex, &text)
                .map(|zone| vec![Issue { origin: apex, text: Some(text), fed: Fed::Zone(zone) }]),
        };
        match taken {
            Ok(issues) => {
                self.guard = guard;
                if is_override {
                    // What follows from it is let pass, too.
                    self.built.iter().for_each(|origin| self.guard.forget(origin));
                }
                Ok(issues)
            }
            Err(refusal) => {
                self.guard.refuse(&refusal, now);
                Err(refusal)
            }
        }
    }

    fn take_snapshot(&mut self, snapshot: Snapshot, is_override: bool) -> Result<(), String> {
        let seeds: Vec<(u64, f64, i64)> = match &self.scorer {
            Some(_) => snapshot.servers.iter().map(|s| (s.id, s.score, s.score_ts)).collect(),
            None => Vec::new(),
        };
        let error = |cause: PoolError| cause.to_string();
        match &mut self.pool {
            None => self.pool = Some(Pool::new(snapshot).map_err(error)?),
            Some(pool) if is_override => match pool.replace(snapshot.clone()) {
                // The way back to an older one: changes since then are gone.
                Err(PoolError::Older { .. }) => *pool = Pool::new(snapshot).map_err(error)?,
                other => other.map_err(error)?,
            },
            Some(pool) => pool.replace(snapshot).map_err(error)?,
        }
        if let Some(scorer) = &mut self.scorer {
            for (id, score, ts) in seeds {
                // More servers than are scored keep the scores that they came with.
                scorer.seed(id, score, ts).unwrap_or_default();
            }
        }
        // It makes up for changes that weren't taken.
        self.errors.clear(CHANGES);
        self.errors.clear(RESULTS);
        self.dirty = true;
        Ok(())
    }

    fn apply(&mut self, deltas: &[Delta], now: i64) {
        let Some(pool) = &mut self.pool else { return };
        let most = self.guard.config().max_servers;
        for delta in deltas {
            if let Change::Server { server } = &delta.change
                && pool.server(server.id).is_none()
                && pool.servers().count() >= most
            {
                let text =
                    format!("changes: more than {most} servers; raise feed.guard.max_servers");
                self.errors.skip(CHANGES, text);
                self.counted.broken += 1;
                continue;
            }
            match pool.apply(delta) {
                Ok(Applied::Changed(_)) => {
                    self.counted.deltas += 1;
                    self.counted.lag = Some(now.saturating_sub(delta.ts).max(0));
                    self.dirty = true;
                }
                Ok(Applied::Unknown(_)) => self.counted.unknown += 1,
                Ok(Applied::Ignored) => {}
                Err(cause) => {
                    self.counted.broken += 1;
                    self.errors.skip(CHANGES, format!("change {}: {cause}", delta.id));
                }
            }
        }
        if let Some(newest) = deltas.iter().map(|delta| delta.ts).max() {
            self.guard.note_deltas(newest, now);
        }
    }

    fn observe(&mut self, rows: &[Row], now: i64) {
        let Some(scorer) = &mut self.scorer else { return };
        let mut deltas = Vec::new();
        let mut newest = None;
        for row in rows {
            match scorer.observe(row, now) {
                Ok(delta) => {
                    deltas.extend(delta);
                    newest = newest.max(Some(row.ts));
                }
                Err(cause) => {
                    self.counted.broken += 1;
                    self.errors.skip(RESULTS, cause.to_string());
                }
            }
        }
        self.apply(&deltas, now);
        if let Some(newest) = newest {
            self.guard.note_deltas(newest, now);
        }
    }
}

/// What a zone that we build is called in messages.
fn place_of(origin: &str) -> String {
    format!("zone {origin}, built from all servers")
}

/// A zone for the node.
fn parse(place: &str, origin: &str, text: &str) -> Result<Arc<Zone>, Refusal> {
    // There always is a serial: the guard has read it.
    let time = SystemTime::UNIX_EPOCH;
    let parsed = zone::parse(origin, text.as_bytes(), time, Path::new(place));
    parsed.map(Arc::new).map_err(|cause| match cause {
        ZoneError::Text { line, column, message, .. } => {
            Refusal::Broken { place: format!("{place}:{line}:{column}"), cause: message }
        }
        ZoneError::Contradiction { message: cause, .. } | ZoneError::NoApex { cause, .. } => {
            Refusal::Broken { place: place.to_owned(), cause }
        }
        other => Refusal::Broken { place: place.to_owned(), cause: other.to_string() },
    })
}

/// What was served, as the guard has it.
fn admitted(place: &str, origin: &str, text: &str) -> Result<Admitted, Refusal> {
    Admitted::of_zone(place, origin, text.to_owned())
}

#[cfg(test)]
mod tests;
