//! The answers of names by type: decks, or runs of decks by client class.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use edge_common::abi::{Answer, ClassRow};
use edge_common::wire::dns::TYPE_ANY;

use super::amend::Origin;
use super::decks::{Decks, addresses};
use super::types::{Others, Types};
use super::{Compiled, NODATA, NXDOMAIN, Other, Owner, Undealt, ready};
use edge_zone::AnyPolicy;
use edge_zone::resolve::MAX_ALIAS_DEPTH;
use edge_zone::variants::Variants;
use edge_zone::{Found, Label, RecordKind, Rules, Targeting, Targets, Zone, find_where};

/// A type that no zone holds, of those for private use (RFC 6895 §3.1).
const UNHELD: u16 = 65_280;

/// The data in which a name is searched: only the zone's own. Other zones are considered when names
/// are published.
struct Alone;

impl Rules for Alone {
    fn yields(&self, label: &Label, kind: RecordKind) -> bool {
        label.yields(kind)
    }
}

/// A name that is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'n> {
    label: &'n str,
    /// Octets of the name on the wire.
    octets: u8,
    /// Whether it answers for longer names, too.
    is_wildcard: bool,
}

impl<'n> Asked<'n> {
    pub(super) fn new(label: &'n str, wire: &[u8]) -> Self {
        let octets = u8::try_from(wire.len()).unwrap_or(u8::MAX);
        Self { label, octets, is_wildcard: wire.starts_with(b"\x01*") }
    }
}

