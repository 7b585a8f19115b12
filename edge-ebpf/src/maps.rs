//! Every BPF map, and [`Tables`] over them.
#![expect(
    unsafe_code,
    reason = "words that userspace rewrites are read and written volatile; ring entries are written"
)]

use core::mem::MaybeUninit;
use core::ops::Deref;
use core::ptr::{addr_of, addr_of_mut, from_ref, null, read_volatile, write_volatile};

use aya_ebpf::btf_maps::{Array, ArrayOfMaps, PerCpuArray, RingBuf};
use aya_ebpf::helpers::generated::bpf_jiffies64;
use aya_ebpf::macros::btf_map;
use edge_common::abi::{
    Card4, Card6, ClassRow, Control, Deck, Device, GeoLeaf, Keys6, Leaves6, LongName, Node4, Root4,
    Rrs, Sample, Service, ShortName, TableId, Tree6, maps as abi,
};
use edge_common::tables::{Tables, xorshift};
use edge_common::verdict::Verdict;

use crate::frame::{XdpFrame, hide};

/// `BPF_F_MMAPABLE`: userspace writes through memory.
const MAPPED: usize = 1 << 10;

/// A table. The map's one value is all of it: an entry is an offset away, where the look-up of an
/// entry of its own would be a trip through the stack, of which an answer makes nine.
type Shared<T, const N: usize> = Array<[T; N], 1, MAPPED>;

/// An entry of a table's memory.
#[inline(always)]
fn entry_of<T, const N: usize>(table: &[T; N], index: u32) -> Option<&T> {
    // Hidden, so that what is compared is what the verifier sees used.
    table.get(hide(index as usize))
}

/// An entry of a table.
#[inline(always)]
fn entry<T, const N: usize>(table: &Shared<T, N>, index: u32) -> Option<&T> {
    entry_of(table.get(0)?, index)
}

macro_rules! maps {
    ($($name:ident: $map:ty;)*) => { $(
        #[btf_map]
        static $name: $map = <$map>::new();
    )* };
}

maps! {
    CONTROL: Shared<Control, 1>;
    NAMES: Shared<ShortName, { 2 * abi::NAME_SLOTS as usize }>;
    LONG_NAMES: Shared<LongName, { 2 * abi::LONG_SLOTS as usize }>;
    CARDS_A: Shared<Card4, { abi::CARDS_A_CELLS as usize }>;
    CARDS_AAAA: Shared<Card6, { abi::CARDS_AAAA_CELLS as usize }>;
    RRS: Shared<Rrs, { abi::RRS_ENTRIES as usize }>;
    GEO4_ROOT: Shared<Root4, { (abi::TRIES * abi::GEO4_ROOTS) as usize }>;
    GEO4_NODE: Shared<Node4, { abi::GEO4_NODES as usize }>;
    GEO6_TREE: Shared<Tree6, { abi::TRIES as usize }>;
    GEO6_KEYS: Shared<Keys6, { abi::GEO6_NODES as usize }>;
    GEO6_LEAF: Shared<Leaves6, { abi::GEO6_NODES as usize }>;
    GEO_LEAF: Shared<GeoLeaf, { (abi::TRIES * abi::GEO_LEAVES) as usize }>;
    SERVICES: Shared<Service, { abi::SERVICE_SLOTS as usize }>;
    DEVICES: Shared<Device, { abi::DEVICE_SLOTS as usize }>;
    DECKS_S: ArrayOfMaps<Shared<Deck, { abi::DECK_ROWS[0] as usize }>, { abi::TABLES[0] as usize }>;
    DECKS_M: ArrayOfMaps<Shared<Deck, { abi::DECK_ROWS[1] as usize }>, { abi::TABLES[1] as usize }>;
    DECKS_L: ArrayOfMaps<Shared<Deck, { abi::DECK_ROWS[2] as usize }>, { abi::TABLES[2] as usize }>;
    CLASSES_S:
        ArrayOfMaps<Shared<ClassRow, { abi::CLASS_ROWS[0] as usize }>, { abi::TABLES[0] as usize }>;
    CLASSES_M:
        ArrayOfMaps<Shared<ClassRow, { abi::CLASS_ROWS[1] as usize }>, { abi::TABLES[1] as usize }>;
    CLASSES_L:
        ArrayOfMaps<Shared<ClassRow, { abi::CLASS_ROWS[2] as usize }>, { abi::TABLES[2] as usize }>;
    // The ring's values have no size of their own.
    SAMPLES: RingBuf<(), { abi::SAMPLES_OCTETS as usize }>;
    SAMPLES_LOST: PerCpuArray<u64, 1>;
    VERDICTS: PerCpuArray<u64, { Verdict::ALL.len() }>;
    RANDOM: PerCpuArray<u64, 1>;
}

