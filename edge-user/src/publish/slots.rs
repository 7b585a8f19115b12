//! Places in the tables that all zones share: which are free, and what is written into the taken.

use std::collections::{BTreeMap, HashMap};
use std::mem::offset_of;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use edge_common::abi::{ClassRow, Deck, Extent, Kind, Root4, Rrs, TableId, maps};

use super::{Publishable, Unfit, cards};
use crate::compile::{Source, Undealt};
use crate::deal::{Dealer, cards_of};
use crate::extents::Extents;
use crate::geo;
use crate::store::Store;
use crate::zone::{RecordKind, Targets};

/// A deck in the tables.
#[derive(Debug)]
pub(super) struct Dealt {
    dealer: Option<Dealer>,
    extent: Extent,
    /// Cells of its arena that it takes.
    cells: u32,
}

/// A zone in the tables.
#[derive(Debug)]
pub(super) struct Zone {
    pub source: Publishable,
    pub table: TableId,
    pub trie: u32,
    rrs: Option<u32>,
    pub decks: Vec<Dealt>,
}

/// A trie in the tables.
#[derive(Debug)]
struct Trie {
    source: Arc<geo::Compiled<Targets>>,
    nodes4: (u32, u32),
    nodes6: (u32, u32),
}

/// The free places of every table.
#[derive(Debug)]
struct Free {
    tables: [Vec<u32>; TableId::CLASSES],
    cards_a: Extents,
    cards_aaaa: Extents,
    rrs: Extents,
    tries: Vec<u32>,
    nodes4: Extents,
    nodes6: Extents,
}

/// Cards that a newer deal has replaced.
#[derive(Debug)]
pub(super) struct Spent {
    kind: Kind,
    first: u32,
    cells: u32,
}

/// The tables, and which of their places are free.
#[derive(Debug)]
pub(super) struct Slots {
    pub store: Store,
    pub rng: fastrand::Rng,
    free: Free,
    tries: HashMap<u32, Trie>,
}

impl Slots {
    /// Of empty tables.
    pub(super) fn new(store: Store, rng: fastrand::Rng) -> Self {
        let free = Free {
            tables: maps::TABLES.map(|n| (0..n).rev().collect()),
            cards_a: Extents::new(maps::CARDS_A_CELLS),
            cards_aaaa: Extents::new(maps::CARDS_AAAA_CELLS),
            rrs: Extents::new(maps::RRS_ENTRIES),
            tries: (0..maps::TRIES).rev().collect(),
            nodes4: Extents::new(maps::GEO4_NODES),
            nodes6: Extents::new(maps::GEO6_NODES),
        };
        Self { store, rng, free, tries: HashMap::new() }
    }

