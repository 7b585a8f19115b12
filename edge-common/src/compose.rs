//! Writers of answer records, between the question and the OPT record.
//!
//! Records are written in whole blocks, from the end to the front. Up to 31 octets before the first
//! record are overwritten with anything. They lie in the question or in the headers, which the
//! caller writes afterwards.

use core::ops::Deref;

use crate::abi::{Card4, Card6, Deck, Kind, Rrs};
use crate::frame::Frame;
use crate::tables::Tables;
use crate::verdict::Verdict;
use crate::wire::dns::{back, front, rcode};
use crate::wire::{dns, part, store16, store32, store64};

/// Owner (a pointer to the question), type and class of a record: six octets, and the first two
/// of the TTL, as a word.
#[inline(always)]
fn record_front(rtype: u16, ttl: u32) -> u64 {
    let [p0, p1] = (dns::POINTER | 12).to_be_bytes();
    let [t0, t1] = rtype.to_be_bytes();
    let [c0, c1] = dns::CLASS_IN.to_be_bytes();
    let front = u64::from_ne_bytes([p0, p1, t0, t1, c0, c1, 0, 0]);
    front | u64::from(ttl.to_be() & 0xffff) << 48
}

/// The last two octets of the TTL and the data's length, as a word.
#[inline(always)]
fn record_middle(ttl: u32, octets: u16) -> u32 {
    ttl.to_be() >> 16 | u32::from(octets.to_be()) << 16
}

/// The records of a reply on the hot path. All methods except `octets` are called after the head
/// has grown.
pub(crate) trait Records {
    /// Octets of all records.
    fn octets(&self) -> usize;
    /// ANCOUNT and RCODE in their places.
    fn front(&self) -> u64;
    /// The word of NSCOUNT and ARCOUNT without the additional record.
    fn back(&self) -> u32;
    /// What has been answered.
    fn verdict(&self) -> Verdict;
    /// Writes the records so that they end at `end`, behind a question whose name has `name_octets`
    /// octets; returns their sum, as if they began at an even offset.
    fn write<F: Frame, T: Tables>(
        &self,
        frame: &mut F,
        tables: &T,
        end: usize,
        name_octets: usize,
    ) -> Option<u32>;
}

/// A cell of a card: up to four addresses, of which records are made.
pub(crate) trait Cell {
    /// Octets of four records.
    const OCTETS: usize;
    /// Writes four records with this TTL (in seconds) so that they end at `end`; gives their sum,
    /// as if they began at an even offset.
    fn write_four<F: Frame>(&self, frame: &mut F, end: usize, ttl: u32) -> Option<u32>;
}

impl Cell for Card4 {
    const OCTETS: usize = 2 * PAIR4;

    #[inline(always)]
    fn write_four<F: Frame>(&self, frame: &mut F, end: usize, ttl: u32) -> Option<u32> {
        let [a, b, c, d] = self.addresses;
        let fixed = fixed4(ttl);
        let [front, back] = halves(frame.window_at_mut::<{ 2 * PAIR4 }>(end - 2 * PAIR4)?)?;
        pair4(front, fixed, &[a, b]);
        pair4(back, fixed, &[c, d]);
        Some(self.sum)
    }
}

impl Cell for Card6 {
    const OCTETS: usize = 2 * PAIR6;

    #[inline(always)]
    fn write_four<F: Frame>(&self, frame: &mut F, end: usize, ttl: u32) -> Option<u32> {
        let (first, last) = self.addresses.split_first_chunk::<2>()?;
        let fixed = fixed6(ttl);
        let [front, back] = halves(frame.window_at_mut::<{ 2 * PAIR6 }>(end - 2 * PAIR6)?)?;
        pair6(front, fixed, first);
        pair6(back, fixed, last.first_chunk::<2>()?);
        Some(self.sum)
    }
}

/// Four address records, and their TTL in seconds.
pub(crate) struct Four<C>(pub C, pub u32);

impl<C: Deref<Target: Cell>> Records for Four<C> {
    #[inline(always)]
    fn octets(&self) -> usize {
        C::Target::OCTETS
    }

