//! The plan of the tables: which zones are in them, and how much each has.
//!
//! The plan depends on the zones alone, never on what the tables hold now. So a node that has run
//! for long comes to the same tables as one that has just started. First the zones get, in their
//! order, what they need to be in the tables at all: a zone table, a trie, their addresses. A zone
//! for which there is no place is left out alone. What is free then goes to larger zone tables,
//! ready-made records, rows of types, counters and more cards, again in the zones' order.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use edge_common::abi::{Kind, Rrs, TableId, maps};

use super::deals::{ZONE_ENTRIES, kind_of, records};
use super::free::{HITS_OF_NONE, SOA_ENTRIES};
use super::{Publishable, Unfit};
use crate::compile::{Compiled, Source, Undealt};
use crate::deal::cards_of;

/// Rows of types that one zone takes at most. Its next version needs as many beside them, and other
/// zones need some.
pub const ZONE_TYPES: u32 = (maps::TYPE_ROWS - 256) / 2;

/// Counters that one zone takes at most. Its next version needs as many beside them.
const ZONE_HITS: u32 = (maps::HIT_WORDS - HITS_OF_NONE) / 2;

/// The least numbers of cards that are tried, the largest first. With 512 cards, one more or less
/// makes no visible difference in some thousand answers.
const LEAST_CARDS: [usize; 3] = [512, 256, 128];

/// What a zone has of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allotment {
    /// The size class of its zone table.
    pub class: usize,
    /// The least number of cards of a deck that varies; 0 for as few as its servers allow.
    pub least: usize,
    /// Whether it is there without ready-made records, because these need a larger zone table.
    pub is_plain: bool,
    /// Entries of `rrs` that its ready-made records take.
    pub ready: u32,
    /// Rows of types.
    pub types: u32,
    /// Whether its answers are counted apart.
    pub has_hits: bool,
}

impl Allotment {
    /// The least with which a zone's addresses are in the tables.
    pub(super) fn least(zone: &Publishable) -> Self {
        Self {
            class: 0,
            least: 0,
            is_plain: zone.compiled.plain.is_some(),
            ready: 0,
            types: 0,
            has_hits: false,
        }
    }

    /// Whether a packet finds the same with either.
    pub(super) const fn answers_as(&self, other: &Self) -> bool {
        self.is_plain == other.is_plain
            && self.ready == other.ready
            && self.types == other.types
            && self.has_hits == other.has_hits
    }

    /// The part of a zone that is in the tables.
    pub(super) fn part_of<'z>(&self, zone: &'z Publishable) -> &'z Compiled {
        match &zone.compiled.plain {
            Some(plain) if self.is_plain => plain,
            _ => &zone.compiled,
        }
    }
}

/// Counters that a zone needs.
pub(super) fn words(compiled: &Compiled) -> u32 {
    u32::try_from(compiled.decks.len() + compiled.classes.len()).unwrap_or(u32::MAX)
}

/// Entries of `rrs` that a deck takes; `None` if it holds no ready-made records.
pub(super) fn ready_cells(undealt: &Undealt) -> Option<u32> {
    match &undealt.source {
        Source::Card(octets, _) => (octets.len() <= Rrs::MOST).then_some(1),
        Source::Choice(choice) => {
            u32::try_from(cards_of(choice.data.len(), undealt.max_hosts, 0)).ok()
        }
        Source::Nodata | Source::Nxdomain | Source::A(_) | Source::Aaaa(_) => None,
    }
}

/// Entries of `rrs` that a zone's ready-made records take if they may take `most`: deck by deck,
/// without those that are too large for the rest.
fn ready_within(compiled: &Compiled, most: u32) -> u32 {
    let cells = compiled.decks.iter().filter_map(ready_cells);
    most - cells.fold(most, |left, cells| left.checked_sub(cells).unwrap_or(left))
}

/// Cells of `cards_a` and of `cards_aaaa`.
type Cells = [usize; 2];

const ALL_CELLS: Cells = [maps::CARDS_A_CELLS as usize, maps::CARDS_AAAA_CELLS as usize];

