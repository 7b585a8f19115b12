//! The names of a zone whose answers may differ from client to client.
//!
//! Both the authority's scopes (RFC 7871 §7.2.1) and the flags in the tables follow from this, so
//! that they can't disagree. Only the names decide: a label for a target that some client could
//! have counts, whether there is such a client or not.

use foldhash::HashSet;

use super::model::Zone;
use super::resolve::{MAX_ALIAS_DEPTH, NameBuffer, parent, wildcard_below};
use super::targets::Targeting;

/// Names with variants.
#[derive(Clone, Debug, Default)]
pub struct Variants {
    /// Names that have another label with one more component before the apex's side, which may be a
    /// target.
    bases: HashSet<Box<str>>,
}

impl Variants {
    /// Of a zone's labels.
    pub fn of(zone: &Zone) -> Self {
        let bases = zone.labels.iter().filter_map(|label| base(&label.name, zone.targeting));
        Self { bases: bases.map(Box::from).collect() }
    }

    /// The names with variants of their own, in no order; some of them may be no labels.
    pub fn bases(&self) -> impl Iterator<Item = &str> {
        self.bases.iter().map(|base| &**base)
    }

    /// Whether `name` (relative, lower case) has variants of its own.
    pub fn has_variants(&self, name: &str) -> bool {
        self.bases.contains(name)
    }

    /// Whether the answer for `label` (relative, lower case) of their zone may differ from client
    /// to client. No false "no".
    pub fn varies(&self, zone: &Zone, label: &str) -> bool {
        if zone.labels.has_wildcards() && zone.labels.position(label).is_none() {
            return self.varies_by_wildcard(zone, label);
        }
        self.varies_by_itself(zone, label)
    }

    /// The same of a label that doesn't exist: whether it, or an asterisk label that may answer for
    /// it, varies.
    fn varies_by_wildcard(&self, zone: &Zone, label: &str) -> bool {
        let mut name = label;
        loop {
            // It may exist for some clients only, and then nothing above answers for them.
            if self.has_variants(name) {
                return true;
            }
            name = parent(name);
            if self.varies_by_itself(zone, wildcard_below(name, &mut NameBuffer::default())) {
                return true;
            }
            if name.is_empty() || zone.labels.position(name).is_some() {
                return false;
            }
        }
    }

    fn varies_by_itself(&self, zone: &Zone, label: &str) -> bool {
        let mut name = label;
        for _ in 0..=MAX_ALIAS_DEPTH {
            if self.has_variants(name) {
                return true;
            }
            let Some(found) = zone.labels.get(name) else { return false };
            if found.closest {
                return true;
            }
            let Some(alias) = &found.alias else { return false };
            name = alias;
        }
        true
    }
}

/// Whether no answer of a zone depends on the client.
pub fn is_client_independent(zone: &Zone) -> bool {
    zone.targeting == Targeting::GLOBAL && !zone.has_closest
}

/// The label that `name` belongs to if its last component is what clients of a zone with this
/// targeting may have as a target; `None` for the apex.
fn base(name: &str, targeting: Targeting) -> Option<&str> {
    if name.is_empty() {
        return None;
    }
    let cut = if name.ends_with(']') {
        if name.starts_with('[') { None } else { name.rfind(".[") }
    } else {
        name.rfind('.')
    };
    let (base, target) = cut.and_then(|cut| name.split_at_checked(cut)).unwrap_or(("", name));
    let target = target.strip_prefix('.').unwrap_or(target);
    // A database may know countries that our own table doesn't.
    let is_possible = target.len() == 2 || targeting.could_give(target);
    is_possible.then_some(base)
}

#[cfg(test)]
mod tests {
    use super::{Targeting, base};

    #[test]
    fn a_possible_target_is_cut_off_a_label() {
        let all = Targeting::parse("@ continent country regiongroup region asn ip").unwrap();
        for (name, expect) in [
            ("www.europe", "www"),
            ("europe", ""),
            ("a.b.us-ca", "a.b"),
            ("bar.[192.0.2.0]", "bar"),
            ("[192.0.2.0]", ""),
        ] {
            assert_eq!(base(name, all), Some(expect), "{name}");
        }
        for name in ["", "www", "www.child", "de.www"] {
            assert_eq!(base(name, all), None, "{name}");
        }
        assert_eq!(base("www.europe", Targeting::GLOBAL), None);
    }
}
