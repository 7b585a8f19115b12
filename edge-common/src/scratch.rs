//! The general path's memory of one frame.
//!
//! It is in memory, not in registers: the stages are many, and the stack of a program has 512
//! octets. The verifier knows nothing of what is read from memory, so it follows each stage once
//! and not once for each path that leads to it.

use zerocopy::{FromBytes, KnownLayout, transmute};

use crate::abi::{Deck, LONG_WORDS, NAME_WORDS, NameTail};
use crate::wire::ethernet::Ethernet;
use crate::wire::ipv4::Ip4;
use crate::wire::ipv6::Ip6;

/// There is one for each CPU, for one frame at a time. Offsets count from the first octet of the
/// received frame; words are in memory order.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, KnownLayout)]
pub struct Scratch {
    /// The name as received, its last octet the last; zero before it in the block of 32 octets
    /// where it begins.
    pub(crate) name: [u64; LONG_WORDS],
    /// The hash of the name's blocks behind the one of each index, counted from its end.
    pub(crate) hashes: [u64; LONG_WORDS / NAME_WORDS],
    /// The OPT record of the reply, from octet [`Self::OPT_AT`] on; zero behind it.
    pub(crate) opt: [u8; Self::OPT_ROOM],
    /// Of each label the offset in the name, first one first.
    pub(crate) labels: [u8; Self::LABELS],
    /// Octets of the names above that may exist, longest first.
    pub(crate) above: [u8; Self::ABOVE],
    /// Link-layer addresses and tags, as [`Ethernet`] has them.
    pub(crate) link: [u64; 3],
    /// Sender, IPv4 as `::ffff:a.b.c.d`.
    pub(crate) source: [u64; 2],
    /// Receiver, likewise.
    pub(crate) destination: [u64; 2],
    /// Address of the client subnet, left-aligned.
    pub(crate) subnet: [u64; 2],
    /// Server cookie: the query's, then the reply's.
    pub(crate) server: [u64; 2],
    /// Client cookie.
    pub(crate) client: u64,
    /// The name's first eight octets, if there are as many.
    pub(crate) first: u64,
    /// ID, flags, QDCOUNT, ANCOUNT.
    pub(crate) front: u64,
    /// The switches, read once.
    pub(crate) switches: u64,
    /// Seed of the names' hash.
    pub(crate) seed: u64,
    /// What there is of the name, or of the one that answers for it.
    pub(crate) tail: NameTail,
    /// The deck of the reply's records; without any its kind is none.
    pub(crate) deck: Deck,
    /// Source and destination port.
    pub(crate) ports: u32,
    /// NSCOUNT, ARCOUNT.
    pub(crate) back: u32,
    /// QTYPE and QCLASS.
    pub(crate) type_class: u32,
    /// Offset of the network header.
    pub(crate) network: u32,
    /// Offset of the UDP header.
    pub(crate) transport: u32,
    /// Offset behind the datagram.
    pub(crate) end: u32,
    /// Octets of the name.
    pub(crate) octets: u32,
    /// Labels of the name, the root's left out.
    pub(crate) n_labels: u32,
    /// Entries of `above`.
    pub(crate) n_above: u32,
    /// Octets of the one of them that is there.
    pub(crate) found: u32,
    /// The side of the names that is in use.
    pub(crate) side: u32,
    /// What the frame has.
    pub(crate) flags: Flags,
    /// Octets of the COOKIE option's data.
    pub(crate) cookie_octets: u32,
    /// Family of the client subnet.
    pub(crate) family: u32,
    /// Its SOURCE PREFIX-LENGTH.
    pub(crate) source_prefix: u32,
    /// SCOPE PREFIX-LENGTH of the reply.
    pub(crate) scope: u32,
    /// Octets that the client takes over UDP.
    pub(crate) payload: u32,
    /// Offset of the next option.
    pub(crate) option: u32,
    /// Offset behind the options.
    pub(crate) options_end: u32,
    /// RCODE of the reply, its extension included (RFC 6891 §6.1.3).
    pub(crate) rcode: u32,
    /// Whether the reply has AA.
    pub(crate) authoritative: u32,
    /// Whether the reply has TC.
    pub(crate) truncated: u32,
    /// What answers, an [`crate::abi::Answer`].
    pub(crate) answer: u32,
    /// The client's class, if the answer depends on it; else 0.
    pub(crate) class: u32,
    /// First cell, or the entry of ready-made records.
    pub(crate) cell: u32,
    /// Octets of the reply's records.
    pub(crate) records: u32,
    /// Their sum, when they are ready-made.
    pub(crate) sum: u32,
    /// Octets of the reply's OPT record.
    pub(crate) opt_octets: u32,
    /// Where the reply is counted, if it has a deck.
    pub(crate) hit: u32,
    /// Not used.
    pub(crate) reserved: u32,
}

