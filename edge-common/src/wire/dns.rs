//! DNS messages (RFC 1035 §4.1) of one question and one OPT record.
//!
//! Words are as they stand in memory: wire octets in a little-endian word.

/// Octets of the header.
pub const HEADER_OCTETS: usize = 12;
/// Octets of a question's type and class.
pub const TYPE_CLASS_OCTETS: usize = 4;
/// Octets of an OPT record without options (RFC 6891 §6.1.2).
pub const OPT_OCTETS: usize = 11;
/// Longest name on the wire, root label included.
pub const NAME_OCTETS: usize = 255;
/// UDP payload size that we advertise (RFC 6891 §6.2.3): what fits everywhere unfragmented.
pub const UDP_PAYLOAD_OCTETS: u16 = 1232;
/// A compression pointer's upper bits (RFC 1035 §4.1.4).
pub const POINTER: u16 = 0xc000;

/// Type and class of a question as one word.
#[must_use]
pub const fn type_class(rtype: u16, class: u16) -> u32 {
    let [t0, t1] = rtype.to_be_bytes();
    let [c0, c1] = class.to_be_bytes();
    u32::from_ne_bytes([t0, t1, c0, c1])
}

/// Class IN.
pub const CLASS_IN: u16 = 1;
/// Type A (RFC 1035 §3.4.1).
pub const TYPE_A: u16 = 1;
/// Type SOA (RFC 1035 §3.3.13).
pub const TYPE_SOA: u16 = 6;
/// Type AAAA (RFC 3596 §2.1).
pub const TYPE_AAAA: u16 = 28;

/// Type HINFO (RFC 1035 §3.3.2).
pub const TYPE_HINFO: u16 = 13;
/// Type OPT (RFC 6891 §6.1.1).
pub const TYPE_OPT: u16 = 41;
/// Type IXFR (RFC 1995 §2).
pub const TYPE_IXFR: u16 = 251;
/// Type AXFR (RFC 1035 §3.2.3).
pub const TYPE_AXFR: u16 = 252;
/// QTYPE ANY (RFC 1035 §3.2.3, RFC 8482).
pub const TYPE_ANY: u16 = 255;

/// Codes of EDNS options (IANA, DNS EDNS0 Option Codes).
pub mod option {
    /// NSID (RFC 5001 §2.3).
    pub const NSID: u16 = 3;
    /// Client Subnet (RFC 7871 §6).
    pub const SUBNET: u16 = 8;
    /// COOKIE (RFC 7873 §4).
    pub const COOKIE: u16 = 10;
}

/// The first eight octets of the header: ID, flags, QDCOUNT, ANCOUNT.
pub mod front {
    /// ID, RD and CD, which a response takes over (RFC 1035 §4.1.1, RFC 4035 §3.2.2).
    pub const KEPT: u64 = u64::from_ne_bytes([0xff, 0xff, 0x01, 0x10, 0, 0, 0, 0]);
    /// QR.
    pub const RESPONSE: u64 = u64::from_ne_bytes([0, 0, 0x80, 0, 0, 0, 0, 0]);
    /// The four bits of the opcode.
    pub const OPCODE: u64 = u64::from_ne_bytes([0, 0, 0x78, 0, 0, 0, 0, 0]);
    /// QR, the opcode, QDCOUNT and ANCOUNT.
    pub const RULED: u64 = u64::from_ne_bytes([0, 0, 0xf8, 0, 0xff, 0xff, 0xff, 0xff]);
    /// QDCOUNT 1, ANCOUNT 0.
    pub const ONE_QUESTION: u64 = u64::from_ne_bytes([0, 0, 0, 0, 0, 1, 0, 0]);
    /// QR, AA, QDCOUNT 1.
    pub const ANSWERED: u64 = NOT_ANSWERED | AUTHORITATIVE;
    /// QR, QDCOUNT 1.
    pub const NOT_ANSWERED: u64 = u64::from_ne_bytes([0, 0, 0x80, 0, 0, 1, 0, 0]);
    /// AA.
    pub const AUTHORITATIVE: u64 = u64::from_ne_bytes([0, 0, 0x04, 0, 0, 0, 0, 0]);
    /// TC.
    pub const TRUNCATED: u64 = u64::from_ne_bytes([0, 0, 0x02, 0, 0, 0, 0, 0]);
    /// The lower four bits of an RCODE in their place.
    #[inline(always)]
    #[must_use]
    pub const fn rcode(rcode: u32) -> u64 {
        ((rcode & 15) as u64) << 24
    }
    /// ANCOUNT in its place; below 256.
    #[inline(always)]
    #[must_use]
    pub const fn ancount(records: u8) -> u64 {
        (records as u64) << 56
    }
}

