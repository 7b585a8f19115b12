//! The choice of the names that are put into the tables.
//!
//! It depends on the zones, their shares and the popularity of their names. A zone whose names all
//! fit, and that may have as many, is whole. Any other zone is incomplete: it has its apex in the
//! tables, so that nothing above answers for it, and its most popular names. All other names under
//! its apex pass. A name that is in the tables stays unless one that isn't is clearly hotter.

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
    /// For a zone that has no share of its own; without it, as many as fit.
    pub usual: Option<usize>,
    /// For each zone with a share of its own, by its apex (on the wire, lower case).
    pub zones: HashMap<Box<[u8]>, usize>,
}

impl Shares {
    /// A zone's share, by its apex (on the wire, lower case).
    #[must_use]
    pub fn of(&self, apex: &[u8]) -> Option<usize> {
        self.zones.get(apex).copied().or(self.usual)
    }
}

/// Numbers of names in the table of short names and in that of long ones, used or free.
#[derive(Clone, Copy, Debug)]
struct Names {
    short: usize,
    long: usize,
}

impl Names {
    const ROOM: Self =
        Self { short: (maps::NAME_SLOTS / 2) as usize, long: (maps::LONG_SLOTS / 2) as usize };

    /// The number that counts a name, and the name of its table.
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

/// The names that were chosen.
#[derive(Debug, Default)]
pub(super) struct Choice<'z> {
    /// Zones of which nothing fits, and why.
    pub unfit: HashMap<&'z [u8], Unfit>,
    /// Incomplete zones.
    pub kept: HashMap<&'z [u8], Kept<'z>>,
    /// The number of names of each zone that no other zone hides.
    pub totals: HashMap<&'z [u8], usize>,
}

/// What the choice depends on.
pub(super) struct Chooser<'c> {
    pub popularity: &'c Popularity,
    pub former: &'c Former,
}

/// A zone, and its names that no other zone hides.
pub(super) struct Wish<'z> {
    apex: &'z [u8],
    names: Vec<&'z [u8]>,
    share: Option<usize>,
}

impl Wish<'_> {
    fn wanted(&self) -> usize {
        self.share.unwrap_or(usize::MAX).min(self.names.len())
    }
}

/// What each zone wants; zones that want fewer names come first. `apexes` are those of all zones
/// that are served.
pub(super) fn wishes<'z>(
    zones: &'z [Publishable],
    apexes: &[&[u8]],
    shares: &Shares,
) -> Vec<Wish<'z>> {
    let wish = |zone: &'z Publishable| {
        let (apex, names) = (zone.compiled.apex.folded(), not_hidden(&zone.compiled, apexes));
        Wish { apex, names, share: shares.of(apex) }
    };
    let mut wishes: Vec<_> = zones.iter().map(wish).collect();
    wishes.sort_by_key(Wish::wanted);
    wishes
}

/// Chooses the names of the zones that `is_in` holds for. Those that can't have all that they want
/// divide the rest. All other apexes have an entry each, too.
pub(super) fn choose<'z>(
    wishes: &[Wish<'z>],
    apexes: &[&[u8]],
    by: &Chooser<'_>,
    is_in: impl Fn(&[u8]) -> bool,
) -> Choice<'z> {
    let totals = wishes.iter().map(|wish| (wish.apex, wish.names.len())).collect();
    let mut choice = Choice { totals, ..Choice::default() };
    let wishes: Vec<_> = wishes.iter().filter(|wish| is_in(wish.apex)).collect();
    // Every zone has room for its apex, whatever the zones before it want.
    let own: Vec<_> = wishes.iter().map(|wish| wish.apex).collect();
    let mut waiting = Names::count(&own);
    let others = Names::count(apexes).with(waiting, usize::saturating_sub);
    let mut room = Names::ROOM.with(others, usize::saturating_sub);
    for (at, wish) in wishes.iter().enumerate() {
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
        let kept = most_popular(wish, free, by);
        room = room.with(Names::count(&kept), usize::saturating_sub);
        choice.kept.insert(wish.apex, kept.into_iter().collect());
    }
    choice
}

/// A zone's names, except those under the apex of another zone nested in it, which hides them.
fn not_hidden<'z>(zone: &'z Compiled, apexes: &[&[u8]]) -> Vec<&'z [u8]> {
    let apex = zone.apex.folded();
    let is_under = |name: &[u8], other: &[u8]| suffixes(name).any(|suffix| suffix == other);
    let nested = |other: &&&[u8]| other.len() > apex.len() && is_under(other, apex);
    let nested: Vec<&[u8]> = apexes.iter().filter(nested).copied().collect();
    let names = zone.owners.iter().map(|owner| &*owner.name);
    names.filter(|name| !nested.iter().any(|child| is_under(name, child))).collect()
}

/// The apex and the most popular names of a zone, as many as it wants and as fit.
///
/// A name that was in the tables counts as if it were a bit more than twice as hot, so that names
/// of equal popularity don't come and go by chance. Of equally hot names the first in the zone come
/// first.
fn most_popular<'z>(wish: &Wish<'z>, mut room: Names, by: &Chooser<'_>) -> Vec<&'z [u8]> {
    let former = by.former.get(wish.apex);
    let mut ranked: Vec<_> = wish
        .names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let is_apex = *name == wish.apex;
            let was_in = former.is_some_and(|former| former.contains(*name));
            let popularity = by.popularity.of(name);
            let held = popularity.saturating_mul(2).saturating_add(by.popularity.clear());
            let worth = if was_in { held } else { popularity };
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
    /// Whether the incomplete zones or their names differ from the former ones.
    pub(super) fn differs(&self, former: &Former) -> bool {
        let same = |(apex, kept): (&&[u8], &Kept<'_>)| {
            former.get(*apex).is_some_and(|former| {
                former.len() == kept.len() && kept.iter().all(|name| former.contains(*name))
            })
        };
        self.kept.len() != former.len() || !self.kept.iter().all(same)
    }
}

#[cfg(test)]
mod tests;
