//! The options stage: reads additional records (RFC 6891 §6.1.2).
//!
//! A query with a malformed record or option passes; the authority answers it.

use crate::cookie::{self, Cookie};
use crate::frame::Frame;
use crate::network::HEADERS;
use crate::scratch::{Flags, Scratch};
use crate::subnet::Subnet;
use crate::verdict::Verdict;
use crate::wire::dns::{self, back, opt};
use crate::wire::{load16, load64};

/// As [`cookie::CLIENT_OCTETS`].
const CLIENT: usize = cookie::CLIENT_OCTETS as usize;
/// As [`cookie::SERVER_OCTETS`].
const SERVER: usize = cookie::SERVER_OCTETS as usize;
/// Octets of an option's code and length.
const OPTION_OCTETS: usize = 4;
/// Options that are read.
const OPTIONS: usize = 8;
/// Octets of a record behind its owner and before its data.
const RECORD_OCTETS: usize = 10;

#[inline(always)]
pub(super) fn read<F: Frame>(frame: &F, scratch: &mut Scratch) -> Result<(), Verdict> {
    let question = scratch.transport as usize + HEADERS;
    let mut at = question + scratch.octets as usize + dns::TYPE_CLASS_OCTETS;
    let records = u32::from_be(scratch.back);
    scratch.option = 0;
    scratch.options_end = 0;
    let mut record = 0;
    while record < back::MOST_ADDITIONAL {
        if record < records {
            at = F::forget(additional(frame, scratch, at)?, scratch.front);
        }
        record += 1;
    }
    if at != scratch.end as usize {
        return Err(Verdict::Question);
    }
    F::compiler_fence(scratch);
    let mut option = 0;
    while option < OPTIONS {
        if scratch.option < scratch.options_end {
            read_option(frame, scratch)?;
            F::compiler_fence(scratch);
        }
        option += 1;
    }
    if scratch.option == scratch.options_end { Ok(()) } else { Err(Verdict::Edns) }
}

/// Reads an additional record; gives where the next one begins.
#[inline(always)]
fn additional<F: Frame>(frame: &F, scratch: &mut Scratch, at: usize) -> Result<usize, Verdict> {
    let [owner] = *frame.window_at::<1>(at).ok_or(Verdict::Edns)?;
    // The root's, or a pointer. No name is walked here.
    let front = match owner {
        0 => at + 1,
        0xc0.. => at + 2,
        _ => return Err(Verdict::Edns),
    };
    let record = frame.window_at::<RECORD_OCTETS>(front).ok_or(Verdict::Edns)?;
    let data = front + RECORD_OCTETS;
    let octets = usize::from(u16::from_be(load16::<8, _>(record)));
    let end = data + octets;
    if end > scratch.end as usize {
        return Err(Verdict::Edns);
    }
    if load16::<0, _>(record) == opt::TYPE {
        if owner != 0 || scratch.has_flag(Flags::OPT) {
            return Err(Verdict::Edns);
        }
        let [_, version] = load16::<4, _>(record).to_ne_bytes();
        let [flags, _] = load16::<6, _>(record).to_ne_bytes();
        scratch.flags.set(Flags::OPT);
        if flags & opt::DO != 0 {
            scratch.flags.set(Flags::DO);
        }
        scratch.payload = u16::from_be(load16::<2, _>(record)).into();
        if version == 0 {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "offsets inside a frame have 16 bits"
            )]
            let (data, end) = (data as u32, end as u32);
            scratch.option = data;
            scratch.options_end = end;
        } else {
            scratch.flags.set(Flags::VERSION);
        }
    }
    Ok(end)
}

/// Reads the next option.
#[inline(always)]
fn read_option<F: Frame>(frame: &F, scratch: &mut Scratch) -> Result<(), Verdict> {
    let at = scratch.option as usize;
    let front = frame.window_at::<OPTION_OCTETS>(at).ok_or(Verdict::Edns)?;
    let (code, octets) = (u16::from_be(load16::<0, _>(front)), u16::from_be(load16::<2, _>(front)));
    let octets = usize::from(octets);
    let data = at + OPTION_OCTETS;
    let end = data + octets;
    if end > scratch.options_end as usize {
        return Err(Verdict::Edns);
    }
    match code {
        dns::option::NSID => scratch.flags.set(Flags::NSID),
        dns::option::SUBNET => {
            let front = frame.window_at::<4>(data).ok_or(Verdict::Edns)?;
            if !(4..=20).contains(&octets) {
                return Err(Verdict::Edns);
            }
            #[expect(clippy::cast_possible_truncation, reason = "it is at most 16")]
            let given = (octets - 4) as u32;
            // The address's octets are the last ones of a window that ends with them.
            let window = frame.window_at::<16>(end - 16).ok_or(Verdict::Edns)?;
            let words = [load64::<0, _>(window), load64::<8, _>(window)];
            let family = u16::from_be(load16::<0, _>(front));
            let subnet = Subnet::new(family, front[2], given, words).ok_or(Verdict::Edns)?;
            scratch.flags.set(Flags::SUBNET);
            scratch.family = subnet.family.into();
            scratch.source_prefix = subnet.source_prefix.into();
            scratch.subnet = subnet.address;
        }
        dns::option::COOKIE => {
            #[expect(clippy::cast_possible_truncation, reason = "lengths have 16 bits")]
            let octets = octets as u32;
            if Cookie::new(octets, 0, [0; 2]).is_none() {
                return Err(Verdict::Edns);
            }
            // The first one counts (RFC 7873 §5.2).
            if !scratch.has_flag(Flags::COOKIE) {
                let client = frame.window_at::<CLIENT>(data).ok_or(Verdict::Edns)?;
                scratch.client = load64::<0, _>(client);
                if octets == cookie::CLIENT_OCTETS + cookie::SERVER_OCTETS {
                    let server = frame.window_at::<SERVER>(data + CLIENT).ok_or(Verdict::Edns)?;
                    scratch.server = [load64::<0, _>(server), load64::<8, _>(server)];
                }
                scratch.cookie_octets = octets;
                scratch.flags.set(Flags::COOKIE);
            }
        }
        _ => {}
    }
    #[expect(clippy::cast_possible_truncation, reason = "offsets inside a frame have 16 bits")]
    let end = end as u32;
    scratch.option = end;
    Ok(())
}
