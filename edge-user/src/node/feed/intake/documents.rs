//! Documents of the feed: checked, then taken, or refused and remembered.
//!
//! A refused document changes nothing. It is remembered if an operator can let it pass, or if it
//! was refused for its time: then it is judged again when its time has come, as its source won't
//! send it again.

use std::sync::Arc;

use edge_feed::guard::{Candidate, ExpectedContent, FeedContent, Refusal};
use edge_feed::scorer::Scorer;
use edge_feed::source::Event;
use edge_feed::{Pool, Snapshot};

use super::{CHANGES, Intake, Issue, RESULTS, parse};
use crate::node::controller::Fed;

/// How long the next document may be older or smaller once an operator has allowed it, in seconds.
const ALLOWED: i64 = 900;

impl Intake {
    /// Accepts what was refused last because it was older or smaller, or else the next such
    /// document within [`ALLOWED`]. Returns the zones to serve, and messages for the operator.
    pub(in crate::node::feed) fn allow_once(&mut self, now: i64) -> (Vec<Issue>, Vec<String>) {
        let mut messages = Vec::new();
        let mut issues = Vec::new();
        for (origin, zone) in std::mem::take(&mut self.held) {
            messages.push(format!("zone {origin} with serial {} is served now", zone.serial));
            self.guard.forget(&origin);
            issues.extend(self.admit_built(zone, now));
        }
        if let Some((place, event)) = self.refused.take() {
            self.guard.allow_once(now.saturating_add(ALLOWED));
            issues.extend(self.document(&place, event, now));
            if self.refused.is_none() {
                messages.push(format!("the refused document of {place} is accepted now"));
            }
            // It may have been refused for something else, or not at all.
            self.guard.cancel_once(now);
        }
        if messages.is_empty() {
            self.guard.allow_once(now.saturating_add(ALLOWED));
            messages.push(format!(
                "the next older or smaller feed within {} min will be accepted",
                ALLOWED / 60
            ));
        }
        (issues, messages)
    }

    /// Takes back what [`allow_once`](Self::allow_once) allowed for the next document. Returns a
    /// message for the operator.
    pub(in crate::node::feed) fn cancel_allowed(&mut self, now: i64) -> String {
        match self.guard.cancel_once(now) {
            true => "older or smaller feeds will be refused again".to_owned(),
            false => "no feed is allowed in advance; nothing has changed".to_owned(),
        }
    }

    /// Judges documents again that were refused as ahead of our clock or as too old, if they aren't
    /// any more: time has passed, or a clock was set.
    pub(in crate::node::feed) fn judge_again(&mut self, now: i64) -> Vec<Issue> {
        let guard = &self.guard;
        let in_time = self.untimely.extract_if(.., |_, (_, serial)| guard.is_in_time(*serial, now));
        let in_time: Vec<_> = in_time.collect();
        in_time
            .into_iter()
            .flat_map(|(place, (event, _))| self.document(&place, event, now))
            .collect()
    }

    pub(super) fn document(&mut self, place: &Arc<str>, event: Event, now: i64) -> Vec<Issue> {
        self.untimely.remove(place);
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
                let serial = match refusal {
                    Refusal::Ahead { serial, .. } => Some(serial),
                    Refusal::Stale { seconds, .. } => u32::try_from(now - seconds).ok(),
                    _ => None,
                };
                if let Some(serial) = serial {
                    self.untimely.insert(Arc::clone(place), (event, serial));
                } else if refusal.can_be_allowed() {
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
        let mut is_override =
            admitted.allowed.is_some() || guard.config().override_serial == Some(admitted.serial);
        let taken = match admitted.what {
            FeedContent::Snapshot(snapshot) => {
                let served = self.pool.as_ref().map_or(0, Pool::since);
                let cursor = snapshot.cursor;
                let is_behind = cursor < served;
                if is_behind && !is_override && !guard.take_leave(admitted.serial, now) {
                    Err(Refusal::Behind { place: place.to_owned(), cursor, served })
                } else {
                    is_override |= is_behind;
                    let is_older = matches!(admitted.allowed, Some(Refusal::Older { .. }));
                    self.take_snapshot(place, snapshot, is_behind || is_older, now)
                        .map(|()| Vec::new())
                }
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

    /// Makes the pool of a snapshot. With `is_return` changes since it was taken are given up.
    fn take_snapshot(
        &mut self,
        place: &str,
        snapshot: Snapshot,
        is_return: bool,
        now: i64,
    ) -> Result<(), Refusal> {
        let seeds: Vec<(u64, f64, i64)> = match &self.scorer {
            Some(_) => snapshot.servers.iter().map(|s| (s.id, s.score, s.score_ts)).collect(),
            None => Vec::new(),
        };
        let cursor = snapshot.cursor;
        let through = self.scorer.as_ref().map_or(0, Scorer::cursor);
        let mut has_returned = false;
        let taken = match &mut self.pool {
            None => Pool::new(snapshot).map(|pool| self.pool = Some(pool)),
            Some(pool) => {
                // Changes that have fallen, and now a snapshot that is newer than all others and
                // contains less: it is of another history.
                let position = pool.position();
                let is_later = i64::from(snapshot.serial) > position.time && cursor < position.id;
                has_returned = is_return || self.has_fallen && is_later;
                match has_returned {
                    true => pool.return_to(snapshot, through, now),
                    false => pool.replace(snapshot),
                }
            }
        };
        taken.map_err(|cause| Refusal::Broken {
            place: place.to_owned(),
            cause: cause.to_string(),
        })?;
        self.returns += u64::from(has_returned);
        self.has_fallen = false;
        if let Some(scorer) = &mut self.scorer {
            if has_returned {
                scorer.return_to(cursor);
            }
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
}
