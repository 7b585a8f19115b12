//! A generator of prepared frames, and a counter of replies by RCODE.
//!
//! `BPF_PROG_TEST_RUN` makes frames as long as the longest, whose ends it puts back each time. The
//! mixer writes all of that and cuts what is too much, so that every frame is as long as its
//! datagram.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "lengths are those of a frame of 176 octets"
)]

use aya_ebpf::bindings::{xdp_action, xdp_md};
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use edge_common::frame::Frame as _;

use crate::edges::move_tail;
use crate::frame::XdpFrame;
use crate::state::{self, NO_REPLY, PREPARED_OCTETS};

#[inline(always)]
fn write(context: *mut xdp_md) -> Option<()> {
    let (prepared, letters) = state::next()?;
    let mut frame = XdpFrame::new(context);
    let (words, _) = frame.window_mut::<PREPARED_OCTETS>(0)?.as_chunks_mut::<8>();
    for (word, from) in words.iter_mut().zip(&prepared.words) {
        *word = from.to_ne_bytes();
    }
    let at = prepared.letters as usize;
    if at != 0 {
        *frame.window_at_mut::<8>(at)? = letters.to_ne_bytes();
    }
    move_tail(context, prepared.octets as i32 - PREPARED_OCTETS as i32)
}

#[xdp(frags)]
#[inline(always)]
pub(crate) fn mixer(context: XdpContext) -> u32 {
    match write(context.ctx) {
        Some(()) => xdp_action::XDP_TX,
        None => xdp_action::XDP_ABORTED,
    }
}

/// Ethernet, IPv6 and UDP headers and the message's first four octets; no reply over IPv4 is
/// shorter, either.
const FRONT: usize = 14 + 40 + 8 + 4;

/// The RCODE of a reply.
#[inline(always)]
fn rcode(frame: &XdpFrame) -> Option<u32> {
    let octets = frame.window::<FRONT>(0)?;
    let (port, flags) = match [octets[12], octets[13]] {
        [0x08, 0x00] => ([octets[34], octets[35]], [octets[44], octets[45]]),
        [0x86, 0xdd] => ([octets[54], octets[55]], [octets[64], octets[65]]),
        _ => return None,
    };
    (port == [0, 53] && flags[0] & 0x80 != 0).then_some(u32::from(flags[1] & 0xf))
}

#[xdp(frags)]
#[inline(always)]
pub(crate) fn tally(context: XdpContext) -> u32 {
    state::tally(rcode(&XdpFrame::new(context.ctx)).unwrap_or(NO_REPLY));
    xdp_action::XDP_DROP
}
