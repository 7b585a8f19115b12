//! The maps that only the benchmark has: templates of frames, and what a run leaves for the next.
#![expect(unsafe_code, reason = "entries of maps are reached through pointers")]

use aya_ebpf::btf_maps::{Array, PerCpuArray};
use aya_ebpf::macros::btf_map;
use edge_common::tables::xorshift;

/// Words of a template's octets.
pub(crate) const TEMPLATE_WORDS: usize = 22;
/// Templates to choose from.
const TEMPLATES: u32 = 256;

/// A frame to be sent, but for its source address.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Template {
    /// Octets of the frame.
    pub octets: u32,
    /// 0: IPv4. 1: IPv6.
    pub six: u32,
    /// The sum of the IPv4 header without source and checksum, folded.
    pub sum: u64,
    /// The last eight octets of the frame.
    pub last: u64,
    /// The octets, padded with anything.
    pub words: [u64; TEMPLATE_WORDS],
}

/// Frames that are prepared at a time.
pub(crate) const SLOTS: usize = 8;

/// What one run leaves for the next. All fields are words, as userspace writes them.
#[repr(C)]
pub(crate) struct State {
    /// State of the generator that chooses templates and sources.
    pub random: u64,
    /// Prefix of the sources: an IPv4 address, or the first eight octets of an IPv6 address; and
    /// the bits that vary. In the machine's order.
    pub prefix: u64,
    /// See `prefix`.
    pub varying: u64,
    /// The slot in use.
    pub slot: u64,
    /// Octets of the frame in each slot.
    pub octets: [u64; SLOTS],
    /// Octets that a reply has at least.
    pub least: u64,
}

#[btf_map]
static TEMPLATE: Array<Template, { TEMPLATES as usize }> = Array::new();
#[btf_map]
static STATE: Array<State, 1> = Array::new();
#[btf_map]
static REPLIES: PerCpuArray<u64, 2> = PerCpuArray::new();

/// What the runs share. Only one program runs at a time.
#[inline(always)]
pub(crate) fn state() -> Option<&'static mut State> {
    // SAFETY: the map has its one entry as long as a program uses it, and one CPU uses it at a time.
    STATE.get_ptr_mut(0).map(|state| unsafe { &mut *state })
}

/// Counts a reply on this CPU.
#[inline(always)]
pub(crate) fn count(good: bool) {
    if let Some(counter) = REPLIES.get_ptr_mut(u32::from(!good)) {
        // SAFETY: the pointer is to this CPU's counter, which no other run uses meanwhile.
        unsafe { *counter += 1 };
    }
}

/// A template and a source chosen at random.
#[inline(always)]
pub(crate) fn choose(state: &mut State) -> Option<(&'static Template, u64)> {
    let (random, bits) = xorshift(state.random);
    state.random = random;
    let template = TEMPLATE.get(bits & (TEMPLATES - 1))?;
    Some((template, state.prefix | random.rotate_left(24) & state.varying))
}
