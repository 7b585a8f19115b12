//! The names of zones that packets may find.
//!
//! The answer of a zone's name may depend on other zones, which come and go without the zone being
//! compiled again. Names under a nested zone's apex are hidden, names above that apex exist, and DS
//! at it belongs to the parent. Only this module handles that.

use std::collections::HashSet;

use edge_common::abi::{Answer, ClassRow, NameTail, TableId};

use super::choice::Kept;
use super::names::Entry;
use super::slots::ZoneSlot;
use crate::compile::{Absent, Compiled, NODATA, NXDOMAIN, Other, Owner};
use edge_zone::name::suffixes;

/// The table of names that are in no zone's tables.
const NOWHERE: TableId = TableId(0);

/// A zone's visible names. `apexes` are those of all zones that are loaded, on the wire and lower
/// case. An incomplete zone has only the names in `kept`; nothing is known then of other names.
pub(super) fn of_zone<'z>(
    zone: &'z ZoneSlot,
    apexes: &[&'z [u8]],
    kept: Option<&Kept<'_>>,
) -> Vec<Entry<'z>> {
    let around = Around::new(zone, apexes, kept.is_none());
    let mut entries = Vec::with_capacity(zone.compiled.owners.len());
    let mut above = around.nested.above.clone();
    for owner in zone.compiled.owners.iter().filter(|owner| !around.nested.hides(&owner.name)) {
        above.remove(&*owner.name);
        if kept.is_none_or(|kept| kept.contains(&*owner.name)) {
            entries.push(around.entry(owner));
        }
    }
    // Names that aren't the zone's but lead to another's apex.
    let others = above.into_iter().filter(|name| kept.is_none() && !around.nested.hides(name));
    entries.extend(others.map(|name| around.empty_non_terminal(name)));
    entries
}

/// The names that [`of_zone`] has entries for.
pub(super) fn names_of<'z>(
    zone: &'z Compiled,
    apexes: &[&'z [u8]],
    kept: Option<&Kept<'_>>,
) -> Vec<&'z [u8]> {
    let nested = Nested::new(zone, apexes);
    let mut above = nested.above.clone();
    let mut names = Vec::with_capacity(zone.owners.len());
    for owner in zone.owners.iter().filter(|owner| !nested.hides(&owner.name)) {
        above.remove(&*owner.name);
        if kept.is_none_or(|kept| kept.contains(&*owner.name)) {
            names.push(&*owner.name);
        }
    }
    let mut others: Vec<_> =
        above.into_iter().filter(|name| kept.is_none() && !nested.hides(name)).collect();
    others.sort_unstable();
    names.extend(others);
    names
}

/// Entries for the apexes that have none: only the authority knows the data of these zones.
pub(super) fn markers<'z>(entries: &[Entry<'_>], apexes: &[&'z [u8]]) -> Vec<Entry<'z>> {
    let mut missing: HashSet<&[u8]> = apexes.iter().copied().collect();
    for entry in entries {
        missing.remove(entry.name);
    }
    let mut missing: Vec<&[u8]> =
        apexes.iter().copied().filter(|apex| missing.remove(apex)).collect();
    missing.sort_unstable();
    missing.into_iter().map(|apex| Entry::marker(apex, NOWHERE, 0)).collect()
}

/// The zones nested in one.
struct Nested<'z> {
    /// Their apexes.
    apexes: Vec<&'z [u8]>,
    /// Names between the zone's apex and theirs.
    above: HashSet<&'z [u8]>,
}

/// Whether a zone with the first apex is nested in one with the second.
fn is_nested_in(inner: &[u8], outer: &[u8]) -> bool {
    inner.len() > outer.len() && suffixes(inner).any(|suffix| suffix == outer)
}

impl<'z> Nested<'z> {
    fn new(zone: &Compiled, apexes: &[&'z [u8]]) -> Self {
        let apex = zone.apex.folded();
        let nested = apexes.iter().copied().filter(|other| is_nested_in(other, apex));
        let nested: Vec<&'z [u8]> = nested.collect();
        let above = nested.iter().flat_map(|other| suffixes(other).skip(1));
        Self { above: above.filter(|name| name.len() > apex.len()).collect(), apexes: nested }
    }

    /// Whether a name belongs to a nested zone, which hides it.
    fn hides(&self, name: &[u8]) -> bool {
        self.apexes.iter().any(|child| suffixes(name).any(|suffix| suffix == *child))
    }
}

/// A zone among others.
struct Around<'z> {
    zone: &'z ZoneSlot,
    nested: Nested<'z>,
    /// Whether it is nested itself.
    is_nested: bool,
    /// Whether all its names are in the tables.
    is_complete: bool,
}

