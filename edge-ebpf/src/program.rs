//! The programs' bodies, the panic handler and the licence.
#![expect(
    unsafe_code,
    reason = "entry points and the licence are found by their symbol and section names"
)]
#![expect(unreachable_pub, reason = "the xdp macro keeps the function's visibility")]

use aya_ebpf::bindings::{xdp_action, xdp_md};
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use edge_common::general;
use edge_common::hot::{Exit, hot};
use edge_common::ntp;
use edge_common::verdict::{Action, Verdict};
use edge_common::verifier::Verifier as _;

use crate::frame::XdpFrame;
use crate::maps;
use crate::tables::Maps;

/// The whole program `edge`: decides on the frame and counts the verdict, or goes on with another
/// program.
#[inline(always)]
pub(crate) fn serve(context: *mut xdp_md) -> u32 {
    // The kernel knows that the maps are there only when it has been looked.
    let Some(maps) = Maps::new() else { return xdp_action::XDP_PASS };
    let mut frame = XdpFrame::new(context);
    let verdict = match hot(&mut frame, &maps) {
        Exit::Done(verdict) => verdict,
        Exit::General => {
            maps::go_on(context, maps::GENERAL);
            Verdict::General
        }
        Exit::Ntp => {
            maps::go_on(context, maps::NTP);
            // Or both calls become one, whose program the kernel has to look for each time.
            XdpFrame::compiler_fence(&mut frame);
            Verdict::General
        }
    };
    if let Verdict::Answer = verdict {
        // Counted separately, or the counter's address is computed for this verdict as for all
        // others.
        maps.count_answer();
        maps.sample(&frame, Verdict::Answer, true);
        return xdp_action::XDP_TX;
    }
    count(&maps, &frame, verdict)
}

/// Counts a verdict, and keeps a DNS reply as a sample now and then; gives the action's number.
#[inline(always)]
fn count(maps: &Maps, frame: &XdpFrame, verdict: Verdict) -> u32 {
    Maps::count(verdict);
    let action = verdict.action();
    // One place for both, or the verifier follows it twice.
    if let Action::Tx | Action::Drop = action {
        maps.sample(frame, verdict, matches!(action, Action::Tx));
    }
    number(action)
}

/// An action's number.
#[inline(always)]
const fn number(action: Action) -> u32 {
    match action {
        Action::Tx => xdp_action::XDP_TX,
        Action::Pass => xdp_action::XDP_PASS,
        Action::Drop => xdp_action::XDP_DROP,
        Action::Aborted => xdp_action::XDP_ABORTED,
    }
}

/// The whole program `general`: decides on the frame, which it reads again, and counts the verdict.
#[inline(always)]
fn serve_general(context: *mut xdp_md) -> u32 {
    let Some(maps) = Maps::new() else { return xdp_action::XDP_PASS };
    let Some(scratch) = maps::scratch() else { return xdp_action::XDP_PASS };
    let mut frame = XdpFrame::new(context);
    let verdict = general::general(&mut frame, &maps, scratch);
    count(&maps, &frame, verdict)
}

/// The whole program `ntp`: decides on the frame, which it reads again, and counts the verdict.
#[inline(always)]
fn serve_ntp(context: *mut xdp_md) -> u32 {
    let Some(maps) = Maps::new() else { return xdp_action::XDP_PASS };
    let verdict = ntp::ntp(&mut XdpFrame::new(context), &maps);
    Maps::count(verdict);
    number(verdict.action())
}

#[xdp(frags)]
#[inline(always)]
pub fn ntp(context: XdpContext) -> u32 {
    serve_ntp(context.ctx)
}

#[xdp(frags)]
#[inline(always)]
pub fn general(context: XdpContext) -> u32 {
    serve_general(context.ctx)
}

#[xdp(frags)]
#[inline(always)]
pub(crate) fn lease(_: XdpContext) -> u32 {
    maps::renew_lease();
    xdp_action::XDP_PASS
}

#[xdp(frags)]
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
