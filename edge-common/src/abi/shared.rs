//! The memory that all zones share, and that of each zone.
//!
//! Each is the one value of a map: a packet looks the map up once and is then an offset away from every entry. As maps
//! of their own the tables would cost a packet a look-up each, which takes longer than to read what it finds.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{
    Card4, Card6, ClassRow, Clock, Control, Deck, Device, GeoLeaf, Keys6, Leaves6, LongName, Node4,
    Root4, Rrs, Service, ShortName, Tree6, TypeRow, maps,
};
use crate::verdict::Verdict;

/// Every table that all zones share.
#[repr(C)]
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[expect(missing_docs, reason = "each is described at its type and at its size in `maps`")]
pub struct Shared {
    pub control: Control,
    pub services: [Service; maps::SERVICE_SLOTS as usize],
    pub devices: [Device; maps::DEVICE_SLOTS as usize],
    pub clocks: [Clock; 2],
    pub names: [ShortName; 2 * maps::NAME_SLOTS as usize],
    pub long_names: [LongName; 2 * maps::LONG_SLOTS as usize],
    pub cards_a: [Card4; maps::CARDS_A_CELLS as usize],
    pub cards_aaaa: [Card6; maps::CARDS_AAAA_CELLS as usize],
    pub rrs: [Rrs; maps::RRS_ENTRIES as usize],
    pub types: [TypeRow; maps::TYPE_ROWS as usize],
    pub buckets: [u64; (maps::BUCKET_ROWS * maps::BUCKETS) as usize],
    pub geo_leaf: [GeoLeaf; (maps::TRIES * maps::GEO_LEAVES) as usize],
    pub geo4_root: [Root4; (maps::TRIES * maps::GEO4_ROOTS) as usize],
    pub geo4_node: [Node4; maps::GEO4_NODES as usize],
    pub geo6_tree: [Tree6; maps::TRIES as usize],
    pub geo6_keys: [Keys6; maps::GEO6_NODES as usize],
    pub geo6_leaf: [Leaves6; maps::GEO6_NODES as usize],
}

/// The tables of one zone.
#[repr(C)]
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ZoneTables<const CLASS_ROWS: usize, const DECKS: usize> {
    /// Which deck which client class gets.
    pub classes: [ClassRow; CLASS_ROWS],
    /// Decks, by their numbers.
    pub decks: [Deck; DECKS],
}

/// What each CPU has for itself.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Cpu {
    /// The state of the random generator; not 0. It shares a cache line with the counters of answers.
    pub random: u64,
    /// How often each verdict was given, by its index.
    pub verdicts: [u64; Verdict::ALL.len()],
}

// Tables whose entries fill cache lines begin with one.
const _: () = {
    assert!(core::mem::offset_of!(Shared, clocks).is_multiple_of(64));
    assert!(core::mem::offset_of!(Shared, names).is_multiple_of(64));
    assert!(core::mem::offset_of!(Shared, geo4_node).is_multiple_of(64));
    assert!(core::mem::offset_of!(Shared, geo6_keys).is_multiple_of(64));
};