/// The cells that a zone's addresses take.
pub(super) fn cells(compiled: &Compiled, least: usize) -> Cells {
    let mut cells = [0; 2];
    for undealt in &compiled.decks {
        let of = match kind_of(&undealt.source) {
            Kind::A => &mut cells[0],
            Kind::Aaaa => &mut cells[1],
            Kind::Ready | Kind::Nodata | Kind::Nxdomain | Kind::None => continue,
        };
        // An index has 16 bits.
        let n = records(&undealt.source).min(usize::from(u16::MAX));
        *of += cards_of(n, undealt.max_hosts, least) * undealt.max_hosts.min(n).div_ceil(4);
    }
    cells
}

fn sum(one: Cells, other: Cells) -> Cells {
    [one[0] + other[0], one[1] + other[1]]
}

/// The first of the two arenas that has fewer cells.
fn too_small(cells: Cells, arenas: Cells) -> Option<&'static str> {
    let mut pairs = cells.into_iter().zip(arenas).zip(["cards_a", "cards_aaaa"]);
    pairs.find_map(|((cells, arena), name)| (cells > arena).then_some(name))
}

/// How many zones need a zone table of each size class or a larger one.
#[derive(Clone, Copy, Debug, Default)]
struct ZoneTables([u32; TableId::CLASSES]);

impl ZoneTables {
    /// With a zone more that needs this class; `None` if there are too few tables.
    fn with(mut self, class: usize) -> Option<Self> {
        for needed in self.0.iter_mut().take(class + 1) {
            *needed += 1;
        }
        let mut larger = 0;
        let fits = self.0.iter().zip(maps::TABLES).rev().all(|(needed, tables)| {
            larger += tables;
            *needed <= larger
        });
        fits.then_some(self)
    }

    /// Without a zone that needs this class.
    fn without(mut self, class: usize) -> Self {
        for needed in self.0.iter_mut().take(class + 1) {
            *needed -= 1;
        }
        self
    }
}

/// What is taken of the tables.
#[derive(Debug, Default)]
struct Taken {
    tables: ZoneTables,
    cells: Cells,
    soas: u32,
    /// By the address of the trie. A zone's trie lives as long as the zone.
    tries: HashSet<usize>,
    nodes4: usize,
    nodes6: usize,
}

impl Taken {
    /// Takes what a zone needs at least; returns the size class that it needs.
    fn take(&mut self, zone: &Publishable) -> Result<usize, Unfit> {
        let part = Allotment::least(zone).part_of(zone);
        let class = part
            .size_classes()
            .next()
            .ok_or(Unfit::Zone { decks: part.decks.len(), classes: part.classes.len() })?;
        if super::cards::negative(&part.soa).is_none() {
            return Err(Unfit::Soa);
        }
        let trie = Arc::as_ptr(&zone.trie).addr();
        let is_new = !self.tries.contains(&trie);
        let nodes = |n: usize, all: u32, name| match is_new && n > all as usize {
            true => Err(Unfit::Full(name)),
            false => Ok(n),
        };
        if is_new && self.tries.len() >= maps::TRIES as usize {
            return Err(Unfit::Full("geo6_tree"));
        }
        let (v4, v6) = (zone.trie.v4.nodes.len(), zone.trie.v6.keys.len());
        let nodes4 = nodes(self.nodes4 + v4, maps::GEO4_NODES, "geo4_node")?;
        let nodes6 = nodes(self.nodes6 + v6, maps::GEO6_NODES, "geo6_keys")?;
        let tables = self.tables.with(class).ok_or(Unfit::Full("every zone table"))?;
        if self.soas >= maps::RRS_ENTRIES {
            return Err(Unfit::Full("rrs"));
        }
        let cells = sum(self.cells, cells(part, 0));
        if let Some(arena) = too_small(cells, ALL_CELLS) {
            return Err(Unfit::Full(arena));
        }
        if is_new {
            self.tries.insert(trie);
            (self.nodes4, self.nodes6) = (nodes4, nodes6);
        }
        (self.tables, self.cells) = (tables, cells);
        self.soas += 1;
        Ok(class)
    }
}

/// A zone that is in the plan.
struct Planned<'z> {
    zone: &'z Publishable,
    /// The size class that it needs.
    class: usize,
    allotment: Allotment,
}

