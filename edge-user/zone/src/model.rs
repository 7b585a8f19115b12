//! A zone after it is read: options, labels, SOA record and TTLs.
//!
//! Names of labels are relative to the apex, in lower case, with dots between the components. `""`
//! is the apex and always exists. Every parent of a label exists too, so that an empty non-terminal
//! is NODATA and not NXDOMAIN (RFC 8020 §2).

use std::net::{Ipv4Addr, Ipv6Addr};

use foldhash::HashMap;

use super::name::Name;
use super::record::{Mx, Record, RecordKind, Records, Srv, WireRecord};
use super::targets::Targeting;

/// TTL of NS records whose label has none of its own, in seconds.
pub const NS_TTL: u32 = 86_400;

/// A zone.
#[derive(Clone, Debug)]
pub struct Zone {
    /// The zone's name, letters as in the file's name.
    pub apex: Name,
    /// The serial of the SOA.
    pub serial: u32,
    /// TTL of records whose label has none, in seconds.
    pub ttl: u32,
    /// How many selected records an answer has at most, unless the label says otherwise.
    pub max_hosts: usize,
    /// The mailbox of the SOA (RNAME).
    pub contact: Name,
    /// Which targets a client of this zone has.
    pub targeting: Targeting,
    /// Whether the zone or any of its labels asks for the closest servers, so that clients need a
    /// location.
    pub has_closest: bool,
    /// Whether the health of some label's records decides which of them answer.
    pub has_health: bool,
    /// The labels.
    pub labels: Labels,
    /// What was ignored or looks wrong though the zone was accepted; one line each, for the log.
    pub warnings: Vec<String>,
}

/// The data of the SOA record, and its TTL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Soa {
    /// Primary name server.
    pub mname: Name,
    /// Mailbox of whoever is responsible.
    pub rname: Name,
    /// Version of the zone.
    pub serial: u32,
    /// Seconds.
    pub refresh: u32,
    /// Seconds.
    pub retry: u32,
    /// Seconds.
    pub expire: u32,
    /// Seconds; the TTL below is what limits negative answers.
    pub minimum: u32,
    /// TTL of the SOA record itself, in seconds.
    pub ttl: u32,
}

impl Zone {
    /// The SOA record as geodns makes it: ten times the zone's TTL, at most an hour, 600 if the
    /// zone's is 0.
    #[must_use]
    pub fn soa(&self) -> Soa {
        let first_ns = self.labels.get("").and_then(|apex| apex.ns.as_ref()?.first());
        let mname = match first_ns {
            Some(ns) => ns.data.clone(),
            // Only an apex of more than 252 octets is too long for the label.
            None => Name::parse_under("ns", &self.apex).unwrap_or_else(|_| self.apex.clone()),
        };
        let ttl = if self.ttl == 0 { 600 } else { self.ttl.saturating_mul(10).min(3600) };
        Soa {
            mname,
            rname: self.contact.clone(),
            serial: self.serial,
            refresh: 5400,
            retry: 5400,
            expire: 1_209_600,
            minimum: 3600,
            ttl,
        }
    }

    /// TTL of the records of `kind` at `label`, in seconds.
    #[must_use]
    pub fn ttl_of(&self, label: &Label, kind: RecordKind) -> u32 {
        match kind {
            RecordKind::Soa => self.soa().ttl,
            RecordKind::Ns => label.ttl.unwrap_or(NS_TTL),
            _ => label.ttl.unwrap_or(self.ttl),
        }
    }
}

/// One label of a zone and its records. A set is `None` if the file doesn't have it, and may be
/// empty if it does: `"a": []` says that there are none here on purpose.
#[derive(Clone, Debug, Default)]
pub struct Label {
    /// Relative to the apex, lower case; `""` is the apex.
    pub name: Box<str>,
    /// TTL of its records, in seconds; never 0, which counts as not given.
    pub ttl: Option<u32>,
    /// How many selected records an answer has at most; 0 for none.
    pub max_hosts: usize,
    /// Whether addresses close to the client are preferred.
    pub closest: bool,
    /// The health status set that decides which records are answered.
    pub health: Option<Box<str>>,
    /// The label whose records are answered here, lower case; it need not exist.
    pub alias: Option<Box<str>>,
    /// IPv4 addresses.
    pub a: Option<Vec<Record<Ipv4Addr>>>,
    /// Name servers.
    pub ns: Option<Vec<Record<Name>>>,
    /// Canonical names.
    pub cname: Option<Vec<Record<Name>>>,
    /// Pointers.
    pub ptr: Option<Vec<Record<Name>>>,
    /// Mail exchanges.
    pub mx: Option<Vec<Record<Mx>>>,
    /// Texts.
    pub txt: Option<Vec<Record<Box<str>>>>,
    /// IPv6 addresses.
    pub aaaa: Option<Vec<Record<Ipv6Addr>>>,
    /// Servers.
    pub srv: Option<Vec<Record<Srv>>>,
    /// Sender policies.
    pub spf: Option<Vec<Record<Box<str>>>>,
    /// Records of the types whose data are kept as on the wire; each type once at most.
    pub wire: Vec<(RecordKind, Vec<WireRecord>)>,
}

