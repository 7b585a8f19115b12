//! Answers, class rows and decks: what a name answers.
//!
//! Decks and class rows are tables of each zone.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::wire::dns;

/// Which inner maps hold a zone's tables: size class and slot in its maps of maps.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct TableId(pub u32);

impl TableId {
    /// Size classes of zones.
    pub const CLASSES: usize = 3;
    const SHIFT: u32 = 24;

    /// The table in `slot` (below 2²⁴) of size class `class` (below [`Self::CLASSES`]).
    #[must_use]
    pub const fn new(class: u32, slot: u32) -> Self {
        Self(class << Self::SHIFT | slot)
    }

    /// Size class, smallest first.
    #[inline(always)]
    #[must_use]
    pub const fn class(self) -> u32 {
        self.0 >> Self::SHIFT
    }

    /// Slot in the maps of maps of its class.
    #[inline(always)]
    #[must_use]
    pub const fn slot(self) -> u32 {
        self.0 & ((1 << Self::SHIFT) - 1)
    }
}

/// The answer of a name for one type: nothing, one deck for all clients, or a deck by client class.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Answer(pub u32);

impl Answer {
    /// No deck: the authority answers.
    pub const NONE: Self = Self(u32::MAX);
    const VARIES: u32 = 1 << 31;

    /// The same deck for every client.
    #[must_use]
    pub const fn constant(deck: u16) -> Self {
        Self(deck as u32)
    }

    /// Entry `base` + client class of the zone's class table names the deck.
    #[must_use]
    pub const fn by_class(base: u32) -> Self {
        Self(Self::VARIES | base)
    }

    /// Whether the deck depends on the client.
    #[inline(always)]
    #[must_use]
    pub const fn varies(self) -> bool {
        self.0 & Self::VARIES != 0
    }

    /// The deck's number, or the base in the class table.
    #[inline(always)]
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0 & !Self::VARIES
    }
}

/// 32 entries of a zone's class table: deck numbers, [`ClassRow::NONE`] where there is none.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ClassRow {
    /// Deck numbers.
    pub decks: [u16; Self::ENTRIES],
}

impl ClassRow {
    /// Entries a row.
    pub const ENTRIES: usize = 32;
    /// No deck: the authority answers.
    pub const NONE: u16 = u16::MAX;
}

/// One deck of cards. All zero: no deck.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Deck {
    /// An [`Extent`]. Userspace replaces it by one aligned store when it deals the deck again.
    pub cards: u64,
    /// Seconds.
    pub ttl: u32,
    /// Resource records on each card; 1–12 (A) or 1–7 (AAAA), any number of ready-made ones.
    pub records: u8,
    /// A [`Kind`].
    pub kind: u8,
    /// Octets of the zone apex's name on the wire, root label included.
    pub apex_octets: u8,
    /// Zero.
    pub reserved: u8,
}

/// What the cards of a deck are.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No deck.
    None = 0,
    /// A records: cells of `Shared::cards_a`.
    A = 1,
    /// AAAA records: cells of `Shared::cards_aaaa`.
    Aaaa = 2,
    /// NODATA: the zone's SOA, ready-made in `Shared::rrs`, goes into the authority section.
    Nodata = 3,
    /// NXDOMAIN: likewise.
    Nxdomain = 4,
    /// Ready-made records of the answer section in `Shared::rrs`, a card an entry. They are
    /// complete, but fit only behind a question of the octets for which they were made.
    Ready = 5,
}

/// Where a deck's cards stand in their map, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// First cell.
    pub first: u32,
    /// Cards; at least 1, below 2²⁴.
    pub cards: u32,
    /// Counts the deals, modulo 256.
    pub deal: u8,
}

impl Extent {
    /// As the word in [`Deck::cards`].
    #[must_use]
    pub const fn pack(self) -> u64 {
        self.first as u64 | (self.cards as u64) << 32 | (self.deal as u64) << 56
    }

    /// From the word in [`Deck::cards`].
    #[inline(always)]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "fields are masked or cut on purpose")]
    pub const fn unpack(word: u64) -> Self {
        Self {
            first: word as u32,
            cards: (word >> 32) as u32 & 0xff_ffff,
            deal: (word >> 56) as u8,
        }
    }
}

impl Deck {
    /// A zeroed deck: the authority answers.
    pub const NONE: Self =
        Self { cards: 0, ttl: 0, records: 0, kind: 0, apex_octets: 0, reserved: 0 };

    /// Whether the deck's cards are of this kind.
    #[inline(always)]
    #[must_use]
    pub const fn is_kind(&self, kind: Kind) -> bool {
        self.kind == kind as u8
    }

    /// A compression pointer (RFC 1035 §4.1.4) from a record to the zone apex's name, which ends
    /// the name of `name_octets` octets in the question. As a word in memory order.
    #[inline(always)]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a name has at most 255 octets")]
    pub const fn apex_pointer(&self, name_octets: usize) -> u16 {
        // A deck's name ends with the apex. Of tables that are corrupt the pointer may be any; no
        // check and no panic is worth a step of each negative answer.
        let apex = (dns::HEADER_OCTETS + name_octets).wrapping_sub(self.apex_octets as usize);
        (dns::POINTER | apex as u16).to_be()
    }
}

const _: () = {
    assert!(size_of::<Deck>() == 16);
    assert!(size_of::<ClassRow>() == 64);
};

#[cfg(test)]
mod tests {
    use super::{Answer, Extent, TableId};

    #[test]
    fn an_extent_survives_packing() {
        let extent = Extent { first: 0xfedc_ba98, cards: 0xff_fffe, deal: 0xa5 };
        assert_eq!(Extent::unpack(extent.pack()), extent);
    }

    #[test]
    fn answers_and_table_ids_keep_their_parts() {
        assert!(!Answer::constant(u16::MAX).varies());
        assert_eq!(Answer::constant(7).index(), 7);
        assert!(Answer::by_class(70_000).varies());
        assert_eq!(Answer::by_class(70_000).index(), 70_000);
        assert_eq!((TableId::new(2, 3).class(), TableId::new(2, 3).slot()), (2, 3));
    }
}
