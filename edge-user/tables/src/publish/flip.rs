//! One step of a changeover: a generation with some zones more, some less.
//!
//! Until the last store nothing changes for a packet. After the barrier the places of the former
//! generation are free.

use std::collections::{BTreeSet, HashMap, HashSet};

use edge_common::abi::Side;

use super::change::{Changeover, Target, Zones};
use super::choice::{Former, Kept};
use super::names::Misfit;
use super::{PublishError, Publisher, Unfit, names, observed, visible};
use edge_leaves::error_chain::error_chain;
use edge_zone::Name;
use edge_zone::wire::NameLabels;

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flipped {
    /// Its generation is visible.
    Visible,
    /// Nothing has changed: zones that can't be published are left out from now on.
    LeftOut,
}

/// The names of a step that can't be arranged.
enum Trouble {
    /// With an old version among the zones, which can leave.
    Old(Box<[u8]>),
    /// Among the zones that stay.
    Final(Misfit, usize),
}

impl Publisher {
    /// Makes `new` reachable and visible, and `leave` invisible.
    pub(super) fn flip<'z>(
        &mut self,
        change: &mut Changeover<'z>,
        target: &Target<'z>,
        new: Zones,
        mut leave: BTreeSet<Box<[u8]>>,
    ) -> Result<Flipped, PublishError> {
        if !self.insert(change, &new)? {
            self.give_up(new);
            return Ok(Flipped::LeftOut);
        }
        loop {
            match self.show(change, target, &new, &leave) {
                Ok(()) => break,
                Err(Trouble::Old(apex)) => {
                    change.n_evicted += 1;
                    leave.insert(apex);
                }
                Err(Trouble::Final(misfit, names)) => {
                    self.give_up(new);
                    return match leave_out(change, target, misfit) {
                        true => Ok(Flipped::LeftOut),
                        false => Err(PublishError::Names { names }),
                    };
                }
            }
        }
        self.replace(change, target, new, &leave);
        Ok(Flipped::Visible)
    }

    /// Gives back places that no packet has ever seen.
    fn give_up(&mut self, new: Zones) {
        for zone in new.values() {
            self.slots.release(zone);
        }
        drop(new);
        self.drop_unused_tries(&Zones::new());
    }

    /// Makes new zones' tables reachable. Returns false if the kernel refuses some: their zones are
    /// left out, and tried again later.
    fn insert(&mut self, change: &mut Changeover<'_>, new: &Zones) -> Result<bool, PublishError> {
        let mut refused = Vec::new();
        for (apex, zone) in new {
            if let Err(cause) = self.backend.insert(zone.table) {
                refused.push((apex, cause));
            }
        }
        if refused.len() == new.len()
            && !change.is_visible
            && let Some((_, cause)) = refused.pop()
        {
            // It refuses everything.
            for zone in new.values() {
                self.slots.release(zone);
            }
            self.drop_unused_tries(&Zones::new());
            return Err(cause.into());
        }
        for (apex, cause) in &refused {
            let own = change.zones.iter().map(|zone| zone.compiled.apex.folded());
            for own in own.filter(|own| *own == &***apex) {
                change.leave_out(own, Unfit::Refused(error_chain(cause)));
            }
            change.is_pending = true;
        }
        Ok(refused.is_empty())
    }

    /// Writes the names of the zones that stay, and of the new ones, and switches to them.
    fn show(
        &mut self,
        change: &mut Changeover<'_>,
        target: &Target<'_>,
        new: &Zones,
        leave: &BTreeSet<Box<[u8]>>,
    ) -> Result<(), Trouble> {
        let mut entries = Vec::new();
        // Up to which entry each zone has them, its apex, and whether it is an old version.
        let mut parts: Vec<(usize, &[u8], bool)> = Vec::new();
        let mut counts = HashMap::new();
        let mut usual = (0, 0);
        let mut kept_now = Former::new();
        for (source, _) in &target.zones {
            let apex = source.compiled.apex.folded();
            let stays = || self.zones.get(apex).filter(|_| !leave.contains(apex));
            let Some(zone) = new.get(apex).or_else(stays) else { continue };
            let is_old = !zone.source.is_same(source);
            let former: Option<Kept<'_>> = self
                .kept
                .get(apex)
                .filter(|_| is_old)
                .map(|former| former.iter().map(|name| &**name).collect());
            let kept = if is_old { former.as_ref() } else { target.choice.kept.get(apex) };
            let before = entries.len();
            entries.extend(visible::of_zone(zone, &change.apexes, kept));
            if let Some(kept) = kept {
                kept_now.insert(apex.into(), kept.iter().map(|name| Box::from(*name)).collect());
            }
            let names = entries.len() - before;
            counts.insert(zone.table, names);
            usual = usual.max((names, zone.trie));
            parts.push((entries.len(), apex, is_old));
        }
        entries.extend(visible::markers(&entries, &change.apexes));
        let arranged = names::side(&entries, &mut self.slots.rng).map_err(|misfit| {
            let old = match misfit {
                Misfit::Clash(one, other) => {
                    let of = |at: usize| parts.iter().find(|(end, ..)| at < *end);
                    [of(one), of(other)].into_iter().flatten().find(|(.., is_old)| *is_old)
                }
                Misfit::Dense => parts.iter().find(|(.., is_old)| *is_old),
            };
            match old {
                Some((_, apex, _)) => Trouble::Old((*apex).into()),
                None => Trouble::Final(misfit, entries.len()),
            }
        })?;
        let generation = self.slots.store.generation() + 1;
        let side = u32::from(generation % 2 == 1);
        arranged.write(&entries, side, &self.slots.store.names, &self.slots.store.long_names);
        self.names = entries.len();
        let control = self.slots.store.control;
        control.set_side(
            side,
            &Side {
                name_seed: arranged.seed,
                generation,
                lengths: names::lengths(&entries),
                labels: names::labels(&entries),
            },
        );
        control.set_usual_trie(usual.1);
        control.set_generation(generation);
        (change.names, self.kept) = (counts, kept_now);
        Ok(())
    }

    /// Puts the new zones in the place of the old, whose entries come back after a barrier.
    fn replace(
        &mut self,
        change: &mut Changeover<'_>,
        target: &Target<'_>,
        new: Zones,
        leave: &BTreeSet<Box<[u8]>>,
    ) {
        let mut old = Zones::new();
        for apex in new.keys().chain(leave) {
            old.extend(self.zones.remove_entry(apex));
        }
        let came: Vec<Box<[u8]>> = new.keys().cloned().collect();
        self.zones.extend(new);
        let waited = self.barrier();
        for zone in old.values_mut() {
            self.slots.close(zone);
        }
        for apex in came {
            let parked = change.parked.remove(&apex);
            let before = old.get(&apex).or(parked.as_ref());
            if let (Some(before), Some(next)) = (before, self.zones.get_mut(&apex)) {
                observed::carry(before, next);
            }
        }
        match waited {
            Ok(()) => {
                old.values().for_each(|zone| self.slots.release(zone));
                self.drop_unused_tries(&Zones::new());
                let comes_back = |apex: &[u8]| {
                    target.zones.iter().any(|(zone, _)| zone.compiled.apex.folded() == apex)
                };
                let gone = old.into_iter().filter(|(apex, _)| !self.zones.contains_key(apex));
                change.parked.extend(gone.filter(|(apex, _)| comes_back(apex)));
            }
            // Somebody may still be reading them: they are written again after the next barrier.
            Err(cause) => {
                self.errors.push(format!("wait for readers: {}", error_chain(&cause)));
                self.leaving.extend(old.into_values());
                (change.is_blocked, change.is_pending) = (true, true);
            }
        }
    }
}

