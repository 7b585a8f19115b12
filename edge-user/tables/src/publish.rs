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
mod change;
mod changeover;
mod choice;
mod deals;
#[cfg(any(test, feature = "testing"))]
#[expect(clippy::unwrap_used, reason = "only tests use it")]
pub mod fixture;
mod flip;
mod free;
mod names;
pub mod observed;
mod plan;
mod popularity;
mod services;
mod slots;
mod visible;

use std::collections::HashSet;
use std::sync::Arc;

use edge_common::abi::{TableId, maps};

pub use crate::backend_error::BackendError;
use crate::compile::Compiled;
use crate::store::Store;
use change::Zones;
use choice::Former;
pub use choice::Shares;
use deals::Spent;
use edge_zone::Targets;
use edge_zone::geo;
pub use plan::ZONE_TYPES;
pub use popularity::Popularity;
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
    /// Two names, of which the zone has at least the first, have the same hash whatever the seed
    /// is. The tables hold only one of them.
    #[error("{name} and {other} have the same hash, and the tables can hold only one; rename one")]
    Clash {
        /// A name of the zone.
        name: String,
        /// The other name, of any zone.
        other: String,
    },
    /// The kernel refused the zone's tables.
    #[error("the kernel refused its tables: {0}; they are offered again")]
    Refused(String),
    /// What was replaced may still be read, so its places aren't free.
    #[error("its place isn't free yet; that is tried again")]
    Waiting,
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
    zones: Zones,
    shares: Shares,
    popularity: Popularity,
    /// Which names of incomplete zones are in the tables.
    kept: Former,
    names: usize,
    last: amend::Last,
    /// Zones and cards that were replaced and may still be read, since a barrier failed.
    leaving: Vec<ZoneSlot>,
    spent: Vec<Spent>,
    is_pending: bool,
    /// Zones that the last publication left out for another reason than names without room.
    left_out: HashSet<Box<[u8]>>,
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
            zones: Zones::new(),
            shares: Shares::default(),
            popularity: Popularity::default(),
            kept: Former::default(),
            names: 0,
            last: amend::Last::default(),
            leaving: Vec::new(),
            spent: Vec::new(),
            is_pending: false,
            left_out: HashSet::new(),
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
        self.would_choose(zones, others)
    }

    /// The zones in the tables of which some names are not.
    #[must_use]
    pub fn incomplete(&self) -> Vec<Arc<Compiled>> {
        let zones = self.kept.keys().filter_map(|apex| self.zones.get(apex));
        zones.map(|zone| Arc::clone(&zone.source.compiled)).collect()
    }

    /// Publishes exactly these zones.
    ///
    /// They become the next generation, unless they differ from the published zones only in the
    /// records of decks. If their new versions don't fit beside the old, it takes several
    /// generations, and some zones may be out of the tables for a moment between them. In the end
    /// the tables hold what empty tables would after this call.
    ///
    /// If a zone has more names than its share, or than fit, only the most popular are put into the
    /// tables. A zone that can't be published for another reason is left whole to the authority,
    /// and its [`Placed`] has the reason. `others` are the apexes (on the wire, lower case) of
    /// zones that only the authority serves: all names under them pass.
    ///
    /// # Errors
    /// When the apexes alone don't fit or the kernel refuses everything; then the former generation
    /// goes on being served.
    pub fn publish(
        &mut self,
        zones: &[Publishable],
        others: &[&[u8]],
    ) -> Result<Vec<Placed>, PublishError> {
        self.publish_and(zones, others, || {})
    }

    /// The same. `visible` is called once, when the first generation is visible: from then on the
    /// authority should serve these zones, too. After an error it hasn't been called.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub fn publish_and(
        &mut self,
        zones: &[Publishable],
        others: &[&[u8]],
        mut visible: impl FnMut(),
    ) -> Result<Vec<Placed>, PublishError> {
        if let Some(placed) = self.amend(zones, others) {
            visible();
            return Ok(placed);
        }
        self.change_over(zones, others, &mut visible)
    }

    /// Whether the last publication left out a zone that may be published if that is tried again:
    /// the kernel refused it, or a barrier.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        self.is_pending
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
        let dealt = spent.len();
        self.spent.extend(spent);
        if dealt > 0 {
            self.barrier()?;
        }
        Ok(dealt)
    }

    /// Waits until no packet and no thread reads what a generation or deal before this moment
    /// referred to. Gives back what was left over because an earlier call failed, and cards that
    /// were replaced.
    fn barrier(&mut self) -> Result<(), BackendError> {
        self.backend.barrier()?;
        drop(self.slots.store.readers.write().unwrap_or_else(std::sync::PoisonError::into_inner));
        for zone in std::mem::take(&mut self.leaving) {
            self.slots.release(&zone);
        }
        for cards in std::mem::take(&mut self.spent) {
            self.slots.give(&cards);
        }
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
