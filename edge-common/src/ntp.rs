//! The NTP responder: turns an ordinary client's request into its reply.
//!
//! **Answered** is a datagram of exactly 48 octets, mode 3, version 1 to 4 (RFC 5905 §7.3), to an
//! address at which NTP is served, from an address at which it isn't. Requests that need another
//! answer (a MAC, NTS and other extension fields, symmetric modes, version 5) pass unmodified to
//! the daemon behind us. Modes 6 and 7 are for the operator, and are dropped unless the clock says
//! that they pass. Modes 4 and 5 are never answered, so that no two servers keep each other busy.
//!
//! **The reply** is as long as the request. It keeps the version and, unless the client's rate is
//! to be lower, the poll; its origin timestamp is the request's transmit timestamp, octet for
//! octet. Receive and transmit timestamp come from one reading of the clock. Nothing is remembered:
//! a request for interleaved mode (RFC 9769) gets a basic reply, as from a server whose memory was
//! too short.

mod admission;
pub mod clock;
mod reply;

use self::clock::Moment;
use self::reply::Request;
use crate::abi::{Clock, Control, Requests, switches};
use crate::frame::{Frame, Route};
use crate::limit;
use crate::network::{At, Behind, Network, over_frame, over_network};
use crate::service;
use crate::tables::Tables;
use crate::verdict::{Action, Verdict};
use crate::wire::ethernet::Ethernet;
use crate::wire::ntp::{FRONT_OCTETS, TRANSMIT_AT, WHOLE_OCTETS, mode, poll, version, with_poll};
use crate::wire::{load16, load32, load64};

/// Whether a frame is to an address at which NTP is served, as far as its addresses say; without a
/// clock none is.
#[inline(always)]
pub(crate) fn is_asked<F: Frame, T: Tables>(frame: &F, tables: &T) -> bool {
    if tables.clock().is_none() {
        return false;
    }
    let Ok(link) = Ethernet::parse(frame) else { return false };
    over_network!(link, Behind(link.network), |N, at| is_to_service::<F, T, N>(frame, tables, at))
}

#[inline(always)]
fn is_to_service<F: Frame, T: Tables, N: Network>(frame: &F, tables: &T, at: Behind) -> bool {
    let Some((header, headers)) = N::headers(frame, at) else { return false };
    let Ok((network, _)) = N::parse(header) else { return false };
    service::is_ntp(tables, network.destination(), u16::from_be(load16::<2, _>(headers)))
}

/// Decides on a frame, and turns it into its reply where the verdict says so.
#[inline(always)]
pub fn ntp<F: Frame, T: Tables>(frame: &mut F, tables: &T) -> Verdict {
    let switches = tables.switches();
    let verdict = match serve(frame, tables, switches) {
        Ok(verdict) | Err(verdict) => verdict,
    };
    match verdict.action() {
        Action::Drop if switches & switches::DRY_RUN != 0 => Verdict::DryRun,
        _ => verdict,
    }
}

#[inline(always)]
fn serve<F: Frame, T: Tables>(
    frame: &mut F,
    tables: &T,
    switches: u64,
) -> Result<Verdict, Verdict> {
    over_frame!(frame, |N, link, at| {
        answer_request::<F, T, N, _>(frame, tables, switches, link, at)
    })
}

