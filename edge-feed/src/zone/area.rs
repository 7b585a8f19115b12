//! One area: its servers, their weights and their numbers.
//!
//! [`super::areas`] fills it.

use std::collections::BTreeMap;

use crate::member::{GROUPS, MIN_TO_SPLIT, Member, OwnServer};

/// Seconds for which servers keep their numbers in an area without changes.
const SHUFFLE: i64 = 600;
/// The number that the pool has IPv6 servers under.
const SIX_GROUP: usize = 2;

/// The servers of one IP version in an area.
#[derive(Clone, Debug, Default)]
pub(super) struct Family {
    pub(super) own: BTreeMap<u64, OwnServer>,
    pub(super) members: Vec<Member>,
    /// Whether the helpers depend on the world's servers, not only on the continent's.
    pub(super) asks_world: bool,
    /// Places in `members`.
    pub(super) split: [Vec<usize>; GROUPS],
    /// When they were shuffled, in seconds since 1970.
    pub(super) shuffled: i64,
}

impl Family {
    /// Whether these are the same servers, whatever they weigh, and there are any.
    pub(super) fn has_same_servers(&self, members: &[Member]) -> bool {
        let ids = |members: &[Member]| members.iter().map(|each| each.id).collect::<Vec<_>>();
        !members.is_empty()
            && self.members.len() == members.len()
            && ids(&self.members) == ids(members)
    }

    /// Whether it is time that they are shuffled again: some may be under no number.
    pub(super) fn is_due(&self, now: i64) -> bool {
        self.members.len() >= MIN_TO_SPLIT && now.saturating_sub(self.shuffled) >= SHUFFLE
    }
}

/// An area: its IPv4 servers, its IPv6 servers.
#[derive(Clone, Debug, Default)]
pub(super) struct Area {
    pub(super) families: [Family; 2],
    /// Servers that list this area, fit or not.
    pub(super) n_registered: usize,
    /// The continents that these servers list, and how many servers list each.
    pub(super) continents: BTreeMap<&'static str, usize>,
}

impl Area {
    pub(super) fn family(&self, six: bool) -> &Family {
        let [four, other] = &self.families;
        if six { other } else { four }
    }

    pub(super) fn family_mut(&mut self, six: bool) -> &mut Family {
        let [four, other] = &mut self.families;
        if six { other } else { four }
    }

    /// All servers of a version.
    pub(super) fn members(&self, six: bool) -> &[Member] {
        &self.family(six).members
    }

    /// The servers under a number.
    pub(super) fn group(&self, six: bool, group: usize) -> impl Iterator<Item = Member> {
        let family = self.family(six);
        let places = family.split.get(group).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|&place| family.members.get(place).copied())
    }

    /// The IPv6 ones at one of its names: its own, or that with a number.
    pub(super) fn six_at(
        &self,
        at: Option<usize>,
        everywhere: bool,
    ) -> impl Iterator<Item = Member> {
        let has_all = if everywhere { at.is_none() } else { at == Some(SIX_GROUP) };
        let all = if has_all { self.members(true) } else { &[] };
        let group = at.filter(|_| everywhere).map(|group| self.group(true, group));
        all.iter().copied().chain(group.into_iter().flatten())
    }

    /// How many of its names, which are its own and one with each number, have addresses of a
    /// version.
    pub(super) fn n_names(&self, six: bool, everywhere: bool) -> usize {
        let names = std::iter::once(None).chain((0..GROUPS).map(Some));
        let has = |at: Option<usize>| match at {
            _ if six => self.six_at(at, everywhere).next().is_some(),
            Some(group) => self.group(false, group).next().is_some(),
            None => !self.members(false).is_empty(),
        };
        names.filter(|&at| has(at)).count()
    }

    /// The continent that it lies in: that of most of its servers.
    pub(super) fn parent(&self) -> Option<&'static str> {
        self.continents.iter().max_by_key(|(_, n)| **n).map(|(continent, _)| *continent)
    }

    /// Whether no server is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.families.iter().all(|family| family.own.is_empty())
    }
}
