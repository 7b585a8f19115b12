//! Options and addresses, compared with a plain model in 128-bit numbers.

use core::net::IpAddr;

use super::{AddressKind, EffectiveClient, Subnet, address_kind};
use crate::service::words;
use crate::tables::xorshift;

/// Networks of addresses that tell nothing of a client; the last one is judged as IPv4.
const SPECIAL: [(&str, u8); 14] = [
    ("0.0.0.0", 32),
    ("10.0.0.0", 8),
    ("127.0.0.0", 8),
    ("169.254.0.0", 16),
    ("172.16.0.0", 12),
    ("192.168.0.0", 16),
    ("224.0.0.0", 4),
    ("255.255.255.255", 32),
    ("::", 128),
    ("::1", 128),
    ("fc00::", 7),
    ("fe80::", 10),
    ("ff00::", 8),
    ("::ffff:0:0", 96),
];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The bits from the top on.
fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// One network after the other.
fn plainly(ip: IpAddr) -> AddressKind {
    let ip = ip.to_canonical();
    let mut prefix = 0;
    for (network, length) in SPECIAL {
        let network: IpAddr = network.parse().unwrap();
        if network.is_ipv4() != ip.is_ipv4() {
            continue;
        }
        let common = (bits(ip) ^ bits(network)).leading_zeros();
        if common >= u32::from(length) {
            return AddressKind { is_public: false, prefix: length };
        }
        prefix = prefix.max(common + 1);
    }
    AddressKind { is_public: true, prefix: prefix.try_into().unwrap() }
}

fn standing_of(text: &str) -> AddressKind {
    address_kind(words(ip(text)))
}

fn random(state: &mut u64) -> u128 {
    let mut number = 0;
    for _ in 0..4 {
        let (next, bits) = xorshift(*state);
        (*state, number) = (next, number << 32 | u128::from(bits));
    }
    number
}

#[test]
fn private_and_special_addresses_tell_nothing_of_the_client() {
    for ip in ["192.0.2.1", "8.8.8.8", "100.64.0.1", "2001:db8::1", "2600::"] {
        assert!(standing_of(ip).is_public, "{ip}");
    }
    for (ip, prefix) in [
        ("0.0.0.0", 32),
        ("127.0.0.1", 8),
        ("10.1.2.3", 8),
        ("172.16.0.1", 12),
        ("192.168.0.1", 16),
        ("169.254.0.1", 16),
        ("224.0.0.1", 4),
        ("255.255.255.255", 32),
        ("::ffff:10.1.2.3", 8),
        ("::", 128),
        ("::1", 128),
        ("fe80::1", 10),
        ("fc00::1", 7),
        ("ff02::1", 8),
    ] {
        assert_eq!(standing_of(ip), AddressKind { is_public: false, prefix }, "{ip}");
    }
}

#[test]
fn the_prefix_around_a_public_address_ends_before_special_ones() {
    for (ip, prefix) in [
        ("8.0.0.0", 7),
        ("9.255.0.0", 7),
        ("11.0.0.1", 8),
        ("192.169.0.1", 16),
        ("64.0.0.1", 3),
        ("2001:db8::1", 3),
        ("::2", 127),
        ("::fffe:0:0", 96),
        ("8000::1", 2),
    ] {
        assert_eq!(standing_of(ip), AddressKind { is_public: true, prefix }, "{ip}");
    }
}

#[test]
fn every_address_stands_where_a_list_of_networks_says() {
    let mut state = 1;
    for (network, _) in SPECIAL {
        let network = ip(network);
        for length in 0..=128 {
            // So many bits of the network, and others behind them.
            let other = random(&mut state);
            let behind = u128::MAX.checked_shr(length).unwrap_or(0);
            let flipped = bits(network) ^ (1_u128 << 127).checked_shr(length).unwrap_or(0);
            for bits in [bits(network) & !behind | other & behind, flipped, flipped | behind] {
                let ip: IpAddr = if network.is_ipv4() {
                    u32::try_from(bits >> 96).unwrap().to_be_bytes().into()
                } else {
                    bits.to_be_bytes().into()
                };
                assert_eq!(address_kind(words(ip)), plainly(ip), "{ip}");
            }
        }
    }
}

#[test]
fn a_subnet_has_just_the_octets_and_bits_of_its_prefix() {
    let address = |data: &[u8]| Subnet::read(data).map(|subnet| subnet.ip());
    assert_eq!(address(&[0, 1, 24, 0, 192, 0, 2]), Some(Some(ip("192.0.2.0"))));
    assert_eq!(address(&[0, 1, 23, 99, 192, 0, 2]), Some(Some(ip("192.0.2.0"))));
    assert_eq!(address(&[0, 1, 32, 0, 192, 0, 2, 1]), Some(Some(ip("192.0.2.1"))));
    assert_eq!(address(&[0, 2, 32, 0, 0x20, 1, 0xd, 0xb8]), Some(Some(ip("2001:db8::"))));
    assert_eq!(address(&[0, 1, 0, 0]), Some(Some(ip("0.0.0.0"))));
    assert_eq!(address(&[0, 0, 0, 0]), Some(None));
    for data in [
        &[][..],
        &[0, 1, 24],
        &[0, 1, 24, 0, 192, 0],
        &[0, 1, 24, 0, 192, 0, 2, 0],
        &[0, 1, 23, 0, 192, 0, 3],
        &[0, 1, 33, 0, 192, 0, 2, 1, 0],
        &[0, 3, 0, 0],
        &[1, 1, 0, 0],
        &[0, 0, 8, 0, 1],
        &[0, 2, 128, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17],
    ] {
        assert_eq!(Subnet::read(data), None, "{data:?}");
    }
}

