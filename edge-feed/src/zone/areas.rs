//! All areas of a pool, kept up to date under a policy.
//!
//! An area is what the pool calls a zone: the world, a continent, a country. Each area remembers
//! its own servers. A server that comes, goes or changes its weight changes only the areas that it
//! is in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::area::Area;
use crate::Pool;
use crate::member::{Member, OwnServer, Weighting};
use crate::policy::{self, PolicyState, ZonePolicy};
use crate::server::{CONTINENTS, GLOBAL};

/// The most areas that are shuffled at one update only because they are due.
const SHUFFLED_AT_ONCE: usize = 8;

/// A server at the last update.
#[derive(Clone, Debug)]
struct KnownServer {
    weighting: Option<Weighting>,
    zones: Vec<String>,
    ip: IpAddr,
    slot: usize,
    stamp: u64,
}

/// All areas.
#[derive(Debug)]
pub(super) struct Areas {
    policy: ZonePolicy,
    state: PolicyState,
    rng: fastrand::Rng,
    known: BTreeMap<u64, KnownServer>,
    /// The beginnings of servers' records, `["192.0.2.1",`: writing them costs more than all the
    /// rest.
    records: Vec<String>,
    /// Free indices of `records`.
    free: Vec<usize>,
    areas: BTreeMap<String, Area>,
    /// The pool's list of zones at the last update.
    listed: Vec<String>,
    /// Whether all areas are shuffled whenever one changes.
    always: bool,
}

impl Areas {
    pub(super) fn new(policy: ZonePolicy, mut state: PolicyState, rng: fastrand::Rng) -> Self {
        // The memory of an option that is off would be too old when the option is on again.
        if policy.hysteresis.is_none() {
            state.memory = policy::HysteresisMemory::default();
        }
        if !policy.stable_split {
            state.split.clear();
        }
        let (known, records, free, areas, listed) = Default::default();
        Self { policy, state, rng, known, records, free, areas, listed, always: false }
    }

    /// From now on all areas are shuffled whenever one changes, as the pool does.
    pub(super) const fn shuffle_always(&mut self) {
        self.always = true;
    }

    pub(super) fn policy(&self) -> &ZonePolicy {
        &self.policy
    }

    pub(super) fn state(&self) -> &PolicyState {
        &self.state
    }

    pub(super) fn get(&self, name: &str) -> Option<&Area> {
        self.areas.get(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.areas.keys().map(String::as_str)
    }

    /// The continent of a country.
    pub(super) fn parent(&self, name: &str) -> Option<&'static str> {
        self.areas.get(name)?.parent().filter(|continent| *continent != name && name != GLOBAL)
    }

    /// The beginning of a server's record, up to its weight.
    pub(super) fn record(&self, member: Member) -> &str {
        self.records.get(member.slot).map_or("", String::as_str)
    }

    /// Follows the pool. Returns the areas whose text has changed.
    pub(super) fn update(&mut self, pool: &Pool, now: i64) -> BTreeSet<String> {
        let first = self.areas.is_empty();
        let mut dirty = self.follow_list(pool);
        self.follow_servers(pool, now, &mut dirty);
        if dirty.is_empty() {
            return dirty;
        }
        if first || self.always && !self.policy.stable_split {
            dirty = self.areas.keys().cloned().collect();
        } else if let Some(backfill) = self.policy.backfill {
            // The helpers may have changed, and whether there is a continent to lead to.
            let small = self.areas.iter().filter(|(name, area)| {
                let mut families = area.families.iter();
                let near = self.parent(name).is_some_and(|parent| dirty.contains(parent));
                families.clone().any(|each| each.asks_world)
                    || near
                        && (area.is_empty() || families.any(|each| backfill.wants(each.own.len())))
            });
            let small: Vec<String> = small.map(|(name, _)| name.clone()).collect();
            dirty.extend(small);
        }
        if !self.policy.stable_split {
            dirty.extend(self.long_unshuffled(now));
        }
        for name in &dirty {
            for six in [false, true] {
                self.compose(name, six, now);
            }
        }
        dirty
    }

    /// Some of the areas that are due for a shuffle, so that other servers are under no number. The
    /// pool shuffles all areas whenever it makes a zone, which is every few minutes. Here that
    /// would change all decks more than once a second.
    fn long_unshuffled(&self, now: i64) -> Vec<String> {
        let due = self.areas.iter().filter_map(|(name, area)| {
            let due = area.families.iter().filter(|each| each.is_due(now));
            Some((due.map(|each| each.shuffled).min()?, name))
        });
        let mut due: Vec<_> = due.collect();
        due.sort_unstable();
        due.into_iter().take(SHUFFLED_AT_ONCE).map(|(_, name)| name.clone()).collect()
    }

    /// Follows the list of zones. When it changes, which is rare, everything except the memory is
    /// built again.
    fn follow_list(&mut self, pool: &Pool) -> BTreeSet<String> {
        if self.listed == pool.zones() && !self.areas.is_empty() {
            return BTreeSet::new();
        }
        self.listed = pool.zones().to_vec();
        self.known.clear();
        self.records.clear();
        self.free.clear();
        let names = self.listed.iter().map(String::as_str).chain([GLOBAL]);
        let names = names.filter(|name| *name != ".").map(str::to_owned);
        self.areas = names.map(|name| (name, Area::default())).collect();
        self.areas.keys().cloned().collect()
    }

