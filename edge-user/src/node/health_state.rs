//! How the node is: told by its loop, asked from any thread without waiting for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::node::status::Status;

/// Without a renewal for so long, the node is not well: three of them are missing, and XDP stops
/// answering in as long again.
pub const OVERDUE: Duration = Duration::from_secs(15);

/// How the node is.
#[derive(Debug)]
pub struct Vitals {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    status: Arc<Status>,
    renewed: Option<Instant>,
    is_stopping: bool,
}

/// How the node was at a moment.
#[derive(Clone, Debug)]
pub struct Pulse {
    /// What it serves; its counters and uptime aren't filled in.
    pub status: Arc<Status>,
    /// Since the lease was last renewed; none if it never was.
    pub since_renewal: Option<Duration>,
    /// Whether it has begun to stop.
    pub is_stopping: bool,
}

impl Default for Vitals {
    fn default() -> Self {
        let inner = Inner { status: Arc::default(), renewed: None, is_stopping: false };
        Self { inner: Mutex::new(inner) }
    }
}

impl Vitals {
    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells what is served now.
    pub fn serve(&self, status: Status) {
        self.with(|inner| inner.status = Arc::new(status));
    }

    /// Tells that the lease has been renewed, or without XDP that the loop goes on.
    pub fn renew(&self) {
        self.with(|inner| inner.renewed = Some(Instant::now()));
    }

    /// Tells that the end has begun.
    pub fn stop(&self) {
        self.with(|inner| inner.is_stopping = true);
    }

    /// How the node is now.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.with(|inner| Pulse {
            status: Arc::clone(&inner.status),
            since_renewal: inner.renewed.map(|renewed| renewed.elapsed()),
            is_stopping: inner.is_stopping,
        })
    }
}

impl Pulse {
    /// Why queries should go elsewhere; nothing if all is well. A broken file is no reason: what it
    /// held before is still served.
    #[must_use]
    pub fn ailments(&self) -> Vec<String> {
        let mut ailments = Vec::new();
        if self.is_stopping {
            ailments.push("the node is stopping".to_owned());
        }
        if self.status.zones.is_empty() {
            ailments.push("no zone is served".to_owned());
        }
        match self.since_renewal {
            None => ailments.push("the lease has never been renewed".to_owned()),
            Some(since) if since > OVERDUE => {
                ailments.push(format!("the lease was last renewed {} s ago", since.as_secs()));
            }
            Some(_) => {}
        }
        ailments
    }
}

#[cfg(test)]
mod tests {
    use super::{OVERDUE, Pulse, Vitals};
    use crate::node::status::{Status, Zone};
    use std::time::Duration;

    fn serving() -> Status {
        let name = "pool.example".to_owned();
        let zone = Zone { name, serial: 1, ..Zone::default() };
        Status {
            zones: vec![zone], errors: vec!["broken.json:1:1: …".into()], ..Status::default()
        }
    }

    #[test]
    fn a_node_is_well_when_it_serves_a_zone_and_its_lease_is_fresh() {
        let vitals = Vitals::default();
        assert_eq!(
            vitals.pulse().ailments(),
            ["no zone is served", "the lease has never been renewed"]
        );
        vitals.serve(serving());
        vitals.renew();
        assert_eq!(vitals.pulse().ailments(), [""; 0]);
        vitals.stop();
        assert_eq!(vitals.pulse().ailments(), ["the node is stopping"]);
    }

    #[test]
    fn an_overdue_renewal_is_told_before_xdp_stops() {
        let vitals = Vitals::default();
        vitals.serve(serving());
        let since_renewal = Some(OVERDUE + Duration::from_secs(1));
        let late = Pulse { since_renewal, ..vitals.pulse() };
        assert_eq!(late.ailments(), ["the lease was last renewed 16 s ago"]);
        assert!(OVERDUE < edge_kernel::LEASE);
    }
}
