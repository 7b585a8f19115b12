//! The control block: what is served now, and what is configured.
//!
//! It is the field `control` of [`super::Shared`]. Userspace writes each word by one aligned store
//! of eight octets; a packet reads each word that may be replaced by one load.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::service::Service;

/// The control block, 576 octets. Userspace writes each word by one aligned 8-octet store.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Control {
    /// Generation being served. A packet reads it once; its lowest bit chooses the side of every
    /// two-sided map. 0: nothing has been published, everything passes.
    pub generation: u64,
    /// Jiffies at which the tables stop being trusted; past it every query passes.
    pub lease: u64,
    /// Sampling interval: on average one in so many answers is copied to `SAMPLES`. 0: none. Below
    /// 2³².
    pub sample: u64,
    /// Seed of the hash that places served addresses in their table.
    pub service_seed: u64,
    /// What is switched on, bits of [`switches`]. Written by one store. Each program reads it
    /// once; a frame that goes on to another program goes by that one's reading.
    pub switches: u64,
    /// By the generation's lowest bit.
    pub sides: [Side; 2],
    /// The link-layer address of the first interface, as [`Control::own`] makes it; 0 if there is
    /// none. Most frames are for it, and need no look-up.
    pub own_address: u64,
    /// The trie of the zone with most names; a hint.
    pub usual_trie: u32,
    /// Zero.
    pub reserved: u32,
    /// The first address of IPv4 and of IPv6 at which DNS is served; likewise.
    pub first_services: [Service; 2],
    /// Length of a lease in jiffies. The program `lease` adds it to now.
    pub lease_jiffies: u64,
    /// Seconds of Unix time, written about once a second; for cookies.
    pub unix_seconds: u64,
    /// Cookies.
    pub cookies: CookieKeys,
    /// The name server identifier.
    pub nsid: Nsid,
    /// Response-rate limits.
    pub limits: RateLimits,
    /// Sampling interval of dropped frames; as `sample`.
    pub sample_dropped: u64,
    /// Counts the published clocks; its lowest bit says which of [`super::Shared::clocks`] is in
    /// use. 0: none, NTP requests pass. Written by one store, after that side has been filled; a
    /// packet reads it once. A side that was in use is filled again only when no packet can be
    /// reading it: after a barrier, or a second later.
    pub clock: u64,
    /// Limits of NTP.
    pub ntp_limits: NtpLimits,
    /// Seed of the hash that places interfaces' addresses in their table.
    pub device_seed: u64,
    /// Zeros, up to a whole cache line.
    pub padding: [u64; 7],
}

/// Bits of [`Control::switches`].
pub mod switches {
    /// Bypass: every frame passes.
    pub const BYPASS: u64 = 1;
    /// Dry run: what would be answered or dropped is counted, and passes.
    pub const DRY_RUN: u64 = 1 << 1;
    /// A reply leaves only if the routing table would send it out of the same interface; else the
    /// query passes.
    pub const FIB: u64 = 1 << 2;
    /// Responses are limited by client prefix, as [`super::RateLimits`] says.
    pub const LIMIT: u64 = 1 << 3;
    /// Client prefixes have rules of their own, in the map `PREFIXES`.
    pub const PREFIXES: u64 = 1 << 4;
    /// Names of no zone are refused (REFUSED) rather than passed.
    pub const REFUSE: u64 = 1 << 5;
    /// NTP clients are limited by address, as [`super::NtpLimits`] says.
    pub const NTP_LIMIT: u64 = 1 << 6;
    /// Denied NTP clients get the kiss code DENY, as often as their rate allows; only with
    /// [`NTP_LIMIT`].
    pub const NTP_DENY: u64 = 1 << 7;
    /// The switches with which every frame takes the general path.
    pub const DETOUR: u64 = BYPASS | DRY_RUN | FIB | PREFIXES;
}

/// Secrets of server cookies (RFC 9018), two sides of them; none are used while `state` is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct CookieKeys {
    /// Bit 0: the side in use. Bits 1–2: how many secrets it has. Bit 3: a query over UDP with a
    /// cookie that isn't good is answered BADCOOKIE. Written by one store after the other side has
    /// been filled.
    pub state: u64,
    /// By side.
    pub secrets: [CookieSecrets; 2],
}

/// The secrets of one side: the one that makes cookies, and the one that is accepted, too. Octets
/// in memory order.
pub type CookieSecrets = [[u64; 2]; 2];

/// What answers the NSID option (RFC 5001).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Nsid {
    /// Octets of the identifier. 0: there is none, and the option isn't answered. More than
    /// [`Self::MOST`]: queries with the option pass.
    pub octets_used: u64,
    /// The identifier, zero behind its end.
    pub octets: [u8; Self::MOST],
}

impl Nsid {
    /// Octets of an identifier that fit.
    pub const MOST: usize = 64;
}

/// Response-rate limits by client prefix, as [`crate::limit`] reads them: token buckets. A client
/// has one in each row, and is limited when both are empty. Made by [`crate::limit::Rate::limits`].
/// Its words may change while packets read them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct RateLimits {
    /// By row: what places prefixes in it; odd.
    pub seeds: [u64; 2],
    /// Time that brings one response, in 2⁻²⁴ jiffies; at least 1.
    pub cost: u64,
    /// Time in which an empty bucket fills up: as many costs as it holds responses.
    pub capacity: u64,
    /// The bits of an IPv4 address (second word of the mapped form) that make a client.
    pub mask4: u64,
    /// The bits of an IPv6 address's first word that make a client.
    pub mask6: u64,
    /// Slip: one in so many limited responses is sent, truncated (TC), so that a real client comes
    /// back over TCP. 0: none.
    pub slip: u32,
    /// Jiffies a second, of the clock of [`Control::lease`]. 0: there are no limits.
    pub jiffies_per_second: u32,
}

/// Limits of NTP, as [`crate::ntp`] reads them. Made by [`crate::limit::NtpRate::limits`].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct NtpLimits {
    /// The rate, for buckets in rows of their own. One in [`RateLimits::slip`] limited requests is
    /// still answered (the leak).
    pub limits: RateLimits,
    /// One in so many of the other limited requests is answered with the kiss code RATE; 0: none.
    pub kod: u32,
    /// The least poll that replies have, in log₂ seconds; -19–12.
    pub poll: i32,
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
    /// A bit for each number of octets that a name of this side has.
    pub lengths: [u64; 4],
    /// The most labels that a name of this side has, the root's left out.
    pub labels: u64,
}

const _: () = {
    assert!(size_of::<RateLimits>() == 56);
    assert!(size_of::<NtpLimits>() == 64);
    assert!(size_of::<Control>() == 576);
};
