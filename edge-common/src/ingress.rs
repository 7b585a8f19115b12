//! The whole path of a frame: link → network → query → name → deck → card → reply.
//!
//! Nothing is written before everything that could fail has been decided, so that a frame that
//! passes is the frame that came. What a frame looks up belongs to one generation.

use crate::abi::{Control, GeoLeaf};
use crate::answer::{self, Dealt};
use crate::class;
use crate::compose::{FourA, FourAaaa, Records};
use crate::frame::Frame;
use crate::name::{self, NameEnd, SHORT_OCTETS, WINDOW_OCTETS};
use crate::service;
use crate::tables::Tables;
use crate::verdict::Verdict;
use crate::wire::checksum::Sum;
use crate::wire::dns::{self, back, front, opt};
use crate::wire::ethernet::Ethernet;
use crate::wire::ipv4::{self, Ip4};
use crate::wire::ipv6::{self, Ip6};
use crate::wire::{load16, load32, load64, store32, store64, udp};

/// Rules on a frame, and turns it into its answer where the verdict says so.
#[inline(always)]
pub fn ingress<F: Frame, T: Tables>(frame: &mut F, tables: &T) -> Verdict {
    match serve(frame, tables) {
        Ok(verdict) | Err(verdict) => verdict,
    }
}

#[inline(always)]
fn serve<F: Frame, T: Tables>(frame: &mut F, tables: &T) -> Result<Verdict, Verdict> {
    let link = Ethernet::parse(frame)?;
    if link.six {
        reply::<F, T, Ip6>(frame, tables, &link)
    } else {
        reply::<F, T, Ip4>(frame, tables, &link)
    }
}

/// Octets of the UDP and DNS headers, which are read and written as one.
const HEADERS: usize = udp::HEADER_OCTETS + dns::HEADER_OCTETS;

/// What the two network layers do differently.
trait Network: Copy {
    /// Octets of the header.
    const OCTETS: usize;
    /// Index of what there is one a family.
    const FAMILY: usize;
    /// Whether a UDP checksum of 0 means that the sender computed none.
    const CHECKSUM_OPTIONAL: bool;
    /// The header.
    type Header;
    /// The header at `at`, and the UDP and DNS headers behind it.
    fn headers<F: Frame>(frame: &F, at: usize) -> Option<(&Self::Header, &[u8; HEADERS])>;
    /// As [`Network::headers`], to write.
    fn headers_mut<F: Frame>(
        frame: &mut F,
        at: usize,
    ) -> Option<(&mut Self::Header, &mut [u8; HEADERS])>;
    fn parse(header: &Self::Header) -> Result<(Self, usize), Verdict>;
    fn destination(&self) -> [u64; 2];
    fn leaf<T: Tables>(&self, tables: &T, trie: u32) -> Result<GeoLeaf, Verdict>;
    fn sum(&self) -> Sum;
    fn reply(&self, header: &mut Self::Header, payload: u16);
}

/// What both have in common, but for its types.
macro_rules! network {
    ($octets:expr) => {
        const OCTETS: usize = $octets;
        type Header = [u8; $octets];

        #[inline(always)]
        fn headers<F: Frame>(frame: &F, at: usize) -> Option<(&Self::Header, &[u8; HEADERS])> {
            let (header, rest) =
                frame.window_at::<{ $octets + HEADERS }>(at)?.split_first_chunk()?;
            Some((header, rest.first_chunk()?))
        }

        #[inline(always)]
        fn headers_mut<F: Frame>(
            frame: &mut F,
            at: usize,
        ) -> Option<(&mut Self::Header, &mut [u8; HEADERS])> {
            let window = frame.window_at_mut::<{ $octets + HEADERS }>(at)?;
            let (header, rest) = window.split_first_chunk_mut()?;
            Some((header, rest.first_chunk_mut()?))
        }

        #[inline(always)]
        fn parse(header: &Self::Header) -> Result<(Self, usize), Verdict> {
            Self::parse(header)
        }

        #[inline(always)]
        fn sum(&self) -> Sum {
            self.sum()
        }

        #[inline(always)]
        fn reply(&self, header: &mut Self::Header, payload: u16) {
            self.reply(header, payload);
        }
    };
}

impl Network for Ip4 {
    network!(ipv4::HEADER_OCTETS);
    const FAMILY: usize = 0;
    const CHECKSUM_OPTIONAL: bool = true;

    #[inline(always)]
    fn destination(&self) -> [u64; 2] {
        service::mapped(self.destination)
    }

    #[inline(always)]
    fn leaf<T: Tables>(&self, tables: &T, trie: u32) -> Result<GeoLeaf, Verdict> {
        class::leaf4(tables, trie, self.source)
    }
}

impl Network for Ip6 {
    network!(ipv6::HEADER_OCTETS);
    const FAMILY: usize = 1;
    /// RFC 8200 §8.1.
    const CHECKSUM_OPTIONAL: bool = false;