#[inline(always)]
fn answer_request<F: Frame, T: Tables, N: Network, A: At>(
    frame: &mut F,
    tables: &T,
    switches: u64,
    mut link: Ethernet,
    at: A,
) -> Result<Verdict, Verdict> {
    let destination = link.destination();
    if Control::own(destination) != tables.own_address()
        && !tables.is_own_address(frame.ifindex(), destination)
    {
        return Err(Verdict::Link);
    }
    let (header, headers) = N::headers(frame, at).ok_or(Verdict::Truncated)?;
    let (network, total) = N::parse(header)?;
    let datagram = usize::from(u16::from_be(load16::<4, _>(headers)));
    let end = at.octets() + total;
    let is_short = datagram != total.wrapping_sub(N::OCTETS) || end > frame.octets();
    if is_short || !frame.is_whole() {
        return Err(Verdict::Length);
    }
    let ports = load32::<0, _>(headers);
    let checksum = load16::<6, _>(headers);
    let mut front = load32::<8, _>(headers);
    let listed = admit(tables, switches, &network, ports, checksum)?;
    let clock = tables.clock();
    let what = request(tables, front, datagram, clock.as_deref());
    let (clock, moment, good) = match what {
        // A denied client gets nothing but DENY, and that to an ordinary request only.
        Err(_) if listed == limit::DENIED => return Err(Verdict::Denied),
        what => what?,
    };
    if switches & switches::DRY_RUN != 0 {
        return Err(Verdict::DryRun);
    }
    let (source, six) = (network.source(), N::FAMILY != 0);
    let mut verdict = good;
    if switches & switches::NTP_LIMIT != 0 {
        let limits = &tables.ntp_limits();
        verdict = admission::admit(tables, limits, listed, source, six, good)?;
        front = with_poll(front, limits.poll);
    } else if listed == limit::DENIED {
        return Err(Verdict::Denied);
    }
    if switches & switches::FIB != 0 {
        let (source, destination) = (network.destination(), network.source());
        let route = Route { six: N::FAMILY != 0, source, destination };
        let [to, from] = frame.route(&route).ok_or(Verdict::Route)?;
        link = link.via(to, from);
    }
    let (_, whole) = N::ntp(frame, at).ok_or(Verdict::Truncated)?;
    let request = Request { ports, front, origin: load64::<TRANSMIT_AT, _>(whole) };
    let random = [tables.random(), tables.random()];
    let header = reply::header(clock, &moment, &request, random, verdict);
    if end != frame.octets() {
        // Octets behind the datagram aren't sent back.
        frame.resize(end).ok_or(Verdict::Room)?;
    }
    reply::write(frame, &link, at, &network, &request, &header).ok_or(Verdict::Fault)?;
    Ok(verdict)
}

/// Refuses requests that are never answered, whatever they ask; returns the client's rule in
/// `PREFIXES`.
#[inline(always)]
fn admit<T: Tables, N: Network>(
    tables: &T,
    switches: u64,
    network: &N,
    ports: u32,
    checksum: u16,
) -> Result<u32, Verdict> {
    #[expect(clippy::cast_possible_truncation, reason = "the word's two halves are the ports")]
    let (from, to) = (u16::from_be(ports as u16), u16::from_be((ports >> 16) as u16));
    if !service::is_ntp(tables, network.destination(), to) {
        return Err(Verdict::Service);
    }
    // Only between equal ports could two servers talk; one of them would be us.
    if from == 0 || from == to && service::is_ntp(tables, network.source(), from) {
        return Err(Verdict::Source);
    }
    if !N::CHECKSUM_OPTIONAL && checksum == 0 {
        return Err(Verdict::Checksum);
    }
    if switches & switches::BYPASS != 0 {
        return Err(Verdict::Bypass);
    }
    if switches & switches::PREFIXES == 0 {
        return Ok(0);
    }
    match tables.listed(network.source()) {
        limit::DENIED if switches & switches::NTP_DENY == 0 => Err(Verdict::Denied),
        listed => Ok(listed),
    }
}

/// The clock for an ordinary request, what it says, and the verdict if nothing is against its being
/// answered.
#[inline(always)]
fn request<'clock, T: Tables>(
    tables: &T,
    front: u32,
    datagram: usize,
    clock: Option<&'clock Clock>,
) -> Result<(&'clock Clock, Moment, Verdict), Verdict> {
    if datagram < FRONT_OCTETS {
        return Err(Verdict::NtpLength);
    }
    is_request(front, datagram, clock)?;
    let [first, ..] = front.to_ne_bytes();
    tables.count_request(Requests::place(version(first), poll(front)));
    let clock = clock.ok_or(Verdict::NtpLease)?;
    let moment = clock::at(clock, tables.monotonic()).ok_or(Verdict::NtpLease)?;
    match clock.state {
        Clock::SYNCHRONISED => Ok((clock, moment, Verdict::NtpAnswer)),
        Clock::UNSYNCHRONISED => Ok((clock, moment, Verdict::NtpUnsynchronised)),
        Clock::DROPS => Err(Verdict::NtpDrop),
        _ => Err(Verdict::NtpPass),
    }
}

/// Refuses what isn't an ordinary client's request, by the first four octets of its header and the
/// datagram's length.
#[inline(always)]
const fn is_request(front: u32, datagram: usize, clock: Option<&Clock>) -> Result<(), Verdict> {
    let [first, ..] = front.to_ne_bytes();
    match mode(first) {
        mode::CLIENT => {}
        mode::CONTROL | mode::PRIVATE => {
            return Err(match clock {
                Some(clock) if clock.passes_control == 0 => Verdict::NtpControl,
                _ => Verdict::NtpMode,
            });
        }
        _ => return Err(Verdict::NtpMode),
    }
    if version(first).wrapping_sub(1) >= 4 {
        return Err(Verdict::NtpVersion);
    }
    if datagram != WHOLE_OCTETS {
        return Err(Verdict::NtpLength);
    }
    Ok(())
}
