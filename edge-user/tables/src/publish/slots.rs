//! The places in the tables that all zones share.
//!
//! [`Slots`] knows which are free, and writes zones into them.

use std::collections::{HashMap, HashSet};
use std::mem::offset_of;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use edge_common::abi::{ClassRow, Deck, Extent, Kind, Root4, Rrs, TableId, maps};

use super::deals::{self, Dealt, Spent, kind_of};
use super::free::{Free, HITS_OF_NONE};
use super::plan::{Allotment, cells, ready_cells, words};
use super::{Publishable, Unfit, cards};
use crate::answer_counts::AnswerCounts;
use crate::compile::{Compiled, Source, Undealt};
use crate::deal::Dealer;
use crate::store::Store;
use edge_zone::geo;
use edge_zone::{Name, RecordKind, Targets};

/// A zone in the tables.
#[derive(Debug)]
pub(super) struct ZoneSlot {
    pub source: Publishable,
    /// The part of it that is in the tables.
    pub compiled: Arc<Compiled>,
    /// What it has of the tables.
    pub allotment: Allotment,
    pub table: TableId,
    pub trie: u32,
    rrs: Option<u32>,
    /// First row of types, and how many.
    types: (u32, u32),
    /// First word of its counters, if it has any.
    pub first_hit: Option<u32>,
    /// What they have counted, together with the counters of former versions of the zone for the
    /// same questions. Empty before anything was read.
    pub counted: Vec<u64>,
    pub decks: Vec<Dealt>,
}

impl ZoneSlot {
    /// Its name.
    pub(super) fn apex(&self) -> &Name {
        &self.compiled.apex
    }

    /// Sets where the SOA record of its negative answers is.
    pub(super) const fn move_soa(&mut self, to: u32) {
        self.rrs = Some(to);
    }

    /// Its counters: one for each deck, one for each entry of the class table.
    pub(super) fn hit_words(&self) -> u32 {
        words(&self.compiled)
    }

    /// The counters of its answers, in the form that a name's entry has.
    pub(super) fn hits(&self) -> Option<u32> {
        Some(self.first_hit? + u32::try_from(self.compiled.decks.len()).ok()?)
    }

    /// The place of a row of types in the tables, if it is there.
    pub(super) fn type_row(&self, row: u32) -> Option<u32> {
        let (first, n) = self.types;
        (row < n).then(|| first + row)
    }
}

/// A trie in the tables.
#[derive(Debug)]
struct Trie {
    source: Arc<geo::Compiled<Targets>>,
    nodes4: (u32, u32),
    nodes6: (u32, u32),
}

/// The tables, and their free places.
#[derive(Debug)]
pub(super) struct Slots {
    pub store: Store,
    pub rng: fastrand::Rng,
    free: Free,
    tries: HashMap<u32, Trie>,
    /// The value of each counter when it was last read.
    pub read: Vec<[u64; 2]>,
    pub answer_counts: AnswerCounts,
}

impl Slots {
    /// The places of empty tables.
    pub(super) fn new(store: Store, rng: fastrand::Rng) -> Self {
        let free = Free::new();
        let read = vec![[0; 2]; maps::HIT_WORDS as usize];
        Self {
            store,
            rng,
            free,
            tries: HashMap::new(),
            read,
            answer_counts: AnswerCounts::default(),
        }
    }

