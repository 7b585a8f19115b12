//! A question's name comes in; the entry of that name, or of who answers for it, goes out.
//!
//! A name that isn't in the tables is answered for by the closest name above it that is (RFC 4592 §3.3.1), or by the
//! asterisk label below that one.

use crate::abi::maps::{LONG_SLOTS, NAME_SLOTS};
use crate::abi::{ClassRow, LONG_WORDS, NameTail};
use crate::frame::Frame;
use crate::name::{self, SHORT_OCTETS};
use crate::scratch::Scratch;
use crate::tables::Tables;
use crate::verdict::Verdict;

/// Who answers for a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    /// An entry: the name's own, or that of the asterisk label from which it is made up.
    Entry(NameTail),
    /// The name doesn't exist: a name above it, whose [`NameTail::absent`] is a deck.
    Above(NameTail),
}

/// In a slot's number: it is one of the long names.
const LONG: u32 = 1 << 31;

/// Finds who answers; `None` if not even a name above is there. `side` is which names are looked for, and their seed.
#[inline(always)]
pub(super) fn find<F: Frame, T: Tables>(
    tables: &T,
    scratch: &mut Scratch,
    side: (u32, u64),
) -> Result<Option<Found>, Verdict> {
    list::<F, T>(tables, scratch, side.0);
    F::settle(scratch);
    let mut index = 0;
    let slot = loop {
        if index >= Scratch::ABOVE || index >= scratch.n_above as usize {
            // There may be more of them than were listed.
            let is_whole = scratch.n_above as usize <= Scratch::ABOVE;
            return if is_whole { Ok(None) } else { Err(Verdict::Name) };
        }
        let octets = usize::from(scratch.above.get(index).copied().unwrap_or_default());
        if let Some(slot) = look::<F, T>(tables, scratch, side, octets) {
            break slot;
        }
        index += 1;
    };
    let index = F::forget(index, scratch.front);
    let slot = F::opaque(slot as usize);
    #[expect(clippy::cast_possible_truncation, reason = "a slot's number has 32 bits")]
    let tail = tail(tables, slot as u32)?;
    if index == 0 {
        return Ok(Some(Found::Entry(tail)));
    }
    if is_special(scratch) {
        return Err(Verdict::Name);
    }
    if tail.flags & NameTail::WILD == 0 {
        return if tail.absent == ClassRow::NONE {
            Err(Verdict::Name)
        } else {
            Ok(Some(Found::Above(tail)))
        };
    }
    wildcard::<F, T>(tables, scratch, side, tail.octets as usize).map(Found::Entry).map(Some)
}

/// Lists how many octets the name has, and the names above it that there may be.
#[inline(always)]
fn list<F: Frame, T: Tables>(tables: &T, scratch: &mut Scratch, side: u32) {
    let salt = scratch.front;
    let lengths = tables.control().sides[(side & 1) as usize].lengths;
    let octets = scratch.octets as usize;
    #[expect(clippy::cast_possible_truncation, reason = "a name has at most 255 octets")]
    let whole = octets as u8;
    scratch.above[0] = whole;
    let mut n = 1;
    let mut label = 1;
    while label < Scratch::LABELS {
        if label < scratch.n_labels as usize {
            let before = usize::from(scratch.labels.get(label).copied().unwrap_or_default());
            let rest = octets.wrapping_sub(before);
            let bits = lengths.get(rest >> 6 & 3).copied().unwrap_or_default();
            if bits >> (rest & 63) & 1 != 0 {
                if let Some(to) = scratch.above.get_mut(n) {
                    #[expect(clippy::cast_possible_truncation, reason = "as above")]
                    let rest = rest as u8;
                    *to = rest;
                }
                n = F::forget(n + 1, salt);
            }
        }
        label += 1;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is at most 128")]
    let n = n as u32;
    scratch.n_above = n;
}

/// Looks for the last so many octets of the name.
#[inline(always)]
fn look<F: Frame, T: Tables>(
    tables: &T,
    scratch: &Scratch,
    side: (u32, u64),
    octets: usize,
) -> Option<u32> {
    if octets <= SHORT_OCTETS {
        name::short_slot::<F, T>(tables, side, &scratch.name, octets)
    } else {
        name::long_slot::<F, T>(tables, side, &scratch.name, octets).map(|slot| slot | LONG)
    }
}

/// What the entry in a slot says.
#[inline(always)]
fn tail<T: Tables>(tables: &T, slot: u32) -> Result<NameTail, Verdict> {
    if slot & LONG == 0 {
        tables.short_name(slot & (2 * NAME_SLOTS - 1)).map(|entry| entry.tail)
    } else {
        tables.long_name(slot & (2 * LONG_SLOTS - 1)).map(|entry| entry.tail)
    }
    .ok_or(Verdict::Name)
}

/// The entry of the asterisk label below the name's last so many octets.
#[inline(always)]
fn wildcard<F: Frame, T: Tables>(
    tables: &T,
    scratch: &mut Scratch,
    side: (u32, u64),
    octets: usize,
) -> Result<NameTail, Verdict> {
    // The asterisk takes the place of what the name has there, which is at least as long, while it is looked for.
    let at = (8 * LONG_WORDS).wrapping_sub(2 + octets);
    // Masked behind what hides them, or the mask is proved superfluous and the verifier finds none.
    let [first, last] = [at, at + 1].map(|at| F::opaque(at / 8) & (LONG_WORDS - 1));
    let words = [scratch.name[first], scratch.name[last]];
    put(&mut scratch.name[first], at, 1);
    put(&mut scratch.name[last], at + 1, b'*');
    F::settle(scratch);
    let slot = look::<F, T>(tables, scratch, side, octets + 2);
    [scratch.name[first], scratch.name[last]] = words;
    tail(tables, slot.ok_or(Verdict::Name)?)
}

/// Puts an octet into its place in a word.
#[inline(always)]
const fn put(word: &mut u64, at: usize, octet: u8) {
    let shift = 8 * (at % 8);
    *word = *word & !(0xff << shift) | (octet as u64) << shift;
}

/// Whether the name begins with a label that is special in every zone, where the zone has nothing: `_status`,
/// `_health`, `_country`. (Others of eight octets that begin like the last are taken for it, too.)
#[inline(always)]
const fn is_special(scratch: &Scratch) -> bool {
    const CASE: u64 = u64::from_ne_bytes([0, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20]);
    const STATUS: u64 = u64::from_ne_bytes(*b"\x07_status") | CASE;
    const HEALTH: u64 = u64::from_ne_bytes(*b"\x07_health") | CASE;
    const COUNTRY: u64 = u64::from_ne_bytes(*b"\x08_countr") | CASE;
    matches!(scratch.first | CASE, STATUS | HEALTH | COUNTRY)
}
