//! The tables as this process reads them.
//!
//! [`HostTables`] looks up in a [`Store`] what packets look up in the maps.

use std::ops::Deref;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use edge_common::abi::{
    Card4, Card6, ClassRow, Clock, CookieSecrets, Deck, GeoLeaf, Hits, Keys6, LongName, Nsid,
    NtpLimits, RateLimits, Requests, Root4, Rrs, Service, ShortName, Side, TableId, Tree6, TypeRow,
    maps,
};
use edge_common::device;
use edge_common::tables::{Tables, xorshift};

use super::Store;
use crate::jiffies;

/// A copy of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Copied<T>(T);

impl<T> Deref for Copied<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// [`Tables`] over a [`Store`], for a thread of the authority or a test.
#[derive(Debug)]
pub struct HostTables {
    store: Store,
    random: AtomicU64,
    apex_octets: AtomicU8,
    now: AtomicU64,
    monotonic: AtomicU64,
    ignored: AtomicU64,
    requests: [AtomicU64; REQUESTS],
    place: AtomicU32,
    link_checked: bool,
    /// Whether answers are counted.
    counts: bool,
}

/// Counts of a [`Requests`].
const REQUESTS: usize = Requests::VERSIONS * Requests::POLLS;

/// In [`HostTables::now`] and [`HostTables::monotonic`]: the system's clock goes on by itself.
const GOES_ON: u64 = u64::MAX;

impl HostTables {
    /// Tables over `store`, with a random generator that starts from `seed` (not 0).
    ///
    /// With `any_link`, frames of every interface and link-layer address are ours: the authority's
    /// frames have neither. Time goes on only then; else it is 0 until it is set.
    #[must_use]
    pub const fn new(store: Store, seed: u64, any_link: bool) -> Self {
        let (random, apex_octets) = (AtomicU64::new(seed), AtomicU8::new(0));
        let now = AtomicU64::new(if any_link { GOES_ON } else { 0 });
        Self {
            store,
            random,
            apex_octets,
            now,
            monotonic: AtomicU64::new(GOES_ON),
            ignored: AtomicU64::new(0),
            requests: [const { AtomicU64::new(0) }; REQUESTS],
            place: AtomicU32::new(Hits::NONE),
            link_checked: !any_link,
            counts: true,
        }
    }

    /// The same tables without counting answers.
    #[must_use]
    pub fn uncounted(self) -> Self {
        Self { counts: false, ..self }
    }

    /// Forgets the last message's zone.
    pub fn begin(&self) {
        self.apex_octets.store(0, Ordering::Relaxed);
    }

    /// Octets of the apex of the zone in which the last deck since [`Self::begin`] was found; 0 if
    /// none was found.
    #[must_use]
    pub fn apex_octets(&self) -> u8 {
        self.apex_octets.load(Ordering::Relaxed)
    }

    /// Sets the random generator's state (not 0).
    pub fn seed(&self, state: u64) {
        self.random.store(state, Ordering::Relaxed);
    }

    /// Sets the time, in jiffies below 2⁶⁴ − 1; it stays until it is set again.
    pub fn set_now(&self, jiffies: u64) {
        self.now.store(jiffies, Ordering::Relaxed);
    }

    /// Sets `CLOCK_MONOTONIC`, in nanoseconds below 2⁶⁴ − 1; it stays until it is set again. Before
    /// the first call it is the system's.
    pub fn set_monotonic(&self, nanoseconds: u64) {
        self.monotonic.store(nanoseconds, Ordering::Relaxed);
    }

    /// Makes these bits of [`edge_common::abi::Control::switches`] look switched off, and no
    /// others.
    pub fn ignore(&self, switches: u64) {
        self.ignored.store(switches, Ordering::Relaxed);
    }

    /// The NTP requests that were ruled on.
    #[must_use]
    pub fn requests(&self) -> Requests {
        Requests { counts: self.requests.each_ref().map(|count| count.load(Ordering::Relaxed)) }
    }