    #[inline(always)]
    fn destination(&self) -> [u64; 2] {
        self.destination
    }

    #[inline(always)]
    fn leaf<T: Tables>(&self, tables: &T, trie: u32) -> Result<GeoLeaf, Verdict> {
        class::leaf6(tables, trie, self.source[0])
    }
}

/// What a query says before its question.
struct Query {
    /// Source and destination port.
    ports: u32,
    /// ID, flags, QDCOUNT, ANCOUNT.
    front: u64,
    /// NSCOUNT, ARCOUNT.
    back: u32,
    /// Octets of the question's name.
    name_octets: usize,
}

/// The ladder: is this a query that tables can answer?
#[inline(always)]
fn query<F: Frame, T: Tables, N: Network>(
    tables: &T,
    network: &N,
    headers: &[u8; HEADERS],
    payload: usize,
) -> Result<Query, Verdict> {
    let datagram = usize::from(u16::from_be(load16::<4, _>(headers)));
    if datagram != payload {
        return Err(Verdict::Length);
    }
    let ports = load32::<0, _>(headers);
    #[expect(clippy::cast_possible_truncation, reason = "the word's two halves are the ports")]
    let (from, to) = (ports as u16, u16::from_be((ports >> 16) as u16));
    service::admit(tables, N::FAMILY, network.destination(), to)?;
    if from == 0 {
        return Err(Verdict::Source);
    }
    if !N::CHECKSUM_OPTIONAL && load16::<6, _>(headers) == 0 {
        return Err(Verdict::Checksum);
    }
    let front = load64::<8, _>(headers);
    let back = load32::<16, _>(headers);
    if front & front::RULED != front::ONE_QUESTION || back & !back::ONE_ADDITIONAL != 0 {
        return Err(unlike_a_query(front));
    }
    let fixed = HEADERS + dns::TYPE_CLASS_OCTETS;
    let opt = if back == 0 { 0 } else { dns::OPT_OCTETS };
    let name_octets = datagram.wrapping_sub(fixed + opt);
    if name_octets.wrapping_sub(1) >= dns::NAME_OCTETS {
        return Err(Verdict::Question);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a word of four octets comes back")]
    let back = F::forget(back as usize, front) as u32;
    let name_octets = F::forget(name_octets, front);
    Ok(Query { ports, front, back, name_octets })
}

/// Why a header isn't that of a query with one question.
#[inline(always)]
const fn unlike_a_query(front: u64) -> Verdict {
    if front & front::RESPONSE != 0 {
        Verdict::Response
    } else if front & front::OPCODE != 0 {
        Verdict::Opcode
    } else {
        Verdict::Sections
    }
}

#[inline(always)]
fn reply<F: Frame, T: Tables, N: Network>(
    frame: &mut F,
    tables: &T,
    link: &Ethernet,
) -> Result<Verdict, Verdict> {
    let destination = link.destination();
    if Control::own(destination) != tables.control().own_address
        && !tables.is_own_address(frame.ifindex(), destination)
    {
        return Err(Verdict::Link);
    }
    let (header, headers) = N::headers(frame, link.network).ok_or(Verdict::Truncated)?;
    let (network, total) = N::parse(header)?;
    let query = query::<F, T, N>(tables, &network, headers, total.wrapping_sub(N::OCTETS))?;
    let (end, octets) = (link.network + total, frame.octets());
    if end > octets {
        return Err(Verdict::Length);
    }
    let padding = octets - end;

    let transport = link.network + N::OCTETS;
    let question = transport + HEADERS;
    let octets = query.name_octets;
    let name = NameEnd::parse(frame, question, octets)?;
    let behind = question + octets + dns::TYPE_CLASS_OCTETS;
    let flags = if query.back == 0 {
        None
    } else {
        let record = frame.window_at::<{ dns::OPT_OCTETS }>(behind).ok_or(Verdict::Truncated)?;
        if !opt::is_plain(record) {
            return Err(Verdict::Edns);
        }
        Some(record[7])
    };
    let aaaa = match name.type_class {
        A_IN => false,
        AAAA_IN => true,
        other if other >> 16 == A_IN >> 16 => return Err(Verdict::Type),
        _ => return Err(Verdict::Class),
    };

    let generation = tables.generation();
    if generation == 0 {
        return Err(Verdict::Unpublished);
    }
    if tables.now() >= tables.lease() {
        return Err(Verdict::Lease);
    }
    let side = if generation & 1 == 0 {
        (0, tables.control().sides[0].name_seed)
    } else {
        (1, tables.control().sides[1].name_seed)
    };
    let (short, long);
    let (entry, before) = if octets <= SHORT_OCTETS {
        short = name::find_short(tables, side, &name).ok_or(Verdict::Name)?;
        (&short.tail, 0)
    } else {
        long = name::find_long(frame, tables, side, question, octets).ok_or(Verdict::Name)?;
        (&long.0.tail, long.1)
    };
    let usual = tables.control().usual_trie as usize;
    let dealt = answer::deal(tables, entry, aaaa, octets, move |trie| {
        // Nearly always the same: the processor guesses so, and need not wait for the name's entry.
        let trie = if trie as usize == usual { F::opaque(usual) } else { trie as usize };
        network.leaf(tables, narrow(trie).into()).map(|leaf| leaf.class)
    })?;

    let reply = Reply { link, network, transport, query, name, before, flags, padding };
    match dealt {
        Dealt::FourA(card, ttl) => reply.send(frame, tables, &FourA(card, ttl)),
        Dealt::FourAaaa(card, ttl) => reply.send(frame, tables, &FourAaaa(card, ttl)),
        Dealt::Other(mut other) => {
            other.octets = F::forget(other.octets, reply.query.front);
            reply.send(frame, tables, &other)
        }
    }
}

/// A length inside a frame, which never has 2³² octets.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "lengths inside a frame have 16 bits")]
const fn narrow(octets: usize) -> u16 {
    octets as u16
}

const A_IN: u32 = dns::type_class(dns::TYPE_A, dns::CLASS_IN);
const AAAA_IN: u32 = dns::type_class(dns::TYPE_AAAA, dns::CLASS_IN);

/// Everything that the reply is made of.
struct Reply<'a, N> {
    link: &'a Ethernet,
    network: N,
    /// Offset of the UDP header.
    transport: usize,
    query: Query,
    name: NameEnd,
    /// Sum of the name's octets that aren't in `name`.
    before: u32,
    /// The first octet of the query's extended flags, if it had an OPT record.
    flags: Option<u8>,
    /// Octets behind the packet.
    padding: usize,
}

