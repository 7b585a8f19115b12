//! Names of maps and programs, and sizes that both sides agree on.
//!
//! A name has at most 15 octets: the kernel keeps 16, the NUL included.

use super::deck::TableId;

/// One [`super::Shared`].
pub const SHARED: &str = "SHARED";
/// A [`super::Cpu`] for each CPU, by its number; as many as there are.
pub const CPU: &str = "CPU";
/// Maps of maps with [`super::ZoneTables`], by size class.
pub const ZONES: [&str; TableId::CLASSES] = ["ZONES_S", "ZONES_M", "ZONES_L"];
/// A ring of [`super::Sample`] entries, [`SAMPLES_OCTETS`] long with their headers.
pub const SAMPLES: &str = "SAMPLES";
/// Samples that found the ring full, a `u64` per CPU.
pub const SAMPLES_LOST: &str = "SAMPLES_LOST";

/// Client prefixes with a rule of their own: key a prefix of an address as [`super::Service`] has
/// it, value 1 (never limited) or 2 (never answered).
pub const PREFIXES: &str = "PREFIXES";
/// Where [`PROGRAM`] finds [`GENERAL_PROGRAM`], at index 0, and [`NTP_PROGRAM`], at index 1.
pub const PROGRAMS: &str = "PROGRAMS";

/// The program on the interfaces: answers what is asked most, as it is asked most.
pub const PROGRAM: &str = "edge";
/// The program that goes on where the first doesn't answer.
pub const GENERAL_PROGRAM: &str = "general";
/// The program that answers NTP clients, where the first finds that a frame is for an NTP service.
pub const NTP_PROGRAM: &str = "ntp";
/// The program that renews the lease; only ever run by `BPF_PROG_TEST_RUN`.
pub const LEASE_PROGRAM: &str = "lease";

/// The program for the far end of a veth pair, which passes everything: veth delivers what
/// the near end's program sends only to an end that has a program, too.
pub const PASS_PROGRAM: &str = "pass";

/// Slots a name may stand in, counted from where its hash points.
pub const NAME_PROBES: u32 = 8;
/// Slots of short names on each side; a power of two.
pub const NAME_SLOTS: u32 = 1 << 16;
/// Slots of long names on each side; a power of two.
pub const LONG_SLOTS: u32 = 1 << 12;
/// Cells of A records.
pub const CARDS_A_CELLS: u32 = 1 << 19;
/// Cells of AAAA records.
pub const CARDS_AAAA_CELLS: u32 = 1 << 17;
/// Ready-made records.
pub const RRS_ENTRIES: u32 = 1 << 13;
/// Rows of types that names have beside A and AAAA.
pub const TYPE_ROWS: u32 = 1 << 12;
/// Rows of rate-limiting buckets: two for DNS, then two for NTP.
pub const BUCKET_ROWS: u32 = 4;
/// Buckets a row; a power of two.
pub const BUCKETS: u32 = 1 << 16;
/// Entries of [`PREFIXES`] at most.
pub const PREFIX_ENTRIES: u32 = 1 << 14;
/// Tries that can be in the maps at a time: profiles in use, and their successors.
pub const TRIES: u32 = 6;
/// Entries of the first level, a trie.
pub const GEO4_ROOTS: u32 = 1 << 16;
/// Nodes that all IPv4 tries share.
pub const GEO4_NODES: u32 = 3 << 15;
/// Nodes that all IPv6 trees share.
pub const GEO6_NODES: u32 = 14 << 14;
/// Leaf numbers a trie.
pub const GEO_LEAVES: u32 = 1 << 15;
/// Words of a [`super::Hits`]: answers that are counted apart; a power of two.
pub const HIT_WORDS: u32 = 1 << 17;
/// Slots of served addresses; a power of two.
pub const SERVICE_SLOTS: u32 = 256;
/// Octets of [`SAMPLES`]: some 1,600 entries; a power of two.
pub const SAMPLES_OCTETS: u32 = 1 << 20;
/// Slots of interfaces; a power of two.
pub const DEVICE_SLOTS: u32 = 256;
/// Decks that a zone of each size class can hold.
pub const DECK_ROWS: [u32; TableId::CLASSES] = [256, 4096, 32_768];
/// Class rows that a zone of each size class can hold.
pub const CLASS_ROWS: [u32; TableId::CLASSES] = [128, 1024, 16_384];
/// Zones of each size class that can be in the maps at a time, successors included.
pub const TABLES: [u32; TableId::CLASSES] = [128, 16, 4];
