//! A zone, a label, a client's targets and a QTYPE come in; the label whose records are the answer goes out.
//!
//! For each target in turn: the label with the target behind it is looked up; if it is an alias, what it names is
//! searched with the same targets; else its CNAME, else the type asked for. The first that yields a record wins.
//! Nothing is selected by weight here. Loops are refused when a zone is read; here every alias is followed at most
//! once per search, and at most [`MAX_ALIAS_DEPTH`] deep, so that no search can run away whatever the data.

use super::model::{Label, Zone};
use super::name::{Name, escape};
use super::record::RecordKind;
use super::targets::Targets;

/// How many aliases may lead from one to the next; deeper zones are refused.
pub const MAX_ALIAS_DEPTH: usize = 16;

/// QTYPE ANY.
const ANY: u16 = 255;

/// What a search found.
#[derive(Clone, Copy, Debug)]
pub enum Found<'z> {
    /// The records of `kind` at `label`; a CNAME may stand for what was asked.
    Records {
        /// The label that answers; its name is what the query log calls `LabelName`.
        label: &'z Label,
        /// Their kind: the QTYPE's or CNAME.
        kind: RecordKind,
    },
    /// The records of every kind at `label`, which isn't geo-targeted.
    Any {
        /// The label that answers.
        label: &'z Label,
    },
    /// The name exists for this client but has nothing of the type.
    NoData,
    /// The name doesn't exist for this client.
    NxDomain,
}

/// Searches `zone` for `label` (relative, lower case) and QTYPE `qtype`, on behalf of a client with `targets`.
///
/// A name that exists only with targets behind it (`www.europe` but no `www`) exists for clients that have one of
/// these targets: for them a missing type is NODATA, where geodns says NXDOMAIN.
#[must_use]
pub fn find<'z>(zone: &'z Zone, label: &str, targets: &Targets, qtype: u16) -> Found<'z> {
    find_where(zone, label, targets, qtype, &|_, _| true)
}

/// Like [`find`], but a set that `yields` nothing is passed over: it is asked about sets that aren't empty, and
/// says whether the health of their records leaves any.
#[must_use]
pub fn find_where<'z>(
    zone: &'z Zone,
    label: &str,
    targets: &Targets,
    qtype: u16,
    yields: &dyn Fn(&Label, RecordKind) -> bool,
) -> Found<'z> {
    let wanted = match RecordKind::of_number(qtype) {
        Some(kind) => Wanted::Kind(kind),
        None if qtype == ANY => Wanted::Any,
        None => Wanted::Nothing,
    };
    let mut search = Search { zone, targets, yields, followed: Vec::new(), exists: false };
    search.exists = zone.labels.position(label).is_some();
    match search.look(label, wanted, 0) {
        Some(found) => found,
        None if search.exists => Found::NoData,
        None => Found::NxDomain,
    }
}

/// What is looked for beside an alias and a CNAME.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Kind(RecordKind),
    Any,
    Nothing,
}

impl Wanted {
    /// An alias lends its records, but not what makes the other name a zone: NS and SOA.
    const fn through_alias(self) -> Self {
        match self {
            Self::Kind(RecordKind::Ns | RecordKind::Soa) => Self::Nothing,
            other => other,
        }
    }
}

struct Search<'z, 'q> {
    zone: &'z Zone,
    targets: &'q Targets,
    yields: &'q dyn Fn(&Label, RecordKind) -> bool,
    /// Aliases' labels already searched; they yielded nothing, or we wouldn't be searching.
    followed: Vec<&'z str>,
    /// Whether the name asked for exists, with or without a target.
    exists: bool,
}

impl<'z> Search<'z, '_> {
    fn look(&mut self, base: &str, wanted: Wanted, depth: usize) -> Option<Found<'z>> {
        let mut name = String::with_capacity(base.len() + 16);
        for target in self.targets.iter() {
            name.clear();
            match (base, target) {
                (_, "@") => name.push_str(base),
                ("", _) => name.push_str(target),
                _ => name.extend([base, ".", target]),
            }
            let Some(label) = self.zone.labels.get(&name) else { continue };
            self.exists = self.exists || depth == 0;
            if let Some(alias) = label.alias.as_deref()
                && let Some(found) = self.follow(alias, wanted, depth)
            {
                return Some(found);
            }
            if let Some(found) = self.take(label, base, wanted) {
                return Some(found);
            }
        }
        None
    }

    fn follow(&mut self, alias: &'z str, wanted: Wanted, depth: usize) -> Option<Found<'z>> {
        if depth >= MAX_ALIAS_DEPTH || self.followed.contains(&alias) {
            return None;
        }
        self.followed.push(alias);
        self.look(alias, wanted.through_alias(), depth + 1)
    }

    fn take(&self, label: &'z Label, base: &str, wanted: Wanted) -> Option<Found<'z>> {
        let has = |label: &Label, kind| label.has(kind) && (self.yields)(label, kind);
        if has(label, RecordKind::Cname) {
            return Some(Found::Records { label, kind: RecordKind::Cname });
        }
        match wanted {
            Wanted::Kind(kind) if has(label, kind) => Some(Found::Records { label, kind }),
            // The plain label's, even where a target's label was found: ANY isn't geo-targeted.
            Wanted::Any => self
                .zone
                .labels
                .get(base)
                .filter(|plain| RecordKind::ALL.into_iter().any(|kind| has(plain, kind)))
                .map(|label| Found::Any { label }),
            _ => None,
        }
    }
}

/// The label of an absolute name in wire format: relative to the zone's apex, lower case; `None` if the name isn't
/// in the zone or isn't well formed. Dots within a wire label are escaped, so that they never look like separators.
#[must_use]
pub fn split(zone: &Zone, qname: &[u8]) -> Option<String> {
    let apex = zone.apex.folded();
    let mut label = String::with_capacity(qname.len());
    let mut rest = qname;
    while rest.len() > apex.len() {
        let (&length, tail) = rest.split_first()?;
        let (octets, tail) = tail.split_at_checked(length.into())?;
        // A root label before the end, or the upper bits of a compression pointer.
        if octets.is_empty() || octets.len() > 63 {
            return None;
        }
        if !label.is_empty() {
            label.push('.');
        }
        escape(octets, &mut label);
        rest = tail;
    }
    label.make_ascii_lowercase();
    rest.eq_ignore_ascii_case(apex).then_some(label)
}

/// Like [`split`], for a name as text; a dot at the end is optional.
#[must_use]
pub fn split_text(zone: &Zone, qname: &str) -> Option<String> {
    split(zone, Name::parse(qname).ok()?.wire())
}

#[cfg(test)]
mod tests;
