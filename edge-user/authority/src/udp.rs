//! The service over UDP.
//!
//! An answer leaves by the socket that its query came to, and so from the address that was asked.
//! One system call receives all datagrams that wait, up to [`BATCH`], and one sends their answers:
//! calls and locks cost as much as answers do. The thread doesn't wait for a batch to fill.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::asked::Asked;
use super::worker::Worker;
use inbox::{Inbox, Peer};
use nix::sys::socket::{SockaddrIn, SockaddrIn6};
use outbox::Outbox;

mod inbox;
mod outbox;

/// Datagrams that are received, and sent, at once. Twice as many don't make a difference that can
/// be measured.
const BATCH: usize = 32;
/// The pause after an error of receiving, so that a lasting one doesn't keep the thread busy.
const PAUSE: Duration = Duration::from_millis(10);

/// Answers until `stop` is set, and then what was received before. The socket has a time limit for
/// receiving, after which `stop` is looked at.
pub(super) fn run(socket: &UdpSocket, server: SocketAddr, worker: &mut Worker, stop: &AtomicBool) {
    match server {
        SocketAddr::V4(_) => serve::<SockaddrIn>(socket, server, worker, stop),
        SocketAddr::V6(_) => serve::<SockaddrIn6>(socket, server, worker, stop),
    }
}

fn serve<P: Peer>(socket: &UdpSocket, server: SocketAddr, worker: &mut Worker, stop: &AtomicBool) {
    let (mut inbox, mut outbox) = (Inbox::<P>::new(), Outbox::new());
    while !stop.load(Ordering::Acquire) {
        match inbox.receive(socket) {
            Ok(()) => {
                answer(&mut inbox, server, worker, &mut outbox);
                outbox.send(socket, worker.counters());
            }
            // `WouldBlock`: nothing came in time.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
                ) => {}
            Err(_) => {
                worker.counters().receive_failed.add_one();
                thread::sleep(PAUSE);
            }
        }
    }
}

/// Answers what is in the inbox into the outbox.
fn answer<P: Peer>(
    inbox: &mut Inbox<P>,
    server: SocketAddr,
    worker: &mut Worker,
    outbox: &mut Outbox,
) {
    let mut batch = worker.batch();
    for (buffer, octets, client) in inbox.messages() {
        if client.port() == 0 {
            batch.drop_one();
            continue;
        }
        let asked = Asked { client, server, stream: false };
        if let Some(answer) = batch.answer(buffer, octets, &asked) {
            outbox.push(answer, client);
        }
    }
}

#[cfg(test)]
mod tests;
