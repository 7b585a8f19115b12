//! The ports through which a packet reads what userspace published.
//!
//! The kernel implements them over BPF maps, the host over the same layouts in memory.

use core::ops::Deref;

use crate::abi::{
    Answer, Card4, Card6, Clock, CookieSecrets, Deck, GeoLeaf, Keys6, LongName, Nsid, NtpLimits,
    RateLimits, Root4, Rrs, Service, ShortName, Side, TableId, Tree6, TypeRow,
};

/// Everything that a packet may look up. `None` means that there is no such entry.
///
/// A port that returns a number or a copy reads words that userspace or another CPU may be
/// replacing, each by one load: two calls may return two values, so a decision reads such a word
/// once. A port that returns a reference gives an entry that doesn't change while it is in use:
/// userspace writes only entries, and sides, that no packet can be reading.
pub trait Tables {
    /// What the operator has switched on, of [`crate::abi::switches`].
    fn switches(&self) -> u64;
    /// The generation being served. Read it before anything that belongs to its side.
    fn generation(&self) -> u64;
    /// When the tables stop being trusted, in jiffies.
    fn lease(&self) -> u64;
    /// Jiffies, the clock of [`Self::lease`].
    fn now(&self) -> u64;
    /// What belongs to a side of the names, 0 or 1: the lowest bit of [`Self::generation`].
    fn side(&self, side: u32) -> impl Deref<Target = Side>;
    /// The trie of the zone with most names. A hint.
    fn usual_trie(&self) -> u32;
    /// [`crate::abi::Control::own_address`].
    fn own_address(&self) -> u64;
    /// The first address of a family (0 for IPv4, 1 for IPv6) at which DNS is served.
    fn first_service(&self, family: usize) -> Option<impl Deref<Target = Service>>;
    /// Seed of the hash that places served addresses in their table.
    fn service_seed(&self) -> u64;
    /// The state of the cookies, bits of [`crate::cookie::state`]. Read it before
    /// [`Self::cookie_secrets`].
    fn cookie_state(&self) -> u64;
    /// The secrets of a side of the cookies, 0 or 1.
    fn cookie_secrets(&self, side: u64) -> impl Deref<Target = CookieSecrets>;
    /// Seconds of Unix time.
    fn unix_seconds(&self) -> u64;
    /// The name server identifier. It is written before the first publication, and then stays.
    fn nsid(&self) -> impl Deref<Target = Nsid>;
    /// The response-rate limits. Their words may be those of two configurations for a moment.
    fn limits(&self) -> RateLimits;
    /// The limits of NTP; as [`Self::limits`].
    fn ntp_limits(&self) -> NtpLimits;
    /// Whether frames from interface `ifindex` are ours when sent to `address` (six octets in the
    /// low 48 bits of a word in memory order).
    fn is_own_address(&self, ifindex: u32, address: u64) -> bool;
    /// A slot of the served addresses.
    fn service(&self, slot: u32) -> Option<impl Deref<Target = Service>>;
    /// A slot of the short names.
    fn short_name(&self, slot: u32) -> Option<impl Deref<Target = ShortName>>;
    /// A slot of the long names.
    fn long_name(&self, slot: u32) -> Option<impl Deref<Target = LongName>>;
    /// A deck of a zone: the one with number `at`, or if `varies` the one that entry `at` of the
    /// class table names.
    fn deck(&self, table: TableId, at: u32, varies: bool) -> Option<Deck>;
    /// A cell of A records.
    fn card4(&self, cell: u32) -> Option<impl Deref<Target = Card4>>;
    /// A cell of AAAA records.
    fn card6(&self, cell: u32) -> Option<impl Deref<Target = Card6>>;
    /// Ready-made records.
    fn rrs(&self, entry: u32) -> Option<impl Deref<Target = Rrs>>;
    /// The types that a name has beside A and AAAA.
    fn type_row(&self, row: u32) -> Option<impl Deref<Target = TypeRow>>;
    /// A rate-limiting bucket. Packets on other CPUs may change it at any time.
    fn bucket(&self, row: u32, slot: u32) -> Option<u64>;
    /// Changes a bucket.
    fn set_bucket(&self, row: u32, slot: u32, bucket: u64);
    /// What the map `PREFIXES` says of an address (as [`Service::address`]); 0 if nothing.
    fn listed(&self, address: [u64; 2]) -> u32;
    /// Entry `high` (an address's first 16 bits) of a trie's first level.
    fn root4(&self, trie: u32, high: u32) -> Option<Root4>;
    /// An entry of a trie node.
    fn node4(&self, node: u32, octet: u8) -> Option<u16>;
    /// A trie's IPv6 tree.
    fn tree6(&self, trie: u32) -> Option<impl Deref<Target = Tree6>>;
    /// A node of an IPv6 tree.
    fn keys6(&self, node: u32) -> Option<impl Deref<Target = Keys6>>;
    /// Leaf number `place` (0–7) of a last-level node.
    fn leaf6(&self, node: u32, place: u32) -> Option<u16>;
    /// What a leaf number of a trie stands for.
    fn leaf(&self, trie: u32, leaf: u16) -> Option<GeoLeaf>;
    /// The clock in use; `None` when none is published.
    fn clock(&self) -> Option<impl Deref<Target = Clock>>;
    /// `CLOCK_MONOTONIC` in nanoseconds. To be read after [`Tables::clock`], whose times then are
    /// past.
    fn monotonic(&self) -> u64;
    /// Counts an ordinary NTP request at [`crate::abi::Requests::place`].
    fn count_request(&self, place: usize);
    /// Remembers where the frame's reply will be counted, if it becomes one: a
    /// [`crate::abi::Hits::place`].
    fn mark_hit(&self, place: u32);
    /// Counts the reply there, modulo the number of places.
    fn count_hit(&self);
    /// 32 random bits.
    fn random(&self) -> u32;
}

/// The odd integer nearest to 2⁶⁴ divided by the golden ratio. A product with it mixes towards its
/// upper bits (Knuth, The Art of Computer Programming, volume 3, §6.4).
pub const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// One step of the generator behind [`Tables::random`] (xorshift64, Marsaglia 2003): the next
/// state, and 32 bits of it. The state must not be 0.
#[inline(always)]
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "32 bits are taken from the state's middle")]
pub const fn xorshift(state: u64) -> (u64, u32) {
    let mut x = state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    (x, (x >> 20) as u32)
}

/// The answer of a name for one of the two types that have decks.
#[inline(always)]
#[must_use]
pub(crate) const fn answer_of(tail: &crate::abi::NameTail, aaaa: bool) -> Answer {
    if aaaa { tail.aaaa } else { tail.a }
}
