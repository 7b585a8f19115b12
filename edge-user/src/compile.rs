//! A zone in, with the targets of each client class; names, class table and undealt decks out.
//!
//! Targets, fallthrough, aliases, TTLs: all policy is decided here, once, so that a packet only
//! finds a deck and takes a card. What decks can't hold has none, and is left to the authority.

use std::collections::{HashMap, HashSet};

use edge_common::abi::{Answer, Card4, Card6, ClassRow};

use crate::zone::{Found, Label, Name, RecordKind, Targeting, Targets, Zone, find};

/// The records that a deck is dealt from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// IPv4 addresses, with weights.
    A(Vec<([u8; 4], u32)>),
    /// IPv6 addresses, with weights.
    Aaaa(Vec<([u8; 16], u32)>),
    /// None: the answer is NODATA.
    Nodata,
}

/// A deck before it is dealt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Undealt {
    /// Where the cards' records come from.
    pub source: Source,
    /// Seconds.
    pub ttl: u32,
    /// Records on a card at most.
    pub max_hosts: usize,
}

/// A name and what it answers, in terms of the zone's decks and class table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The name on the wire, lower case.
    pub name: Box<[u8]>,
    /// For type A.
    pub a: Answer,
    /// For type AAAA.
    pub aaaa: Answer,
}

/// A zone, ready to be published.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The zone's name.
    pub apex: Name,
    /// Its names that have decks.
    pub owners: Vec<Owner>,
    /// Its decks, each once.
    pub decks: Vec<Undealt>,
    /// For each deck a name and type that it is for; carries remainders to the next version.
    pub deck_keys: Vec<(Box<str>, RecordKind)>,
    /// Runs of deck numbers by client class.
    pub classes: Vec<u16>,
    /// Client classes that it was compiled for.
    pub n_classes: usize,
    /// Its SOA record, as it stands in a negative answer.
    pub soa: Vec<u8>,
}

/// The deck numbers of one name and type: the same for all clients, or one a class.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Row {
    Constant(u16),
    ByClass(Vec<u16>),
}

/// Compiles a zone for clients of these classes. `soa` is the SOA record of its negative answers.
#[must_use]
pub fn compile(zone: &Zone, classes: &[Targets], soa: Vec<u8>) -> Compiled {
    let mut work = Work {
        zone,
        classes,
        varying: with_targets(zone, classes),
        rows: HashMap::new(),
        bases: HashMap::new(),
        by_label: HashMap::new(),
        by_content: HashMap::new(),
        compiled: Compiled {
            apex: zone.apex.clone(),
            owners: Vec::with_capacity(zone.labels.len()),
            decks: Vec::new(),
            deck_keys: Vec::new(),
            classes: Vec::new(),
            n_classes: classes.len(),
            soa,
        },
    };
    for label in &zone.labels {
        if let Some(name) = wire(&label.name, &zone.apex) {
            let a = work.answer(&label.name, RecordKind::A);
            let aaaa = work.answer(&label.name, RecordKind::Aaaa);
            work.compiled.owners.push(Owner { name, a, aaaa });
        }
    }
    work.compiled
}

/// The labels that have a variant for some target, so that clients may get different answers.
fn with_targets<'z>(zone: &'z Zone, classes: &[Targets]) -> HashSet<&'z str> {
    let targets: HashSet<&str> =
        classes.iter().flat_map(Targets::iter).filter(|target| *target != "@").collect();
    let mut bases = HashSet::new();
    for label in &zone.labels {
        let name: &str = &label.name;
        if targets.contains(name) {
            bases.insert("");
        }
        for (dot, _) in name.match_indices('.') {
            if name.get(dot + 1..).is_some_and(|end| targets.contains(end)) {
                bases.extend(name.get(..dot));
            }
        }
    }
    bases
}

/// A label's name on the wire.
fn wire(label: &str, apex: &Name) -> Option<Box<[u8]>> {
    let mut wire = Vec::with_capacity(64);
    for part in label.split('.').filter(|part| !part.is_empty()) {
        wire.push(u8::try_from(part.len()).ok().filter(|octets| *octets < 64)?);
        wire.extend_from_slice(part.as_bytes());
    }
    wire.extend_from_slice(apex.folded());
    wire.make_ascii_lowercase();
    (wire.len() <= edge_common::wire::dns::NAME_OCTETS).then(|| wire.into_boxed_slice())
}

