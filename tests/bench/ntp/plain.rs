//! The fastest NTP responder on plain sockets that was found.
//!
//! It has a thread for each CPU with a socket of its own at one address. Each takes and sends 64
//! datagrams by one system call, and reads the clock once before and once after it has answered
//! them. It does only what a load generator asks for, and is no part of the product.

use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddrV4;
use std::os::fd::{AsRawFd as _, OwnedFd};

use anyhow::{Context as _, Result, anyhow};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};
use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};

use super::time::realtime;
use crate::machine;

/// Datagrams of a system call.
const BATCH: usize = 64;
/// Octets of a request and of its reply.
const OCTETS: usize = 48;
/// Octets that may wait in a socket: more than the system's default, which frames of a page each
/// soon fill.
const WAITING: usize = 8 << 20;

type Message = [u8; OCTETS];

/// Answers at an address from as many threads, on the first CPUs; comes back only with an error.
pub(crate) fn run(address: SocketAddrV4, threads: usize) -> Result<()> {
    let one = move |cpu| machine::bind(cpu).and_then(|()| serve(&listen(address)?));
    let all: Vec<_> = (0..threads).map(|cpu| std::thread::spawn(move || one(cpu))).collect();
    for thread in all {
        thread.join().map_err(|_panic| anyhow!("a thread is gone"))??;
    }
    Ok(())
}

fn listen(address: SocketAddrV4) -> Result<OwnedFd> {
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    sockopt::set_socket_recv_buffer_size_force(&socket, WAITING)?;
    bind(&socket, &address).with_context(|| format!("bind to {address}"))?;
    Ok(socket)
}

/// Turns a request into its reply, without the time at which it is sent.
fn answer(message: &mut Message, received: u64) {
    let [first, _, poll, ..] = *message;
    let mut origin = [0; 8];
    origin.copy_from_slice(&message[40..]);
    // Stratum 2, by 127.127.1.1, precision 2⁻²⁴ s.
    message[..4].copy_from_slice(&[first & 0x38 | 4, 2, poll, 0xe8]);
    message[4..16].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1, 127, 127, 1, 1]);
    message[16..24].copy_from_slice(&(received & !0xffff_ffff).to_be_bytes());
    message[24..32].copy_from_slice(&origin);
    message[32..40].copy_from_slice(&received.to_be_bytes());
}

fn serve(socket: &OwnedFd) -> Result<()> {
    let fd = socket.as_raw_fd();
    let mut messages = [[0; OCTETS]; BATCH];
    let mut inbox = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut outbox = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut clients = Vec::with_capacity(BATCH);
    loop {
        clients.clear();
        let mut places = messages.each_mut().map(|message| [IoSliceMut::new(message)]);
        let flags = MsgFlags::MSG_WAITFORONE;
        let received = recvmmsg(fd, &mut inbox, places.iter_mut(), flags, None)?;
        // All of what comes is 48 octets of mode 3; one that were not would get an answer of no
        // use.
        clients.extend(received.map(|datagram| datagram.address));
        let now = realtime();
        for message in messages.iter_mut().take(clients.len()) {
            answer(message, now);
        }
        let now = realtime().to_be_bytes();
        for message in messages.iter_mut().take(clients.len()) {
            message[40..].copy_from_slice(&now);
        }
        let slices = messages.each_ref().map(|message| [IoSlice::new(message)]);
        let mut sent = 0;
        while let (Some(rest), Some(clients)) =
            (slices.get(sent..clients.len()), clients.get(sent..))
            && !clients.is_empty()
        {
            let flags = MsgFlags::empty();
            // What the system refuses isn't sent again.
            sent += sendmmsg(fd, &mut outbox, rest, clients, [], flags).map_or(1, Iterator::count);
        }
    }
}
