//! The servers now: a snapshot with the deltas after it.
//!
//! A delta is applied once, however often it arrives: the cursor says which deltas are in. Sources
//! have no cursor of their own; they begin at this one, and do so again when it goes back. A
//! snapshot or delta with an error is refused as a whole; then the servers stay as they were.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

use crate::cursor::Discarded;
use crate::delta::Change;
use crate::guard::{RootSize, size_of};
use crate::server::GLOBAL;
use crate::snapshot::{Root, Vendor};
use crate::{Cursor, Delta, Server, Snapshot};

mod kept;

pub use kept::{DocumentBase, KeptPool};

/// The most removed servers that are remembered: many times as many as a pool loses between two
/// documents.
const MOST_REMOVED: usize = 1 << 16;

/// The servers now, with the roots and vendors of the zones.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    serial: u32,
    cursor: u64,
    /// The serial of the snapshot that it was made of.
    document_serial: u32,
    /// Its size.
    document_size: RootSize,
    /// The cursor of the snapshot that it was made of.
    since: u64,
    /// The newest time of a snapshot or change, and the first change of that second.
    newest: (i64, u64),
    /// The history that was given up, while the cursor is within it.
    discarded: Option<Discarded>,
    roots: Vec<Root>,
    vendors: Vec<Vendor>,
    zones: Vec<String>,
    entries: BTreeMap<u64, PoolEntry>,
    /// Identifiers by address; no two servers have the same address.
    addresses: HashMap<IpAddr, u64>,
    /// Servers that deltas have removed, and the delta: an older snapshot doesn't bring them back.
    removed: BTreeMap<u64, u64>,
}

/// A server, and the identifiers of the deltas that it and its score are from; 0 for the snapshot.
#[derive(Clone, Debug)]
struct PoolEntry {
    server: Server,
    /// Two entries with the same stamp differ only in their scores, even in different pools.
    stamp: u64,
    server_from: u64,
    score_from: u64,
}

/// Effect of a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// None: it is not above the cursor.
    Ignored,
    /// It changed this server.
    Changed(u64),
    /// None: the pool has no such server.
    Unknown(u64),
}

/// Why a snapshot or a delta is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PoolError {
    /// Two servers of a snapshot have one identifier.
    #[error("server {0} is there twice; the identifiers must differ")]
    SameId(u64),
    /// Two servers have one address.
    #[error(
        "server {id} has the address {ip}, which server {other} has; remove one of the two first"
    )]
    SameAddress {
        /// The later server.
        id: u64,
        /// The earlier one.
        other: u64,
        /// The common address.
        ip: IpAddr,
    },
    /// A score that is no number.
    #[error("server {0} has a score that is not a number; send a score from -100 to 20")]
    Score(u64),
    /// A snapshot that is older than the current one.
    #[error(
        "the snapshot is of score {cursor}, older than score {since} of the one before; send a newer one"
    )]
    Older {
        /// The snapshot's cursor.
        cursor: u64,
        /// That of the one before.
        since: u64,
    },
    /// A name that can't be a label.
    #[error("{what} {name:?} can't be a label: {cause}; correct it at its source")]
    Label {
        /// Whose name it is.
        what: &'static str,
        /// The name, or its beginning.
        name: String,
        /// What is wrong with it.
        cause: &'static str,
    },
}

impl Pool {
    /// Makes the pool of a snapshot.
    ///
    /// # Errors
    /// Two servers with the same identifier or address, a score that isn't a number, a zone's or a
    /// vendor's name that can't be a label.
    pub fn new(snapshot: Snapshot) -> Result<Self, PoolError> {
        for name in &snapshot.zones {
            check_label("the zone", name)?;
        }
        for vendor in &snapshot.vendors {
            // The pool has a vendor without a name, which is passed over: see `zone`.
            for label in vendor.zone_name.split('.').filter(|_| !vendor.zone_name.is_empty()) {
                check_label("the vendor", label)?;
            }
        }
        let document_size = size_of(&snapshot);
        let Snapshot { serial, cursor, roots, vendors, zones, servers } = snapshot;
        let (document_serial, since) = (serial, cursor);
        let mut pool = Self {
            serial,
            cursor,
            document_serial,
            document_size,
            since,
            newest: (serial.into(), cursor.saturating_add(1)),
            roots,
            vendors,
            zones,
            ..Self::default()
        };
        for server in servers {
            if pool.entries.contains_key(&server.id) {
                return Err(PoolError::SameId(server.id));
            }
            pool.put(PoolEntry::new(server, 0))?;
        }
        Ok(pool)
    }

