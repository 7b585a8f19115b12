//! The search for the label whose records answer a query.
//!
//! For each target of the client in turn, the label with the target behind it is looked up. If it
//! is an alias, the label that it names is searched with the same targets. Otherwise its CNAME is
//! taken, or else the type of the query. The first set with a record is the result. A name that
//! doesn't exist may be made from a wildcard (RFC 4592). Nothing is selected by weight here.
//!
//! Alias loops are refused when a zone is read. The search follows each alias at most once, and at
//! most [`MAX_ALIAS_DEPTH`] deep, so that it ends whatever the data.

use edge_common::wire::dns::TYPE_ANY;

use super::model::{Label, Zone};
use super::name::{MAX_NAME_OCTETS, Name, escape};
use super::record::RecordKind;
use super::targets::Targets;
use super::wire::Reader;

/// How many aliases may lead from one to the next; deeper zones are refused.
pub const MAX_ALIAS_DEPTH: usize = 16;

/// The name of no label, since labels print.
const NOWHERE: &str = " ";

/// The policy for queries of type ANY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnyPolicy {
    /// One HINFO record (RFC 8482 §4.2).
    #[default]
    Minimal,
    /// The records of every type at the plain label, those of each selected as for a query of the
    /// type.
    Full,
}

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

/// Conditions of a search that don't follow from the zone's own data.
pub trait Rules {
    /// Whether an answer from this set, which isn't empty, would hold any record; if not, it is
    /// passed over.
    fn yields(&self, _: &Label, _: RecordKind) -> bool {
        true
    }

    /// What another zone makes of a name of this one.
    fn cut(&self, _: &str) -> Option<ZoneCut> {
        None
    }

    /// Whether a name that the zone doesn't have has an answer of its own, so that none is made up
    /// for it.
    fn is_reserved(&self, _: &str) -> bool {
        false
    }
}

/// No conditions.
impl Rules for () {}

/// Where a name stands to a zone nested in ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneCut {
    /// It leads to the other zone's apex: it exists, if only as an empty non-terminal.
    Above,
    /// It is the other zone's apex: all it has here are DS records (RFC 4035 §3.1.4.1).
    At,
}

/// Searches `zone` for `label` (relative, lower case) and QTYPE `qtype`, on behalf of a client with
/// `targets`.
///
/// A name that exists only with targets behind it (`www.europe` but no `www`) exists for clients
/// that have one of these targets: for them a missing type is NODATA, where geodns says NXDOMAIN.
///
/// For a name that doesn't exist the asterisk label below its closest encloser is searched (RFC
/// 4592), with targets as any other label is: of `*.europe` and `*` a European is answered by the
/// first. So `*.europe` is the wildcard below `europe`, too.
#[must_use]
pub fn find<'z>(zone: &'z Zone, label: &str, targets: &Targets, qtype: u16) -> Found<'z> {
    find_where(zone, label, targets, qtype, &())
}

/// Like [`find`], by `rules`.
#[must_use]
pub fn find_where<'z>(
    zone: &'z Zone,
    label: &str,
    targets: &Targets,
    qtype: u16,
    rules: &dyn Rules,
) -> Found<'z> {
    let wanted = match RecordKind::of_number(qtype) {
        Some(kind) => Wanted::Kind(kind),
        None if qtype == TYPE_ANY => Wanted::Any,
        None => Wanted::Nothing,
    };
    let cut = rules.cut(label);
    if cut == Some(ZoneCut::At) {
        let at = zone.labels.get(label).filter(|label| label.has_kind(RecordKind::Ds));
        return match (at, wanted) {
            (Some(label), Wanted::Kind(kind @ RecordKind::Ds)) => Found::Records { label, kind },
            _ => Found::NoData,
        };
    }
    let mut search = Search { zone, targets, rules, followed: Vec::new(), exists: false };
    search.exists = cut.is_some() || zone.labels.position(label).is_some();
    let mut found = search.look(label, wanted, 0);
    if found.is_none() && !search.exists && zone.labels.has_wildcards() && !rules.is_reserved(label)
    {
        let mut buffer = NameBuffer::default();
        let source = search.source_of_synthesis(label, &mut buffer);
        search.exists = zone.labels.position(source).is_some();
        found = search.look(source, wanted, 0);
    }
    match found {
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
    /// Whether it is of those that only the apex's own label has.
    const fn is_of_apex(self) -> bool {
        matches!(self, Self::Kind(RecordKind::Ns | RecordKind::Soa))
    }

    /// An alias lends its records, but not what makes the other name a zone: NS and SOA.
    const fn through_alias(self) -> Self {
        match self {
            wanted if wanted.is_of_apex() => Self::Nothing,
            wanted => wanted,
        }
    }
}

struct Search<'z, 'q> {
    zone: &'z Zone,
    targets: &'q Targets,
    rules: &'q dyn Rules,
    /// Aliases' labels already searched; they yielded nothing, or we wouldn't be searching.
    followed: Vec<&'z str>,
    /// Whether the name asked for exists, with or without a target.
    exists: bool,
}

