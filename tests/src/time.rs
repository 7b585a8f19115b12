//! NTP requests, and what ought to become of each, by other arithmetic.

mod admission;
mod rows;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use edge_common::abi::Clock;
use edge_common::tables::xorshift;
use edge_tables::publish::{Backend, Publisher};
use edge_tables::store::Store;
use zerocopy::FromZeros as _;

use crate::cases::mend4;
use crate::frames::{self, SERVER_MAC, ends, network, ones_sum, payload};
use crate::{fixture, node};

pub use admission::{Admission, Held, Told, address};
pub use edge_common::time::SECOND;
pub use rows::{Row, Wanted, corpus, rows};

/// A second of NTP timestamps.
pub const WHOLE: u64 = 1 << 32;
/// When the tests' clock is published.
pub const BOOT: u64 = 12_345 * SECOND + 678_901_234;
/// When requests come, unless a test says otherwise.
pub const NOW: u64 = BOOT + SECOND / 3;

/// The addresses at which NTP is served.
#[must_use]
pub fn services() -> [SocketAddr; 3] {
    [fixture::server4(), fixture::server6(), SocketAddr::from(([10, 53, 0, 2], 123))]
        .map(|address| SocketAddr::new(address.ip(), 123))
}

/// The one that a client asks.
#[must_use]
pub fn service_for(client: IpAddr) -> SocketAddr {
    SocketAddr::new(fixture::server_for(client).ip(), 123)
}

/// A publisher over a store that serves NTP, and DNS without any zone.
pub fn publisher(store: &Store, backend: Box<dyn Backend>) -> Publisher {
    let listen = [fixture::server4(), fixture::server6()];
    let mut publisher = node::publisher(store.clone(), backend, &listen);
    publisher.serve_both(&listen, &services()).expect("addresses");
    publisher
}

/// A clock that was right at [`BOOT`], with a lease of four seconds.
#[must_use]
pub fn clock() -> Clock {
    Clock {
        monotonic: BOOT,
        // 2026-11-22T18:50:19.314…Z
        utc: 0xeeab_1a4b_5082_f31d,
        lease: BOOT + 4 * SECOND,
        leap_at: u64::MAX,
        reference: 0xeeab_1a3f_7fff_ff01,
        fuzz: 0x7f,
        header: Clock::header(0, 2, -25),
        refid: u32::from_ne_bytes([192, 0, 2, 77]),
        root_delay: 0x0000_0123,
        root_dispersion: 0x0000_0089,
        dispersion_rate: Clock::dispersion_rate(15_000),
        state: Clock::SYNCHRONISED,
        ..Clock::new_zeroed()
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Who asks.
    pub client: SocketAddr,
    /// Whom.
    pub server: SocketAddr,
    /// LI, VN and mode.
    pub first: u8,
    /// Poll, in log₂ seconds.
    pub poll: u8,
    /// Transmit timestamp.
    pub transmit: u64,
    /// VLAN tags: ethertype and tag.
    pub tags: Vec<(u16, u16)>,
    /// Octets of the datagram behind the header.
    pub more: Vec<u8>,
    /// Octets of the frame behind the datagram.
    pub padding: usize,
}

impl Ask {
    /// An ordinary request, version 4.
    #[must_use]
    pub fn new(client: &str) -> Self {
        let client: SocketAddr = client.parse().expect("an address");
        Self {
            client,
            server: service_for(client.ip()),
            first: 0x23,
            poll: 6,
            transmit: 0xdead_beef_0bad_cafe,
            tags: Vec::new(),
            more: Vec::new(),
            padding: 0,
        }
    }

    /// The datagram. What a server needn't look at isn't zero.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let mut octets = vec![self.first, 3, self.poll, 0xe9];
        octets.extend(0xb0..0xb0 + 36);
        octets.extend(self.transmit.to_be_bytes());
        octets.extend(&self.more);
        octets
    }

    /// The frame, all checksums right.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        frames::frame(self.client, self.server, &self.payload(), &self.tags, self.padding)
    }
}

/// What the clock says at a moment: the time, the reference timestamp, the dispersion, and whether
/// a leap is past.
fn moment(clock: &Clock, now: u64) -> (u64, u64, u32, bool) {
    let wide = i128::from;
    let elapsed = wide(now) - wide(clock.monotonic);
    let mut time = wide(clock.utc) + ((elapsed * 18_446_744_074) >> 32);
    let smeared = now.min(clock.smear_until).saturating_sub(clock.smear_from);
    time += (i128::from(smeared) * i128::from(clock.smear_rate)) >> 32;
    let mut reference = wide(clock.reference);
    let leapt = now >= clock.leap_at;
    if leapt {
        time += i128::from(clock.leap_step);
        reference += i128::from(clock.leap_step);
    }
    let grown = (((elapsed >> 10) + 1) * i128::from(clock.dispersion_rate)).unsigned_abs();
    let dispersion = u128::from(clock.root_dispersion) + grown.div_ceil(1 << 32);
    let era = |wide: i128| u64::try_from(wide.rem_euclid(1 << 64)).expect("reduced");
    let dispersion = u32::try_from(dispersion).unwrap_or(u32::MAX);
    (era(time), era(reference), dispersion, leapt)
}

