//! Ethernet II with up to two VLAN tags (IEEE 802.1Q, 802.1ad).

use super::{load16, load64, store64};
use crate::frame::Frame;
use crate::verdict::Verdict;

/// Octets of an untagged header.
pub const HEADER_OCTETS: usize = 14;
const TAG_OCTETS: usize = 4;
/// Octets of two tags.
const TAGS_OCTETS: usize = 2 * TAG_OCTETS;

const IPV4: u16 = 0x0800_u16.to_be();
const IPV6: u16 = 0x86dd_u16.to_be();
const CUSTOMER_TAG: u16 = 0x8100_u16.to_be();
const SERVICE_TAG: u16 = 0x88a8_u16.to_be();

/// A received link-layer header.
#[derive(Clone, Copy, Debug)]
pub struct Ethernet {
    /// Destination, then the source's first two octets.
    front: u64,
    /// Source, then the ethertype or the first tag's.
    back: u64,
    /// 0 without tags.
    tagged: usize,
    /// The eight octets before the network header of a tagged frame.
    tags: u64,
    /// Offset of the network header: 14, 18 or 22.
    pub network: usize,
    /// Whether the network layer is IPv6.
    pub six: bool,
}

impl Ethernet {
    /// Reads the header and its tags. Refuses what is neither IPv4 nor IPv6.
    #[inline(always)]
    pub fn parse<F: Frame>(frame: &F) -> Result<Self, Verdict> {
        let header = frame.window::<HEADER_OCTETS>(0).ok_or(Verdict::Truncated)?;
        let front = load64::<0, _>(header);
        let back = load64::<6, _>(header);
        let mut ethertype = load16::<12, _>(header);
        let mut network = HEADER_OCTETS;
        if ethertype == CUSTOMER_TAG || ethertype == SERVICE_TAG {
            let tag = frame.window::<TAG_OCTETS>(HEADER_OCTETS).ok_or(Verdict::Truncated)?;
            ethertype = load16::<2, _>(tag);
            network += TAG_OCTETS;
            if ethertype == CUSTOMER_TAG {
                let tag = frame.window::<TAG_OCTETS>(HEADER_OCTETS + TAG_OCTETS);
                ethertype = load16::<2, _>(tag.ok_or(Verdict::Truncated)?);
                network += TAG_OCTETS;
            }
        }
        let six = match ethertype {
            IPV4 => false,
            IPV6 => true,
            _ => return Err(Verdict::EtherType),
        };
        let tagged = F::forget(network - HEADER_OCTETS, front);
        let network = F::forget(network, front);
        let mut tags = 0;
        if tagged != 0 {
            let window = frame.window_at::<TAGS_OCTETS>(network - TAGS_OCTETS);
            tags = load64::<0, _>(window.ok_or(Verdict::Truncated)?);
        }
        Ok(Self { front, back, tagged, tags, network, six })
    }

    /// Reads a header without tags; `None` for any other.
    #[inline(always)]
    #[must_use]
    pub fn parse_untagged<F: Frame>(frame: &F) -> Option<Self> {
        let header = frame.window::<HEADER_OCTETS>(0)?;
        let six = match load16::<12, _>(header) {
            IPV4 => false,
            IPV6 => true,
            _ => return None,
        };
        let (front, back) = (load64::<0, _>(header), load64::<6, _>(header));
        Some(Self { front, back, tagged: 0, tags: 0, network: HEADER_OCTETS, six })
    }

    /// All but the offset and the family, to be kept for [`Self::of`].
    #[inline(always)]
    pub(crate) const fn words(&self) -> [u64; 3] {
        [self.front, self.back, self.tags]
    }

    /// What [`Self::words`] were of.
    #[inline(always)]
    pub(crate) const fn of([front, back, tags]: [u64; 3], network: usize, six: bool) -> Self {
        Self { front, back, tagged: network.wrapping_sub(HEADER_OCTETS), tags, network, six }
    }

    /// The same, when the reply is to go to another link-layer address than the query came from,
    /// and come from another one of ours (both six octets in the low 48 bits of a word in memory
    /// order).
    #[inline(always)]
    pub(crate) const fn via(self, to: u64, from: u64) -> Self {
        let back = (to & DESTINATION) | self.back & !DESTINATION;
        Self { front: from & DESTINATION, back, ..self }
    }

    /// The address that the frame was sent to, in the low 48 bits of the word in memory order.
    #[inline(always)]
    #[must_use]
    pub const fn destination(&self) -> u64 {
        self.front & DESTINATION
    }

    /// Writes the header of the reply: addresses exchanged, tags kept.
    #[inline(always)]
    pub fn write_reply<F: Frame>(&self, frame: &mut F) -> Option<()> {
        if self.tagged != 0 {
            let tags = frame.window_at_mut::<TAGS_OCTETS>(self.network - TAGS_OCTETS)?;
            store64::<0, _>(tags, self.tags);
        }
        // The words overlap; one tag's begin before it.
        let header = frame.window_mut::<HEADER_OCTETS>(0)?;
        store64::<0, _>(header, self.back);
        store64::<6, _>(header, self.destination() | self.back & !DESTINATION);
        Some(())
    }
}

/// The destination's octets in the first word of a header. The datapath is little-endian; the
/// mask says so where it matters.
const DESTINATION: u64 = u64::from_ne_bytes([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);
const _: () = assert!(cfg!(target_endian = "little"), "words are shifted as little-endian ones");

#[cfg(test)]
mod tests {
    use super::Ethernet;
    use crate::frame::SliceFrame;
    use crate::verdict::Verdict;
    use std::vec::Vec;

    fn frame(types: &[u8]) -> Vec<u8> {
        let mut octets: Vec<u8> = (1..=12).collect();
        octets.extend_from_slice(types);
        octets.resize(64, 0xa5);
        octets
    }

    fn parse(types: &[u8]) -> Result<(usize, bool), Verdict> {
        let mut octets = frame(types);
        let end = octets.len();
        let frame = SliceFrame::new(&mut octets, 0, end, 1).unwrap();
        Ethernet::parse(&frame).map(|header| (header.network, header.six))
    }

    #[test]
    fn up_to_two_tags_are_walked() {
        assert_eq!(parse(&[0x08, 0]), Ok((14, false)));
        assert_eq!(parse(&[0x86, 0xdd]), Ok((14, true)));
        assert_eq!(parse(&[0x81, 0, 0, 5, 0x08, 0]), Ok((18, false)));
        assert_eq!(parse(&[0x88, 0xa8, 0, 5, 0x86, 0xdd]), Ok((18, true)));
        assert_eq!(parse(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 0x08, 0]), Ok((22, false)));
        assert_eq!(
            parse(&[0x81, 0, 0, 5, 0x81, 0, 0, 6, 0x81, 0, 0, 7, 8, 0]),
            Err(Verdict::EtherType)
        );
        assert_eq!(parse(&[0x08, 0x06]), Err(Verdict::EtherType));
    }

    #[test]
    fn a_reply_exchanges_addresses_and_keeps_tags() {
        for types in [&[8, 0][..], &[0x81, 0, 0, 5, 8, 0], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0]]
        {
            let mut octets = frame(types);
            let end = octets.len();
            let mut frame = SliceFrame::new(&mut octets, 0, end, 1).unwrap();
            let header = Ethernet::parse(&frame).unwrap();
            assert_eq!(header.destination().to_ne_bytes(), [1, 2, 3, 4, 5, 6, 0, 0]);
            header.write_reply(&mut frame).unwrap();
            assert_eq!(octets[..12], [7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6]);
            assert_eq!(&octets[12..12 + types.len()], types);
        }
    }
}
