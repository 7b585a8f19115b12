//! The Client Subnet option (RFC 7871): the deciding address, and the scope.
//!
//! Addresses are two words in memory order. IPv4 addresses have their mapped form
//! ([`service::mapped`](crate::service::mapped)), both those of packets and those of options.
//! Nothing here loops over octets, so that the verifier sees one straight path.

use core::net::{IpAddr, Ipv6Addr};

use crate::class;
use crate::frame::Frame;
use crate::service::{MAPPED_BITS, ipv4, mapped, words};
use crate::tables::Tables;
use crate::verdict::Verdict;

/// Octets of the option before the address: family, source prefix, scope prefix.
pub const FRONT_OCTETS: usize = 4;
/// The family of IPv4 addresses (IANA, Address Family Numbers).
const IPV4: u16 = 1;
/// The family of IPv6 addresses.
const IPV6: u16 = 2;

/// A Client Subnet option that is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// 1 for IPv4, 2 for IPv6, 0 for neither, then without an address.
    pub family: u16,
    /// Bits of the address that are given: 0–32 or 0–128.
    pub source_prefix: u8,
    /// The address's octets from the first one on, in memory order; zero past the prefix.
    pub address: [u64; 2],
}

impl Subnet {
    /// Of an option whose address has `octets` octets: the last ones of the 16 in `window`, which
    /// end where the option ends. What is before them may be anything.
    ///
    /// `None` is FORMERR: an unknown family, a prefix that the family doesn't have, too few or too
    /// many octets, or bits past the prefix (RFC 7871 §6).
    #[inline(always)]
    #[must_use]
    pub const fn new(
        family: u16,
        source_prefix: u8,
        octets: u32,
        window: [u64; 2],
    ) -> Option<Self> {
        let bits = match family {
            0 => 0,
            IPV4 => 32,
            IPV6 => 128,
            _ => return None,
        };
        let prefix = source_prefix as u32;
        if prefix > bits || octets != (prefix + 7) >> 3 {
            return None;
        }
        let [high, low] = [u64::from_be(window[0]), u64::from_be(window[1])];
        // By whole octets, and so by even numbers of bits; in halves, as no word can be shifted by
        // 64.
        let address = if octets > 8 {
            let up = (16 - octets) * 8;
            [high << up | low >> 1 >> (63 - up), low << up]
        } else {
            let half = (8 - octets) * 4;
            [low << half << half, 0]
        };
        let past = if prefix < 64 {
            [u64::MAX >> prefix, u64::MAX]
        } else {
            let (rest, half) = (prefix - 64, (prefix - 64) >> 1);
            [0, u64::MAX >> half >> (rest - half)]
        };
        if address[0] & past[0] | address[1] & past[1] != 0 {
            return None;
        }
        Some(Self { family, source_prefix, address: [address[0].to_be(), address[1].to_be()] })
    }

    /// Reads the option's data; as [`Self::new`]. For the host.
    #[must_use]
    pub fn read(data: &[u8]) -> Option<Self> {
        let ([high, low, source_prefix, _scope], given) = data.split_first_chunk()?;
        let octets = u32::try_from(given.len()).ok()?;
        let mut window = [0; 16];
        window.get_mut(16_usize.checked_sub(given.len())?..)?.copy_from_slice(given);
        let window = words(Ipv6Addr::from_octets(window).into());
        Self::new(u16::from_be_bytes([*high, *low]), *source_prefix, octets, window)
    }

    /// The address, two words in memory order; `None` for the family 0.
    #[inline(always)]
    #[must_use]
    pub const fn words(&self) -> Option<[u64; 2]> {
        match self.family {
            0 => None,
            #[expect(clippy::cast_possible_truncation, reason = "the four octets come first")]
            IPV4 => Some(mapped(u64::from_le(self.address[0]) as u32)),
            _ => Some(self.address),
        }
    }

