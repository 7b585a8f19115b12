//! The names of a zone that have entries, and the answers for names below them.

use edge_common::wire::dns::NAME_OCTETS;

use super::Absent;
use edge_zone::resolve::{NameBuffer, wildcard_below};
use edge_zone::variants::{Variants, is_client_independent};
use edge_zone::{Name, Zone};

/// The names of a zone.
pub(super) struct Names<'z> {
    zone: &'z Zone,
    variants: Variants,
    is_client_independent: bool,
}

/// A name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'z> {
    /// Relative, lower case.
    pub label: &'z str,
    /// Whether it is one of the zone's labels.
    pub is_label: bool,
}

impl<'z> Names<'z> {
    pub(super) fn of(zone: &'z Zone) -> Self {
        Self {
            zone,
            variants: Variants::of(zone),
            is_client_independent: is_client_independent(zone),
        }
    }

    pub(super) const fn variants(&self) -> &Variants {
        &self.variants
    }

    /// The labels; then, sorted, the names that exist only as labels with a target.
    pub(super) fn all(&self) -> Vec<Known<'_>> {
        let labels = &self.zone.labels;
        let known = labels.iter().map(|label| Known { label: &label.name, is_label: true });
        let mut all: Vec<_> = known.collect();
        let n_labels = all.len();
        let others = self.variants.bases().filter(|base| labels.position(base).is_none());
        all.extend(others.map(|label| Known { label, is_label: false }));
        if let Some(others) = all.get_mut(n_labels..) {
            others.sort_unstable_by_key(|known| known.label);
        }
        all
    }

    /// Whether answers for a name have the client's scope.
    pub(super) fn is_scoped(&self, label: &str) -> bool {
        !self.is_client_independent && self.variants.varies(self.zone, label)
    }

    /// What answers for names below `name` that aren't among [`all`](Self::all), nor below a longer
    /// one of these.
    ///
    /// The names between such a name and `name` don't exist for any client. So `name` is the
    /// closest encloser for all clients for which it exists itself.
    pub(super) fn absent(&self, name: &Known<'_>) -> Absent {
        let labels = &self.zone.labels;
        if !labels.has_wildcards() {
            return Absent::Denied;
        }
        if !name.is_label {
            return Absent::Authority;
        }
        let mut buffer = NameBuffer::default();
        let wildcard = wildcard_below(name.label, &mut buffer);
        if labels.position(wildcard).is_some() || self.variants.has_variants(wildcard) {
            Absent::Wildcard
        } else {
            Absent::Denied
        }
    }
}

/// A label's name on the wire; `None` if it is too long.
pub(super) fn wire(label: &str, apex: &Name) -> Option<Box<[u8]>> {
    let mut wire = Vec::with_capacity(64);
    for part in label.split('.').filter(|part| !part.is_empty()) {
        wire.push(u8::try_from(part.len()).ok().filter(|octets| *octets < 64)?);
        wire.extend_from_slice(part.as_bytes());
    }
    wire.extend_from_slice(apex.folded());
    wire.make_ascii_lowercase();
    (wire.len() <= NAME_OCTETS).then(|| wire.into_boxed_slice())
}
