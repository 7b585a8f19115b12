//! IPv4 (RFC 791) without options and fragments.

use super::checksum::Sum;
use super::{load16, load32, load64, store32, store64};
use crate::verdict::Verdict;

/// Octets of a header without options.
pub const HEADER_OCTETS: usize = 20;

/// What is kept of a received header. Addresses are wire octets.
#[derive(Clone, Copy, Debug)]
pub struct Ip4 {
    /// Sender.
    pub source: u32,
    /// Receiver.
    pub destination: u32,
}

/// Version 4, five words of header.
const VERSION_AND_LENGTH: u8 = 0x45;
const UDP: u8 = 17;
/// In the first eight octets: version and length, more fragments, and the fragment's offset.
const FRONT: u64 = u64::from_ne_bytes([0xff, 0, 0, 0, 0, 0, 0x3f, 0xff]);
/// In the next four octets: the protocol.
const PROTOCOL: u32 = u32::from_ne_bytes([0, 0xff, 0, 0]);
/// Don't fragment, in the word of identification, flags and offset.
const DONT_FRAGMENT: u32 = 0x4000_u32.to_be();
const TTL: u8 = 64;

impl Ip4 {
    /// Reads a header; gives it and the octets of the packet, header included.
    #[inline(always)]
    pub fn parse_header(header: &[u8; HEADER_OCTETS]) -> Result<(Self, usize), Verdict> {
        let front = load64::<0, _>(header);
        let middle = load32::<8, _>(header);
        let version = u64::from(VERSION_AND_LENGTH);
        if front & FRONT != version || middle & PROTOCOL != u32::from(UDP) << 8 {
            return Err(unlike_a_datagram(front, middle));
        }
        let source = load32::<12, _>(header);
        let destination = load32::<16, _>(header);
        let sum = Sum::new(source).add32(destination).add64(front).add32(middle);
        if sum.fold() != 0xffff {
            return Err(Verdict::Checksum);
        }
        let total = usize::from(u16::from_be(load16::<2, _>(header)));
        if total < HEADER_OCTETS {
            return Err(Verdict::Length);
        }
        // 0/8, 127/8 and everything from 224/4 on can't be answered to.
        let network = header[12];
        if network.wrapping_sub(1) >= 223 || network == 127 {
            return Err(Verdict::Source);
        }
        Ok((Self { source, destination }, total))
    }

    /// The sum of the UDP pseudo-header's addresses.
    #[inline(always)]
    #[must_use]
    pub const fn address_sum(&self) -> Sum {
        Sum::new(self.source).add32(self.destination)
    }

    /// Writes the header of the reply, whose payload has `payload` octets.
    #[inline(always)]
    pub fn write_reply_header(&self, header: &mut [u8; HEADER_OCTETS], payload: u16) {
        let total = payload.wrapping_add(20).to_be();
        let first = u32::from(VERSION_AND_LENGTH) | u32::from(total) << 16;
        let third = u32::from(TTL) | u32::from(UDP) << 8;
        let sum = self.address_sum().add32(first).add32(DONT_FRAGMENT).add32(third).finish();
        store64::<0, _>(header, u64::from(first) | u64::from(DONT_FRAGMENT) << 32);
        store32::<8, _>(header, third | u32::from(sum) << 16);
        store32::<12, _>(header, self.destination);
        store32::<16, _>(header, self.source);
    }
}

/// Why a header isn't that of a whole UDP datagram, by its first twelve octets.
#[inline(always)]
const fn unlike_a_datagram(front: u64, middle: u32) -> Verdict {
    if front.to_ne_bytes()[0] != VERSION_AND_LENGTH {
        Verdict::Ip4Header
    } else if middle & PROTOCOL != (UDP as u32) << 8 {
        Verdict::Transport
    } else {
        Verdict::Fragment
    }
}
