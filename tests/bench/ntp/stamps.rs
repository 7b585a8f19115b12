//! The error of the program's timestamps.
//!
//! The loaded program answers one request at a time, between two readings of `CLOCK_REALTIME`.
//! The error is the distance from the middle of the two.

use anyhow::{Result, ensure};
use edge_tables::publish::Publishable;
use edge_tests::frames::payload;
use edge_tests::time::{Ask, SECOND};

use super::time::{clock, publish, realtime};
use crate::figures::Spread;
use crate::subject::Subject;

/// Clocks that are published, one after the other.
const CLOCKS: u32 = 50;
/// Requests to each, of which the quickest tenth counts: of the others less is known.
const REQUESTS: usize = 1_000;

/// What is known of the stamps, in nanoseconds.
pub(crate) struct Stamps {
    /// From the middle of both readings to the transmit timestamp, either way.
    pub errors: Spread,
    /// From the first reading to the middle: an error that is less may be that of the measurement.
    pub halves: Spread,
    /// Stamps that were not between the two readings, without the bits that are random.
    pub outside: usize,
    /// Stamps.
    pub all: usize,
}

/// Nanoseconds from one timestamp to another.
fn nanoseconds(from: u64, to: u64) -> f64 {
    to.wrapping_sub(from).cast_signed() as f64 * SECOND as f64 / 2_f64.powi(32)
}

/// The transmit timestamp of a reply, and half the time that it took.
fn one(subject: &Subject, frame: &[u8]) -> Result<(f64, f64)> {
    let before = realtime();
    let run = subject.run(frame)?;
    let after = realtime();
    let reply = payload(&run).unwrap_or_default();
    ensure!(reply.first() == Some(&0x24), "no reply: {reply:02x?}");
    let stamp = reply.last_chunk().map_or(0, |octets| u64::from_be_bytes(*octets));
    let half = nanoseconds(before, after) / 2.0;
    Ok((half, nanoseconds(before, stamp) - half))
}

/// Measures.
pub(crate) fn measure() -> Result<Stamps> {
    let zones: [Publishable; 0] = [];
    let subject = Subject::shipped(&zones)?;
    let frame = Ask::new("198.18.0.1:40123").frame();
    let mut quick = Vec::new();
    for _ in 0..CLOCKS {
        let clock = clock();
        publish(subject.store(), Some(&clock));
        let mut all = Vec::with_capacity(REQUESTS);
        for _ in 0..REQUESTS {
            all.push(one(&subject, &frame)?);
        }
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        quick.extend(all.into_iter().take(REQUESTS / 10));
    }
    // The random bits, and what the pair of clocks was read apart.
    let slack = 100.0;
    Ok(Stamps {
        errors: Spread::of(quick.iter().map(|(_, error)| error.abs())),
        halves: Spread::of(quick.iter().map(|(half, _)| *half)),
        outside: quick.iter().filter(|(half, error)| error.abs() > half + slack).count(),
        all: quick.len(),
    })
}
