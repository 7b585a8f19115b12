//! The heartbeats of this node, three in the time that one lasts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use edge_feed::fleet::{Fleet, FleetRules, Heartbeat};
use edge_feed::source::nats::Nats;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

use super::now;
use super::view::View;
use crate::node::health_state::HealthState;
use edge_tables::answer_counts::AnswerCounts;

/// Answers so far, by service.
pub type ReadAnswers = dyn Fn() -> BTreeMap<String, u64> + Send;

/// The parts of a heartbeat.
pub struct HeartbeatTask {
    /// The name of the node.
    pub node: String,
    /// How often, and what the buckets are like.
    pub rules: FleetRules,
    /// How the node is.
    pub health: Arc<HealthState>,
    /// How many answers it has given.
    pub answers: Box<ReadAnswers>,
    /// The counts of the answers.
    pub answer_counts: AnswerCounts,
    /// Servers whose points are published: those with the most.
    pub top: usize,
}

impl fmt::Debug for HeartbeatTask {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HeartbeatTask").field("node", &self.node).finish_non_exhaustive()
    }
}

impl HeartbeatTask {
    /// Sends heartbeats for ever. Errors on the way are in the view.
    pub(super) async fn run(self, nats: Nats, view: View) {
        let mut ticks = interval(self.rules.ttl / 3);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut fleet, mut points_error, since) = (None, None, now());
        let process = format!("{:016x}", fastrand::u64(..));
        view.set_fleet_conflict(None);
        let mut last = ((self.answers)(), Instant::now());
        loop {
            ticks.tick().await;
            let answers = (self.answers)();
            let rates = rates(&last.0, &answers, last.1.elapsed());
            last = (answers, Instant::now());
            let heartbeat = self.heartbeat(process.clone(), rates, &view);
            let published = async {
                if fleet.is_none() {
                    fleet = Some(Fleet::open(&nats, self.rules).await?);
                }
                match &mut fleet {
                    Some(fleet) => fleet.publish_heartbeat(&heartbeat).await,
                    None => Ok(()),
                }
            };
            let published = published.await;
            if let (Ok(()), Some(fleet)) = (&published, &fleet) {
                let conflict = fleet.namesake().map(|other| conflict(&self.node, other));
                match (&conflict, view.fleet_conflict()) {
                    (Some(text), None) => warn!("{text}"),
                    (None, Some(_)) => info!("fleet: the name {} is used once again", self.node),
                    _ => {}
                }
                view.set_fleet_conflict(conflict);
            }
            if published.is_err() {
                // The bucket may have been deleted: it is made again.
                fleet = None;
            }
            if let Some(fleet) = &mut fleet {
                let points = || self.answer_counts.points(self.top);
                match fleet.publish_points(&self.node, since, points).await {
                    Ok(true) => points_error = None,
                    Ok(false) => {}
                    Err(cause) => points_error = Some(cause.to_string()),
                }
            }
            let heartbeat_error = published.err().map(|cause| cause.to_string());
            let error = heartbeat_error.or_else(|| points_error.clone());
            view.set_fleet_error(error.map(|cause| format!("fleet: {cause}")));
        }
    }

    fn heartbeat(&self, process: String, rates: BTreeMap<String, f64>, view: &View) -> Heartbeat {
        let liveness = self.health.liveness();
        let zones = liveness.status.zones.iter();
        let mut health = liveness.problems(None);
        health.extend(liveness.status.errors.iter().cloned());
        // The node's errors may be some seconds older.
        if let Some(conflict) = view.fleet_conflict().filter(|text| !health.contains(text)) {
            health.push(conflict);
        }
        Heartbeat {
            process,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            node: self.node.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            time: now(),
            serials: zones.map(|zone| (zone.name.clone(), zone.serial)).collect(),
            feed_age_seconds: view.read().age_seconds,
            rates,
            health,
        }
    }
}

/// What is wrong when another process has the node's name.
fn conflict(node: &str, other: &Heartbeat) -> String {
    let host = match &*other.host {
        "" => "another process".to_owned(),
        host => format!("another process, on the host {host},"),
    };
    format!(
        "fleet: the name {node} is used twice: {host} sends heartbeats by it, too; give each node \
         a name of its own in fleet.node"
    )
}

/// Answers per second since the last time; none of the first moment.
fn rates(
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
    time: Duration,
) -> BTreeMap<String, f64> {
    let seconds = time.as_secs_f64();
    if seconds < 0.1 {
        return BTreeMap::new();
    }
    let rate = |service: &String, n: &u64| {
        let gained = n.saturating_sub(before.get(service).copied().unwrap_or_default());
        f64::from(u32::try_from(gained).unwrap_or(u32::MAX)) / seconds
    };
    after.iter().map(|(service, n)| (service.clone(), rate(service, n))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Heartbeat, conflict, rates};
    use std::collections::BTreeMap;
    use std::time::Duration;

    #[test]
    fn a_name_that_is_used_twice_is_reported_with_the_other_host() {
        let other = Heartbeat { host: "b.example".to_owned(), ..Heartbeat::default() };
        let text = conflict("ams", &other);
        assert!(
            text.contains(
                "the name ams is used twice: another process, on the host b.example, sends"
            ),
            "{text}"
        );
        let text = conflict("ams", &Heartbeat::default());
        assert!(text.contains("another process sends") && text.ends_with("fleet.node"), "{text}");
    }

    #[test]
    fn rates_are_answers_by_seconds_and_a_counter_that_began_again_is_no_rate() {
        let of = |dns: u64| BTreeMap::from([("dns".to_owned(), dns)]);
        assert_eq!(rates(&of(10), &of(40), Duration::from_secs(10))["dns"], 3.0);
        assert_eq!(rates(&BTreeMap::new(), &of(40), Duration::from_secs(10))["dns"], 4.0);
        assert_eq!(rates(&of(40), &of(10), Duration::from_secs(10))["dns"], 0.0);
        assert!(rates(&of(0), &of(10), Duration::ZERO).is_empty());
    }
}
