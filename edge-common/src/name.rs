//! Owner names: their octets in a question, their hash, their entry.
//!
//! A name is read from its end, in words of eight octets. A window that ends where the name ends
//! begins inside the headers if the name is short; so every word is inside the frame, and a mask
//! removes what isn't name. No label is walked: the stored name is compared whole, and it is a
//! legal one.

use core::ops::Deref;

use crate::abi::maps::{NAME_PROBES, NAME_SLOTS};
use crate::abi::{LONG_WORDS, NAME_WORDS, ShortName};
use crate::frame::Frame;
use crate::tables::{GOLDEN, Tables};
use crate::verdict::Verdict;
use crate::wire::{dns, load32, load64};

/// Octets of a window: the longest short name.
pub const SHORT_OCTETS: usize = NAME_WORDS * 8;
/// A window with the type and class behind the name.
pub(crate) const WINDOW_OCTETS: usize = SHORT_OCTETS + dns::TYPE_CLASS_OCTETS;
/// Windows in the longest name.
pub(crate) const BLOCKS: usize = 8;

/// 0x20 in every octet: or-ed to a word it makes upper and lower case the same. It also makes some
/// other octets the same, which costs the hash nothing; the comparison is exact.
const CASE: u64 = 0x2020_2020_2020_2020;

/// The last octets of a question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameEnd {
    /// Up to the last 32 octets of the name as received, zero before them.
    pub words: [u64; NAME_WORDS],
    /// Octets of the whole name, 1–255.
    pub octets: usize,
    /// Type and class, as in memory.
    pub type_class: u32,
}

/// Masks of a window's words for a name of 0 to 32 octets.
static MASKS: [[u64; NAME_WORDS]; SHORT_OCTETS + 1] = masks();

#[expect(
    clippy::indexing_slicing,
    reason = "rows and words are counted by the lengths of the arrays; a panic would be one of the compiler"
)]
const fn masks() -> [[u64; NAME_WORDS]; SHORT_OCTETS + 1] {
    let mut masks = [[0; NAME_WORDS]; SHORT_OCTETS + 1];
    let mut octets = 0;
    while octets <= SHORT_OCTETS {
        let mut word = 0;
        while word < NAME_WORDS {
            let before = (SHORT_OCTETS - octets).saturating_sub(8 * word);
            masks[octets][word] = match before {
                0 => u64::MAX,
                1..=7 => (u64::MAX << (8 * before)).to_le(),
                _ => 0,
            };
            word += 1;
        }
        octets += 1;
    }
    masks
}

/// Words at the window that ends at `end` (an offset in the frame).
#[inline(always)]
fn block<F: Frame>(frame: &F, end: usize) -> Option<[u64; NAME_WORDS]> {
    let window = frame.window_at::<SHORT_OCTETS>(end - SHORT_OCTETS)?;
    Some([
        load64::<0, _>(window),
        load64::<8, _>(window),
        load64::<16, _>(window),
        load64::<24, _>(window),
    ])
}

/// The words of a window that the last `octets` octets of a name are in, without what is before
/// the name.
#[inline(always)]
pub(crate) fn mask<F: Frame>(words: [u64; NAME_WORDS], octets: usize) -> [u64; NAME_WORDS] {
    // The bound has to follow the hidden value, or the compiler proves it superfluous and the
    // verifier finds none.
    let octets = F::opaque(octets);
    let Some(mask) = MASKS.get(octets) else { return words };
    [words[0] & mask[0], words[1] & mask[1], words[2] & mask[2], words[3] & mask[3]]
}

impl NameEnd {
    /// Reads the end of the name of `octets` octets at `at`, with its type and class.
    #[inline(always)]
    pub(crate) fn parse<F: Frame>(frame: &F, at: usize, octets: usize) -> Result<Self, Verdict> {
        let window = at + octets - SHORT_OCTETS;
        let window = frame.window_at::<WINDOW_OCTETS>(window).ok_or(Verdict::Truncated)?;
        let words = [
            load64::<0, _>(window),
            load64::<8, _>(window),
            load64::<16, _>(window),
            load64::<24, _>(window),
        ];
        let type_class = load32::<SHORT_OCTETS, _>(window);
        Ok(Self { words: mask::<F>(words, octets), octets, type_class })
    }

    /// The last `octets` octets of the name, which has no more than its words hold.
    #[inline(always)]
    pub(crate) fn end<F: Frame>(&self, octets: usize) -> Self {
        Self { words: mask::<F>(self.words, octets), octets, ..*self }
    }
}

/// Mixes four case-folded words into a hash.
#[inline(always)]
const fn mix(seed: u64, words: [u64; NAME_WORDS]) -> u64 {
    let sum = seed
        .wrapping_add(words[0].wrapping_mul(GOLDEN))
        .wrapping_add(words[1].wrapping_mul(0xc2b2_ae3d_27d4_eb4f))
        .wrapping_add(words[2].wrapping_mul(0x1656_67b1_9e37_79f9))
        .wrapping_add(words[3].wrapping_mul(0xd6e8_feb8_6659_fd93));
    (sum ^ sum >> 32).wrapping_mul(0xff51_afd7_ed55_8ccd)
}

