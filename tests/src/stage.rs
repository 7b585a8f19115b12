//! A server somewhere, and a way to ask it.
//!
//! Each reply is checked against its question. A behaviour doesn't depend on where the server
//! runs: [`Stage`] is what differs, [`Asker`] is what a test has.

pub mod atlas;
mod loopback;
mod namespaces;
pub mod zones;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::message::{Ask, Reply};

pub use loopback::Loopback;
pub use namespaces::Namespaces;

/// How long a reply or a change may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Berlin, IPv4.
    Germany,
    /// San Francisco, IPv4.
    Usa,
    /// Tokyo, IPv4.
    Japan,
    /// São Paulo, IPv6.
    Brazil,
    /// London; IPv4 or IPv6.
    Britain,
    /// Nobody knows; IPv4.
    Nobody,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Germany, Self::Usa, Self::Japan, Self::Brazil, Self::Britain, Self::Nobody];
}

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A message is a datagram.
    Udp,
    /// A message stands behind its length.
    Tcp,
}

/// Where a server runs, with a folder that it reads zones (`zones/NAME.json`), databases (`geoip/`)
/// and health (`health/NAME.json`) from.
pub trait Stage: Send + Sync {
    /// The address of a client.
    fn address(&self, client: Client) -> IpAddr;
    /// Where clients of this family ask.
    fn server(&self, client: IpAddr) -> SocketAddr;
    /// A UDP socket bound to a client's address and connected to the server.
    fn datagrams(&self, client: IpAddr) -> UdpSocket;
    /// A connection from a client's address to the server.
    fn connection(&self, client: IpAddr) -> TcpStream;
    /// The folder.
    fn folder(&self) -> PathBuf;
    /// Lets the server notice changed files, or lets some time pass in which it may.
    fn let_notice(&self);
    /// Whether addresses are dealt from decks, not drawn for each reply.
    fn is_dealt(&self) -> bool {
        true
    }
    /// The configuration's `dns.server_id`.
    fn server_id(&self) -> &'static str {
        "stage"
    }
}

/// A way to ask a server.
#[derive(Clone)]
pub struct Asker {
    stage: Arc<dyn Stage>,
    transport: Transport,
    client: Client,
}

impl Asker {
    /// Asks by a transport, at first as Germany's client.
    #[must_use]
    pub fn new(stage: Arc<dyn Stage>, transport: Transport) -> Self {
        Self { stage, transport, client: Client::Germany }
    }

    /// The same from elsewhere.
    #[must_use]
    pub fn at(&self, client: Client) -> Self {
        Self { client, ..self.clone() }
    }

    /// Whether messages are datagrams.
    #[must_use]
    pub fn is_udp(&self) -> bool {
        self.transport == Transport::Udp
    }

    /// The stage.
    #[must_use]
    pub fn stage(&self) -> &dyn Stage {
        &*self.stage
    }

    /// The client's address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.stage.address(self.client)
    }

    /// The server's address, as the client sees it.
    #[must_use]
    pub fn server(&self) -> SocketAddr {
        self.stage.server(self.address())
    }

    /// A line to the server, which stays the same for many questions.
    #[must_use]
    pub fn line(&self) -> Line {
        match self.transport {
            Transport::Udp => Line::Udp(self.stage.datagrams(self.address())),
            Transport::Tcp => Line::Tcp(self.stage.connection(self.address())),
        }
    }

    /// Asks.
    ///
    /// # Panics
    /// When no reply comes, or one that isn't to this question.
    #[must_use]
    pub fn ask(&self, ask: &Ask) -> Reply {
        self.line().ask(ask)
    }

    /// Asks for a name's records of a type, as plainly as can be.
    ///
    /// # Panics
    /// As [`Self::ask`].
    #[must_use]
    pub fn get(&self, name: &str, rtype: u16) -> Reply {
        self.ask(&Ask::new(name, rtype))
    }

    /// Asks the same many times.
    ///
    /// # Panics
    /// As [`Self::ask`].
    pub fn many(&self, ask: &Ask, times: u16, mut each: impl FnMut(&Reply)) {
        // Servers may end a connection after some queries.
        const QUERIES: u16 = 64;
        let mut line = self.line();
        for n in 0..times {
            if n % QUERIES == QUERIES - 1 {
                line = self.line();
            }
            each(&line.ask(&Ask { id: n, ..ask.clone() }));
        }
    }

    /// Insists that there is no reply to octets, while a good question behind them is still
    /// answered: at once, or, over TCP, by a new connection, when this one was ended.
    ///
    /// # Panics
    /// When there is a reply, or none to the good question.
    pub fn is_silent(&self, octets: &[u8], good: &Ask) {
        let mut line = self.line();
        line.send(octets);
        line.send(&good.octets());
        match line.receive() {
            Some(reply) => {
                Reply::read(&reply).and_then(|reply| fits(good, &reply)).expect("the good reply");
            }
            None => drop(self.ask(good)),
        }
    }

    /// Writes a file of the server's whole: under another name first, then renamed.
    ///
    /// # Panics
    /// When that fails.
    pub fn write(&self, file: &str, octets: impl AsRef<[u8]>) {
        let path = self.stage.folder().join(file);
        let new = path.with_extension(format!("{:?}-new", std::thread::current().id()));
        std::fs::write(&new, octets).expect("write");
        std::fs::rename(&new, &path).expect("rename");
    }

    /// Waits until something is so.
    ///
    /// # Panics
    /// When it doesn't become so.
    pub fn until(&self, what: &str, so: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            self.stage.let_notice();
            if so() {
                return;
            }
            assert!(Instant::now() < end, "waited until {what}");
        }
    }
}

