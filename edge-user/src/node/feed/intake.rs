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
use edge_feed::guard::{Admitted, Guard, Refusal, RootSize};
use edge_feed::policy::{PolicyError, PolicyState};
use edge_feed::pool::Applied;
use edge_feed::scorer::{Row, Scorer};
use edge_feed::source::Event;
use edge_feed::{Cursor, Delta, Pool, ZonePolicy, Zones, zone as built};

use crate::node::controller::Fed;
use edge_zone::{self as zone, Name, Zone, ZoneError};

mod documents;
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
    /// Changes below the cursor that are newer than what was taken.
    pub(super) fallen: u64,
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
    /// The document of each place that was refused for its time, and its serial.
    untimely: BTreeMap<Arc<str>, (Event, u32)>,
    errors: FeedErrors,
    counted: Counted,
    /// Whether the pool has changed since zones were built.
    dirty: bool,
    /// How often the pool has gone back. Changes that were sent before that don't count.
    returns: u64,
    /// Whether changes have fallen below the cursor since the last snapshot.
    has_fallen: bool,
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
        let (pool, built, held, refused, errors, counted) = Default::default();
        let (untimely, dirty, returns, has_fallen) = Default::default();
        Ok(Self {
            guard,
            pool,
            zones,
            scorer,
            direct,
            built,
            held,
            refused,
            untimely,
            errors,
            counted,
            dirty,
            returns,
            has_fallen,
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

    /// How often the pool has gone back to an earlier change. Each time the sources of changes and
    /// results have to begin again at [`position`](Self::position).
    pub(super) const fn returns(&self) -> u64 {
        self.returns
    }

    /// Where the sources of changes, and those of results, go on.
    pub(super) fn position(&self) -> Option<(Cursor, Cursor)> {
        let changes = self.pool.as_ref()?.position();
        let id = self.scorer.as_ref().map_or(0, Scorer::cursor);
        Some((changes, Cursor { discarded: changes.discarded, ..Cursor::from(id) }))
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
                Ok(Applied::Ignored) => {
                    let position = pool.position();
                    if position.has_fallen(delta.id, delta.ts) {
                        self.has_fallen = true;
                        self.counted.fallen += 1;
                        let (id, last) = (delta.id, position.id);
                        let text = format!(
                            "change {id} is ignored: it is newer than change {last}, which was \
                             taken before; if the scorer's database was restored or made again, \
                             publish a snapshot of it, and if that is refused: edge feed allow-once"
                        );
                        self.errors.skip(CHANGES, text);
                    }
                }
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
                    if let (Some(pool), Some(id)) = (&mut self.pool, row.id) {
                        pool.note_time(id, row.ts);
                    }
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
