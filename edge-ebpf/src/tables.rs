//! [`Tables`] over the BPF maps.
#![expect(
    unsafe_code,
    reason = "words that userspace rewrites are read and written volatile; entries are borrowed"
)]

use core::ops::Deref;
use core::ptr::{addr_of, addr_of_mut, read_volatile, write_volatile};

use aya_ebpf::btf_maps::lpm_trie::Key;
use aya_ebpf::helpers::generated::{bpf_jiffies64, bpf_ktime_get_ns};
use edge_common::abi::{
    Card4, Card6, ClassRow, Clock, CookieSecrets, Cpu, Deck, GeoLeaf, Keys6, LongName, Nsid,
    NtpLimits, RateLimits, Root4, Rrs, Service, Shared, ShortName, Side, TableId, Tree6, TypeRow,
    ZoneTables, maps as abi,
};
use edge_common::device;
use edge_common::tables::{Tables, xorshift};
use edge_common::verdict::Verdict;

use crate::frame::XdpFrame;
use crate::frame::verifier::{apart, opaque};
use crate::maps::{PREFIXES, SAMPLES_LOST, SHARED, ZONES_L, ZONES_M, ZONES_S, keep, own};

/// A key of `PREFIXES` whose words stand where the verifier wants words on the stack.
#[repr(C, align(8))]
struct Aligned {
    before: u32,
    key: Key<[u64; 2]>,
}

/// An entry of a table, which is to be one that doesn't change while it is in use. The table itself
/// is never borrowed: other entries of it do change.
#[inline(always)]
fn entry<'t, T, const N: usize>(table: *const [T; N], index: u32) -> Option<&'t T> {
    // Hidden, so that what is compared is what the verifier sees used.
    let index = opaque(index as usize);
    if index >= N {
        return None;
    }
    // SAFETY: the index is inside the table, which is part of a map's value.
    let entry = unsafe { table.cast::<T>().add(index) };
    // SAFETY: as above; maps stay as long as a program that uses them, and userspace doesn't write
    // an entry that a packet can be reading.
    Some(unsafe { &*entry })
}

/// Reads a word that userspace or another CPU may be replacing.
macro_rules! word {
    ($shared:expr, $($field:tt)+) => {{
        let value = $shared;
        // SAFETY: the pointer is to a map's value, or to a part of one.
        let word = unsafe { addr_of!((*value).$($field)+) };
        // SAFETY: as above. Volatile, because the word may change at any time and is to be read
        // just once.
        unsafe { read_volatile(word) }
    }};
}

/// Reads a field of an entry that doesn't change while it is in use. The compiler may put that off
/// until it is needed.
macro_rules! constant {
    ($entry:expr, $field:ident) => {{
        let entry = $entry;
        // SAFETY: the pointer is to an entry of a map's value.
        let field = unsafe { addr_of!((*entry).$field) };
        // SAFETY: as above; userspace doesn't write an entry that a packet can be reading.
        unsafe { field.read() }
    }};
}

/// A part of the map's value, without a look at it.
macro_rules! part {
    ($shared:expr, $($field:tt)+) => {{
        let value = $shared;
        // SAFETY: the pointer is to a map's value.
        unsafe { addr_of!((*value).$($field)+) }
    }};
}

/// Reads limits, word by word.
macro_rules! limits {
    ($shared:expr, $($field:tt)+) => {{
        let shared = $shared;
        RateLimits {
            seeds: [word!(shared, $($field)+.seeds[0]), word!(shared, $($field)+.seeds[1])],
            cost: word!(shared, $($field)+.cost),
            capacity: word!(shared, $($field)+.capacity),
            mask4: word!(shared, $($field)+.mask4),
            mask6: word!(shared, $($field)+.mask6),
            slip: word!(shared, $($field)+.slip),
            jiffies_per_second: word!(shared, $($field)+.jiffies_per_second),
        }
    }};
}

/// [`Tables`] over the maps.
pub(crate) struct Maps {
    shared: *const Shared,
    cpu: *mut Cpu,
}

impl Maps {
    /// Looks up what every packet needs.
    #[inline(always)]
    pub(crate) fn new() -> Option<Self> {
        Some(Self { shared: SHARED.get_ptr(0)?, cpu: own()? })
    }

