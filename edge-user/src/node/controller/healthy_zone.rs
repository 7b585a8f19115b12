//! A zone, and what is left of it by the health of its records.

use std::sync::Arc;

use edge_zone::Zone;
use edge_zone::target_health::TargetHealth;

/// A zone, and what is left of it by the health of its records.
#[derive(Debug)]
pub(super) struct HealthyZone {
    pub(super) source: Arc<Zone>,
    pub(super) verdicts: Vec<bool>,
    pub(super) served: Arc<Zone>,
}

impl HealthyZone {
    /// `source`, and what `health` leaves of it.
    pub(super) fn new(source: &Arc<Zone>, health: &TargetHealth) -> Self {
        let source = Arc::clone(source);
        if !source.has_health {
            return Self { served: Arc::clone(&source), source, verdicts: Vec::new() };
        }
        let fit = |file: &str, key: &str| health.is_healthy(file, key);
        Self { verdicts: source.record_health(&fit), served: Arc::new(source.judged(&fit)), source }
    }
}
