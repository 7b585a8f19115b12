//! The datagrams that one system call receives.
//!
//! Each has space before it for the headers that the engine writes.

use std::array;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrLike, recvmmsg};

use super::BATCH;
use crate::worker::Worker;

/// Octets of a datagram that are read. No query has more, and octets behind a query are ignored.
const MOST: usize = 4096;
/// Octets from the beginning of one datagram's memory to the next one's.
const STRIDE: usize = Worker::ROOM + MOST;

/// The address of a client, of the socket's family: all of its octets are written with each
/// datagram.
pub(super) trait Peer: SockaddrLike + Copy + Into<SocketAddr> {}
impl<T: SockaddrLike + Copy + Into<SocketAddr>> Peer for T {}

/// The memory for datagrams; it is never grown.
pub(super) struct Inbox<P> {
    memory: Vec<u8>,
    headers: MultiHeaders<P>,
    /// Of the datagrams that are there: octets, and who sent them.
    received: Vec<(usize, SocketAddr)>,
}

impl<P: Peer> Inbox<P> {
    /// With nothing in it.
    pub(super) fn new() -> Self {
        Self {
            memory: vec![0; BATCH * STRIDE],
            headers: MultiHeaders::preallocate(BATCH, None),
            received: Vec::with_capacity(BATCH),
        }
    }

    /// Waits for a datagram; takes it, and those that have come with it. They replace the former
    /// ones.
    ///
    /// # Errors
    /// The error of the system; the inbox is empty then.
    pub(super) fn receive(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.received.clear();
        let mut places = self.memory.chunks_exact_mut(STRIDE);
        let mut place = || {
            let place = places.next().and_then(|place| place.get_mut(Worker::ROOM..));
            [IoSliceMut::new(place.unwrap_or_default())]
        };
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] = array::from_fn(|_| place());
        let (fd, flags) = (socket.as_raw_fd(), MsgFlags::MSG_WAITFORONE);
        let headers = recvmmsg(fd, &mut self.headers, slices.iter_mut(), flags, None)?;
        let received = headers.filter_map(|header| Some((header.bytes, header.address?.into())));
        self.received.extend(received);
        Ok(())
    }

    /// The datagrams that are there, each as a buffer with its octets behind [`Worker::ROOM`], and
    /// their number.
    pub(super) fn messages(&mut self) -> impl Iterator<Item = (&mut [u8], usize, SocketAddr)> {
        let places = self.memory.chunks_exact_mut(STRIDE);
        places.zip(&self.received).map(|(place, &(octets, client))| (place, octets, client))
    }
}