impl<'z> Search<'z, '_> {
    /// The asterisk label that answers for `label`, which doesn't exist.
    fn source_of_synthesis<'b>(&self, label: &str, buffer: &'b mut NameBuffer) -> &'b str {
        let mut encloser = parent(label);
        while !encloser.is_empty() && !self.is_there(encloser) {
            encloser = parent(encloser);
        }
        wildcard_below(encloser, buffer)
    }

    /// Whether a name exists for this client.
    fn is_there(&self, name: &str) -> bool {
        let labels = &self.zone.labels;
        let mut buffer = NameBuffer::default();
        labels.position(name).is_some()
            || self.rules.cut(name).is_some()
            || self.targets.iter().filter(|target| *target != "@").any(|target| {
                let name = buffer.join(&[name, ".", target]);
                name.is_some_and(|name| labels.position(name).is_some())
            })
    }

    fn look(&mut self, base: &str, wanted: Wanted, depth: usize) -> Option<Found<'z>> {
        let mut buffer = NameBuffer::default();
        for target in self.targets.iter() {
            let name = match (base, target) {
                (_, "@") => base,
                ("", _) => target,
                _ => buffer.join(&[base, ".", target]).unwrap_or(NOWHERE),
            };
            let Some(label) = self.zone.labels.get(name) else { continue };
            self.exists = self.exists || depth == 0;
            // Nothing stands for what makes the zone a zone.
            if base.is_empty() && depth == 0 && wanted.is_of_apex() {
                if let Some(found) = self.take_kind(label, wanted) {
                    return Some(found);
                }
                continue;
            }
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

    fn answers(&self, label: &Label, kind: RecordKind) -> bool {
        label.has_kind(kind) && self.rules.yields(label, kind)
    }

    fn take_kind(&self, label: &'z Label, wanted: Wanted) -> Option<Found<'z>> {
        match wanted {
            Wanted::Kind(kind) if self.answers(label, kind) => Some(Found::Records { label, kind }),
            _ => None,
        }
    }

    fn take(&self, label: &'z Label, base: &str, wanted: Wanted) -> Option<Found<'z>> {
        if self.answers(label, RecordKind::Cname) {
            return Some(Found::Records { label, kind: RecordKind::Cname });
        }
        match wanted {
            Wanted::Kind(_) => self.take_kind(label, wanted),
            // The plain label's, even where a target's label was found: ANY isn't geo-targeted.
            Wanted::Any => self
                .zone
                .labels
                .get(base)
                .filter(|plain| RecordKind::ALL.into_iter().any(|kind| self.answers(plain, kind)))
                .map(|label| Found::Any { label }),
            Wanted::Nothing => None,
        }
    }
}

/// The asterisk label below a label; [`NOWHERE`] if it would be too long for a name.
pub fn wildcard_below<'b>(encloser: &str, buffer: &'b mut NameBuffer) -> &'b str {
    match encloser {
        "" => "*",
        _ => buffer.join(&["*.", encloser]).unwrap_or(NOWHERE),
    }
}

/// A buffer for the name of any label that a zone may have.
pub struct NameBuffer([u8; MAX_NAME_OCTETS]);

impl Default for NameBuffer {
    fn default() -> Self {
        Self([0; MAX_NAME_OCTETS])
    }
}

impl NameBuffer {
    /// The parts as one text; `None` if that is longer than a name.
    fn join(&mut self, parts: &[&str]) -> Option<&str> {
        let mut octets = 0;
        for part in parts {
            let end = octets + part.len();
            self.0.get_mut(octets..end)?.copy_from_slice(part.as_bytes());
            octets = end;
        }
        str::from_utf8(self.0.get(..octets)?).ok()
    }
}

/// The name above a label; the apex is above all and itself.
pub fn parent(label: &str) -> &str {
    let mut is_escaped = false;
    let dot = label.bytes().position(|octet| {
        let is_dot = octet == b'.' && !is_escaped;
        is_escaped = octet == b'\\' && !is_escaped;
        is_dot
    });
    dot.and_then(|dot| label.get(dot + 1..)).unwrap_or_default()
}

/// The label of an absolute name in wire format: relative to the zone's apex, lower case; `None` if
/// the name isn't in the zone or isn't well formed. Dots within a wire label are escaped, so that
/// they never look like separators.
#[must_use]
pub fn split(zone: &Zone, qname: &[u8]) -> Option<String> {
    let mut label = String::with_capacity(qname.len());
    split_into(zone, qname, &mut label)?;
    Some(label)
}

/// Like [`split`], but replaces the content of `label`, whatever comes out.
#[must_use]
pub fn split_into(zone: &Zone, qname: &[u8], label: &mut String) -> Option<()> {
    label.clear();
    let apex = zone.apex.folded();
    let mut reader = Reader::new(qname);
    while reader.rest().len() > apex.len() {
        let octets = reader.label()?;
        if !label.is_empty() {
            label.push('.');
        }
        escape(octets, label);
    }
    label.make_ascii_lowercase();
    reader.rest().eq_ignore_ascii_case(apex).then_some(())
}

/// Like [`split`], for a name as text; a dot at the end is optional.
#[must_use]
pub fn split_text(zone: &Zone, qname: &str) -> Option<String> {
    split(zone, Name::parse(qname).ok()?.wire())
}

#[cfg(test)]
mod tests;
