//! The set of names that are counted: those of some compiled zones.

use std::sync::Arc;

use edge_tables::compile::Compiled;

/// The names of some zones.
#[derive(Debug, Default)]
pub(super) struct Watched {
    zones: Vec<Sorted>,
}

/// A zone's names in order.
#[derive(Debug)]
struct Sorted {
    zone: Arc<Compiled>,
    /// Places of its owners.
    order: Vec<u32>,
}

impl Sorted {
    fn new(zone: &Arc<Compiled>) -> Self {
        let owners = &zone.owners;
        let mut order: Vec<u32> = (0..).take(owners.len()).collect();
        order.sort_unstable_by_key(|at| owners.get(*at as usize).map(|owner| &owner.name));
        Self { zone: Arc::clone(zone), order }
    }

    fn contains(&self, name: &[u8]) -> bool {
        let owners = &self.zone.owners;
        let of = |at: &u32| owners.get(*at as usize).map(|owner| &*owner.name);
        self.order.binary_search_by(|at| of(at).cmp(&Some(name))).is_ok()
    }
}

impl Watched {
    /// Has exactly these zones; those that it had stay sorted.
    pub(super) fn set(&mut self, zones: &[Arc<Compiled>]) {
        let mut former = std::mem::take(&mut self.zones);
        for zone in zones {
            let same = former.iter().position(|sorted| Arc::ptr_eq(&sorted.zone, zone));
            let sorted = same.map(|at| former.swap_remove(at));
            self.zones.push(sorted.unwrap_or_else(|| Sorted::new(zone)));
        }
    }

    /// Whether a name (on the wire, lower case) is one of theirs.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.zones.iter().any(|zone| zone.contains(name))
    }
}
