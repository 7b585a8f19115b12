//! The feed's state on disk: written every ten seconds, read at the start.
//!
//! Writing runs beside the feed, one job at a time. Changes meanwhile are written by the next job.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use edge_feed::disk::{Disk, DiskError, StateFile};
use edge_feed::policy::PolicyState;
use edge_feed::pool::KeptPool;
use edge_feed::scorer::Scorer;

use super::intake::{Intake, Issue, KeptState};

/// With every so many jobs the scorer's knowledge is written.
const SCORER: u32 = 6;

/// The state to write.
#[derive(Debug)]
pub(super) struct Persistence {
    disk: Disk,
    /// The newest text of each zone that isn't on disk; none for one that is gone.
    zones: BTreeMap<String, Option<String>>,
    /// Whether the pool or the policy's memory may have changed.
    pub(super) dirty: bool,
    /// Jobs since the scorer's state was last written.
    rounds: u32,
}

/// A piece of writing.
#[derive(Debug)]
pub(super) struct Job {
    disk: Disk,
    zones: BTreeMap<String, Option<String>>,
    snapshot: Option<KeptPool>,
    policy: Option<PolicyState>,
    scorer: Option<Scorer>,
}

/// The result of a job.
#[derive(Debug, Default)]
pub(super) struct Done {
    zones: BTreeMap<String, Option<String>>,
    /// What went wrong, if anything.
    pub(super) error: Option<String>,
}

impl Persistence {
    /// # Errors
    /// When the directory can't be made.
    pub(super) fn new(directory: &Path) -> Result<Self, DiskError> {
        Ok(Self { disk: Disk::new(directory)?, zones: BTreeMap::new(), dirty: false, rounds: 0 })
    }

    /// The kept state. Parts that can't be read are reported, a line each, and stay on the disk.
    pub(super) fn read(&self) -> (KeptState, Vec<String>) {
        let mut errors = Vec::new();
        let mut note = |cause: DiskError| errors.push(cause.to_string());
        let snapshot = self.disk.read(StateFile::Snapshot).map_err(&mut note).ok().flatten();
        let policy = self.disk.read(StateFile::Policy).map_err(&mut note).ok().flatten();
        let scorer = self.disk.read(StateFile::Scorer).map_err(&mut note).ok().flatten();
        let directory = self.disk.zones();
        let mut zones = Vec::new();
        match fs::read_dir(&directory) {
            Ok(entries) => {
                for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
                    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                    let Some(origin) = name.strip_suffix(".json") else { continue };
                    if origin.starts_with('.') {
                        continue;
                    }
                    match fs::read_to_string(&path) {
                        Ok(text) => zones.push((origin.to_owned(), text)),
                        Err(cause) => errors.push(format!("{}: {cause}", path.display())),
                    }
                }
            }
            Err(cause) => errors.push(format!("{}: {cause}", directory.display())),
        }
        zones.sort();
        (KeptState { snapshot, policy, scorer, zones }, errors)
    }

    /// A zone to write.
    pub(super) fn put(&mut self, issue: Issue) {
        self.zones.insert(issue.origin, issue.text);
    }

    /// The data to be written now, if there are any. The scorer's state is large, and goes with
    /// every sixth job and the last: results that aren't in it are read again.
    pub(super) fn job(&mut self, intake: &Intake, is_last: bool) -> Option<Job> {
        let is_owed = is_last && self.rounds > 0 && intake.scorer().is_some();
        if !self.dirty && self.zones.is_empty() && !is_owed {
            return None;
        }
        let zones = std::mem::take(&mut self.zones);
        let is_dirty = std::mem::take(&mut self.dirty);
        let with_scorer = is_last || is_dirty && self.rounds == 0;
        self.rounds = (self.rounds + 1) % SCORER;
        Some(Job {
            disk: self.disk.clone(),
            zones,
            snapshot: intake.pool().filter(|_| is_dirty).map(edge_feed::Pool::keep),
            policy: is_dirty.then(|| intake.state()),
            scorer: intake.scorer().filter(|_| with_scorer).cloned(),
        })
    }

    /// Takes back the data that couldn't be written: the next job writes them again.
    pub(super) fn done(&mut self, done: Done) -> Option<String> {
        self.dirty |= done.error.is_some();
        for (origin, text) in done.zones {
            self.zones.entry(origin).or_insert(text);
        }
        done.error
    }
}

impl Done {
    /// The result of a job that ended without one.
    pub(super) fn failed(cause: &dyn std::fmt::Display) -> Self {
        Self { error: Some(format!("feed.state: {cause}")), ..Self::default() }
    }
}

impl Job {
    /// Writes.
    pub(super) fn run(self) -> Done {
        let Self { disk, zones, snapshot, policy, scorer } = self;
        let mut done = Done::default();
        let mut note = |result: Result<(), DiskError>| {
            let error = result.err().map(|cause| format!("feed.state: {cause}"));
            let failed = error.is_some();
            done.error = done.error.take().or(error);
            failed
        };
        // The zones first: they are what a node serves with nothing else.
        let mut left = BTreeMap::new();
        for (origin, text) in zones {
            let written = match &text {
                Some(text) => disk.keep_zone(&origin, text),
                None => disk.remove_zone(&origin),
            };
            if note(written) {
                left.insert(origin, text);
            }
        }
        if let Some(snapshot) = snapshot {
            note(disk.keep(StateFile::Snapshot, &snapshot));
        }
        if let Some(policy) = policy {
            note(disk.keep(StateFile::Policy, &policy));
        }
        if let Some(scorer) = scorer {
            note(disk.keep(StateFile::Scorer, &scorer));
        }
        done.zones = left;
        done
    }
}
