//! The set of names that are counted: those of some compiled zones.

use std::sync::Arc;

use edge_tables::compile::Compiled;

/// The names of some zones. A clone shares the sorted names.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    zones: Vec<Arc<Sorted>>,
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
    /// The names of exactly these zones. The names of new zones are sorted here; zones that this
    /// one has are shared with it.
    pub(super) fn with(&self, zones: &[Arc<Compiled>]) -> Self {
        let zones = zones.iter().map(|zone| {
            let same = self.zones.iter().find(|sorted| Arc::ptr_eq(&sorted.zone, zone));
            same.map_or_else(|| Arc::new(Sorted::new(zone)), Arc::clone)
        });
        Self { zones: zones.collect() }
    }

    /// Whether a name (on the wire, lower case) is one of theirs.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.zones.iter().any(|zone| zone.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Watched;
    use edge_tables::publish::fixture::publishable;

    #[test]
    fn a_zone_that_stays_is_not_sorted_again() {
        let zones = ["a.example", "b.example", "c.example"];
        let [a, b, c] = zones.map(|apex| publishable(apex, ["www".to_owned()]).compiled);
        let one = Watched::default().with(&[Arc::clone(&a), b]);
        let other = one.with(&[c, a]);
        assert!(Arc::ptr_eq(&one.zones[0], &other.zones[1]));
        assert_eq!(other.zones.len(), 2);
        assert!(other.contains(b"\x03www\x01c\x07example\x00"));
        assert!(!other.contains(b"\x03www\x01b\x07example\x00"));
    }
}