    /// Follows the servers, and marks the areas of those that changed.
    fn follow_servers(&mut self, pool: &Pool, now: i64, dirty: &mut BTreeSet<String>) {
        let begins = self.known.is_empty();
        let backfills = self.policy.backfill.is_some();
        let mut changes = Vec::new();
        let mut known = self.known.iter_mut().peekable();
        let memory = &mut self.state.memory;
        let mut gone = Vec::new();
        for (server, stamp) in pool.stamped() {
            while let Some((&id, _)) = known.next_if(|(id, _)| **id < server.id) {
                gone.push(id);
            }
            let weighting = self.policy.judge(server, memory, now);
            let before = known.next_if(|(id, _)| **id == server.id).map(|(_, known)| known);
            let same = before.is_some_and(|before| {
                if before.stamp != stamp && before.ip == server.ip && before.zones == server.zones {
                    before.stamp = stamp;
                }
                before.stamp == stamp && before.weighting == weighting
            });
            if !same {
                changes.push((server, weighting, stamp));
            }
        }
        gone.extend(known.map(|(&id, _)| id));
        memory.begun = self.policy.hysteresis.is_some();
        if begins || !gone.is_empty() {
            memory.retain(|id| pool.server(id).is_some());
        }
        for id in gone {
            self.leave(id, dirty);
        }
        for (server, weighting, stamp) in changes {
            self.leave(server.id, dirty);
            let slot = self.write_down(server.ip);
            let six = server.ip.is_ipv6();
            let continent = continent(&server.zones);
            for zone in &server.zones {
                if self.listed.is_empty() && zone != "." && !self.areas.contains_key(zone) {
                    self.areas.insert(zone.clone(), Area::default());
                    dirty.insert(zone.clone());
                }
                let Some(area) = self.areas.get_mut(zone) else { continue };
                area.n_registered += 1;
                if let Some(continent) = continent {
                    let before = area.parent();
                    *area.continents.entry(continent).or_default() += 1;
                    // The helpers have changed.
                    if backfills && area.parent() != before {
                        dirty.insert(zone.clone());
                    }
                }
                if let Some(weighting) = weighting {
                    area.family_mut(six).own.insert(server.id, OwnServer { weighting, slot });
                    dirty.insert(zone.clone());
                }
            }
            let known =
                KnownServer { weighting, zones: server.zones.clone(), ip: server.ip, slot, stamp };
            self.known.insert(server.id, known);
        }
        if self.listed.is_empty() {
            self.areas.retain(|name, area| {
                let stays = area.n_registered > 0 || name == GLOBAL;
                if !stays {
                    dirty.insert(name.clone());
                }
                stays
            });
        }
        if begins {
            self.state.split.retain(|name, _| self.areas.contains_key(name));
        }
    }

    /// Takes a server out of its areas.
    fn leave(&mut self, id: u64, dirty: &mut BTreeSet<String>) {
        let Some(known) = self.known.remove(&id) else { return };
        self.free.push(known.slot);
        let continent = continent(&known.zones);
        for zone in known.zones {
            let Some(area) = self.areas.get_mut(&zone) else { continue };
            area.n_registered = area.n_registered.saturating_sub(1);
            let before = area.parent();
            if let Some(continent) = continent
                && let Some(n) = area.continents.get_mut(continent)
            {
                *n = n.saturating_sub(1);
                if *n == 0 {
                    area.continents.remove(continent);
                }
                if self.policy.backfill.is_some() && area.parent() != before {
                    dirty.insert(zone.clone());
                }
            }
            if area.family_mut(known.ip.is_ipv6()).own.remove(&id).is_some() {
                dirty.insert(zone);
            }
        }
    }

    /// Writes the beginning of a record, and returns its index.
    fn write_down(&mut self, ip: IpAddr) -> usize {
        let record = format!("[\"{ip}\",");
        let slot = self.free.pop().unwrap_or(self.records.len());
        match self.records.get_mut(slot) {
            Some(free) => *free = record,
            None => self.records.push(record),
        }
        slot
    }

    /// Computes the members of an area again, with their weights and numbers.
    fn compose(&mut self, name: &str, six: bool, now: i64) {
        let Some(family) = self.areas.get(name).map(|area| area.family(six)) else { return };
        let mut members: Vec<Member> = family
            .own
            .iter()
            .map(|(&id, own)| Member {
                id,
                weight: own.weighting.weight,
                helps: false,
                slot: own.slot,
            })
            .collect();
        let mut asks_world = false;
        if let Some(backfill) = self.policy.backfill
            && name != GLOBAL
            && backfill.wants(members.len())
        {
            let nominal = family.own.values().map(|each| u64::from(each.weighting.nominal)).sum();
            let rings: Vec<&BTreeMap<u64, OwnServer>> = [self.parent(name), Some(GLOBAL)]
                .into_iter()
                .flatten()
                .filter_map(|ring| Some(&self.areas.get(ring)?.family(six).own))
                .collect();
            asks_world = backfill.fill(name, nominal, &mut members, &rings);
        }
        if let Some(cap) = self.policy.cap {
            cap.lower(&mut members);
        }
        let mut shuffled = family.shuffled;
        // A stable split of the same servers is the same.
        let may_stay = self.policy.stable_split || !self.always && !family.is_due(now);
        let split = if may_stay && family.has_same_servers(&members) {
            family.split.clone()
        } else if self.policy.stable_split {
            let ids: Vec<u64> = members.iter().map(|each| each.id).collect();
            let groups = self.state.split.entry(name.to_owned()).or_default();
            let [four, other] = groups;
            policy::keep(&ids, if six { other } else { four })
        } else {
            shuffled = now;
            policy::deal(members.len(), &mut self.rng)
        };
        if let Some(area) = self.areas.get_mut(name) {
            let family = area.family_mut(six);
            family.members = members;
            family.split = split;
            family.shuffled = shuffled;
            family.asks_world = asks_world;
        }
    }
}

/// The continent among a server's zones.
fn continent(zones: &[String]) -> Option<&'static str> {
    CONTINENTS.into_iter().find(|continent| zones.iter().any(|zone| zone == continent))
}
