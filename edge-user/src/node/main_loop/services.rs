//! The start of the feed and of HTTP, and what they read of the node.
//!
//! Both run on threads of their own. They read shared state and never ask the node's loop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use edge_common::verdict::Verdict;

use super::Node;
use super::shared_kernel::lock;
use crate::node::feed::{HeartbeatTask, Prepared};
use crate::node::http::{Http, Running};
use crate::node::metrics::{Instance, Metrics};
use crate::node::status::Counters as Counted;
use crate::settings::{Fleet, NatsSource};

impl Node {
    /// Starts the feed and HTTP.
    ///
    /// # Errors
    /// When the system gives no thread, or nothing to wait with.
    pub(super) fn start_services(
        &mut self,
        prepared: Option<Prepared>,
        http: Option<Http>,
    ) -> anyhow::Result<Option<Running>> {
        let beat = self.config.fleet.as_ref().map(|fleet| self.beat(fleet));
        self.feed = prepared.map(|prepared| prepared.start(beat)).transpose()?;
        self.report_health(Instant::now());
        Ok(http.map(|http| http.serve(self.metrics())).transpose()?)
    }

    /// What HTTP reads its numbers from.
    fn metrics(&self) -> Metrics {
        let config = &self.config.dns;
        let instance = Instance {
            id: config.server_id.clone(),
            ip: config.listen.first().map(|at| at.ip().to_string()).unwrap_or_default(),
            group: config.groups.first().cloned().unwrap_or_default(),
            started: SystemTime::now()
                .checked_sub(self.started.elapsed())
                .unwrap_or(SystemTime::UNIX_EPOCH),
        };
        let kernel = self.xdp.as_ref().map(|xdp| Arc::clone(&xdp.kernel));
        let of = kernel.clone();
        let requests = Box::new(move || Some(lock(of.as_ref()?).requests()));
        let verdicts = Box::new(move || Some(lock(kernel.as_ref()?).verdicts()));
        let (authority, health) = (Arc::clone(&self.authority), Arc::clone(&self.health));
        let clock = self.ntp.as_ref().map(|ntp| ntp.view().clone());
        let feed = self.feed.as_ref().map(|feed| feed.view().clone());
        let (answer_counts, top) = (self.answer_counts.clone(), self.config.http.server_points);
        Metrics { instance, authority, verdicts, requests, health, clock, feed, answer_counts, top }
    }

    /// The heartbeat that the fleet reads.
    fn beat(&self, fleet: &Fleet) -> HeartbeatTask {
        let kernel = self.xdp.as_ref().map(|xdp| Arc::clone(&xdp.kernel));
        let authority = Arc::clone(&self.authority);
        let answers = move || {
            let verdicts = kernel.as_ref().map(|kernel| lock(kernel).verdicts());
            let counted = Counted::new(authority.answered(), &verdicts.unwrap_or_default());
            let ntp = [Verdict::NtpAnswer, Verdict::NtpUnsynchronised]
                .map(|verdict| counted.answered.get(verdict.name()).copied().unwrap_or_default());
            let ntp = ntp.iter().sum::<u64>();
            let dns = counted.xdp_answered.saturating_sub(ntp) + counted.authority_answered;
            BTreeMap::from([("dns".to_owned(), dns), ("ntp".to_owned(), ntp)])
        };
        let nats = self.config.feed.nats.as_ref();
        let keep = nats.map(NatsSource::keep).unwrap_or_default();
        HeartbeatTask {
            node: fleet.node.clone(),
            rules: fleet.rules(&keep),
            health: Arc::clone(&self.health),
            answers: Box::new(answers),
            answer_counts: self.answer_counts.clone(),
            top: fleet.server_points,
        }
    }
}