    /// The address, zero past the prefix, as its family has it. For the host.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self.family {
            0 => None,
            IPV4 => self.octets().first_chunk::<4>().map(|octets| (*octets).into()),
            _ => Some(self.octets().into()),
        }
    }

    /// The address's octets; those on the wire are the first `source_prefix / 8`, rounded up. For
    /// the host.
    #[must_use]
    pub fn octets(&self) -> [u8; 16] {
        let [front, back] = self.address.map(u64::from_be);
        (u128::from(front) << 64 | u128::from(back)).to_be_bytes()
    }
}

/// Whether an address is public, and the length of the prefix around it in which all addresses are
/// alike in this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressKind {
    /// Whether it is a unicast one that isn't private, link-local or this host's.
    pub is_public: bool,
    /// 1–32 or 1–128.
    pub prefix: u8,
}

/// How far a word is from some networks.
#[derive(Clone, Copy)]
struct Search {
    word: u64,
    /// The least of its differences from them: the one with most leading zeros.
    nearest: u64,
    /// Length of the network that it is in; 0 if it is in none.
    length: u64,
}

impl Search {
    #[inline(always)]
    const fn new(word: u64) -> Self {
        Self { word, nearest: u64::MAX, length: 0 }
    }

    /// Looks at the network of the first `length` (1–64) bits of `network`. No two networks of a
    /// search overlap.
    #[inline(always)]
    const fn network(self, network: u64, length: u32) -> Self {
        let apart = self.word ^ network;
        let outside = apart >> (64 - length);
        // All ones if it is inside, all zeros if not.
        let inside = ((outside | outside.wrapping_neg()) >> 63).wrapping_sub(1);
        Self { length: self.length | inside & length as u64, ..self.beside(network) }
    }

    /// Looks at a network that it isn't in.
    #[inline(always)]
    const fn beside(self, network: u64) -> Self {
        let apart = self.word ^ network;
        let nearest = if apart < self.nearest { apart } else { self.nearest };
        Self { nearest, ..self }
    }

    /// The standing of an address whose first `before` bits aren't in the word.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "no prefix has more than 128 bits")]
    const fn address_kind(self, before: u32) -> AddressKind {
        let is_public = self.length == 0;
        // One bit more than it has in common with the nearest, and that is outside.
        let common = self.nearest.leading_zeros();
        let prefix = if is_public { common + 1 } else { self.length as u32 };
        AddressKind { is_public, prefix: (before + prefix) as u8 }
    }
}

/// The first four octets of an address as the front of a word.
const fn front4(octets: [u8; 4]) -> u64 {
    (u32::from_be_bytes(octets) as u64) << 32
}

/// The standing of an address. An IPv4 one's prefix counts the bits of the IPv4 address.
#[inline(always)]
#[must_use]
pub const fn address_kind(address: [u64; 2]) -> AddressKind {
    if let Some(address) = ipv4(address) {
        return Search::new((u32::from_be(address) as u64) << 32)
            .network(const { front4([0, 0, 0, 0]) }, 32)
            .network(const { front4([10, 0, 0, 0]) }, 8)
            .network(const { front4([127, 0, 0, 0]) }, 8)
            .network(const { front4([169, 254, 0, 0]) }, 16)
            .network(const { front4([172, 16, 0, 0]) }, 12)
            .network(const { front4([192, 168, 0, 0]) }, 16)
            .network(const { front4([224, 0, 0, 0]) }, 4)
            .network(const { front4([255, 255, 255, 255]) }, 32)
            .address_kind(0);
    }
    let [front, back] = [u64::from_be(address[0]), u64::from_be(address[1])];
    if front == 0 {
        // ::, ::1, and the mapped addresses, of which it is none.
        Search::new(back).network(0, 64).network(1, 64).beside(0xffff << 32).address_kind(64)
    } else {
        Search::new(front)
            .beside(0)
            .network(0xfc << 56, 7)
            .network(0xfe80 << 48, 10)
            .network(0xff << 56, 8)
            .address_kind(0)
    }
}

/// The client that an answer is for: the packet's source, or the address of its Client Subnet
/// option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectiveClient {
    /// The address that decides.
    pub address: [u64; 2],
    /// Whether it is the subnet's.
    pub is_subnets: bool,
    /// The packet's source.
    source: [u64; 2],
    /// The prefix of the standing of the subnet's address; 0 without one.
    prefix: u8,
    /// Bits of the subnet's address that its scope counts before those of the address that decides.
    before: u8,
}

