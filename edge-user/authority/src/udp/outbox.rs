//! The answers that are sent together, and counted.

use std::io::IoSlice;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;

use rustix::io::Errno;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};
use smallvec::SmallVec;

use super::BATCH;
use crate::counters::Counters;

/// Octets set aside for the answers of a batch: more than they have unless all are as long as can
/// be.
const OCTETS: usize = BATCH * 1232;

/// Answers that are to be sent. Its memory is kept.
pub(super) struct Outbox {
    octets: Vec<u8>,
    /// The ranges of answers in `octets`, and their clients.
    answers: Vec<(Range<usize>, SocketAddrAny)>,
}

impl Outbox {
    /// With nothing in it.
    pub(super) fn new() -> Self {
        Self { octets: Vec::with_capacity(OCTETS), answers: Vec::with_capacity(BATCH) }
    }

    /// Adds an answer; of at most [`BATCH`] none needs more memory.
    pub(super) fn push(&mut self, answer: &[u8], client: SocketAddr) {
        let start = self.octets.len();
        self.octets.extend_from_slice(answer);
        self.answers.push((start..self.octets.len(), client.into()));
    }

    /// Sends all answers; waits for the socket if that is full. An answer that the system refuses
    /// is counted, and the rest is sent.
    pub(super) fn send(&mut self, socket: &UdpSocket, counters: &Counters) {
        let (sent, failed) = self.try_all(socket);
        counters.udp_answered.add(sent as u64);
        counters.send_failed.add(failed as u64);
        self.octets.clear();
        self.answers.clear();
    }

    /// How many were sent, and how many not.
    fn try_all(&self, socket: &UdpSocket) -> (usize, usize) {
        let Self { octets, answers } = self;
        let slice = |at: &Range<usize>| IoSlice::new(octets.get(at.clone()).unwrap_or_default());
        let slices: SmallVec<[_; BATCH]> = answers.iter().map(|(at, _)| [slice(at)]).collect();
        let mut controls: SmallVec<[_; BATCH]> =
            answers.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let clients = answers.iter().map(|(_, client)| client);
        let mut headers: SmallVec<[_; BATCH]> = clients
            .zip(&slices)
            .zip(&mut controls)
            .map(|((client, slice), control)| MMsgHdr::new_with_addr(client, slice, control))
            .collect();
        let (mut sent, mut failed) = (0, 0);
        while let Some(rest) = headers.get_mut(sent + failed..).filter(|rest| !rest.is_empty()) {
            match sendmmsg(socket, rest, SendFlags::empty()) {
                Err(Errno::INTR) => {}
                // The error is the first one's; those behind it haven't been tried.
                Ok(0) | Err(_) => failed += 1,
                Ok(n) => sent += n,
            }
        }
        (sent, failed)
    }
}
