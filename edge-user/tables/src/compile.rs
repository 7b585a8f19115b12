//! The compiler of a zone into names, a class table and undealt decks.
//!
//! All policy is decided here, once: targets, fallthrough, aliases, wildcards, TTLs. The search is
//! the one that the authority makes for each query, so a packet only finds a deck and takes a card.
//! An answer that decks can't hold has no deck, and the authority gives it. What depends on the
//! other loaded zones is decided when names are published.

mod amend;
mod answers;
mod decks;
mod names;
mod ready;
mod types;

use std::sync::Arc;

use edge_common::abi::{Answer, NameTail, TypeRow, maps};

use amend::Origin;
pub use amend::amend;
use answers::Answers;
use edge_zone::special::Special;
use edge_zone::{AnyPolicy, Name, RecordKind, Targets, Zone};
use names::Names;
pub use ready::Choice;

/// Number of the deck of NODATA, which every zone has.
pub const NODATA: u16 = 0;
/// Number of the deck of NXDOMAIN, which every zone has.
pub const NXDOMAIN: u16 = 1;

/// The records that a deck is dealt from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// IPv4 addresses, with weights.
    A(Vec<([u8; 4], u32)>),
    /// IPv6 addresses, with weights.
    Aaaa(Vec<([u8; 16], u32)>),
    /// None: the answer is NODATA.
    Nodata,
    /// None: the answer is NXDOMAIN.
    Nxdomain,
    /// The one answer there is: complete records as on the wire, and how many.
    Card(Box<[u8]>, u8),
    /// Records of another type.
    Choice(Choice),
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

/// A name and what it answers, in terms of the zone's decks, class table and rows of types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The name on the wire, lower case.
    pub name: Box<[u8]>,
    /// Whether it exists for every client. Others are those of whom only labels with a target
    /// behind them exist.
    pub is_label: bool,
    /// For type A.
    pub a: Answer,
    /// For type AAAA.
    pub aaaa: Answer,
    /// For every other type.
    pub other: Other,
    /// What answers for names below it that don't exist.
    pub absent: Absent,
    /// [`NameTail::SCOPED`] and [`NameTail::NEAR`].
    pub flags: u16,
}

/// What a name answers for types other than A and AAAA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// The same for all of them.
    Same(Answer),
    /// What this row of [`Compiled::types`] has for the type.
    Row(u32),
}

/// What answers for the names below one that don't exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The authority.
    Authority,
    /// The deck of NXDOMAIN.
    Denied,
    /// The asterisk label below it, which is an owner, too.
    Wildcard,
}

/// A zone, ready to be published.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The zone's name.
    pub apex: Name,
    /// Its names: labels, and names that only some clients have.
    pub owners: Vec<Owner>,
    /// What its apex answers for types other than A and AAAA where a zone above it is loaded, which
    /// DS belongs to.
    pub nested: Other,
    /// Whether names are made up from wildcards.
    pub has_wildcards: bool,
    /// Its decks, each once; [`NODATA`] and [`NXDOMAIN`] first.
    pub decks: Vec<Undealt>,
    /// For each deck a name and type that it is for; carries remainders to the next version.
    pub deck_keys: Vec<(Box<str>, RecordKind)>,
    /// Runs of deck numbers by client class.
    pub classes: Vec<u16>,
    /// Types that have answers of their own, each row once.
    pub types: Vec<TypeRow>,
    /// Client classes that it was compiled for.
    pub n_classes: usize,
    /// Its SOA record, as it stands in a negative answer.
    pub soa: Vec<u8>,
    /// The same without ready-made records, where that needs a smaller table.
    pub plain: Option<Box<Self>>,
    /// Whether there are ready-made records.
    has_ready: bool,
    /// What the decks were made of.
    origins: Arc<[Origin]>,
    /// One for all that were amended from the same.
    shape: Arc<()>,
}

impl Compiled {
    /// The same without the decks and what belongs to them.
    fn without_decks(&self) -> Self {
        let Self { apex, owners, nested, has_wildcards, deck_keys, classes, types, .. } = self;
        Self {
            apex: apex.clone(),
            owners: owners.clone(),
            nested: *nested,
            has_wildcards: *has_wildcards,
            decks: Vec::new(),
            deck_keys: deck_keys.clone(),
            classes: classes.clone(),
            types: types.clone(),
            n_classes: self.n_classes,
            soa: Vec::new(),
            plain: None,
            has_ready: self.has_ready,
            origins: Arc::clone(&self.origins),
            shape: Arc::clone(&self.shape),
        }
    }

    /// Size classes of zone tables that hold it; empty if it is too large for any.
    pub fn size_classes(&self) -> impl Iterator<Item = usize> + use<> {
        let (decks, classes) = (self.decks.len(), self.classes.len());
        let rows = maps::DECK_ROWS.into_iter().zip(maps::CLASS_ROWS).enumerate();
        rows.filter_map(move |(class, (deck_rows, class_rows))| {
            let entries = class_rows as usize * edge_common::abi::ClassRow::ENTRIES;
            (decks <= deck_rows as usize && classes <= entries).then_some(class)
        })
    }
}

/// Compiles a zone for clients of these classes. `soa` is the SOA record of its negative answers;
/// `any` is what answers type ANY.
#[must_use]
pub fn compile(zone: &Zone, classes: &[Targets], soa: Vec<u8>, any: AnyPolicy) -> Compiled {
    let full = compile_with(zone, classes, soa.clone(), Some(any));
    let large = full.size_classes().next();
    if large == Some(0) {
        return full;
    }
    let plain = compile_with(zone, classes, soa, None);
    let small = plain.size_classes().next();
    match (large, small) {
        (Some(large), Some(small)) if small < large => {
            Compiled { plain: Some(Box::new(plain)), ..full }
        }
        (Some(_), _) => full,
        (None, _) => plain,
    }
}

/// Compiles a zone, without ready-made records unless it is known what answers ANY.
fn compile_with(
    zone: &Zone,
    classes: &[Targets],
    soa: Vec<u8>,
    any: Option<AnyPolicy>,
) -> Compiled {
    let names = Names::of(zone);
    let mut answers = Answers::new(zone, names.variants(), classes, soa, any);
    let mut owners = Vec::with_capacity(zone.labels.len());
    let mut nested = Other::Same(Answer::NONE);
    for name in names.all() {
        // No question can name what is too long for a name.
        let Some(wire) = names::wire(name.label, &zone.apex) else { continue };
        let asked = answers::Asked::new(name.label, &wire);
        let is_scoped = names.is_scoped(name.label);
        let mut owner = Owner {
            name: Box::default(),
            is_label: name.is_label,
            a: Answer::NONE,
            aaaa: Answer::NONE,
            other: Other::Same(Answer::NONE),
            absent: names.absent(&name),
            flags: if is_scoped { NameTail::SCOPED } else { 0 },
        };
        // Where a special label doesn't exist, the authority's answer has more than that.
        if name.is_label || Special::of(name.label).is_none() {
            owner.a = answers.answer(&asked, RecordKind::A.number());
            owner.aaaa = answers.answer(&asked, RecordKind::Aaaa.number());
            if any.is_some() {
                let others = answers.others(&asked);
                owner.other = answers.types.other(&others);
                if name.label.is_empty() {
                    nested = answers.types.other(&others.without_ds());
                }
            }
            if answers.take_near() {
                owner.flags |= NameTail::NEAR;
            }
        }
        owner.name = wire;
        owners.push(owner);
    }
    let has_wildcards = zone.labels.has_wildcards();
    answers.into_compiled(owners, nested, has_wildcards)
}
