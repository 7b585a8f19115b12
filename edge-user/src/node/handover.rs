//! The hand-over from a running node to the one that takes its place.
//!
//! The new node connects to the control socket of the old one. They exchange lines:
//!
//! 1. New: `{"command":"take_over"}`. Old: `{"ok":{"sockets":N,"lock":true}}`, and then N file
//!    descriptors (`SCM_RIGHTS`), each message with one octet: the lock of the instance, unless
//!    `lock` is false, and the sockets of DNS and HTTP. Both nodes have the sockets from now on.
//! 2. The new node loads its programs and fills their tables; the old one serves. New: `attach`.
//!    The old node changes nothing in the kernel any more. Old: `ok`.
//! 3. The new node puts its program in place of the old one's, and serves. New: `done`. Old: `ok`.
//!    The old node ends, and the new one takes its names: pins and control socket.
//!
//! A connection that closes before `done` means that the new node gave up: the old one mends what
//! differs, and goes on. All versions of `edge` have to speak this: it changes only by additions.

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::control::Request;
use edge_authority::Inherited;

/// File descriptors of one message; the kernel takes 253 at most.
const DESCRIPTORS: usize = 128;
/// Octets of the longest line.
const LINE_OCTETS: usize = 4096;
/// How long a node waits for the next line of one that has begun to attach, or for a reply.
const PATIENCE: Duration = Duration::from_secs(30);

const ATTACH: &str = "attach";
const OK: &str = "ok";
const DONE: &str = "done";

/// Why a node can't be taken over from.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The connection failed.
    #[error("take over from the node on {path}: {cause}")]
    Connection {
        /// The control socket.
        path: String,
        /// The system's error.
        cause: io::Error,
    },
    /// The node refused.
    #[error(
        "take over from the node on {path}: it refuses: {cause}; stop it and start without \
         --takeover"
    )]
    Refused {
        /// The control socket.
        path: String,
        /// Its reply.
        cause: String,
    },
}

/// What the first reply says about the descriptors that follow it.
#[derive(Debug, Serialize, Deserialize)]
struct Offer {
    /// How many there are.
    sockets: usize,
    /// Whether the first one is the lock of the instance.
    lock: bool,
}

/// What the next node gets.
#[derive(Debug, Default)]
pub struct Estate {
    /// The lock of the instance, if XDP is on.
    pub lock: Option<OwnedFd>,
    /// The sockets of DNS and HTTP.
    pub sockets: Vec<OwnedFd>,
}

/// Hands over to the node at the other end, and returns once that is in place. `pause` is called
/// with true when the kernel's state is the new node's to change, and with false if it gave up.
/// Waits: for a thread of its own.
///
/// # Errors
/// Why the other node isn't in place. This one goes on.
pub fn hand_over(
    mut to: UnixStream,
    estate: Estate,
    pause: impl Fn(bool),
) -> Result<(), HandoverError> {
    let failed = |cause| HandoverError::Connection { path: "the control socket".to_owned(), cause };
    offer(&mut to, estate).map_err(failed)?;
    // It may have to fill large tables. Should it end, the connection closes.
    to.set_read_timeout(None).map_err(failed)?;
    expect(&mut to, ATTACH).map_err(failed)?;
    pause(true);
    let done = to
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| to.write_all(format!("{OK}\n").as_bytes()))
        .and_then(|()| expect(&mut to, DONE))
        .and_then(|()| to.write_all(format!("{OK}\n").as_bytes()));
    done.map_err(|cause| {
        pause(false);
        failed(cause)
    })
}

/// Tells the node at the other end why it gets nothing.
pub fn refuse(mut to: UnixStream, cause: &str) {
    let reply = json!({ "error": cause });
    // It may be gone.
    drop(to.write_all(format!("{reply}\n").as_bytes()));
}

fn offer(to: &mut UnixStream, estate: Estate) -> io::Result<()> {
    let Estate { lock, sockets } = estate;
    let offer =
        Offer { sockets: sockets.len() + usize::from(lock.is_some()), lock: lock.is_some() };
    to.set_write_timeout(Some(PATIENCE))?;
    to.write_all(format!("{}\n", json!({ "ok": offer })).as_bytes())?;
    let all: Vec<OwnedFd> = lock.into_iter().chain(sockets).collect();
    let all: Vec<BorrowedFd<'_>> = all.iter().map(OwnedFd::as_fd).collect();
    for some in all.chunks(DESCRIPTORS) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(some)) {
            return Err(io::Error::other("no space for file descriptors"));
        }
        sendmsg(&*to, &[IoSlice::new(b"+")], &mut control, SendFlags::NOSIGNAL)?;
    }
    Ok(())
}

