//! The zones that are served, and the zone that a name belongs to.
//!
//! A snapshot never changes; a new one takes its place. What depends on a zone alone and is needed
//! for every answer is worked out once, here: its SOA record, the names that vary by client, the
//! places of its servers.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::HashMap;

use super::closest::Spot;
use edge_zone::geo::{ClientLocator, Nowhere};
use edge_zone::name::suffixes;
use edge_zone::rdata::soa_record;
use edge_zone::resolve::parent;
use edge_zone::variants::Variants;
use edge_zone::{Label, RecordKind, Rules, Zone, ZoneCut, split};

/// A zone with what follows from it.
pub struct Served {
    /// The zone.
    pub zone: Arc<Zone>,
    /// As [`soa_record`].
    pub(super) soa: Vec<u8>,
    variants: Variants,
    /// Labels that are the apexes of other zones, or lead to them.
    cuts: HashMap<Box<str>, ZoneCut>,
    /// Where the servers of `closest` labels are, in the order of their records.
    spots: HashMap<Box<str>, Spots>,
}

#[derive(Default)]
struct Spots {
    a: Box<[Option<Spot>]>,
    aaaa: Box<[Option<Spot>]>,
}

impl Served {
    fn new(zone: Arc<Zone>, locator: &dyn ClientLocator) -> Self {
        let variants = Variants::of(&zone);
        let spot = |ip: IpAddr| locator.place(ip, &zone).1.map(Spot::new);
        let spots = zone
            .labels
            .iter()
            .filter(|label| label.closest)
            .map(|label| {
                let a = label.a.iter().flatten().map(|record| spot(record.data.into())).collect();
                let aaaa =
                    label.aaaa.iter().flatten().map(|record| spot(record.data.into())).collect();
                (label.name.clone(), Spots { a, aaaa })
            })
            .collect();
        Self { soa: soa_record(&zone), variants, cuts: HashMap::default(), spots, zone }
    }

    /// Where the servers of a `closest` label are; empty for any other.
    pub(super) fn spots(&self, label: &Label, kind: RecordKind) -> &[Option<Spot>] {
        match (self.spots.get(&label.name), kind) {
            (Some(spots), RecordKind::A) => &spots.a,
            (Some(spots), RecordKind::Aaaa) => &spots.aaaa,
            _ => &[],
        }
    }

    /// Where `label` (relative, lower case) stands to the zones nested in this one.
    pub(super) fn cut(&self, label: &str) -> Option<ZoneCut> {
        self.cuts.get(label).copied()
    }

    /// Notes the zone of `apex` (wire format, lower case), which is below this one's.
    fn add_cut(&mut self, apex: &[u8]) {
        let Some(label) = split(&self.zone, apex) else { return };
        let mut above = parent(&label);
        while !above.is_empty() {
            self.cuts.entry(above.into()).or_insert(ZoneCut::Above);
            above = parent(above);
        }
        self.cuts.insert(label.into(), ZoneCut::At);
    }

    /// Whether the answer for `label` (relative, lower case) may differ from client to client. If
    /// it may, this is always true.
    pub(super) fn varies(&self, label: &str) -> bool {
        self.variants.varies(&self.zone, label)
    }
}

/// The zones being served. Immutable.
pub struct Serving {
    /// By the apex in wire format, lower case.
    zones: HashMap<Box<[u8]>, Served>,
    locator: Arc<dyn ClientLocator>,
}

impl Serving {
    /// A snapshot of `zones`. Of two zones with the same apex the later one counts.
    pub fn new(
        zones: impl IntoIterator<Item = Arc<Zone>>,
        locator: Arc<dyn ClientLocator>,
    ) -> Self {
        let mut zones: HashMap<Box<[u8]>, _> = zones
            .into_iter()
            .map(|zone| (Box::from(zone.apex.folded()), Served::new(zone, &*locator)))
            .collect();
        let apexes: Vec<Box<[u8]>> = zones.keys().cloned().collect();
        for apex in &apexes {
            for above in suffixes(apex).skip(1) {
                if let Some(served) = zones.get_mut(above) {
                    served.add_cut(apex);
                }
            }
        }
        Self { zones, locator }
    }

    /// A snapshot without zones: every query is refused.
    #[must_use]
    pub fn nothing() -> Self {
        Self::new([], Arc::new(Nowhere))
    }

    /// The zones, in no order.
    pub fn zones(&self) -> impl Iterator<Item = &Arc<Zone>> {
        self.zones.values().map(|served| &served.zone)
    }

    /// The locator of addresses.
    pub(super) fn locator(&self) -> &dyn ClientLocator {
        &*self.locator
    }

    /// The zone that `name` (wire format, lower case) belongs to. With `parent_side`, for types
    /// that live above a zone cut (RFC 4035 §3.1.4.1), a zone's apex belongs to the zone above, if
    /// that is served.
    #[must_use]
    pub fn find(&self, name: &[u8], parent_side: bool) -> Option<&Served> {
        let mut zones = suffixes(name).filter_map(|suffix| self.zones.get(suffix));
        let nearest = zones.next()?;
        if parent_side && nearest.zone.apex.folded() == name {
            return zones.next().or(Some(nearest));
        }
        Some(nearest)
    }
}

/// The snapshot being served, to be taken and replaced from any thread.
pub struct Current(RwLock<Arc<Serving>>);

impl Current {
    /// Begins with `serving`.
    #[must_use]
    pub fn new(serving: Serving) -> Self {
        Self(RwLock::new(Arc::new(serving)))
    }

    /// The snapshot of now.
    #[must_use]
    pub fn get(&self) -> Arc<Serving> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the snapshot. Answers in the making are finished from the old one.
    pub fn set(&self, serving: Arc<Serving>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = serving;
    }
}

impl std::fmt::Debug for Current {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.get().zones().map(|zone| zone.apex.to_string())).finish()
    }
}

impl Default for Current {
    fn default() -> Self {
        Self::new(Serving::nothing())
    }
}

impl Rules for Served {
    fn yields(&self, label: &Label, kind: RecordKind) -> bool {
        label.yields(kind)
    }

    fn cut(&self, label: &str) -> Option<ZoneCut> {
        Self::cut(self, label)
    }
}
