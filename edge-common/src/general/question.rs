//! The question stage: reads the name, its labels, type and class.

use crate::abi::NAME_WORDS;
use crate::frame::Frame;
use crate::name::{self, has_block};
use crate::network::HEADERS;
use crate::scratch::Scratch;
use crate::verdict::Verdict;
use crate::verifier::narrow32;
use crate::wire::{dns, load32, load64};

/// Octets of the longest label (RFC 1035 §2.3.4).
const LABEL_OCTETS: usize = 63;

#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "a block has as many words as there are rounds")]
pub(super) fn read<F: Frame>(frame: &F, scratch: &mut Scratch) -> Result<(), Verdict> {
    let at = scratch.transport as usize + HEADERS;
    let octets = walk(frame, scratch, at)?;
    let end = at + octets;
    if end + dns::TYPE_CLASS_OCTETS > scratch.end as usize {
        return Err(Verdict::Question);
    }
    scratch.octets = narrow32(octets);
    let window = frame.window_at::<{ dns::TYPE_CLASS_OCTETS }>(end).ok_or(Verdict::Truncated)?;
    scratch.type_class = load32::<0, _>(window);
    scratch.first = frame.window_at::<8>(at).map_or(0, load64::<0, _>);
    let mut index = 0;
    while index < name::BLOCKS {
        if has_block(index, octets) {
            let words = name::long_block(frame, end, octets, index).ok_or(Verdict::Truncated)?;
            let first = scratch.name.len() - (index + 1) * NAME_WORDS;
            let mut word = 0;
            while word < NAME_WORDS {
                if let Some(to) = scratch.name.get_mut(first + word) {
                    *to = words[word];
                }
                word += 1;
            }
        }
        index += 1;
    }
    Ok(())
}

/// Walks the labels of the name at `at`; gives its octets.
#[inline(always)]
fn walk<F: Frame>(frame: &F, scratch: &mut Scratch, at: usize) -> Result<usize, Verdict> {
    let salt = scratch.front;
    let mut offset = 0;
    let mut label = 0;
    while label < Scratch::LABELS {
        let [octets] = *frame.window_at::<1>(at + offset).ok_or(Verdict::Question)?;
        let octets = usize::from(octets);
        if octets == 0 {
            scratch.n_labels = narrow32(label);
            return if offset < dns::NAME_OCTETS {
                Ok(F::forget(offset + 1, salt))
            } else {
                Err(Verdict::Question)
            };
        }
        if octets > LABEL_OCTETS || offset >= dns::NAME_OCTETS {
            return Err(Verdict::Question);
        }
        if let Some(to) = scratch.labels.get_mut(label) {
            #[expect(clippy::cast_possible_truncation, reason = "it is below 255")]
            let offset = offset as u8;
            *to = offset;
        }
        // What the verifier knows of it grows with each label otherwise.
        offset = F::forget(offset + 1 + octets, salt);
        label += 1;
    }
    Err(Verdict::Question)
}
