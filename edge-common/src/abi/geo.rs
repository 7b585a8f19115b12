//! Tries that map a client address to a client class.
//!
//! IPv4: 16-8-8 multibit trie. IPv6: a static B+ tree over the first 64 bits. Both end in a leaf
//! number that [`GeoLeaf`] explains. A trie slot holds one targeting profile.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What a leaf number stands for.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct GeoLeaf {
    /// The client class, counted from 0; [`GeoLeaf::UNKNOWABLE`] if only the authority knows it.
    pub class: u32,
    /// Length of the longest prefix around the address in which every address has this class:
    /// 0–32 or 0–64. The true ECS scope (RFC 7871 §7.2.1).
    pub prefix: u32,
}

impl GeoLeaf {
    /// The class of prefixes whose client class the tables don't know: the query passes.
    pub const UNKNOWABLE: u32 = u32::MAX;
}

/// The trie's first level, indexed by the address's first 16 bits.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Root4 {
    /// Leaf number, or with [`Root4::CHILD`] the index of a [`Node4`] for the third octet.
    pub entry: u32,
    /// Index of the first of this /16's fourth-octet nodes.
    pub base: u32,
}

impl Root4 {
    /// Set in `entry` when it names a node.
    pub const CHILD: u32 = 1 << 31;
}

/// A trie node of 256 entries: a leaf number, or with [`Node4::CHILD`] (third octet only) the
/// node's offset from [`Root4::base`] in the low eight bits.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Node4 {
    /// By the address's third or fourth octet.
    pub entries: [u16; 256],
}

impl Node4 {
    /// Set in an entry that names a node of the fourth octet.
    pub const CHILD: u16 = 1 << 15;
}

/// Where a trie slot's IPv6 tree stands in the node maps. `depth` 0: no tree, every query passes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Tree6 {
    /// First node of each level, the root's level first.
    pub levels: [u32; Self::DEPTH],
    /// Levels in use.
    pub depth: u32,
}

impl Tree6 {
    /// Levels at most: 8⁷ ranges.
    pub const DEPTH: usize = 7;
}

/// Eight ascending range starts (first 64 bits of the address, as a number); unused ones are
/// `u64::MAX`. In the node `n` of a level, key `j` stands for child `8n + j` of the next level, or
/// on the last level for range `8n + j`, whose leaf number is in the [`Leaves6`] of the same index.
/// The first key of each level is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Keys6 {
    /// Range starts.
    pub keys: [u64; 8],
}

/// The leaf numbers of a last-level [`Keys6`].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Leaves6 {
    /// Leaf numbers.
    pub leaves: [u16; 8],
}

const _: () = {
    assert!(size_of::<GeoLeaf>() == 8);
    assert!(size_of::<Root4>() == 8);
    assert!(size_of::<Node4>() == 512);
    assert!(size_of::<Tree6>() == 32);
    assert!(size_of::<Keys6>() == 64);
    assert!(size_of::<Leaves6>() == 16);
};
