//! Zones of a pool under a policy, as JSON of geodns.
//!
//! Without options they equal those of the pool's own generator (`NP::Model::DnsRoot`), except for
//! the order in which it shuffles servers. Only changed parts are built again: `areas` keeps the
//! servers of each area, `text` its text.

mod area;
mod areas;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use crate::Pool;
use crate::policy::{PolicyError, PolicyState, ZonePolicy};
use crate::snapshot::{Root, Vendor};

pub use crate::member::Member;
use areas::Areas;

/// A zone to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedZone {
    /// Its name, without a final dot.
    pub apex: String,
    /// Its serial, higher than the last one.
    pub serial: u32,
    /// Its JSON, as geodns reads it.
    pub text: String,
}

/// The zones of a pool. It keeps what they were last made of, and builds only changed zones. It is
/// used from one thread at a time.
#[derive(Debug)]
pub struct Zones {
    areas: Areas,
    /// Texts of each area's labels: of its own, without braces, and of the others.
    texts: BTreeMap<String, text::AreaLabels>,
    roots: Vec<Root>,
    vendors: Vec<Vendor>,
    serials: BTreeMap<String, u32>,
}

impl Zones {
    /// No zones are built yet. `state` is the result of an earlier [`state`](Self::state), or the
    /// default; `rng` shuffles servers as the pool does.
    ///
    /// # Errors
    /// An option that is out of range or contradicts another.
    pub fn new(
        policy: ZonePolicy,
        state: PolicyState,
        rng: fastrand::Rng,
    ) -> Result<Self, PolicyError> {
        policy.check()?;
        let serials = state.serials.clone();
        let areas = Areas::new(policy, state, rng);
        let (texts, roots, vendors) = Default::default();
        Ok(Self { areas, texts, roots, vendors, serials })
    }

    /// The zones whose content has changed since the last call; at the first call all of them.
    /// `now` is in seconds since 1970, and decides on dwell times, deletion dates and serials.
    ///
    /// The serial is the pool's time, or one more than the last serial if that is as high. So it
    /// runs ahead of the clock while zones change more than once a second.
    pub fn update(&mut self, pool: &Pool, now: i64) -> Vec<FeedZone> {
        let changed = self.areas.update(pool, now);
        let relabelled = self.vendors != pool.vendors();
        if relabelled {
            self.vendors = pool.vendors().to_vec();
        }
        self.texts.retain(|name, _| self.areas.get(name).is_some());
        for name in &changed {
            if let Some(area) = self.areas.get(name) {
                self.texts.insert(name.clone(), text::labels(name, area, &self.areas));
            }
        }
        let all = relabelled || !changed.is_empty();
        let stale: Vec<&Root> =
            pool.roots().iter().filter(|root| all || !self.roots.contains(root)).collect();
        if stale.is_empty() && self.roots.len() == pool.roots().len() {
            return Vec::new();
        }
        let recent = pool.serial().min(u32::try_from(now).unwrap_or(0));
        let mut zones = Vec::with_capacity(stale.len());
        for root in stale {
            let last = self.serials.get(&root.apex).map_or(0, |last| last.saturating_add(1));
            let serial = last.max(recent);
            self.serials.insert(root.apex.clone(), serial);
            let text = text::zone(root, serial, &self.texts, &self.vendors);
            zones.push(FeedZone { apex: root.apex.clone(), serial, text });
        }
        self.roots = pool.roots().to_vec();
        zones
    }

    /// As [`update`](Self::update), but nothing is written, and servers are shuffled as often as
    /// the pool does: returns the names of the changed areas.
    pub(crate) fn follow(&mut self, pool: &Pool, now: i64) -> BTreeSet<String> {
        self.areas.shuffle_always();
        self.areas.update(pool, now)
    }

    /// The numbers, 0 to 3, that servers of a label are under.
    pub(crate) fn numbers(&self, name: &str, six: bool) -> impl Iterator<Item = (u64, usize)> {
        let area = self.areas.get(name);
        let groups = (0..crate::member::GROUPS).zip(std::iter::repeat(area));
        groups.flat_map(move |(group, area)| {
            area.into_iter()
                .flat_map(move |area| area.group(six, group).map(move |member| (member.id, group)))
        })
    }

    /// How many of a label's five names have addresses of a version: its own, and those with the
    /// numbers 0 to 3.
    pub(crate) fn n_names(&self, name: &str, six: bool) -> usize {
        let everywhere = self.areas.policy().aaaa_everywhere;
        self.areas.get(name).map_or(0, |area| area.n_names(six, everywhere))
    }

    /// The memory to keep over a restart.
    #[must_use]
    pub fn state(&self) -> PolicyState {
        PolicyState { serials: self.serials.clone(), ..self.areas.state().clone() }
    }

    /// The labels that servers can be in, such as `@`, `europe` and `uk`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.areas.names()
    }

    /// The servers at a label with their weights there: those with an IPv6 address if `six`,
    /// otherwise those with an IPv4 address.
    #[must_use]
    pub fn members(&self, name: &str, six: bool) -> &[Member] {
        self.areas.get(name).map_or(&[], |area| area.members(six))
    }
}

#[cfg(test)]
mod tests;
