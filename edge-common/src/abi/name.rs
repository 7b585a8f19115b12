//! Owner names: hash tables with open addressing and two sides.
//!
//! Every name is in one of the [`super::maps::NAME_PROBES`] slots from where its hash points.
//!
//! Words hold the wire name (labels with their length octets, root label included) in lower case,
//! aligned to its end: the name's last octet is the last octet of the last word in memory order.
//! Octets before the name are zero.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::deck::{Answer, TableId};

/// Words of a short name: up to 32 octets.
pub const NAME_WORDS: usize = 4;
/// Words of a long name: up to 256 octets.
pub const LONG_WORDS: usize = 32;

/// What a slot says about its name. `octets` 0: the slot is empty, and so are the name's further
/// probes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct NameTail {
    /// The lower 32 bits of the name's hash.
    pub hash: u32,
    /// Octets of the name, 1–255.
    pub octets: u32,
    /// Where the zone's tables are.
    pub table: TableId,
    /// Trie slot of the zone's targeting profile.
    pub trie: u32,
    /// For type A.
    pub a: Answer,
    /// For type AAAA.
    pub aaaa: Answer,
    /// For every other type; with [`NameTail::LIST`] the index of a [`TypeRow`].
    pub other: Answer,
    /// The deck that answers, whatever the type, for names below this one that don't exist
    /// (NXDOMAIN). [`super::ClassRow::NONE`] if the authority has to, or with [`NameTail::WILD`].
    pub absent: u16,
    /// What else there is to say of the name.
    pub flags: u16,
    /// Where the zone's answers are counted in [`super::Hits`].
    pub hits: u32,
    /// What is left of the places there: all bits, or none if the zone's answers aren't counted
    /// apart.
    pub hits_mask: u32,
}

impl NameTail {
    /// `other` is the index of a [`TypeRow`].
    pub const LIST: u16 = 1;
    /// Some answer for this name depends on the client: all of them have the client's scope (RFC
    /// 7871 §7.2.1).
    pub const SCOPED: u16 = 1 << 1;
    /// Answers may depend on where the client is, which the tables don't know: those with a scope
    /// pass.
    pub const NEAR: u16 = 1 << 2;
    /// Names below this one that don't exist are answered for by the asterisk label below it (RFC
    /// 4592).
    pub const WILD: u16 = 1 << 3;
}

/// What a name answers for types other than A and AAAA.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct TypeRow {
    /// Types that have an answer of their own; 0 in unused places.
    pub types: [u16; Self::TYPES],
    /// Zero.
    pub reserved: u16,
    /// Their answers, and at last that of every other type.
    pub answers: [Answer; Self::TYPES + 1],
}

impl TypeRow {
    /// Types a row.
    pub const TYPES: usize = 7;
}

/// A name of up to 32 octets.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ShortName {
    /// The name.
    pub words: [u64; NAME_WORDS],
    /// 0x20 in each octet that is a letter: or-ing a query's words with it folds their case.
    pub letters: [u64; NAME_WORDS],
    /// What it answers.
    pub tail: NameTail,
    /// Zero; keeps a slot on two cache lines.
    pub reserved: [u64; 3],
}

/// A name of 33 to 255 octets.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct LongName {
    /// The name.
    pub words: [u64; LONG_WORDS],
    /// What it answers.
    pub tail: NameTail,
}

const _: () = {
    assert!(size_of::<NameTail>() == 40);
    assert!(size_of::<TypeRow>() == 48);
    assert!(size_of::<ShortName>() == 128);
    assert!(size_of::<LongName>() == 296);
};
