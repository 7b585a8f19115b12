//! Zones, their shares and the heat of their names come in; which names are in the tables goes out.
//!
//! A zone whose names all fit, and that may have as many, is whole. Of any other ("incomplete")
//! there are its apex, so that nothing above answers for it, and its hottest names; what else is
//! under its apex passes. A name that is in the tables stays unless one that isn't is clearly
//! hotter.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use edge_common::abi::maps;
use edge_common::name::SHORT_OCTETS;

use super::popularity::Popularity;
use super::{Publishable, Unfit};
use crate::compile::Compiled;
use edge_zone::name::suffixes;

/// How many names of a zone may be in the tables.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    /// Of a zone that has no share of its own; as many as fit if none.
    pub usual: Option<usize>,
    /// By the zone's apex (on the wire, lower case).
    pub zones: HashMap<Box<[u8]>, usize>,
}

impl Shares {
    /// A zone's share, by its apex (on the wire, lower case).
    #[must_use]
    pub fn of(&self, apex: &[u8]) -> Option<usize> {
        self.zones.get(apex).copied().or(self.usual)
    }
}

/// Names in the table of short names, and in that of long ones; or for how many there is room.
#[derive(Clone, Copy, Debug)]
struct Names {
    short: usize,
    long: usize,
}

impl Names {
    const ROOM: Self =
        Self { short: (maps::NAME_SLOTS / 2) as usize, long: (maps::LONG_SLOTS / 2) as usize };

    /// The number that counts a name, and its table's name.
    const fn of(&mut self, name: &[u8]) -> (&mut usize, &'static str) {
        if name.len() > SHORT_OCTETS {
            (&mut self.long, "long_names")
        } else {
            (&mut self.short, "names")
        }
    }

    fn count(names: &[&[u8]]) -> Self {
        let mut count = Self { short: 0, long: 0 };
        names.iter().for_each(|name| *count.of(name).0 += 1);
        count
    }

    fn with(self, other: Self, merge: impl Fn(usize, usize) -> usize) -> Self {
        Self { short: merge(self.short, other.short), long: merge(self.long, other.long) }
    }
}

/// Names of an incomplete zone that are in the tables.
pub(super) type Kept<'z> = HashSet<&'z [u8]>;
/// The same, kept from publication to publication, by apex.
pub(super) type Former = HashMap<Box<[u8]>, HashSet<Box<[u8]>>>;

/// What was chosen.
#[derive(Debug, Default)]
pub(super) struct Choice<'z> {
    /// Zones of which nothing fits, and why.
    pub unfit: HashMap<&'z [u8], Unfit>,
    /// Incomplete zones.
    pub kept: HashMap<&'z [u8], Kept<'z>>,
    /// How many names each zone has that no other zone hides.
    pub totals: HashMap<&'z [u8], usize>,
}

/// What it is chosen by.
pub(super) struct Chooser<'c> {
    pub shares: &'c Shares,
    pub popularity: &'c Popularity,
    pub former: &'c Former,
}

/// A zone and those of its names that no other zone hides.
struct Wish<'z> {
    apex: &'z [u8],
    names: Vec<&'z [u8]>,
    share: Option<usize>,
}

impl Wish<'_> {
    fn wanted(&self) -> usize {
        self.share.unwrap_or(usize::MAX).min(self.names.len())
    }
}