impl<'z> Around<'z> {
    fn new(zone: &'z ZoneSlot, apexes: &[&'z [u8]], is_complete: bool) -> Self {
        let apex = zone.compiled.apex.folded();
        Self {
            zone,
            nested: Nested::new(&zone.compiled, apexes),
            is_nested: apexes.iter().any(|other| is_nested_in(apex, other)),
            is_complete,
        }
    }

    fn marker(&self, name: &'z [u8]) -> Entry<'z> {
        let hits = self.zone.hits();
        Entry { hits, ..Entry::marker(name, self.zone.table, self.zone.trie) }
    }

    fn entry(&self, owner: &'z Owner) -> Entry<'z> {
        let ZoneSlot { compiled, .. } = self.zone;
        // For whom a name doesn't exist by itself it does when it leads to another zone, or nothing
        // above it does.
        if !owner.is_label && suffixes(&owner.name).any(|suffix| self.nested.above.contains(suffix))
        {
            return self.marker(&owner.name);
        }
        let is_apex = *owner.name == *compiled.apex.folded();
        let other = if is_apex && self.is_nested { compiled.nested } else { owner.other };
        let (other, list) = match other {
            Other::Same(answer) => (answer, 0),
            Other::Row(row) => match self.zone.type_row(row) {
                Some(row) => (Answer(row), NameTail::LIST),
                None => (Answer::NONE, 0),
            },
        };
        let (absent, wild) = match owner.absent {
            _ if !self.is_complete => (ClassRow::NONE, 0),
            Absent::Denied => (NXDOMAIN, 0),
            Absent::Wildcard if !self.is_apex_of_other(&owner.name) => {
                (ClassRow::NONE, NameTail::WILD)
            }
            Absent::Wildcard | Absent::Authority => (ClassRow::NONE, 0),
        };
        Entry {
            a: owner.a,
            aaaa: owner.aaaa,
            other,
            absent,
            flags: owner.flags | list | wild,
            ..self.marker(&owner.name)
        }
    }

    /// Whether the asterisk label below a name is another zone's apex. The entry of such an apex
    /// has nothing about this zone.
    fn is_apex_of_other(&self, name: &[u8]) -> bool {
        self.nested.apexes.iter().any(|child| child.strip_prefix(b"\x01*") == Some(name))
    }

    /// A name that exists only because of a name below it.
    fn empty_non_terminal(&self, name: &'z [u8]) -> Entry<'z> {
        // Whether what is made up from a wildcard has the client's scope, isn't known here.
        if self.zone.compiled.has_wildcards || !self.is_complete {
            return self.marker(name);
        }
        let nodata = Answer::constant(NODATA);
        Entry { a: nodata, aaaa: nodata, other: nodata, absent: NXDOMAIN, ..self.marker(name) }
    }
}

#[cfg(test)]
mod tests {
    use edge_common::abi::{ClassRow, NameTail};

    use super::of_zone;
    use crate::publish::fixture::{publishables, wire, zones};
    use crate::publish::names::Entry;
    use crate::publish::{NoKernel, Publisher};
    use crate::store::Store;

    #[test]
    fn of_an_incomplete_zone_the_names_kept_are_known_and_nothing_of_others() {
        let rng = fastrand::Rng::with_seed(5);
        let mut publisher = Publisher::new(Store::in_memory(), Box::new(NoKernel), rng);
        let placed = publisher.publish(&publishables(zones::ALL), &[]).unwrap();
        assert!(placed.iter().all(|zone| zone.unfit.is_none()), "{placed:?}");
        for apex in ["plain.test", "wild.test"] {
            let apex = wire(apex);
            let zone = &publisher.zones[&*apex];
            let apexes: Vec<&[u8]> = publisher.zones.keys().map(|apex| &**apex).collect();
            let all = of_zone(zone, &apexes, None);
            let is_kept = |name: &[u8]| name == apex || name.len().is_multiple_of(2);
            let kept = all.iter().map(|entry| entry.name).filter(|name| is_kept(name)).collect();
            let some = of_zone(zone, &apexes, Some(&kept));
            assert!(all.iter().any(|entry| entry.absent != ClassRow::NONE));
            let has_wildcards = all.iter().any(|entry| entry.flags & NameTail::WILD != 0);
            assert_eq!(has_wildcards, *apex == wire("wild.test"));
            assert!(some.len() > 4 && some.len() < all.len());
            for entry in some {
                assert_eq!((entry.absent, entry.flags & NameTail::WILD), (ClassRow::NONE, 0));
                if let Some(whole) = all.iter().find(|whole| whole.name == entry.name)
                    && is_kept(entry.name)
                {
                    let answers = |entry: &Entry<'_>| [entry.a, entry.aaaa, entry.other];
                    assert_eq!(answers(&entry), answers(whole));
                }
            }
        }
    }
}
