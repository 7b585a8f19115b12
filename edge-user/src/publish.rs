//! Compiled zones and tries in; tables filled, and the generation flipped.
//!
//! A publication fills what no packet of the generation in use refers to: the spare side of the
//! name tables, free zone slots, free runs of the card arenas. What didn't change is shared. One
//! store of the generation word makes it all visible; the old is reused only after a barrier, when
//! no packet and no thread can still be reading it.

mod cards;
mod names;

use std::collections::{BTreeMap, HashMap};
use std::mem::offset_of;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use edge_common::abi::{ClassRow, Control, Deck, Extent, Kind, Service, Side, TableId, maps};
use edge_common::name::SHORT_OCTETS;
use edge_common::service;

use crate::compile::{Compiled, Source, Undealt};
use crate::deal::Dealer;
use crate::extents::Extents;
use crate::geo;
use crate::store::Store;
use crate::zone::name::bare;
use crate::zone::{RecordKind, Targets};

/// What stands behind the tables: the kernel, or nothing.
pub trait Backend: Send {
    /// Makes a zone slot's tables reachable.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn insert(&mut self, table: TableId) -> anyhow::Result<()>;
    /// Waits until every packet that began before the call is through.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn barrier(&mut self) -> anyhow::Result<()>;
    /// Gives a zone's tables a name that others can find them by, or takes it away.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn name(&mut self, apex: &str, table: Option<TableId>) -> anyhow::Result<()>;
}

/// No kernel: the tables are only read by this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKernel;

impl Backend for NoKernel {
    fn insert(&mut self, _: TableId) -> anyhow::Result<()> {
        Ok(())
    }

    fn barrier(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    fn name(&mut self, _: &str, _: Option<TableId>) -> anyhow::Result<()> {
        Ok(())
    }
}

/// A zone that is to be served.
#[derive(Clone, Debug)]
pub struct Publishable {
    /// Its decks and names.
    pub compiled: Arc<Compiled>,
    /// The trie whose classes it was compiled for.
    pub trie: Arc<geo::Compiled<Targets>>,
}

/// Why a zone, or all, could not be put into the tables.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// More decks or classes than the largest table holds.
    #[error("{decks} decks and {classes} class entries are more than a zone table holds")]
    Zone {
        /// Decks.
        decks: usize,
        /// Entries of the class table.
        classes: usize,
    },
    /// A table that all share is full.
    #[error("{0} is full")]
    Full(&'static str),
    /// The zone's SOA record is too long to be put into a frame's head room.
    #[error("its SOA record is longer than {} octets", edge_common::abi::Rrs::MOST)]
    Soa,
}

/// What became of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its name, without the dot of the root.
    pub apex: String,
    /// Names in the tables.
    pub names: usize,
    /// Decks in the tables.
    pub decks: usize,
    /// Why it isn't in the tables, if it isn't.
    pub unfit: Option<Unfit>,
}

/// A deck in the tables.
#[derive(Debug)]
struct Dealt {
    dealer: Option<Dealer>,
    extent: Extent,
    /// Cells of its arena that it takes.
    cells: u32,
}

/// A zone in the tables.
#[derive(Debug)]
struct Zone {
    source: Publishable,
    table: TableId,
    trie: u32,
    rrs: Option<u32>,
    decks: Vec<Dealt>,
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

/// The one who writes the tables.
pub struct Publisher {
    store: Store,
    backend: Box<dyn Backend>,
    free: Free,
    zones: BTreeMap<Box<[u8]>, Zone>,
    tries: HashMap<u32, Trie>,
    rng: fastrand::Rng,
    names: usize,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Publisher").field("zones", &self.zones.len()).finish_non_exhaustive()
    }
}

