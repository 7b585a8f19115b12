//! Tables that stop a packet between its lookups.
//!
//! Such a packet is slower than a publication.

use std::cell::Cell;
use std::ops::Deref;

use edge_common::abi::{
    Card4, Card6, Clock, CookieSecrets, Deck, GeoLeaf, Keys6, LongName, Nsid, NtpLimits,
    RateLimits, Root4, Rrs, Service, ShortName, Side, TableId, Tree6, TypeRow,
};
use edge_common::tables::Tables;

/// Tables that call `pause` before lookup number `at`, counted from 0.
#[derive(Debug)]
pub struct Paused<'a, T, P> {
    tables: &'a T,
    at: u32,
    pause: P,
    lookups: Cell<u32>,
}

impl<'a, T: Tables, P: Fn()> Paused<'a, T, P> {
    /// Over other tables.
    pub const fn new(tables: &'a T, at: u32, pause: P) -> Self {
        Self { tables, at, pause, lookups: Cell::new(0) }
    }

    /// The tables, one lookup later.
    fn next(&self) -> &'a T {
        if self.lookups.get() == self.at {
            (self.pause)();
        }
        self.lookups.set(self.lookups.get() + 1);
        self.tables
    }
}

impl<T: Tables, P: Fn()> Tables for Paused<'_, T, P> {
    fn switches(&self) -> u64 {
        self.next().switches()
    }

    fn side(&self, side: u32) -> impl Deref<Target = Side> {
        self.next().side(side)
    }

    fn usual_trie(&self) -> u32 {
        self.next().usual_trie()
    }

    fn own_address(&self) -> u64 {
        self.next().own_address()
    }

    fn first_service(&self, family: usize) -> Option<impl Deref<Target = Service>> {
        self.next().first_service(family)
    }

    fn service_seed(&self) -> u64 {
        self.next().service_seed()
    }

    fn cookie_state(&self) -> u64 {
        self.next().cookie_state()
    }

    fn cookie_secrets(&self, side: u64) -> impl Deref<Target = CookieSecrets> {
        self.next().cookie_secrets(side)
    }

    fn unix_seconds(&self) -> u64 {
        self.next().unix_seconds()
    }

    fn nsid(&self) -> impl Deref<Target = Nsid> {
        self.next().nsid()
    }

    fn limits(&self) -> RateLimits {
        self.next().limits()
    }

    fn ntp_limits(&self) -> NtpLimits {
        self.next().ntp_limits()
    }

    fn generation(&self) -> u64 {
        self.next().generation()
    }

    fn lease(&self) -> u64 {
        self.next().lease()
    }

    fn now(&self) -> u64 {
        self.next().now()
    }

    fn is_own_address(&self, ifindex: u32, address: u64) -> bool {
        self.next().is_own_address(ifindex, address)
    }

    fn service(&self, slot: u32) -> Option<impl Deref<Target = Service>> {
        self.next().service(slot)
    }

    fn short_name(&self, slot: u32) -> Option<impl Deref<Target = ShortName>> {
        self.next().short_name(slot)
    }

    fn long_name(&self, slot: u32) -> Option<impl Deref<Target = LongName>> {
        self.next().long_name(slot)
    }

    fn deck(&self, table: TableId, at: u32, varies: bool) -> Option<Deck> {
        self.next().deck(table, at, varies)
    }

    fn card4(&self, cell: u32) -> Option<impl Deref<Target = Card4>> {
        self.next().card4(cell)
    }

    fn card6(&self, cell: u32) -> Option<impl Deref<Target = Card6>> {
        self.next().card6(cell)
    }

    fn rrs(&self, entry: u32) -> Option<impl Deref<Target = Rrs>> {
        self.next().rrs(entry)
    }

    fn type_row(&self, row: u32) -> Option<impl Deref<Target = TypeRow>> {
        self.next().type_row(row)
    }

    fn bucket(&self, row: u32, slot: u32) -> Option<u64> {
        self.next().bucket(row, slot)
    }

    fn set_bucket(&self, row: u32, slot: u32, bucket: u64) {
        self.next().set_bucket(row, slot, bucket);
    }

    fn listed(&self, address: [u64; 2]) -> u32 {
        self.next().listed(address)
    }

    fn root4(&self, trie: u32, high: u32) -> Option<Root4> {
        self.next().root4(trie, high)
    }

    fn node4(&self, node: u32, octet: u8) -> Option<u16> {
        self.next().node4(node, octet)
    }

    fn tree6(&self, trie: u32) -> Option<impl Deref<Target = Tree6>> {
        self.next().tree6(trie)
    }

    fn keys6(&self, node: u32) -> Option<impl Deref<Target = Keys6>> {
        self.next().keys6(node)
    }

    fn leaf6(&self, node: u32, place: u32) -> Option<u16> {
        self.next().leaf6(node, place)
    }

    fn leaf(&self, trie: u32, leaf: u16) -> Option<GeoLeaf> {
        self.next().leaf(trie, leaf)
    }

    fn clock(&self) -> Option<impl Deref<Target = Clock>> {
        self.next().clock()
    }

    fn monotonic(&self) -> u64 {
        self.next().monotonic()
    }

    fn count_request(&self, place: usize) {
        self.next().count_request(place);
    }

    fn mark_hit(&self, place: u32) {
        self.next().mark_hit(place);
    }

    fn count_hit(&self) {
        self.next().count_hit();
    }

    fn random(&self) -> u32 {
        self.next().random()
    }
}