/// Counts a verdict on this CPU.
#[inline(always)]
pub(crate) fn count(verdict: Verdict) {
    if let Some(counter) = VERDICTS.get_ptr_mut(verdict.index()) {
        // SAFETY: the pointer is to this CPU's counter, which no other run uses meanwhile.
        unsafe { *counter += 1 };
    }
}

/// `BPF_RB_NO_WAKEUP`: userspace looks at the ring when it has time.
const NO_WAKEUP: u64 = 1;

/// Copies one in so many frames, as userspace wishes, to where it finds them.
#[inline(always)]
pub(crate) fn sample(frame: &XdpFrame) {
    let Some([control]) = CONTROL.get(0) else { return };
    // SAFETY: the reference is valid; volatile, because userspace writes the word by one store.
    let one_in = unsafe { read_volatile(addr_of!(control.sample)) };
    if one_in == 0 || u64::from(Maps.random()).wrapping_mul(one_in) >> 32 != 0 {
        return;
    }
    if keep(frame).is_none()
        && let Some(lost) = SAMPLES_LOST.get_ptr_mut(0)
    {
        // SAFETY: the pointer is to this CPU's counter, which no other run uses meanwhile.
        unsafe { *lost += 1 };
    }
}

#[inline(always)]
fn keep(frame: &XdpFrame) -> Option<()> {
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
    entry.submit(NO_WAKEUP);
    Some(())
}

/// Ends the lease `lease_jiffies` from now.
#[inline(always)]
pub(crate) fn renew_lease() {
    let Some(control) = CONTROL.get_ptr_mut(0) else { return };
    let control: *mut Control = control.cast();
    // SAFETY: the pointer is to the map's one value.
    let length = unsafe { addr_of!((*control).lease_jiffies) };
    // SAFETY: as above; userspace writes the word by one store.
    let length = unsafe { read_volatile(length) };
    // SAFETY: the helper takes nothing.
    let now = unsafe { bpf_jiffies64() };
    // SAFETY: the pointer is to the map's one value.
    let lease = unsafe { addr_of_mut!((*control).lease) };
    // SAFETY: as above; packets read the word by one load.
    unsafe { write_volatile(lease, now.wrapping_add(length)) };
}

/// [`Tables`] over the maps.
pub(crate) struct Maps;

/// The same entry. The compiler can't merge what leads to it with what leads to another: of a
/// look-up that several maps share, the kernel makes a call instead of a few instructions, which
/// costs twenty nanoseconds.
#[inline(always)]
fn apart<T>(entry: Option<&T>) -> Option<&T> {
    let entry = hide(entry.map_or(null(), from_ref) as usize) as *const T;
    // SAFETY: it is what came in: a valid reference, or null.
    unsafe { entry.as_ref() }
}

/// Looks an entry up in the inner map of a zone's size class.
macro_rules! zone {
    ($table:expr, $key:expr, $small:ident, $medium:ident, $large:ident) => {
        match $table.class() {
            0 => apart($small.get_value($table.slot(), &0)).and_then(|table| entry_of(table, $key)),
            1 => {
                apart($medium.get_value($table.slot(), &0)).and_then(|table| entry_of(table, $key))
            }
            _ => apart($large.get_value($table.slot(), &0)).and_then(|table| entry_of(table, $key)),
        }
    };
}