struct Work<'z> {
    zone: &'z Zone,
    classes: &'z [Targets],
    varying: HashSet<&'z str>,
    /// By label (that an alias ends at) and type.
    rows: HashMap<(&'z str, RecordKind), Answer>,
    /// Runs of the class table, to be shared.
    bases: HashMap<Vec<u16>, u32>,
    /// Deck numbers by the label and type that hold the records.
    by_label: HashMap<(&'z str, RecordKind), u16>,
    /// Deck numbers by what is in them.
    by_content: HashMap<Undealt, u16>,
    compiled: Compiled,
}

impl<'z> Work<'z> {
    fn answer(&mut self, label: &'z str, kind: RecordKind) -> Answer {
        let label = self.end_of_aliases(label);
        if let Some(answer) = self.rows.get(&(label, kind)) {
            return *answer;
        }
        let answer = match self.row(label, kind) {
            Row::Constant(ClassRow::NONE) => Answer::NONE,
            Row::Constant(deck) => Answer::constant(deck),
            Row::ByClass(decks) => {
                let next = self.compiled.classes.len();
                let base = *self.bases.entry(decks).or_insert_with_key(|decks| {
                    self.compiled.classes.extend_from_slice(decks);
                    u32::try_from(next).unwrap_or(u32::MAX)
                });
                Answer::by_class(base)
            }
        };
        self.rows.insert((label, kind), answer);
        answer
    }

    /// The label whose answers an alias has, as far as no variant stands between.
    fn end_of_aliases(&self, label: &'z str) -> &'z str {
        let mut label = label;
        for _ in 0..crate::zone::resolve::MAX_ALIAS_DEPTH {
            match self.zone.labels.get(label).and_then(|found| found.alias.as_deref()) {
                Some(next)
                    if !self.varying.contains(label) && self.zone.labels.get(next).is_some() =>
                {
                    label = next;
                }
                _ => break,
            }
        }
        label
    }

    /// Whether clients may get different answers for a label: it, or one that its aliases lead
    /// to, has variants.
    fn varies(&self, label: &str) -> bool {
        let mut label = label;
        for _ in 0..=crate::zone::resolve::MAX_ALIAS_DEPTH {
            if self.varying.contains(label) {
                return true;
            }
            match self.zone.labels.get(label).and_then(|found| found.alias.as_deref()) {
                Some(next) => label = next,
                None => return false,
            }
        }
        true
    }

    fn row(&mut self, label: &'z str, kind: RecordKind) -> Row {
        if !self.varies(label) {
            let global = self.zone.targeting.contains(Targeting::GLOBAL);
            let everyone = Targets::of(global.then(|| "@".to_owned()));
            return Row::Constant(self.deck_for(label, kind, &everyone));
        }
        let classes = self.classes;
        let decks: Vec<u16> =
            classes.iter().map(|targets| self.deck_for(label, kind, targets)).collect();
        match decks.first() {
            Some(first) if decks.iter().all(|deck| deck == first) => Row::Constant(*first),
            _ => Row::ByClass(decks),
        }
    }

    fn deck_for(&mut self, label: &str, kind: RecordKind, targets: &Targets) -> u16 {
        match find(self.zone, label, targets, kind.number()) {
            Found::Records { label, kind: found } if found == kind => self.deck_of(label, kind),
            Found::NoData => {
                self.deck(label, kind, || Undealt { source: Source::Nodata, ttl: 0, max_hosts: 1 })
            }
            _ => ClassRow::NONE,
        }
    }

    /// The number of the deck with a label's records.
    fn deck_of(&mut self, label: &'z Label, kind: RecordKind) -> u16 {
        if let Some(deck) = self.by_label.get(&(&*label.name, kind)) {
            return *deck;
        }
        let ttl = self.zone.ttl_of(label, kind);
        let deck = match undealt(label, kind, ttl) {
            Some(undealt) => self.deck(&label.name, kind, || undealt),
            None => ClassRow::NONE,
        };
        self.by_label.insert((&label.name, kind), deck);
        deck
    }

    fn deck(&mut self, label: &str, kind: RecordKind, undealt: impl FnOnce() -> Undealt) -> u16 {
        let undealt = undealt();
        if let Some(deck) = self.by_content.get(&undealt) {
            return *deck;
        }
        let number = u16::try_from(self.compiled.decks.len()).unwrap_or(ClassRow::NONE);
        if number != ClassRow::NONE {
            self.compiled.decks.push(undealt.clone());
            self.compiled.deck_keys.push((label.into(), kind));
            self.by_content.insert(undealt, number);
        }
        number
    }
}

/// The records of a label as a deck's; `None` when no deck can hold what the authority answers:
/// more records than fit, or a choice that depends on more than the client's class.
fn undealt(label: &Label, kind: RecordKind, ttl: u32) -> Option<Undealt> {
    let (source, n, most) = match kind {
        RecordKind::A => {
            let records = label.a.as_deref().unwrap_or_default();
            let source = records.iter().map(|r| (r.data.octets(), r.weight)).collect();
            (Source::A(source), records.len(), Card4::MOST)
        }
        RecordKind::Aaaa => {
            let records = label.aaaa.as_deref().unwrap_or_default();
            let source = records.iter().map(|r| (r.data.octets(), r.weight)).collect();
            (Source::Aaaa(source), records.len(), Card6::MOST)
        }
        _ => return None,
    };
    let max_hosts = label.max_hosts.min(n);
    let by_distance = label.closest && max_hosts < n;
    if max_hosts == 0 || max_hosts > most || by_distance || label.health.is_some() || n > 0xffff {
        return None;
    }
    Some(Undealt { source, ttl, max_hosts })
}