/// The answers of a zone.
pub(super) struct Answers<'z> {
    zone: &'z Zone,
    variants: &'z Variants,
    soa: Vec<u8>,
    /// What answers ANY, if there are ready-made records.
    any: Option<AnyPolicy>,
    /// For each class its targets that labels name; each list once.
    lists: Vec<Targets>,
    /// For each class the index of its targets in `lists`.
    list_of: Vec<usize>,
    /// Types of which the zone has records, except those that every name answers like [`UNHELD`].
    kinds: Vec<RecordKind>,
    /// Known answers by label (at the end of aliases), type, and the length of the question if that
    /// matters, 0 if it doesn't.
    known: HashMap<(&'z str, u16, u8), (Answer, bool)>,
    /// Deck numbers by the label that holds the records, type, and length as in `known`.
    by_label: HashMap<(&'z str, RecordKind, u8), u16>,
    /// Runs of the class table, to be shared.
    bases: HashMap<Vec<u16>, u32>,
    classes: Vec<u16>,
    decks: Decks,
    pub(super) types: Types,
    /// Whether an answer since the last [`Self::take_near`] was of a label with `closest`.
    is_near: bool,
    /// Whether the answer being made holds for one length of question only.
    is_for_length: bool,
}

impl<'z> Answers<'z> {
    pub(super) fn new(
        zone: &'z Zone,
        variants: &'z Variants,
        classes: &[Targets],
        soa: Vec<u8>,
        any: Option<AnyPolicy>,
    ) -> Self {
        /// The types that are asked for most.
        const FIRST: [RecordKind; 5] =
            [RecordKind::Https, RecordKind::Txt, RecordKind::Ns, RecordKind::Soa, RecordKind::Mx];
        let (lists, list_of) = distinct(zone, classes);
        let rest = RecordKind::ALL.into_iter().filter(|kind| !FIRST.contains(kind));
        let is_held = |kind: &RecordKind| zone.labels.iter().any(|label| label.has_kind(*kind));
        let is_address = |kind: &RecordKind| matches!(kind, RecordKind::A | RecordKind::Aaaa);
        let kinds = FIRST.into_iter().chain(rest).filter(|kind| {
            let at_apex = matches!(kind, RecordKind::Ns | RecordKind::Soa);
            !is_address(kind) && (at_apex || is_held(kind))
        });
        Self {
            zone,
            variants,
            soa,
            any,
            lists,
            list_of,
            kinds: kinds.collect(),
            known: HashMap::new(),
            by_label: HashMap::new(),
            bases: HashMap::new(),
            classes: Vec::new(),
            decks: Decks::new(),
            types: Types::default(),
            is_near: false,
            is_for_length: false,
        }
    }

    pub(super) fn into_compiled(
        self,
        owners: Vec<Owner>,
        nested: Other,
        has_wildcards: bool,
    ) -> Compiled {
        let origins = self.by_label.iter().map(|((label, kind, octets), deck)| Origin {
            label: (*label).into(),
            kind: *kind,
            octets: *octets,
            deck: *deck,
        });
        Compiled {
            apex: self.zone.apex.clone(),
            owners,
            nested,
            has_wildcards,
            decks: self.decks.decks,
            deck_keys: self.decks.keys,
            classes: self.classes,
            types: self.types.rows,
            n_classes: self.list_of.len(),
            soa: self.soa,
            plain: None,
            has_ready: self.any.is_some(),
            origins: origins.collect(),
            shape: Arc::default(),
        }
    }

    /// Whether an answer since the last time was of a label with `closest`.
    pub(super) fn take_near(&mut self) -> bool {
        std::mem::take(&mut self.is_near)
    }

    /// What a name answers for types other than A and AAAA.
    pub(super) fn others(&mut self, asked: &Asked<'z>) -> Others {
        let default = self.answer(asked, UNHELD);
        let mut own = Vec::new();
        for kind in self.kinds.clone() {
            // Away from the apex nothing has a SOA record.
            if kind != RecordKind::Soa || asked.label.is_empty() {
                own.push((kind.number(), self.answer(asked, kind.number())));
            }
        }
        own.push((TYPE_ANY, self.answer(asked, TYPE_ANY)));
        Others { default, own }
    }

    /// What a name answers for a type.
    pub(super) fn answer(&mut self, asked: &Asked<'z>, qtype: u16) -> Answer {
        let label = self.end_of_aliases(asked.label, qtype);
        for length in [0, Self::length(asked)] {
            if let Some((answer, is_near)) = self.known.get(&(label, qtype, length)) {
                self.is_near |= is_near;
                return *answer;
            }
        }
        let was_near = self.take_near();
        self.is_for_length = false;
        let answer = self.make(label, qtype, asked);
        let length = if self.is_for_length { Self::length(asked) } else { 0 };
        self.known.insert((label, qtype, length), (answer, self.is_near));
        self.is_near |= was_near;
        answer
    }

    /// The length by which names differ where the length of the question matters. The questions of
    /// a wildcard have any length.
    const fn length(asked: &Asked<'_>) -> u8 {
        // No name has one or two octets but the root, which isn't a wildcard.
        if asked.is_wildcard { 2 } else { asked.octets }
    }

    fn make(&mut self, label: &'z str, qtype: u16, asked: &Asked<'z>) -> Answer {
        if !self.variants.varies(self.zone, label) {
            let global = self.zone.targeting.contains(Targeting::GLOBAL);
            let everyone = Targets::of(global.then(|| "@".to_owned()));
            return constant(self.deck_for(label, qtype, &everyone, asked));
        }
        let lists = std::mem::take(&mut self.lists);
        let decks: Vec<u16> =
            lists.iter().map(|targets| self.deck_for(label, qtype, targets, asked)).collect();
        self.lists = lists;
        match decks.first() {
            Some(first) if decks.iter().all(|deck| deck == first) => return constant(*first),
            _ => {}
        }
        let by_class = self.list_of.iter();
        let by_class: Vec<u16> =
            by_class.map(|list| decks.get(*list).copied().unwrap_or(ClassRow::NONE)).collect();
        let next = self.classes.len();
        let base = *self.bases.entry(by_class).or_insert_with_key(|decks| {
            self.classes.extend_from_slice(decks);
            u32::try_from(next).unwrap_or(u32::MAX)
        });
        Answer::by_class(base)
    }

    /// The label at the end of aliases, whose answers an alias has. The search stops at a label
    /// that has variants, or something of its own.
    fn end_of_aliases(&self, label: &'z str, qtype: u16) -> &'z str {
        // An alias doesn't lend these.
        if [RecordKind::Ns, RecordKind::Soa].iter().any(|kind| kind.number() == qtype) {
            return label;
        }
        let labels = &self.zone.labels;
        let mut label = label;
        for _ in 0..MAX_ALIAS_DEPTH {
            let Some(found) = labels.get(label) else { break };
            let Some(next) = found.alias.as_deref().filter(|next| labels.get(next).is_some())
            else {
                break;
            };
            let has_own = RecordKind::ALL.into_iter().any(|kind| found.has_kind(kind));
            if self.variants.has_variants(label) || has_own {
                break;
            }
            label = next;
        }
        label
    }

    fn deck_for(&mut self, label: &str, qtype: u16, targets: &Targets, asked: &Asked<'z>) -> u16 {
        let zone = self.zone;
        match find_where(zone, label, targets, qtype, &Alone) {
            Found::NoData => NODATA,
            Found::NxDomain => NXDOMAIN,
            Found::Records { label, kind } => {
                self.is_near |= label.closest;
                self.deck_of(label, kind, asked)
            }
            Found::Any { label } => {
                self.is_near |= label.closest;
                match self.any {
                    Some(AnyPolicy::Minimal) => {
                        self.decks.number("", RecordKind::Soa, ready::any(zone))
                    }
                    Some(AnyPolicy::Full) | None => ClassRow::NONE,
                }
            }
        }
    }

    /// The number of the deck with a label's records, for clients that ask for a name.
    fn deck_of(&mut self, label: &'z Label, kind: RecordKind, asked: &Asked<'z>) -> u16 {
        for length in [0, Self::length(asked)] {
            if let Some(deck) = self.by_label.get(&(&*label.name, kind, length)) {
                self.is_for_length |= length != 0;
                return *deck;
            }
        }
        let (undealt, is_for_length) = self.undealt(label, kind, asked);
        // Those who ask for what a wildcard makes up have names of any length.
        let undealt = undealt.filter(|_| !(is_for_length && asked.is_wildcard));
        let deck = match undealt {
            Some(undealt) => self.decks.number(&label.name, kind, undealt),
            None => ClassRow::NONE,
        };
        self.is_for_length |= is_for_length;
        let length = if is_for_length { Self::length(asked) } else { 0 };
        self.by_label.insert((&label.name, kind, length), deck);
        deck
    }

    /// The deck with a label's records, if any can hold them, and whether it is for one length of
    /// question only.
    fn undealt(
        &self,
        label: &Label,
        kind: RecordKind,
        asked: &Asked<'_>,
    ) -> (Option<Undealt>, bool) {
        if matches!(kind, RecordKind::A | RecordKind::Aaaa) {
            return (addresses(label, kind, self.zone.ttl_of(label, kind)), false);
        }
        if self.any.is_none() {
            return (None, false);
        }
        match ready::ready(self.zone, &self.soa, label, kind, asked.octets) {
            Some(ready) => (Some(ready.undealt), ready.is_for_length),
            None => (None, false),
        }
    }
}

const fn constant(deck: u16) -> Answer {
    if deck == ClassRow::NONE { Answer::NONE } else { Answer::constant(deck) }
}

/// For each class its targets that some label is for; each list once. The second part has the index
/// of each class's list.
fn distinct(zone: &Zone, classes: &[Targets]) -> (Vec<Targets>, Vec<usize>) {
    let mut mentioned: HashSet<&str> = HashSet::new();
    for label in &zone.labels {
        mentioned.insert(&label.name);
        let ends = label.name.match_indices('.').filter_map(|(dot, _)| label.name.get(dot + 1..));
        mentioned.extend(ends);
    }
    let mut lists = Vec::new();
    let mut places: HashMap<Vec<&str>, usize> = HashMap::new();
    let list_of = classes.iter().map(|targets| {
        let kept = targets.iter().filter(|target| *target == "@" || mentioned.contains(target));
        let kept: Vec<&str> = kept.collect();
        *places.entry(kept).or_insert_with_key(|kept| {
            lists.push(Targets::of(kept.iter().map(|target| (*target).to_owned())));
            lists.len() - 1
        })
    });
    let list_of = list_of.collect();
    (lists, list_of)
}
