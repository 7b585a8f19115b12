//! The HTTP service: metrics, health, points and version.
//!
//! A thread of its own serves them, so that neither the node's loop nor the authority waits for a
//! client. Each connection has one request and a few seconds. When too many are open, the oldest is
//! closed, so that no client keeps others out by doing nothing.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::node::metrics::Metrics;
use crate::settings as config;
use edge_authority::Inherited;

mod auth;
mod pages;

use auth::Secret;
use pages::Pages;

/// Connections that are open at most.
const CONNECTIONS: usize = 64;
/// How long a connection may last, from its first octet to its last.
const PATIENCE: Duration = Duration::from_secs(10);
/// Octets of the longest request.
const REQUEST_OCTETS: usize = 8192;
/// Header fields of a request.
const REQUEST_FIELDS: usize = 64;
/// The pause after an error of accepting, such as when the process has too many files open.
const PAUSE: Duration = Duration::from_millis(50);

/// Why there is no HTTP.
#[derive(Debug, thiserror::Error)]
#[error("http.listen {address}: {cause}; name another address, or \"\" for none")]
pub struct HttpError {
    address: SocketAddr,
    cause: io::Error,
}

/// The service, bound; requests wait until [`Http::serve`].
#[derive(Debug)]
pub struct Http {
    address: SocketAddr,
    listener: std::net::TcpListener,
    secret: Option<Secret>,
    protect_health: bool,
}

/// The service, running. It ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Http {
    /// Binds the address of a configuration, unless a socket of that address was inherited; `None`
    /// if it has none.
    ///
    /// # Errors
    /// When the address can't be had.
    pub fn bind(
        config: &config::Http,
        inherited: &mut Inherited,
    ) -> Result<Option<Self>, HttpError> {
        let Some(address) = config.listen else { return Ok(None) };
        let error = |cause| HttpError { address, cause };
        let bind = || std::net::TcpListener::bind(address);
        let listener = inherited.take_tcp(address).map_or_else(bind, Ok).map_err(error)?;
        listener.set_nonblocking(true).map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        let secret = Secret::new(&config.user, &config.password);
        Ok(Some(Self { address, listener, secret, protect_health: config.protect_health }))
    }

    /// The address, with the port that the system chose if it was to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The socket, for another process that is to serve on it.
    ///
    /// # Errors
    /// When the system has no more files.
    pub fn socket(&self) -> io::Result<OwnedFd> {
        Ok(self.listener.try_clone()?.into())
    }

    /// Begins to answer.
    ///
    /// # Errors
    /// When the system has no more threads or files.
    pub fn serve(self, metrics: Metrics) -> Result<Running, HttpError> {
        let address = self.address;
        let error = |cause| HttpError { address, cause };
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(error)?;
        let listener = {
            let _in_runtime = runtime.enter();
            TcpListener::from_std(self.listener.try_clone().map_err(error)?).map_err(error)?
        };
        let pages = {
            let Self { secret, protect_health, .. } = self;
            Arc::new(Pages { secret, protect_health, metrics })
        };
        let (stop, stopped) = oneshot::channel();
        let run = move || runtime.block_on(run(&listener, &pages, stopped));
        let thread = thread::Builder::new().name("http".into()).spawn(run).map_err(error)?;
        Ok(Running { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to wait for.
            thread.join().unwrap_or_default();
        }
    }
}

/// Accepts until `stopped` resolves, or its sender is gone.
async fn run(listener: &TcpListener, pages: &Arc<Pages>, stopped: oneshot::Receiver<()>) {
    tokio::select! {
        _ = stopped => {}
        () = accept(listener, pages) => {}
    }
}

async fn accept(listener: &TcpListener, pages: &Arc<Pages>) {
    let mut open: VecDeque<AbortHandle> = VecDeque::with_capacity(CONNECTIONS);
    loop {
        let Ok((stream, _client)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        open.push_back(tokio::spawn(converse(stream, Arc::clone(pages))).abort_handle());
    }
}

async fn converse(stream: TcpStream, pages: Arc<Pages>) {
    let respond = service_fn(move |request| {
        let response = pages.respond(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .max_headers(REQUEST_FIELDS)
        .max_buf_size(REQUEST_OCTETS)
        .serve_connection(TokioIo::new(stream), respond);
    // Whoever hangs or hangs up gets no response, and nothing is logged.
    drop(timeout(PATIENCE, connection).await);
}

#[cfg(test)]
mod tests;
