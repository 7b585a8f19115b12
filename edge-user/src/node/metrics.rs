//! The node's metrics in Prometheus's text format.
//!
//! geodns's names and labels are kept, so that its dashboards go on working. Metrics that geodns
//! doesn't have begin with `edge_`. For NTP the names of ntpd-rs's and chrony's exporters are
//! there, too.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use edge_common::abi::Requests;
use prometheus::TextEncoder;
use prometheus::proto::MetricFamily;

use crate::node::health_state::HealthState;
use crate::ntp::View;
use edge_authority::Counters;
use edge_tables::answer_counts::AnswerCounts;

mod answers;
mod family;
mod feed;
mod node;
mod ntp;
mod ntp_clients;
mod points;
mod process;

/// How often each verdict was given, in the order of [`edge_common::verdict::Verdict::ALL`];
/// nothing without XDP, or when the kernel refuses to give them.
pub type ReadVerdicts = dyn Fn() -> Option<Vec<u64>> + Send + Sync;

/// How many NTP requests of each kind came in; nothing as with [`ReadVerdicts`].
pub type ReadRequests = dyn Fn() -> Option<Requests> + Send + Sync;

/// The identity of the node.
#[derive(Clone, Debug)]
pub struct Instance {
    /// `dns.server_id`.
    pub id: String,
    /// The first address served.
    pub ip: String,
    /// The first of `dns.groups`; empty if there is none.
    pub group: String,
    /// When it started.
    pub started: SystemTime,
}

/// The sources of the numbers.
pub struct Metrics {
    /// The identity of the node.
    pub instance: Instance,
    /// The counters of the authority.
    pub authority: Arc<Counters>,
    /// The counters of XDP, by verdict.
    pub verdicts: Box<ReadVerdicts>,
    /// Which NTP requests XDP saw.
    pub requests: Box<ReadRequests>,
    /// How the node is.
    pub health: Arc<HealthState>,
    /// The clock that NTP is answered by, if it is.
    pub clock: Option<View>,
    /// The counts of the answers.
    pub answer_counts: AnswerCounts,
    /// Servers whose points are published: those with the most.
    pub top: usize,
    /// The feed, if there is one.
    pub feed: Option<crate::node::feed::View>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Metrics").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl Metrics {
    /// All of them.
    ///
    /// # Errors
    /// When there is a family without a sample, which would be a fault of ours.
    pub fn text(&self) -> prometheus::Result<String> {
        let verdicts = (self.verdicts)();
        let mut families = Vec::new();
        answers::add(&mut families, &self.authority, verdicts.as_deref(), &self.answer_counts);
        let points = self.answer_counts.points(self.top);
        points::add(&mut families, &points);
        points::add_audit(&mut families, &points, &self.answer_counts.audit());
        if let Some(requests) = (self.requests)() {
            ntp_clients::add(&mut families, &requests);
        }
        node::add(&mut families, &self.instance, &self.health.liveness());
        if let Some(clock) = &self.clock {
            ntp::add(&mut families, clock, verdicts.as_deref());
        }
        if let Some(feed) = &self.feed {
            feed::add(&mut families, &feed.read());
        }
        process::add(&mut families);
        families.retain(|family: &MetricFamily| !family.get_metric().is_empty());
        TextEncoder::new().encode_to_string(&families)
    }
}

#[cfg(test)]
mod tests;
