//! Every BPF map, and what programs do with them beside looking things up.
#![expect(
    unsafe_code,
    reason = "words that userspace rewrites are read and written volatile; ring entries are written"
)]

use core::mem::MaybeUninit;
use core::ptr::{addr_of, addr_of_mut, read_volatile, write_volatile};

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::btf_maps::lpm_trie::LpmTrie;
use aya_ebpf::btf_maps::{Array, ArrayOfMaps, PerCpuArray, ProgramArray, RingBuf};
use aya_ebpf::helpers::generated::{bpf_get_smp_processor_id, bpf_jiffies64};
use aya_ebpf::macros::btf_map;
use aya_ebpf::programs::XdpContext;
use edge_common::abi::{Cpu, Sample, Shared, ZoneTables, maps as abi};
use edge_common::scratch::Scratch;
use edge_common::verdict::Verdict;

use crate::frame::XdpFrame;

/// `BPF_F_MMAPABLE`: userspace writes through memory.
const MAPPED: usize = 1 << 10;

/// A map of one value, which userspace writes.
type One<T> = Array<T, 1, MAPPED>;

macro_rules! maps {
    ($($name:ident: $map:ty;)*) => { $(
        #[btf_map]
        pub(crate) static $name: $map = <$map>::new();
    )* };
}

maps! {
    SHARED: One<Shared>;
    // Not a map per CPU, whose values have at most 32 KiB. Userspace makes it as long as there are
    // CPUs.
    CPU: Array<Cpu, 1, MAPPED>;
    SCRATCH: PerCpuArray<Scratch, 1>;
    PROGRAMS: ProgramArray<2>;
    ZONES_S: ArrayOfMaps<
        One<ZoneTables<{ abi::CLASS_ROWS[0] as usize }, { abi::DECK_ROWS[0] as usize }>>,
        { abi::TABLES[0] as usize },
    >;
    ZONES_M: ArrayOfMaps<
        One<ZoneTables<{ abi::CLASS_ROWS[1] as usize }, { abi::DECK_ROWS[1] as usize }>>,
        { abi::TABLES[1] as usize },
    >;
    ZONES_L: ArrayOfMaps<
        One<ZoneTables<{ abi::CLASS_ROWS[2] as usize }, { abi::DECK_ROWS[2] as usize }>>,
        { abi::TABLES[2] as usize },
    >;
    // The ring's values have no size of their own.
    SAMPLES: RingBuf<(), { abi::SAMPLES_OCTETS as usize }>;
    SAMPLES_LOST: PerCpuArray<u64, 1>;
    PREFIXES: LpmTrie<[u64; 2], u32, { abi::PREFIX_ENTRIES as usize }>;
}

/// `BPF_RB_NO_WAKEUP`: userspace looks at the ring when it has time.
const NO_WAKEUP: u64 = 1;

#[inline(always)]
pub(crate) fn keep(frame: &XdpFrame, verdict: Verdict) -> Option<()> {
    let mut entry = SAMPLES.reserve_untyped::<Sample>(0)?;
    let sample = entry.as_mut_ptr();
    // SAFETY: the entry is the memory of a sample.
    let room = unsafe { addr_of_mut!((*sample).frame) }.cast::<[MaybeUninit<u8>; _]>();
    // SAFETY: as above; it is ours until it is submitted, and needn't have been written yet.
    let Some(octets) = frame.copy_to::<{ Sample::FRAME_OCTETS }>(unsafe { &mut *room }) else {
        entry.discard(NO_WAKEUP);
        return None;
    };
    // SAFETY: the entry is the memory of a sample.
    let length = unsafe { addr_of_mut!((*sample).octets) };
    // SAFETY: as above.
    unsafe { length.write(octets) };
    // SAFETY: the entry is the memory of a sample.
    let what = unsafe { addr_of_mut!((*sample).verdict) };
    // SAFETY: as above.
    unsafe { what.write(verdict.index()) };
    entry.submit(NO_WAKEUP);
    Some(())
}

/// Ends the lease `lease_jiffies` from now.
#[inline(always)]
pub(crate) fn renew_lease() {
    let Some(shared) = SHARED.get_ptr_mut(0) else { return };
    // SAFETY: the pointer is to the map's one value.
    let length = unsafe { addr_of!((*shared).control.lease_jiffies) };
    // SAFETY: as above; userspace writes the word by one store.
    let length = unsafe { read_volatile(length) };
    // SAFETY: the helper takes nothing.
    let now = unsafe { bpf_jiffies64() };
    // SAFETY: the pointer is to the map's one value.
    let lease = unsafe { addr_of_mut!((*shared).control.lease) };
    // SAFETY: as above; packets read the word by one load.
    unsafe { write_volatile(lease, now.wrapping_add(length)) };
}

/// Where `PROGRAMS` has the general program.
pub(crate) const GENERAL: u32 = 0;
/// Where it has NTP's.
pub(crate) const NTP: u32 = 1;

/// Goes on with another program. Returns only if that isn't there.
#[inline(always)]
pub(crate) fn go_on(context: *mut xdp_md, program: u32) {
    let context = XdpContext::new(context);
    // SAFETY: nothing is left to be dropped, and the other program starts from the frame alone.
    unsafe { PROGRAMS.tail_call(&context, program) };
}

/// The general program's memory of a frame, on this CPU.
#[inline(always)]
pub(crate) fn scratch() -> Option<&'static mut Scratch> {
    // SAFETY: the pointer is to this CPU's value, which no other run uses meanwhile.
    SCRATCH.get_ptr_mut(0).map(|scratch| unsafe { &mut *scratch })
}

/// The memory of this CPU.
#[inline(always)]
pub(crate) fn own() -> Option<*mut Cpu> {
    // SAFETY: the helper takes nothing.
    CPU.get_ptr_mut(unsafe { bpf_get_smp_processor_id() })
}