impl<N: Network> Reply<'_, N> {
    /// Makes the frame the reply with these records.
    #[inline(always)]
    fn send<F: Frame, T: Tables, R: Records>(
        &self,
        frame: &mut F,
        tables: &T,
        records: &R,
    ) -> Result<Verdict, Verdict> {
        frame.grow_head(narrow(records.octets()).into()).ok_or(Verdict::Room)?;
        self.write(frame, tables, records).ok_or(Verdict::Fault)
    }

    /// Writes the reply into the grown frame, front to back but for the records.
    #[inline(always)]
    fn write<F: Frame, T: Tables, R: Records>(
        &self,
        frame: &mut F,
        tables: &T,
        records: &R,
    ) -> Option<Verdict> {
        let Self { query, name, .. } = self;
        if self.padding != 0 {
            frame.trim_tail(narrow(self.padding).into())?;
        }
        let question = self.transport + HEADERS;
        let octets = query.name_octets;
        let added = records.octets();
        if !R::SHORT && octets > SHORT_OCTETS {
            name::move_long(frame, question, (octets, added), query.front)?;
        }
        let end = question + octets + dns::TYPE_CLASS_OCTETS + added;
        let records_sum = records.write(frame, tables, (end, octets, query.front))?;
        let window = frame.window_at_mut::<WINDOW_OCTETS>(question + octets - SHORT_OCTETS)?;
        store64::<0, _>(window, name.words[0]);
        store64::<8, _>(window, name.words[1]);
        store64::<16, _>(window, name.words[2]);
        store64::<24, _>(window, name.words[3]);
        store32::<SHORT_OCTETS, _>(window, name.type_class);

        // The question begins at an even offset: what follows the name is at the name's parity.
        let before = if R::SHORT { 0 } else { self.before };
        let mut sum = Sum::new(before)
            .add32(name.type_class)
            .add64(name.words[0])
            .add64(name.words[1])
            .add64(name.words[2])
            .add64(name.words[3])
            .add32(records_sum);
        let mut opt = 0;
        if let Some(flags) = self.flags {
            opt::compose(frame.window_at_mut(end)?, flags);
            sum = sum.add_at(Sum::new(opt::sum(flags)), added);
            opt = dns::OPT_OCTETS;
        }

        let (answers, authority) = records.counts();
        let front = query.front & front::KEPT | front::ANSWERED | front::ancount(answers);
        let back = query.back | authority;
        let datagram = HEADERS + octets + dns::TYPE_CLASS_OCTETS + added + opt;
        let datagram = narrow(datagram);
        let ports = query.ports.rotate_left(16);
        let length = u32::from(datagram.to_be());
        let sum = self
            .network
            .sum()
            .add32(udp::PSEUDO_PROTOCOL.into())
            .add32(2 * length)
            .add32(ports)
            .add64(front)
            .add32(back)
            .add_at(sum, octets)
            .finish_udp();
        let network = self.transport - N::OCTETS;
        let (header, headers) = N::headers_mut(frame, network)?;
        self.network.reply(header, datagram);
        store32::<0, _>(headers, ports);
        store32::<4, _>(headers, length | u32::from(sum) << 16);
        store64::<8, _>(headers, front);
        store32::<16, _>(headers, back);
        self.link.reply(frame)?;
        Some(records.verdict())
    }
}