/// The 48 octets that answer a request's 48, by a random generator in the state `seed`.
#[must_use]
pub fn reply(request: &[u8], clock: &Clock, now: u64, seed: u64, told: Told) -> Vec<u8> {
    let (time, reference, dispersion, leapt) = moment(clock, now);
    let (state, one) = xorshift(seed);
    let (_, other) = xorshift(state);
    let fuzz = clock.fuzz | 1;
    let receive = time & !fuzz | u64::from(one) & fuzz | 1;
    let transmit = (time & !fuzz).wrapping_add(fuzz + 1) | u64::from(other) & fuzz & !1;
    let [mut first, mut stratum, _, precision] = clock.header.to_ne_bytes();
    let mut fields =
        vec![clock.root_delay, dispersion, u32::from_be_bytes(clock.refid.to_ne_bytes())];
    let mut reference = reference;
    if leapt {
        first &= 0x3f;
    }
    if clock.state == Clock::UNSYNCHRONISED {
        (first, stratum, reference) = (first | 0xc0, 0, 0);
        fields = vec![0x1_0000, 0x1_0000, 0];
    }
    if let Some(code) = told.kiss {
        (first, stratum, reference) = (first | 0xc0, 0, 0);
        fields = vec![0x1_0000, 0x1_0000, u32::from_be_bytes(*code)];
    }
    let version = request[0] & 0x38;
    let poll = request[2].cast_signed().max(told.poll).cast_unsigned();
    let mut octets = vec![first | version, stratum, poll, precision];
    octets.extend(fields.into_iter().flat_map(u32::to_be_bytes));
    octets.extend(reference.to_be_bytes());
    octets.extend(&request[40..48]);
    octets.extend(receive.to_be_bytes());
    octets.extend(transmit.to_be_bytes());
    octets
}

/// The frame that takes an answer back to whom a frame is from: every octet of it.
///
/// # Panics
/// When the frame can't be answered.
#[must_use]
pub fn frame_back(frame: &[u8], answer: &[u8]) -> Vec<u8> {
    let (at, four) = network(frame).expect("a network header");
    let (client, server) = ends(frame).expect("addresses");
    let mut back = frames::frame(server, client, answer, &[], 0);
    back[..6].copy_from_slice(&frame[6..12]);
    back[6..12].copy_from_slice(&frame[..6]);
    if four {
        back[14 + 4..14 + 8].copy_from_slice(&[0, 0, 0x40, 0]);
        back[14 + 8] = 64;
        mend4(&mut back, 14);
    } else {
        back[14 + 1..14 + 4].fill(0);
        back[14 + 7] = 64;
    }
    back.splice(12..14, frame[12..at].iter().copied());
    back
}

/// The reply to a frame that [`is_ordinary`].
#[must_use]
pub fn reply_frame(frame: &[u8], clock: &Clock, now: u64, seed: u64) -> Vec<u8> {
    reply_frame_as(frame, clock, now, seed, Told::default())
}

/// The same of a client that is held to a rate.
///
/// # Panics
/// When the frame can't be answered.
#[must_use]
pub fn reply_frame_as(frame: &[u8], clock: &Clock, now: u64, seed: u64, told: Told) -> Vec<u8> {
    let request = payload(frame).expect("a datagram");
    frame_back(frame, &reply(&request, clock, now, seed, told))
}

/// Whether a frame is a request that is to be answered, when there is a clock.
#[must_use]
pub fn is_ordinary(frame: &[u8]) -> bool {
    ordinary(frame).unwrap_or(false)
}

fn ordinary(frame: &[u8]) -> Option<bool> {
    let tagged = |at: usize, types: &[[u8; 2]]| {
        frame.get(at..at + 2).is_some_and(|octets| types.iter().any(|it| it == octets))
    };
    let mut at = 12;
    if tagged(at, &[[0x81, 0], [0x88, 0xa8]]) {
        at += 4;
        if tagged(at, &[[0x81, 0]]) {
            at += 4;
        }
    }
    let four = tagged(at, &[[0x08, 0]]);
    if !four && !tagged(at, &[[0x86, 0xdd]]) || frame[..6] != SERVER_MAC {
        return Some(false);
    }
    at += 2;
    let number =
        |at: usize| Some(usize::from(u16::from_be_bytes(*frame.get(at..)?.first_chunk()?)));
    let (udp, datagram) = if four {
        let header = frame.get(at..at + 20)?;
        let good = header[0] == 0x45
            && header[6] & 0x3f == 0
            && header[7] == 0
            && header[9] == 17
            && ones_sum(header) == 0xffff
            && !matches!(header[12], 0 | 127 | 224..);
        if !good {
            return Some(false);
        }
        (at + 20, number(at + 2)?.checked_sub(20)?)
    } else {
        let header = frame.get(at..at + 40)?;
        if header[0] >> 4 != 6 || header[6] != 17 || matches!(header[8], 0 | 0xff) {
            return Some(false);
        }
        (at + 40, number(at + 4)?)
    };
    let whole = frame.get(udp..udp + 56)?;
    let (client, server) = ends(frame)?;
    let from_us = client.port() == server.port() && services().contains(&client);
    Some(
        datagram == 56
            && number(udp + 4)? == 56
            && services().contains(&server)
            && client.port() != 0
            && !from_us
            && (four || number(udp + 6)? != 0)
            && whole[8] & 7 == 3
            && matches!(whole[8] >> 3 & 7, 1..=4),
    )
}

/// An IPv6 address that nobody serves at.
#[must_use]
pub const fn elsewhere6() -> Ipv6Addr {
    Ipv6Addr::new(0xfd53, 0, 0, 0, 0, 0, 0, 0xbad)
}
