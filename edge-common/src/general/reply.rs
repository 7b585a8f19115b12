//! The reply stage: prepares the OPT record and writes the frame.

use crate::abi::{Kind, NAME_WORDS, Nsid, switches};
use crate::compose::{ready_made, records4, records6};
use crate::cookie;
use crate::frame::{Frame, Route};
use crate::name::{BLOCKS, SHORT_OCTETS, has_block};
use crate::network::{Behind, HEADERS, Headers, Network};
use crate::scratch::{Flags, Scratch};
use crate::subnet;
use crate::tables::Tables;
use crate::verdict::Verdict;
use crate::verifier::{narrow16, narrow32};
use crate::wire::checksum::Sum;
use crate::wire::dns::{self, back, front, opt};
use crate::wire::{store16, store32, store64};

/// The least and the most octets of a message over UDP (RFC 1035 §2.3.4, RFC 6891 §6.2.3).
const LEAST: u32 = 512;
const MOST: u32 = dns::UDP_PAYLOAD_OCTETS as u32;

/// Prepares the OPT record; refuses a reply that is too long.
#[inline(always)]
pub(super) fn prepare<F: Frame, T: Tables>(
    tables: &T,
    scratch: &mut Scratch,
) -> Result<(), Verdict> {
    scratch.opt_octets = 0;
    let mut limit = LEAST;
    if scratch.has_flag(Flags::OPT) {
        limit = if scratch.payload < LEAST { LEAST } else { scratch.payload };
        limit = if limit > MOST { MOST } else { limit };
        compose_opt::<F, T>(tables, scratch)?;
    }
    let message = narrow32(dns::HEADER_OCTETS + dns::TYPE_CLASS_OCTETS)
        + scratch.octets
        + scratch.records
        + scratch.opt_octets;
    if message > limit { Err(Verdict::Size) } else { Ok(()) }
}