/// By apex (on the wire, lower case), what each zone has, or why it is left out.
pub(super) type Plan<'z> = HashMap<&'z [u8], Result<Allotment, Unfit>>;

/// Plans the tables for these zones.
pub(super) fn plan<'z>(zones: impl Iterator<Item = &'z Publishable>) -> Plan<'z> {
    let mut plan = Plan::new();
    let mut taken = Taken::default();
    let mut planned = Vec::new();
    for zone in zones {
        match taken.take(zone) {
            Ok(class) => {
                planned.push(Planned { zone, class, allotment: Allotment::least(zone) });
            }
            Err(reason) => drop(plan.insert(zone.compiled.apex.folded(), Err(reason))),
        }
    }
    grant_whole_zones(&mut planned, &mut taken);
    grant_entries(&mut planned, taken.soas);
    grant_cards(&mut planned, taken.cells);
    choose_tables(&mut planned);
    for Planned { zone, allotment, .. } in planned {
        plan.insert(zone.compiled.apex.folded(), Ok(allotment));
    }
    plan
}

/// Grants zones the larger tables that they need to have ready-made records.
fn grant_whole_zones(planned: &mut [Planned<'_>], taken: &mut Taken) {
    for Planned { zone, class, allotment } in planned.iter_mut().filter(|it| it.allotment.is_plain)
    {
        let Some(large) = zone.compiled.size_classes().next() else { continue };
        let plain = cells(allotment.part_of(zone), 0);
        let [a, aaaa] = sum(taken.cells, cells(&zone.compiled, 0));
        let cells = [a - plain[0], aaaa - plain[1]];
        let Some(tables) = taken.tables.without(*class).with(large) else { continue };
        if too_small(cells, ALL_CELLS).is_none() {
            (taken.tables, taken.cells) = (tables, cells);
            (*class, allotment.is_plain) = (large, false);
        }
    }
}

/// Grants ready-made records, rows of types, and counters.
fn grant_entries(planned: &mut [Planned<'_>], soas: u32) {
    let mut rrs = maps::RRS_ENTRIES.saturating_sub(SOA_ENTRIES + soas);
    let mut types = maps::TYPE_ROWS;
    let mut hits = maps::HIT_WORDS - HITS_OF_NONE;
    for Planned { zone, allotment, .. } in planned {
        let part = allotment.part_of(zone);
        allotment.ready = ready_within(part, rrs.min(ZONE_ENTRIES));
        rrs -= allotment.ready;
        let rows = u32::try_from(part.types.len()).unwrap_or(u32::MAX);
        allotment.types = rows.min(ZONE_TYPES).min(types);
        types -= allotment.types;
        let words = words(part);
        allotment.has_hits = words <= ZONE_HITS.min(hits);
        hits -= if allotment.has_hits { words } else { 0 };
    }
}

/// Grants more cards than there have to be, as long as an eighth of each arena holds the cards of
/// all zones. The rest is for their next versions.
fn grant_cards(planned: &mut [Planned<'_>], mut taken: Cells) {
    let most = ALL_CELLS.map(|cells| cells / 8);
    for Planned { zone, allotment, .. } in planned {
        if too_small(taken, most).is_some() {
            return;
        }
        let part = allotment.part_of(zone);
        let few = cells(part, 0);
        for least in LEAST_CARDS {
            let [a, aaaa] = sum(taken, cells(part, least));
            let cells = [a - few[0], aaaa - few[1]];
            if too_small(cells, most).is_none() {
                (allotment.least, taken) = (least, cells);
                break;
            }
        }
    }
}

/// Chooses zone tables: those that need the largest first, the others from the smallest free one
/// on.
fn choose_tables(planned: &mut [Planned<'_>]) {
    let mut free = maps::TABLES;
    for need in (0..TableId::CLASSES).rev() {
        for Planned { allotment, .. } in planned.iter_mut().filter(|it| it.class == need) {
            let mut tables = free.iter_mut().enumerate().skip(need);
            if let Some((class, free)) = tables.find(|(_, free)| **free > 0) {
                *free -= 1;
                allotment.class = class;
            }
        }
    }
}
