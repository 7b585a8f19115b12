//! The reply to an NTP request: its header, and the frame.

use super::clock::{Moment, Stamps};
use crate::abi::Clock;
use crate::frame::Frame;
use crate::network::{At, Network};
use crate::verdict::Verdict;
use crate::wire::ethernet::Ethernet;
use crate::wire::ntp::{Header, KEPT, LEAP, STRATUM, WHOLE_OCTETS};
use crate::wire::{store32, udp};

/// What is kept of a request. Words as in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    /// Source and destination port.
    pub ports: u32,
    /// The NTP header's first four octets, with the poll of the reply.
    pub front: u32,
    /// Its transmit timestamp.
    pub origin: u64,
}

/// A second in NTP short format, as on the wire: delay and dispersion of what no client takes.
const SECOND: u32 = 0x1_0000_u32.to_be();
/// Kiss codes (RFC 5905 §7.4), as reference IDs in memory order.
const RATE: u32 = u32::from_ne_bytes(*b"RATE");
/// As above.
const DENY: u32 = u32::from_ne_bytes(*b"DENY");
/// Octets of the datagram, which no reply changes.
const DATAGRAM: u16 = {
    assert!(WHOLE_OCTETS == 56);
    56
};

/// The header of a reply. The reply of a clock that isn't synchronised says so whatever else is
/// published, and so does a kiss. Its timestamps are still right.
#[inline(always)]
pub(super) const fn header(
    clock: &Clock,
    moment: &Moment,
    request: &Request,
    random: [u32; 2],
    verdict: Verdict,
) -> Header {
    let stamps = Stamps::new(moment.time, clock.fuzz, random, u64::from_be(request.origin));
    let mut front = clock.header;
    if moment.leapt {
        front &= !LEAP;
    }
    let mut header = Header {
        front: 0,
        root_delay: clock.root_delay.to_be(),
        root_dispersion: moment.dispersion.to_be(),
        refid: clock.refid,
        reference: moment.reference.to_be(),
        origin: request.origin,
        receive: stamps.receive.to_be(),
        transmit: stamps.transmit.to_be(),
    };
    let kiss = match verdict {
        Verdict::NtpRate => RATE,
        Verdict::NtpDeny => DENY,
        _ => 0,
    };
    if kiss != 0 || clock.state != Clock::SYNCHRONISED {
        front = front & !STRATUM | LEAP;
        header.root_delay = SECOND;
        header.root_dispersion = SECOND;
        header.refid = kiss;
        header.reference = 0;
    }
    header.front = front & !KEPT | request.front & KEPT;
    header
}

/// Writes the whole reply into a frame of just as many octets.
#[inline(always)]
pub(super) fn write<F: Frame, N: Network, A: At>(
    frame: &mut F,
    link: &Ethernet,
    at: A,
    network: &N,
    request: &Request,
    header: &Header,
) -> Option<()> {
    let ports = request.ports.rotate_left(16);
    let length = u32::from(DATAGRAM.to_be());
    let sum = network.sum().add32(udp::PSEUDO_PROTOCOL.into()).add32(2 * length).add32(ports);
    let sum = header.sum(sum).finish_udp();
    let (to, datagram) = N::ntp_mut(frame, at)?;
    network.write_reply(to, DATAGRAM);
    store32::<0, _>(datagram, ports);
    store32::<4, _>(datagram, length | u32::from(sum) << 16);
    header.write(datagram);
    link.write_reply(frame)
}
