//! Served addresses: a hash table whose seed avoids collisions.

use core::net::IpAddr;

use crate::abi::Service;
use crate::abi::maps::SERVICE_SLOTS;
use crate::tables::{GOLDEN, Tables};
use crate::verdict::Verdict;

/// Second word of an IPv4-mapped address's first half, `::ffff:0:0/96` (RFC 4291 §2.5.5.2).
const MAPPED: u32 = u32::from_ne_bytes([0, 0, 0xff, 0xff]);

/// Bits before the IPv4 address in a mapped one (RFC 4291 §2.5.5.2).
pub const MAPPED_BITS: u8 = 96;

/// An IPv4 address (wire octets) as the two words of its mapped IPv6 form.
#[inline(always)]
#[must_use]
pub const fn mapped(address: u32) -> [u64; 2] {
    [0, MAPPED as u64 | (address as u64) << 32]
}

/// The IPv4 address (wire octets) that an address in two words is the mapped form of.
#[inline(always)]
#[must_use]
pub const fn ipv4(address: [u64; 2]) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, reason = "the word's two halves are looked at")]
    let (front, back) = (address[1] as u32, (address[1] >> 32) as u32);
    if address[0] == 0 && front == MAPPED { Some(back) } else { None }
}

/// An address in two words in memory order, an IPv4 one in its mapped form. For the host.
#[must_use]
pub const fn words(ip: IpAddr) -> [u64; 2] {
    match ip {
        IpAddr::V4(ip) => mapped(u32::from_ne_bytes(ip.octets())),
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = ip.octets();
            let front = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
            [front, u64::from_ne_bytes([i, j, k, l, m, n, o, p])]
        }
    }
}

/// The slot in which an address and port have to stand.
#[inline(always)]
#[must_use]
pub const fn slot(seed: u64, address: [u64; 2], port: u16) -> u32 {
    let hash = (address[0] ^ seed)
        .wrapping_mul(GOLDEN)
        .wrapping_add(address[1] ^ port as u64)
        .wrapping_mul(0xff51_afd7_ed55_8ccd);
    #[expect(clippy::cast_possible_truncation, reason = "the shift leaves eight bits")]
    let slot = (hash >> (64 - SERVICE_SLOTS.trailing_zeros())) as u32;
    slot
}

/// Refuses what isn't sent to an address of a family (0 for IPv4, 1 for IPv6) and port (host octet
/// order) at which DNS is served.
#[inline(always)]
pub(crate) fn admit<T: Tables>(
    tables: &T,
    family: usize,
    address: [u64; 2],
    port: u16,
) -> Result<(), Verdict> {
    if port == 0 {
        return Err(Verdict::Service);
    }
    if tables.first_service(family).is_some_and(|first| is_dns(&first, address, port)) {
        return Ok(());
    }
    let slot = slot(tables.service_seed(), address, port);
    let service = tables.service(slot).ok_or(Verdict::Service)?;
    if is_dns(&service, address, port) { Ok(()) } else { Err(Verdict::Service) }
}

/// Whether NTP is served at an address and port. It never is at the first addresses.
#[inline(always)]
pub(crate) fn is_ntp<T: Tables>(tables: &T, address: [u64; 2], port: u16) -> bool {
    let slot = slot(tables.service_seed(), address, port);
    port != 0
        && tables.service(slot).is_some_and(|service| is(&service, address, port, Service::NTP))
}

#[inline(always)]
const fn is_dns(service: &Service, address: [u64; 2], port: u16) -> bool {
    is(service, address, port, Service::DNS)
}

#[inline(always)]
const fn is(service: &Service, address: [u64; 2], port: u16, role: u32) -> bool {
    (service.address[0] ^ address[0])
        | (service.address[1] ^ address[1])
        | (service.port ^ port as u32) as u64
        | (service.role ^ role) as u64
        == 0
}

#[cfg(test)]
mod tests {
    use super::{ipv4, mapped, words};

    #[test]
    fn an_ipv4_address_is_mapped_as_rfc_4291_says() {
        let words = mapped(u32::from_ne_bytes([192, 0, 2, 1]));
        let octets: std::vec::Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(octets, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1]);
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_one_and_no_other_is() {
        let four = u32::from_ne_bytes([192, 0, 2, 1]);
        for ip in ["192.0.2.1", "::ffff:192.0.2.1"] {
            let words = words(ip.parse().unwrap());
            assert_eq!((words, ipv4(words)), (mapped(four), Some(four)));
        }
        for ip in ["::192.0.2.1", "::fffe:c000:201", "::1:ffff:c000:201", "1::ffff:c000:201"] {
            assert_eq!(ipv4(words(ip.parse().unwrap())), None, "{ip}");
        }
    }
}