/// Leaves out zones whose names can't be in the tables together. Returns false if there are none.
///
/// It judges all names that are to be there in the end, so that what is left out doesn't depend on
/// the step. Of two zones whose names clash, the later one is left out, unless its name is its
/// apex, which stays in the tables also then.
fn leave_out<'z>(change: &mut Changeover<'z>, target: &Target<'z>, misfit: Misfit) -> bool {
    let kept = |apex: &[u8]| target.choice.kept.get(apex);
    let mut names: Vec<&[u8]> = Vec::new();
    let mut zones = Vec::new();
    for (zone, _) in &target.zones {
        let apex = &zone.compiled.apex;
        names.extend(visible::names_of(&zone.compiled, &change.apexes, kept(apex.folded())));
        zones.push((names.len(), apex));
    }
    if misfit == Misfit::Dense {
        let mut before = 0;
        let sizes =
            zones.iter().map(|(end, apex)| (end - std::mem::replace(&mut before, *end), apex));
        let Some((_, largest)) = sizes.max_by_key(|(names, _)| *names) else { return false };
        change.leave_out(largest.folded(), Unfit::Full("names"));
        return true;
    }
    let known: HashSet<&[u8]> = names.iter().copied().collect();
    names.extend(change.apexes.iter().copied().filter(|apex| !known.contains(apex)));
    let owner = |at: usize| zones.iter().find(|(end, _)| at < *end).map(|(_, apex)| *apex);
    let mut left_out: Vec<&Name> = Vec::new();
    for (one, other) in names::clashes(&names) {
        let (Some(one_name), Some(other_name)) = (names.get(one), names.get(other)) else {
            continue;
        };
        let is_out = |apex: &Name| left_out.contains(&apex);
        let owners = [(owner(other), other_name, one_name), (owner(one), one_name, other_name)];
        let owners = owners.into_iter().filter_map(|(zone, name, with)| Some((zone?, name, with)));
        let mut owners: Vec<_> = owners.collect();
        if owners.iter().any(|(apex, name, _)| is_out(apex) && **name != apex.folded()) {
            continue;
        }
        owners.sort_by_key(|(apex, name, _)| **name == apex.folded());
        if let Some((apex, name, with)) = owners.first() {
            let [name, other] = [name, with].map(|name| text(name));
            change.leave_out(apex.folded(), Unfit::Clash { name, other });
            left_out.push(apex);
        }
    }
    !left_out.is_empty()
}

/// A name on the wire, as text.
fn text(wire: &[u8]) -> String {
    edge_zone::name::text(NameLabels::new(wire)).unwrap_or_default()
}
