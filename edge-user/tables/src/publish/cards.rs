//! The cells of cards in the maps: records, and the sum for their checksum.

use edge_common::abi::{Card4, Card6, Rrs};
use edge_common::wire::checksum::Sum;
use edge_common::wire::dns;

/// Octets of an address record before its address: owner, type, class, TTL, length.
const FIXED_OCTETS: usize = 12;

/// The beginning of an address record.
fn front(rtype: u16, ttl: u32, octets: u16) -> [u8; FIXED_OCTETS] {
    let [p0, p1] = (dns::POINTER | 12).to_be_bytes();
    let [t0, t1] = rtype.to_be_bytes();
    let [c0, c1] = dns::CLASS_IN.to_be_bytes();
    let [l0, l1, l2, l3] = ttl.to_be_bytes();
    let [n0, n1] = octets.to_be_bytes();
    [p0, p1, t0, t1, c0, c1, l0, l1, l2, l3, n0, n1]
}

/// An address and the sum of its record, which is computed once for many cards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summed<const N: usize> {
    address: [u8; N],
    sum: u32,
}

/// The sums of address records.
fn summed<const N: usize>(
    front: [u8; FIXED_OCTETS],
    addresses: impl Iterator<Item = [u8; N]>,
) -> Vec<Summed<N>> {
    let front = Sum::default().add_octets(&front);
    let sum = |address: [u8; N]| front.add_octets(&address).fold().into();
    addresses.map(|address| Summed { address, sum: sum(address) }).collect()
}

/// IPv4 addresses in the form that cards have.
pub(super) fn summed4(ttl: u32, addresses: impl Iterator<Item = [u8; 4]>) -> Vec<Summed<4>> {
    summed(front(dns::TYPE_A, ttl, 4), addresses)
}

/// IPv6 addresses in the form that cards have.
pub(super) fn summed6(ttl: u32, addresses: impl Iterator<Item = [u8; 16]>) -> Vec<Summed<16>> {
    summed(front(dns::TYPE_AAAA, ttl, 16), addresses)
}

/// A cell's addresses, in the last places of four, and the sum of their records.
fn cell<const N: usize>(records: &[Summed<N>]) -> ([[u8; N]; 4], u32) {
    let mut places = [[0; N]; 4];
    let mut sum = Sum::default();
    for (place, record) in places.iter_mut().rev().zip(records.iter().rev()) {
        *place = record.address;
        sum = sum.add32(record.sum);
    }
    (places, sum.fold().into())
}

/// The cells of a card of A records, in the order of the answer.
pub(super) fn card4(records: &[Summed<4>]) -> impl Iterator<Item = Card4> {
    records.rchunks(Card4::RECORDS).map(|chunk| {
        let (addresses, sum) = cell(chunk);
        Card4 { addresses, sum, reserved: 0 }
    })
}

/// The cells of a card of AAAA records, in the order of the answer.
pub(super) fn card6(records: &[Summed<16>]) -> impl Iterator<Item = Card6> {
    records.rchunks(Card6::RECORDS).map(|chunk| {
        let (addresses, sum) = cell(chunk);
        Card6 { addresses, sum, reserved: 0 }
    })
}

/// A record whose first two octets stand for the pointer to its owner; `None` if it is too long.
pub(super) fn negative(record: &[u8]) -> Option<Rrs> {
    let behind_pointer = record.get(2..)?;
    let sum = Sum::default().add_octets(behind_pointer).fold().into();
    Some(Rrs { sum, ..ready_made(record)? })
}

/// Complete records; `None` if they are too long.
pub(super) fn ready_made(records: &[u8]) -> Option<Rrs> {
    let mut octets = [0; Rrs::MOST];
    let start = Rrs::MOST.checked_sub(records.len())?;
    octets.get_mut(start..)?.copy_from_slice(records);
    let sum = Sum::default().add_octets(records).fold().into();
    let octets_used = u32::try_from(records.len()).ok()?;
    Some(Rrs { octets, sum, octets_used })
}

#[cfg(test)]
mod tests {
    use edge_common::wire::checksum::Sum;

    use super::{card4, card6, negative, ready_made, summed4, summed6};

    #[test]
    fn the_last_records_are_in_the_first_cell_at_its_end() {
        let records = summed4(150, (1..=6).map(|n| [192, 0, 2, n]));
        let cells: Vec<_> = card4(&records).collect();
        let last = |cell: usize| cells[cell].addresses.map(|address| address[3]);
        assert_eq!(last(0), [3, 4, 5, 6]);
        assert_eq!(last(1), [0, 0, 1, 2]);
    }

    #[test]
    fn a_cells_sum_is_that_of_its_records_octets() {
        let mut rng = fastrand::Rng::with_seed(1);
        for n in [1, 2, 3, 4] {
            let four: Vec<[u8; 4]> = (0..n).map(|_| rng.u32(..).to_ne_bytes()).collect();
            let six: Vec<[u8; 16]> = (0..n).map(|_| rng.u128(..).to_ne_bytes()).collect();
            let cell4 = card4(&summed4(150, four.iter().copied())).next().unwrap();
            let cell6 = card6(&summed6(0xffff_ffff, six.iter().copied())).next().unwrap();
            let record = |rtype: u8, ttl: [u8; 4], address: &[u8]| {
                let octets = u8::try_from(address.len()).unwrap();
                [&[0xc0, 12, 0, rtype, 0, 1], &ttl[..], &[0, octets], address].concat()
            };
            let fold = |octets: Vec<u8>| u32::from(Sum::default().add_octets(&octets).fold());
            let octets = four.iter().flat_map(|a| record(1, [0, 0, 0, 150], a)).collect();
            assert_eq!(cell4.sum, fold(octets));
            let octets = six.iter().flat_map(|a| record(28, [0xff; 4], a)).collect();
            assert_eq!(cell6.sum, fold(octets));
        }
    }

    #[test]
    fn a_record_too_long_for_the_head_room_is_refused() {
        assert!(negative(&[0; 192]).is_some());
        assert!(negative(&[0; 193]).is_none());
        assert!(negative(&[0; 1]).is_none());
        assert!(ready_made(&[0; 192]).is_some());
        assert!(ready_made(&[0; 193]).is_none());
    }

    #[test]
    fn a_negative_answers_sum_is_without_its_owner() {
        let record = [0x12, 0x34, 0, 5];
        assert_eq!(negative(&record).unwrap().sum, ready_made(&[0, 0, 0, 5]).unwrap().sum);
        assert_ne!(negative(&record).unwrap().sum, ready_made(&record).unwrap().sum);
    }
}
