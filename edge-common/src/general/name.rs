//! The name stage: finds the entry of the name that answers.
//!
//! For a name that isn't in the tables the closest name above it that is there answers (RFC 4592
//! §3.3.1), or the asterisk label below that one.

use crate::abi::maps::{LONG_SLOTS, NAME_PROBES, NAME_SLOTS};
use crate::abi::{ClassRow, LONG_WORDS, NAME_WORDS, NameTail};
use crate::frame::Frame;
use crate::name::{self, SHORT_OCTETS};
use crate::scratch::{Flags, Scratch};
use crate::tables::Tables;
use crate::verdict::Verdict;

/// In a slot's number: it is one of the long names.
const LONG: u32 = 1 << 31;

/// Finds the entry that answers: that of the name itself, that of the asterisk label from which it
/// is synthesised, or with [`Flags::ABOVE`] that of a name above, whose [`NameTail::absent`] is a
/// deck. False if not even a name above is there.
#[inline(always)]
pub(super) fn find<F: Frame, T: Tables>(
    tables: &T,
    scratch: &mut Scratch,
) -> Result<bool, Verdict> {
    list::<F, T>(tables, scratch);
    hash(scratch);
    F::compiler_fence(scratch);
    let mut index = 0;
    let slot = loop {
        if index >= Scratch::ABOVE || index >= scratch.n_above as usize {
            return Ok(false);
        }
        let octets = scratch.above.get(index).copied().unwrap_or_default();
        scratch.found = octets.into();
        if let Some(slot) = probe::<F, T>(tables, scratch) {
            break slot;
        }
        index += 1;
    };
    entry::<F, T>(tables, scratch, slot)?;
    F::compiler_fence(scratch);
    if scratch.found == scratch.octets {
        return Ok(true);
    }
    if is_special(scratch) {
        return Err(Verdict::UnknownName);
    }
    if scratch.tail.flags & NameTail::WILD != 0 {
        wildcard::<F, T>(tables, scratch)?;
    } else if scratch.tail.absent == ClassRow::NONE {
        return Err(Verdict::UnknownName);
    } else {
        scratch.flags.set(Flags::ABOVE);
    }
    Ok(true)
}

/// Lists how many octets the name has, and the names above it that there may be.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "two bits index four words")]
fn list<F: Frame, T: Tables>(tables: &T, scratch: &mut Scratch) {
    let salt = scratch.front;
    let side = tables.side(scratch.side);
    let octets = scratch.octets as usize;
    #[expect(clippy::cast_possible_truncation, reason = "a name has at most 255 octets")]
    let whole = octets as u8;
    scratch.above[0] = whole;
    let mut n = 1;
    let mut label = 1;
    while label < Scratch::LABELS && label < scratch.n_labels as usize {
        let before = usize::from(scratch.labels.get(label).copied().unwrap_or_default());
        let rest = octets.wrapping_sub(before);
        let bits = side.lengths[rest >> 6 & 3];
        let labels = u64::from(scratch.n_labels).wrapping_sub(label as u64);
        if bits >> (rest & 63) & 1 != 0 && labels <= side.labels {
            if let Some(to) = scratch.above.get_mut(n) {
                #[expect(clippy::cast_possible_truncation, reason = "as above")]
                let rest = rest as u8;
                *to = rest;
            }
            n += 1;
        }
        n = F::forget(n, salt);
        label += 1;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is at most 128")]
    let n = n as u32;
    scratch.n_above = n;
}

/// Hashes the name, block by block from its end. As blocks end where the name does, the names above
/// it have all but their first blocks in common with it.
#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "a name has as many blocks as hashes, and as many rounds"
)]
fn hash(scratch: &mut Scratch) {
    let octets = scratch.octets as usize;
    let (blocks, _) = scratch.name.as_chunks::<NAME_WORDS>();
    let mut hash = scratch.seed;
    let mut index = 0;
    while index < name::BLOCKS {
        scratch.hashes[index] = hash;
        if name::has_block(index + 1, octets) {
            hash = name::short_hash(hash, blocks[name::BLOCKS - 1 - index]);
        }
        index += 1;
    }
}

/// The slot of whatever has the hash of the name's last [`Scratch::found`] octets.
#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "the index is masked, and the number of blocks is a power of two"
)]
fn probe<F: Frame, T: Tables>(tables: &T, scratch: &Scratch) -> Option<u32> {
    let (side, octets) = (scratch.side & 1, scratch.found as usize);
    let block = octets.wrapping_sub(1) / SHORT_OCTETS;
    // Masked behind what hides them, or the masks are proved superfluous and the verifier finds
    // none.
    let first = F::opaque((name::BLOCKS - 1).wrapping_sub(block)) & (name::BLOCKS - 1);
    let (blocks, _) = scratch.name.as_chunks::<NAME_WORDS>();
    let words = name::mask::<F>(blocks[first], octets.wrapping_sub(block * SHORT_OCTETS));
    let before = scratch.hashes[F::opaque(block) & (name::BLOCKS - 1)];
    let hash = name::short_hash(before, words);
    let mut probe = 0;
    if octets <= SHORT_OCTETS {
        let (first, tag) = name::place(hash, NAME_SLOTS);
        while probe < NAME_PROBES {
            let slot = ((first + probe) & (NAME_SLOTS - 1)) + side * NAME_SLOTS;
            let entry = tables.short_name(slot)?;
            if entry.tail.hash == tag {
                return Some(slot);
            }
            if entry.tail.octets == 0 {
                return None;
            }
            probe += 1;
        }
    } else {
        let (first, tag) = name::place(hash, LONG_SLOTS);
        while probe < NAME_PROBES {
            let slot = ((first + probe) & (LONG_SLOTS - 1)) + side * LONG_SLOTS;
            let entry = tables.long_name(slot)?;
            if entry.tail.hash == tag {
                return Some(slot | LONG);
            }
            if entry.tail.octets == 0 {
                return None;
            }
            probe += 1;
        }
    }
    None
}

