//! The client that asks this host's NTP daemon.
//!
//! It learns the daemon's account of its clock, and how far the real-time clock is from it. It asks
//! as any client asks, so that every daemon will do. We answer clients with the daemon's leap
//! indicator, stratum, reference identifier, reference timestamp, root delay and root dispersion:
//! we answer in its name and by the clock that it disciplines, and don't make a stratum of our own.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::host::Host;
use super::message::{Message, OCTETS, Refusal, request};
use super::pair::Pair;
use super::timestamp::{Timestamp, fractions, nanoseconds};

/// How long an answer is waited for. A daemon on this host needs microseconds.
pub const PATIENCE: Duration = Duration::from_millis(500);
/// A round trip within this host that takes longer shows too little about the daemon's clock, in
/// nanoseconds.
const SLOW: u64 = 50_000_000;
/// Between the clocks of two pairs, in nanoseconds: more is a step.
pub const STEP: i64 = 1_000_000;

/// The daemon's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Of itself.
    pub message: Message,
    /// When, in nanoseconds of the monotonic clock.
    pub monotonic: u64,
    /// Its time less the real clock's, in units of 2⁻³² s.
    pub offset: i64,
    /// The round trip in nanoseconds; the offset may be wrong by half of it.
    pub delay: u64,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing came.
    #[error("it doesn't answer; see whether it runs and allows this host's loopback address")]
    Silent,
    /// No process has the port.
    #[error("no process has that port; start it, or name its address in ntp.source")]
    Refused,
    /// An answer took too long to compare clocks by it; nanoseconds.
    #[error("its answer took {} ms, too long to compare its clock with ours: it or this host is too busy", .0 / 1_000_000)]
    Slow(u64),
    /// The network failed.
    #[error("it can't be asked: {0}")]
    Network(String),
    /// An answer came that isn't believed.
    #[error(transparent)]
    Refusal(#[from] Refusal),
    /// The clock was stepped while it was asked.
    #[error("the clock was stepped while it was asked")]
    Stepped,
}

impl Fault {
    /// Whether the daemon has taken back what it sent before.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Refusal(refusal) => refusal.is_final(),
            Self::Silent | Self::Refused | Self::Slow(_) | Self::Network(_) | Self::Stepped => {
                false
            }
        }
    }

    /// Whether it wants to be asked less often.
    #[must_use]
    pub const fn is_rate(&self) -> bool {
        matches!(self, Self::Refusal(Refusal::Kiss([b'R', b'A', b'T', b'E'])))
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::Refused,
            _ => Self::Network(error.to_string()),
        }
    }
}

/// Asks the daemon, once, and waits for [`PATIENCE`]. `cookie` must be hard to guess.
///
/// # Errors
/// [`Fault`]
pub async fn ask(source: SocketAddr, cookie: u64, host: &impl Host) -> Result<Answer, Fault> {
    let any: IpAddr = match source {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // A new port each time: a late answer to the request before finds nobody. Being connected, it
    // takes datagrams from the daemon's address alone, and gets an error when nobody is there.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(source).await?;
    let before = host.pair();
    let sent = host.monotonic();
    socket.send(&request(cookie)).await?;
    // What isn't for us is passed over; the last of it is the reason if nothing better comes.
    let mut fault = Fault::Silent;
    let answered = timeout(PATIENCE, async {
        let mut octets = [0; 2 * OCTETS];
        loop {
            let taken = socket.recv(&mut octets).await;
            let received = host.monotonic();
            match Message::read(octets.get(..taken?).unwrap_or_default(), cookie) {
                Err(refusal @ Refusal::Foreign(_)) => fault = refusal.into(),
                result => return Ok::<_, Fault>((result?, received)),
            }
        }
    });
    let answered = answered.await;
    let (message, received) = answered.unwrap_or(Err(fault))?;
    measure(message, before, [sent, received], host.pair())
}

/// The offset and delay (RFC 5905 §8) of an exchange between two moments of the monotonic clock.
fn measure(
    message: Message,
    before: Pair,
    [sent, received]: [u64; 2],
    after: Pair,
) -> Result<Answer, Fault> {
    if step(before, after).abs() > STEP {
        return Err(Fault::Stepped);
    }
    let real = |monotonic: u64| at(after, monotonic);
    let there = i128::from(message.receive.since(real(sent)));
    let back = i128::from(message.transmit.since(real(received)));
    let offset = i64::try_from(i128::midpoint(there, back)).unwrap_or(i64::MAX);
    let round = received.saturating_sub(sent);
    let its_own = nanoseconds(message.transmit.since(message.receive));
    let delay = round.saturating_sub(u64::try_from(its_own).unwrap_or_default());
    if delay > SLOW {
        return Err(Fault::Slow(delay));
    }
    Ok(Answer { message, monotonic: received, offset, delay })
}

/// The real clock's time at a moment near a pair.
pub(super) fn at(pair: Pair, monotonic: u64) -> Timestamp {
    pair.utc().plus(fractions(monotonic.wrapping_sub(pair.monotonic).cast_signed()))
}

/// By how many nanoseconds the real clock was stepped between two pairs.
pub(super) fn step(before: Pair, after: Pair) -> i64 {
    nanoseconds(after.utc().since(at(before, after.monotonic)))
}

#[cfg(test)]
pub(crate) mod tests;