impl Publisher {
    /// A publisher of empty tables.
    #[must_use]
    pub fn new(store: Store, backend: Box<dyn Backend>, rng: fastrand::Rng) -> Self {
        let free = Free {
            tables: maps::TABLES.map(|n| (0..n).rev().collect()),
            cards_a: Extents::new(maps::CARDS_A_CELLS),
            cards_aaaa: Extents::new(maps::CARDS_AAAA_CELLS),
            rrs: Extents::new(maps::RRS_ENTRIES),
            tries: (0..maps::TRIES).rev().collect(),
            nodes4: Extents::new(maps::GEO4_NODES),
            nodes6: Extents::new(maps::GEO6_NODES),
        };
        let (zones, tries) = (BTreeMap::new(), HashMap::new());
        Self { store, backend, free, zones, tries, rng, names: 0 }
    }

    /// The tables.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// What stands behind the tables.
    pub fn backend(&mut self) -> &mut dyn Backend {
        &mut *self.backend
    }

    /// Says which addresses and ports are served; once, before the first publication.
    ///
    /// # Errors
    /// When there are more than the table can hold without two in one slot.
    pub fn serve(&mut self, listen: &[SocketAddr]) -> Result<(), Unfit> {
        let keys: Vec<_> =
            listen.iter().map(|address| (words_of(address), address.port())).collect();
        for _ in 0..100_000 {
            let seed = self.rng.u64(..);
            let mut slots = HashMap::new();
            for (address, port) in &keys {
                slots.insert(service::slot(seed, *address, *port), (*address, *port));
            }
            if slots.len() == keys.len() {
                self.store.services.clear(0, maps::SERVICE_SLOTS);
                for (slot, (address, port)) in slots {
                    let service = Service { address, port: port.into(), reserved: 0 };
                    self.store.services.write(slot, &[service]);
                }
                let word = self.store.control_word(offset_of!(Control, service_seed));
                word.store(seed, Ordering::Release);
                return Ok(());
            }
        }
        Err(Unfit::Full(maps::SERVICES))
    }

    /// Publishes exactly these zones as the next generation. A zone that doesn't fit is left to
    /// the authority, whole, and says why. `others` are the apexes (on the wire, lower case) of
    /// zones that only the authority serves: no name under them is found.
    ///
    /// # Errors
    /// When the names don't fit or the kernel refuses; then the former generation goes on being
    /// served.
    pub fn publish(
        &mut self,
        zones: &[Publishable],
        others: &[&[u8]],
    ) -> anyhow::Result<Vec<Placed>> {
        let mut new: BTreeMap<Box<[u8]>, Zone> = BTreeMap::new();
        let mut unfit = too_many_names(zones);
        for zone in zones {
            if unfit.contains_key(zone.compiled.apex.folded()) {
                continue;
            }
            let apex: &[u8] = zone.compiled.apex.folded();
            if self.zones.get(apex).is_none_or(|former| !former.source.is_same(zone)) {
                match self.place(zone) {
                    Ok(placed) => drop(new.insert(apex.into(), placed)),
                    Err(reason) => drop(unfit.insert(apex, reason)),
                }
            }
        }
        match self.flip(zones, others, &new, &unfit) {
            Ok(names) => self.replace(zones, new, &unfit, &names),
            Err(error) => {
                for zone in new.values() {
                    self.release(zone);
                }
                self.drop_unused_tries();
                Err(error)
            }
        }
    }