/// The rules in other words.
fn is_well_formed(family: u16, prefix: u8, given: &[u8]) -> bool {
    let bits = match family {
        0 => 0,
        1 => 32,
        2 => 128,
        _ => return false,
    };
    let is_set = |bit: usize| given[bit / 8] >> (7 - bit % 8) & 1 == 1;
    prefix <= bits
        && given.len() == usize::from(prefix).div_ceil(8)
        && !(usize::from(prefix)..given.len() * 8).any(is_set)
}

#[test]
fn every_prefix_length_is_read_whatever_stands_before_the_address() {
    let mut state = 2;
    for family in [0, 1, 2, 3, 256] {
        for prefix in 0..=255_u8 {
            for octets in 0..=20_u32 {
                for past in [false, true] {
                    let window = random(&mut state);
                    let behind = 8 * octets - 8 * octets.min(u32::from(prefix).div_ceil(8))
                        + u32::from(prefix).div_ceil(8) * 8
                        - u32::from(prefix);
                    // The last bits are those past the prefix.
                    let host = 1_u128.checked_shl(behind).map_or(u128::MAX, |bit| bit - 1);
                    let window = if past { window } else { window & !host };
                    let wire = window.to_be_bytes();
                    let [a, b]: [[u8; 8]; 2] =
                        [0, 8].map(|at| wire[at..at + 8].try_into().unwrap());
                    let words = [a, b].map(u64::from_ne_bytes);
                    let subnet = Subnet::new(family, prefix, octets, words);
                    let Some(first) = 16_usize.checked_sub(octets as usize) else {
                        assert_eq!(subnet, None, "{octets} octets");
                        continue;
                    };
                    let given = &wire[first..];
                    let what = (family, prefix, given);
                    assert_eq!(subnet.is_some(), is_well_formed(family, prefix, given), "{what:?}");
                    if let Some(subnet) = subnet {
                        let octets = subnet.octets();
                        assert_eq!(&octets[..given.len()], given, "{what:?}");
                        assert!(octets[given.len()..].iter().all(|octet| *octet == 0), "{what:?}");
                        assert_eq!(subnet.words(), subnet.ip().map(super::words), "{what:?}");
                    }
                }
            }
        }
    }
}

fn subnet(text: &str, source_prefix: u8) -> Subnet {
    let ip = ip(text);
    let (family, octets) = match ip {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let given = &octets[..usize::from(source_prefix.div_ceil(8))];
    let head = [0, family, source_prefix, 0];
    Subnet::read(&[&head[..], given].concat()).unwrap()
}

#[test]
fn the_subnet_decides_if_it_could_be_anyones() {
    let source = words(ip("192.0.2.1"));
    let decides = |text, prefix| EffectiveClient::new(source, Some(&subnet(text, prefix)));
    for (text, prefix) in [("203.0.113.0", 24), ("2001:db8::", 32), ("::ffff:203.0.113.7", 128)] {
        let whom = decides(text, prefix);
        assert_eq!((whom.address, whom.is_subnets), (words(ip(text).to_canonical()), true));
        assert!(whom.has_other());
    }
    for (text, prefix) in [("10.0.0.0", 8), ("fe80::", 16), ("::ffff:10.0.0.1", 128), ("::", 0)] {
        let whom = decides(text, prefix);
        assert_eq!((whom.address, whom.is_subnets, whom.has_other()), (source, false, false));
    }
    assert!(!decides("192.0.2.1", 32).has_other());
    let none = Subnet::read(&[0, 0, 0, 0]).unwrap();
    for subnet in [None, Some(&none)] {
        let whom = EffectiveClient::new(source, subnet);
        assert_eq!((whom.address, whom.is_subnets, whom.scope(24, false)), (source, false, 0));
    }
}

#[test]
fn the_scope_is_the_longer_of_what_is_known_and_what_is_special() {
    let source = words(ip("192.0.2.1"));
    let scope = |text, prefix, known, is_by_source| {
        EffectiveClient::new(source, Some(&subnet(text, prefix))).scope(known, is_by_source)
    };
    assert_eq!(scope("11.0.0.0", 24, 20, false), 20);
    assert_eq!(scope("11.0.0.0", 24, 3, false), 8);
    assert_eq!(scope("11.0.0.0", 24, 3, true), 3);
    assert_eq!(scope("10.0.0.0", 24, 20, false), 8);
    assert_eq!(scope("0.0.0.0", 0, 20, false), 0);
    assert_eq!(scope("2001:db8::", 56, 48, false), 48);
    assert_eq!(scope("::ffff:11.0.0.0", 120, 20, false), 116);
    assert_eq!(scope("::ffff:10.0.0.0", 120, 20, false), 104);
}
