//! The layouts of the BPF maps: what userspace writes and a packet reads.
//!
//! Every type is `repr(C)`, integers only, without padding, a multiple of eight octets long (the
//! kernel rounds array elements up to eight), in the machine's octet order unless a field says
//! otherwise. A change to any of them, or to [`maps`], moves [`VERSION`]; the pins of another
//! version are never reused.

mod card;
mod control;
mod deck;
mod geo;
mod name;
mod sample;
mod service;

pub use card::{Card4, Card6, Rrs};
pub use control::{Control, Side};
pub use deck::{Answer, ClassRow, Deck, Extent, Kind, TableId};
pub use geo::{GeoLeaf, Keys6, Leaves6, Node4, Root4, Tree6};
pub use name::{LONG_WORDS, LongName, NAME_WORDS, NameTail, ShortName};
pub use sample::Sample;
pub use service::{Device, Service};

/// The layout's version; part of the pin path.
pub const VERSION: u32 = 1;

/// Names of maps and programs, at most 15 octets (the kernel keeps 16 with the NUL), and sizes
/// that both sides must agree on.
pub mod maps {
    /// One [`super::Control`].
    pub const CONTROL: &str = "CONTROL";
    /// [`super::ShortName`] slots of both sides.
    pub const NAMES: &str = "NAMES";
    /// [`super::LongName`] slots of both sides.
    pub const LONG_NAMES: &str = "LONG_NAMES";
    /// [`super::Card4`] cells.
    pub const CARDS_A: &str = "CARDS_A";
    /// [`super::Card6`] cells.
    pub const CARDS_AAAA: &str = "CARDS_AAAA";
    /// [`super::Rrs`] blobs.
    pub const RRS: &str = "RRS";
    /// [`super::Root4`] entries, 65,536 a trie slot.
    pub const GEO4_ROOT: &str = "GEO4_ROOT";
    /// [`super::Node4`] nodes, shared by all trie slots.
    pub const GEO4_NODE: &str = "GEO4_NODE";
    /// [`super::Tree6`], one a trie slot.
    pub const GEO6_TREE: &str = "GEO6_TREE";
    /// [`super::Keys6`] nodes, shared by all trie slots.
    pub const GEO6_KEYS: &str = "GEO6_KEYS";
    /// [`super::Leaves6`], parallel to `GEO6_KEYS`.
    pub const GEO6_LEAF: &str = "GEO6_LEAF";
    /// [`super::GeoLeaf`] entries, [`GEO_LEAVES`] a trie slot.
    pub const GEO_LEAF: &str = "GEO_LEAF";
    /// [`super::Service`] slots.
    pub const SERVICES: &str = "SERVICES";
    /// [`super::Device`] slots.
    pub const DEVICES: &str = "DEVICES";
    /// Verdict counters, a `u64` each, per CPU.
    pub const VERDICTS: &str = "VERDICTS";
    /// A ring of [`super::Sample`] entries, [`SAMPLES_OCTETS`] long with their headers.
    pub const SAMPLES: &str = "SAMPLES";
    /// Samples that found the ring full, a `u64` per CPU.
    pub const SAMPLES_LOST: &str = "SAMPLES_LOST";
    /// The state of the random generator, a `u64` per CPU.
    pub const RANDOM: &str = "RANDOM";
    /// Maps of maps with a zone's [`super::Deck`] table, by size class.
    pub const DECKS: [&str; super::TableId::CLASSES] = ["DECKS_S", "DECKS_M", "DECKS_L"];
    /// Maps of maps with a zone's [`super::ClassRow`] table, by size class.
    pub const CLASSES: [&str; super::TableId::CLASSES] = ["CLASSES_S", "CLASSES_M", "CLASSES_L"];

    /// The program on the interfaces.
    pub const PROGRAM: &str = "edge";
    /// The program that renews the lease; only ever run by `BPF_PROG_TEST_RUN`.
    pub const LEASE_PROGRAM: &str = "lease";

    /// The program for the far end of a veth pair, which passes everything: veth delivers what
    /// the near end's program sends only to an end that has a program, too.
    pub const PASS_PROGRAM: &str = "pass";

    /// Slots a name may stand in, counted from where its hash points.
    pub const NAME_PROBES: u32 = 8;
    /// Slots of [`NAMES`] on each side; a power of two.
    pub const NAME_SLOTS: u32 = 1 << 16;
    /// Slots of [`LONG_NAMES`] on each side; a power of two.
    pub const LONG_SLOTS: u32 = 1 << 12;
    /// Cells of [`CARDS_A`].
    pub const CARDS_A_CELLS: u32 = 1 << 19;
    /// Cells of [`CARDS_AAAA`].
    pub const CARDS_AAAA_CELLS: u32 = 1 << 17;
    /// Entries of [`RRS`].
    pub const RRS_ENTRIES: u32 = 1 << 11;
    /// Tries that can be in the maps at a time: profiles in use, and their successors.
    pub const TRIES: u32 = 6;
    /// Entries of [`GEO4_ROOT`] a trie.
    pub const GEO4_ROOTS: u32 = 1 << 16;
    /// Nodes of [`GEO4_NODE`].
    pub const GEO4_NODES: u32 = 3 << 15;
    /// Nodes of [`GEO6_KEYS`] and [`GEO6_LEAF`].
    pub const GEO6_NODES: u32 = 1 << 18;
    /// Leaves of [`GEO_LEAF`] a trie.
    pub const GEO_LEAVES: u32 = 1 << 15;
    /// Slots of [`SERVICES`]; a power of two.
    pub const SERVICE_SLOTS: u32 = 256;
    /// Octets of [`SAMPLES`]: some 1,600 entries; a power of two.
    pub const SAMPLES_OCTETS: u32 = 1 << 20;
    /// Slots of [`DEVICES`]; a power of two.
    pub const DEVICE_SLOTS: u32 = 64;
    /// Decks that a zone of each size class can hold.
    pub const DECK_ROWS: [u32; super::TableId::CLASSES] = [256, 4096, 32_768];
    /// Class rows that a zone of each size class can hold.
    pub const CLASS_ROWS: [u32; super::TableId::CLASSES] = [128, 1024, 16_384];
    /// Zones of each size class that can be in the maps at a time, successors included.
    pub const TABLES: [u32; super::TableId::CLASSES] = [128, 16, 4];
}
