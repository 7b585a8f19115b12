//! The answer stage: deals the card of the reply and finds its scope.

use crate::abi::{Answer, Card4, Card6, Extent, Hits, Kind, NameTail, TypeRow};
use crate::answer::{self, pick};
use crate::frame::Frame;
use crate::scratch::{Flags, Scratch};
use crate::subnet::{self, Subnet};
use crate::tables::Tables;
use crate::verdict::Verdict;
use crate::verifier::narrow32;
use crate::wire::dns;

/// Deals the reply's card.
#[inline(always)]
pub(super) fn choose<F: Frame, T: Tables>(
    tables: &T,
    scratch: &mut Scratch,
) -> Result<Verdict, Verdict> {
    let answer = answer_for(tables, scratch)?;
    if answer == Answer::NONE {
        return Err(Verdict::NoDeck);
    }
    scratch.answer = answer.0;
    scratch.class = 0;
    F::compiler_fence(scratch);
    client::<F, T>(tables, scratch)?;
    F::compiler_fence(scratch);
    deck(tables, scratch)?;
    scratch.authoritative = 1;
    F::compiler_fence(scratch);
    deal(tables, scratch)
}

/// What answers the question's type.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "places are counted by the lengths of the arrays")]
fn answer_for<T: Tables>(tables: &T, scratch: &Scratch) -> Result<Answer, Verdict> {
    let tail = &scratch.tail;
    if scratch.has_flag(Flags::ABOVE) {
        return Ok(Answer::constant(tail.absent));
    }
    #[expect(clippy::cast_possible_truncation, reason = "the word's lower half is the type")]
    let rtype = u16::from_be(scratch.type_class as u16);
    if rtype == dns::TYPE_A {
        return Ok(tail.a);
    }
    if rtype == dns::TYPE_AAAA {
        return Ok(tail.aaaa);
    }
    if tail.flags & NameTail::LIST == 0 {
        return Ok(tail.other);
    }
    let row = tables.type_row(tail.other.0).ok_or(Verdict::NoDeck)?;
    let mut answer = row.answers[TypeRow::TYPES];
    let mut place = 0;
    while place < TypeRow::TYPES {
        if row.types[place] == rtype && rtype != 0 {
            answer = row.answers[place];
        }
        place += 1;
    }
    Ok(answer)
}

/// Works out the client's class if the answer depends on it, and the scope if the name's answers
/// do.
#[inline(always)]
fn client<F: Frame, T: Tables>(tables: &T, scratch: &mut Scratch) -> Result<(), Verdict> {
    let has_subnet = scratch.has_flag(Flags::SUBNET) && !scratch.has_flag(Flags::ABOVE);
    let is_scoped = has_subnet && scratch.tail.flags & NameTail::SCOPED != 0;
    let varies = Answer(scratch.answer).varies();
    if !varies && !is_scoped {
        return Ok(());
    }
    if has_subnet && scratch.tail.flags & NameTail::NEAR != 0 && scratch.source_prefix != 0 {
        return Err(Verdict::ClientClass);
    }
    #[expect(clippy::cast_possible_truncation, reason = "they were widened when they were kept")]
    let (family, source_prefix) = (scratch.family as u16, scratch.source_prefix as u8);
    let subnet = Subnet { family, source_prefix, address: scratch.subnet };
    let subnet = if has_subnet { Some(&subnet) } else { None };
    let trie = scratch.tail.trie;
    let (class, scope) = subnet::resolve::<F, T>(tables, trie, scratch.source, subnet)?;
    if is_scoped {
        scratch.scope = scope.into();
    }
    if varies {
        scratch.class = class;
    }
    Ok(())
}

/// Finds the deck.
#[inline(always)]
fn deck<T: Tables>(tables: &T, scratch: &mut Scratch) -> Result<(), Verdict> {
    let answer = Answer(scratch.answer);
    let at = answer.index().wrapping_add(scratch.class);
    let deck = tables.deck(scratch.tail.table, at, answer.varies()).ok_or(Verdict::NoDeck)?;
    scratch.hit = Hits::place(&scratch.tail, at, answer.varies());
    // The apex's SOA record is everyone's.
    if deck.is_kind(Kind::Ready)
        && scratch.type_class == dns::type_class(dns::TYPE_SOA, dns::CLASS_IN)
        && scratch.octets == u32::from(deck.apex_octets)
    {
        scratch.scope = 0;
    }
    scratch.keep_deck(&deck);
    Ok(())
}

/// Deals a card of the deck.
#[inline(always)]
fn deal<T: Tables>(tables: &T, scratch: &mut Scratch) -> Result<Verdict, Verdict> {
    let deck = scratch.deck;
    let extent = Extent::unpack(deck.cards);
    if let Some(ready) = answer::negative(tables, deck, scratch.octets as usize) {
        scratch.cell = ready.entry;
        scratch.records = narrow32(ready.octets);
        scratch.sum = ready.sum;
        if deck.is_kind(Kind::Nxdomain) {
            scratch.rcode = dns::rcode::NXDOMAIN;
            return Ok(Verdict::Nxdomain);
        }
        return Ok(Verdict::Nodata);
    }
    let records = u32::from(deck.records);
    if records == 0 {
        return Err(Verdict::NoDeck);
    }
    if deck.is_kind(Kind::Ready) {
        let entry = extent.first.wrapping_add(pick(tables, extent));
        let rrs = tables.rrs(entry).ok_or(Verdict::NoDeck)?;
        if !(2..=crate::abi::Rrs::MOST).contains(&(rrs.octets_used as usize)) {
            return Err(Verdict::NoDeck);
        }
        scratch.cell = entry;
        scratch.records = rrs.octets_used;
        scratch.sum = rrs.sum;
        return Ok(Verdict::Answer);
    }
    let cells = records.div_ceil(4);
    let cell = extent.first.wrapping_add(pick(tables, extent).wrapping_mul(cells));
    let last = cell.wrapping_add(cells.wrapping_sub(1));
    scratch.cell = cell;
    if deck.is_kind(Kind::A) && records as usize <= Card4::MOST {
        tables.card4(last).ok_or(Verdict::NoDeck)?;
        scratch.records = records * narrow32(Card4::RECORD_OCTETS);
    } else if deck.is_kind(Kind::Aaaa) && records as usize <= Card6::MOST {
        tables.card6(last).ok_or(Verdict::NoDeck)?;
        scratch.records = records * narrow32(Card6::RECORD_OCTETS);
    } else {
        return Err(Verdict::NoDeck);
    }
    Ok(Verdict::Answer)
}
