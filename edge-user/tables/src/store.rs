//! The memory of the tables, in words of eight octets.
//!
//! The publisher writes it; packets and the authority read it. Each table is an array of words, in
//! memory of our own or mapped from a BPF map, so that kernel and authority read the same octets.
//! Words are written and read one by one. The publisher ensures that no reader sees an entry half
//! written: it fills only places that no generation in use refers to.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use edge_common::abi::{
    Card4, Card6, ClassRow, Clock, Control, Cpu, Deck, Device, GeoLeaf, Keys6, Leaves6, LongName,
    Node4, Root4, Rrs, Service, Shared, ShortName, TableId, Tree6, TypeRow, maps,
};
use edge_common::device;
use zerocopy::{FromBytes, FromZeros as _, Immutable, IntoBytes};

use crate::prefixes::Prefixes;

mod control;
mod host;

pub use control::ControlBlock;
pub use host::{Copied, HostTables};

/// Addresses of interfaces that fit for certain.
const DEVICES: u32 = 48;
/// Seeds that are tried for them. Of 48 addresses in 256 slots, one seed in a hundred places each
/// in a slot of its own.
const SEEDS: usize = 100_000;

/// A table of `T`s, shared between threads and, when mapped, with the kernel.
#[derive(Debug)]
pub struct Region<T> {
    words: &'static [AtomicU64],
    entries: PhantomData<fn() -> T>,
}

impl<T> Clone for Region<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Region<T> {}

impl<T: FromBytes + IntoBytes + Immutable> Region<T> {
    const WORDS: usize = size_of::<T>() / 8;

    /// A table of `entries` zeroed entries in memory that is never given back.
    #[must_use]
    pub fn in_memory(entries: u32) -> Self {
        Self::over(zeroed(entries as usize * size_of::<T>()))
    }

    /// A table over words of memory.
    const fn over(words: &'static [AtomicU64]) -> Self {
        const { assert!(size_of::<T>().is_multiple_of(8)) }
        Self { words, entries: PhantomData }
    }

    /// Entries in the table.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.words.len() / Self::WORDS
    }

    fn entry(&self, index: usize) -> Option<&'static [AtomicU64]> {
        self.words.get(index * Self::WORDS..(index + 1) * Self::WORDS)
    }

    /// The words of each entry.
    pub fn all(&self) -> impl Iterator<Item = &'static [AtomicU64]> {
        self.words.chunks_exact(Self::WORDS)
    }

    /// A copy of an entry.
    #[must_use]
    pub fn read(&self, index: u32) -> Option<T> {
        let words = self.entry(index as usize)?;
        let mut entry = T::new_zeroed();
        for (to, from) in entry.as_mut_bytes().chunks_exact_mut(8).zip(words) {
            to.copy_from_slice(&from.load(Ordering::Relaxed).to_ne_bytes());
        }
        Some(entry)
    }

    /// Writes entries from `first` on. Those beyond the table's end are not written.
    pub fn write(&self, first: u32, entries: &[T]) {
        let words = self.words.get(first as usize * Self::WORDS..).unwrap_or_default();
        for (to, from) in words.iter().zip(entries.as_bytes().chunks_exact(8)) {
            let mut word = [0; 8];
            word.copy_from_slice(from);
            to.store(u64::from_ne_bytes(word), Ordering::Relaxed);
        }
    }

    /// Zeroes `n` entries from `first` on.
    pub fn clear(&self, first: u32, n: u32) {
        let from = first as usize * Self::WORDS;
        let words = self.words.get(from..from + n as usize * Self::WORDS).unwrap_or_default();
        for word in words {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// The word at octet `at` of an entry, to be read or written by itself.
    #[must_use]
    pub fn word(&self, index: u32, at: usize) -> Option<&'static AtomicU64> {
        self.entry(index as usize)?.get(at / 8)
    }
}

/// Words over mapped memory; none if that isn't aligned to words.
pub fn words(octets: &'static mut [u8]) -> &'static [AtomicU64] {
    <[AtomicU64]>::mut_from_bytes(octets).map_or(&[], |words| words)
}

/// Words of zeroed memory that is never given back.
fn zeroed(octets: usize) -> &'static [AtomicU64] {
    words(vec![0_u64; octets / 8].leak().as_mut_bytes())
}