    /// Counts [`Verdict::Answer`] on this CPU.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a verdict is the index of its counter")]
    pub(crate) fn count_answer(&self) {
        // SAFETY: the pointer is to this CPU's value, which no other run uses meanwhile.
        unsafe { (*self.cpu).verdicts[Verdict::Answer as usize] += 1 };
    }

    /// Copies a frame to the ring `SAMPLES`, at random: one in
    /// [`Control::sample`](edge_common::abi::Control::sample) frames that are sent, one in
    /// `sample_dropped` that are dropped.
    #[inline(always)]
    pub(crate) fn sample(&self, frame: &XdpFrame, verdict: Verdict, is_sent: bool) {
        let one_in = if is_sent {
            part!(self.shared, control.sample)
        } else {
            part!(self.shared, control.sample_dropped)
        };
        // SAFETY: the pointer is to a word of the map's value. Volatile, because userspace writes
        // it by one store.
        let one_in = unsafe { read_volatile(one_in) };
        if one_in == 0 || u64::from(self.random()).wrapping_mul(one_in) >> 32 != 0 {
            return;
        }
        if keep(frame, verdict).is_none()
            && let Some(lost) = SAMPLES_LOST.get_ptr_mut(0)
        {
            // SAFETY: the pointer is to this CPU's counter, which no other run uses meanwhile.
            unsafe { *lost += 1 };
        }
    }

    /// Counts a verdict on this CPU. Looks the counters up again: a pointer that is kept for every
    /// exit costs the path that most frames take.
    #[inline(always)]
    pub(crate) fn count(verdict: Verdict) {
        let Some(cpu) = own() else { return };
        // SAFETY: the pointer is to this CPU's value, which no other run uses meanwhile.
        let verdicts = unsafe { &mut (*cpu).verdicts };
        if let Some(counter) = verdicts.get_mut(opaque(verdict.index() as usize)) {
            *counter += 1;
        }
    }
}

/// As [`Tables::deck`], in a zone's tables.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "the index is masked")]
fn deck<const ROWS: usize, const DECKS: usize>(
    zone: Option<*mut ZoneTables<ROWS, DECKS>>,
    at: u32,
    varies: bool,
) -> Option<Deck> {
    let zone = apart(zone)?;
    let mut number = at;
    if varies {
        let row = entry(part!(zone, classes), at >> ClassRow::ENTRIES.trailing_zeros())?;
        number = row.decks[at as usize & (ClassRow::ENTRIES - 1)].into();
    }
    // An absent deck is beyond every table.
    let number = opaque(number as usize);
    if number >= DECKS {
        return None;
    }
    let decks = part!(zone, decks).cast::<Deck>();
    // SAFETY: the number is inside the table.
    let deck = unsafe { decks.add(number) };
    Some(Deck {
        // Userspace replaces this word by one store when it deals again; the others belong to the
        // entry.
        cards: word!(deck, cards),
        ttl: constant!(deck, ttl),
        records: constant!(deck, records),
        kind: constant!(deck, kind),
        apex_octets: constant!(deck, apex_octets),
        reserved: 0,
    })
}

impl Tables for Maps {
    #[inline(always)]
    fn switches(&self) -> u64 {
        word!(self.shared, control.switches)
    }

    #[inline(always)]
    fn generation(&self) -> u64 {
        word!(self.shared, control.generation)
    }

    #[inline(always)]
    fn lease(&self) -> u64 {
        word!(self.shared, control.lease)
    }

    #[inline(always)]
    fn side(&self, side: u32) -> impl Deref<Target = Side> {
        let sides = part!(self.shared, control.sides).cast::<Side>();
        // SAFETY: there are two.
        let side = unsafe { sides.add((side & 1) as usize) };
        // SAFETY: as above; userspace writes only the side that no packet can be reading.
        unsafe { &*side }
    }

    #[inline(always)]
    fn usual_trie(&self) -> u32 {
        word!(self.shared, control.usual_trie)
    }

    #[inline(always)]
    fn own_address(&self) -> u64 {
        word!(self.shared, control.own_address)
    }

    #[inline(always)]
    fn first_service(&self, family: usize) -> Option<impl Deref<Target = Service>> {
        let first = part!(self.shared, control.first_services);
        // SAFETY: the pointer is to a part of the map's value, which is written before anything is
        // published.
        unsafe { &*first }.get(family)
    }