/// Insists that a reply is to a question.
fn fits(ask: &Ask, reply: &Reply) -> Result<(), String> {
    if reply.id != ask.id {
        return Err(format!("the ID is {:#x}", reply.id));
    }
    if !reply.has(crate::message::flag::QR) {
        return Err("it is no response".to_owned());
    }
    Ok(())
}

/// A socket to the server.
#[derive(Debug)]
pub enum Line {
    /// Messages are datagrams.
    Udp(UdpSocket),
    /// Messages stand behind their lengths.
    Tcp(TcpStream),
}

impl Line {
    /// Sends a message.
    ///
    /// # Panics
    /// When the system refuses; not when the server has ended the connection.
    pub fn send(&mut self, message: &[u8]) {
        match self {
            Self::Udp(socket) => {
                let n = socket.send(message).expect("send");
                assert_eq!(n, message.len());
            }
            Self::Tcp(stream) => match stream.write_all(&framed(message)) {
                Err(error) if !is_end(error.kind()) => panic!("send: {error}"),
                _ => {}
            },
        }
    }

    /// The next message; `None` when the server ended the connection.
    ///
    /// # Panics
    /// When none comes.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Udp(socket) => {
                socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                let mut buffer = vec![0; 65_535];
                let n = socket.recv(&mut buffer).expect("a reply");
                buffer.truncate(n);
                Some(buffer)
            }
            Self::Tcp(stream) => {
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                let mut length = [0; 2];
                let mut read = |octets: &mut [u8]| match stream.read_exact(octets) {
                    Ok(()) => Some(()),
                    Err(error) if is_end(error.kind()) => None,
                    Err(error) => panic!("a reply: {error}"),
                };
                read(&mut length)?;
                let mut message = vec![0; u16::from_be_bytes(length).into()];
                read(&mut message)?;
                Some(message)
            }
        }
    }

    /// Sends a question and gives the reply to it.
    ///
    /// # Panics
    /// When none comes, or one that isn't to this question.
    #[must_use]
    pub fn ask(&mut self, ask: &Ask) -> Reply {
        self.send(&ask.octets());
        let octets = self.receive().unwrap_or_else(|| panic!("no reply to {ask:?}"));
        let reply = Reply::read(&octets).unwrap_or_else(|fault| panic!("{fault}: {octets:x?}"));
        fits(ask, &reply).unwrap_or_else(|fault| panic!("{fault}: {ask:?} {reply:?}"));
        reply
    }
}

/// A connection from an address of one's own.
fn connect_from(client: IpAddr, server: SocketAddr) -> TcpStream {
    let family = if client.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket(family, SocketType::STREAM, None).expect("a socket");
    bind(&socket, &SocketAddr::new(client, 0)).expect("bind");
    match retry_on_intr(|| connect(&socket, &server)) {
        // Interrupted after all had been done.
        Ok(()) | Err(Errno::ISCONN) => {}
        Err(error) => panic!("connect: {error}"),
    }
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true).expect("an option");
    stream
}

/// A message as it stands in a stream.
///
/// # Panics
/// When it is too long.
#[must_use]
pub fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = u16::try_from(message.len()).expect("a message").to_be_bytes().to_vec();
    framed.extend(message);
    framed
}

fn is_end(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
    )
}