    /// Makes the new zones reachable and their names visible; gives the names of each zone. Until
    /// its last store nothing changes for a packet.
    fn flip(
        &mut self,
        zones: &[Publishable],
        others: &[&[u8]],
        new: &BTreeMap<Box<[u8]>, Zone>,
        unfit: &HashMap<&[u8], Unfit>,
    ) -> anyhow::Result<HashMap<TableId, usize>> {
        for zone in new.values() {
            self.backend.insert(zone.table)?;
        }
        let own = zones.iter().map(|zone| zone.compiled.apex.folded());
        let apexes: Vec<&[u8]> = own.clone().chain(others.iter().copied()).collect();
        let mut entries = Vec::new();
        let mut counts = HashMap::new();
        // Not of the others, which may have been in the tables until now.
        for apex in own.filter(|apex| !unfit.contains_key(apex)) {
            let Some(zone) = new.get(apex).or_else(|| self.zones.get(apex)) else { continue };
            let before = entries.len();
            entries.extend(visible(zone, &apexes));
            counts.insert(zone.table, entries.len() - before);
        }
        let arranged = names::side(&entries, &mut self.rng).ok_or_else(|| {
            anyhow::anyhow!(
                "{} names of all zones together don't fit into {}",
                entries.len(),
                maps::NAMES
            )
        })?;
        let generation = self.store.generation() + 1;
        let side = u32::from(generation % 2 == 1);
        arranged.write(&entries, side, &self.store.names, &self.store.long_names);
        self.names = entries.len();
        let set = |at: usize, value: u64, order| self.store.control_word(at).store(value, order);
        let at = offset_of!(Control, sides) + side as usize * size_of::<Side>();
        set(at + offset_of!(Side, name_seed), arranged.seed, Ordering::Relaxed);
        set(at + offset_of!(Side, generation), generation, Ordering::Relaxed);
        set(offset_of!(Control, generation), generation, Ordering::Release);
        Ok(counts)
    }

    /// Puts the new zones in the place of the old, whose entries come back, and reports.
    fn replace(
        &mut self,
        zones: &[Publishable],
        new: BTreeMap<Box<[u8]>, Zone>,
        unfit: &HashMap<&[u8], Unfit>,
        names: &HashMap<TableId, usize>,
    ) -> anyhow::Result<Vec<Placed>> {
        self.barrier()?;
        let kept = |apex: &[u8]| zones.iter().any(|zone| zone.compiled.apex.folded() == apex);
        let mut old = Vec::new();
        self.zones = std::mem::take(&mut self.zones)
            .into_iter()
            .filter_map(|(apex, zone)| {
                if kept(&apex) && !new.contains_key(&apex) && !unfit.contains_key(&*apex) {
                    return Some((apex, zone));
                }
                old.push(zone);
                None
            })
            .collect();
        for zone in &old {
            self.release(zone);
        }
        self.zones.extend(new);
        for zone in old {
            let apex = &zone.source.compiled.apex;
            if !self.zones.contains_key(apex.folded()) {
                self.backend.name(&bare(apex), None)?;
            }
        }
        self.drop_unused_tries();
        let mut report = Vec::with_capacity(zones.len());
        for zone in zones {
            let apex = bare(&zone.compiled.apex);
            report.push(match self.zones.get(zone.compiled.apex.folded()) {
                Some(placed) => {
                    self.backend.name(&apex, Some(placed.table))?;
                    let names = names.get(&placed.table).copied().unwrap_or_default();
                    Placed { apex, names, decks: placed.decks.len(), unfit: None }
                }
                None => {
                    let reason = unfit.get(zone.compiled.apex.folded()).cloned();
                    Placed { apex, names: 0, decks: 0, unfit: reason }
                }
            });
        }
        Ok(report)
    }

