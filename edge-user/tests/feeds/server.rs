//! An HTTP server on loopback for tests: good, bad, slow or mute.
//!
//! It replies to requests with what the test has set.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Between octets that drip: well below any time limit.
const DRIP: Duration = Duration::from_millis(50);
/// No connection lives longer.
const LONGEST: Duration = Duration::from_secs(120);
/// How long a server may take to hear that it is over.
const LONGEST_KNOCK: Duration = Duration::from_secs(5);

/// What a server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Says this, and ends.
    Say(Vec<u8>),
    /// Says this, and then nothing, and stays.
    Hang(Vec<u8>),
    /// Says this, and then this octet again and again.
    Drip(Vec<u8>, u8),
    /// Says this, and then what comes to stand there from this octet on, with an empty line now and
    /// then.
    Follow(Vec<u8>, Arc<Mutex<Vec<u8>>>, usize),
}

/// A connection, with TLS or without.
pub(crate) trait Connection: Read + Write + Send {}

impl<T: Read + Write + Send> Connection for T {}

/// Makes a connection of a stream; none if the client has had enough.
pub(crate) type Wrap = dyn Fn(TcpStream) -> Option<Box<dyn Connection>> + Send + Sync;

/// A running server; it is gone, and its port refuses, when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers each request, of which `answer` is given the head.
    pub(crate) fn start(
        listener: TcpListener,
        wrap: Arc<Wrap>,
        answer: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let (asked, is_over) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (heads, end, answer) = (Arc::clone(&asked), Arc::clone(&is_over), Arc::new(answer));
        let thread = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let (wrap, heads, answer) =
                    (Arc::clone(&wrap), Arc::clone(&heads), Arc::clone(&answer));
                thread::spawn(move || converse(stream, &wrap, &heads, &*answer));
            }
        });
        Self { address, asked, is_over, thread: Some(thread) }
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The heads of all requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        lock(&self.asked).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // It looks when somebody comes; from another network namespace nobody can.
        if TcpStream::connect_timeout(&self.address, LONGEST_KNOCK).is_ok()
            && let Some(thread) = self.thread.take()
        {
            drop(thread.join());
        }
    }
}

/// Nothing around the octets.
pub(crate) fn plain() -> Arc<Wrap> {
    Arc::new(|stream| Some(Box::new(stream)))
}

/// A page.
pub(crate) fn page(fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{fields}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A page with an error status and a short body.
pub(crate) fn error(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: 4\r\n\r\noops").into_bytes()
}

fn converse(
    stream: TcpStream,
    wrap: &Arc<Wrap>,
    heads: &Mutex<Vec<String>>,
    answer: &(impl Fn(&str) -> Reply + ?Sized),
) {
    if stream.set_read_timeout(Some(LONGEST)).is_err() {
        return;
    }
    let Ok(raw) = stream.try_clone() else { return };
    let Some(mut stream) = wrap(stream) else { return };
    let Some(head) = read_head(&mut *stream) else { return };
    lock(heads).push(head.clone());
    // Whoever asked may have had enough at any moment.
    match answer(&head) {
        Reply::Follow(octets, more, mut at) => {
            let mut is_there = stream.write_all(&octets).is_ok();
            while is_there {
                thread::sleep(DRIP);
                let new = lock(&more).get(at..).unwrap_or_default().to_vec();
                at += new.len();
                let piece: &[u8] = if new.is_empty() { b"\n" } else { &new };
                is_there = stream.write_all(piece).and_then(|()| stream.flush()).is_ok();
            }
        }
        Reply::Say(octets) => drop(stream.write_all(&octets)),
        Reply::Hang(octets) => {
            drop(stream.write_all(&octets));
            drop(stream.flush());
            drop(stream.read(&mut [0]));
        }
        Reply::Drip(octets, octet) => {
            let mut is_there = stream.write_all(&octets).is_ok();
            while is_there {
                thread::sleep(DRIP);
                is_there = stream.write_all(&[octet]).and_then(|()| stream.flush()).is_ok();
            }
        }
    }
    drop(stream.flush());
    drop(raw.shutdown(Shutdown::Both));
}

fn read_head(stream: &mut dyn Connection) -> Option<String> {
    let (mut head, mut octet) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut octet).ok()?;
        head.extend(octet);
    }
    String::from_utf8(head).ok()
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