/// What a frame has, bit by bit.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, KnownLayout)]
pub(crate) struct Flags(u32);

impl Flags {
    /// Nothing of all this.
    pub(crate) const NONE: Self = Self(0);
    /// IPv6.
    pub(crate) const SIX: Self = Self(1);
    /// An OPT record.
    pub(crate) const OPT: Self = Self(1 << 1);
    /// The DO bit (RFC 3225 §3).
    pub(crate) const DO: Self = Self(1 << 2);
    /// The NSID option (RFC 5001).
    pub(crate) const NSID: Self = Self(1 << 3);
    /// A Client Subnet option (RFC 7871).
    pub(crate) const SUBNET: Self = Self(1 << 4);
    /// A COOKIE option (RFC 7873).
    pub(crate) const COOKIE: Self = Self(1 << 5);
    /// An OPT record of another version than 0.
    pub(crate) const VERSION: Self = Self(1 << 6);
    /// A server cookie for the reply.
    pub(crate) const SERVER: Self = Self(1 << 7);
    /// A name that doesn't exist; the entry is that of a name above.
    pub(crate) const ABOVE: Self = Self(1 << 8);

    /// Sets the bits of another one, too.
    #[inline(always)]
    pub(crate) const fn set(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether a bit of another one is set.
    #[inline(always)]
    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl Scratch {
    /// Where the OPT record begins in its room: words are read from up to seven octets before it.
    pub(crate) const OPT_AT: usize = 8;
    /// Room for an OPT record of 11 + 68 (NSID) + 24 (client subnet) + 28 octets (cookie), and for
    /// words beyond.
    pub(crate) const OPT_ROOM: usize = 160;
    /// Labels of the longest name, rounded up.
    pub(crate) const LABELS: usize = 128;
    /// A name and those above it that are looked for.
    pub(crate) const ABOVE: usize = Self::LABELS;

    /// Whether the frame has what a flag says.
    #[inline(always)]
    pub(crate) const fn has_flag(&self, flag: Flags) -> bool {
        self.flags.has(flag)
    }

    /// Keeps an entry. By words: a structure would be moved by a call.
    #[inline(always)]
    pub(crate) const fn keep_tail(&mut self, tail: &NameTail) {
        let [a, b, c, d, e]: [u64; 5] = transmute!(*tail);
        self.tail = transmute!([a, b, c, d, e]);
    }

    /// Keeps a deck, likewise.
    #[inline(always)]
    pub(crate) const fn keep_deck(&mut self, deck: &Deck) {
        let [a, b]: [u64; 2] = transmute!(*deck);
        self.deck = transmute!([a, b]);
    }

    /// Keeps a link-layer header.
    #[inline(always)]
    pub(crate) const fn keep_link(&mut self, link: &Ethernet) {
        self.link = link.words();
        #[expect(clippy::cast_possible_truncation, reason = "it is 14, 18 or 22")]
        let network = link.network as u32;
        self.network = network;
    }

    /// The link-layer header that was kept.
    #[inline(always)]
    pub(crate) const fn link(&self) -> Ethernet {
        Ethernet::of(self.link, self.network as usize, self.has_flag(Flags::SIX))
    }

    /// The network header that was kept, of IPv4.
    #[inline(always)]
    pub(crate) const fn ip4(&self) -> Ip4 {
        let [source, destination] =
            [(self.source[1] >> 32) as u32, (self.destination[1] >> 32) as u32];
        Ip4 { source, destination }
    }

    /// The network header that was kept, of IPv6.
    #[inline(always)]
    pub(crate) const fn ip6(&self) -> Ip6 {
        Ip6 { source: self.source, destination: self.destination }
    }
}