impl Tables for Maps {
    #[inline(always)]
    fn control(&self) -> Option<Control> {
        let [control] = CONTROL.get(0)?;
        // SAFETY: the reference is valid; volatile, because userspace writes the word by one store
        // and a packet has to read it just once.
        let generation = unsafe { read_volatile(addr_of!(control.generation)) };
        // SAFETY: as above.
        let lease = unsafe { read_volatile(addr_of!(control.lease)) };
        Some(Control { generation, lease, ..*control })
    }

    #[inline(always)]
    fn now(&self) -> u64 {
        // SAFETY: the helper takes nothing.
        unsafe { bpf_jiffies64() }
    }

    #[inline(always)]
    fn is_own_address(&self, ifindex: u32, address: u64) -> bool {
        entry(&DEVICES, ifindex & (abi::DEVICE_SLOTS - 1)).is_some_and(|device| {
            device.ifindex == ifindex && u64::from_ne_bytes(device.address) == address
        })
    }

    #[inline(always)]
    fn service(&self, slot: u32) -> Option<impl Deref<Target = Service>> {
        entry(&SERVICES, slot)
    }

    #[inline(always)]
    fn short_name(&self, slot: u32) -> Option<impl Deref<Target = ShortName>> {
        entry(&NAMES, slot)
    }

    #[inline(always)]
    fn long_name(&self, slot: u32) -> Option<impl Deref<Target = LongName>> {
        entry(&LONG_NAMES, slot)
    }

    #[inline(always)]
    fn class_row(&self, table: TableId, row: u32) -> Option<impl Deref<Target = ClassRow>> {
        zone!(table, row, CLASSES_S, CLASSES_M, CLASSES_L)
    }

    #[inline(always)]
    fn deck(&self, table: TableId, deck: u32) -> Option<Deck> {
        let entry: &Deck = zone!(table, deck, DECKS_S, DECKS_M, DECKS_L)?;
        // SAFETY: the reference is valid; volatile, because userspace replaces the word by one
        // store when it deals anew.
        let cards = unsafe { read_volatile(addr_of!(entry.cards)) };
        Some(Deck { cards, ..*entry })
    }

    #[inline(always)]
    fn card4(&self, cell: u32) -> Option<impl Deref<Target = Card4>> {
        entry(&CARDS_A, cell)
    }

    #[inline(always)]
    fn card6(&self, cell: u32) -> Option<impl Deref<Target = Card6>> {
        entry(&CARDS_AAAA, cell)
    }

    #[inline(always)]
    fn rrs(&self, number: u32) -> Option<impl Deref<Target = Rrs>> {
        entry(&RRS, number)
    }

    #[inline(always)]
    fn root4(&self, trie: u32, high: u32) -> Option<Root4> {
        entry(&GEO4_ROOT, trie * abi::GEO4_ROOTS + high).copied()
    }

    #[inline(always)]
    fn node4(&self, node: u32, octet: u8) -> Option<u16> {
        entry(&GEO4_NODE, node).map(|node| node.entries[usize::from(octet)])
    }

    #[inline(always)]
    fn tree6(&self, trie: u32) -> Option<impl Deref<Target = Tree6>> {
        entry(&GEO6_TREE, trie)
    }

    #[inline(always)]
    fn keys6(&self, node: u32) -> Option<impl Deref<Target = Keys6>> {
        entry(&GEO6_KEYS, node)
    }

    #[inline(always)]
    fn leaf6(&self, node: u32, place: u32) -> Option<u16> {
        entry(&GEO6_LEAF, node).map(|node| node.leaves[place as usize & 7])
    }

    #[inline(always)]
    fn leaf(&self, trie: u32, leaf: u16) -> Option<GeoLeaf> {
        let leaf = u32::from(leaf) & (abi::GEO_LEAVES - 1);
        entry(&GEO_LEAF, trie * abi::GEO_LEAVES + leaf).copied()
    }

    #[inline(always)]
    fn random(&self) -> u32 {
        let Some(state) = RANDOM.get_ptr_mut(0) else { return 0 };
        // SAFETY: the pointer is to this CPU's state, which no other run uses meanwhile.
        let (next, bits) = xorshift(unsafe { *state });
        // SAFETY: as above.
        unsafe { *state = next };
        bits
    }
}
