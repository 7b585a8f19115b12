//! The publisher, which replaces one generation of the tables by the next.
//!
//! A publication writes only places that no packet of the current generation refers to: the spare
//! side of the name tables, free zone slots, free runs of the card arenas. Both generations share
//! what didn't change. One store of the generation word makes the new generation visible. The
//! places of the old one are used again only after a barrier, when no packet and no thread can
//! still be reading them.

mod account;
mod amend;
mod cards;
mod choice;
mod deals;
#[cfg(any(test, feature = "testing"))]
#[expect(clippy::unwrap_used, reason = "only tests use it")]
pub mod fixture;
mod free;
mod names;
pub mod observed;
mod popularity;
mod services;
mod slots;
mod visible;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use edge_common::abi::{Side, TableId, maps};

pub use crate::backend_error::BackendError;
use crate::compile::Compiled;
use crate::store::Store;
pub use choice::Shares;
use choice::{Choice, Chooser, Former, choose};
use edge_leaves::error_chain::error_chain;
use edge_zone::Targets;
use edge_zone::geo;
use edge_zone::name::bare;
pub use popularity::Popularity;
pub use slots::ZONE_TYPES;
use slots::{Slots, ZoneSlot};

/// Kernel operations that the publisher needs.
///
/// [`NoKernel`] implements them as no-ops when XDP is off. The publisher's thread calls them.
pub trait Backend: Send {
    /// Makes a zone slot's tables reachable.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn insert(&mut self, table: TableId) -> Result<(), BackendError>;
    /// Waits until every packet that began before the call is through.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn barrier(&mut self) -> Result<(), BackendError>;
    /// Gives a zone's tables a name that others can find them by, or takes it away.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn name(&mut self, apex: &str, table: Option<TableId>) -> Result<(), BackendError>;
}

/// Why a generation or a deal could not be published. The former one goes on being served.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// All names together don't fit into the name tables.
    #[error("the {names} names of all zones together don't fit into the table")]
    Names {
        /// How many they are.
        names: usize,
    },
    /// The kernel refused.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// No kernel: the tables are only read by this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKernel;

impl Backend for NoKernel {
    fn insert(&mut self, _: TableId) -> Result<(), BackendError> {
        Ok(())
    }

    fn barrier(&mut self) -> Result<(), BackendError> {
        Ok(())
    }

    fn name(&mut self, _: &str, _: Option<TableId>) -> Result<(), BackendError> {
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
    /// Names that could be, if there were room.
    pub total: usize,
    /// Whether names are left out: what is asked for below its apex and isn't there is the
    /// authority's to answer.
    pub incomplete: bool,
    /// Decks in the tables.
    pub decks: usize,
    /// Why it isn't in the tables, if it isn't.
    pub unfit: Option<Unfit>,
}

/// The writer of the tables.
pub struct Publisher {
    slots: Slots,
    backend: Box<dyn Backend>,
    zones: BTreeMap<Box<[u8]>, ZoneSlot>,
    shares: Shares,
    popularity: Popularity,
    /// Which names of incomplete zones are in the tables.
    kept: Former,
    names: usize,
    last: amend::Last,
    errors: Vec<String>,
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
        Self {
            slots: Slots::new(store, rng),
            backend,
            zones: BTreeMap::new(),
            shares: Shares::default(),
            popularity: Popularity::default(),
            kept: Former::default(),
            names: 0,
            last: amend::Last::default(),
            errors: Vec::new(),
        }
    }

