//! The service over TCP: queries are answered in order (RFC 7766).
//!
//! One thread serves all connections. What a client can hold is limited: connections, time, and
//! queries per connection.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, copy, sink,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

use super::asked::Asked;
use super::message::IDLE_SECONDS;
use super::worker::Worker;

/// The limits of what clients may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections in all.
    pub(super) connections: usize,
    /// Connections of one client: an IPv4 address, or the first 64 bits of an IPv6 one.
    pub(super) connections_of_client: usize,
    /// Queries of one connection.
    pub(super) queries: usize,
    /// Until the first query has come whole.
    pub(super) first: Duration,
    /// Until the next query has come whole.
    pub(super) next: Duration,
    /// Until an answer has been taken.
    pub(super) write: Duration,
}

impl Limits {
    pub(super) const DEFAULT: Self = Self {
        connections: 1024,
        connections_of_client: 64,
        queries: 128,
        first: Duration::from_secs(2),
        next: Duration::from_secs(IDLE_SECONDS as u64),
        write: Duration::from_secs(2),
    };
}

/// Octets that are read ahead: some ten queries.
const AHEAD_OCTETS: usize = 512;
/// How often it is looked, at the end, whether the last connection is closed.
const LOOK: Duration = Duration::from_millis(10);
/// The pause after an error of accepting, such as when the process has too many files open.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until `end` gives a time limit. From then on none is accepted, and those that
/// are open are closed when the time is over.
pub(super) async fn run(
    listeners: Vec<TcpListener>,
    worker: Worker,
    limits: Limits,
    mut end: watch::Receiver<Option<Duration>>,
) {
    let room = Rc::new(Room { worker: RefCell::new(worker), limits, open: RefCell::default() });
    let tasks = LocalSet::new();
    let accept = |listener| tasks.spawn_local(accept(listener, Rc::clone(&room)));
    let accepting: Vec<_> = listeners.into_iter().map(accept).collect();
    let ended = async {
        // An error says that the sender is gone, which means the same.
        end.changed().await.unwrap_or_default();
        accepting.iter().for_each(JoinHandle::abort);
        let grace = end.borrow().unwrap_or_default();
        let closed = async {
            while room.open.borrow().all > 0 {
                sleep(LOOK).await;
            }
        };
        timeout(grace, closed).await.unwrap_or_default();
    };
    tasks.run_until(ended).await;
}

struct Room {
    worker: RefCell<Worker>,
    limits: Limits,
    open: RefCell<Open>,
}

impl Room {
    /// Whether three quarters of the connections that there may be are open.
    fn is_crowded(&self) -> bool {
        self.open.borrow().all >= self.limits.connections / 4 * 3
    }
}

#[derive(Default)]
struct Open {
    all: usize,
    of_client: HashMap<IpAddr, usize>,
}

async fn accept(listener: TcpListener, room: Rc<Room>) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                let is_denied = room.worker.borrow().denies(client.ip());
                let seat = if is_denied { None } else { Seat::take(&room, client.ip()) };
                let Some(seat) = seat else {
                    room.worker.borrow().counters().connections_refused.add_one();
                    continue;
                };
                room.worker.borrow().counters().connections.add_one();
                spawn_local(
                    async move { serve(stream, client, &seat.room).await.unwrap_or_default() },
                );
            }
            Err(_) => {
                room.worker.borrow().counters().receive_failed.add_one();
                sleep(PAUSE).await;
            }
        }
    }
}

/// A connection's place among those that are open; given back when it goes.
struct Seat {
    room: Rc<Room>,
    client: IpAddr,
}

impl Seat {
    fn take(room: &Rc<Room>, client: IpAddr) -> Option<Self> {
        let client = match client.to_canonical() {
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & u128::MAX << 64).into(),
            four @ IpAddr::V4(_) => four,
        };
        let mut open = room.open.borrow_mut();
        let of_client = open.of_client.get(&client).copied().unwrap_or(0);
        if open.all >= room.limits.connections || of_client >= room.limits.connections_of_client {
            return None;
        }
        open.all += 1;
        open.of_client.insert(client, of_client + 1);
        Some(Self { room: Rc::clone(room), client })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.room.open.borrow_mut();
        open.all -= 1;
        match open.of_client.get_mut(&self.client) {
            Some(of_client) if *of_client > 1 => *of_client -= 1,
            _ => drop(open.of_client.remove(&self.client)),
        }
    }
}

async fn serve(stream: TcpStream, client: SocketAddr, room: &Room) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let asked = Asked { client, server: stream.local_addr()?, stream: true };
    converse(stream, &asked, &room.worker, &room.limits, || room.is_crowded()).await
}

/// Answers the queries of one connection. An error or a late or broken query ends it. While
/// `is_crowded` the next query has no more time than the first one.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    asked: &Asked,
    worker: &RefCell<Worker>,
    limits: &Limits,
    is_crowded: impl Fn() -> bool,
) -> io::Result<()> {
    let mut stream = BufReader::with_capacity(AHEAD_OCTETS, stream);
    let (mut buffer, mut framed) = (Vec::new(), Vec::new());
    for query in 0..limits.queries {
        let patience = if query == 0 || is_crowded() { limits.first } else { limits.next };
        let octets = timeout(patience, read(&mut stream, &mut buffer)).await??;
        if !frame_answer(worker, &mut buffer, octets, asked, &mut framed) {
            continue;
        }
        let written =
            timeout(limits.write, stream.write_all(&framed)).await.map_err(io::Error::from);
        let worker = worker.borrow();
        let counters = worker.counters();
        if matches!(written, Ok(Ok(()))) {
            counters.tcp_answered.add_one();
        } else {
            counters.send_failed.add_one();
            return written?;
        }
    }
    stream.shutdown().await?;
    // Closing with queries unread would reset the connection, and the last answers might be lost
    // with it.
    timeout(limits.write, copy(&mut stream, &mut sink())).await??;
    Ok(())
}

/// Reads a message to where the worker wants it; gives its octets.
async fn read<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let octets = usize::from(stream.read_u16().await?);
    buffer.resize(Worker::ROOM + octets, 0);
    stream.read_exact(buffer.get_mut(Worker::ROOM..).unwrap_or_default()).await?;
    Ok(octets)
}

/// Puts an answer and its length into `framed`; false if there is no answer.
fn frame_answer(
    worker: &RefCell<Worker>,
    buffer: &mut [u8],
    octets: usize,
    asked: &Asked,
    framed: &mut Vec<u8>,
) -> bool {
    let mut worker = worker.borrow_mut();
    let Some(answer) = worker.answer(buffer, octets, asked) else { return false };
    let Ok(length) = u16::try_from(answer.len()) else { return false };
    framed.clear();
    framed.extend(length.to_be_bytes());
    framed.extend_from_slice(answer);
    true
}

#[cfg(test)]
mod tests;
