//! Frames as nobody sends them: good ones, changed by a seed.

use fastrand::Rng;

use crate::cases::mend4;
use crate::frames::network;

/// A shortest frame: `BPF_PROG_TEST_RUN` takes no less than a link header.
const LEAST: usize = 14;
/// A longest frame, untagged.
const MOST: usize = 1514;

/// Octets at the ends of ranges.
const ENDS: [u8; 8] = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff];

/// Numbers at the ends of ranges, and some that mean something.
const WORDS: [u16; 18] =
    [0, 1, 2, 3, 4, 8, 10, 16, 28, 41, 65, 255, 256, 257, 0x3fff, 0x7fff, 0x8000, 0xffff];

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
        let changes = self.rng.usize(..4);
        self.change_often(&mut frame, changes);
        frame
    }

    /// A frame with a change or two.
    pub fn changed(&mut self, mut frame: Vec<u8>) -> Vec<u8> {
        let changes = self.rng.usize(1..3);
        self.change_often(&mut frame, changes);
        frame
    }

    fn change_often(&mut self, frame: &mut Vec<u8>, times: usize) {
        for _ in 0..times {
            self.change(frame);
        }
        frame.truncate(MOST);
        let rest = LEAST.saturating_sub(frame.len());
        frame.extend((0..rest).map(|_| self.rng.u8(..)));
        // Mostly mended, or nearly all would fail at the first checksum.
        if self.rng.u8(..8) != 0 {
            mend(frame);
        }
    }

    fn change(&mut self, frame: &mut Vec<u8>) {
        if frame.is_empty() {
            return;
        }
        let at = self.rng.usize(..frame.len());
        match self.rng.u8(..13) {
            10 => self.change_field(frame),
            11 => {
                // Another's end behind this one's beginning.
                let other = &self.corpus[self.rng.usize(..self.corpus.len())];
                let from = other.len().saturating_sub(self.rng.usize(..80));
                let tail = other[from..].to_vec();
                frame.truncate(frame.len().saturating_sub(self.rng.usize(..30)));
                frame.extend(tail);
            }
            12 => {
                // A piece of itself in another place.
                let end = (at + self.rng.usize(1..24)).min(frame.len());
                let piece = frame[at..end].to_vec();
                let to = self.rng.usize(..frame.len());
                frame.splice(to..to, piece);
            }
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

    /// Another number in a field of the headers, or in a word further behind.
    fn change_field(&mut self, frame: &mut [u8]) {
        let Some((at, four)) = network(frame) else { return };
        let udp = at + if four { 20 } else { 40 };
        let fields = if four { [2, 4, 6, 8] } else { [0, 2, 4, 6] };
        let at = match self.rng.u8(..4) {
            0 => at + fields[self.rng.usize(..4)],
            1 => udp + 2 * self.rng.usize(..4),
            // ID, flags and the four counts.
            2 => udp + 8 + 2 * self.rng.usize(..6),
            _ => self.rng.usize(..frame.len()),
        };
        let number = WORDS[self.rng.usize(..WORDS.len())];
        if let Some(octets) = frame.get_mut(at..at + 2) {
            octets.copy_from_slice(&number.to_be_bytes());
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
