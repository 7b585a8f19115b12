//! Programs for the two ends of a veth pair.
//!
//! One sends queries, one mirrors them in the place of `edge`, one counts replies.
//!
//! `BPF_PROG_TEST_RUN` takes the frames that it sends from a small pool. It puts a frame's edges
//! back where they were, but not its octets: a pooled frame holds the middle of the last reply. So
//! the generator writes every octet.

use aya_ebpf::bindings::{xdp_action, xdp_md};
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use edge_common::frame::Frame as _;
use edge_common::wire::checksum::Sum;

use crate::edges::{mirror, mirror_six, read_clock};
use crate::frame::XdpFrame;
use crate::state::{self, State, TEMPLATE_WORDS};

/// Writes an IPv4 query over all of the frame, which is as long as every template.
#[inline(always)]
fn generate(context: *mut xdp_md) -> Option<()> {
    let (template, source) = state::choose(state::state()?)?;
    let mut frame = XdpFrame::new(context);
    let octets = frame.octets();
    let mut word = 0;
    while word < TEMPLATE_WORDS {
        if word * 8 + 8 <= octets {
            *frame.window_mut::<8>(word * 8)? = template.words.get(word)?.to_ne_bytes();
        }
        word += 1;
    }
    *frame.window_at_mut::<8>(octets - 8)? = template.last.to_ne_bytes();
    #[expect(clippy::cast_possible_truncation, reason = "an IPv4 source has 32 bits")]
    let source = (source as u32).to_be();
    let sum = Sum::default().add64(template.sum).add32(source).finish();
    *frame.window_mut::<2>(24)? = sum.to_ne_bytes();
    *frame.window_mut::<4>(26)? = source.to_ne_bytes();
    Some(())
}

#[xdp(frags)]
#[inline(always)]
pub(crate) fn generator(context: XdpContext) -> u32 {
    match generate(context.ctx) {
        Some(()) => xdp_action::XDP_TX,
        None => xdp_action::XDP_ABORTED,
    }
}

/// Readings of the clock for which a paced frame waits at most: some 150 µs.
const WAITS: u32 = 1 << 12;
/// Nanoseconds of frames that are made up for after a pause.
const BEHIND: u64 = 1_000_000;

/// Waits until the next frame is due.
#[inline(always)]
fn wait(state: &mut State) {
    let mut now = read_clock();
    let mut waits = 0;
    while now < state.due && waits < WAITS {
        now = read_clock();
        waits += 1;
    }
    state.due = state.due.max(now - BEHIND) + state.gap;
}

#[xdp(frags)]
#[inline(always)]
pub(crate) fn pacer(context: XdpContext) -> u32 {
    let Some(state) = state::state() else { return xdp_action::XDP_ABORTED };
    wait(state);
    match generate(context.ctx) {
        Some(()) => xdp_action::XDP_TX,
        None => xdp_action::XDP_ABORTED,
    }
}

#[xdp(frags)]
#[inline(always)]
pub(crate) fn reflector(context: XdpContext) -> u32 {
    match mirror(context.ctx).or_else(|| mirror_six(context.ctx)) {
        Some(()) => xdp_action::XDP_TX,
        None => xdp_action::XDP_PASS,
    }
}

/// Octets up to the first of the DNS flags.
const FLAGS: usize = 14 + 20 + 8 + 3;

/// Whether the frame can be a reply to a generated query.
#[inline(always)]
fn is_reply(frame: &XdpFrame) -> Option<bool> {
    let octets = frame.window::<FLAGS>(0)?;
    let state = state::state()?;
    let good = match state.first {
        0 => octets[35] == 53 && octets[44] & 0x80 != 0,
        // Whatever the leap indicator is.
        first => octets[35] == 123 && u64::from(octets[42] & 0x3f) == first,
    };
    Some(good && octets[34] == 0 && frame.octets() as u64 >= state.least)
}

#[xdp(frags)]
#[inline(always)]
pub(crate) fn sink(context: XdpContext) -> u32 {
    state::count(is_reply(&XdpFrame::new(context.ctx)).unwrap_or_default());
    xdp_action::XDP_DROP
}