    /// Replaces the snapshot by a newer one. Deltas that were applied and aren't in it stay
    /// applied.
    ///
    /// # Errors
    /// As [`Pool::new`]; also when the snapshot is older than the one before, or it and those
    /// deltas contradict each other. The pool is as before then.
    pub fn replace(&mut self, snapshot: Snapshot) -> Result<(), PoolError> {
        if snapshot.cursor < self.since {
            return Err(PoolError::Older { cursor: snapshot.cursor, since: self.since });
        }
        let mut next = Self::new(snapshot)?;
        if self.cursor > next.cursor {
            let since = next.cursor;
            for (&id, &from) in self.removed.iter().filter(|(_, from)| **from > since) {
                next.take(id);
                next.removed.insert(id, from);
            }
            let newer = self.entries.values().filter(|entry| entry.server_from > since);
            // All are removed before any is added: two of them may have exchanged addresses.
            for entry in newer.clone() {
                next.take(entry.server.id);
            }
            for entry in newer {
                next.put(entry.clone())?;
            }
            for (&id, entry) in &self.entries {
                if entry.server_from <= since
                    && entry.score_from > since
                    && let Some(there) = next.entries.get_mut(&id)
                {
                    there.score_from = entry.score_from;
                    there.server.score = entry.server.score;
                    there.server.score_ts = entry.server.score_ts;
                }
            }
            next.cursor = self.cursor;
        }
        next.serial = next.serial.max(self.serial);
        if self.newest.0 >= next.newest.0 {
            next.newest = self.newest;
        }
        next.discarded = self.discarded;
        next.end_discarded();
        *self = next;
        Ok(())
    }

    /// Returns to a snapshot of an earlier state, or to one of a database that was made again. All
    /// deltas since then are given up: those that come now may have identifiers that were used
    /// before. `through` is the last identifier that was seen besides those of deltas; `now` is in
    /// seconds since 1970.
    ///
    /// # Errors
    /// As [`Pool::new`]. The pool is as before then.
    pub fn return_to(
        &mut self,
        snapshot: Snapshot,
        through: u64,
        now: i64,
    ) -> Result<(), PoolError> {
        let mut next = Self::new(snapshot)?;
        let (newest, from) = self.newest;
        let through = through.max(self.cursor);
        // A time in the future would discard changes that are still to come.
        let discarded = Discarded { until: newest.min(now), from, through };
        next.discarded = Some(discarded.and(self.discarded));
        next.end_discarded();
        *self = next;
        Ok(())
    }

    /// Forgets the discarded history when the cursor has passed it.
    fn end_discarded(&mut self) {
        self.discarded = self.discarded.filter(|discarded| self.cursor < discarded.through);
    }

    /// Records the time of a change or result that was taken, in seconds since 1970.
    pub fn note_time(&mut self, id: u64, ts: i64) {
        if ts > self.newest.0 {
            self.newest = (ts, id);
        }
    }

    /// Applies a delta, unless it has been applied before.
    ///
    /// # Errors
    /// A server that isn't valid: see [`Pool::new`]. The server stays as it was; the cursor
    /// advances, so that one bad delta doesn't block those after it.
    pub fn apply(&mut self, delta: &Delta) -> Result<Applied, PoolError> {
        if delta.id <= self.cursor {
            return Ok(Applied::Ignored);
        }
        self.cursor = delta.id;
        self.note_time(delta.id, delta.ts);
        self.end_discarded();
        let applied = match &delta.change {
            Change::Score { server_id, score } => {
                if !score.is_finite() {
                    return Err(PoolError::Score(*server_id));
                }
                let Some(entry) = self.entries.get_mut(server_id) else {
                    return Ok(Applied::Unknown(*server_id));
                };
                entry.score_from = delta.id;
                entry.server.score = *score;
                entry.server.score_ts = delta.ts;
                Applied::Changed(*server_id)
            }
            Change::Server { server } => {
                let id = server.id;
                let before = self.take(id);
                if let Err(error) = self.put(PoolEntry::new(server.clone(), delta.id)) {
                    if let Some(before) = before {
                        self.put(before)?;
                    }
                    return Err(error);
                }
                self.removed.remove(&id);
                Applied::Changed(id)
            }
            Change::Removed { removed } => {
                self.removed.insert(*removed, delta.id);
                // Old removals are in every document by now.
                if self.removed.len() > MOST_REMOVED {
                    let mut all: Vec<u64> = self.removed.values().copied().collect();
                    all.sort_unstable();
                    let middle = all.get(all.len() / 2).copied().unwrap_or_default();
                    self.removed.retain(|_, from| *from >= middle);
                }
                match self.take(*removed) {
                    Some(_) => Applied::Changed(*removed),
                    None => Applied::Unknown(*removed),
                }
            }
        };
        self.serial = self.serial.max(u32::try_from(delta.ts).unwrap_or(0));
        Ok(applied)
    }