fn expect(from: &mut UnixStream, wanted: &str) -> io::Result<()> {
    let line = read_line(from)?;
    if line == wanted {
        return Ok(());
    }
    Err(io::Error::other(match &*line {
        "" => format!("it gave up before \"{wanted}\""),
        _ => format!("it sent \"{line}\" instead of \"{wanted}\""),
    }))
}

/// The next line without its end; "" at the end of the connection. Reads no octet more: file
/// descriptors may come with the next one.
fn read_line(from: &mut UnixStream) -> io::Result<String> {
    let mut line = Vec::new();
    let mut octet = [0];
    while line.len() < LINE_OCTETS {
        match from.read(&mut octet) {
            Ok(0) => break,
            Ok(_) if octet == *b"\n" => break,
            Ok(_) => line.extend(octet),
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// The node that runs, to be taken over from. It goes on if this is dropped before
/// [`Self::done`].
#[derive(Debug)]
pub struct Predecessor {
    path: String,
    stream: UnixStream,
}

/// A predecessor, and what it handed over.
#[derive(Debug)]
pub struct Inheritance {
    /// The node that runs.
    pub predecessor: Predecessor,
    /// The lock of its instance.
    pub lock: Option<OwnedFd>,
    /// Its sockets.
    pub sockets: Inherited,
}

impl Predecessor {
    /// Asks the node on a control socket to hand over; `None` if no node is there. Waits for its
    /// reply.
    ///
    /// # Errors
    /// When it refuses, can't hand over, or doesn't reply in time.
    pub fn ask(socket: &Path) -> Result<Option<Inheritance>, HandoverError> {
        let path = socket.display().to_string();
        let failed = |cause| HandoverError::Connection { path: path.clone(), cause };
        let mut stream = match UnixStream::connect(socket) {
            Ok(stream) => stream,
            Err(cause)
                if matches!(
                    cause.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                return Ok(None);
            }
            Err(cause) => return Err(failed(cause)),
        };
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        let request = serde_json::to_string(&Request::TakeOver)
            .map_err(|cause| failed(io::Error::other(cause)))?;
        stream.write_all(format!("{request}\n").as_bytes()).map_err(failed)?;
        let reply = read_line(&mut stream).map_err(failed)?;
        let refused = |cause| HandoverError::Refused { path: path.clone(), cause };
        let reply: Value =
            serde_json::from_str(&reply).map_err(|_no_json| refused(format!("{reply:?}")))?;
        if let Some(cause) = reply.get("error") {
            return Err(refused(cause.as_str().unwrap_or_default().to_owned()));
        }
        let offer = serde_json::from_value(reply.get("ok").cloned().unwrap_or_default());
        let Offer { sockets, lock } =
            offer.map_err(|cause| refused(format!("its offer can't be read: {cause}")))?;
        let mut descriptors = receive(&stream, sockets).map_err(failed)?.into_iter();
        let lock = if lock { descriptors.next() } else { None };
        let sockets = Inherited::new(descriptors);
        Ok(Some(Inheritance { predecessor: Self { path, stream }, lock, sockets }))
    }

    /// Asks for the kernel's state: from now on the predecessor changes nothing there.
    ///
    /// # Errors
    /// When it doesn't reply.
    pub fn attach(&mut self) -> Result<(), HandoverError> {
        let asked = self.stream.write_all(format!("{ATTACH}\n").as_bytes());
        let replied = asked.and_then(|()| expect(&mut self.stream, OK));
        replied.map_err(|cause| HandoverError::Connection { path: self.path.clone(), cause })
    }

    /// Reports that this node serves. The predecessor ends.
    ///
    /// # Errors
    /// When it doesn't reply: it may have waited too long, and go on.
    pub fn done(mut self) -> Result<(), HandoverError> {
        let asked = self.stream.write_all(format!("{DONE}\n").as_bytes());
        let replied = asked.and_then(|()| expect(&mut self.stream, OK));
        replied.map_err(|cause| HandoverError::Connection { path: self.path, cause })
    }
}

/// Receives `n` file descriptors.
fn receive(from: &UnixStream, n: usize) -> io::Result<Vec<OwnedFd>> {
    let mut all = Vec::new();
    while all.len() < n {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut octet = [0];
        let mut data = [IoSliceMut::new(&mut octet)];
        let received = recvmsg(from, &mut data, &mut control, RecvFlags::CMSG_CLOEXEC)?;
        let before = all.len();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(some) = message {
                all.extend(some);
            }
        }
        if received.bytes == 0 || all.len() == before {
            return Err(io::Error::other(format!("{before} of {n} file descriptors came")));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