    /// How full the tables are: name, taken, entries.
    pub(super) fn usage(&self) -> [(&'static str, u32, u32); 7] {
        let free = &self.free;
        [
            ("cards_a", free.cards_a.taken(), maps::CARDS_A_CELLS),
            ("cards_aaaa", free.cards_aaaa.taken(), maps::CARDS_AAAA_CELLS),
            ("rrs", free.rrs.taken(), maps::RRS_ENTRIES),
            ("types", free.types.taken(), maps::TYPE_ROWS),
            ("hits", free.hits.taken() - HITS_OF_NONE, maps::HIT_WORDS - HITS_OF_NONE),
            ("geo4_node", free.nodes4.taken(), maps::GEO4_NODES),
            ("geo6_keys", free.nodes6.taken(), maps::GEO6_NODES),
        ]
    }

    /// Deals every `parts`-th of a zone's decks again, from number `part` on, into free runs.
    ///
    /// Returns the cards that are replaced; packets may still be reading them. A deck stays as it
    /// is if no free run is long enough.
    pub(super) fn deal_again(&mut self, zone: &mut ZoneSlot, part: u32, parts: u32) -> Vec<Spent> {
        let mut spent = Vec::new();
        let Some(table) = self.store.zone(zone.table).copied() else { return spent };
        let undealt = &zone.compiled.decks;
        for ((number, deck), undealt) in (0_u32..).zip(&mut zone.decks).zip(undealt) {
            if number % parts != part {
                continue;
            }
            let is_anew = |dealer: &&mut Dealer| deals::is_dealt_again(undealt, dealer);
            let Some(dealer) = deck.dealer.as_mut().filter(is_anew) else { continue };
            let dealt = deals::deal(&self.store, &mut self.free, undealt, dealer, &mut self.rng);
            let Ok((first, cells, standing)) = dealt else { continue };
            let kind = kind_of(&undealt.source);
            spent.push(Spent { kind, first: deck.extent.first, cells: deck.cells });
            let deal = deck.extent.deal.wrapping_add(1);
            deck.extent = Extent { first, deal, ..deck.extent };
            deck.cells = cells;
            (deck.standing, deck.composition) = (standing, None);
            if let Some(word) = table.decks.word(number, offset_of!(Deck, cards)) {
                word.store(deck.extent.pack(), Ordering::Release);
            }
        }
        spent
    }

    /// Gives back cards that nobody reads any more.
    pub(super) fn give(&mut self, spent: &Spent) {
        self.free.give_cards(spent.kind, spent.first, spent.cells);
    }

    /// Writes a zone's tables into free places: with exactly this allotment, or in a zone table of
    /// any class.
    ///
    /// # Errors
    /// When there are not enough free places. Then the zone takes none; but its trie stays until
    /// [`Self::drop_unused_tries`].
    pub(super) fn place(
        &mut self,
        zone: &Publishable,
        allotment: Allotment,
        in_any_table: bool,
        former: Option<&ZoneSlot>,
    ) -> Result<ZoneSlot, Unfit> {
        let compiled = match &zone.compiled.plain {
            Some(plain) if allotment.is_plain => Arc::new(Compiled::clone(plain)),
            _ => Arc::clone(&zone.compiled),
        };
        let rrs = cards::negative(&compiled.soa).ok_or(Unfit::Soa)?;
        // Decks are dealt before their cards are put anywhere, which takes time.
        let arenas = [(&self.free.cards_a, "cards_a"), (&self.free.cards_aaaa, "cards_aaaa")];
        for (cells, (arena, name)) in cells(&compiled, allotment.least).into_iter().zip(arenas) {
            if cells > arena.left() as usize {
                return Err(Unfit::Full(name));
            }
        }
        let trie = self.trie(&zone.trie)?;
        let mut classes = compiled.size_classes();
        let table = classes.find_map(|class| {
            if !in_any_table && class != allotment.class {
                return None;
            }
            let slot = self.free.tables.get_mut(class)?.pop()?;
            Some(TableId::new(u32::try_from(class).ok()?, slot))
        });
        let table = table.ok_or(Unfit::Full("every zone table"))?;
        let mut placed = ZoneSlot {
            source: zone.clone(),
            compiled,
            allotment: Allotment { class: table.class() as usize, ..allotment },
            table,
            trie,
            rrs: None,
            types: (0, 0),
            first_hit: None,
            counted: Vec::new(),
            decks: Vec::new(),
        };
        match self.fill(&mut placed, former, &rrs) {
            Ok(()) => Ok(placed),
            Err(reason) => {
                self.release(&placed);
                Err(reason)
            }
        }
    }

    fn fill(
        &mut self,
        placed: &mut ZoneSlot,
        former: Option<&ZoneSlot>,
        soa: &Rrs,
    ) -> Result<(), Unfit> {
        let Some(table) = self.store.zone(placed.table).copied() else {
            return Err(Unfit::Full("every zone table"));
        };
        let rrs = self.put_soa(soa).ok_or(Unfit::Full("rrs"))?;
        placed.rrs = Some(rrs);
        let compiled = Arc::clone(&placed.compiled);
        let Allotment { least, mut ready, types, has_hits, .. } = placed.allotment;
        placed.types = self.take_types(&compiled, types).ok_or(Unfit::Full("types"))?;
        if has_hits {
            placed.first_hit = Some(self.take_hits(&compiled).ok_or(Unfit::Full("hits"))?);
        }
        let apex_octets = u8::try_from(compiled.apex.wire().len()).unwrap_or_default();
        let before: HashMap<(&str, RecordKind), (&Undealt, &Dealt)> = former
            .map(|zone| {
                let source = &zone.compiled;
                let keys = source.deck_keys.iter().map(|(label, kind)| (&**label, *kind));
                keys.zip(source.decks.iter().zip(&zone.decks)).collect()
            })
            .unwrap_or_default();
        let mut rows = Vec::with_capacity(compiled.decks.len());
        for (undealt, (label, kind)) in compiled.decks.iter().zip(&compiled.deck_keys) {
            let before = before.get(&(&**label, *kind)).copied();
            let dealt = match &undealt.source {
                Source::Nodata | Source::Nxdomain => {
                    let extent = Extent { first: rrs, cards: 1, deal: 0 };
                    rows.push(deals::row(undealt, 1, extent, apex_octets));
                    Dealt::without_cells(extent)
                }
                // The authority answers.
                Source::Card(..) | Source::Choice(_)
                    if ready_cells(undealt).is_none_or(|cells| cells > ready) =>
                {
                    rows.push(Deck::NONE);
                    Dealt::without_cells(Extent { first: 0, cards: 1, deal: 0 })
                }
                Source::Card(octets, records) => {
                    let first = deals::put(&self.store, &mut self.free, octets);
                    let first = first.ok_or(Unfit::Full("rrs"))?;
                    let extent = Extent { first, cards: 1, deal: 0 };
                    rows.push(deals::row(undealt, usize::from(*records), extent, apex_octets));
                    Dealt::of(None, extent, 1)
                }
                Source::A(_) | Source::Aaaa(_) | Source::Choice(_) => {
                    let is_ready = kind_of(&undealt.source) == Kind::Ready;
                    let least = if is_ready { 0 } else { least };
                    let (dealt, records) = self.first_deal(undealt, before, least)?;
                    rows.push(deals::row(undealt, records, dealt.extent, apex_octets));
                    dealt
                }
            };
            if kind_of(&undealt.source) == Kind::Ready {
                ready = ready.saturating_sub(dealt.cells);
            }
            placed.decks.push(dealt);
        }
        table.decks.clear(0, u32::try_from(table.decks.entries()).unwrap_or_default());
        table.decks.write(0, &rows);
        let rows: Vec<ClassRow> = compiled
            .classes
            .chunks(ClassRow::ENTRIES)
            .map(|chunk| {
                let mut row = ClassRow { decks: [ClassRow::NONE; ClassRow::ENTRIES] };
                for (to, from) in row.decks.iter_mut().zip(chunk) {
                    *to = *from;
                }
                row
            })
            .collect();
        table.classes.write(0, &rows);
        Ok(())
    }

    /// Writes the SOA record of negative answers into a free cell.
    pub(super) fn put_soa(&mut self, soa: &Rrs) -> Option<u32> {
        let first = self.free.rrs.take(1)?;
        self.store.rrs.write(first, &[*soa]);
        Some(first)
    }

    /// Writes the only card of a deck that has one; `None` if there is no free place.
    pub(super) fn put(&mut self, octets: &[u8]) -> Option<u32> {
        deals::put(&self.store, &mut self.free, octets)
    }

    /// Deals a deck for the first time. Returns it and the number of records on its cards.
    pub(super) fn first_deal(
        &mut self,
        undealt: &Undealt,
        before: Option<(&Undealt, &Dealt)>,
        least: usize,
    ) -> Result<(Dealt, usize), Unfit> {
        let weights = deals::weights(&undealt.source);
        let mut dealer = Dealer::new(&weights, undealt.max_hosts, least, &mut self.rng);
        if let Some((before, Dealt { dealer: Some(old), .. })) = before {
            let places = deals::places(&before.source);
            let now = deals::data(&undealt.source);
            dealer.carry(old, |record| places.get(now.get(record)?));
        }
        let (first, cells, standing) =
            deals::deal(&self.store, &mut self.free, undealt, &mut dealer, &mut self.rng)?;
        let n = u32::try_from(dealer.cards()).unwrap_or_default();
        let (records, extent) = (dealer.records(), Extent { first, cards: n, deal: 0 });
        Ok((Dealt { standing, ..Dealt::of(Some(dealer), extent, cells) }, records))
    }

    /// Takes counters for a zone; `None` if there are too few.
    fn take_hits(&mut self, compiled: &Compiled) -> Option<u32> {
        let n = words(compiled);
        let first = self.free.hits.take(n)?;
        // They go on from where others left them.
        let now = self.store.hits(first, n);
        for (last, now) in self.read.iter_mut().skip(first as usize).zip(now) {
            *last = now;
        }
        Some(first)
    }

    /// Takes `n` of a zone's rows of types. Returns the first, and how many; `None` if there is no
    /// such run.
    fn take_types(&mut self, compiled: &Compiled, n: u32) -> Option<(u32, u32)> {
        let first = self.free.types.take(n)?;
        let rows = compiled.types.get(..n as usize).unwrap_or_default();
        self.store.types.write(first, rows);
        Some((first, n))
    }

    /// Gives back all places that a zone takes.
    pub(super) fn release(&mut self, zone: &ZoneSlot) {
        for (dealt, undealt) in zone.decks.iter().zip(&zone.compiled.decks) {
            self.free.give_cards(kind_of(&undealt.source), dealt.extent.first, dealt.cells);
        }
        if let Some(rrs) = zone.rrs {
            self.free.rrs.give(rrs, 1);
        }
        self.free.types.give(zone.types.0, zone.types.1);
        if let Some(first) = zone.first_hit {
            self.free.hits.give(first, zone.hit_words());
        }
        if let Some(tables) = self.free.tables.get_mut(zone.table.class() as usize) {
            tables.push(zone.table.slot());
        }
    }

    /// The slot of a trie. A trie that isn't there yet is written into a free slot.
    fn trie(&mut self, trie: &Arc<geo::Compiled<Targets>>) -> Result<u32, Unfit> {
        if let Some((slot, _)) = self.tries.iter().find(|(_, held)| Arc::ptr_eq(&held.source, trie))
        {
            return Ok(*slot);
        }
        let n4 = u32::try_from(trie.v4.nodes.len()).unwrap_or(u32::MAX);
        let n6 = u32::try_from(trie.v6.keys.len()).unwrap_or(u32::MAX);
        let slot = self.free.tries.last().copied().ok_or(Unfit::Full("geo6_tree"))?;
        let first4 = self.free.nodes4.take(n4).ok_or(Unfit::Full("geo4_node"))?;
        let Some(first6) = self.free.nodes6.take(n6) else {
            self.free.nodes4.give(first4, n4);
            return Err(Unfit::Full("geo6_keys"));
        };
        self.free.tries.pop();
        let store = &self.store;
        let root: Vec<_> = trie.v4.root.iter().map(|root| moved(*root, first4)).collect();
        store.geo4_root.write(slot * maps::GEO4_ROOTS, &root);
        store.geo4_node.write(first4, &trie.v4.nodes);
        let mut tree = trie.v6.tree;
        let depth = tree.depth as usize;
        for level in tree.levels.iter_mut().take(depth) {
            *level += first6;
        }
        store.geo6_keys.write(first6, &trie.v6.keys);
        store.geo6_leaf.write(first6, &trie.v6.leaves);
        store.geo_leaf.write(slot * maps::GEO_LEAVES, &trie.leaves);
        store.geo6_tree.write(slot, &[tree]);
        let held = Trie { source: Arc::clone(trie), nodes4: (first4, n4), nodes6: (first6, n6) };
        self.tries.insert(slot, held);
        Ok(slot)
    }

    /// Gives back all other tries than those in these slots.
    pub(super) fn drop_unused_tries(&mut self, used: &HashSet<u32>) {
        let (free, tries) = (&mut self.free, &mut self.tries);
        tries.retain(|slot, trie| {
            let keep = used.contains(slot);
            if !keep {
                free.nodes4.give(trie.nodes4.0, trie.nodes4.1);
                free.nodes6.give(trie.nodes6.0, trie.nodes6.1);
                free.tries.push(*slot);
            }
            keep
        });
    }
}

/// A root entry of a trie whose nodes begin at `first`.
const fn moved(root: Root4, first: u32) -> Root4 {
    if root.entry & Root4::CHILD == 0 {
        root
    } else {
        Root4 { entry: root.entry + first, base: root.base + first }
    }
}