    /// The store behind these tables.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }
}

/// Entries of a trie's part of a table that all tries share.
const fn of_trie(trie: u32, entries: u32, index: u32) -> u32 {
    trie.wrapping_mul(entries).wrapping_add(index)
}

impl Tables for HostTables {
    #[inline]
    fn switches(&self) -> u64 {
        self.store.control.switches() & !self.ignored.load(Ordering::Relaxed)
    }

    #[inline]
    fn side(&self, side: u32) -> impl Deref<Target = Side> {
        Copied(self.store.control.side(side))
    }

    #[inline]
    fn usual_trie(&self) -> u32 {
        self.store.control.usual_trie()
    }

    #[inline]
    fn own_address(&self) -> u64 {
        self.store.control.own_address()
    }

    #[inline]
    fn first_service(&self, family: usize) -> Option<impl Deref<Target = Service>> {
        self.store.control.first_service(family).map(Copied)
    }

    #[inline]
    fn service_seed(&self) -> u64 {
        self.store.control.service_seed()
    }

    #[inline]
    fn cookie_state(&self) -> u64 {
        self.store.control.cookie_state()
    }

    #[inline]
    fn cookie_secrets(&self, side: u64) -> impl Deref<Target = CookieSecrets> {
        Copied(self.store.control.cookie_secrets(side))
    }

    #[inline]
    fn unix_seconds(&self) -> u64 {
        self.store.control.unix_seconds()
    }

    #[inline]
    fn nsid(&self) -> impl Deref<Target = Nsid> {
        Copied(self.store.control.nsid())
    }

    #[inline]
    fn limits(&self) -> RateLimits {
        self.store.control.limits()
    }

    #[inline]
    fn ntp_limits(&self) -> NtpLimits {
        self.store.control.ntp_limits()
    }

    #[inline]
    fn generation(&self) -> u64 {
        self.store.generation()
    }

    #[inline]
    fn lease(&self) -> u64 {
        // The authority's answers need no lease: it answers as long as it lives.
        if !self.link_checked {
            return u64::MAX;
        }
        self.store.control.lease()
    }

    #[inline]
    fn now(&self) -> u64 {
        let now = self.now.load(Ordering::Relaxed);
        if now != GOES_ON {
            return now;
        }
        // Nothing of the authority's but limits needs a clock.
        match self.store.control.jiffies_per_second() {
            0 => 0,
            per_second => jiffies::now(per_second),
        }
    }

    #[inline]
    fn is_own_address(&self, ifindex: u32, address: u64) -> bool {
        !self.link_checked || {
            let slot = device::slot(self.store.control.device_seed(), ifindex, address);
            self.store.devices.read(slot).is_some_and(|device| {
                device.ifindex == ifindex && u64::from_ne_bytes(device.address) == address
            })
        }
    }

    #[inline]
    fn service(&self, slot: u32) -> Option<impl Deref<Target = Service>> {
        self.store.services.read(slot).map(Copied)
    }

    #[inline]
    fn short_name(&self, slot: u32) -> Option<impl Deref<Target = ShortName>> {
        self.store.names.read(slot).map(Copied)
    }

    #[inline]
    fn long_name(&self, slot: u32) -> Option<impl Deref<Target = LongName>> {
        self.store.long_names.read(slot).map(Copied)
    }

    #[inline]
    fn deck(&self, table: TableId, at: u32, varies: bool) -> Option<Deck> {
        let zone = self.store.zone(table)?;
        let mut number = at;
        if varies {
            let entry = at as usize;
            let row = zone.classes.read(u32::try_from(entry / ClassRow::ENTRIES).ok()?)?;
            number = row.decks.get(entry % ClassRow::ENTRIES).copied()?.into();
        }
        let deck = zone.decks.read(number)?;
        self.apex_octets.store(deck.apex_octets, Ordering::Relaxed);
        Some(deck)
    }