/// Writes the OPT record of the reply.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "the words of the arrays are counted by their lengths")]
fn compose_opt<F: Frame, T: Tables>(tables: &T, scratch: &mut Scratch) -> Result<(), Verdict> {
    let (words, _) = scratch.opt.as_chunks_mut::<8>();
    // Hidden, or the loop becomes a call of a function that zeroes memory octet by octet.
    let zero = F::opaque(0).to_ne_bytes();
    let mut word = 0;
    while word < Scratch::OPT_ROOM / 8 {
        words[word] = zero;
        word += 1;
    }
    let front = Scratch::OPT_AT;
    let mut at = front + dns::OPT_OCTETS;
    if scratch.has_flag(Flags::NSID) {
        let nsid = tables.nsid();
        if nsid.octets_used > Nsid::MOST as u64 {
            return Err(Verdict::Size);
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is at most 64")]
        let octets = nsid.octets_used as usize;
        if octets != 0 {
            let option = [dns::option::NSID.to_be(), narrow16(octets).to_be()];
            put32(scratch, at, u32::from(option[0]) | u32::from(option[1]) << 16)
                .ok_or(Verdict::Size)?;
            let (text, _) = nsid.octets.as_chunks::<8>();
            let mut word = 0;
            while word < Nsid::MOST / 8 {
                put64(scratch, at + 4 + 8 * word, u64::from_ne_bytes(text[word]))
                    .ok_or(Verdict::Size)?;
                word += 1;
            }
            at = F::forget(at + 4 + octets, scratch.front);
        }
    }
    if scratch.has_flag(Flags::SUBNET) {
        let octets = (scratch.source_prefix as usize + 7) >> 3;
        #[expect(clippy::cast_possible_truncation, reason = "all three have eight bits")]
        let (family, prefix, scope) =
            (scratch.family as u8, scratch.source_prefix as u8, scratch.scope as u8);
        #[expect(clippy::cast_possible_truncation, reason = "it is at most 20")]
        let length = (subnet::FRONT_OCTETS + octets) as u8;
        #[expect(clippy::cast_possible_truncation, reason = "it is 8")]
        let code = dns::option::SUBNET as u8;
        let option = u64::from_ne_bytes([0, code, 0, length, 0, family, prefix, scope]);
        put64(scratch, at, option).ok_or(Verdict::Size)?;
        let [first, last] = scratch.subnet;
        put64(scratch, at + 8, first).ok_or(Verdict::Size)?;
        put64(scratch, at + 16, last).ok_or(Verdict::Size)?;
        at = F::forget(at + 8 + octets, scratch.front);
    }
    if scratch.has_flag(Flags::SERVER) {
        #[expect(clippy::cast_possible_truncation, reason = "they are 10 and 24")]
        let option = [
            0,
            dns::option::COOKIE as u8,
            0,
            (cookie::CLIENT_OCTETS + cookie::SERVER_OCTETS) as u8,
        ];
        put32(scratch, at, u32::from_ne_bytes(option)).ok_or(Verdict::Size)?;
        let (client, [first, last]) = (scratch.client, scratch.server);
        put64(scratch, at + 4, client).ok_or(Verdict::Size)?;
        put64(scratch, at + 12, first).ok_or(Verdict::Size)?;
        put64(scratch, at + 20, last).ok_or(Verdict::Size)?;
        at = F::forget(
            at + 4 + (cookie::CLIENT_OCTETS + cookie::SERVER_OCTETS) as usize,
            scratch.front,
        );
    }
    let octets = at - front;
    let flags = if scratch.has_flag(Flags::DO) { opt::DO } else { 0 };
    #[expect(clippy::cast_possible_truncation, reason = "an extended RCODE has twelve bits")]
    let high = (scratch.rcode >> 4) as u8;
    let options = narrow16(octets - dns::OPT_OCTETS).to_be_bytes();
    let size = dns::UDP_PAYLOAD_OCTETS.to_be_bytes();
    put64(
        scratch,
        front,
        u64::from_ne_bytes([0, 0, opt::TYPE_OCTET, size[0], size[1], high, 0, flags]),
    )
    .ok_or(Verdict::Size)?;
    if let Some([zero, high, low]) =
        scratch.opt.get_mut(front + 8..).and_then(<[u8]>::first_chunk_mut)
    {
        (*zero, *high, *low) = (0, options[0], options[1]);
    }
    scratch.opt_octets = narrow32(octets);
    Ok(())
}

/// Puts a word into the OPT record's room.
#[inline(always)]
fn put64(scratch: &mut Scratch, at: usize, word: u64) -> Option<()> {
    let room = scratch.opt.get_mut(at..at.wrapping_add(8))?;
    room.first_chunk_mut().map(|room| *room = word.to_ne_bytes())
}

/// Puts half a word into the OPT record's room.
#[inline(always)]
fn put32(scratch: &mut Scratch, at: usize, word: u32) -> Option<()> {
    let room = scratch.opt.get_mut(at..at.wrapping_add(4))?;
    room.first_chunk_mut().map(|room| *room = word.to_ne_bytes())
}

/// Makes the frame the reply.
#[inline(always)]
pub(super) fn send<F: Frame, T: Tables>(
    frame: &mut F,
    tables: &T,
    scratch: &mut Scratch,
) -> Result<(), Verdict> {
    let mut link = scratch.link();
    if scratch.switches & switches::FIB != 0 {
        let (source, destination) = (scratch.destination, scratch.source);
        let route = Route { six: scratch.has_flag(Flags::SIX), source, destination };
        let [to, from] = frame.route(&route).ok_or(Verdict::Route)?;
        link = link.via(to, from);
        scratch.keep_link(&link);
    }
    let octets = scratch.transport
        + narrow32(HEADERS + dns::TYPE_CLASS_OCTETS)
        + scratch.octets
        + scratch.records
        + scratch.opt_octets;
    frame.resize(octets as usize).ok_or(Verdict::Room)?;
    F::compiler_fence(scratch);
    write(frame, tables, scratch).ok_or(Verdict::Fault)
}

/// Writes the reply, back to front.
#[inline(always)]
fn write<F: Frame, T: Tables>(frame: &mut F, tables: &T, scratch: &mut Scratch) -> Option<()> {
    let question = scratch.transport as usize + HEADERS;
    let name = question + scratch.octets as usize;
    let records = name + dns::TYPE_CLASS_OCTETS + scratch.records as usize;
    let opt_sum = write_opt(frame, scratch, records + scratch.opt_octets as usize)?;
    F::compiler_fence(scratch);
    let records_sum = write_records(frame, tables, scratch, records)?;
    let end = frame.window_at_mut::<{ dns::TYPE_CLASS_OCTETS }>(name)?;
    store32::<0, _>(end, scratch.type_class);
    let name_sum = write_name(frame, scratch, name)?;
    // Name, type, class and records begin, or end, at the name's parity.
    let body = name_sum
        .add32(scratch.type_class)
        .add32(records_sum)
        .add_at(opt_sum, scratch.records as usize);
    let body = Sum::new(body.fold().into());
    F::compiler_fence(scratch);
    if scratch.has_flag(Flags::SIX) {
        write_headers(frame, scratch, scratch.ip6(), body)?;
    } else {
        write_headers(frame, scratch, scratch.ip4(), body)?;
    }
    scratch.link().write_reply(frame)
}

/// Writes the OPT record so that it ends at `end`; gives its sum, as if it began at an even offset.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "the words of the array are counted by its length")]
fn write_opt<F: Frame>(frame: &mut F, scratch: &Scratch, end: usize) -> Option<Sum> {
    let octets = scratch.opt_octets as usize;
    let mut sum = Sum::default();
    let mut back = 8;
    // Up to seven octets before it are overwritten; they are written again.
    while back < Scratch::OPT_ROOM {
        if back < octets + 8 {
            let from = F::opaque(Scratch::OPT_AT + octets - back);
            let word = scratch.opt.get(from..from.wrapping_add(8))?.first_chunk()?;
            store64::<0, _>(frame.window_at_mut::<8>(end - back)?, u64::from_ne_bytes(*word));
        }
        back += 8;
    }
    if octets != 0 {
        let (words, _) = scratch.opt.as_chunks::<8>();
        let mut word = Scratch::OPT_AT / 8;
        while word < Scratch::OPT_ROOM / 8 {
            sum = sum.add64(u64::from_ne_bytes(words[word]));
            word += 1;
        }
    }
    Some(sum)
}

/// Writes the records so that they end at `end`; gives their sum, as if they began at an even
/// offset.
#[inline(always)]
fn write_records<F: Frame, T: Tables>(
    frame: &mut F,
    tables: &T,
    scratch: &Scratch,
    end: usize,
) -> Option<u32> {
    let (deck, cell) = (&scratch.deck, scratch.cell);
    if scratch.records == 0 {
        return Some(0);
    }
    if deck.is_kind(Kind::A) {
        return records4(frame, tables, deck, cell, end);
    }
    if deck.is_kind(Kind::Aaaa) {
        return records6(frame, tables, deck, cell, end);
    }
    let octets = scratch.records as usize;
    ready_made(frame, tables, cell, (octets, end))?;
    if !deck.is_kind(Kind::Ready) {
        let owner = frame.window_at_mut::<2>(end - octets)?;
        store16::<0, _>(owner, deck.apex_pointer(scratch.octets as usize));
    }
    Some(scratch.sum)
}

/// Writes the name so that it ends at `end`; gives its sum, as if it ended at an even offset.
#[inline(always)]
fn write_name<F: Frame>(frame: &mut F, scratch: &Scratch, end: usize) -> Option<Sum> {
    let octets = scratch.octets as usize;
    let (blocks, _) = scratch.name.as_chunks::<NAME_WORDS>();
    let mut sum = Sum::default();
    let mut index = 0;
    while index < BLOCKS {
        if has_block(index, octets) {
            let [a, b, c, d] = *blocks.get(BLOCKS - 1 - index)?;
            let at = end - (index + 1) * SHORT_OCTETS;
            let window = frame.window_at_mut::<SHORT_OCTETS>(at)?;
            store64::<0, _>(window, a);
            store64::<8, _>(window, b);
            store64::<16, _>(window, c);
            store64::<24, _>(window, d);
            sum = sum.add64(a).add64(b).add64(c).add64(d);
        }
        index += 1;
    }
    Some(sum)
}

/// Writes the network, UDP and DNS headers; `body` is the sum of what is behind them, at the name's
/// parity.
#[inline(always)]
fn write_headers<F: Frame, N: Network>(
    frame: &mut F,
    scratch: &Scratch,
    network: N,
    body: Sum,
) -> Option<()> {
    let is_negative = scratch.deck.is_kind(Kind::Nodata) || scratch.deck.is_kind(Kind::Nxdomain);
    let (answers, authority) =
        if is_negative { (0, back::ONE_AUTHORITY) } else { (scratch.deck.records, 0) };
    let mut front = scratch.front & front::KEPT
        | front::NOT_ANSWERED
        | front::ancount(answers)
        | front::rcode(scratch.rcode);
    if scratch.authoritative != 0 {
        front |= front::AUTHORITATIVE;
    }
    if scratch.truncated != 0 {
        front |= front::TRUNCATED;
    }
    let additional = if scratch.has_flag(Flags::OPT) { back::ONE_ADDITIONAL } else { 0 };
    let back = authority | additional;
    let datagram = HEADERS
        + dns::TYPE_CLASS_OCTETS
        + (scratch.octets + scratch.records + scratch.opt_octets) as usize;
    let datagram = narrow16(datagram);
    let headers = Headers { ports: scratch.ports, front, back, datagram };
    let at = Behind(scratch.network as usize);
    headers.write(frame, at, &network, body, scratch.octets as usize)
}