    #[inline(always)]
    fn service_seed(&self) -> u64 {
        word!(self.shared, control.service_seed)
    }

    #[inline(always)]
    fn cookie_state(&self) -> u64 {
        word!(self.shared, control.cookies.state)
    }

    #[inline(always)]
    fn cookie_secrets(&self, side: u64) -> impl Deref<Target = CookieSecrets> {
        // By a branch, or the verifier doesn't know the offset.
        let secrets = if side & 1 == 0 {
            part!(self.shared, control.cookies.secrets[0])
        } else {
            part!(self.shared, control.cookies.secrets[1])
        };
        // SAFETY: the pointer is to a part of the map's one value; userspace writes only the side
        // that no packet can be reading.
        unsafe { &*secrets }
    }

    #[inline(always)]
    fn unix_seconds(&self) -> u64 {
        word!(self.shared, control.unix_seconds)
    }

    #[inline(always)]
    fn nsid(&self) -> impl Deref<Target = Nsid> {
        let nsid = part!(self.shared, control.nsid);
        // SAFETY: the pointer is to a part of the map's value, which is written before anything is
        // published.
        unsafe { &*nsid }
    }

    #[inline(always)]
    fn limits(&self) -> RateLimits {
        limits!(self.shared, control.limits)
    }

    #[inline(always)]
    fn ntp_limits(&self) -> NtpLimits {
        NtpLimits {
            limits: limits!(self.shared, control.ntp_limits.limits),
            kod: word!(self.shared, control.ntp_limits.kod),
            poll: word!(self.shared, control.ntp_limits.poll),
        }
    }

    #[inline(always)]
    fn now(&self) -> u64 {
        // SAFETY: the helper takes nothing.
        unsafe { bpf_jiffies64() }
    }

    #[inline(always)]
    fn is_own_address(&self, ifindex: u32, address: u64) -> bool {
        let slot = device::slot(word!(self.shared, control.device_seed), ifindex, address);
        entry(part!(self.shared, devices), slot).is_some_and(|device| {
            device.ifindex == ifindex && u64::from_ne_bytes(device.address) == address
        })
    }

    #[inline(always)]
    fn service(&self, slot: u32) -> Option<impl Deref<Target = Service>> {
        entry(part!(self.shared, services), slot)
    }

    #[inline(always)]
    fn short_name(&self, slot: u32) -> Option<impl Deref<Target = ShortName>> {
        entry(part!(self.shared, names), slot)
    }

    #[inline(always)]
    fn long_name(&self, slot: u32) -> Option<impl Deref<Target = LongName>> {
        entry(part!(self.shared, long_names), slot)
    }

    #[inline(always)]
    fn deck(&self, table: TableId, at: u32, varies: bool) -> Option<Deck> {
        match table.class() {
            0 => deck(ZONES_S.get_value_ptr_mut(table.slot(), &0), at, varies),
            1 => deck(ZONES_M.get_value_ptr_mut(table.slot(), &0), at, varies),
            _ => deck(ZONES_L.get_value_ptr_mut(table.slot(), &0), at, varies),
        }
    }

    #[inline(always)]
    fn card4(&self, cell: u32) -> Option<impl Deref<Target = Card4>> {
        entry(part!(self.shared, cards_a), cell)
    }

    #[inline(always)]
    fn card6(&self, cell: u32) -> Option<impl Deref<Target = Card6>> {
        entry(part!(self.shared, cards_aaaa), cell)
    }

    #[inline(always)]
    fn rrs(&self, number: u32) -> Option<impl Deref<Target = Rrs>> {
        entry(part!(self.shared, rrs), number)
    }

    #[inline(always)]
    fn type_row(&self, row: u32) -> Option<impl Deref<Target = TypeRow>> {
        entry(part!(self.shared, types), row)
    }

    #[inline(always)]
    fn bucket(&self, row: u32, slot: u32) -> Option<u64> {
        let at = opaque((row * abi::BUCKETS + slot) as usize);
        if at >= (abi::BUCKET_ROWS * abi::BUCKETS) as usize {
            return None;
        }
        let buckets = part!(self.shared, buckets).cast::<u64>();
        // SAFETY: `at` is inside the table.
        let bucket = unsafe { buckets.add(at) };
        // SAFETY: as above; volatile, because other CPUs write the word.
        Some(unsafe { read_volatile(bucket) })
    }

