//! The clients that were refused most lately, from a sample of drops.
//!
//! XDP samples the frames that it drops. The rate follows what comes: only as many are sampled as
//! the numbers need. Counts are halved every few seconds, so that a client that stops is forgotten,
//! and a flood of random sources doesn't push out a client that is refused often.

use std::net::IpAddr;
use std::time::Instant;

use edge_common::verdict::Verdict;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::observe::popularity::{Rate, Sketch};
use edge_tables::samples::source;
use edge_tables::store::{ControlBlock, Store};

/// Clients that are listed.
const SHOWN: usize = 10;

/// A client that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The client's prefix, as limits have it.
    pub client: String,
    /// The reason: the label of a verdict.
    pub reason: String,
    /// The approximate number of queries in the last seconds.
    pub queries: u64,
}

/// The counts of refused clients.
#[derive(Debug)]
pub struct Dropped {
    control: ControlBlock,
    sketch: Sketch,
    rate: Rate,
    taken: usize,
    prefix4: u8,
    prefix6: u8,
}

impl Dropped {
    /// Counts of the packets that are dropped by `store`; clients are prefixes of so many bits.
    #[must_use]
    pub fn new(store: &Store, prefix4: u32, prefix6: u32) -> Self {
        // None has more than 64.
        let [prefix4, prefix6] = [prefix4, prefix6].map(|bits| u8::try_from(bits).unwrap_or(64));
        let (sketch, rate) = (Sketch::default(), Rate::default());
        Self { control: store.control, sketch, rate, taken: 0, prefix4, prefix6 }
    }

    /// Counts a frame, or its beginning.
    pub fn take(&mut self, verdict: Verdict, frame: &[u8]) {
        self.taken += 1;
        let Some(client) = source(frame) else { return };
        let bits = if client.is_ipv4() { self.prefix4 } else { self.prefix6 };
        let Ok(net) = IpNet::new(client, bits) else { return };
        // The key is never longer than a reason, two octets and an address.
        let mut key = vec![u8::try_from(verdict.index()).unwrap_or(u8::MAX), bits];
        match net.network() {
            IpAddr::V4(address) => key.extend(address.octets()),
            IpAddr::V6(address) => key.extend(address.octets()),
        }
        self.sketch.add(&key, self.rate.one_in());
    }

    /// Adapts the rate, and halves old counts. Call it some times a second.
    pub fn turn(&mut self, now: Instant) {
        self.sketch.halve(now);
        self.rate.adapt(std::mem::take(&mut self.taken), now);
        let one_in = if self.control.may_drop() { self.rate.one_in() } else { 0 };
        self.control.set_sample_dropped(one_in);
    }

    /// The clients that were refused most, the most refused first.
    #[must_use]
    pub fn refused(&self) -> Vec<Refused> {
        let mut all: Vec<_> = self.sketch.queries().filter(|(_, queries)| *queries > 0).collect();
        all.sort_unstable_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        all.iter().take(SHOWN).filter_map(|(key, queries)| refused(key, *queries)).collect()
    }
}

fn refused(key: &[u8], queries: u64) -> Option<Refused> {
    let ([verdict, bits], address) = key.split_first_chunk()?;
    let address: IpAddr = match address.len() {
        4 => address.first_chunk::<4>().map(|octets| (*octets).into())?,
        _ => address.first_chunk::<16>().map(|octets| (*octets).into())?,
    };
    let client = IpNet::new(address, *bits).ok()?.to_string();
    let reason = Verdict::ALL.get(usize::from(*verdict))?.name().to_owned();
    Some(Refused { client, reason, queries })
}

#[cfg(test)]
mod tests {
    use super::{Dropped, Refused};
    use edge_common::abi::switches;
    use edge_common::verdict::Verdict;
    use edge_tables::store::Store;
    use std::time::{Duration, Instant};

    /// A frame from this address, up to the UDP header's end.
    fn frame(source: [u8; 4]) -> Vec<u8> {
        let mut ip = [0; 20];
        ip[12..16].copy_from_slice(&source);
        [&[0; 12][..], &[8, 0], &ip, &[0, 9, 0, 53, 0, 8, 0, 0]].concat()
    }

    fn row(client: &str, reason: &str, queries: u64) -> Refused {
        Refused { client: client.into(), reason: reason.into(), queries }
    }

    #[test]
    fn who_is_refused_is_shown_by_prefix_and_reason_the_most_refused_first() {
        let mut dropped = Dropped::new(&Store::in_memory(), 24, 56);
        let one_in = u64::from(dropped.rate.one_in());
        for last in 0..30 {
            dropped.take(Verdict::Limited, &frame([192, 0, 2, last]));
        }
        for last in 0..7 {
            dropped.take(Verdict::Denied, &frame([198, 51, 100, last]));
        }
        let limited = row("192.0.2.0/24", "limited", 30 * one_in);
        let denied = row("198.51.100.0/24", "denied", 7 * one_in);
        assert_eq!(dropped.refused(), [limited, denied]);
    }

    #[test]
    fn a_flood_of_random_sources_pushes_nobody_out_and_quiet_ones_are_forgotten() {
        let mut dropped = Dropped::new(&Store::in_memory(), 32, 64);
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200_000 {
            dropped.take(Verdict::Limited, &frame(random.u32(..).to_be_bytes()));
            if random.u32(..20) == 0 {
                dropped.take(Verdict::Limited, &frame([203, 0, 113, 9]));
            }
        }
        assert_eq!(dropped.refused()[0].client, "203.0.113.9/32");
        let start = Instant::now();
        dropped.turn(start);
        dropped.turn(start + Duration::from_mins(2));
        assert_eq!(dropped.refused(), []);
    }

    #[test]
    fn frames_are_sampled_only_where_they_may_be_dropped() {
        let store = Store::in_memory();
        let mut dropped = Dropped::new(&store, 24, 56);
        let rate = || store.control.sample_dropped();
        let now = Instant::now();
        dropped.turn(now);
        assert_eq!(rate(), 0);
        store.control.set_switches(switches::LIMIT);
        dropped.turn(now);
        assert!(rate() > 0);
    }

    #[test]
    fn what_is_no_frame_is_nobodys() {
        let mut dropped = Dropped::new(&Store::in_memory(), 24, 56);
        for octets in [&[][..], &[0; 14], &[8; 60]] {
            dropped.take(Verdict::Limited, octets);
        }
        assert_eq!(dropped.refused(), []);
    }
}