    /// Deals every deck anew, into free runs, and gives the old ones back after a barrier. Gives
    /// the number of decks dealt.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn deal_anew(&mut self) -> anyhow::Result<usize> {
        let mut old: Vec<(Kind, u32, u32)> = Vec::new();
        let mut dealt = 0;
        let mut zones = std::mem::take(&mut self.zones);
        for zone in zones.values_mut() {
            let Some(table) = self.store.zone(zone.table).copied() else { continue };
            let undealt = &zone.source.compiled.decks;
            for ((number, deck), undealt) in (0..).zip(&mut zone.decks).zip(undealt) {
                let Some(dealer) = deck.dealer.as_mut().filter(|dealer| !dealer.is_constant())
                else {
                    continue;
                };
                let Ok((first, cells)) =
                    deal(&self.store, &mut self.free, undealt, dealer, &mut self.rng)
                else {
                    continue; // No room now: the deck stays as it is until the next time.
                };
                old.push((kind_of(&undealt.source), deck.extent.first, deck.cells));
                deck.extent =
                    Extent { first, deal: deck.extent.deal.wrapping_add(1), ..deck.extent };
                deck.cells = cells;
                if let Some(word) = table.decks.word(number, offset_of!(Deck, cards)) {
                    word.store(deck.extent.pack(), Ordering::Release);
                }
                dealt += 1;
            }
        }
        self.zones = zones;
        if dealt > 0 {
            self.barrier()?;
        }
        for (kind, first, cells) in old {
            self.free.give_cards(kind, first, cells);
        }
        Ok(dealt)
    }

    /// Waits until no packet and no thread reads what a generation or deal before this moment
    /// referred to.
    fn barrier(&mut self) -> anyhow::Result<()> {
        self.backend.barrier()?;
        drop(self.store.readers.write().unwrap_or_else(std::sync::PoisonError::into_inner));
        Ok(())
    }

    /// Writes a zone's tables into free places.
    fn place(&mut self, zone: &Publishable) -> Result<Zone, Unfit> {
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
        match self.fill(&mut placed, &rrs) {
            Ok(()) => Ok(placed),
            Err(reason) => {
                self.release(&placed);
                Err(reason)
            }
        }
    }

    fn fill(&mut self, placed: &mut Zone, soa: &edge_common::abi::Rrs) -> Result<(), Unfit> {
        let Some(table) = self.store.zone(placed.table).copied() else {
            return Err(Unfit::Full("every zone table"));
        };
        let rrs = self.free.rrs.take(1).ok_or(Unfit::Full(maps::RRS))?;
        placed.rrs = Some(rrs);
        self.store.rrs.write(rrs, &[*soa]);
        let compiled = Arc::clone(&placed.source.compiled);
        let apex_octets = u8::try_from(compiled.apex.wire().len()).unwrap_or_default();
        let former = self.zones.get(compiled.apex.folded());
        let before: HashMap<(&str, RecordKind), (&Undealt, &Dealt)> = former
            .map(|zone| {
                let source = &zone.source.compiled;
                let keys = source.deck_keys.iter().map(|(label, kind)| (&**label, *kind));
                keys.zip(source.decks.iter().zip(&zone.decks)).collect()
            })
            .unwrap_or_default();
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
                let mut dealer =
                    Dealer::new(&weights(&undealt.source), undealt.max_hosts, &mut self.rng);
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

    /// Gives everything back that a zone takes.
    fn release(&mut self, zone: &Zone) {
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
        let slot = self.free.tries.last().copied().ok_or(Unfit::Full(maps::GEO6_TREE))?;
        let first4 = self.free.nodes4.take(n4).ok_or(Unfit::Full(maps::GEO4_NODE))?;
        let Some(first6) = self.free.nodes6.take(n6) else {
            self.free.nodes4.give(first4, n4);
            return Err(Unfit::Full(maps::GEO6_KEYS));
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

    fn drop_unused_tries(&mut self) {
        let used: Vec<u32> = self.zones.values().map(|zone| zone.trie).collect();
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

    /// How full the tables are: name, taken, entries.
    #[must_use]
    pub fn usage(&self) -> Vec<(&'static str, u32, u32)> {
        let free = &self.free;
        let names = u32::try_from(self.names).unwrap_or(u32::MAX);
        vec![
            (maps::NAMES, names, maps::NAME_SLOTS / 2),
            (maps::CARDS_A, free.cards_a.taken(), maps::CARDS_A_CELLS),
            (maps::CARDS_AAAA, free.cards_aaaa.taken(), maps::CARDS_AAAA_CELLS),
            (maps::RRS, free.rrs.taken(), maps::RRS_ENTRIES),
            (maps::GEO4_NODE, free.nodes4.taken(), maps::GEO4_NODES),
            (maps::GEO6_KEYS, free.nodes6.taken(), maps::GEO6_NODES),
        ]
    }
}

impl Publishable {
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.compiled, &other.compiled) && Arc::ptr_eq(&self.trie, &other.trie)
    }
}

/// A root entry of a trie whose nodes begin at `first`.
const fn moved(root: edge_common::abi::Root4, first: u32) -> edge_common::abi::Root4 {
    use edge_common::abi::Root4;
    if root.entry & Root4::CHILD == 0 {
        root
    } else {
        Root4 { entry: root.entry + first, base: root.base + first }
    }
}

/// A zone's names but for those under the apex of another zone nested in it, whose parent's data
/// is hidden.
fn visible<'z>(
    zone: &'z Zone,
    apexes: &[&'z [u8]],
) -> impl Iterator<Item = names::Entry<'z>> + use<'z> {
    let compiled = &*zone.source.compiled;
    let apex = compiled.apex.folded();
    let nested: Vec<&[u8]> = apexes
        .iter()
        .copied()
        .filter(|other| other.len() > apex.len() && is_under(other, apex))
        .collect();
    let owners = compiled.owners.iter();
    owners.filter(move |owner| !nested.iter().any(|child| is_under(&owner.name, child))).map(
        |owner| names::Entry {
            name: &owner.name,
            table: zone.table,
            trie: zone.trie,
            a: owner.a,
            aaaa: owner.aaaa,
        },
    )
}

/// The zones whose names don't fit beside those of all smaller ones.
fn too_many_names(zones: &[Publishable]) -> HashMap<&[u8], Unfit> {
    let mut by_size: Vec<&Compiled> = zones.iter().map(|zone| &*zone.compiled).collect();
    by_size.sort_by_key(|zone| zone.owners.len());
    let limits = [(maps::NAMES, maps::NAME_SLOTS / 2), (maps::LONG_NAMES, maps::LONG_SLOTS / 2)];
    let mut sums = [0, 0];
    let mut unfit = HashMap::new();
    for zone in by_size {
        let long = zone.owners.iter().filter(|owner| owner.name.len() > SHORT_OCTETS).count();
        let more = [zone.owners.len() - long, long];
        let full = limits
            .iter()
            .zip(sums)
            .zip(more)
            .find(|((limit, sum), more)| u32::try_from(sum + more).is_ok_and(|n| n > limit.1));
        match full {
            Some(((limit, _), _)) => drop(unfit.insert(zone.apex.folded(), Unfit::Full(limit.0))),
            None => sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more),
        }
    }
    unfit
}

