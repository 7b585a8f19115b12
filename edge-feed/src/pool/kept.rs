//! A pool as it is kept over a restart.
//!
//! It holds all servers as they are, and which parts of that come from deltas. Without the latter,
//! a snapshot from before those deltas could not be told from an older one, nor be combined with
//! them.

use serde::{Deserialize, Serialize};

use super::{Pool, PoolError};
use crate::Snapshot;
use crate::cursor::Discarded;
use crate::guard::{RootSize, size_of};

/// A pool as it is kept.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct KeptPool {
    /// All of it, with changes.
    #[serde(flatten)]
    pub snapshot: Snapshot,
    /// What it was before them; none in files of earlier versions.
    #[serde(default)]
    pub base: Option<DocumentBase>,
}

/// The document that a pool was made of, and the effects of the deltas since.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct DocumentBase {
    /// The document's serial.
    pub serial: u32,
    /// How large it was; none in files of earlier versions.
    #[serde(default)]
    pub size: Option<RootSize>,
    /// Its cursor.
    pub cursor: u64,
    /// Servers, and the changes that they and their scores are from; 0 for the document.
    changed: Vec<(u64, u64, u64)>,
    /// Servers that changes have removed, and the changes.
    removed: Vec<(u64, u64)>,
    /// The newest time and the first change of it; none in files of earlier versions.
    #[serde(default)]
    newest: Option<(i64, u64)>,
    /// The history that was given up; none in files of earlier versions.
    #[serde(default)]
    discarded: Option<Discarded>,
}

impl From<Snapshot> for KeptPool {
    fn from(snapshot: Snapshot) -> Self {
        Self { snapshot, base: None }
    }
}

impl KeptPool {
    /// The serial of the document that it was made of.
    #[must_use]
    pub fn document_serial(&self) -> u32 {
        self.base.as_ref().map_or(self.snapshot.serial, |base| base.serial)
    }

    /// How large that was.
    #[must_use]
    pub fn document_size(&self) -> RootSize {
        let size = self.base.as_ref().and_then(|base| base.size);
        size.unwrap_or_else(|| size_of(&self.snapshot))
    }
}

impl Pool {
    /// The pool in its kept form.
    #[must_use]
    pub fn keep(&self) -> KeptPool {
        let changed = self.entries.iter().filter(|(_, e)| e.server_from.max(e.score_from) > 0);
        let changed = changed.map(|(&id, e)| (id, e.server_from, e.score_from));
        let base = DocumentBase {
            serial: self.document_serial,
            size: Some(self.document_size),
            cursor: self.since,
            changed: changed.collect(),
            removed: self.removed.iter().map(|(&id, &from)| (id, from)).collect(),
            newest: Some(self.newest),
            discarded: self.discarded,
        };
        KeptPool { snapshot: self.snapshot(), base: Some(base) }
    }

    /// The pool that was kept.
    ///
    /// # Errors
    /// As [`Pool::new`].
    pub fn resume(kept: KeptPool) -> Result<Self, PoolError> {
        let mut pool = Self::new(kept.snapshot)?;
        let Some(base) = kept.base else { return Ok(pool) };
        (pool.document_serial, pool.since) = (base.serial, base.cursor);
        pool.document_size = base.size.unwrap_or(pool.document_size);
        pool.removed = base.removed.into_iter().collect();
        pool.newest = base.newest.unwrap_or(pool.newest);
        pool.discarded = base.discarded;
        for (id, server_from, score_from) in base.changed {
            if let Some(entry) = pool.entries.get_mut(&id) {
                (entry.server_from, entry.score_from) = (server_from, score_from);
            }
        }
        Ok(pool)
    }
}
