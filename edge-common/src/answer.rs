//! From a name's entry to the card that is dealt: everything that is decided before the frame is
//! touched.

use core::ops::Deref;

use crate::abi::{Answer, Card4, Card6, Deck, Extent, Kind, NameTail, Rrs};
use crate::name::SHORT_OCTETS;
use crate::tables::{Tables, answer_of};
use crate::verdict::Verdict;

/// What is dealt. Nearly all answers have four records, which then stand in one cell: these have
/// a way of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dealt<A, B> {
    /// Four A records, and their TTL.
    FourA(A, u32),
    /// Four AAAA records, and their TTL.
    FourAaaa(B, u32),
    /// Anything.
    Other(Other),
}

/// Any answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Other {
    /// The deck it is from.
    pub deck: Deck,
    /// Its first cell, or the entry of ready-made records.
    pub cell: u32,
    /// Octets that it adds to the message.
    pub octets: usize,
    /// One's-complement sum of these octets, as if they began at an even offset, when they are
    /// ready-made.
    pub sum: u32,
}

/// Whether a deck's kind is this one.
#[inline(always)]
pub(crate) const fn is(deck: &Deck, kind: Kind) -> bool {
    deck.kind == kind as u8
}

/// Finds the deck for a name's entry and type; `class` tells the client's class when it matters.
#[inline(always)]
fn deck<T: Tables>(
    tables: &T,
    entry: &NameTail,
    aaaa: bool,
    class: impl FnOnce(u32) -> Result<u32, Verdict>,
) -> Result<Deck, Verdict> {
    let answer = answer_of(entry, aaaa);
    if answer == Answer::NONE {
        return Err(Verdict::Deck);
    }
    let mut at = answer.index();
    if answer.varies() {
        at = at.wrapping_add(class(entry.trie)?);
    }
    tables.deck(entry.table, at, answer.varies()).ok_or(Verdict::Deck)
}

/// Deals a card for a name's entry and type. `name_octets` is the question's, for the pointer
/// from a record to the apex in it.
#[inline(always)]
pub(crate) fn deal<T: Tables>(
    tables: &T,
    entry: &NameTail,
    aaaa: bool,
    name_octets: usize,
    class: impl FnOnce(u32) -> Result<u32, Verdict>,
) -> Result<Dealt<impl Deref<Target = Card4>, impl Deref<Target = Card6>>, Verdict> {
    let deck = deck(tables, entry, aaaa, class)?;
    let extent = Extent::unpack(deck.cards);
    let usual = deck.records == 4 && name_octets <= SHORT_OCTETS;
    if usual && is(&deck, Kind::A) {
        let card = tables.card4(extent.first.wrapping_add(pick(tables, extent)));
        return Ok(Dealt::FourA(card.ok_or(Verdict::Deck)?, deck.ttl));
    }
    if usual && is(&deck, Kind::Aaaa) {
        let card = tables.card6(extent.first.wrapping_add(pick(tables, extent)));
        return Ok(Dealt::FourAaaa(card.ok_or(Verdict::Deck)?, deck.ttl));
    }
    other(tables, deck, extent, name_octets).map(Dealt::Other)
}

/// A card's number in its deck, at random.
#[inline(always)]
fn pick<T: Tables>(tables: &T, extent: Extent) -> u32 {
    ((u64::from(tables.random()) * u64::from(extent.cards)) >> 32) as u32
}

#[inline(always)]
fn other<T: Tables>(
    tables: &T,
    deck: Deck,
    extent: Extent,
    name_octets: usize,
) -> Result<Other, Verdict> {
    if is(&deck, Kind::Nodata) {
        let rrs = tables.rrs(extent.first).ok_or(Verdict::Deck)?;
        let octets = rrs.octets_used as usize;
        if !(2..=Rrs::MOST).contains(&octets) {
            return Err(Verdict::Deck);
        }
        let pointer = u32::from(apex_pointer(&deck, name_octets));
        return Ok(Other { deck, cell: extent.first, octets, sum: rrs.sum + pointer });
    }
    let records = u32::from(deck.records);
    let cells = records.div_ceil(4);
    let cell = extent.first.wrapping_add(pick(tables, extent).wrapping_mul(cells));
    let last = cell.wrapping_add(cells.wrapping_sub(1));
    if is(&deck, Kind::A) && records >= 1 && records as usize <= Card4::MOST {
        tables.card4(last).ok_or(Verdict::Deck)?;
        Ok(Other { deck, cell, octets: records as usize * Card4::RECORD_OCTETS, sum: 0 })
    } else if is(&deck, Kind::Aaaa) && records >= 1 && records as usize <= Card6::MOST {
        tables.card6(last).ok_or(Verdict::Deck)?;
        Ok(Other { deck, cell, octets: records as usize * Card6::RECORD_OCTETS, sum: 0 })
    } else {
        Err(Verdict::Deck)
    }
}

/// A pointer to the zone apex's name at the question's end, as a word in memory order.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "a name has at most 255 octets")]
pub(crate) const fn apex_pointer(deck: &Deck, name_octets: usize) -> u16 {
    let apex = crate::wire::dns::HEADER_OCTETS + name_octets - deck.apex_octets as usize;
    (crate::wire::dns::POINTER | apex as u16).to_be()
}