/// Chooses. Zones that want fewer names come first; those that can't have what they want divide
/// what is left. `apexes` are those of all zones that are served.
pub(super) fn choose<'z>(
    zones: &'z [Publishable],
    apexes: &[&[u8]],
    by: &Chooser<'_>,
) -> Choice<'z> {
    let mut wishes: Vec<_> = zones
        .iter()
        .map(|zone| {
            let (apex, names) = (zone.compiled.apex.folded(), not_hidden(&zone.compiled, apexes));
            Wish { apex, names, share: by.shares.of(apex) }
        })
        .collect();
    wishes.sort_by_key(Wish::wanted);
    let mut choice = Choice::default();
    let mut room = Names::ROOM;
    // Every zone has room for its apex, whatever the zones before it want.
    let apexes: Vec<_> = wishes.iter().map(|wish| wish.apex).collect();
    let mut waiting = Names::count(&apexes);
    for (at, wish) in wishes.iter().enumerate() {
        choice.totals.insert(wish.apex, wish.names.len());
        *waiting.of(wish.apex).0 -= 1;
        let mut free = room.with(waiting, usize::saturating_sub);
        let all = Names::count(&wish.names);
        let fits = all.short <= free.short && all.long <= free.long;
        if fits && wish.wanted() == wish.names.len() {
            room = room.with(all, usize::saturating_sub);
            continue;
        }
        if let (0, table) = free.of(wish.apex) {
            choice.unfit.insert(wish.apex, Unfit::Full(table));
            continue;
        }
        let left = wishes.len() - at;
        let part = Names { short: room.short.div_ceil(left), long: room.long.div_ceil(left) };
        if all.short.min(wish.wanted()) > free.short {
            free.short = free.short.min(part.short);
        }
        if all.long.min(wish.wanted()) > free.long {
            free.long = free.long.min(part.long);
        }
        let kept = hottest(wish, free, by);
        room = room.with(Names::count(&kept), usize::saturating_sub);
        choice.kept.insert(wish.apex, kept.into_iter().collect());
    }
    choice
}

/// A zone's names but for those under the apex of another zone nested in it, whose parent's data is
/// hidden.
fn not_hidden<'z>(zone: &'z Compiled, apexes: &[&[u8]]) -> Vec<&'z [u8]> {
    let apex = zone.apex.folded();
    let is_under = |name: &[u8], other: &[u8]| suffixes(name).any(|suffix| suffix == other);
    let nested = |other: &&&[u8]| other.len() > apex.len() && is_under(other, apex);
    let nested: Vec<&[u8]> = apexes.iter().filter(nested).copied().collect();
    let names = zone.owners.iter().map(|owner| &*owner.name);
    names.filter(|name| !nested.iter().any(|child| is_under(name, child))).collect()
}

/// The apex and the hottest names of a zone, as many as it wants and as there is room for. One that
/// was in the tables counts as if it were twice as hot and a bit, lest names of equal heat come and
/// go by chance; of equal ones the first in the zone come first.
fn hottest<'z>(wish: &Wish<'z>, mut room: Names, by: &Chooser<'_>) -> Vec<&'z [u8]> {
    let former = by.former.get(wish.apex);
    let mut ranked: Vec<_> = wish
        .names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let is_apex = *name == wish.apex;
            let was_in = former.is_some_and(|former| former.contains(*name));
            let heat = by.popularity.of(name);
            let held = heat.saturating_mul(2).saturating_add(by.popularity.clear());
            let worth = if was_in { held } else { heat };
            (Reverse((is_apex, worth, was_in)), at, *name)
        })
        .collect();
    ranked.sort_unstable();
    let mut kept = Vec::new();
    for (_, _, name) in ranked {
        if kept.len() == wish.wanted() {
            break;
        }
        if let (free @ 1.., _) = room.of(name) {
            *free -= 1;
            kept.push(name);
        }
    }
    kept
}

impl Choice<'_> {
    /// Whether the incomplete zones and their names are others than before.
    pub(super) fn differs(&self, former: &Former) -> bool {
        let same = |(apex, kept): (&&[u8], &Kept<'_>)| {
            former.get(*apex).is_some_and(|former| {
                former.len() == kept.len() && kept.iter().all(|name| former.contains(*name))
            })
        };
        self.kept.len() != former.len() || !self.kept.iter().all(same)
    }

    /// To be remembered.
    pub(super) fn to_former(&self) -> Former {
        let owned = |kept: &Kept<'_>| kept.iter().map(|name| Box::from(*name)).collect();
        self.kept.iter().map(|(apex, kept)| (Box::from(*apex), owned(kept))).collect()
    }
}

#[cfg(test)]
mod tests;
