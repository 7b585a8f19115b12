//! The values of the large maps: of all zones, each zone, each CPU.
//!
//! Each is the one value of a map, so that a packet looks the map up once and is then an offset
//! away from every entry. As maps of their own the tables would cost a packet one look-up each,
//! which takes longer than reading what it finds.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::card::{Card4, Card6, Rrs};
use super::clock::Clock;
use super::control::Control;
use super::deck::{ClassRow, Deck};
use super::geo::{GeoLeaf, Keys6, Leaves6, Node4, Root4, Tree6};
use super::maps;
use super::name::{LongName, NameTail, ShortName, TypeRow};
use super::service::{Device, Service};
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

/// The memory of one CPU. Only programs on that CPU write it; userspace reads it.
#[repr(C)]
#[derive(Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Cpu {
    /// The state of the random generator; not 0. It shares a cache line with the counters of
    /// answers.
    pub random: u64,
    /// Where in `hits` the reply being made is counted. Here, not in a register: what the verifier
    /// sees come out of memory it knows nothing of, however it was worked out.
    pub place: u64,
    /// How often each verdict was given, by its index.
    pub verdicts: [u64; Verdict::ALL.len()],
    /// NTP requests by version and poll.
    pub requests: Requests,
    /// Answers from decks.
    pub hits: Hits,
}

/// How often each deck answered which class of clients, on one CPU.
///
/// Each zone has a run of words, at [`NameTail::hits`]. The words of its class table's entries go
/// up from there; those of its decks go down, for answers that are the same for every client.
#[repr(C)]
#[derive(Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Hits {
    /// Since loading.
    pub counts: [u64; maps::HIT_WORDS as usize],
}

impl Hits {
    /// The word of all answers that aren't counted apart.
    pub const REST: u32 = 0;
    /// The word of all replies that no deck is behind.
    pub const NONE: u32 = 1;

    /// Where an answer of a zone's name is counted: that of entry `at` of the class table if it
    /// `varies`, else that of deck `at`.
    #[inline(always)]
    #[must_use]
    pub const fn place(name: &NameTail, at: u32, varies: bool) -> u32 {
        name.hits.wrapping_add(if varies { at } else { !at }) & name.hits_mask
    }
}

/// How many ordinary requests NTP clients sent, whatever became of them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Requests {
    /// By version less one and by poll, of which there are [`Requests::POLLS`].
    pub counts: [u64; Self::VERSIONS * Self::POLLS],
}

impl Requests {
    /// NTP versions, from 1 on.
    pub const VERSIONS: usize = 4;
    /// Polls: as many as there are from [`Requests::LEAST`] on; what is less or more counts as the
    /// first or last.
    pub const POLLS: usize = 24;
    /// The least poll, in log₂ seconds: 1/64 s. The greatest one is RFC 5905's MAXPOLL, 17: a day
    /// and a half.
    pub const LEAST: i8 = -6;

    /// Where requests of a version (1–4) and poll (log₂ seconds) are counted.
    #[inline(always)]
    #[must_use]
    pub const fn place(version: u8, poll: i8) -> usize {
        let above = poll as i32 - Self::LEAST as i32;
        let above = if above < 0 { 0 } else { above.unsigned_abs() as usize };
        let above = if above < Self::POLLS { above } else { Self::POLLS - 1 };
        (version as usize).wrapping_sub(1).wrapping_mul(Self::POLLS).wrapping_add(above)
    }
}

// Tables whose entries fill cache lines begin with one.
const _: () = {
    assert!(core::mem::offset_of!(Shared, clocks).is_multiple_of(64));
    assert!(core::mem::offset_of!(Shared, names).is_multiple_of(64));
    assert!(core::mem::offset_of!(Shared, geo4_node).is_multiple_of(64));
    assert!(core::mem::offset_of!(Shared, geo6_keys).is_multiple_of(64));
};

#[cfg(test)]
mod tests {
    use super::Requests;
    use std::collections::BTreeSet;

    #[test]
    fn each_version_and_poll_has_a_place_and_what_is_beyond_the_ends_has_theirs() {
        let mut places = BTreeSet::new();
        for version in 1..=4 {
            for poll in Requests::LEAST..=17 {
                places.insert(Requests::place(version, poll));
            }
            for (beyond, end) in [(-128, -6), (-7, -6), (18, 17), (127, 17)] {
                assert_eq!(Requests::place(version, beyond), Requests::place(version, end));
            }
        }
        assert_eq!(places, (0..Requests::VERSIONS * Requests::POLLS).collect());
        assert_eq!(Requests::place(1, -6), 0);
    }
}
