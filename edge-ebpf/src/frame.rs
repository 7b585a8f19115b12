//! [`Frame`] over `xdp_md`.
//!
//! No packet pointer is kept: every window reads the frame's bounds again, so that none outlives a
//! move of the frame's edges.
#![expect(unsafe_code, reason = "packet memory is reached through the context's pointers")]

use core::ffi::c_void;
use core::hint::assert_unchecked;
use core::mem::MaybeUninit;
use core::ptr::{addr_of, read_volatile};

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::generated::{bpf_xdp_adjust_head, bpf_xdp_get_buff_len, bpf_xdp_load_bytes};
use edge_common::frame::{Frame, Route};

use self::verifier::{hide, opaque};
use crate::route;

/// The frame of one run of the program.
pub(crate) struct XdpFrame {
    context: *mut xdp_md,
}

impl XdpFrame {
    /// The frame behind the context that the program was called with.
    #[inline(always)]
    pub(crate) const fn new(context: *mut xdp_md) -> Self {
        Self { context }
    }

    /// Copies the frame's beginning, as much as there is room for; gives how much.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "it is at most N")]
    pub(crate) fn copy_to<const N: usize>(&self, to: &mut [MaybeUninit<u8>; N]) -> Option<u32> {
        let octets = hide(self.octets());
        if octets == 0 {
            return None;
        }
        let octets = hide(if octets > N { N } else { octets }) as u32;
        let room = to.as_mut_ptr().cast::<c_void>();
        // SAFETY: the helper writes `octets`, at most `N`, and checks that the frame has them.
        (unsafe { bpf_xdp_load_bytes(self.context, 0, room, octets) } == 0).then_some(octets)
    }

    #[inline(always)]
    fn start(&self) -> usize {
        // SAFETY: the kernel calls the program with a valid context, which outlives its run.
        let field = unsafe { addr_of!((*self.context).data) };
        // SAFETY: the field is inside the context. Volatile, because the kernel changes it when an
        // edge is moved.
        (unsafe { read_volatile(field) }) as usize
    }

    #[inline(always)]
    fn end(&self) -> usize {
        // SAFETY: as in `start`.
        let field = unsafe { addr_of!((*self.context).data_end) };
        // SAFETY: as in `start`.
        (unsafe { read_volatile(field) }) as usize
    }

    /// A pointer to `N` octets at `at` that are inside the frame.
    #[inline(always)]
    fn span<const N: usize>(&self, at: usize) -> Option<*mut [u8; N]> {
        // Hidden, or the compiler proves one window's check from another's and the verifier
        // doesn't follow.
        let start = hide(self.start() + at);
        // SAFETY: no frame is at address 0. Said, or an absent window, which is a null pointer, is
        // looked for once more.
        unsafe { assert_unchecked(start != 0) };
        (start + N <= self.end()).then_some(start as *mut [u8; N])
    }

    #[inline(always)]
    fn span_at<const N: usize>(&self, at: usize) -> Option<*mut [u8; N]> {
        let at = opaque(at);
        if at > 0x3ff {
            return None;
        }
        self.span(at)
    }
}

impl Frame for XdpFrame {
    #[inline(always)]
    fn window<const N: usize>(&self, at: usize) -> Option<&[u8; N]> {
        // SAFETY: `span` checked that the octets are inside the frame, any bit pattern is an
        // array of octets, and `self` stays borrowed, so that no edge moves meanwhile.
        self.span(at).map(|octets| unsafe { &*octets })
    }

    #[inline(always)]
    fn window_mut<const N: usize>(&mut self, at: usize) -> Option<&mut [u8; N]> {
        // SAFETY: as in `window`; `self` is borrowed exclusively, so that this is the only window.
        self.span(at).map(|octets| unsafe { &mut *octets })
    }

    #[inline(always)]
    fn window_at<const N: usize>(&self, at: usize) -> Option<&[u8; N]> {
        // SAFETY: as in `window`.
        self.span_at(at).map(|octets| unsafe { &*octets })
    }

    #[inline(always)]
    fn window_at_mut<const N: usize>(&mut self, at: usize) -> Option<&mut [u8; N]> {
        // SAFETY: as in `window_mut`.
        self.span_at(at).map(|octets| unsafe { &mut *octets })
    }

