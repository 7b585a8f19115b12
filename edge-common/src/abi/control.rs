//! What is being served now: the generation word and the lease.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::Service;

/// The one entry of `CONTROL`. Each word is written by one aligned 8-octet store.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Control {
    /// Generation being served. A packet reads it once; its lowest bit chooses the side of every
    /// two-sided map. 0: nothing has been published, everything passes.
    pub generation: u64,
    /// Jiffies at which the tables stop being trusted; past it every query passes.
    pub lease: u64,
    /// Of so many answers one is copied to `SAMPLES`, at random; none when 0. Less than 2³².
    pub sample: u64,
    /// Seed of the hash that places served addresses in their table.
    pub service_seed: u64,
    /// By the generation's lowest bit.
    pub sides: [Side; 2],
    /// The link-layer address of the first interface, as [`Control::own`] has it; 0 if there is
    /// none. Most frames are found to be ours by it, without a look-up.
    pub own_address: u64,
    /// The trie of the zone with most names; a hint.
    pub usual_trie: u32,
    /// Zero.
    pub reserved: u32,
    /// The first served address of IPv4 and of IPv6; likewise.
    pub first_services: [Service; 2],
    /// Length of a lease in jiffies, added to now by the program `lease`.
    pub lease_jiffies: u64,
    /// Zero.
    pub unused: [u64; 7],
}

impl Control {
    /// An address (six octets in the low 48 bits of a word in memory order) as a word that isn't 0.
    #[inline(always)]
    #[must_use]
    pub const fn own(address: u64) -> u64 {
        address | 1 << 63
    }
}

/// One side of the two-sided maps.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Side {
    /// Seed of the name hash, chosen so that every name stands within its probes.
    pub name_seed: u64,
    /// Generation that this side holds.
    pub generation: u64,
}

const _: () = assert!(size_of::<Control>() == 192);
