//! The authority: it answers queries over UDP and TCP from the zones.
//!
//! A message goes first through the [`engine`], which is the code that the kernel runs, over the
//! same tables. If the engine passes a message, `answer` answers it from the zones ([`serving`]).
//! The authority answers any zone, type and flag. Nothing that comes from the network stops a
//! thread, makes it allocate without bound, or makes it log.
//!
//! The modules:
//! - `message`: reads a query.
//! - `client`: the client that the answer is for.
//! - `answer`: finds the answer in the zones.
//! - `pick`, `closest`: select records by weight, and by distance.
//! - `special`: the labels that no zone file has.
//! - `chaos`: the names of class CH.
//! - `cookies`: the DNS cookies of a query and of its answer.
//! - `reply`: writes the response.
//! - [`serving`]: the zones that are served.
//! - [`engine`]: runs the kernel's code on a message.
//! - `worker`: answers a batch of messages on one thread.
//! - `listen`, `udp`, `tcp`: bind the sockets, receive and send.
//! - [`counters`], [`tally`]: count the work done, and the answers by zone, type, label and RCODE.
//! - `observer`: the interface that sees the responses.
//! - `asked`, `query_context`: a message's client and server; a query with what its answer needs.
//! - `options`: the configuration beside the addresses.
//!
//! Of the project's crates, it may use `edge-common`, `edge-tables` and `edge-zone` only.
#![forbid(unsafe_code)]
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::watch;

use edge_tables::store::Store;

mod answer;
mod asked;
mod chaos;
mod client;
mod closest;
mod cookies;
pub mod counters;
pub mod engine;
#[cfg(any(test, feature = "testing"))]
#[expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "only tests use it")]
pub mod fixture;
mod listen;
mod message;
mod observer;
mod options;
mod pick;
mod query_context;
mod reply;
pub mod serving;
mod special;
pub mod tally;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;
mod worker;

pub use answer::Answerer;
pub use asked::Asked;
pub use client::Client;
pub use cookies::Cookies;
pub use counters::Counters;
pub use engine::Engine;
use listen::Sockets;
pub use listen::{BindError, Inherited};
pub use observer::Observer;
pub use options::Options;
pub use serving::{Current, Serving};
pub use worker::{Batch, Shared, Worker};

/// The authority: its sockets, and its threads once it serves. Stopped when dropped.
pub struct Authority {
    shared: Shared,
    sockets: Vec<Sockets>,
    running: Option<Running>,
}

struct Running {
    stop: Arc<AtomicBool>,
    /// How long open connections are served on, once there is an end.
    end_tcp: watch::Sender<Option<Duration>>,
    threads: Vec<JoinHandle<()>>,
}

impl Authority {
    /// Binds the addresses, for `workers` UDP threads each (at least one); nothing is answered yet.
    /// Port 0 is any free one.
    ///
    /// # Errors
    /// The first address that can't be had; nothing stays bound then.
    pub fn bind(
        listen: &[SocketAddr],
        workers: usize,
        store: Store,
        current: Arc<Current>,
        options: Options,
    ) -> Result<Self, BindError> {
        Self::inherit(&mut Inherited::default(), listen, workers, store, current, options)
    }

    /// As [`Self::bind`], but sockets that were inherited are taken where their address is wanted.
    ///
    /// # Errors
    /// As [`Self::bind`].
    pub fn inherit(
        inherited: &mut Inherited,
        listen: &[SocketAddr],
        workers: usize,
        store: Store,
        current: Arc<Current>,
        options: Options,
    ) -> Result<Self, BindError> {
        if listen.is_empty() {
            return Err(BindError::NoAddress);
        }
        let bind =
            |&address: &SocketAddr| Sockets::bind(address, workers, options.freebind, inherited);
        let sockets = listen.iter().map(bind).collect::<Result<_, _>>()?;
        let (options, counters) = (Arc::new(options), Arc::default());
        let shared = Shared { store, current, options, counters, observer: Arc::new(()) };
        Ok(Self { shared, sockets, running: None })
    }

    /// Shows each response to `observer`, once it serves.
    pub fn observe_by(&mut self, observer: Arc<dyn Observer>) {
        self.shared.observer = observer;
    }

    /// The addresses, in the order given, with the ports that the system chose.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(|sockets| sockets.address)
    }

    /// All sockets, for another process that is to serve on them.
    ///
    /// # Errors
    /// When the system has no more files.
    pub fn sockets(&self) -> io::Result<Vec<OwnedFd>> {
        let all = self.sockets.iter().flat_map(Sockets::all);
        all.map(|socket| socket.try_clone_to_owned()).collect()
    }

    /// The counters of the work done so far.
    #[must_use]
    pub fn counters(&self) -> &Arc<Counters> {
        &self.shared.counters
    }

    /// Starts to answer: a thread for each UDP socket, and one for TCP. Does nothing if it does
    /// already.
    ///
    /// # Errors
    /// The system has no more threads or files; the authority is stopped then.
    pub fn serve(&mut self) -> io::Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let (end_tcp, ended) = watch::channel(None);
        let running = Running { stop: Arc::default(), end_tcp, threads: Vec::new() };
        self.running = Some(running);
        let started = self.start(&ended);
        if started.is_err() {
            self.stop(Duration::ZERO);
        }
        started
    }

    fn start(&mut self, ended: &watch::Receiver<Option<Duration>>) -> io::Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        for Sockets { address, udp, .. } in &self.sockets {
            for socket in udp {
                let (socket, server) = (socket.try_clone()?, *address);
                let (mut worker, stop) =
                    (Worker::new(self.shared.clone()), Arc::clone(&running.stop));
                let serve = move || udp::run(&socket, server, &mut worker, &stop);
                running.threads.push(thread::Builder::new().name("udp".into()).spawn(serve)?);
            }
        }
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let mut listeners = Vec::with_capacity(self.sockets.len());
        for Sockets { tcp, .. } in &self.sockets {
            let listener = tcp.try_clone()?;
            listener.set_nonblocking(true)?;
            let _in_runtime = runtime.enter();
            listeners.push(TcpListener::from_std(listener)?);
        }
        let (shared, ended) = (self.shared.clone(), ended.clone());
        let serve = move || {
            let worker = Worker::new(shared);
            runtime.block_on(tcp::run(listeners, worker, tcp::Limits::DEFAULT, ended));
        };
        running.threads.push(thread::Builder::new().name("tcp".into()).spawn(serve)?);
        Ok(())
    }

    /// Stops answering, waits for the threads and gives the addresses back. To serve again, bind
    /// again.
    ///
    /// What was received is answered. Connections that are open have until `grace` is over. The
    /// sockets themselves stay usable: another process may have them, too. It takes up to 0.2 s and
    /// `grace`.
    pub fn stop(&mut self, grace: Duration) {
        self.sockets.clear();
        let Some(running) = self.running.take() else { return };
        running.stop.store(true, Ordering::Release);
        running.end_tcp.send_replace(Some(grace));
        for thread in running.threads {
            // A thread that panicked has nothing left to wait for.
            thread.join().unwrap_or_default();
        }
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}