/// Keeps the entry in a slot, if it is that of the name's last [`Scratch::found`] octets. If
/// another name has the same hash, which happens once in four billion names, the query passes.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "blocks and words of a block are counted by constants")]
fn entry<F: Frame, T: Tables>(tables: &T, scratch: &mut Scratch, slot: u32) -> Result<(), Verdict> {
    let octets = scratch.found as usize;
    let (blocks, _) = scratch.name.as_chunks::<NAME_WORDS>();
    #[expect(clippy::cast_possible_truncation, reason = "a slot's number has 32 bits")]
    let slot = F::opaque(slot as usize) as u32;
    if slot & LONG == 0 {
        let entry = tables.short_name(slot).ok_or(Verdict::UnknownName)?;
        let words = name::mask::<F>(blocks[name::BLOCKS - 1], octets);
        let differs = ((words[0] | entry.letters[0]) ^ entry.words[0])
            | ((words[1] | entry.letters[1]) ^ entry.words[1])
            | ((words[2] | entry.letters[2]) ^ entry.words[2])
            | ((words[3] | entry.letters[3]) ^ entry.words[3])
            | (entry.tail.octets as usize ^ octets) as u64;
        scratch.keep_tail(&entry.tail);
        return if differs == 0 { Ok(()) } else { Err(Verdict::UnknownName) };
    }
    let entry = tables.long_name(slot & !LONG).ok_or(Verdict::UnknownName)?;
    let (kept, _) = entry.words.as_chunks::<NAME_WORDS>();
    let mut differs = (entry.tail.octets as usize ^ octets) as u64;
    let mut index = 0;
    while index < name::BLOCKS {
        if name::has_block(index, octets) {
            let at = name::BLOCKS - 1 - index;
            let words = name::mask::<F>(blocks[at], octets - index * SHORT_OCTETS);
            let mut word = 0;
            while word < NAME_WORDS {
                differs |= name::lower(words[word]) ^ kept[at][word];
                word += 1;
            }
        }
        index += 1;
    }
    scratch.keep_tail(&entry.tail);
    if differs == 0 { Ok(()) } else { Err(Verdict::UnknownName) }
}

/// Finds the entry of the asterisk label below the name's last [`Scratch::found`] octets.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "both indices are masked")]
fn wildcard<F: Frame, T: Tables>(tables: &T, scratch: &mut Scratch) -> Result<(), Verdict> {
    // The asterisk takes the place of what the name has there, which is at least as long, while it
    // is looked for.
    scratch.found += 2;
    let at = (8 * LONG_WORDS).wrapping_sub(scratch.found as usize);
    let [first, last] = [at, at + 1].map(|at| F::opaque(at / 8) & (LONG_WORDS - 1));
    let words = [scratch.name[first], scratch.name[last]];
    put(&mut scratch.name[first], at, 1);
    put(&mut scratch.name[last], at + 1, b'*');
    hash(scratch);
    F::compiler_fence(scratch);
    let found = match probe::<F, T>(tables, scratch) {
        Some(slot) => entry::<F, T>(tables, scratch, slot),
        None => Err(Verdict::UnknownName),
    };
    [scratch.name[first], scratch.name[last]] = words;
    found
}

/// Puts an octet into its place in a word.
#[inline(always)]
const fn put(word: &mut u64, at: usize, octet: u8) {
    let shift = 8 * (at % 8);
    *word = *word & !(0xff << shift) | (octet as u64) << shift;
}

/// Whether the name begins with a label that is special in every zone, where the zone has nothing:
/// `_status`, `_health`, `_country`. (Others of eight octets that begin like the last are taken for
/// it, too.)
#[inline(always)]
const fn is_special(scratch: &Scratch) -> bool {
    const CASE: u64 = u64::from_ne_bytes([0, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20]);
    const STATUS: u64 = u64::from_ne_bytes(*b"\x07_status") | CASE;
    const HEALTH: u64 = u64::from_ne_bytes(*b"\x07_health") | CASE;
    const COUNTRY: u64 = u64::from_ne_bytes(*b"\x08_countr") | CASE;
    matches!(scratch.first | CASE, STATUS | HEALTH | COUNTRY)
}