    #[inline]
    fn card4(&self, cell: u32) -> Option<impl Deref<Target = Card4>> {
        self.store.cards_a.read(cell).map(Copied)
    }

    #[inline]
    fn card6(&self, cell: u32) -> Option<impl Deref<Target = Card6>> {
        self.store.cards_aaaa.read(cell).map(Copied)
    }

    #[inline]
    fn rrs(&self, entry: u32) -> Option<impl Deref<Target = Rrs>> {
        self.store.rrs.read(entry).map(Copied)
    }

    #[inline]
    fn type_row(&self, row: u32) -> Option<impl Deref<Target = TypeRow>> {
        self.store.types.read(row).map(Copied)
    }

    #[inline]
    fn bucket(&self, row: u32, slot: u32) -> Option<u64> {
        let at = row * maps::BUCKETS + slot;
        self.store.buckets.word(at, 0).map(|word| word.load(Ordering::Relaxed))
    }

    #[inline]
    fn set_bucket(&self, row: u32, slot: u32, bucket: u64) {
        if let Some(word) = self.store.buckets.word(row * maps::BUCKETS + slot, 0) {
            word.store(bucket, Ordering::Relaxed);
        }
    }

    #[inline]
    fn listed(&self, address: [u64; 2]) -> u32 {
        self.store.listed(address)
    }

    #[inline]
    fn root4(&self, trie: u32, high: u32) -> Option<Root4> {
        self.store.geo4_root.read(of_trie(trie, maps::GEO4_ROOTS, high))
    }

    #[inline]
    fn node4(&self, node: u32, octet: u8) -> Option<u16> {
        let word = self.store.geo4_node.word(node, usize::from(octet) * 2)?;
        let octets = word.load(Ordering::Relaxed).to_ne_bytes();
        let at = usize::from(octet & 3) * 2;
        octets.get(at..)?.first_chunk().map(|entry| u16::from_ne_bytes(*entry))
    }

    #[inline]
    fn tree6(&self, trie: u32) -> Option<impl Deref<Target = Tree6>> {
        self.store.geo6_tree.read(trie).map(Copied)
    }

    #[inline]
    fn keys6(&self, node: u32) -> Option<impl Deref<Target = Keys6>> {
        self.store.geo6_keys.read(node).map(Copied)
    }

    #[inline]
    fn leaf6(&self, node: u32, place: u32) -> Option<u16> {
        self.store.geo6_leaf.read(node)?.leaves.get(place as usize).copied()
    }

    #[inline]
    fn leaf(&self, trie: u32, leaf: u16) -> Option<GeoLeaf> {
        let leaf = u32::from(leaf) & (maps::GEO_LEAVES - 1);
        self.store.geo_leaf.read(of_trie(trie, maps::GEO_LEAVES, leaf))
    }

    #[inline]
    fn clock(&self) -> Option<impl Deref<Target = Clock>> {
        match self.store.control.clock() {
            0 => None,
            word => self.store.clocks.read((word & 1) as u32).map(Copied),
        }
    }

    #[inline]
    fn monotonic(&self) -> u64 {
        match self.monotonic.load(Ordering::Relaxed) {
            GOES_ON => jiffies::monotonic(),
            fixed => fixed,
        }
    }

    #[inline]
    fn count_request(&self, place: usize) {
        if let Some(count) = self.requests.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[inline]
    fn mark_hit(&self, place: u32) {
        self.place.store(place, Ordering::Relaxed);
    }

    #[inline]
    fn count_hit(&self) {
        if !self.counts {
            return;
        }
        let place = self.place.load(Ordering::Relaxed) % maps::HIT_WORDS;
        if let Some(count) = self.store.own_hits.word(place, 0) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[inline]
    fn random(&self) -> u32 {
        let (next, bits) = xorshift(self.random.load(Ordering::Relaxed));
        self.random.store(next, Ordering::Relaxed);
        bits
    }
}
