//! The state of a changeover: what the tables are to be, and how far it is.

use std::collections::{BTreeMap, HashMap, HashSet};

use edge_common::abi::TableId;

use super::choice::{Choice, Wish, wishes};
use super::plan::Allotment;
use super::slots::ZoneSlot;
use super::{Publishable, Shares, Unfit};

/// Zones in the tables, by apex (on the wire, lower case).
pub(super) type Zones = BTreeMap<Box<[u8]>, ZoneSlot>;

/// What the tables are to be in the end.
pub(super) struct Target<'z> {
    /// The zones in the tables, in order, and what each has.
    pub zones: Vec<(&'z Publishable, Allotment)>,
    /// Their names, and why the other zones are left out.
    pub choice: Choice<'z>,
    /// The zones for which no names were chosen.
    pub left_out: Vec<&'z [u8]>,
}

impl Target<'_> {
    pub(super) fn has(&self, apex: &[u8]) -> bool {
        self.zones.iter().any(|(zone, _)| zone.compiled.apex.folded() == apex)
    }
}

/// A changeover on its way.
pub(super) struct Changeover<'z> {
    pub zones: &'z [Publishable],
    /// The apexes of all zones that are served.
    pub apexes: Vec<&'z [u8]>,
    pub wishes: Vec<Wish<'z>>,
    /// Zones that can't be published, and why.
    pub left_out: HashMap<&'z [u8], Unfit>,
    /// Whether a later publication of the same zones may find room for more.
    pub is_pending: bool,
    /// Whether a generation of this changeover is visible.
    pub is_visible: bool,
    /// Whether a barrier failed, so that nothing gets free.
    pub is_blocked: bool,
    /// Zones that have left the tables for a while: only what their next versions go on from.
    pub parked: HashMap<Box<[u8]>, ZoneSlot>,
    /// Names of each zone in the tables.
    pub names: HashMap<TableId, usize>,
    /// Zones that were put into the tables with the least allotment.
    pub reduced: HashSet<&'z [u8]>,
    /// The zone that others leave the tables for. Until it is there, no zone comes back.
    pub making_room_for: Option<&'z [u8]>,
    /// Whether zones that take more room than they should were put elsewhere.
    pub has_tidied: bool,
    /// How often a zone has left the tables for a while.
    pub n_evicted: usize,
    /// Whether all zones have left the tables to be put there in order.
    pub is_rebuilt: bool,
}

impl<'z> Changeover<'z> {
    pub(super) fn new(zones: &'z [Publishable], others: &[&'z [u8]], shares: &Shares) -> Self {
        let own = zones.iter().map(|zone| zone.compiled.apex.folded());
        let apexes: Vec<&[u8]> = own.chain(others.iter().copied()).collect();
        Self {
            zones,
            wishes: wishes(zones, &apexes, shares),
            apexes,
            left_out: HashMap::new(),
            is_pending: false,
            is_visible: false,
            is_blocked: false,
            parked: HashMap::new(),
            names: HashMap::new(),
            reduced: HashSet::new(),
            making_room_for: None,
            has_tidied: false,
            n_evicted: 0,
            is_rebuilt: false,
        }
    }

    /// Leaves a zone out of this publication.
    pub(super) fn leave_out(&mut self, apex: &'z [u8], reason: Unfit) {
        self.left_out.insert(apex, reason);
    }
}