/// Memory that is cut into tables, front to back.
struct Cut(&'static [AtomicU64]);

impl Cut {
    /// The next `entries` entries; fewer if there aren't as many.
    fn next<T: FromBytes + IntoBytes + Immutable>(&mut self, entries: u32) -> Region<T> {
        let words = (entries as usize * Region::<T>::WORDS).min(self.0.len());
        let (table, rest) = self.0.split_at(words);
        self.0 = rest;
        Region::over(table)
    }
}

/// The tables of one zone slot.
#[derive(Clone, Copy, Debug)]
pub struct ZoneTable {
    /// Its decks.
    pub decks: Region<Deck>,
    /// Its class table.
    pub classes: Region<ClassRow>,
}

/// Every table.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is the field of the same name in edge_common::abi::Shared")]
pub struct Store {
    pub control: ControlBlock,
    pub names: Region<ShortName>,
    pub long_names: Region<LongName>,
    pub cards_a: Region<Card4>,
    pub cards_aaaa: Region<Card6>,
    pub rrs: Region<Rrs>,
    pub types: Region<TypeRow>,
    pub geo4_root: Region<Root4>,
    pub geo4_node: Region<Node4>,
    pub geo6_tree: Region<Tree6>,
    pub geo6_keys: Region<Keys6>,
    pub geo6_leaf: Region<Leaves6>,
    pub geo_leaf: Region<GeoLeaf>,
    pub services: Region<Service>,
    pub devices: Region<Device>,
    pub clocks: Region<Clock>,
    /// The authority's rate-limiting buckets; it doesn't use NTP's. Not the kernel's, which has a
    /// clock of its own: a query that passes is counted once in each.
    pub buckets: Region<u64>,
    /// What each CPU has for itself; none without a kernel.
    pub cpus: Region<Cpu>,
    /// Answers from decks by the authority.
    pub own_hits: Region<u64>,
    /// The authority's copy of the rules in the map `PREFIXES`.
    pub prefixes: Arc<RwLock<Prefixes>>,
    /// Held for reading while a thread of the authority uses the tables; the publisher takes it
    /// for writing, for a moment, to know that all who saw the old generation are done.
    pub readers: Arc<RwLock<()>>,
    /// By size class and slot.
    pub zones: [Vec<ZoneTable>; TableId::CLASSES],
}

/// What a size class has of something; 0 if there is no such class.
fn rows(by_class: [u32; TableId::CLASSES], class: usize) -> u32 {
    by_class.get(class).copied().unwrap_or_default()
}

impl ZoneTable {
    /// In a [`ZoneTables`] of a size class (below [`TableId::CLASSES`]).
    #[must_use]
    pub fn over(words: &'static [AtomicU64], class: usize) -> Self {
        let mut cut = Cut(words);
        Self {
            classes: cut.next(rows(maps::CLASS_ROWS, class)),
            decks: cut.next(rows(maps::DECK_ROWS, class)),
        }
    }

    /// Octets of a [`ZoneTables`] of a size class (below [`TableId::CLASSES`]).
    #[must_use]
    pub fn octets(class: usize) -> usize {
        rows(maps::CLASS_ROWS, class) as usize * size_of::<ClassRow>()
            + rows(maps::DECK_ROWS, class) as usize * size_of::<Deck>()
    }
}

impl Store {
    /// Tables in a [`Shared`], the zones', and a [`Cpu`] for each.
    #[must_use]
    pub fn over(
        shared: &'static [AtomicU64],
        zones: [Vec<ZoneTable>; TableId::CLASSES],
        cpus: &'static [AtomicU64],
    ) -> Self {
        // As they stand in `Shared`, which has no padding.
        let mut cut = Cut(shared);
        let buckets = maps::BUCKET_ROWS * maps::BUCKETS;
        Self {
            control: ControlBlock::over(cut.next(1)),
            services: cut.next(maps::SERVICE_SLOTS),
            devices: cut.next(maps::DEVICE_SLOTS),
            clocks: cut.next(2),
            names: cut.next(2 * maps::NAME_SLOTS),
            long_names: cut.next(2 * maps::LONG_SLOTS),
            cards_a: cut.next(maps::CARDS_A_CELLS),
            cards_aaaa: cut.next(maps::CARDS_AAAA_CELLS),
            rrs: cut.next(maps::RRS_ENTRIES),
            types: cut.next(maps::TYPE_ROWS),
            geo_leaf: {
                // Behind the kernel's buckets.
                let _kernels: Region<u64> = cut.next(buckets);
                cut.next(maps::TRIES * maps::GEO_LEAVES)
            },
            geo4_root: cut.next(maps::TRIES * maps::GEO4_ROOTS),
            geo4_node: cut.next(maps::GEO4_NODES),
            geo6_tree: cut.next(maps::TRIES),
            geo6_keys: cut.next(maps::GEO6_NODES),
            geo6_leaf: cut.next(maps::GEO6_NODES),
            buckets: Region::in_memory(buckets),
            own_hits: Region::in_memory(maps::HIT_WORDS),
            cpus: Region::over(cpus),
            prefixes: Arc::default(),
            readers: Arc::default(),
            zones,
        }
    }

    /// Tables in memory of our own: for `xdp.mode = "off"`, and for tests.
    #[must_use]
    pub fn in_memory() -> Self {
        let zone = |class: usize| -> Vec<ZoneTable> {
            let table = |_| ZoneTable::over(zeroed(ZoneTable::octets(class)), class);
            (0..rows(maps::TABLES, class)).map(table).collect()
        };
        Self::over(zeroed(size_of::<Shared>()), std::array::from_fn(zone), &[])
    }

    /// Replaces the table of devices: the interfaces and addresses whose frames are ours. The
    /// first one is found fastest. One thread at a time. Frames may pass while the table changes.
    ///
    /// # Errors
    /// When they are too many: the number that fits for certain.
    pub fn set_devices(&self, devices: &[Device]) -> Result<(), u32> {
        let key = |device: &Device| (device.ifindex, u64::from_ne_bytes(device.address));
        let slots = |seed: u64| -> Option<HashMap<u32, Device>> {
            let place = |device: &Device| {
                let (ifindex, address) = key(device);
                (device::slot(seed, ifindex, address), *device)
            };
            let slots: HashMap<_, _> = devices.iter().map(place).collect();
            (slots.len() == devices.len()).then_some(slots)
        };
        // The present seed first: what stays then stays in its slot, and none of its frames passes.
        let present = self.control.device_seed();
        let seeds = std::iter::once(present).chain(std::iter::repeat_with(|| fastrand::u64(..)));
        let mut tried = seeds.take(SEEDS).map(|seed| (seed, slots(seed)));
        let found = tried.find_map(|(seed, slots)| Some((seed, slots?)));
        let (seed, slots) = found.ok_or(DEVICES)?;
        for slot in 0..maps::DEVICE_SLOTS {
            let wanted = slots.get(&slot).copied().unwrap_or_else(Device::new_zeroed);
            if self.devices.read(slot) != Some(wanted) {
                self.devices.write(slot, &[wanted]);
            }
        }
        self.control.set_device_seed(seed);
        let first = devices.first().map(|device| Control::own(key(device).1));
        self.control.set_own_address(first.unwrap_or(0));
        Ok(())
    }

    /// The tables of a zone slot.
    #[must_use]
    pub fn zone(&self, table: TableId) -> Option<&ZoneTable> {
        self.zones.get(table.class() as usize)?.get(table.slot() as usize)
    }

    /// Writes a clock to the side that isn't in use, then takes it into use. One thread at a time,
    /// and not again before every packet that began before the last call is through.
    pub fn publish_clock(&self, clock: &Clock) {
        let next = self.control.next_clock();
        self.clocks.write((next & 1) as u32, &[*clock]);
        self.control.set_clock(next);
    }

    /// Takes the clock away: NTP requests pass.
    pub fn end_clock(&self) {
        self.control.set_clock(0);
    }

    /// The value in the map `PREFIXES` for an address, as [`Tables::listed`] returns it.
    #[must_use]
    pub fn listed(&self, address: [u64; 2]) -> u32 {
        self.prefixes.read().unwrap_or_else(PoisonError::into_inner).listed(address)
    }

    /// Counts of a run of words in [`edge_common::abi::Hits`], of all CPUs, and of the authority.
    #[must_use]
    pub fn hits(&self, first: u32, words: u32) -> Vec<[u64; 2]> {
        let (from, n) = (first as usize, words as usize);
        let run = |words: &'static [AtomicU64]| words.get(from..from + n).unwrap_or_default();
        let mut sums = vec![[0_u64; 2]; n];
        for cpu in self.cpus.all() {
            let counts = cpu.get(std::mem::offset_of!(Cpu, hits) / 8..).unwrap_or_default();
            for ([sum, _], word) in sums.iter_mut().zip(run(counts)) {
                *sum = sum.wrapping_add(word.load(Ordering::Relaxed));
            }
        }
        for ([_, own], word) in sums.iter_mut().zip(run(self.own_hits.words)) {
            *own = word.load(Ordering::Relaxed);
        }
        sums
    }

    /// Generation being served; 0 for none.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.control.generation()
    }
}

