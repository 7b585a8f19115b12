//! The envelope stage: reads link, network, UDP and DNS headers.

use crate::abi::Control;
use crate::frame::Frame;
use crate::network::{At as _, Behind, HEADERS, Network, over_network};
use crate::scratch::{Flags, Scratch};
use crate::service;
use crate::tables::Tables;
use crate::verdict::Verdict;
use crate::wire::dns::{back, front};
use crate::wire::ethernet::Ethernet;
use crate::wire::{load16, load32, load64};

/// The most octets of a frame that is read: greater offsets don't fit into a window's.
const MOST: usize = 0x3ff;

#[inline(always)]
pub(super) fn read<F: Frame, T: Tables>(
    frame: &F,
    tables: &T,
    scratch: &mut Scratch,
) -> Result<(), Verdict> {
    let link = Ethernet::parse(frame)?;
    let destination = link.destination();
    if Control::own(destination) != tables.own_address()
        && !tables.is_own_address(frame.ifindex(), destination)
    {
        return Err(Verdict::Link);
    }
    scratch.keep_link(&link);
    scratch.flags = if link.six { Flags::SIX } else { Flags::NONE };
    over_network!(link, Behind(link.network), |N, at| {
        datagram::<F, T, N>(frame, tables, scratch, at)
    })
}

#[inline(always)]
fn datagram<F: Frame, T: Tables, N: Network>(
    frame: &F,
    tables: &T,
    scratch: &mut Scratch,
    at: Behind,
) -> Result<(), Verdict> {
    let (header, headers) = N::headers(frame, at).ok_or(Verdict::Truncated)?;
    let (network, total) = N::parse(header)?;
    let datagram = usize::from(u16::from_be(load16::<4, _>(headers)));
    if datagram != total.wrapping_sub(N::OCTETS) {
        return Err(Verdict::Length);
    }
    let ports = load32::<0, _>(headers);
    #[expect(clippy::cast_possible_truncation, reason = "the word's two halves are the ports")]
    let (from, to) = (ports as u16, u16::from_be((ports >> 16) as u16));
    service::admit(tables, N::FAMILY, network.destination(), to)?;
    if from == 0 {
        return Err(Verdict::Source);
    }
    if !N::CHECKSUM_OPTIONAL && load16::<6, _>(headers) == 0 {
        return Err(Verdict::Checksum);
    }
    let end = at.octets() + total;
    // No query needs several buffers.
    if end > frame.octets() || !frame.is_whole() {
        return Err(Verdict::Length);
    }
    if end > MOST {
        return Err(Verdict::Size);
    }
    let front = load64::<8, _>(headers);
    let back = load32::<16, _>(headers);
    if front & front::RESPONSE != 0 {
        return Err(Verdict::Response);
    }
    if front & front::OPCODE != 0 {
        return Err(Verdict::Opcode);
    }
    if front & front::RULED != front::ONE_QUESTION || u32::from_be(back) > back::MOST_ADDITIONAL {
        return Err(Verdict::Sections);
    }
    scratch.source = network.source();
    scratch.destination = network.destination();
    scratch.ports = ports;
    scratch.front = front;
    scratch.back = back;
    #[expect(clippy::cast_possible_truncation, reason = "offsets inside a frame have 16 bits")]
    let (transport, end) = ((at.octets() + N::OCTETS) as u32, end as u32);
    scratch.transport = transport;
    scratch.end = end;
    if datagram < HEADERS { Err(Verdict::Length) } else { Ok(()) }
}
