//! The client and the server of a message, and how it was sent.

use std::net::SocketAddr;

use edge_common::wire::dns::UDP_PAYLOAD_OCTETS;

use super::message::Edns;

/// The least octets that a client takes over UDP (RFC 1035 §2.3.4, RFC 6891 §6.2.3).
const LEAST_UDP_OCTETS: u16 = 512;

/// The sender of a message, the address of ours that it was sent to, and the transport.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The address and port of the sender.
    pub client: SocketAddr,
    /// The address and port that it was sent to.
    pub server: SocketAddr,
    /// Whether it came over a stream, where an answer may have 65,535 octets.
    pub stream: bool,
}

impl Asked {
    pub(super) fn limit(&self, edns: Option<&Edns>) -> usize {
        if self.stream {
            return usize::from(u16::MAX);
        }
        let wanted = edns.map_or(LEAST_UDP_OCTETS, |edns| edns.udp_payload);
        usize::from(wanted.clamp(LEAST_UDP_OCTETS, UDP_PAYLOAD_OCTETS))
    }
}