/// Whether a name on the wire is `apex` or under it.
fn is_under(name: &[u8], apex: &[u8]) -> bool {
    let mut rest = name;
    while rest.len() > apex.len() {
        let Some(next) = rest.first().and_then(|octets| rest.get(usize::from(*octets) + 1..))
        else {
            return false;
        };
        rest = next;
    }
    rest == apex
}

const fn kind_of(source: &Source) -> Kind {
    match source {
        Source::A(_) => Kind::A,
        Source::Aaaa(_) => Kind::Aaaa,
        Source::Nodata => Kind::Nodata,
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
            let first = free.cards_a.take(n).ok_or(Unfit::Full(maps::CARDS_A))?;
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
            let first = free.cards_aaaa.take(n).ok_or(Unfit::Full(maps::CARDS_AAAA))?;
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
            Kind::Nodata | Kind::None => {}
        }
    }
}

/// An address as the served-address table has it.
fn words_of(address: &SocketAddr) -> [u64; 2] {
    match address {
        SocketAddr::V4(v4) => service::mapped(u32::from_ne_bytes(v4.ip().octets())),
        SocketAddr::V6(v6) => {
            let octets = v6.ip().octets();
            let (words, _) = octets.as_chunks::<8>();
            let mut both = words.iter().map(|word| u64::from_ne_bytes(*word));
            [both.next().unwrap_or_default(), both.next().unwrap_or_default()]
        }
    }
}
