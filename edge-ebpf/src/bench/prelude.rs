//! Programs behind a prelude, which gives each run a fresh query.
//!
//! `BPF_PROG_TEST_RUN` repeats a program over one and the same frame. So every eighth run the
//! prelude writes eight queries into slots of 256 octets and each run steps into the next slot,
//! from the last to the first; the octets that a run finds were written long before it. What a
//! reply grows by, at most 256 octets less the query, lies in the slot before, and is gone when
//! that is written. The prelude costs the same behind every program, and is run alone, too.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "lengths are those of a buffer of 2,048 octets; an IPv4 source has 32 bits"
)]

use aya_ebpf::bindings::{xdp_action, xdp_md};
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use edge_common::frame::Frame as _;
use edge_common::wire::checksum::Sum;

use crate::edges::{mirror, mirror_six, move_head, move_tail, read_clock};
use crate::frame::XdpFrame;
use crate::program;
use crate::state::{self, SLOTS, State, TEMPLATE_WORDS, Template};

/// Octets of a slot.
const SLOT: usize = 256;
/// Octets of a template.
const OCTETS: usize = 8 * TEMPLATE_WORDS;

/// Writes a template's octets and its source.
#[inline(always)]
fn write(to: &mut [u8; OCTETS], template: &Template, source: u64) -> Option<()> {
    let (words, _) = to.as_chunks_mut::<8>();
    for (word, from) in words.iter_mut().zip(&template.words) {
        *word = from.to_ne_bytes();
    }
    if template.six == 0 {
        let source = (source as u32).to_be();
        let sum = Sum::default().add64(template.sum).add32(source).finish();
        *to.get_mut(24..)?.first_chunk_mut()? = sum.to_ne_bytes();
        *to.get_mut(26..)?.first_chunk_mut()? = source.to_ne_bytes();
    } else {
        *to.get_mut(22..)?.first_chunk_mut()? = source.to_be_bytes();
    }
    Some(())
}

#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "the index is masked")]
fn fill(frame: &mut XdpFrame, state: &mut State) -> Option<()> {
    let mut slot = SLOTS;
    while slot > 0 {
        slot -= 1;
        let (template, source) = state::choose(state)?;
        write(frame.window_mut::<OCTETS>(slot * SLOT)?, template, source)?;
        state.octets[slot & (SLOTS - 1)] = template.octets.into();
    }
    Some(())
}

/// Makes the frame a fresh query.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "the indices are masked")]
fn restore(context: *mut xdp_md) -> Option<()> {
    let state = state::state()?;
    let mut frame = XdpFrame::new(context);
    let slot = state.slot as usize & (SLOTS - 1);
    let grown = frame.octets() as i32 - state.octets[slot] as i32;
    let (slot, by) = if slot == 0 {
        move_head(context, grown)?;
        move_tail(context, (SLOTS * SLOT) as i32 - frame.octets() as i32)?;
        fill(&mut frame, state)?;
        (SLOTS - 1, ((SLOTS - 1) * SLOT) as i32)
    } else {
        (slot - 1, grown - SLOT as i32)
    };
    state.slot = slot as u64;
    move_head(context, by)?;
    move_tail(context, state.octets[slot & (SLOTS - 1)] as i32 - frame.octets() as i32)
}

#[xdp(frags)]
#[inline(always)]
pub(crate) fn prelude(context: XdpContext) -> u32 {
    match restore(context.ctx) {
        Some(()) => xdp_action::XDP_DROP,
        None => xdp_action::XDP_ABORTED,
    }
}

#[xdp(frags)]
#[inline(always)]
pub(crate) fn prelude_reflector(context: XdpContext) -> u32 {
    let mirrored = |()| mirror(context.ctx).or_else(|| mirror_six(context.ctx));
    match restore(context.ctx).and_then(mirrored) {
        Some(()) => xdp_action::XDP_TX,
        None => xdp_action::XDP_ABORTED,
    }
}

/// What of NTP's time is the kernel's: one reading of the clock, of which nothing is made.
#[xdp(frags)]
#[inline(always)]
pub(crate) fn prelude_clock(context: XdpContext) -> u32 {
    match restore(context.ctx) {
        // A clock that stands at 0 doesn't run.
        Some(()) if read_clock() != 0 => xdp_action::XDP_DROP,
        _ => xdp_action::XDP_ABORTED,
    }
}

#[xdp(frags)]
#[inline(always)]
pub(crate) fn edge(context: XdpContext) -> u32 {
    match restore(context.ctx) {
        Some(()) => program::serve(context.ctx),
        None => xdp_action::XDP_ABORTED,
    }
}
