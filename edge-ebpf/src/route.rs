//! Look-ups in the kernel's routing table.
#![expect(unsafe_code, reason = "the lookup is a C structure with unions, which a helper fills")]

use core::mem::MaybeUninit;
use core::ptr::{addr_of, addr_of_mut};

use aya_ebpf::bindings::{bpf_fib_lookup as Lookup, xdp_md};
use aya_ebpf::helpers::generated::bpf_fib_lookup;
use edge_common::frame::Route;

/// `AF_INET`.
const AF_INET: u8 = 2;
/// `AF_INET6`.
const AF_INET6: u8 = 10;
/// `IPPROTO_UDP`.
const UDP: u8 = 17;
/// Octets of a lookup.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "it is 64")]
const OCTETS: i32 = size_of::<Lookup>() as i32;

/// The addresses, as [`edge_common::frame::Frame::route`] gives them, for a packet that is to leave
/// by the interface `ifindex`.
#[inline(always)]
pub(crate) fn by_table(context: *mut xdp_md, ifindex: u32, route: &Route) -> Option<[u64; 2]> {
    let mut lookup = MaybeUninit::<Lookup>::uninit();
    let at = lookup.as_mut_ptr();
    let mut word = 0;
    while word < size_of::<Lookup>() / 8 {
        // SAFETY: the word is inside the lookup.
        let to = unsafe { at.cast::<u64>().add(word) };
        // SAFETY: as above; unaligned words are fine. Volatile, or the loop becomes a call of a
        // function that zeroes memory.
        unsafe { to.write_volatile(0) };
        word += 1;
    }
    // SAFETY: all its octets are written, and any bit pattern is a lookup.
    let fields = unsafe { &mut *at };
    fields.ifindex = ifindex;
    fields.l4_protocol = UDP;
    if route.six {
        fields.family = AF_INET6;
        fields.__bindgen_anon_3.ipv6_src = quarters(route.source);
        fields.__bindgen_anon_4.ipv6_dst = quarters(route.destination);
    } else {
        fields.family = AF_INET;
        fields.__bindgen_anon_3.ipv4_src = (route.source[1] >> 32) as u32;
        fields.__bindgen_anon_4.ipv4_dst = (route.destination[1] >> 32) as u32;
    }
    // SAFETY: the helper reads and writes the lookup, of the octets given.
    let failure = unsafe { bpf_fib_lookup(context.cast(), addr_of_mut!(*fields), OCTETS, 0) };
    if failure != 0 || fields.ifindex != ifindex {
        return None;
    }
    Some([address(addr_of!(fields.dmac)), address(addr_of!(fields.smac))])
}

/// Two words in memory order as four halves.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "words are cut into their halves")]
const fn quarters([front, back]: [u64; 2]) -> [u32; 4] {
    [front as u32, (front >> 32) as u32, back as u32, (back >> 32) as u32]
}

/// A link-layer address of a lookup as a word in memory order.
#[inline(always)]
fn address(octets: *const [u8; 6]) -> u64 {
    let parts = octets.cast::<u16>();
    let mut word = 0;
    let mut part = 3;
    while part > 0 {
        part -= 1;
        // SAFETY: the part is inside the address.
        let at = unsafe { parts.add(part) };
        // SAFETY: as above, and addresses in a lookup begin at even offsets. Volatile, because the
        // kernel lets no longer word be read from there.
        word = word << 16 | u64::from(unsafe { at.read_volatile() });
    }
    word
}