    #[inline(always)]
    fn front(&self) -> u64 {
        front::ancount(4)
    }

    #[inline(always)]
    fn back(&self) -> u32 {
        0
    }

    #[inline(always)]
    fn verdict(&self) -> Verdict {
        Verdict::Answer
    }

    #[inline(always)]
    fn write<F: Frame, T: Tables>(
        &self,
        frame: &mut F,
        _: &T,
        end: usize,
        _: usize,
    ) -> Option<u32> {
        self.0.write_four(frame, end, self.1)
    }
}

/// A ready-made negative answer: the SOA record of a zone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NegativeAnswer {
    /// The deck it is from.
    pub deck: Deck,
    /// Its entry.
    pub entry: u32,
    /// Octets of the record.
    pub octets: usize,
    /// Its sum, the pointer to its owner included.
    pub sum: u32,
}

impl Records for NegativeAnswer {
    #[inline(always)]
    fn octets(&self) -> usize {
        self.octets
    }

    #[inline(always)]
    fn front(&self) -> u64 {
        if self.deck.is_kind(Kind::Nxdomain) { front::rcode(rcode::NXDOMAIN) } else { 0 }
    }

    #[inline(always)]
    fn back(&self) -> u32 {
        back::ONE_AUTHORITY
    }

    #[inline(always)]
    fn verdict(&self) -> Verdict {
        if self.deck.is_kind(Kind::Nxdomain) { Verdict::Nxdomain } else { Verdict::Nodata }
    }

    #[inline(always)]
    fn write<F: Frame, T: Tables>(
        &self,
        frame: &mut F,
        tables: &T,
        end: usize,
        name_octets: usize,
    ) -> Option<u32> {
        ready_made(frame, tables, self.entry, (self.octets, end))?;
        let owner = frame.window_at_mut::<2>(end - self.octets)?;
        store16::<0, _>(owner, self.deck.apex_pointer(name_octets));
        Some(self.sum)
    }
}

/// What all A records of an answer begin with.
#[inline(always)]
fn fixed4(ttl: u32) -> [u64; 2] {
    [record_front(dns::TYPE_A, ttl), u64::from(record_middle(ttl, 4))]
}

/// What all AAAA records of an answer begin with.
#[inline(always)]
fn fixed6(ttl: u32) -> (u64, u32) {
    (record_front(dns::TYPE_AAAA, ttl), record_middle(ttl, 16))
}

/// Two A records, one behind the other, in 32 octets.
#[inline(always)]
fn pair4(block: &mut [u8; PAIR4], [front, middle]: [u64; 2], addresses: &[[u8; 4]; 2]) {
    let [first, second] = addresses.map(|address| u64::from(u32::from_ne_bytes(address)));
    store64::<0, _>(block, front);
    store64::<8, _>(block, middle | first << 32);
    store64::<16, _>(block, front);
    store64::<24, _>(block, middle | second << 32);
}

/// Octets of two A records.
const PAIR4: usize = 2 * Card4::RECORD_OCTETS;
/// Octets of two AAAA records.
const PAIR6: usize = 2 * Card6::RECORD_OCTETS;

/// The halves of a block.
#[inline(always)]
fn halves<const PAIR: usize, const N: usize>(block: &mut [u8; N]) -> Option<[&mut [u8; PAIR]; 2]> {
    const { assert!(N == 2 * PAIR) }
    let (first, second) = block.split_first_chunk_mut()?;
    Some([first, second.first_chunk_mut()?])
}

