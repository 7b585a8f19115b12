//! A message and its addresses come in; the answer that the program in the driver would have given goes out.
//!
//! The message is put into a frame, and the frame through the very code that the kernel runs. What that passes is
//! left as it came, for the slow path. Queries from loopback always pass: no frame comes from there.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::PoisonError;

use edge_common::frame::SliceFrame;
use edge_common::ingress::ingress;
use edge_common::verdict::Verdict;
use edge_common::wire::checksum::Sum;
use edge_common::wire::dns::{HEADER_OCTETS, NAME_OCTETS, OPT_OCTETS, TYPE_CLASS_OCTETS};
use edge_common::wire::{ethernet, ipv4, ipv6, udp};

use crate::store::{HostTables, Store};

/// Octets of the longest message that the engine answers.
const MOST: usize = HEADER_OCTETS + NAME_OCTETS + TYPE_CLASS_OCTETS + OPT_OCTETS;

/// The engine of one thread.
#[derive(Debug)]
pub struct Engine {
    tables: HostTables,
}

impl Engine {
    /// Octets that a buffer must have before the message.
    pub const ROOM: usize =
        SliceFrame::HEAD_ROOM + ethernet::HEADER_OCTETS + ipv6::HEADER_OCTETS + udp::HEADER_OCTETS;

    /// Over what is published in `store`, dealing cards by `seed` (0 counts as 1).
    #[must_use]
    pub fn new(store: Store, seed: u64) -> Self {
        Self { tables: HostTables::new(store, seed.max(1), true) }
    }

    /// Octets of the apex (wire format) of the zone that the last answer was from.
    #[must_use]
    pub fn apex_octets(&self) -> u8 {
        self.tables.apex_octets()
    }

    /// Answers the message of `octets` octets at [`Self::ROOM`] in `buffer`; gives where the answer is.
    ///
    /// # Errors
    /// Why there is none. The message is as it was, but after [`Verdict::Fault`].
    pub fn answer(
        &self,
        buffer: &mut [u8],
        octets: usize,
        client: SocketAddr,
        server: SocketAddr,
    ) -> Result<Range<usize>, Verdict> {
        let datagram = match u16::try_from(octets + udp::HEADER_OCTETS) {
            Ok(datagram) if octets <= MOST => datagram,
            _ => return Err(Verdict::Question),
        };
        let _in_use = self.tables.store().readers.read().unwrap_or_else(PoisonError::into_inner);
        if self.tables.store().generation() == 0 {
            return Err(Verdict::Unpublished);
        }
        let headers = Headers::new(client, server, datagram).ok_or(Verdict::EtherType)?;
        let start = Self::ROOM - headers.octets;
        let written = headers.all.get(..headers.octets).zip(buffer.get_mut(start..Self::ROOM));
        let (from, to) = written.ok_or(Verdict::Room)?;
        to.copy_from_slice(from);
        let frame = SliceFrame::new(buffer, start, Self::ROOM + octets, 0);
        let mut frame = frame.ok_or(Verdict::Length)?;
        match ingress(&mut frame, &self.tables) {
            Verdict::Answer | Verdict::Nodata => {
                let Range { start, end } = frame.range();
                Ok(start + headers.octets..end)
            }
            other => Err(other),
        }
    }
}

/// Link, network and transport header of a frame.
struct Headers {
    all: [u8; Self::MOST],
    /// Octets used.
    octets: usize,
}

impl Headers {
    const MOST: usize = ethernet::HEADER_OCTETS + ipv6::HEADER_OCTETS + udp::HEADER_OCTETS;

    /// For a datagram of `datagram` octets, its header included; `None` if the addresses are of two families.
    fn new(client: SocketAddr, server: SocketAddr, datagram: u16) -> Option<Self> {
        let mut headers = Self { all: [0; Self::MOST], octets: 0 };
        headers.put(&[0; 12]);
        match (client.ip().to_canonical(), server.ip().to_canonical()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                headers.put(&[0x08, 0x00]);
                let at = headers.octets;
                let [high, low] = (datagram + 20).to_be_bytes();
                headers.put(&[0x45, 0, high, low, 0, 0, 0x40, 0, 64, 17, 0, 0]);
                headers.put(&from.octets());
                headers.put(&to.octets());
                let header = headers.all.get(at..at + ipv4::HEADER_OCTETS)?;
                let sum = Sum::default().add_octets(header).finish().to_ne_bytes();
                headers.all.get_mut(at + 10..at + 12)?.copy_from_slice(&sum);
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                headers.put(&[0x86, 0xdd]);
                let [high, low] = datagram.to_be_bytes();
                headers.put(&[0x60, 0, 0, 0, high, low, 17, 64]);
                headers.put(&from.octets());
                headers.put(&to.octets());
            }
            _ => return None,
        }
        headers.put(&client.port().to_be_bytes());
        headers.put(&server.port().to_be_bytes());
        headers.put(&datagram.to_be_bytes());
        // The sum was the kernel's to check; that there is one is asked for over IPv6.
        headers.put(&[0xff, 0xff]);
        Some(headers)
    }

    fn put(&mut self, octets: &[u8]) {
        let end = self.octets + octets.len();
        if let Some(to) = self.all.get_mut(self.octets..end) {
            to.copy_from_slice(octets);
            self.octets = end;
        }
    }
}

#[cfg(test)]
mod tests;