    #[inline(always)]
    fn octets(&self) -> usize {
        // Hidden, or the compiler subtracts 32-bit halves of the pointers.
        hide(self.end()) - hide(self.start())
    }

    #[inline(always)]
    fn is_whole(&self) -> bool {
        // SAFETY: the helper reads the context, which is valid for the run.
        let all = unsafe { bpf_xdp_get_buff_len(self.context) };
        all == self.octets() as u64
    }

    #[inline(always)]
    fn grow_head(&mut self, n: u32) -> Option<()> {
        let by = 0_i32.wrapping_sub_unsigned(n);
        // SAFETY: the helper checks the room itself, and moves the edge or changes nothing.
        (unsafe { bpf_xdp_adjust_head(self.context, by) } == 0).then_some(())
    }

    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "the difference of two lengths of frames"
    )]
    fn resize(&mut self, octets: usize) -> Option<()> {
        // Hidden, or the subtraction is made in 32 bits, which pointers have not.
        let by = hide(self.octets()).wrapping_sub(octets) as i32;
        // SAFETY: as in `grow_head`.
        (unsafe { bpf_xdp_adjust_head(self.context, by) } == 0).then_some(())
    }

    #[inline(always)]
    fn route(&self, route: &Route) -> Option<[u64; 2]> {
        route::by_table(self.context, self.ifindex(), route)
    }

    #[inline(always)]
    fn ifindex(&self) -> u32 {
        // SAFETY: as in `start`.
        let field = unsafe { addr_of!((*self.context).ingress_ifindex) };
        // SAFETY: as in `start`.
        unsafe { read_volatile(field) }
    }
}

/// The instructions behind [`edge_common::verifier`], which says what each is for.
pub(crate) mod verifier {
    use core::arch::asm;
    use core::ptr::addr_of_mut;

    use edge_common::verifier::Verifier;

    use super::XdpFrame;

    /// The same number. LLVM can't see that; the verifier can, which a number that is an address
    /// needs.
    #[inline(always)]
    pub(crate) fn hide(mut x: usize) -> usize {
        // SAFETY: the instruction copies a register onto itself. (An empty one would give the
        // kernel two line records for one instruction, which it refuses.)
        unsafe { asm!("{0} = {0}", inout(reg) x, options(pure, nomem, nostack, preserves_flags)) };
        x
    }

    /// As [`hide`], of a number that isn't an address: the verifier forgets what it knows of it,
    /// too. This takes no instruction of the processor's, whose octet order is little-endian.
    #[inline(always)]
    pub(crate) fn opaque(mut x: usize) -> usize {
        // SAFETY: the instruction stores a register's octets in little-endian order.
        unsafe {
            asm!("{0} = le64 {0}", inout(reg) x, options(pure, nomem, nostack, preserves_flags));
        }
        x
    }

    /// The same pointer. LLVM can't merge what leads to it with what leads to another: of a look-up
    /// that several maps share, the kernel makes a call instead of a few instructions, which costs
    /// 20 ns.
    #[inline(always)]
    pub(crate) fn apart<T>(value: Option<*mut T>) -> Option<*const T> {
        let value = hide(value.map_or(0, |value| value as usize)) as *const T;
        (!value.is_null()).then_some(value)
    }

    impl Verifier for XdpFrame {
        #[inline(always)]
        fn opaque(x: usize) -> usize {
            opaque(x)
        }

        #[inline(always)]
        fn forget(mut x: usize, salt: u64) -> usize {
            // SAFETY: two instructions on registers. What is xored with an unknown word is unknown,
            // and stays so when it is xored back.
            unsafe {
                asm!(
                    "{0} ^= {1}",
                    "{0} ^= {1}",
                    inout(reg) x,
                    in(reg) salt,
                    options(pure, nomem, nostack, preserves_flags)
                );
            }
            x
        }

        #[inline(always)]
        fn compiler_fence<T>(memory: &mut T) {
            let mut at = addr_of_mut!(*memory) as usize;
            // SAFETY: the instruction copies a register onto itself; that it could have changed the
            // memory is what LLVM is to believe.
            unsafe { asm!("{0} = {0}", inout(reg) at, options(nostack, preserves_flags)) };
            let _ = at;
        }
    }
}
