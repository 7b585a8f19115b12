//! The engine: it runs the code of the program in the driver on a message.
//!
//! It puts the message into a frame, and runs the code that the kernel runs on that frame. If this
//! code passes the message, the message stays unmodified for the slow path. Queries from loopback
//! always pass: no frame comes from there.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::{PoisonError, RwLockReadGuard};

use edge_common::abi::switches;
use edge_common::frame::SliceFrame;
use edge_common::general::general;
use edge_common::hot::{Exit, hot};
use edge_common::scratch::Scratch;
use edge_common::verdict::{Action, Verdict};
use edge_common::wire::checksum::Sum;
use edge_common::wire::{ethernet, ipv6, udp};
use zerocopy::{FromZeros as _, IntoBytes as _, transmute};

use super::asked::Asked;

use edge_tables::store::{HostTables, Store};

/// Switches that keep the driver from answering, but not the authority: its replies go by sockets.
const BY_SOCKETS: u64 = switches::BYPASS | switches::DRY_RUN | switches::FIB;
/// Octets of the longest message that the engine looks at: offsets in its frame have ten bits.
const MOST: usize = 1023 - ethernet::HEADER_OCTETS - ipv6::HEADER_OCTETS - udp::HEADER_OCTETS;

/// A sign that a thread uses the tables. Hold it for some answers at most: a publication waits
/// until it is dropped.
#[derive(Debug)]
pub struct InUse<'s> {
    _readers: RwLockReadGuard<'s, ()>,
}

impl<'s> InUse<'s> {
    /// Waits while a publication takes a moment for itself.
    #[must_use]
    pub fn of(store: &'s Store) -> Self {
        Self { _readers: store.readers.read().unwrap_or_else(PoisonError::into_inner) }
    }
}

/// The engine of one thread.
#[derive(Debug)]
pub struct Engine {
    tables: HostTables,
}

impl Engine {
    /// Octets that a buffer must have before the message.
    pub const ROOM: usize =
        SliceFrame::HEAD_ROOM + ethernet::HEADER_OCTETS + ipv6::HEADER_OCTETS + udp::HEADER_OCTETS;

    /// An engine over what is published in `store`. It deals cards by `seed` (0 counts as 1).
    #[must_use]
    pub fn new(store: Store, seed: u64) -> Self {
        Self { tables: HostTables::new(store, seed.max(1), true) }
    }

    /// As [`Self::new`], but answers aren't counted.
    #[must_use]
    pub fn uncounted(store: Store, seed: u64) -> Self {
        Self { tables: HostTables::new(store, seed.max(1), true).uncounted() }
    }

    /// Octets of the apex (wire format) of the zone that the last answer was from.
    #[must_use]
    pub fn apex_octets(&self) -> u8 {
        self.tables.apex_octets()
    }

    /// Answers the message of `octets` octets at [`Self::ROOM`] in `buffer`; returns the range of
    /// the answer in `buffer`, and its verdict.
    ///
    /// # Errors
    /// The verdict that says why there is no answer. The message is unmodified, except after
    /// [`Verdict::Fault`].
    pub fn answer(
        &self,
        buffer: &mut [u8],
        octets: usize,
        asked: &Asked,
    ) -> Result<(Range<usize>, Verdict), Verdict> {
        self.answer_in_use(&InUse::of(self.tables.store()), buffer, octets, asked)
    }

    /// As [`Self::answer`], while the tables are in use anyway.
    pub(super) fn answer_in_use(
        &self,
        _: &InUse<'_>,
        buffer: &mut [u8],
        octets: usize,
        asked: &Asked,
    ) -> Result<(Range<usize>, Verdict), Verdict> {
        let datagram = match u16::try_from(octets + udp::HEADER_OCTETS) {
            Ok(datagram) if octets <= MOST => datagram,
            _ => return Err(Verdict::Question),
        };
        if self.tables.store().generation() == 0 {
            return Err(Verdict::Unpublished);
        }
        let headers = write_headers(buffer, (asked.client, asked.server), datagram)?;
        let frame = SliceFrame::new(buffer, Self::ROOM - headers, Self::ROOM + octets, 0);
        let mut frame = frame.ok_or(Verdict::Length)?;
        self.tables.begin();
        // Whoever has a connection is who it says, and has no rate.
        let limit = if asked.stream { switches::LIMIT } else { 0 };
        self.tables.ignore(BY_SOCKETS | limit);
        // Over a stream the part of an answer differs that the general path prepares: the size, and
        // the options.
        let verdict = match hot(&mut frame, &self.tables) {
            Exit::Done(verdict) => verdict,
            // What is asked here is asked where DNS is served.
            Exit::Ntp => Verdict::Service,
            Exit::General if asked.stream => Verdict::General,
            Exit::General => general(&mut frame, &self.tables, &mut Scratch::new_zeroed()),
        };
        match verdict {
            verdict if verdict.action() == Action::Tx => {
                let Range { start, end } = frame.range();
                Ok((start + headers..end, verdict))
            }
            other => Err(other),
        }
    }
}

/// Writes link, network and transport header before [`Engine::ROOM`]; returns their octets. The
/// datagram has `datagram` octets, its own header included.
///
/// It writes words, as the engine reads words: a processor waits for octets that are read right
/// after they were written one by one.
fn write_headers(
    buffer: &mut [u8],
    (client, server): (SocketAddr, SocketAddr),
    datagram: u16,
) -> Result<usize, Verdict> {
    let word = |[a, b]: [u8; 2], [c, d]: [u8; 2]| u32::from_ne_bytes([a, b, c, d]);
    let ports = word(client.port().to_be_bytes(), server.port().to_be_bytes());
    // The sum was the kernel's to check; that there is one is asked for over IPv6.
    let length = word(datagram.to_be_bytes(), [0xff, 0xff]);
    match (client.ip().to_canonical(), server.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let total = word([0x45, 0], (datagram + 20).to_be_bytes());
            let (fragment, third) = (word([0, 0], [0x40, 0]), |sum| word([64, 17], sum));
            let from = u32::from_ne_bytes(from.octets());
            let to = u32::from_ne_bytes(to.octets());
            let sum = Sum::new(total).add32(fragment).add32(third([0, 0])).add32(from).add32(to);
            let third = third(sum.finish().to_ne_bytes());
            put(buffer, [0x08, 0x00], [total, fragment, third, from, to, ports, length])
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let (first, second) = (word([0x60, 0], [0, 0]), word(datagram.to_be_bytes(), [17, 64]));
            let [a, b, c, d]: [u32; 4] = transmute!(from.octets());
            let [e, f, g, h]: [u32; 4] = transmute!(to.octets());
            put(buffer, [0x86, 0xdd], [first, second, a, b, c, d, e, f, g, h, ports, length])
        }
        _ => Err(Verdict::EtherType),
    }
}

/// Writes a link header without addresses and the words behind it so that they end at
/// [`Engine::ROOM`].
fn put<const N: usize>(
    buffer: &mut [u8],
    [high, low]: [u8; 2],
    words: [u32; N],
) -> Result<usize, Verdict> {
    let octets = ethernet::HEADER_OCTETS + size_of_val(&words);
    let headers = buffer.get_mut(Engine::ROOM - octets..Engine::ROOM).ok_or(Verdict::Room)?;
    let (link, rest) = headers.split_first_chunk_mut().ok_or(Verdict::Room)?;
    *link = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, high, low];
    words.write_to(rest).map_or(Err(Verdict::Room), |()| Ok(octets))
}

#[cfg(test)]
mod tests;