#[cfg(test)]
mod tests {
    use super::{DEVICES, Region, Store};
    use edge_common::abi::{Control, Device, GeoLeaf, Node4};
    use edge_common::tables::Tables as _;

    #[test]
    fn what_is_written_is_read_and_nothing_past_the_end() {
        let region = Region::<GeoLeaf>::in_memory(4);
        let leaf = GeoLeaf { class: 7, prefix: 24 };
        region.write(3, &[leaf, leaf]);
        assert_eq!(region.read(3), Some(leaf));
        assert_eq!(region.read(2), Some(GeoLeaf { class: 0, prefix: 0 }));
        assert_eq!(region.read(4), None);
        region.clear(3, 1);
        assert_eq!(region.read(3), Some(GeoLeaf { class: 0, prefix: 0 }));
    }

    fn device(ifindex: u32, last: u8) -> Device {
        Device { address: [2, 0, 0, 0, 0, last, 0, 0], ifindex, reserved: 0 }
    }

    fn address(device: &Device) -> u64 {
        u64::from_ne_bytes(device.address)
    }

    #[test]
    fn interfaces_are_found_by_index_and_address_whatever_their_numbers() {
        let store = Store::in_memory();
        let tables = super::HostTables::new(store.clone(), 1, false);
        // The indexes are equal modulo every power of two up to 4096, and one has two addresses.
        let mut devices: Vec<_> = (0..40).map(|n| device(1 + 4096 * n, 7)).collect();
        devices.push(device(1, 8));
        store.set_devices(&devices).unwrap();
        assert_eq!(tables.own_address(), Control::own(address(&devices[0])));
        for device in &devices {
            assert!(tables.is_own_address(device.ifindex, address(device)), "{device:?}");
        }
        assert!(!tables.is_own_address(4097, address(&device(1, 8))));
        assert!(!tables.is_own_address(2, address(&devices[0])));
        // Another address takes the place of the old one.
        store.set_devices(&[device(1, 9)]).unwrap();
        assert_eq!(tables.own_address(), Control::own(address(&device(1, 9))));
        assert!(tables.is_own_address(1, address(&device(1, 9))));
        assert!(!devices.iter().any(|old| tables.is_own_address(old.ifindex, address(old))));
        store.set_devices(&[]).unwrap();
        assert!(!tables.is_own_address(1, address(&device(1, 9))));
        assert_eq!(tables.own_address(), 0);
    }

    #[test]
    fn more_interfaces_than_fit_change_nothing() {
        let store = Store::in_memory();
        let tables = super::HostTables::new(store.clone(), 1, false);
        let many = |n: u32| -> Vec<_> { (1..=n).map(|index| device(index, 7)).collect() };
        store.set_devices(&many(DEVICES)).unwrap();
        assert_eq!(store.set_devices(&many(200)), Err(DEVICES));
        assert!(tables.is_own_address(DEVICES, address(&device(1, 7))));
        assert!(!tables.is_own_address(DEVICES + 1, address(&device(1, 7))));
    }

    #[test]
    fn a_node_entry_is_read_without_copying_the_node() {
        let store = Store::in_memory();
        let mut node = Node4 { entries: [0; 256] };
        for (entry, number) in node.entries.iter_mut().zip(0..) {
            *entry = number;
        }
        store.geo4_node.write(5, &[node]);
        let tables = super::HostTables::new(store, 1, true);
        for octet in 0..=255 {
            assert_eq!(tables.node4(5, octet), Some(octet.into()));
        }
    }
}