#[inline(always)]
const fn fold(words: [u64; NAME_WORDS]) -> [u64; NAME_WORDS] {
    [words[0] | CASE, words[1] | CASE, words[2] | CASE, words[3] | CASE]
}

/// The hash of a name of up to 32 octets, from its words.
#[inline(always)]
#[must_use]
pub const fn short_hash(seed: u64, words: [u64; NAME_WORDS]) -> u64 {
    mix(seed, fold(words))
}

/// The hash of a longer name, from the words of its windows, last one first; `blocks` of them.
#[must_use]
pub fn long_hash(seed: u64, words: &[u64; LONG_WORDS], octets: usize) -> u64 {
    let mut hash = seed;
    for (index, block) in words.rchunks_exact(NAME_WORDS).enumerate() {
        if let ([a, b, c, d], true) = (block, index * SHORT_OCTETS < octets) {
            hash = mix(hash, fold([*a, *b, *c, *d]));
        }
    }
    hash
}

/// The slot that a hash points to (of up to 2²⁴), and the part of it that slots repeat. The
/// multiplication mixes towards the upper bits.
#[inline(always)]
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the hash is cut in two")]
pub const fn place(hash: u64, slots: u32) -> (u32, u32) {
    ((hash >> 40) as u32 & (slots - 1), hash as u32)
}

/// Finds a name of up to 32 octets on a side, whose hash has this seed.
#[inline(always)]
pub(crate) fn find_short<T: Tables>(
    tables: &T,
    (side, seed): (u32, u64),
    name: &NameEnd,
) -> Option<impl Deref<Target = ShortName>> {
    let hash = short_hash(seed, name.words);
    let (first, tag) = place(hash, NAME_SLOTS);
    let mut probe = 0;
    while probe < NAME_PROBES {
        let slot = ((first + probe) & (NAME_SLOTS - 1)) + side * NAME_SLOTS;
        let entry = tables.short_name(slot)?;
        if entry.tail.hash == tag {
            let differs = ((name.words[0] | entry.letters[0]) ^ entry.words[0])
                | ((name.words[1] | entry.letters[1]) ^ entry.words[1])
                | ((name.words[2] | entry.letters[2]) ^ entry.words[2])
                | ((name.words[3] | entry.letters[3]) ^ entry.words[3])
                | (entry.tail.octets as usize ^ name.octets) as u64;
            return (differs == 0).then_some(entry);
        }
        if entry.tail.octets == 0 {
            return None;
        }
        probe += 1;
    }
    None
}

/// Lower case of the ASCII letters in a word.
#[inline(always)]
pub(crate) const fn lower(word: u64) -> u64 {
    let low = word & 0x7f7f_7f7f_7f7f_7f7f;
    let above_z = low + 0x2525_2525_2525_2525;
    let from_a = low + 0x3f3f_3f3f_3f3f_3f3f;
    word | ((from_a ^ above_z) & !word & 0x8080_8080_8080_8080) >> 2
}

/// Whether window `index`, counted from the name's end, has octets of the name.
#[inline(always)]
pub(crate) const fn has_block(index: usize, octets: usize) -> bool {
    index * SHORT_OCTETS < octets
}

/// The words of window `index`, counted from the end of the name that ends at `end`, zero before
/// the name.
#[inline(always)]
pub(crate) fn long_block<F: Frame>(
    frame: &F,
    end: usize,
    octets: usize,
    index: usize,
) -> Option<[u64; NAME_WORDS]> {
    let words = block(frame, end - index * SHORT_OCTETS)?;
    Some(mask::<F>(words, octets - index * SHORT_OCTETS))
}

#[cfg(test)]
mod tests {
    use super::{MASKS, lower};

    #[test]
    fn a_mask_keeps_the_last_octets_of_a_window() {
        for (octets, mask) in MASKS.iter().enumerate() {
            let kept: std::vec::Vec<u8> = mask.iter().flat_map(|word| word.to_ne_bytes()).collect();
            for (at, octet) in kept.iter().enumerate() {
                assert_eq!(*octet, if at >= 32 - octets { 0xff } else { 0 }, "{octets} {at}");
            }
        }
    }

    #[test]
    fn only_ascii_capitals_become_lower_case() {
        for octet in 0..=255_u8 {
            let word = u64::from_ne_bytes([octet, 0, b'Z', octet, 0xff, b'@', b'[', octet]);
            let octets = word.to_ne_bytes().map(|octet| octet.to_ascii_lowercase());
            assert_eq!(lower(word), u64::from_ne_bytes(octets));
        }
    }
}