impl EffectiveClient {
    /// The client of a query from `source`: the subnet's address if it could be anyone's on the
    /// Internet.
    #[inline(always)]
    #[must_use]
    pub const fn new(source: [u64; 2], subnet: Option<&Subnet>) -> Self {
        let nobody = Self { address: source, is_subnets: false, source, prefix: 0, before: 0 };
        let Some(subnet) = subnet else { return nobody };
        // A client that withholds its address is answered as its resolver is (RFC 7871 §7.1.2).
        if subnet.source_prefix == 0 {
            return nobody;
        }
        let Some(address) = subnet.words() else { return nobody };
        let is_mapped = subnet.family == IPV6 && ipv4(address).is_some();
        let before = if is_mapped { MAPPED_BITS } else { 0 };
        let AddressKind { is_public, prefix } = address_kind(address);
        let decides = if is_public { address } else { source };
        Self { address: decides, is_subnets: is_public, source, prefix, before }
    }

    /// The same; the verifier then follows what comes next once, and not for each kind of address.
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is forgotten of a number is the same number"
    )]
    fn forgotten<F: Frame>(self) -> Self {
        let forget = |number: u8| F::forget(number.into(), self.source[1]) as u8;
        Self {
            is_subnets: forget(self.is_subnets.into()) != 0,
            prefix: forget(self.prefix),
            before: forget(self.before),
            ..self
        }
    }

    /// Whether the source decides if nothing is known of [`Self::address`].
    #[inline(always)]
    #[must_use]
    pub const fn has_other(&self) -> bool {
        (self.address[0] ^ self.source[0]) | (self.address[1] ^ self.source[1]) != 0
    }

    /// The scope of an answer about a name that varies by client: the length of the prefix around
    /// the subnet's address in which every address has this answer (RFC 7871 §7.2.1). It may exceed
    /// the source prefix.
    ///
    /// `known` is the length of the prefix in which the same is known of all addresses as of
    /// [`Self::address`] ([`GeoLeaf::prefix`](crate::abi::GeoLeaf::prefix)). `is_by_source` says
    /// that it is nothing, and so the source decided.
    #[inline(always)]
    #[must_use]
    pub const fn scope(&self, known: u8, is_by_source: bool) -> u8 {
        // The source's word counts for the special addresses around this one, too.
        let least = if self.is_subnets && is_by_source { 0 } else { self.prefix };
        let known = if self.is_subnets { known } else { 0 };
        let length = if known > least { known } else { least };
        self.before + length
    }
}

/// The leaf of an address in a trie.
#[inline(always)]
fn leaf<T: Tables>(tables: &T, trie: u32, address: [u64; 2]) -> Result<(u32, u8), Verdict> {
    let leaf = match ipv4(address) {
        Some(address) => class::leaf4(tables, trie, address)?,
        None => class::leaf6(tables, trie, address[0])?,
    };
    #[expect(clippy::cast_possible_truncation, reason = "no prefix has more than 64 bits")]
    Ok((leaf.class, leaf.prefix as u8))
}

/// The client class of a query from `source`, and the scope of an answer that depends on the class.
/// 0 without a subnet that has an address.
///
/// [`Verdict::ClientClass`] when only the authority knows the class.
#[inline(always)]
pub fn resolve<F: Frame, T: Tables>(
    tables: &T,
    trie: u32,
    source: [u64; 2],
    subnet: Option<&Subnet>,
) -> Result<(u32, u8), Verdict> {
    let client = EffectiveClient::new(source, subnet).forgotten::<F>();
    let mut address = client.address;
    let mut prefix = None;
    // Once or twice; one look-up in the program's text, which the verifier follows into every
    // branch.
    loop {
        let (class, known) = leaf(tables, trie, address)?;
        if let Some(prefix) = prefix {
            return Ok((class, client.scope(prefix, true)));
        }
        if class != class::NOTHING || !client.has_other() {
            return Ok((class, client.scope(known, false)));
        }
        prefix = Some(known);
        address = source;
    }
}

#[cfg(test)]
mod tests;
