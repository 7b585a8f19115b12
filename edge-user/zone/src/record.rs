//! Records as a zone file defines them: type, data, weight and health key.
//!
//! geodns's `alias` is not among the types, since it is never sent.

use std::net::{Ipv4Addr, Ipv6Addr};

use edge_common::wire::dns::{TYPE_A, TYPE_AAAA, TYPE_SOA};

use super::name::Name;

/// The record types that a zone may hold, in the order of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// IPv4 address.
    A,
    /// Name server.
    Ns,
    /// Canonical name.
    Cname,
    /// Start of authority; only the apex has one, made from the zone's own fields.
    Soa,
    /// Pointer.
    Ptr,
    /// Mail exchange.
    Mx,
    /// Text.
    Txt,
    /// IPv6 address.
    Aaaa,
    /// Server selection.
    Srv,
    /// Naming authority pointer (RFC 3403).
    Naptr,
    /// Delegation signer (RFC 4034 §5).
    Ds,
    /// Fingerprint of a host key (RFC 4255).
    Sshfp,
    /// Certificate association (RFC 6698).
    Tlsa,
    /// Service binding (RFC 9460).
    Svcb,
    /// Service binding for HTTP (RFC 9460 §9).
    Https,
    /// Sender policy, the obsolete type of its own (RFC 7208 §3.1); same format as TXT.
    Spf,
    /// Certification authority authorization (RFC 8659).
    Caa,
}

impl RecordKind {
    /// Every kind, in the order of the registry.
    pub const ALL: [Self; 17] = [
        Self::A,
        Self::Ns,
        Self::Cname,
        Self::Soa,
        Self::Ptr,
        Self::Mx,
        Self::Txt,
        Self::Aaaa,
        Self::Srv,
        Self::Naptr,
        Self::Ds,
        Self::Sshfp,
        Self::Tlsa,
        Self::Svcb,
        Self::Https,
        Self::Spf,
        Self::Caa,
    ];

    /// The type's number in the registry.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::A => TYPE_A,
            Self::Ns => 2,
            Self::Cname => 5,
            Self::Soa => TYPE_SOA,
            Self::Ptr => 12,
            Self::Mx => 15,
            Self::Txt => 16,
            Self::Aaaa => TYPE_AAAA,
            Self::Srv => 33,
            Self::Naptr => 35,
            Self::Ds => 43,
            Self::Sshfp => 44,
            Self::Tlsa => 52,
            Self::Svcb => 64,
            Self::Https => 65,
            Self::Spf => 99,
            Self::Caa => 257,
        }
    }

    /// The kind that a QTYPE asks for; `None` if zones hold no such records.
    #[must_use]
    pub fn of_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// One record: its data, how often it is selected, and what is asked about its health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<T> {
    /// The record data.
    pub data: T,
    /// Relative weight. Address and CNAME records have at least one weight above 0 in their set.
    pub weight: u32,
    /// The `health` key of this record: what to look up instead of its address or name.
    pub health: Option<Box<str>>,
    /// The sum of the weights up to and with this record, in the order of its set.
    pub until: u64,
}

impl<T> Record<T> {
    /// A record of a set that hasn't been weighed yet.
    pub(super) const fn new(data: T, weight: u32, health: Option<Box<str>>) -> Self {
        Self { data, weight, health, until: 0 }
    }
}

/// A record whose data are kept as on the wire, uncompressed.
pub type WireRecord = Record<Box<[u8]>>;

/// Data of an MX record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mx {
    /// Lower is preferred.
    pub preference: u16,
    /// The mail exchange; `.` for "no mail" (RFC 7505).
    pub exchange: Name,
}

/// Data of an SRV record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// Lower is tried first.
    pub priority: u16,
    /// The weight on the wire (`srv_weight`); clients use it, our selection doesn't.
    pub weight: u16,
    /// Port of the service.
    pub port: u16,
    /// Host of the service.
    pub target: Name,
}

