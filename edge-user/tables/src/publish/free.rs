//! The free places in the tables that all zones share.

use edge_common::abi::{Hits, Kind, TableId, maps};

use crate::extents::Extents;

/// Counters that belong to no zone.
pub(super) const HITS_OF_NONE: u32 = Hits::NONE + 1;

/// Entries of `rrs` that ready-made records leave free. Each zone needs one for its SOA record.
pub(super) const SOA_ENTRIES: u32 = 256;

/// The free places of every table.
#[derive(Debug)]
pub(super) struct Free {
    pub(super) tables: [Vec<u32>; TableId::CLASSES],
    pub(super) cards_a: Extents,
    pub(super) cards_aaaa: Extents,
    pub(super) rrs: Extents,
    pub(super) types: Extents,
    pub(super) hits: Extents,
    pub(super) tries: Vec<u32>,
    pub(super) nodes4: Extents,
    pub(super) nodes6: Extents,
}

impl Free {
    /// All places of empty tables.
    pub(super) fn new() -> Self {
        let mut hits = Extents::new(maps::HIT_WORDS);
        hits.take(HITS_OF_NONE);
        Self {
            tables: maps::TABLES.map(|n| (0..n).rev().collect()),
            cards_a: Extents::new(maps::CARDS_A_CELLS),
            cards_aaaa: Extents::new(maps::CARDS_AAAA_CELLS),
            rrs: Extents::new(maps::RRS_ENTRIES),
            types: Extents::new(maps::TYPE_ROWS),
            hits,
            tries: (0..maps::TRIES).rev().collect(),
            nodes4: Extents::new(maps::GEO4_NODES),
            nodes6: Extents::new(maps::GEO6_NODES),
        }
    }

    /// Takes a run for ready-made records.
    pub(super) fn take_ready(&mut self, cells: u32) -> Option<u32> {
        let is_room = self.rrs.taken() + cells + SOA_ENTRIES <= maps::RRS_ENTRIES;
        if is_room { self.rrs.take(cells) } else { None }
    }

    /// Gives a deck's cards back.
    pub(super) fn give_cards(&mut self, kind: Kind, first: u32, cells: u32) {
        match kind {
            Kind::A => self.cards_a.give(first, cells),
            Kind::Aaaa => self.cards_aaaa.give(first, cells),
            Kind::Ready => self.rrs.give(first, cells),
            Kind::Nodata | Kind::Nxdomain | Kind::None => {}
        }
    }
}