    /// The tables.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.slots.store
    }

    /// What stands behind the tables.
    pub fn backend(&mut self) -> &mut dyn Backend {
        &mut *self.backend
    }

    /// Sets how many names of each zone may be in the tables, from the next publication on.
    pub fn share(&mut self, shares: Shares) {
        self.shares = shares;
    }

    /// Sets how often names are asked for, from the next publication on. Returns whether that
    /// publication would put other names of `zones` into the tables than there are. `zones` and
    /// `others` are as in [`Self::publish`].
    pub fn update_popularity(
        &mut self,
        popularity: Popularity,
        zones: &[Publishable],
        others: &[&[u8]],
    ) -> bool {
        self.popularity = popularity;
        // Without popularity nothing is hotter than what is there.
        if self.kept.is_empty() || self.popularity.is_unknown() {
            return false;
        }
        let mut choice = self.choose(zones, others);
        // Those that don't fit for another reason aren't there at all.
        choice.kept.retain(|apex, _| self.kept.contains_key(*apex));
        choice.differs(&self.kept)
    }

    fn choose<'z>(&self, zones: &'z [Publishable], others: &[&[u8]]) -> Choice<'z> {
        let own = zones.iter().map(|zone| zone.compiled.apex.folded());
        let apexes: Vec<&[u8]> = own.chain(others.iter().copied()).collect();
        let by = Chooser { shares: &self.shares, popularity: &self.popularity, former: &self.kept };
        choose(zones, &apexes, &by)
    }

    /// The zones in the tables of which some names are not.
    #[must_use]
    pub fn incomplete(&self) -> Vec<Arc<Compiled>> {
        let zones = self.kept.keys().filter_map(|apex| self.zones.get(apex));
        zones.map(|zone| Arc::clone(&zone.source.compiled)).collect()
    }

    /// Publishes exactly these zones. They become the next generation, unless they differ from the
    /// published zones only in the records of decks.
    ///
    /// If a zone has more names than its share, or than fit, only the most popular are put into the
    /// tables. A zone that doesn't fit for another reason is left whole to the authority, and its
    /// [`Placed`] has the reason. `others` are the apexes (on the wire, lower case) of zones that
    /// only the authority serves: all names under them pass.
    ///
    /// # Errors
    /// When the names don't fit or the kernel refuses; then the former generation goes on being
    /// served.
    pub fn publish(
        &mut self,
        zones: &[Publishable],
        others: &[&[u8]],
    ) -> Result<Vec<Placed>, PublishError> {
        if let Some(placed) = self.amend(zones, others) {
            return Ok(placed);
        }
        let mut new: BTreeMap<Box<[u8]>, ZoneSlot> = BTreeMap::new();
        let mut choice = self.choose(zones, others);
        let unfit = &mut choice.unfit;
        for zone in zones {
            if unfit.contains_key(zone.compiled.apex.folded()) {
                continue;
            }
            let apex: &[u8] = zone.compiled.apex.folded();
            if self.zones.get(apex).is_none_or(|former| !former.source.is_same(zone)) {
                match self.slots.place(zone, self.zones.get(apex)) {
                    Ok(placed) => drop(new.insert(apex.into(), placed)),
                    Err(reason) => drop(unfit.insert(apex, reason)),
                }
            }
        }
        choice.kept.retain(|apex, _| !choice.unfit.contains_key(apex));
        match self.flip(zones, others, &new, &choice) {
            Ok(names) => {
                self.kept = choice.to_former();
                let placed = self.replace(zones, new, &choice, &names);
                self.last = amend::Last {
                    apexes: zones.iter().map(|zone| zone.compiled.apex.folded().into()).collect(),
                    others: others.iter().map(|apex| (*apex).into()).collect(),
                    placed: placed.clone(),
                    amended: self.last.amended,
                };
                Ok(placed)
            }
            Err(error) => {
                for zone in new.values() {
                    self.slots.release(zone);
                }
                self.slots.drop_unused_tries(&self.zones);
                Err(error)
            }
        }
    }

    /// Makes the new zones reachable and their names visible. Returns the names of each zone. Until
    /// its last store nothing changes for a packet.
    fn flip(
        &mut self,
        zones: &[Publishable],
        others: &[&[u8]],
        new: &BTreeMap<Box<[u8]>, ZoneSlot>,
        choice: &Choice<'_>,
    ) -> Result<HashMap<TableId, usize>, PublishError> {
        for zone in new.values() {
            self.backend.insert(zone.table)?;
        }
        let own = zones.iter().map(|zone| zone.compiled.apex.folded());
        let apexes: Vec<&[u8]> = own.clone().chain(others.iter().copied()).collect();
        let mut entries = Vec::new();
        let mut counts = HashMap::new();
        let mut usual = (0, 0);
        // Not of the others, which may have been in the tables until now.
        for apex in own.filter(|apex| !choice.unfit.contains_key(apex)) {
            let Some(zone) = new.get(apex).or_else(|| self.zones.get(apex)) else { continue };
            let before = entries.len();
            entries.extend(visible::of_zone(zone, &apexes, choice.kept.get(apex)));
            let names = entries.len() - before;
            counts.insert(zone.table, names);
            usual = usual.max((names, zone.trie));
        }
        entries.extend(visible::markers(&entries, &apexes));
        let arranged = names::side(&entries, &mut self.slots.rng)
            .ok_or(PublishError::Names { names: entries.len() })?;
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
        Ok(counts)
    }

    /// Puts the new zones in the place of the old, whose entries come back, and reports.
    fn replace(
        &mut self,
        zones: &[Publishable],
        new: BTreeMap<Box<[u8]>, ZoneSlot>,
        choice: &Choice<'_>,
        names: &HashMap<TableId, usize>,
    ) -> Vec<Placed> {
        let unfit = &choice.unfit;
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
        self.zones.extend(new);
        let waited = self.barrier();
        for zone in &mut old {
            self.slots.close(zone);
            if let Some(next) = self.zones.get_mut(zone.source.compiled.apex.folded()) {
                observed::carry(zone, next);
            }
        }
        match waited {
            Ok(()) => {
                old.iter().for_each(|zone| self.slots.release(zone));
                self.slots.drop_unused_tries(&self.zones);
            }
            // Somebody may still be reading them: they are never written again.
            Err(cause) => self.errors.push(format!("wait for readers: {}", error_chain(&cause))),
        }
        for zone in old {
            let apex = &zone.source.compiled.apex;
            if !self.zones.contains_key(apex.folded()) {
                let named = self.backend.name(&bare(apex), None);
                self.errors
                    .extend(named.err().map(|cause| format!("unpin: {}", error_chain(&cause))));
            }
        }
        let mut report = Vec::with_capacity(zones.len());
        for zone in zones {
            let (apex, folded) = (bare(&zone.compiled.apex), zone.compiled.apex.folded());
            let total = choice.totals.get(folded).copied().unwrap_or_default();
            let incomplete = choice.kept.contains_key(folded);
            report.push(match self.zones.get(folded) {
                Some(placed) => {
                    let named = self.backend.name(&apex, Some(placed.table));
                    self.errors
                        .extend(named.err().map(|cause| format!("pin: {}", error_chain(&cause))));
                    let names = names.get(&placed.table).copied().unwrap_or_default();
                    Placed {
                        apex,
                        names,
                        total,
                        incomplete,
                        decks: placed.decks.len(),
                        unfit: None,
                    }
                }
                None => {
                    let reason = unfit.get(folded).cloned();
                    Placed { apex, names: 0, total, incomplete, decks: 0, unfit: reason }
                }
            });
        }
        report
    }

    /// What went wrong at the last publication after the generation had changed; nothing that is
    /// answered suffers from it.
    pub fn take_errors(&mut self) -> Vec<String> {
        std::mem::take(&mut self.errors)
    }

    /// Deals every deck again, into free runs, and gives back the old cards after a barrier.
    /// Returns the number of decks dealt.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn deal_again(&mut self) -> Result<usize, PublishError> {
        self.deal_part_again(0, 1)
    }

    /// The same with every `parts`-th deck of each zone, from number `part` on.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn deal_part_again(&mut self, part: u32, parts: u32) -> Result<usize, PublishError> {
        let mut spent = Vec::new();
        self.slots.collect_rest();
        for zone in self.zones.values_mut() {
            self.slots.collect_counts(zone);
            spent.extend(self.slots.deal_again(zone, part, parts));
        }
        if !spent.is_empty() {
            self.barrier()?;
        }
        let dealt = spent.len();
        for cards in spent {
            self.slots.give(&cards);
        }
        Ok(dealt)
    }

    /// Waits until no packet and no thread reads what a generation or deal before this moment
    /// referred to.
    fn barrier(&mut self) -> Result<(), BackendError> {
        self.backend.barrier()?;
        drop(self.slots.store.readers.write().unwrap_or_else(std::sync::PoisonError::into_inner));
        Ok(())
    }

    /// How full the tables are: name, taken, entries.
    #[must_use]
    pub fn usage(&self) -> Vec<(&'static str, u32, u32)> {
        let names = u32::try_from(self.names).unwrap_or(u32::MAX);
        let mut usage = vec![("names", names, maps::NAME_SLOTS / 2)];
        usage.extend(self.slots.usage());
        usage
    }
}

impl Publishable {
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.compiled, &other.compiled) && Arc::ptr_eq(&self.trie, &other.trie)
    }
}
