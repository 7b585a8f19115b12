//! Datagrams come in; answers go out of the same socket, and so from the address that was asked.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::Shutdown;

use super::answer::Asked;
use super::worker::Worker;

/// Octets of a datagram that are read; no query has more, and what is behind one is ignored.
const MOST: usize = 4096;
/// The pause after an error of receiving, so that a lasting one doesn't keep the thread busy.
const PAUSE: Duration = Duration::from_millis(10);

/// Answers until `stop` is set and [`wake`] called.
pub(super) fn run(socket: &UdpSocket, server: SocketAddr, worker: &mut Worker, stop: &AtomicBool) {
    let mut buffer = vec![0; Worker::ROOM + MOST];
    loop {
        let received = socket.recv_from(buffer.get_mut(Worker::ROOM..).unwrap_or_default());
        if stop.load(Ordering::Acquire) {
            return;
        }
        match received {
            Ok((octets, client)) => answer(socket, worker, &mut buffer, octets, (client, server)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => {
                worker.counters().receive_failed.add_one();
                thread::sleep(PAUSE);
            }
        }
    }
}

fn answer(
    socket: &UdpSocket,
    worker: &mut Worker,
    buffer: &mut [u8],
    octets: usize,
    (client, server): (SocketAddr, SocketAddr),
) {
    if client.port() == 0 {
        worker.counters().dropped.add_one();
        return;
    }
    let asked = Asked { client, server, stream: false };
    let Some(answer) = worker.answer(buffer, octets, &asked) else { return };
    let is_sent = socket.send_to(answer, client).is_ok();
    let counters = worker.counters();
    if is_sent { counters.udp_answered.add_one() } else { counters.send_failed.add_one() }
}

/// Wakes the thread that reads from a socket: Linux ends its wait, though it says that a socket without a peer can't
/// be shut down.
pub(super) fn wake(socket: &UdpSocket) {
    rustix::net::shutdown(socket, Shutdown::Both).unwrap_or_default();
}
