//! IPv4 (RFC 791) without options and fragments.

use super::checksum::Sum;
use super::{load16, load32, load64, store32, store64};
use crate::frame::Frame;
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
/// More fragments, and the fragment's offset.
const FRAGMENT: u16 = 0x3fff_u16.to_be();
/// Don't fragment, in the word of identification, flags and offset.
const DONT_FRAGMENT: u32 = 0x4000_u32.to_be();
const TTL: u8 = 64;

impl Ip4 {
    /// Reads the header at `at`; gives it and the octets of its payload, which the frame holds.
    #[inline(always)]
    pub fn parse<F: Frame>(frame: &F, at: usize) -> Result<(Self, usize), Verdict> {
        let header = frame.window_at::<HEADER_OCTETS>(at).ok_or(Verdict::Truncated)?;
        if header[0] != VERSION_AND_LENGTH {
            return Err(Verdict::Ip4Header);
        }
        if header[9] != UDP {
            return Err(Verdict::Transport);
        }
        if load16::<6, _>(header) & FRAGMENT != 0 {
            return Err(Verdict::Fragment);
        }
        let sum = Sum::default()
            .add64(load64::<0, _>(header))
            .add64(load64::<8, _>(header))
            .add32(load32::<16, _>(header));
        if sum.fold() != 0xffff {
            return Err(Verdict::Checksum);
        }
        let total = usize::from(u16::from_be(load16::<2, _>(header)));
        if total < HEADER_OCTETS || at + total > frame.octets() {
            return Err(Verdict::Length);
        }
        // 0/8, 127/8 and everything from 224/4 on can't be answered to.
        let network = header[12];
        if network.wrapping_sub(1) >= 223 || network == 127 {
            return Err(Verdict::Source);
        }
        let source = load32::<12, _>(header);
        let destination = load32::<16, _>(header);
        Ok((Self { source, destination }, total - HEADER_OCTETS))
    }

    /// The sum of the UDP pseudo-header's addresses.
    #[inline(always)]
    #[must_use]
    pub const fn sum(&self) -> Sum {
        Sum::new(self.source).add32(self.destination)
    }

    /// Writes the header of the reply, `payload` octets long.
    #[inline(always)]
    pub fn reply<F: Frame>(&self, frame: &mut F, at: usize, payload: u16) -> Option<()> {
        let header = frame.window_at_mut::<HEADER_OCTETS>(at)?;
        let total = payload.wrapping_add(20).to_be();
        let first = u32::from(VERSION_AND_LENGTH) | u32::from(total) << 16;
        let third = u32::from(TTL) | u32::from(UDP) << 8;
        let sum = self.sum().add32(first).add32(DONT_FRAGMENT).add32(third).finish();
        store64::<0, _>(header, u64::from(first) | u64::from(DONT_FRAGMENT) << 32);
        store32::<8, _>(header, third | u32::from(sum) << 16);
        store32::<12, _>(header, self.destination);
        store32::<16, _>(header, self.source);
        Some(())
    }
}
