//! The counts of answers, shared between threads.
//!
//! They are points by server and client country, counts by zone, and an audit of the shares. The
//! publisher writes them; any thread reads them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edge_leaves::audit::{self, Audit};
use edge_leaves::points::{Points, PointsReport};

/// The counts of a node, shared between threads.
#[derive(Clone, Debug, Default)]
pub struct AnswerCounts(Arc<Mutex<Counts>>);

/// The counts. They grow with the number of servers seen times countries, and with the number of
/// zones, and never shrink.
#[derive(Debug, Default)]
pub struct Counts {
    /// Answers per server and country, by XDP and by the code that it shares with the authority.
    pub points: Arc<Points>,
    /// The answers that decks which are gone promised to servers.
    pub promised: Audit,
    /// What the last audit found.
    pub audit: audit::AuditReport,
    /// What XDP has answered from each zone's decks.
    pub zones: BTreeMap<String, Answered>,
    /// What XDP has answered for zones that aren't counted apart.
    pub rest: u64,
}

/// Answers of a zone, by RCODE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// With RCODE NOERROR.
    pub noerror: u64,
    /// With RCODE NXDOMAIN.
    pub nxdomain: u64,
}

impl AnswerCounts {
    /// The counts, locked for other threads.
    pub fn open(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The `k` servers that were in most answers.
    #[must_use]
    pub fn points(&self, k: usize) -> PointsReport {
        // Not under the lock, for which the node's loop waits.
        let points = Arc::clone(&self.open().points);
        points.report(k)
    }

    /// What the last audit found.
    #[must_use]
    pub fn audit(&self) -> audit::AuditReport {
        self.open().audit.clone()
    }

    /// What XDP has answered, by zone, without the dot of the root.
    #[must_use]
    pub fn zones(&self) -> Vec<(String, Answered)> {
        self.open().zones.iter().map(|(zone, answered)| (zone.clone(), *answered)).collect()
    }

    /// What XDP has answered for zones that aren't counted apart.
    #[must_use]
    pub fn rest(&self) -> u64 {
        self.open().rest
    }
}
