//! Who answers for a name comes in; the card of the reply goes out, dealt, with its scope.

use crate::abi::{Answer, Card4, Card6, Deck, Extent, Kind, NameTail, TypeRow};
use crate::answer::{self, is, pick};
use crate::frame::Frame;
use crate::scratch::{Scratch, has};
use crate::subnet::{self, Subnet};
use crate::tables::Tables;
use crate::verdict::Verdict;
use crate::wire::dns;

use super::name::Found;

/// Deals the reply's card.
#[inline(always)]
pub(super) fn choose<F: Frame, T: Tables>(
    tables: &T,
    scratch: &mut Scratch,
    found: &Found,
) -> Result<Verdict, Verdict> {
    let deck = match found {
        Found::Above(tail) => tables.deck(tail.table, tail.absent.into(), false),
        Found::Entry(tail) => Some(deck::<F, T>(tables, scratch, tail)?),
    };
    scratch.deck = deck.ok_or(Verdict::Deck)?;
    scratch.authoritative = 1;
    F::settle(scratch);
    deal(tables, scratch)
}

/// The deck that answers what is asked of an entry's name.
#[inline(always)]
fn deck<F: Frame, T: Tables>(
    tables: &T,
    scratch: &mut Scratch,
    tail: &NameTail,
) -> Result<Deck, Verdict> {
    let answer = F::opaque(answer_for(tables, scratch, tail)? as usize);
    #[expect(clippy::cast_possible_truncation, reason = "an answer has 32 bits")]
    let answer = Answer(answer as u32);
    if answer == Answer::NONE {
        return Err(Verdict::Deck);
    }
    let is_scoped = scratch.has(has::SUBNET) && tail.flags & NameTail::SCOPED != 0;
    let mut at = answer.index();
    if answer.varies() || is_scoped {
        if tail.flags & NameTail::NEAR != 0
            && scratch.has(has::SUBNET)
            && scratch.source_prefix != 0
        {
            return Err(Verdict::Place);
        }
        let (class, scope) = client(tables, scratch, tail.trie)?;
        if is_scoped {
            scratch.scope = scope.into();
        }
        if answer.varies() {
            at = at.wrapping_add(class);
        }
    }
    let deck = tables.deck(tail.table, at, answer.varies()).ok_or(Verdict::Deck)?;
    // The apex's SOA record is everyone's.
    if is(&deck, Kind::Ready)
        && scratch.type_class == dns::type_class(dns::TYPE_SOA, dns::CLASS_IN)
        && scratch.octets == u32::from(deck.apex_octets)
    {
        scratch.scope = 0;
    }
    Ok(deck)
}

/// The client's class, and the scope of what depends on it.
#[inline(always)]
fn client<T: Tables>(tables: &T, scratch: &Scratch, trie: u32) -> Result<(u32, u8), Verdict> {
    #[expect(clippy::cast_possible_truncation, reason = "they were widened when they were kept")]
    let (family, source_prefix) = (scratch.family as u16, scratch.source_prefix as u8);
    let subnet = Subnet { family, source_prefix, address: scratch.subnet };
    let subnet = if scratch.has(has::SUBNET) { Some(&subnet) } else { None };
    subnet::resolve(tables, trie, scratch.source, subnet)
}

/// What a name answers for the question's type.
#[inline(always)]
fn answer_for<T: Tables>(tables: &T, scratch: &Scratch, tail: &NameTail) -> Result<u32, Verdict> {
    #[expect(clippy::cast_possible_truncation, reason = "the word's lower half is the type")]
    let rtype = u16::from_be(scratch.type_class as u16);
    if rtype == dns::TYPE_A {
        return Ok(tail.a.0);
    }
    if rtype == dns::TYPE_AAAA {
        return Ok(tail.aaaa.0);
    }
    if tail.flags & NameTail::LIST == 0 {
        return Ok(tail.other.0);
    }
    let row = tables.type_row(tail.other.0).ok_or(Verdict::Deck)?;
    let mut answer = row.answers[TypeRow::TYPES];
    let mut place = 0;
    while place < TypeRow::TYPES {
        if row.types[place] == rtype && rtype != 0 {
            answer = row.answers[place];
        }
        place += 1;
    }
    Ok(answer.0)
}

/// Deals a card of the deck.
#[inline(always)]
fn deal<T: Tables>(tables: &T, scratch: &mut Scratch) -> Result<Verdict, Verdict> {
    let deck = scratch.deck;
    let extent = Extent::unpack(deck.cards);
    if let Some(ready) = answer::negative(tables, deck, scratch.octets as usize) {
        scratch.cell = ready.entry;
        scratch.records = narrow(ready.octets);
        scratch.sum = ready.sum;
        if is(&deck, Kind::Nxdomain) {
            scratch.rcode = dns::rcode::NXDOMAIN;
            return Ok(Verdict::Nxdomain);
        }
        return Ok(Verdict::Nodata);
    }
    let records = u32::from(deck.records);
    if records == 0 {
        return Err(Verdict::Deck);
    }
    if is(&deck, Kind::Ready) {
        let entry = extent.first.wrapping_add(pick(tables, extent));
        let rrs = tables.rrs(entry).ok_or(Verdict::Deck)?;
        if !(2..=crate::abi::Rrs::MOST).contains(&(rrs.octets_used as usize)) {
            return Err(Verdict::Deck);
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
    if is(&deck, Kind::A) && records as usize <= Card4::MOST {
        tables.card4(last).ok_or(Verdict::Deck)?;
        scratch.records = records * narrow(Card4::RECORD_OCTETS);
    } else if is(&deck, Kind::Aaaa) && records as usize <= Card6::MOST {
        tables.card6(last).ok_or(Verdict::Deck)?;
        scratch.records = records * narrow(Card6::RECORD_OCTETS);
    } else {
        return Err(Verdict::Deck);
    }
    Ok(Verdict::Answer)
}

/// A length inside a frame, which never has 2³² octets.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "lengths inside a frame have 16 bits")]
const fn narrow(octets: usize) -> u32 {
    octets as u32
}
