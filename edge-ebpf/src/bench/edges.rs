//! Moves of a frame's edges, mirrors of a frame, and readings of the clock.
//!
//! The product needs none of them.
#![expect(unsafe_code, reason = "helpers of the kernel")]

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::generated::{bpf_ktime_get_ns, bpf_xdp_adjust_head, bpf_xdp_adjust_tail};
use edge_common::frame::Frame as _;

use crate::frame::XdpFrame;

/// Moves the frame's first octet; forward if `by` is positive.
#[inline(always)]
pub(crate) fn move_head(context: *mut xdp_md, by: i32) -> Option<()> {
    // SAFETY: the helper checks the room itself, and moves the edge or changes nothing.
    (unsafe { bpf_xdp_adjust_head(context, by) } == 0).then_some(())
}

/// Moves the frame's end; outwards if `by` is positive.
#[inline(always)]
pub(crate) fn move_tail(context: *mut xdp_md, by: i32) -> Option<()> {
    // SAFETY: as in `move_head`.
    (unsafe { bpf_xdp_adjust_tail(context, by) } == 0).then_some(())
}

/// Reads the clock that NTP reads.
#[inline(always)]
pub(crate) fn read_clock() -> u64 {
    // SAFETY: the helper takes nothing.
    unsafe { bpf_ktime_get_ns() }
}

/// Ethernet, IPv4 and UDP headers, and the message's first three octets.
const MIRRORED: usize = 14 + 20 + 8 + 3;

/// The least that a responder does to a frame: addresses and ports exchanged, QR set.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "the window has seven octets more")]
pub(crate) fn mirror(context: *mut xdp_md) -> Option<()> {
    let mut frame = XdpFrame::new(context);
    let octets = frame.window_mut::<MIRRORED>(0)?;
    if octets[12] != 8 || octets[13] != 0 || octets[23] != 17 {
        return None;
    }
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ..] = *octets;
    let (links, rest) = octets.split_first_chunk_mut::<12>()?;
    *links = [s0, s1, s2, s3, s4, s5, d0, d1, d2, d3, d4, d5];
    let (_, rest) = rest.split_first_chunk_mut::<14>()?;
    let (addresses, rest) = rest.split_first_chunk_mut::<8>()?;
    let [a, b, c, d, e, f, g, h] = *addresses;
    *addresses = [e, f, g, h, a, b, c, d];
    let (ports, rest) = rest.split_first_chunk_mut::<4>()?;
    let [a, b, c, d] = *ports;
    *ports = [c, d, a, b];
    rest[6] |= 0x80;
    Some(())
}

/// Ethernet, IPv6 and UDP headers, and the message's first three octets.
const MIRRORED_SIX: usize = 14 + 40 + 8 + 3;

/// As [`mirror`], over IPv6.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "the window has seven octets more")]
pub(crate) fn mirror_six(context: *mut xdp_md) -> Option<()> {
    let mut frame = XdpFrame::new(context);
    let octets = frame.window_mut::<MIRRORED_SIX>(0)?;
    if octets[12] != 0x86 || octets[13] != 0xdd || octets[20] != 17 {
        return None;
    }
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, ..] = *octets;
    let (links, rest) = octets.split_first_chunk_mut::<12>()?;
    *links = [s0, s1, s2, s3, s4, s5, d0, d1, d2, d3, d4, d5];
    let (_, rest) = rest.split_first_chunk_mut::<10>()?;
    let (addresses, rest) = rest.split_first_chunk_mut::<32>()?;
    let (halves, _) = addresses.as_chunks_mut::<8>();
    let [a, b, c, d] = halves else { return None };
    (*a, *b, *c, *d) = (*c, *d, *a, *b);
    let (ports, rest) = rest.split_first_chunk_mut::<4>()?;
    let [a, b, c, d] = *ports;
    *ports = [c, d, a, b];
    rest[6] |= 0x80;
    Some(())
}