/// Writes a card of A records, whose first cell is `first`, so that they end at `end`; gives their
/// sum.
#[inline(always)]
pub(crate) fn records4<F: Frame, T: Tables>(
    frame: &mut F,
    tables: &T,
    deck: &Deck,
    first: u32,
    end: usize,
) -> Option<u32> {
    let fixed = fixed4(deck.ttl);
    let records = usize::from(deck.records);
    let mut sum = 0;
    let mut cell = 0_u32;
    while cell < 3 {
        if records > 4 * cell as usize {
            let card = tables.card4(first.wrapping_add(cell))?;
            sum += card.sum;
            let [a, b, c, d] = card.addresses;
            let end = end - 2 * PAIR4 * cell as usize;
            if records > 4 * cell as usize + 3 {
                let block = frame.window_at_mut::<{ 2 * PAIR4 }>(end - 2 * PAIR4)?;
                let [front, back] = halves(block)?;
                pair4(front, fixed, &[a, b]);
                pair4(back, fixed, &[c, d]);
            } else {
                pair4(frame.window_at_mut(end - PAIR4)?, fixed, &[c, d]);
                if records > 4 * cell as usize + 2 {
                    pair4(frame.window_at_mut(end - 2 * PAIR4)?, fixed, &[a, b]);
                }
            }
        }
        cell += 1;
    }
    Some(sum)
}

/// Two AAAA records, one behind the other, in 56 octets.
#[inline(always)]
fn pair6(block: &mut [u8; PAIR6], (front, middle): (u64, u32), addresses: &[[u8; 16]; 2]) {
    let [first, second] = addresses;
    store64::<0, _>(block, front);
    store32::<8, _>(block, middle);
    store64::<12, _>(block, u64::from_ne_bytes(part::<0, 8, _>(first)));
    store64::<20, _>(block, u64::from_ne_bytes(part::<8, 8, _>(first)));
    store64::<28, _>(block, front);
    store32::<36, _>(block, middle);
    store64::<40, _>(block, u64::from_ne_bytes(part::<0, 8, _>(second)));
    store64::<48, _>(block, u64::from_ne_bytes(part::<8, 8, _>(second)));
}

/// As [`records4`], of AAAA records.
#[inline(always)]
pub(crate) fn records6<F: Frame, T: Tables>(
    frame: &mut F,
    tables: &T,
    deck: &Deck,
    first: u32,
    end: usize,
) -> Option<u32> {
    let fixed = fixed6(deck.ttl);
    let records = usize::from(deck.records);
    let mut sum = 0;
    let mut cell = 0_u32;
    while cell < 2 {
        if records > 4 * cell as usize {
            let card = tables.card6(first.wrapping_add(cell))?;
            sum += card.sum;
            let (first, last) = card.addresses.split_first_chunk::<2>()?;
            let last = last.first_chunk::<2>()?;
            let end = end - 2 * PAIR6 * cell as usize;
            if records > 4 * cell as usize + 3 {
                let block = frame.window_at_mut::<{ 2 * PAIR6 }>(end - 2 * PAIR6)?;
                let [front, back] = halves(block)?;
                pair6(front, fixed, first);
                pair6(back, fixed, last);
            } else {
                pair6(frame.window_at_mut(end - PAIR6)?, fixed, last);
                if records > 4 * cell as usize + 2 {
                    pair6(frame.window_at_mut(end - 2 * PAIR6)?, fixed, first);
                }
            }
        }
        cell += 1;
    }
    Some(sum)
}

/// Octets that ready-made records are copied in.
const BLOCK: usize = 32;

/// Writes ready-made records of `octets` octets, so that they end at `end`.
#[inline(always)]
pub(crate) fn ready_made<F: Frame, T: Tables>(
    frame: &mut F,
    tables: &T,
    entry: u32,
    (octets, end): (usize, usize),
) -> Option<()> {
    let rrs = tables.rrs(entry)?;
    let (blocks, _) = rrs.octets.as_chunks::<BLOCK>();
    let mut back = 0;
    while back < Rrs::MOST / BLOCK {
        if octets > back * BLOCK {
            let to = frame.window_at_mut::<BLOCK>(end - (back + 1) * BLOCK)?;
            let from = blocks.get(Rrs::MOST / BLOCK - 1 - back)?;
            store64::<0, _>(to, u64::from_ne_bytes(part::<0, 8, _>(from)));
            store64::<8, _>(to, u64::from_ne_bytes(part::<8, 8, _>(from)));
            store64::<16, _>(to, u64::from_ne_bytes(part::<16, 8, _>(from)));
            store64::<24, _>(to, u64::from_ne_bytes(part::<24, 8, _>(from)));
        }
        back += 1;
    }
    Some(())
}
