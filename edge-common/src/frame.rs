//! An Ethernet frame that can be read and written, and resized at its head.
//!
//! Octets are reached through windows of a fixed size, one for each protocol section. In the kernel
//! a window is one bounds check that the verifier follows; on the host it is a slice.

use crate::verifier::Verifier;

/// A frame. Offsets count from its first octet; [`Frame::grow_head`] and [`Frame::resize`] move it.
pub trait Frame: Verifier {
    /// `N` octets at an offset that the program fixes.
    fn window<const N: usize>(&self, at: usize) -> Option<&[u8; N]>;
    /// As [`Frame::window`], to write.
    fn window_mut<const N: usize>(&mut self, at: usize) -> Option<&mut [u8; N]>;
    /// `N` octets at an offset that a peer can influence; `None` past the first 1,023 too.
    fn window_at<const N: usize>(&self, at: usize) -> Option<&[u8; N]>;
    /// As [`Frame::window_at`], to write.
    fn window_at_mut<const N: usize>(&mut self, at: usize) -> Option<&mut [u8; N]>;
    /// Octets in the frame's first buffer: all of it, if [`Frame::is_whole`].
    fn octets(&self) -> usize;
    /// Whether the frame is in one buffer. With a large MTU a driver may use several.
    fn is_whole(&self) -> bool;
    /// Puts `n` octets of unspecified content before the first one. `None`: no room, nothing
    /// changed.
    fn grow_head(&mut self, n: u32) -> Option<()>;
    /// Makes the frame `octets` octets long by moving its first octet; its content is unspecified
    /// then. `None`: there isn't enough head room, and nothing has changed.
    fn resize(&mut self, octets: usize) -> Option<()>;
    /// Where a reply goes, by the routing table: from the link-layer address of the interface that
    /// the frame came in by (second) to that of the next hop (first), as words in memory order.
    /// `None`: nowhere, or out of another interface.
    fn route(&self, route: &Route) -> Option<[u64; 2]>;
    /// Index of the interface that the frame came in by.
    fn ifindex(&self) -> u32;
}

/// A packet that is to be routed.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Whether it is IPv6.
    pub six: bool,
    /// Where from, as words of wire octets in memory order; IPv4 as `::ffff:a.b.c.d`.
    pub source: [u64; 2],
    /// Where to.
    pub destination: [u64; 2],
}

/// A frame in a buffer with room before it, for the host.
#[derive(Debug)]
pub struct SliceFrame<'a> {
    buffer: &'a mut [u8],
    start: usize,
    end: usize,
    ifindex: u32,
}

impl<'a> SliceFrame<'a> {
    /// Room that native drivers leave before a frame: 256 octets less `struct xdp_frame`.
    pub const HEAD_ROOM: usize = 216;

    /// The frame in `buffer[start..end]`; it can grow down to the buffer's first octet.
    /// `None` when that isn't inside the buffer.
    pub fn new(buffer: &'a mut [u8], start: usize, end: usize, ifindex: u32) -> Option<Self> {
        (start <= end && end <= buffer.len()).then_some(Self { buffer, start, end, ifindex })
    }

    /// The frame's octets.
    #[must_use]
    pub fn as_octets(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Where the frame stands in the buffer now.
    #[must_use]
    pub const fn range(&self) -> core::ops::Range<usize> {
        self.start..self.end
    }
}

impl Verifier for SliceFrame<'_> {
    fn opaque(x: usize) -> usize {
        x
    }

    fn forget(x: usize, _: u64) -> usize {
        x
    }

    fn compiler_fence<T>(_: &mut T) {}
}

impl Frame for SliceFrame<'_> {
    fn window<const N: usize>(&self, at: usize) -> Option<&[u8; N]> {
        self.as_octets().get(at..)?.first_chunk()
    }

    fn window_mut<const N: usize>(&mut self, at: usize) -> Option<&mut [u8; N]> {
        self.buffer.get_mut(self.start..self.end)?.get_mut(at..)?.first_chunk_mut()
    }

    fn window_at<const N: usize>(&self, at: usize) -> Option<&[u8; N]> {
        if at > 0x3ff {
            return None;
        }
        self.window(at)
    }

    fn window_at_mut<const N: usize>(&mut self, at: usize) -> Option<&mut [u8; N]> {
        if at > 0x3ff {
            return None;
        }
        self.window_mut(at)
    }

    fn octets(&self) -> usize {
        self.end - self.start
    }

    fn is_whole(&self) -> bool {
        true
    }

    fn grow_head(&mut self, n: u32) -> Option<()> {
        self.start = self.start.checked_sub(usize::try_from(n).ok()?)?;
        Some(())
    }

    fn resize(&mut self, octets: usize) -> Option<()> {
        let start = self.end.checked_sub(octets)?;
        self.start = start;
        Some(())
    }

    /// Back the way that the frame came: a host's frames have no routes.
    fn route(&self, _: &Route) -> Option<[u64; 2]> {
        let header = self.window::<14>(0)?;
        let address = |octets: &[u8; 6]| {
            let [a, b, c, d, e, f] = *octets;
            u64::from_ne_bytes([a, b, c, d, e, f, 0, 0])
        };
        let (to, rest) = header.split_first_chunk::<6>()?;
        Some([address(rest.first_chunk::<6>()?), address(to)])
    }

    fn ifindex(&self) -> u32 {
        self.ifindex
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame as _, SliceFrame};

    #[test]
    fn windows_end_where_the_frame_ends() {
        let mut buffer = [0xa5_u8; 40];
        let mut frame = SliceFrame::new(&mut buffer, 10, 30, 1).unwrap();
        assert!(frame.window::<20>(0).is_some());
        assert!(frame.window::<21>(0).is_none());
        assert!(frame.window::<1>(20).is_none());
        assert!(frame.window_at::<0>(20).is_some());
        assert!(frame.window_at::<1>(usize::MAX).is_none());
        assert!(frame.window_mut::<2>(19).is_none());
    }

    #[test]
    fn a_frame_grows_only_into_its_head_room_and_keeps_its_octets() {
        let mut buffer = [0_u8; 40];
        buffer[10] = 7;
        let mut frame = SliceFrame::new(&mut buffer, 10, 30, 1).unwrap();
        assert!(frame.grow_head(11).is_none());
        assert_eq!(frame.octets(), 20);
        assert!(frame.grow_head(10).is_some());
        assert_eq!(frame.window::<1>(10), Some(&[7]));
        assert!(frame.resize(31).is_none());
        assert!(frame.resize(25).is_some());
        assert_eq!(frame.octets(), 25);
    }
}