/// RCODEs (RFC 6895 §2.3, RFC 7873 §8), those above 15 extended by an OPT record.
pub mod rcode {
    /// The name doesn't exist.
    pub const NXDOMAIN: u32 = 3;
    /// We don't answer that.
    pub const REFUSED: u32 = 5;
    /// An unknown version of EDNS.
    pub const BADVERS: u32 = 16;
    /// A cookie that isn't good.
    pub const BADCOOKIE: u32 = 23;
}

/// The last four octets of the header: NSCOUNT, ARCOUNT.
pub mod back {
    /// ARCOUNT 1.
    pub const ONE_ADDITIONAL: u32 = u32::from_ne_bytes([0, 0, 0, 1]);
    /// The most additional records of a query that is read, as a number: NSCOUNT is 0 then.
    pub const MOST_ADDITIONAL: u32 = 2;
    /// NSCOUNT 1.
    pub const ONE_AUTHORITY: u32 = u32::from_ne_bytes([0, 1, 0, 0]);
}

/// An OPT record without options.
pub mod opt {
    use super::UDP_PAYLOAD_OCTETS;
    use crate::wire::{store32, store64};

    const SIZE: [u8; 2] = UDP_PAYLOAD_OCTETS.to_be_bytes();
    /// The record's type, as a word in memory order.
    pub const TYPE: u16 = super::TYPE_OPT.to_be();
    /// The lower octet of the type; the upper one is 0.
    pub(crate) const TYPE_OCTET: u8 = super::TYPE_OPT.to_be_bytes()[1];
    /// The DO bit's octet of the extended flags (RFC 3225 §3).
    pub const DO: u8 = 0x80;

    /// Whether these octets are an OPT record of version 0 without options.
    #[inline(always)]
    #[must_use]
    pub const fn is_plain(octets: &[u8; super::OPT_OCTETS]) -> bool {
        let [root, t0, t1, _, _, _, version, _, _, l0, l1] = *octets;
        (root | t0 | version | l0 | l1) == 0 && t1 == TYPE_OCTET
    }

    /// Writes our OPT record, with the DO bit of the query's.
    #[inline(always)]
    pub fn compose(record: &mut [u8; super::OPT_OCTETS], flags: u8) {
        let front = [0, 0, TYPE_OCTET, SIZE[0], SIZE[1], 0, 0, flags & DO];
        store64::<0, _>(record, u64::from_ne_bytes(front));
        store32::<7, _>(record, u32::from(flags & DO).to_le());
    }

    /// The sum of [`compose`]'s octets.
    #[inline(always)]
    #[must_use]
    pub const fn sum(flags: u8) -> u32 {
        u16::from_ne_bytes([TYPE_OCTET, SIZE[0]]) as u32
            + u16::from_ne_bytes([SIZE[1], 0]) as u32
            + u16::from_ne_bytes([0, flags & DO]) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::opt;
    use crate::wire::checksum::Sum;

    #[test]
    fn the_opt_records_sum_is_that_of_its_octets() {
        for flags in [0, opt::DO, 0xff] {
            let mut record = [0xa5; 11];
            opt::compose(&mut record, flags);
            assert_eq!(record, [0, 0, 41, 0x04, 0xd0, 0, 0, flags & 0x80, 0, 0, 0]);
            let sum = Sum::default().add_octets(&record);
            assert_eq!(Sum::new(opt::sum(flags)).fold(), sum.fold());
        }
    }

    #[test]
    fn only_an_opt_of_version_0_without_options_is_plain() {
        let plain = [0, 0, 41, 16, 0, 0xff, 0, 0x80, 0xff, 0, 0];
        assert!(opt::is_plain(&plain));
        for (at, octet) in [(0, 1), (1, 1), (2, 40), (6, 1), (9, 1), (10, 1)] {
            let mut other = plain;
            other[at] = octet;
            assert!(!opt::is_plain(&other), "octet {at}");
        }
    }
}
