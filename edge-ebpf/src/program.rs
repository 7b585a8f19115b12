//! The programs' entry points.
#![expect(
    unsafe_code,
    reason = "entry points and the licence are found by their symbol and section names"
)]
#![expect(unreachable_pub, reason = "the xdp macro keeps the function's visibility")]

use aya_ebpf::bindings::xdp_action;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use edge_common::ingress::ingress;
use edge_common::verdict::Action;

use crate::frame::XdpFrame;
use crate::maps::{self, Maps};

#[xdp]
#[inline(always)]
pub fn edge(context: XdpContext) -> u32 {
    let verdict = ingress(&mut XdpFrame::new(context.ctx), &Maps);
    maps::count(verdict);
    match verdict.action() {
        Action::Tx => xdp_action::XDP_TX,
        Action::Pass => xdp_action::XDP_PASS,
        Action::Aborted => xdp_action::XDP_ABORTED,
    }
}

#[xdp]
#[inline(always)]
pub fn lease(_: XdpContext) -> u32 {
    maps::renew_lease();
    xdp_action::XDP_PASS
}

#[xdp]
#[inline(always)]
pub fn pass(_: XdpContext) -> u32 {
    xdp_action::XDP_PASS
}

/// Never returns, so that the verifier refuses a program that could reach it.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
