//! The node's health: written by its loop, read by any thread.
//!
//! Reading never waits for the loop.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::node::checks::{Check, Service, Weight};
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
    /// The checks, those of the moment included: that the node isn't stopping, serves a zone, and
    /// renewed its lease lately.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let one = |check: &str, services: &[Service], bad: Option<String>| Check {
            check: check.to_owned(),
            of: String::new(),
            weight: Weight::Fatal,
            services: services.to_vec(),
            ok: bad.is_none(),
            reason: bad.unwrap_or_default(),
        };
        let stopping = self.is_stopping.then(|| "the node is stopping".to_owned());
        let empty = self.status.zones.is_empty().then(|| "no zone is served".to_owned());
        let overdue = match self.since_renewal {
            None => Some("the lease has never been renewed".to_owned()),
            Some(since) if since > OVERDUE => {
                Some(format!("the lease was last renewed {} s ago", since.as_secs()))
            }
            Some(_) => None,
        };
        let mut checks = vec![
            one("running", &Service::ALL, stopping),
            one("zones", &Service::DNS, empty),
            one("lease", &Service::ALL, overdue),
        ];
        checks.extend(self.status.checks.iter().cloned());
        checks
    }

    /// Why queries of a service, or of any, should go elsewhere; nothing if all is well. A broken
    /// file is no reason: what it held before is still served.
    #[must_use]
    pub fn problems(&self, service: Option<Service>) -> Vec<String> {
        if let Some(service) = service.filter(|it| !self.status.services.contains(it)) {
            return vec![format!("{service} isn't served; see dns.listen and ntp.listen")];
        }
        let failed =
            |check: &Check| !check.ok && check.weight == Weight::Fatal && check.concerns(service);
        self.checks().into_iter().filter(failed).map(|check| check.reason).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Check, HealthState, Liveness, OVERDUE, Service, Weight};
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
            health.liveness().problems(None),
            ["no zone is served", "the lease has never been renewed"]
        );
        health.serve(serving());
        health.renew();
        assert_eq!(health.liveness().problems(None), [""; 0]);
        health.stop();
        assert_eq!(health.liveness().problems(None), ["the node is stopping"]);
    }

    #[test]
    fn a_service_has_its_own_problems() {
        let health = HealthState::default();
        let checks = vec![Check {
            check: "clock".into(),
            services: Service::NTP.to_vec(),
            reason: "no time".into(),
            ..Check::default()
        }];
        let services = vec![Service::Dns4, Service::Ntp4];
        health.serve(Status { checks, services, ..serving() });
        health.renew();
        let problems = |service| health.liveness().problems(service);
        assert_eq!(problems(None), ["no time"]);
        assert_eq!(problems(Some(Service::Ntp4)), ["no time"]);
        assert_eq!(problems(Some(Service::Dns4)), [""; 0]);
        assert!(problems(Some(Service::Dns6))[0].starts_with("dns6 isn't served"));
        let warning = vec![Check { weight: Weight::Warning, ..Check::default() }];
        health.serve(Status { checks: warning, ..serving() });
        assert_eq!(problems(None), [""; 0]);
    }

    #[test]
    fn an_overdue_renewal_is_reported_before_xdp_stops() {
        let health = HealthState::default();
        health.serve(serving());
        let since_renewal = Some(OVERDUE + Duration::from_secs(1));
        let late = Liveness { since_renewal, ..health.liveness() };
        assert_eq!(late.problems(None), ["the lease was last renewed 16 s ago"]);
        assert!(OVERDUE < edge_kernel::LEASE);
    }
}
