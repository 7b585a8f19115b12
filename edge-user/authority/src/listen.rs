//! The sockets of an address to listen on.
//!
//! An error names the address, the cause and the way out.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};

/// Octets asked for, for queries that wait to be read in a burst; the kernel's bookkeeping counts,
/// too.
const UDP_BUFFER_OCTETS: usize = 4 * 1024 * 1024;
/// How long a thread waits for a datagram before it looks whether it has to stop. Another process
/// may have the same socket, so that the socket can't be shut down to wake the thread.
const PATIENCE: Duration = Duration::from_millis(200);
/// Connections that may wait to be accepted.
const TCP_BACKLOG: i32 = 1024;

/// Why an address can't be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// No address is given.
    #[error("listen: no address is given; name at least one, such as 192.0.2.1")]
    NoAddress,
    /// An address that stands for all addresses: answers could leave from another than was asked.
    #[error("listen on {0}: it stands for every address of the host; name each address to serve")]
    Wildcard(SocketAddr),
    /// The system refused.
    #[error("listen on {address} {transport}: {}; {}", cause(source), way_out(source))]
    System {
        /// The address and port.
        address: SocketAddr,
        /// `udp` or `tcp`.
        transport: &'static str,
        /// The error of the system.
        source: io::Error,
    },
}

fn cause(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::AddrInUse
        | io::ErrorKind::PermissionDenied => error.kind().to_string(),
        _ => error.to_string(),
    }
}

fn way_out(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => {
            "add it to an interface of this host, set dns.freebind = true, or don't listen on it"
        }
        io::ErrorKind::AddrInUse => "stop the server that has the port or choose another port",
        io::ErrorKind::PermissionDenied => {
            "give the program CAP_NET_BIND_SERVICE or choose a port from 1024 on"
        }
        _ => "check that the host has this address family and the address",
    }
}

/// The sockets of one address.
pub(super) struct Sockets {
    /// The address, its port as the system gave it.
    pub(super) address: SocketAddr,
    /// One for each worker.
    pub(super) udp: Vec<UdpSocket>,
    pub(super) tcp: TcpListener,
}

impl Sockets {
    /// Binds an address: a TCP socket, then `workers` UDP sockets, between which the kernel spreads
    /// the clients. With `free`, the address may come to an interface later.
    ///
    /// Inherited sockets of the address come first. All UDP sockets among them stay, however many
    /// `workers` there are: what waits in a socket is lost with it.
    pub(super) fn bind(
        address: SocketAddr,
        workers: usize,
        free: bool,
        inherited: &mut Inherited,
    ) -> Result<Self, BindError> {
        if address.ip().is_unspecified() {
            return Err(BindError::Wildcard(address));
        }
        let failed = |transport| move |source| BindError::System { address, transport, source };
        // TCP first: its port is ours alone, which UDP sockets that share theirs wouldn't notice.
        let tcp = inherited.take_tcp(address).map_or_else(|| bind_tcp(address, free), Ok);
        let tcp = tcp.map_err(failed("tcp"))?;
        let address = tcp.local_addr().map_err(failed("tcp"))?;
        let mut udp = inherited.take_udp(address);
        while udp.len() < workers.max(1) {
            udp.push(bind_udp(address, free).map_err(failed("udp"))?);
        }
        for socket in &udp {
            socket.set_read_timeout(Some(PATIENCE)).map_err(failed("udp"))?;
        }
        Ok(Self { address, udp, tcp })
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        [self.tcp.as_fd()].into_iter().chain(self.udp.iter().map(UdpSocket::as_fd))
    }
}

/// Sockets that another process bound, and that may be shared with it.
#[derive(Debug, Default)]
pub struct Inherited {
    udp: Vec<(SocketAddr, UdpSocket)>,
    tcp: Vec<(SocketAddr, TcpListener)>,
}

impl Inherited {
    /// Sorts sockets by their transport and address. What is neither a UDP socket nor a TCP socket
    /// is closed.
    pub fn new(sockets: impl IntoIterator<Item = OwnedFd>) -> Self {
        let mut all = Self::default();
        for socket in sockets {
            match sockopt::socket_type(&socket) {
                Ok(SocketType::DGRAM) => {
                    let socket = UdpSocket::from(socket);
                    all.udp.extend(socket.local_addr().map(|address| (address, socket)));
                }
                Ok(SocketType::STREAM) => {
                    let socket = TcpListener::from(socket);
                    all.tcp.extend(socket.local_addr().map(|address| (address, socket)));
                }
                _ => {}
            }
        }
        all
    }

    /// The TCP socket of an address, once.
    pub fn take_tcp(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let at = self.tcp.iter().position(|(found, _)| *found == address)?;
        Some(self.tcp.swap_remove(at).1)
    }

    /// The UDP sockets of an address, once.
    fn take_udp(&mut self, address: SocketAddr) -> Vec<UdpSocket> {
        self.udp.extract_if(.., |(found, _)| *found == address).map(|(_, socket)| socket).collect()
    }
}

fn open(address: SocketAddr, kind: SocketType, free: bool) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
        sockopt::set_ipv6_freebind(&socket, free)?;
    } else {
        sockopt::set_ip_freebind(&socket, free)?;
    }
    Ok(socket)
}

fn bind_udp(address: SocketAddr, free: bool) -> io::Result<UdpSocket> {
    let socket = open(address, SocketType::DGRAM, free)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    // The system may allow less (net.core.rmem_max), which serves as well until bursts come.
    sockopt::set_socket_recv_buffer_size(&socket, UDP_BUFFER_OCTETS).unwrap_or_default();
    bind(&socket, &address)?;
    Ok(socket.into())
}

fn bind_tcp(address: SocketAddr, free: bool) -> io::Result<TcpListener> {
    let socket = open(address, SocketType::STREAM, free)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    listen(&socket, TCP_BACKLOG)?;
    Ok(socket.into())
}
