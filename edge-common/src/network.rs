//! The differences between IPv4 and IPv6, behind one trait.

use crate::abi::GeoLeaf;
use crate::class;
use crate::frame::Frame;
use crate::service;
use crate::tables::Tables;
use crate::verdict::Verdict;
use crate::wire::checksum::Sum;
use crate::wire::ethernet;
use crate::wire::ipv4::{self, Ip4};
use crate::wire::ipv6::{self, Ip6};
use crate::wire::ntp::WHOLE_OCTETS;
use crate::wire::{dns, store32, store64, udp};

/// Octets of the UDP and DNS headers, which are read and written as one.
pub(crate) const HEADERS: usize = udp::HEADER_OCTETS + dns::HEADER_OCTETS;

/// Where the network header begins.
pub(crate) trait At: Copy {
    /// Octets before it.
    fn octets(self) -> usize;
    /// The octets from there on.
    fn window<F: Frame, const N: usize>(self, frame: &F) -> Option<&[u8; N]>;
    /// As [`At::window`], to write.
    fn window_mut<F: Frame, const N: usize>(self, frame: &mut F) -> Option<&mut [u8; N]>;
}

/// Behind a header without tags: all offsets up to the name are the program's own.
#[derive(Clone, Copy)]
pub(crate) struct Untagged;

impl At for Untagged {
    #[inline(always)]
    fn octets(self) -> usize {
        ethernet::HEADER_OCTETS
    }

    #[inline(always)]
    fn window<F: Frame, const N: usize>(self, frame: &F) -> Option<&[u8; N]> {
        frame.window(ethernet::HEADER_OCTETS)
    }

    #[inline(always)]
    fn window_mut<F: Frame, const N: usize>(self, frame: &mut F) -> Option<&mut [u8; N]> {
        frame.window_mut(ethernet::HEADER_OCTETS)
    }
}

/// Behind this number of octets.
#[derive(Clone, Copy)]
pub(crate) struct Behind(pub usize);

impl At for Behind {
    #[inline(always)]
    fn octets(self) -> usize {
        self.0
    }

    #[inline(always)]
    fn window<F: Frame, const N: usize>(self, frame: &F) -> Option<&[u8; N]> {
        frame.window_at(self.0)
    }

    #[inline(always)]
    fn window_mut<F: Frame, const N: usize>(self, frame: &mut F) -> Option<&mut [u8; N]> {
        frame.window_at_mut(self.0)
    }
}

/// Runs an expression for the network layer that a link-layer header names, whose header is at
/// `$at`.
///
/// Macros, not functions that are given a trait's method: LLVM optimises such functions before it
/// puts them into the program, and makes of `edge` one that the verifier follows for 40 % longer.
macro_rules! over_network {
    ($link:expr, $at:expr, |$network:ident, $place:ident| $run:expr) => {
        if $link.six {
            type $network = $crate::wire::ipv6::Ip6;
            let $place = $at;
            $run
        } else {
            type $network = $crate::wire::ipv4::Ip4;
            let $place = $at;
            $run
        }
    };
}

/// Reads the link-layer header and runs an expression as [`over_network`] does, with offsets that
/// the program fixes if there are no VLAN tags. Returns with a verdict if the header isn't one that
/// we read.
macro_rules! over_frame {
    ($frame:expr, |$network:ident, $link:ident, $place:ident| $run:expr) => {
        if let Some($link) = $crate::wire::ethernet::Ethernet::parse_untagged($frame) {
            $crate::network::over_network!($link, $crate::network::Untagged, |$network, $place| {
                $run
            })
        } else {
            let $link = $crate::wire::ethernet::Ethernet::parse($frame)?;
            let at = $crate::network::Behind($link.network);
            $crate::network::over_network!($link, at, |$network, $place| $run)
        }
    };
}

pub(crate) use {over_frame, over_network};

/// The fields of a reply's UDP and DNS headers.
pub(crate) struct Headers {
    /// Source and destination port of the query.
    pub ports: u32,
    /// ID, flags, QDCOUNT, ANCOUNT.
    pub front: u64,
    /// NSCOUNT, ARCOUNT.
    pub back: u32,
    /// Octets of the datagram.
    pub datagram: u16,
}

