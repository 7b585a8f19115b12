//! The NTP header (RFC 5905 §7.3).

use super::checksum::Sum;
use super::{store32, store64, udp};

/// Octets of an NTP header; all that an ordinary request has.
pub const HEADER_OCTETS: usize = 48;
/// Octets of the UDP header and of what says which version and mode follow.
pub(crate) const FRONT_OCTETS: usize = udp::HEADER_OCTETS + 4;
/// Octets of the UDP and NTP headers, which are read and written as one.
pub(crate) const WHOLE_OCTETS: usize = udp::HEADER_OCTETS + HEADER_OCTETS;

/// Offset of the transmit timestamp, behind the UDP header.
pub(crate) const TRANSMIT_AT: usize = udp::HEADER_OCTETS + 40;

/// Modes (RFC 5905 figure 10), which are a header's first three bits.
pub mod mode {
    /// A client's request.
    pub const CLIENT: u8 = 3;
    /// Queries of `ntpq` (RFC 9327).
    pub const CONTROL: u8 = 6;
    /// Queries of `ntpdc`, which no RFC has.
    pub const PRIVATE: u8 = 7;
}

/// A header's mode, by its first octet.
#[inline(always)]
#[must_use]
pub const fn mode(first: u8) -> u8 {
    first & 7
}

/// A header's version, by its first octet.
#[inline(always)]
#[must_use]
pub const fn version(first: u8) -> u8 {
    first >> 3 & 7
}

/// A header's poll in log₂ seconds, by its first four octets.
#[inline(always)]
#[must_use]
pub const fn poll(front: u32) -> i8 {
    let [_, _, poll, _] = front.to_ne_bytes();
    poll.cast_signed()
}

/// The same first four octets with at least this poll, -128–127.
#[inline(always)]
#[must_use]
pub(crate) const fn with_poll(front: u32, least: i32) -> u32 {
    if poll(front) as i32 >= least {
        return front;
    }
    let [first, stratum, _, precision] = front.to_ne_bytes();
    let [least, ..] = least.to_le_bytes();
    u32::from_ne_bytes([first, stratum, least, precision])
}

/// What of a request's first four octets comes back: its version and its poll.
pub(crate) const KEPT: u32 = u32::from_ne_bytes([7 << 3, 0, 0xff, 0]);
/// In the first four octets of a reply: the leap indicator.
pub(crate) const LEAP: u32 = u32::from_ne_bytes([3 << 6, 0, 0, 0]);
/// Likewise: the stratum.
pub(crate) const STRATUM: u32 = u32::from_ne_bytes([0, 0xff, 0, 0]);

/// A header, by its words as in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    /// LI, VN, mode, stratum, poll, precision.
    pub front: u32,
    /// Root delay.
    pub root_delay: u32,
    /// Root dispersion.
    pub root_dispersion: u32,
    /// Reference ID.
    pub refid: u32,
    /// Reference timestamp.
    pub reference: u64,
    /// Origin timestamp: the request's transmit timestamp, octet for octet.
    pub origin: u64,
    /// Receive timestamp.
    pub receive: u64,
    /// Transmit timestamp.
    pub transmit: u64,
}

impl Header {
    /// The words' sum.
    #[inline(always)]
    pub(crate) const fn sum(&self, sum: Sum) -> Sum {
        sum.add32(self.front)
            .add32(self.root_delay)
            .add32(self.root_dispersion)
            .add32(self.refid)
            .add64(self.reference)
            .add64(self.origin)
            .add64(self.receive)
            .add64(self.transmit)
    }

    /// Writes the words behind a UDP header.
    #[inline(always)]
    pub(crate) fn write(&self, to: &mut [u8; WHOLE_OCTETS]) {
        store32::<8, _>(to, self.front);
        store32::<12, _>(to, self.root_delay);
        store32::<16, _>(to, self.root_dispersion);
        store32::<20, _>(to, self.refid);
        store64::<24, _>(to, self.reference);
        store64::<32, _>(to, self.origin);
        store64::<40, _>(to, self.receive);
        store64::<48, _>(to, self.transmit);
    }
}
