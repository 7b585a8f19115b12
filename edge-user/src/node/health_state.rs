//! The node's health: written by its loop, read by any thread.
//!
//! Reading never waits for the loop.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::node::status::Status;

/// Without a renewal for so long, the node is not well: three of them are missing, and XDP stops
/// answering in as long again.
pub const OVERDUE: Duration = Duration::from_secs(15);

/// The health of the node, shared by its loop and other threads.
#[derive(Debug)]
pub struct HealthState {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    status: Arc<Status>,
    renewed: Option<Instant>,
    is_stopping: bool,
}

/// The health at one moment.
#[derive(Clone, Debug)]
pub struct Liveness {
    /// What it serves; its counters and uptime aren't filled in.
    pub status: Arc<Status>,
    /// Since the lease was last renewed; none if it never was.
    pub since_renewal: Option<Duration>,
    /// Whether it has begun to stop.
    pub is_stopping: bool,
}

impl Default for HealthState {
    fn default() -> Self {
        let inner = Inner { status: Arc::default(), renewed: None, is_stopping: false };
        Self { inner: Mutex::new(inner) }
    }
}

impl HealthState {
    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes what is served now.
    pub fn serve(&self, status: Status) {
        self.with(|inner| inner.status = Arc::new(status));
    }

    /// Notes that the lease has been renewed or, without XDP, that the loop goes on.
    pub fn renew(&self) {
        self.with(|inner| inner.renewed = Some(Instant::now()));
    }

    /// Notes that the node is stopping.
    pub fn stop(&self) {
        self.with(|inner| inner.is_stopping = true);
    }

    /// The health now.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        self.with(|inner| Liveness {
            status: Arc::clone(&inner.status),
            since_renewal: inner.renewed.map(|renewed| renewed.elapsed()),
            is_stopping: inner.is_stopping,
        })
    }
}

impl Liveness {
    /// Why queries should go elsewhere; nothing if all is well. A broken file is no reason: what it
    /// held before is still served.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.is_stopping {
            problems.push("the node is stopping".to_owned());
        }
        if self.status.zones.is_empty() {
            problems.push("no zone is served".to_owned());
        }
        for at in &self.status.xdp {
            match (at.mode.as_str(), at.up) {
                ("none", _) => problems.push(format!("XDP isn't attached to {}", at.interface)),
                (_, false) => problems.push(format!("interface {} is down", at.interface)),
                _ => {}
            }
        }
        match self.since_renewal {
            None => problems.push("the lease has never been renewed".to_owned()),
            Some(since) if since > OVERDUE => {
                problems.push(format!("the lease was last renewed {} s ago", since.as_secs()));
            }
            Some(_) => {}
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::{HealthState, Liveness, OVERDUE};
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
        let health = HealthState::default();
        assert_eq!(
            health.liveness().problems(),
            ["no zone is served", "the lease has never been renewed"]
        );
        health.serve(serving());
        health.renew();
        assert_eq!(health.liveness().problems(), [""; 0]);
        health.stop();
        assert_eq!(health.liveness().problems(), ["the node is stopping"]);
    }

    #[test]
    fn an_overdue_renewal_is_reported_before_xdp_stops() {
        let health = HealthState::default();
        health.serve(serving());
        let since_renewal = Some(OVERDUE + Duration::from_secs(1));
        let late = Liveness { since_renewal, ..health.liveness() };
        assert_eq!(late.problems(), ["the lease was last renewed 16 s ago"]);
        assert!(OVERDUE < edge_kernel::LEASE);
    }
}
