//! The choice of an answer: from a name's entry to a dealt card.
//!
//! Everything here is decided before the frame is touched.

use core::ops::Deref;

use crate::abi::{Answer, Card4, Card6, Deck, Extent, Hits, Kind, NameTail, Rrs};
use crate::compose::NegativeAnswer;
use crate::tables::{Tables, answer_of};
use crate::verdict::Verdict;

/// What is dealt on the hot path.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dealt<A, B> {
    /// Four A records, and their TTL.
    FourA(A, u32),
    /// Four AAAA records, and their TTL.
    FourAaaa(B, u32),
    /// NODATA.
    Negative(NegativeAnswer),
}

/// Finds the deck of an answer in a zone's tables, and marks where the reply is counted. `class`
/// returns the client's class in a trie, and is called if it matters.
#[inline(always)]
fn deck<T: Tables>(
    tables: &T,
    entry: &NameTail,
    answer: Answer,
    class: impl FnOnce(u32) -> Result<u32, Verdict>,
) -> Result<Deck, Verdict> {
    if answer == Answer::NONE {
        return Err(Verdict::NoDeck);
    }
    let mut at = answer.index();
    if answer.varies() {
        at = at.wrapping_add(class(entry.trie)?);
    }
    tables.mark_hit(Hits::place(entry, at, answer.varies()));
    tables.deck(entry.table, at, answer.varies()).ok_or(Verdict::NoDeck)
}

/// Deals a card for a name's entry and type; `None` if it is one that the general path deals.
/// `name_octets` is the question's, for the pointer from a record to the apex in it.
#[inline(always)]
pub(crate) fn hot<T: Tables>(
    tables: &T,
    entry: &NameTail,
    aaaa: bool,
    name_octets: usize,
    class: impl FnOnce(u32) -> Result<u32, Verdict>,
) -> Result<Option<Dealt<impl Deref<Target = Card4>, impl Deref<Target = Card6>>>, Verdict> {
    let deck = deck(tables, entry, answer_of(entry, aaaa), class)?;
    let extent = Extent::unpack(deck.cards);
    if deck.records == 4 && deck.is_kind(Kind::A) {
        let card = tables.card4(extent.first.wrapping_add(pick(tables, extent)));
        return Ok(Some(Dealt::FourA(card.ok_or(Verdict::NoDeck)?, deck.ttl)));
    }
    if deck.records == 4 && deck.is_kind(Kind::Aaaa) {
        let card = tables.card6(extent.first.wrapping_add(pick(tables, extent)));
        return Ok(Some(Dealt::FourAaaa(card.ok_or(Verdict::NoDeck)?, deck.ttl)));
    }
    Ok(negative(tables, deck, name_octets).map(Dealt::Negative))
}

/// A card's number in its deck, at random.
#[inline(always)]
pub(crate) fn pick<T: Tables>(tables: &T, extent: Extent) -> u32 {
    ((u64::from(tables.random()) * u64::from(extent.cards)) >> 32) as u32
}

/// The ready-made answer of a deck that is a negative one.
#[inline(always)]
pub(crate) fn negative<T: Tables>(
    tables: &T,
    deck: Deck,
    name_octets: usize,
) -> Option<NegativeAnswer> {
    if !deck.is_kind(Kind::Nodata) && !deck.is_kind(Kind::Nxdomain) {
        return None;
    }
    let entry = Extent::unpack(deck.cards).first;
    let rrs = tables.rrs(entry)?;
    let octets = rrs.octets_used as usize;
    if !(2..=Rrs::MOST).contains(&octets) {
        return None;
    }
    let pointer = u32::from(deck.apex_pointer(name_octets));
    Some(NegativeAnswer { deck, entry, octets, sum: rrs.sum + pointer })
}
