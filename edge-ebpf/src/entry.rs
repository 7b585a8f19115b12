//! The program that runs on interfaces.
//!
//! The benchmark's object has one of its own in its place.

use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;

use crate::program;

#[xdp(frags)]
#[inline(always)]
pub(crate) fn edge(context: XdpContext) -> u32 {
    program::serve(context.ctx)
}
