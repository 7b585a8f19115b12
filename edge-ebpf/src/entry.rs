//! The program that runs on interfaces. The benchmark's object has one of its own in its place.
#![expect(unsafe_code, reason = "the entry point is found by its symbol and section names")]

use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;

use crate::program;

#[xdp]
#[inline(always)]
pub(crate) fn edge(context: XdpContext) -> u32 {
    program::serve(context.ctx)
}
