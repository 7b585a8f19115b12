//! The changeover from the published zones to others, as room demands.
//!
//! A step puts new versions of zones into free places, publishes a generation with them, and frees
//! what the former generation had. The next step has that room. If a zone fits nowhere, zones that
//! have to change anyway leave the tables for a step, the least that is enough; the authority
//! answers for them meanwhile. A step never changes what a packet of the generation before it can
//! see, see [`super::flip`].
//!
//! In the end the tables are as the plan has them, whatever they held before.

use std::collections::BTreeSet;

use super::change::{Changeover, Target, Zones};
use super::choice::{Chooser, choose};
use super::flip::Flipped;
use super::plan::{Allotment, plan};
use super::slots::ZoneSlot;
use super::{Placed, PublishError, Publishable, Publisher, Unfit, amend};
use edge_leaves::error_chain::error_chain;
use edge_zone::name::bare;

/// What comes next.
enum Next {
    /// These come, and these leave.
    Step(Zones, BTreeSet<Box<[u8]>>),
    /// A zone has to be left out.
    NewTarget,
    /// Nothing.
    Done,
}

impl Publisher {
    /// Publishes exactly these zones in as many generations as room demands. `visible` is called
    /// once, after the first of them.
    pub(super) fn change_over(
        &mut self,
        zones: &[Publishable],
        others: &[&[u8]],
        visible: &mut dyn FnMut(),
    ) -> Result<Vec<Placed>, PublishError> {
        let mut change = Changeover::new(zones, others, &self.shares);
        let mut target = self.target(&change);
        let before: Vec<_> = self.zones.values().map(|zone| zone.apex().clone()).collect();
        loop {
            let (new, leave) = match self.next(&mut change, &target) {
                Next::Step(new, leave) => (new, leave),
                Next::Done if change.is_visible => break,
                Next::Done => (Zones::new(), BTreeSet::new()),
                Next::NewTarget => {
                    target = self.target(&change);
                    continue;
                }
            };
            match self.flip(&mut change, &target, new, leave) {
                Ok(Flipped::Visible) if !change.is_visible => {
                    change.is_visible = true;
                    visible();
                }
                Ok(Flipped::Visible) => {}
                Ok(Flipped::LeftOut) => target = self.target(&change),
                Err(error) if change.is_visible => {
                    self.errors.push(format!("publish: {}", error_chain(&error)));
                    change.is_pending = true;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        for apex in before.iter().filter(|apex| !self.zones.contains_key(apex.folded())) {
            let named = self.backend.name(&bare(apex), None);
            self.errors.extend(named.err().map(|cause| format!("unpin: {}", error_chain(&cause))));
        }
        self.is_pending = change.is_pending;
        self.left_out = target.left_out.iter().map(|apex| Box::from(*apex)).collect();
        let placed = self.report(&change, &target);
        let own = zones.iter().map(|zone| zone.compiled.apex.folded());
        self.last = amend::Last {
            apexes: own.map(Into::into).collect(),
            others: others.iter().map(|apex| (*apex).into()).collect(),
            placed: placed.clone(),
            amended: self.last.amended,
        };
        Ok(placed)
    }

    /// What the tables are to be, without the zones that can't be published.
    ///
    /// Names are chosen for those zones alone that have a place in the plan. A zone for which there
    /// is no name left has none there.
    fn target<'z>(&self, change: &Changeover<'z>) -> Target<'z> {
        let mut unfit = change.left_out.clone();
        let by = Chooser { popularity: &self.popularity, former: &self.kept };
        loop {
            let is_in = |apex: &[u8]| !unfit.contains_key(apex);
            let mut choice = choose(&change.wishes, &change.apexes, &by, is_in);
            let is_in = |zone: &&Publishable| {
                let apex = zone.compiled.apex.folded();
                !unfit.contains_key(apex) && !choice.unfit.contains_key(apex)
            };
            let mut plan = plan(change.zones.iter().filter(is_in));
            let allotted = change.zones.iter().filter_map(|zone| {
                let planned = plan.get(zone.compiled.apex.folded())?;
                Some((zone, planned.clone().ok()?))
            });
            let zones: Vec<_> = allotted.collect();
            if zones.len() == plan.len() {
                let left_out = unfit.keys().copied().collect();
                choice.unfit.extend(unfit);
                return Target { zones, choice, left_out };
            }
            unfit.extend(plan.drain().filter_map(|(apex, planned)| Some((apex, planned.err()?))));
        }
    }

    /// Whether other names of the zones in the tables would be chosen than there are.
    pub(super) fn would_choose(&self, zones: &[Publishable], others: &[&[u8]]) -> bool {
        let change = Changeover::new(zones, others, &self.shares);
        let by = Chooser { popularity: &self.popularity, former: &self.kept };
        let is_in = |apex: &[u8]| !self.left_out.contains(apex);
        let mut choice = choose(&change.wishes, &change.apexes, &by, is_in);
        choice.kept.retain(|apex, _| self.zones.contains_key(*apex));
        choice.differs(&self.kept)
    }

    /// The zone's version that is in the tables, if it is this one.
    pub(super) fn current(&self, zone: &Publishable) -> Option<&ZoneSlot> {
        let placed = self.zones.get(zone.compiled.apex.folded());
        placed.filter(|placed| placed.source.is_same(zone))
    }

    /// Zones that aren't in the tables as the target has them.
    fn waiting<'z>(&self, target: &Target<'z>) -> Vec<(&'z Publishable, Allotment)> {
        let is_there = |zone: &Publishable, allotment: &Allotment| {
            self.current(zone).is_some_and(|placed| placed.allotment.answers_as(allotment))
        };
        let zones = target.zones.iter().copied();
        zones.filter(|(zone, allotment)| !is_there(zone, allotment)).collect()
    }