impl Label {
    /// Whether an answer from its records of `kind` could hold any, as far as `max_hosts` goes.
    #[must_use]
    pub fn yields(&self, kind: RecordKind) -> bool {
        let records = self.records(kind);
        kind == RecordKind::Cname || self.max_hosts > 0 || records.total_weight() == 0
    }

    /// Its records of `kind`; the apex always has a SOA.
    #[must_use]
    pub fn records(&self, kind: RecordKind) -> Records<'_> {
        match kind {
            RecordKind::A => Records::A(self.a.as_deref().unwrap_or_default()),
            RecordKind::Ns => Records::Ns(self.ns.as_deref().unwrap_or_default()),
            RecordKind::Cname => Records::Cname(self.cname.as_deref().unwrap_or_default()),
            RecordKind::Soa if self.name.is_empty() => Records::Soa,
            RecordKind::Soa => Records::None,
            RecordKind::Ptr => Records::Ptr(self.ptr.as_deref().unwrap_or_default()),
            RecordKind::Mx => Records::Mx(self.mx.as_deref().unwrap_or_default()),
            RecordKind::Txt => Records::Txt(self.txt.as_deref().unwrap_or_default()),
            RecordKind::Aaaa => Records::Aaaa(self.aaaa.as_deref().unwrap_or_default()),
            RecordKind::Srv => Records::Srv(self.srv.as_deref().unwrap_or_default()),
            RecordKind::Spf => Records::Spf(self.spf.as_deref().unwrap_or_default()),
            RecordKind::Naptr
            | RecordKind::Ds
            | RecordKind::Sshfp
            | RecordKind::Tlsa
            | RecordKind::Svcb
            | RecordKind::Https
            | RecordKind::Caa => {
                let set = self.wire.iter().find(|(own, _)| *own == kind);
                Records::Wire(set.map_or(&[], |(_, records)| records.as_slice()))
            }
        }
    }

    /// Whether its first label is an asterisk (RFC 4592 §2.1.1).
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.name.strip_prefix('*').is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Whether it has at least one record of `kind`.
    #[must_use]
    pub fn has_kind(&self, kind: RecordKind) -> bool {
        !self.records(kind).is_empty()
    }
}

/// The labels of a zone: found by name, walked in the order of their names (the apex first).
#[derive(Clone, Debug, Default)]
pub struct Labels {
    sorted: Vec<Label>,
    index: HashMap<Box<str>, usize>,
    has_wildcards: bool,
}

impl Labels {
    /// Takes labels with distinct names, and adds the apex and the parents they lack.
    pub(super) fn new(given: Vec<Label>, defaults: &Label) -> Self {
        let mut index: HashMap<Box<str>, usize> =
            given.iter().enumerate().map(|(at, label)| (label.name.clone(), at)).collect();
        let mut sorted = given;
        let n_given = sorted.len();
        let mut missing = vec![Box::from("")];
        for label in sorted.iter().take(n_given) {
            let mut rest = &*label.name;
            while let Some((_, parent)) = rest.split_once('.') {
                if !index.contains_key(parent) {
                    missing.push(Box::from(parent));
                }
                rest = parent;
            }
        }
        for name in missing {
            if !index.contains_key(&name) {
                index.insert(name.clone(), sorted.len());
                sorted.push(Label { name, ..defaults.clone() });
            }
        }
        sorted.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        for (at, label) in sorted.iter().enumerate() {
            if let Some(place) = index.get_mut(&label.name) {
                *place = at;
            }
        }
        let has_wildcards = sorted.iter().any(|label| label.is_wildcard());
        Self { sorted, index, has_wildcards }
    }

    /// Whether there are names below an asterisk label's parent that are made up when they are
    /// asked for.
    #[must_use]
    pub const fn has_wildcards(&self) -> bool {
        self.has_wildcards
    }

    /// All labels in the order of their names, mutable except for their names.
    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Label> {
        self.sorted.iter_mut()
    }

    /// The label called `name` (relative, lower case).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Label> {
        self.sorted.get(self.position(name)?)
    }

    /// Where the label called `name` is in [`iter`](Self::iter).
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// All labels in the order of their names.
    pub fn iter(&self) -> std::slice::Iter<'_, Label> {
        self.sorted.iter()
    }

    /// How many labels there are, empty non-terminals included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are none; never so in a zone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }
}

impl<'z> IntoIterator for &'z Labels {
    type Item = &'z Label;
    type IntoIter = std::slice::Iter<'z, Label>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