/// The records of one kind at one label; empty when there are none.
#[derive(Clone, Copy, Debug)]
pub enum Records<'z> {
    /// No such records here, nor could there be: a SOA below the apex.
    None,
    /// Addresses.
    A(&'z [Record<Ipv4Addr>]),
    /// Name servers, in the file's order.
    Ns(&'z [Record<Name>]),
    /// Canonical names; one of them is the answer.
    Cname(&'z [Record<Name>]),
    /// The one SOA of the apex; see [`Zone::soa`](super::model::Zone::soa).
    Soa,
    /// Pointers.
    Ptr(&'z [Record<Name>]),
    /// Mail exchanges.
    Mx(&'z [Record<Mx>]),
    /// Texts, not split; see [`character_strings`].
    Txt(&'z [Record<Box<str>>]),
    /// Addresses.
    Aaaa(&'z [Record<Ipv6Addr>]),
    /// Servers.
    Srv(&'z [Record<Srv>]),
    /// Sender policies, as texts.
    Spf(&'z [Record<Box<str>>]),
    /// Data of any other type, as on the wire.
    Wire(&'z [WireRecord]),
}

impl Records<'_> {
    /// How many records there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::A(records) => records.len(),
            Self::Ns(records) | Self::Cname(records) | Self::Ptr(records) => records.len(),
            Self::Soa => 1,
            Self::Mx(records) => records.len(),
            Self::Txt(records) | Self::Spf(records) => records.len(),
            Self::Aaaa(records) => records.len(),
            Self::Srv(records) => records.len(),
            Self::Wire(records) => records.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sum of the weights. At 0 nothing is selected: all records are the answer, in their
    /// order.
    #[must_use]
    pub fn total_weight(&self) -> u64 {
        match self {
            Self::A(records) => total_weight(records),
            Self::Ns(records) | Self::Cname(records) | Self::Ptr(records) => total_weight(records),
            Self::None | Self::Soa => 0,
            Self::Mx(records) => total_weight(records),
            Self::Txt(records) | Self::Spf(records) => total_weight(records),
            Self::Aaaa(records) => total_weight(records),
            Self::Srv(records) => total_weight(records),
            Self::Wire(records) => total_weight(records),
        }
    }
}

/// The sum of a set's weights.
pub fn total_weight<T>(records: &[Record<T>]) -> u64 {
    records.last().map_or(0, |record| record.until)
}

/// Orders a set by weight, heaviest first, equals in the file's order. If nothing in a set that is
/// `always` selected from has a weight, every record gets weight 1.
pub(super) fn weigh<T>(records: &mut [Record<T>], always: bool) {
    if records.iter().any(|record| record.weight > 0) {
        records.sort_by_key(|record| std::cmp::Reverse(record.weight));
    } else if always {
        for record in &mut *records {
            record.weight = 1;
        }
    }
    let mut sum = 0;
    for record in records {
        sum += u64::from(record.weight);
        record.until = sum;
    }
}

/// A set of records that is always selected from.
#[cfg(any(test, feature = "testing"))]
pub fn weighed<T>(records: impl IntoIterator<Item = (T, u32)>) -> Vec<Record<T>> {
    let records = records.into_iter().map(|(data, weight)| Record::new(data, weight, None));
    let mut records: Vec<_> = records.collect();
    weigh(&mut records, false);
    records
}

/// The character-strings of a TXT or SPF text: pieces of at most 255 octets (RFC 1035 §3.3).
pub fn character_strings(text: &str) -> impl Iterator<Item = &[u8]> {
    text.as_bytes().chunks(255)
}

#[cfg(test)]
mod tests {
    use super::{Record, RecordKind, character_strings, weigh};

    fn set(weights: &[u32]) -> Vec<Record<usize>> {
        weights.iter().enumerate().map(|(data, &weight)| Record::new(data, weight, None)).collect()
    }

    fn order(records: &[Record<usize>]) -> Vec<(usize, u32)> {
        records.iter().map(|record| (record.data, record.weight)).collect()
    }

    #[test]
    fn a_kind_is_found_by_its_number() {
        for kind in RecordKind::ALL {
            assert_eq!(RecordKind::of_number(kind.number()), Some(kind));
        }
        assert_eq!(RecordKind::of_number(4), None);
        assert_eq!(RecordKind::of_number(0x1c), Some(RecordKind::Aaaa));
    }

    #[test]
    fn weights_sort_heaviest_first_and_equals_keep_the_file_order() {
        let mut records = set(&[1, 3, 0, 3]);
        weigh(&mut records, true);
        assert_eq!(order(&records), [(1, 3), (3, 3), (0, 1), (2, 0)]);
        let sums: Vec<u64> = records.iter().map(|record| record.until).collect();
        assert_eq!(sums, [3, 6, 7, 7]);
    }

    #[test]
    fn a_set_without_weights_gets_one_each_only_if_it_is_always_selected_from() {
        let mut records = set(&[0, 0]);
        weigh(&mut records, false);
        assert_eq!(order(&records), [(0, 0), (1, 0)]);
        weigh(&mut records, true);
        assert_eq!(order(&records), [(0, 1), (1, 1)]);
    }

    #[test]
    fn a_long_text_is_split_into_strings_of_255_octets() {
        let text = "x".repeat(600);
        let lengths: Vec<usize> = character_strings(&text).map(<[u8]>::len).collect();
        assert_eq!(lengths, [255, 255, 90]);
    }
}
