//! The intake's start from the state that was kept on disk.

use edge_feed::guard::{Admitted, FeedContent, Guard};
use edge_feed::policy::PolicyState;
use edge_feed::pool::KeptPool;
use edge_feed::scorer::Scorer;
use edge_feed::{Pool, ZonePolicy};

use super::{Intake, Issue, admitted, parse};
use crate::node::controller::Fed;
use crate::settings as config;

/// The kept state.
#[derive(Debug, Default)]
pub(in crate::node::feed) struct KeptState {
    pub(in crate::node::feed) snapshot: Option<KeptPool>,
    pub(in crate::node::feed) policy: Option<PolicyState>,
    pub(in crate::node::feed) scorer: Option<Scorer>,
    /// Names and texts of zones.
    pub(in crate::node::feed) zones: Vec<(String, String)>,
}

impl Intake {
    /// An intake that goes on where it was, at the time `now` in seconds since 1970, and the zones
    /// that were served and still are somebody's. What is wrong with what was kept is among its
    /// errors.
    ///
    /// # Errors
    /// A guard or a policy that can't be.
    pub(in crate::node::feed) fn resume(
        config: &config::Feed,
        policy: ZonePolicy,
        past: KeptState,
        now: i64,
    ) -> anyhow::Result<(Self, Vec<Issue>)> {
        let guard = Guard::new(config.guard.clone())?;
        let direct = config.origins().map(str::to_owned);
        let scorer = config.results.is_some().then(|| past.scorer.unwrap_or_default());
        let mut intake = Self::new(guard, policy, past.policy.unwrap_or_default(), direct, scorer)?;
        if let Some(snapshot) = past.snapshot.filter(|_| config.builds_zones()) {
            intake.resume_pool(snapshot, now);
        }
        let mut issues = Vec::new();
        for (origin, text) in past.zones {
            issues.extend(intake.resume_zone(origin, text, now));
        }
        Ok((intake, issues))
    }

    fn resume_pool(&mut self, kept: KeptPool, now: i64) {
        // Newcomers are compared with the document that came last; changes have made the pool newer
        // than that.
        let newest = kept.snapshot.serial;
        let (serial, size) = (kept.document_serial(), kept.document_size());
        let what = FeedContent::Snapshot(kept.snapshot.clone());
        let last = Admitted { serial, size, what, allowed: None };
        match Pool::resume(kept) {
            Ok(pool) => {
                self.guard.resume(&last, now);
                self.guard.note_deltas(newest.into(), now);
                self.pool = Some(pool);
                self.dirty = true;
            }
            Err(cause) => {
                self.record_kept(format!("the kept snapshot: {cause}"));
            }
        }
    }

    fn resume_zone(&mut self, origin: String, text: String, now: i64) -> Option<Issue> {
        let is_direct = self.direct.contains(&origin.to_ascii_lowercase());
        let is_built = self.pool.as_ref().is_some_and(|pool| {
            pool.roots().iter().any(|root| root.apex.eq_ignore_ascii_case(&origin))
        });
        if !is_direct && !is_built {
            return None;
        }
        let place = format!("the kept zone {origin}");
        let read = admitted(&place, &origin, &text)
            .and_then(|last| Ok((last, parse(&place, &origin, &text)?)));
        match read {
            Ok((last, zone)) => {
                if is_direct {
                    self.guard.resume(&last, now);
                } else {
                    // It is no feed of its own: its age is that of all servers.
                    self.guard
                        .admit_built(&origin, last.serial, last.size, now)
                        .unwrap_or_default();
                    self.built.insert(origin.clone());
                }
                Some(Issue { origin, text: Some(text), fed: Fed::Zone(zone) })
            }
            Err(refusal) => {
                self.record_kept(refusal.to_string());
                None
            }
        }
    }
}
