//! Frames as nobody sends them: good ones in, changed and made-up ones out, the same for a seed.

use fastrand::Rng;

use crate::cases::mend4;
use crate::frames::network;

/// A shortest frame: `BPF_PROG_TEST_RUN` takes no less than a link header.
const LEAST: usize = 14;
/// A longest frame, untagged.
const MOST: usize = 1514;

/// Octets at the ends of ranges.
const ENDS: [u8; 8] = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff];

/// An endless source of frames.
#[derive(Debug)]
pub struct Mutations {
    rng: Rng,
    corpus: Vec<Vec<u8>>,
}

impl Mutations {
    /// Changes of these frames.
    #[must_use]
    pub fn new(seed: u64, corpus: Vec<Vec<u8>>) -> Self {
        assert!(!corpus.is_empty(), "there is nothing to change");
        Self { rng: Rng::with_seed(seed), corpus }
    }

    /// The next frame.
    pub fn frame(&mut self) -> Vec<u8> {
        let mut frame = if self.rng.u8(..64) == 0 {
            (0..self.rng.usize(LEAST..200)).map(|_| self.rng.u8(..)).collect()
        } else {
            self.corpus[self.rng.usize(..self.corpus.len())].clone()
        };
        for _ in 0..self.rng.usize(..4) {
            self.change(&mut frame);
        }
        frame.truncate(MOST);
        let rest = LEAST.saturating_sub(frame.len());
        frame.extend((0..rest).map(|_| self.rng.u8(..)));
        // Mostly mended, or nearly all would fail at the first checksum.
        if self.rng.u8(..8) != 0 {
            mend(&mut frame);
        }
        frame
    }

    fn change(&mut self, frame: &mut Vec<u8>) {
        if frame.is_empty() {
            return;
        }
        let at = self.rng.usize(..frame.len());
        match self.rng.u8(..10) {
            0..4 => frame[at] ^= 1 << self.rng.u8(..8),
            4 => frame[at] = self.rng.u8(..),
            5 => frame[at] = ENDS[self.rng.usize(..ENDS.len())],
            6 => frame.truncate(at),
            7 => {
                let n = self.rng.usize(1..64);
                frame.extend((0..n).map(|_| self.rng.u8(..)));
            }
            8 => {
                let n = self.rng.usize(1..8);
                let octets: Vec<u8> = (0..n).map(|_| self.rng.u8(..)).collect();
                frame.splice(at..at, octets);
            }
            _ => {
                let end = (at + self.rng.usize(1..8)).min(frame.len());
                frame.drain(at..end);
            }
        }
        if self.rng.bool() {
            lengthen(frame);
        }
    }
}

/// Makes the lengths agree with the frame's end.
fn lengthen(frame: &mut [u8]) {
    let Some((at, four)) = network(frame) else { return };
    let header = if four { 20 } else { 40 };
    let Some(datagram) = frame.len().checked_sub(at + header) else { return };
    let lengths = if four {
        [(at + 2, datagram + 20), (at + 24, datagram)]
    } else {
        [(at + 4, datagram), (at + 44, datagram)]
    };
    for (at, length) in lengths {
        let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        if let Some(octets) = frame.get_mut(at..at + 2) {
            octets.copy_from_slice(&length);
        }
    }
}

fn mend(frame: &mut [u8]) {
    if let Some((at, true)) = network(frame) {
        mend4(frame, at);
    }
}
