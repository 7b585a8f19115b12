//! A published clock that shows the system's time, and requests for it.

use std::net::{IpAddr, SocketAddr};

use edge_common::abi::Clock;
use edge_tables::jiffies::monotonic;
use edge_tables::store::Store;
use edge_tests::time::{self, Ask, SECOND};
use fastrand::Rng;
use rustix::time::{ClockId, clock_gettime};

use crate::pool::{SERVER4, SERVER6};

/// Where NTP is asked.
const PORT: u16 = 123;
/// Where XDP answers NTP.
pub(crate) const SERVICES: [SocketAddr; 2] =
    [SocketAddr::new(SERVER4.ip(), PORT), SocketAddr::new(SERVER6.ip(), PORT)];
/// Readings of which the quickest counts.
const READINGS: u32 = 1_000;
/// Seconds from 1900 to 1970.
const UNIX: u64 = 2_208_988_800;

/// `CLOCK_REALTIME` as an NTP timestamp.
pub(crate) fn realtime() -> u64 {
    let now = clock_gettime(ClockId::Realtime);
    let (seconds, ns) = (now.tv_sec.cast_unsigned(), now.tv_nsec.cast_unsigned());
    ((seconds + UNIX) << 32) + (ns << 32) / SECOND
}

/// A clock that is the system's from now on, for a minute.
pub(crate) fn clock() -> Clock {
    let read = |_| {
        let (before, utc, after) = (monotonic(), realtime(), monotonic());
        (after - before, before + (after - before) / 2, utc)
    };
    let (_, monotonic, utc) = (0..READINGS).map(read).min().unwrap_or_default();
    Clock { monotonic, utc, lease: monotonic + 60 * SECOND, ..time::clock() }
}

/// Publishes a clock, or none.
pub(crate) fn publish(store: &Store, clock: Option<&Clock>) {
    match clock {
        Some(clock) => store.publish_clock(clock),
        None => store.end_clock(),
    }
}

/// A frame that asks a server for the time.
pub(crate) fn request(client: SocketAddr, server: IpAddr, rng: &mut Rng) -> Vec<u8> {
    let server = SocketAddr::new(server, PORT);
    let usual = Ask::new(&client.to_string());
    let mut frame = Ask { server, transmit: rng.u64(..), ..usual }.frame();
    // Sources are put into the frame later: sockets would find the checksum wrong, where there has
    // to be none.
    if let (IpAddr::V4(_), Some(checksum)) = (client.ip(), frame.get_mut(40..42)) {
        checksum.fill(0);
    }
    frame
}
