//! The benchmark's own maps.
//!
//! They hold templates of frames, and what a run leaves for the next.
#![expect(unsafe_code, reason = "entries of maps are reached through pointers")]

use aya_ebpf::btf_maps::{Array, PerCpuArray};
use aya_ebpf::macros::btf_map;
use edge_common::tables::xorshift;

/// Words of a template's octets.
pub(crate) const TEMPLATE_WORDS: usize = 22;
/// Templates to choose from.
const TEMPLATES: u32 = 256;

/// A frame to be sent, without its source address.
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
    /// VN and mode of NTP's replies; 0 if replies are DNS.
    pub first: u64,
    /// Nanoseconds from one paced frame to the next.
    pub gap: u64,
    /// When the next one is due, in nanoseconds of the monotonic clock.
    pub due: u64,
}

/// Octets of the frame that the kernel makes for a mix; every prepared frame is as long or shorter.
pub(crate) const PREPARED_OCTETS: usize = 8 * TEMPLATE_WORDS;
/// Frames of a deck.
const PREPARED: u32 = 4_096;
/// Decks of prepared frames.
const DECKS: u32 = 2;

/// A frame to be sent as it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Prepared {
    /// Octets of the frame.
    pub octets: u32,
    /// Where eight letters of a label are made up for every frame; 0: nowhere.
    pub letters: u32,
    /// The octets, padded with anything.
    pub words: [u64; TEMPLATE_WORDS],
}

/// What one prepared frame leaves for the next.
#[repr(C)]
pub(crate) struct Turn {
    /// State of the generator of letters.
    pub random: u64,
    /// Number of the next frame in its deck.
    pub next: u64,
    /// The deck that is sent.
    pub deck: u64,
}

/// Kinds of what comes back: RCODEs, and what is no reply.
const KINDS: usize = 17;
/// What is no reply.
pub(crate) const NO_REPLY: u32 = 16;

#[btf_map]
static MIX: Array<Prepared, { (DECKS * PREPARED) as usize }> = Array::new();
#[btf_map]
static TURN: Array<Turn, 1> = Array::new();
#[btf_map]
static TALLY: PerCpuArray<u64, KINDS> = PerCpuArray::new();
#[btf_map]
static TEMPLATE: Array<Template, { TEMPLATES as usize }> = Array::new();
#[btf_map]
static STATE: Array<State, 1> = Array::new();
#[btf_map]
static REPLIES: PerCpuArray<u64, 2> = PerCpuArray::new();

/// What the runs share. Only one program runs at a time.
#[inline(always)]
pub(crate) fn state() -> Option<&'static mut State> {
    // SAFETY: the map has its one entry as long as a program uses it, and one CPU uses it at a
    // time.
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

/// The next prepared frame, and eight letters.
#[inline(always)]
pub(crate) fn next() -> Option<(&'static Prepared, u64)> {
    // SAFETY: as in `state`.
    let turn = TURN.get_ptr_mut(0).map(|turn| unsafe { &mut *turn })?;
    #[expect(clippy::cast_possible_truncation, reason = "it is less than the number of frames")]
    let at = (turn.next & u64::from(PREPARED - 1)) as u32;
    #[expect(clippy::cast_possible_truncation, reason = "there are few decks")]
    let deck = (turn.deck & u64::from(DECKS - 1)) as u32;
    turn.next += 1;
    let (random, _) = xorshift(turn.random);
    turn.random = random;
    // Sixteen letters to choose from in each octet, from `a` on.
    let letters = (random & 0x0f0f_0f0f_0f0f_0f0f) + u64::from_ne_bytes([b'a'; 8]);
    Some((MIX.get(deck * PREPARED + at)?, letters))
}

/// Counts what came back on this CPU.
#[inline(always)]
pub(crate) fn tally(kind: u32) {
    if let Some(counter) = TALLY.get_ptr_mut(kind) {
        // SAFETY: as in `count`.
        unsafe { *counter += 1 };
    }
}