    /// The servers, by identifier.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.entries.values().map(|entry| &entry.server)
    }

    /// The servers, each with a stamp that stays the same while only its score changes.
    pub(crate) fn stamped(&self) -> impl Iterator<Item = (&Server, u64)> {
        self.entries.values().map(|entry| (&entry.server, entry.stamp))
    }

    /// A server.
    #[must_use]
    pub fn server(&self, id: u64) -> Option<&Server> {
        self.entries.get(&id).map(|entry| &entry.server)
    }

    /// The identifier of the last delta that is in it.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The cursor of the snapshot that it was made of.
    #[must_use]
    pub fn since(&self) -> u64 {
        self.since
    }

    /// Where a source of changes goes on.
    #[must_use]
    pub fn position(&self) -> Cursor {
        Cursor { id: self.cursor, time: self.newest.0, discarded: self.discarded }
    }

    /// When it last changed, in seconds since 1970, by its feed's clock.
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The zones to publish.
    #[must_use]
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// The vendors.
    #[must_use]
    pub fn vendors(&self) -> &[Vendor] {
        &self.vendors
    }

    /// The zones that servers may be in. Empty: all that servers are in.
    #[must_use]
    pub fn zones(&self) -> &[String] {
        &self.zones
    }

    /// The current state as a snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            serial: self.serial,
            cursor: self.cursor,
            roots: self.roots.clone(),
            vendors: self.vendors.clone(),
            zones: self.zones.clone(),
            servers: self.servers().cloned().collect(),
        }
    }

    fn take(&mut self, id: u64) -> Option<PoolEntry> {
        let entry = self.entries.remove(&id)?;
        self.addresses.remove(&entry.server.ip);
        Some(entry)
    }

    /// Adds a server whose identifier isn't there.
    fn put(&mut self, entry: PoolEntry) -> Result<(), PoolError> {
        let Server { id, ip, score, .. } = entry.server;
        if !score.is_finite() {
            return Err(PoolError::Score(id));
        }
        for name in &entry.server.zones {
            check_label("the zone", name)?;
        }
        if let Some(&other) = self.addresses.get(&ip) {
            return Err(PoolError::SameAddress { id, other, ip });
        }
        self.addresses.insert(ip, id);
        self.entries.insert(id, entry);
        Ok(())
    }
}

impl PoolEntry {
    fn new(server: Server, from: u64) -> Self {
        static STAMPS: AtomicU64 = AtomicU64::new(0);
        let stamp = STAMPS.fetch_add(1, Ordering::Relaxed);
        Self { server, stamp, server_from: from, score_from: from }
    }
}

/// The most octets of a label (RFC 1035 §2.3.4).
const MAX_LABEL_OCTETS: usize = 63;

/// Checks a name that becomes one label. `.` is the root of the pool's tree of zones, which isn't
/// published.
fn check_label(what: &'static str, name: &str) -> Result<(), PoolError> {
    if matches!(name, GLOBAL | ".") {
        return Ok(());
    }
    let good =
        |each: u8| each.is_ascii_lowercase() || each.is_ascii_digit() || b"-_".contains(&each);
    let cause = if name.is_empty() {
        "it is empty"
    } else if name.len() > MAX_LABEL_OCTETS {
        "it has more than 63 octets"
    } else if !name.bytes().all(good) {
        "only small letters, digits, - and _ may be in it"
    } else {
        return Ok(());
    };
    Err(PoolError::Label { what, name: name.chars().take(MAX_LABEL_OCTETS + 1).collect(), cause })
}

#[cfg(test)]
mod tests;
