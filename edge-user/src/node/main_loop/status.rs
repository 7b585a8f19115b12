//! The node's status and health, from what the loop has at hand.
//!
//! Nothing here asks the controller's thread: its part is the last snapshot.

use std::time::Instant;

use super::Node;
use super::ntp::NtpService;
use super::shared_kernel::lock;
use crate::node::checks::{Check, Service};
use crate::node::status::{Counters, Interface, Status};
use tracing::{info, warn};

use edge_kernel::Mode;
use edge_tables::live::switches::Switches;

impl Node {
    /// The status, with counters.
    pub(super) fn status(&self, now: Instant) -> Status {
        let verdicts = self.xdp.as_ref().map(|xdp| lock(&xdp.kernel).verdicts());
        let counters = Counters::new(self.authority.answered(), &verdicts.unwrap_or_default());
        let mut status = self.status_without_counters(now);
        status.ntp.count(&counters.answered);
        Status { counters, ..status }
    }

    /// Reports the health of the node to the threads that must not wait for the loop.
    pub(super) fn report_health(&self, now: Instant) {
        self.health.serve(self.status_without_counters(now));
    }

    /// Judges the checks by a look now, and reports the health.
    pub(super) fn check(&mut self, now: Instant) {
        let findings = self.findings(now);
        let checks = self.checks.judge(findings);
        for check in &checks {
            let Check { check: name, of, ok, reason, .. } = check;
            let before = self.judged.iter().find(|it| (&it.check, &it.of) == (name, of));
            match (before.is_none_or(|it| it.ok), ok) {
                (true, false) => warn!("check {name} {of}: {reason}"),
                (false, true) => info!("check {name} {of}: well again"),
                _ => {}
            }
        }
        self.judged = checks;
        self.report_health(now);
    }

    pub(super) fn status_without_counters(&self, now: Instant) -> Status {
        let snapshot = &self.snapshot;
        let found = self.interfaces.read();
        let interface_errors: Vec<_> =
            found.interfaces.iter().filter_map(|it| it.error.clone()).collect();
        let interfaces = found.interfaces.into_iter().map(|it| Interface {
            mode: it.mode.map_or("none", Mode::name).to_owned(),
            interface: it.interface,
            up: it.is_up,
            attached: it.attached,
            error: it.error.unwrap_or_default(),
            warning: it.warning.unwrap_or_default(),
            fallback: it.fallback.unwrap_or_default(),
        });
        let pins = self.xdp.as_ref().map(|xdp| xdp.pins.root().display().to_string());
        let log = self.log.status();
        let log_error = Some(log.error.clone()).filter(|text| !text.is_empty());
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            server_id: self.config.dns.server_id.clone(),
            uptime_seconds: self.started.elapsed().as_secs(),
            generation: self.store.generation(),
            amended: snapshot.amended,
            switches: Switches::read(&self.store),
            zones: snapshot.zones.clone(),
            xdp: interfaces.collect(),
            counters: Counters::default(),
            log,
            feed: self.feed.as_ref().map(|feed| feed.view().read()).unwrap_or_default(),
            ntp: self.ntp.as_ref().map(NtpService::status).unwrap_or_default(),
            tables: snapshot.tables.clone(),
            refused: self.samples.refused(),
            pins: pins.unwrap_or_default(),
            reload: snapshot.reload.clone(),
            services: self.services(),
            checks: self.judged.clone(),
            errors: self
                .jobs
                .error(now)
                .into_iter()
                .chain(Some(snapshot.reload.error.clone()).filter(|text| !text.is_empty()))
                .chain(interface_errors)
                .chain(found.error)
                .chain(snapshot.errors.iter().cloned())
                .chain(log_error)
                .chain(self.ntp.as_ref().and_then(NtpService::error))
                .chain(self.feed.iter().flat_map(|feed| feed.view().errors()))
                .collect(),
        }
    }

    /// What this node serves.
    fn services(&self) -> Vec<Service> {
        let dns = self.config.dns.listen.iter().map(|at| Service::dns(at.ip()));
        let ntp = self.config.ntp.served().iter().map(|at| Service::ntp(at.ip()));
        let mut services: Vec<_> = dns.chain(ntp).collect();
        services.sort_unstable();
        services.dedup();
        services
    }
}
