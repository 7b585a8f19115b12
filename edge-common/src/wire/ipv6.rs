//! IPv6 (RFC 8200) without extension headers.

use super::checksum::Sum;
use super::{load16, load64, store64};
use crate::verdict::Verdict;

/// Octets of the header.
pub const HEADER_OCTETS: usize = 40;

/// What is kept of a received header. Addresses are wire octets, two words each.
#[derive(Clone, Copy, Debug)]
pub struct Ip6 {
    /// Sender.
    pub source: [u64; 2],
    /// Receiver.
    pub destination: [u64; 2],
}

const VERSION: u8 = 6;
const UDP: u8 = 17;
const HOP_LIMIT: u8 = 64;

impl Ip6 {
    /// Reads a header; gives it and the octets of the packet, header included.
    #[inline(always)]
    pub fn parse_header(header: &[u8; HEADER_OCTETS]) -> Result<(Self, usize), Verdict> {
        if header[0] >> 4 != VERSION {
            return Err(Verdict::Ip6Header);
        }
        if header[6] != UDP {
            return Err(Verdict::Transport);
        }
        let payload = usize::from(u16::from_be(load16::<4, _>(header)));
        let source = [load64::<8, _>(header), load64::<16, _>(header)];
        let destination = [load64::<24, _>(header), load64::<32, _>(header)];
        // ::/8 holds the unspecified, loopback and mapped addresses, ff00::/8 is multicast.
        if header[8] == 0 || header[8] == 0xff {
            return Err(Verdict::Source);
        }
        Ok((Self { source, destination }, HEADER_OCTETS + payload))
    }

    /// The sum of the UDP pseudo-header's addresses.
    #[inline(always)]
    #[must_use]
    pub const fn address_sum(&self) -> Sum {
        Sum::new(0)
            .add64(self.source[0])
            .add64(self.source[1])
            .add64(self.destination[0])
            .add64(self.destination[1])
    }

    /// Writes the header of the reply, whose payload has `payload` octets.
    #[inline(always)]
    pub fn write_reply_header(&self, header: &mut [u8; HEADER_OCTETS], payload: u16) {
        let [low, high] = payload.to_be().to_ne_bytes();
        let first = [VERSION << 4, 0, 0, 0, low, high, UDP, HOP_LIMIT];
        store64::<0, _>(header, u64::from_ne_bytes(first));
        store64::<8, _>(header, self.destination[0]);
        store64::<16, _>(header, self.destination[1]);
        store64::<24, _>(header, self.source[0]);
        store64::<32, _>(header, self.source[1]);
    }
}