impl Headers {
    /// Writes the network, UDP and DNS headers of a reply; `body` is the sum of what follows them,
    /// as if it began at the parity of a name of `name_octets` octets.
    #[inline(always)]
    pub(crate) fn write<F: Frame, N: Network, A: At>(
        &self,
        frame: &mut F,
        at: A,
        network: &N,
        body: Sum,
        name_octets: usize,
    ) -> Option<()> {
        let ports = self.ports.rotate_left(16);
        let length = u32::from(self.datagram.to_be());
        let sum = network
            .sum()
            .add32(udp::PSEUDO_PROTOCOL.into())
            .add32(2 * length)
            .add32(ports)
            .add64(self.front)
            .add32(self.back)
            .add_at(body, name_octets)
            .finish_udp();
        let (header, headers) = N::headers_mut(frame, at)?;
        network.write_reply(header, self.datagram);
        store32::<0, _>(headers, ports);
        store32::<4, _>(headers, length | u32::from(sum) << 16);
        store64::<8, _>(headers, self.front);
        store32::<16, _>(headers, self.back);
        Some(())
    }
}

/// What the two network layers do differently.
pub(crate) trait Network: Copy {
    /// Octets of the header.
    const OCTETS: usize;
    /// Index of what there is one a family.
    const FAMILY: usize;
    /// Whether a UDP checksum of 0 means that the sender computed none.
    const CHECKSUM_OPTIONAL: bool;
    /// The header.
    type Header;
    /// The header at `at`, and the UDP and DNS headers behind it.
    fn headers<F: Frame, A: At>(frame: &F, at: A) -> Option<(&Self::Header, &[u8; HEADERS])>;
    /// As [`Network::headers`], to write.
    fn headers_mut<F: Frame, A: At>(
        frame: &mut F,
        at: A,
    ) -> Option<(&mut Self::Header, &mut [u8; HEADERS])>;
    /// The header at `at`, and the UDP and NTP headers behind it.
    fn ntp<F: Frame, A: At>(frame: &F, at: A) -> Option<(&Self::Header, &[u8; WHOLE_OCTETS])>;
    /// As [`Network::ntp`], to write.
    fn ntp_mut<F: Frame, A: At>(
        frame: &mut F,
        at: A,
    ) -> Option<(&mut Self::Header, &mut [u8; WHOLE_OCTETS])>;
    fn parse(header: &Self::Header) -> Result<(Self, usize), Verdict>;
    /// The sender, IPv4 as `::ffff:a.b.c.d`.
    fn source(&self) -> [u64; 2];
    /// The receiver, likewise.
    fn destination(&self) -> [u64; 2];
    fn leaf<T: Tables>(&self, tables: &T, trie: u32) -> Result<GeoLeaf, Verdict>;
    fn sum(&self) -> Sum;
    fn write_reply(&self, header: &mut Self::Header, payload: u16);
}

/// Windows of a header of `$octets` octets and what is behind it.
macro_rules! window {
    ($name:ident, $behind:ident, $octets:expr) => {
        #[inline(always)]
        fn $name<F: Frame, A: At>(frame: &F, at: A) -> Option<(&Self::Header, &[u8; $behind])> {
            let (header, rest) =
                at.window::<F, { $octets + $behind }>(frame)?.split_first_chunk()?;
            Some((header, rest.first_chunk()?))
        }
    };
    (mut $name:ident, $behind:ident, $octets:expr) => {
        #[inline(always)]
        fn $name<F: Frame, A: At>(
            frame: &mut F,
            at: A,
        ) -> Option<(&mut Self::Header, &mut [u8; $behind])> {
            let window = at.window_mut::<F, { $octets + $behind }>(frame)?;
            let (header, rest) = window.split_first_chunk_mut()?;
            Some((header, rest.first_chunk_mut()?))
        }
    };
}

/// The items that are the same for both, apart from types.
macro_rules! network {
    ($octets:expr) => {
        const OCTETS: usize = $octets;
        type Header = [u8; $octets];

        window!(headers, HEADERS, $octets);
        window!(mut headers_mut, HEADERS, $octets);
        window!(ntp, WHOLE_OCTETS, $octets);
        window!(mut ntp_mut, WHOLE_OCTETS, $octets);

        #[inline(always)]
        fn parse(header: &Self::Header) -> Result<(Self, usize), Verdict> {
            Self::parse_header(header)
        }

        #[inline(always)]
        fn sum(&self) -> Sum {
            self.address_sum()
        }

        #[inline(always)]
        fn write_reply(&self, header: &mut Self::Header, payload: u16) {
            self.write_reply_header(header, payload);
        }
    };
}

impl Network for Ip4 {
    network!(ipv4::HEADER_OCTETS);
    const FAMILY: usize = 0;
    const CHECKSUM_OPTIONAL: bool = true;

    #[inline(always)]
    fn source(&self) -> [u64; 2] {
        service::mapped(self.source)
    }

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
    fn source(&self) -> [u64; 2] {
        self.source
    }

    #[inline(always)]
    fn destination(&self) -> [u64; 2] {
        self.destination
    }

    #[inline(always)]
    fn leaf<T: Tables>(&self, tables: &T, trie: u32) -> Result<GeoLeaf, Verdict> {
        class::leaf6(tables, trie, self.source[0])
    }
}