    /// Finds what comes next, and puts new zones into free places, where no packet sees them yet.
    fn next<'z>(&mut self, change: &mut Changeover<'z>, target: &Target<'z>) -> Next {
        let mut leave: BTreeSet<Box<[u8]>> =
            self.zones.keys().filter(|apex| !target.has(apex)).cloned().collect();
        let waiting = self.waiting(target);
        let Some((first, _)) = waiting.first() else {
            return if leave.is_empty() { Next::Done } else { Next::Step(Zones::new(), leave) };
        };
        if change.is_blocked {
            // Old versions must not be served for long. The new ones come when there is room.
            let old = waiting.iter().filter(|(zone, _)| self.current(zone).is_none());
            let old =
                old.filter_map(|(zone, _)| self.zones.get_key_value(zone.compiled.apex.folded()));
            leave.extend(old.map(|(apex, _)| apex.clone()));
            return if leave.is_empty() { Next::Done } else { Next::Step(Zones::new(), leave) };
        }
        let waits =
            |apex: &&[u8]| waiting.iter().any(|(zone, _)| zone.compiled.apex.folded() == *apex);
        change.making_room_for = change.making_room_for.filter(waits);
        let first = change.making_room_for.unwrap_or_else(|| first.compiled.apex.folded());
        let (new, reason) = self.place_all(change, &waiting, first);
        if !new.is_empty() || !leave.is_empty() {
            return Next::Step(new, leave);
        }
        let new = self.place_reduced(change, &waiting);
        if !new.is_empty() {
            return Next::Step(new, leave);
        }
        if !change.has_tidied {
            change.has_tidied = true;
            let is_elsewhere = |(zone, allotment): &(&Publishable, Allotment)| {
                self.current(zone).is_some_and(|placed| placed.allotment != *allotment)
            };
            let larger: Vec<_> = target.zones.iter().copied().filter(is_elsewhere).collect();
            let (new, _) = self.place_all(change, &larger, &[]);
            if !new.is_empty() {
                return Next::Step(new, leave);
            }
        }
        let reason = reason.unwrap_or(Unfit::Waiting);
        let evicted = self.evict(change, target, &waiting, &reason);
        if evicted.is_empty() {
            // Places are lost to a barrier that failed.
            change.making_room_for = None;
            change.is_pending = true;
            change.leave_out(first, reason);
            return Next::NewTarget;
        }
        change.n_evicted += evicted.len();
        change.making_room_for = (!change.is_rebuilt).then_some(first);
        Next::Step(Zones::new(), evicted)
    }

    /// Puts those of these zones that fit into free places, `first` before all others, and if it
    /// doesn't fit while others have left for it, none. Returns also why it doesn't.
    fn place_all<'z>(
        &mut self,
        change: &mut Changeover<'z>,
        zones: &[(&'z Publishable, Allotment)],
        first: &[u8],
    ) -> (Zones, Option<Unfit>) {
        let is_first = |zone: &Publishable| zone.compiled.apex.folded() == first;
        let mut zones = zones.to_vec();
        // Those that left for a while are back soon.
        zones.sort_by_key(|(zone, _)| {
            (!is_first(zone), !change.parked.contains_key(zone.compiled.apex.folded()))
        });
        let (mut new, mut reason) = (Zones::new(), None);
        for (zone, allotment) in zones {
            let apex = zone.compiled.apex.folded();
            let former = self.zones.get(apex).or_else(|| change.parked.get(apex));
            match self.slots.place(zone, allotment, false, former) {
                Ok(placed) => {
                    new.insert(apex.into(), placed);
                    change.making_room_for = change.making_room_for.filter(|zone| *zone != apex);
                }
                Err(why) => {
                    reason = if is_first(zone) { Some(why) } else { reason };
                    if change.making_room_for == Some(apex) {
                        break;
                    }
                }
            }
        }
        self.drop_unused_tries(&new);
        (new, reason)
    }

    /// Puts zones whose versions aren't in the tables there with the least allotment, each once.
    fn place_reduced<'z>(
        &mut self,
        change: &mut Changeover<'z>,
        zones: &[(&'z Publishable, Allotment)],
    ) -> Zones {
        let mut new = Zones::new();
        for (zone, _) in zones {
            let apex = zone.compiled.apex.folded();
            if self.current(zone).is_some() || change.reduced.contains(apex) {
                continue;
            }
            let former = self.zones.get(apex).or_else(|| change.parked.get(apex));
            if let Ok(placed) = self.slots.place(zone, Allotment::least(zone), true, former) {
                change.reduced.insert(apex);
                change.making_room_for = change.making_room_for.filter(|zone| *zone != apex);
                new.insert(apex.into(), placed);
            }
        }
        self.drop_unused_tries(&new);
        new
    }

    /// The zones that leave the tables so that a waiting zone has room. Those that wait come before
    /// all others. If the waiting zone lacks a trie, these are all zones of one trie. None if
    /// nothing is left to free.
    fn evict(
        &self,
        change: &mut Changeover<'_>,
        target: &Target<'_>,
        waiting: &[(&Publishable, Allotment)],
        reason: &Unfit,
    ) -> BTreeSet<Box<[u8]>> {
        if change.is_rebuilt {
            return BTreeSet::new();
        }
        if change.n_evicted > 2 * target.zones.len() {
            // Whatever the holes between them are, all zones fit into empty tables.
            change.is_rebuilt = true;
            return self.zones.keys().cloned().collect();
        }
        let apex = |(zone, _): &(&Publishable, Allotment)| zone.compiled.apex.folded().to_vec();
        let placed = |apex: Vec<u8>| self.zones.get_key_value(&*apex);
        let waiting = waiting.iter().map(apex).filter_map(placed);
        let waiting: Vec<(&Box<[u8]>, &ZoneSlot)> = waiting.collect();
        let others = target.zones.iter().rev().map(apex).filter_map(placed);
        let mut all = waiting.iter().copied().chain(others).peekable();
        if !matches!(reason, Unfit::Full(table) if table.starts_with("geo")) {
            // Of many zones some at a time, or it would take as many generations.
            return all.take(1 + waiting.len() / 16).map(|(apex, _)| apex.clone()).collect();
        }
        let of_trie = |trie: u32| self.zones.iter().filter(move |(_, zone)| zone.trie == trie);
        let waits = |apex: &[u8]| waiting.iter().any(|(other, _)| ***other == *apex);
        let all_wait = |trie: u32| of_trie(trie).all(|(apex, _)| waits(apex));
        let trie = waiting.iter().map(|(_, zone)| zone.trie).find(|trie| all_wait(*trie));
        let trie = trie.or_else(|| Some(all.nth(waiting.len())?.1.trie));
        let victims = trie.into_iter().flat_map(of_trie);
        victims.map(|(apex, _)| apex.clone()).collect()
    }

    /// Gives back the tries that no zone has, neither these nor those of any generation that may
    /// still be read.
    pub(super) fn drop_unused_tries(&mut self, new: &Zones) {
        let zones = self.zones.values().chain(new.values()).chain(&self.leaving);
        let used = zones.map(|zone| zone.trie).collect();
        self.slots.drop_unused_tries(&used);
    }

    /// Names the zones in the tables, and reports what became of all.
    fn report(&mut self, change: &Changeover<'_>, target: &Target<'_>) -> Vec<Placed> {
        let choice = &target.choice;
        let mut report = Vec::with_capacity(change.zones.len());
        for zone in change.zones {
            let (apex, folded) = (bare(&zone.compiled.apex), zone.compiled.apex.folded());
            let total = choice.totals.get(folded).copied().unwrap_or_default();
            report.push(match self.zones.get(folded) {
                Some(placed) => {
                    let named = self.backend.name(&apex, Some(placed.table));
                    self.errors
                        .extend(named.err().map(|cause| format!("pin: {}", error_chain(&cause))));
                    let names = change.names.get(&placed.table).copied().unwrap_or_default();
                    let (incomplete, decks) =
                        (choice.kept.contains_key(folded), placed.decks.len());
                    Placed { apex, names, total, incomplete, decks, unfit: None }
                }
                None => {
                    let reason = choice.unfit.get(folded).cloned().unwrap_or(Unfit::Waiting);
                    let unfit = Some(reason);
                    Placed { apex, names: 0, total, incomplete: false, decks: 0, unfit }
                }
            });
        }
        report
    }
}