    #[inline(always)]
    fn set_bucket(&self, row: u32, slot: u32, bucket: u64) {
        let Some(shared) = SHARED.get_ptr_mut(0) else { return };
        // SAFETY: the pointer is to the map's one value.
        let buckets = unsafe { addr_of_mut!((*shared).buckets) }.cast::<u64>();
        let at = opaque((row * abi::BUCKETS + slot) as usize);
        if at < (abi::BUCKET_ROWS * abi::BUCKETS) as usize {
            // SAFETY: `at` is inside the table.
            let to = unsafe { buckets.add(at) };
            // SAFETY: as above; other CPUs may write the word, too, and one of us wins.
            unsafe { write_volatile(to, bucket) };
        }
    }

    #[inline(always)]
    fn listed(&self, address: [u64; 2]) -> u32 {
        let Aligned { key, .. } = &Aligned { before: 0, key: Key::new(u128::BITS, address) };
        PREFIXES.get(key).map_or(0, |rule| *rule)
    }

    #[inline(always)]
    fn root4(&self, trie: u32, high: u32) -> Option<Root4> {
        entry(part!(self.shared, geo4_root), trie * abi::GEO4_ROOTS + high).copied()
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "an octet indexes 256 entries")]
    fn node4(&self, node: u32, octet: u8) -> Option<u16> {
        entry(part!(self.shared, geo4_node), node).map(|node| node.entries[usize::from(octet)])
    }

    #[inline(always)]
    fn tree6(&self, trie: u32) -> Option<impl Deref<Target = Tree6>> {
        entry(part!(self.shared, geo6_tree), trie)
    }

    #[inline(always)]
    fn keys6(&self, node: u32) -> Option<impl Deref<Target = Keys6>> {
        entry(part!(self.shared, geo6_keys), node)
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "three bits index eight leaves")]
    fn leaf6(&self, node: u32, place: u32) -> Option<u16> {
        entry(part!(self.shared, geo6_leaf), node).map(|node| node.leaves[place as usize & 7])
    }

    #[inline(always)]
    fn leaf(&self, trie: u32, leaf: u16) -> Option<GeoLeaf> {
        let leaf = u32::from(leaf) & (abi::GEO_LEAVES - 1);
        entry(part!(self.shared, geo_leaf), trie * abi::GEO_LEAVES + leaf).copied()
    }

    #[inline(always)]
    fn clock(&self) -> Option<impl Deref<Target = Clock>> {
        match word!(self.shared, control.clock) {
            0 => None,
            word => entry(part!(self.shared, clocks), (word & 1) as u32),
        }
    }

    #[inline(always)]
    fn monotonic(&self) -> u64 {
        // SAFETY: the helper takes nothing.
        unsafe { bpf_ktime_get_ns() }
    }

    #[inline(always)]
    fn count_request(&self, place: usize) {
        // SAFETY: the pointer is to this CPU's value, which no other run uses meanwhile.
        let counts = unsafe { &mut (*self.cpu).requests.counts };
        if let Some(count) = counts.get_mut(opaque(place)) {
            *count += 1;
        }
    }

    #[inline(always)]
    fn mark_hit(&self, place: u32) {
        // SAFETY: the pointer is to this CPU's value, which no other run uses meanwhile.
        let to = unsafe { addr_of_mut!((*self.cpu).place) };
        // SAFETY: as above; volatile, or it may stay in a register.
        unsafe { write_volatile(to, place.into()) };
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "it was made from a smaller one")]
    #[expect(clippy::indexing_slicing, reason = "the index is masked")]
    fn count_hit(&self) {
        // SAFETY: the pointer is to this CPU's value, which no other run uses meanwhile.
        let place = unsafe { addr_of!((*self.cpu).place) };
        // SAFETY: as above; volatile, as it was written.
        let place = unsafe { read_volatile(place) } as usize;
        // SAFETY: as above; userspace only reads the counters.
        let counts = unsafe { &mut (*self.cpu).hits.counts };
        counts[place & (abi::HIT_WORDS as usize - 1)] += 1;
    }

    #[inline(always)]
    fn random(&self) -> u32 {
        // SAFETY: the pointer is to this CPU's value, which no other run uses meanwhile.
        let state = unsafe { &mut (*self.cpu).random };
        let (next, bits) = xorshift(*state);
        *state = next;
        bits
    }
}