    /// How full the tables are: name, taken, entries.
    pub(super) fn usage(&self) -> [(&'static str, u32, u32); 5] {
        let free = &self.free;
        [
            ("cards_a", free.cards_a.taken(), maps::CARDS_A_CELLS),
            ("cards_aaaa", free.cards_aaaa.taken(), maps::CARDS_AAAA_CELLS),
            ("rrs", free.rrs.taken(), maps::RRS_ENTRIES),
            ("geo4_node", free.nodes4.taken(), maps::GEO4_NODES),
            ("geo6_keys", free.nodes6.taken(), maps::GEO6_NODES),
        ]
    }

    /// Deals a zone's decks anew, into free runs; gives the cards that they replace, which packets
    /// may still be reading. A deck for which there is no room stays as it is.
    pub(super) fn deal_anew(&mut self, zone: &mut Zone) -> Vec<Spent> {
        let mut spent = Vec::new();
        let Some(table) = self.store.zone(zone.table).copied() else { return spent };
        let undealt = &zone.source.compiled.decks;
        for ((number, deck), undealt) in (0..).zip(&mut zone.decks).zip(undealt) {
            let Some(dealer) = deck.dealer.as_mut().filter(|dealer| !dealer.is_constant()) else {
                continue;
            };
            let dealt = deal(&self.store, &mut self.free, undealt, dealer, &mut self.rng);
            let Ok((first, cells)) = dealt else { continue };
            let kind = kind_of(&undealt.source);
            spent.push(Spent { kind, first: deck.extent.first, cells: deck.cells });
            let deal = deck.extent.deal.wrapping_add(1);
            deck.extent = Extent { first, deal, ..deck.extent };
            deck.cells = cells;
            if let Some(word) = table.decks.word(number, offset_of!(Deck, cards)) {
                word.store(deck.extent.pack(), Ordering::Release);
            }
        }
        spent
    }

    /// Gives cards back that nobody reads any more.
    pub(super) fn give(&mut self, spent: &Spent) {
        self.free.give_cards(spent.kind, spent.first, spent.cells);
    }

    /// Writes a zone's tables into free places.
    pub(super) fn place(
        &mut self,
        zone: &Publishable,
        former: Option<&Zone>,
    ) -> Result<Zone, Unfit> {
        let compiled = &zone.compiled;
        let (n_decks, n_classes) = (compiled.decks.len(), compiled.classes.len());
        let fits = |class: &usize| {
            maps::DECK_ROWS.get(*class).is_some_and(|rows| n_decks <= *rows as usize)
                && maps::CLASS_ROWS
                    .get(*class)
                    .is_some_and(|rows| n_classes <= *rows as usize * ClassRow::ENTRIES)
        };
        let large_enough: Vec<usize> = (0..TableId::CLASSES).filter(fits).collect();
        if large_enough.is_empty() {
            return Err(Unfit::Zone { decks: n_decks, classes: n_classes });
        }
        let rrs = cards::ready_made(&compiled.soa).ok_or(Unfit::Soa)?;
        let trie = self.trie(&zone.trie)?;
        let table = large_enough.into_iter().find_map(|class| {
            let slot = self.free.tables.get_mut(class)?.pop()?;
            Some(TableId::new(u32::try_from(class).ok()?, slot))
        });
        let table = table.ok_or(Unfit::Full("every zone table"))?;
        let mut placed = Zone { source: zone.clone(), table, trie, rrs: None, decks: Vec::new() };
        match self.fill(&mut placed, former, &rrs) {
            Ok(()) => Ok(placed),
            Err(reason) => {
                self.release(&placed);
                Err(reason)
            }
        }
    }

    fn fill(&mut self, placed: &mut Zone, former: Option<&Zone>, soa: &Rrs) -> Result<(), Unfit> {
        let Some(table) = self.store.zone(placed.table).copied() else {
            return Err(Unfit::Full("every zone table"));
        };
        let rrs = self.free.rrs.take(1).ok_or(Unfit::Full("rrs"))?;
        placed.rrs = Some(rrs);
        self.store.rrs.write(rrs, &[*soa]);
        let compiled = Arc::clone(&placed.source.compiled);
        let apex_octets = u8::try_from(compiled.apex.wire().len()).unwrap_or_default();
        let before: HashMap<(&str, RecordKind), (&Undealt, &Dealt)> = former
            .map(|zone| {
                let source = &zone.source.compiled;
                let keys = source.deck_keys.iter().map(|(label, kind)| (&**label, *kind));
                keys.zip(source.decks.iter().zip(&zone.decks)).collect()
            })
            .unwrap_or_default();
        let least = self.least_cards(&compiled.decks, former);
        let mut rows = Vec::with_capacity(compiled.decks.len());
        for (undealt, (label, kind)) in compiled.decks.iter().zip(&compiled.deck_keys) {
            let mut deck = Deck {
                cards: 0,
                ttl: undealt.ttl,
                records: 1,
                kind: kind_of(&undealt.source) as u8,
                apex_octets,
                reserved: 0,
            };
            let dealt = if undealt.source == Source::Nodata {
                let extent = Extent { first: rrs, cards: 1, deal: 0 };
                Dealt { dealer: None, extent, cells: 0 }
            } else {
                let weights = weights(&undealt.source);
                let mut dealer = Dealer::new(&weights, undealt.max_hosts, least, &mut self.rng);
                if let Some((before, Dealt { dealer: Some(old), .. })) =
                    before.get(&(&**label, *kind))
                {
                    let places = places(&before.source);
                    let now = addresses(&undealt.source);
                    dealer.carry(old, |record| places.get(now.get(record)?).copied());
                }
                let (first, cells) =
                    deal(&self.store, &mut self.free, undealt, &mut dealer, &mut self.rng)?;
                deck.records = u8::try_from(dealer.records()).unwrap_or_default();
                let n = u32::try_from(dealer.cards()).unwrap_or_default();
                let extent = Extent { first, cards: n, deal: 0 };
                Dealt { dealer: Some(dealer), extent, cells }
            };
            deck.cards = dealt.extent.pack();
            rows.push(deck);
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

    /// The least number of cards of a zone's decks: many, as long as an eighth of each arena holds them with those of
    /// all other zones; the rest of it is for zones that need it.
    fn least_cards(&self, decks: &[Undealt], former: Option<&Zone>) -> usize {
        /// Cards of which one more or less doesn't show in some thousand answers.
        const MANY: usize = 512;
        let others = |kind: Kind, taken: u32| {
            let former = former.into_iter().flat_map(|zone| {
                zone.decks.iter().zip(&zone.source.compiled.decks).map(|(dealt, undealt)| {
                    if kind_of(&undealt.source) == kind { dealt.cells } else { 0 }
                })
            });
            taken.saturating_sub(former.sum()) as usize
        };
        let arenas = [
            (Kind::A, others(Kind::A, self.free.cards_a.taken()), maps::CARDS_A_CELLS),
            (Kind::Aaaa, others(Kind::Aaaa, self.free.cards_aaaa.taken()), maps::CARDS_AAAA_CELLS),
        ];
        let fits = |least: usize| {
            arenas.iter().all(|(kind, others, cells)| {
                let decks = decks.iter().filter(|undealt| kind_of(&undealt.source) == *kind);
                let own: usize = decks
                    .map(|undealt| {
                        let n = records(&undealt.source);
                        let k = undealt.max_hosts.min(n);
                        cards_of(n, k, least) * k.div_ceil(4)
                    })
                    .sum();
                others + own <= *cells as usize / 8
            })
        };
        let halves = std::iter::successors(Some(MANY), |least| Some(least / 2));
        halves.take_while(|least| *least > 64).find(|least| fits(*least)).unwrap_or(0)
    }

    /// Gives everything back that a zone takes.
    pub(super) fn release(&mut self, zone: &Zone) {
        for (dealt, undealt) in zone.decks.iter().zip(&zone.source.compiled.decks) {
            self.free.give_cards(kind_of(&undealt.source), dealt.extent.first, dealt.cells);
        }
        if let Some(rrs) = zone.rrs {
            self.free.rrs.give(rrs, 1);
        }
        if let Some(tables) = self.free.tables.get_mut(zone.table.class() as usize) {
            tables.push(zone.table.slot());
        }
    }

    /// The slot of a trie, which is written into a free one if it isn't there yet.
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

    pub(super) fn drop_unused_tries(&mut self, zones: &BTreeMap<Box<[u8]>, Zone>) {
        let used: Vec<u32> = zones.values().map(|zone| zone.trie).collect();
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

const fn kind_of(source: &Source) -> Kind {
    match source {
        Source::A(_) => Kind::A,
        Source::Aaaa(_) => Kind::Aaaa,
        Source::Nodata => Kind::Nodata,
    }
}

fn records(source: &Source) -> usize {
    match source {
        Source::A(records) => records.len(),
        Source::Aaaa(records) => records.len(),
        Source::Nodata => 0,
    }
}

fn weights(source: &Source) -> Vec<u64> {
    match source {
        Source::A(records) => records.iter().map(|(_, weight)| u64::from(*weight)).collect(),
        Source::Aaaa(records) => records.iter().map(|(_, weight)| u64::from(*weight)).collect(),
        Source::Nodata => Vec::new(),
    }
}

fn addresses(source: &Source) -> Vec<u128> {
    match source {
        Source::A(records) => records.iter().map(|(a, _)| u32::from_be_bytes(*a).into()).collect(),
        Source::Aaaa(records) => records.iter().map(|(a, _)| u128::from_be_bytes(*a)).collect(),
        Source::Nodata => Vec::new(),
    }
}

fn places(source: &Source) -> HashMap<u128, usize> {
    addresses(source).into_iter().enumerate().map(|(at, address)| (address, at)).collect()
}

/// Deals a deck's cards into a free run of its arena; gives its first cell and its length.
fn deal(
    store: &Store,
    free: &mut Free,
    undealt: &Undealt,
    dealer: &mut Dealer,
    rng: &mut fastrand::Rng,
) -> Result<(u32, u32), Unfit> {
    let deal = dealer.deal(rng);
    let records = deal.records.max(1);
    let cards = deal.cards.chunks_exact(records);
    match &undealt.source {
        Source::A(source) => {
            let mut cells = Vec::with_capacity(deal.cards.len() / records);
            for card in cards {
                let card: Vec<_> =
                    card.iter().filter_map(|at| Some(source.get(usize::from(*at))?.0)).collect();
                cells.extend(cards::card4(undealt.ttl, &card));
            }
            let n = u32::try_from(cells.len()).unwrap_or(u32::MAX);
            let first = free.cards_a.take(n).ok_or(Unfit::Full("cards_a"))?;
            store.cards_a.write(first, &cells);
            Ok((first, n))
        }
        Source::Aaaa(source) => {
            let mut cells = Vec::with_capacity(deal.cards.len() / records);
            for card in cards {
                let card: Vec<_> =
                    card.iter().filter_map(|at| Some(source.get(usize::from(*at))?.0)).collect();
                cells.extend(cards::card6(undealt.ttl, &card));
            }
            let n = u32::try_from(cells.len()).unwrap_or(u32::MAX);
            let first = free.cards_aaaa.take(n).ok_or(Unfit::Full("cards_aaaa"))?;
            store.cards_aaaa.write(first, &cells);
            Ok((first, n))
        }
        Source::Nodata => Ok((0, 0)),
    }
}

impl Free {
    fn give_cards(&mut self, kind: Kind, first: u32, cells: u32) {
        match kind {
            Kind::A => self.cards_a.give(first, cells),
            Kind::Aaaa => self.cards_aaaa.give(first, cells),
            Kind::Nodata | Kind::Nxdomain | Kind::Ready | Kind::None => {}
        }
    }
}
