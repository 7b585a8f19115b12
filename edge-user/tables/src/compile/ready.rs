//! Answers of types other than A and AAAA, made before they are asked for.
//!
//! The authority's code writes them. A name in them may be the target of a pointer from a later
//! record. So they depend on the length of the question before them, but on nothing else of it.

use edge_common::abi::Rrs;
use edge_common::wire::dns::TYPE_HINFO;

use super::{Source, Undealt};
use edge_zone::rdata::{ANY_HINFO, ready_made, soa_data, uncompressed};
use edge_zone::{Label, RecordKind, Zone};

/// Octets of a record before its data.
const FRONT_OCTETS: usize = 12;

/// Records to choose from: each answer has some of them, in an order by weight.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Choice {
    /// Their type.
    pub rtype: u16,
    /// Octets of the name in the answers' questions; 3 if that doesn't matter.
    pub name_octets: u8,
    /// Their data without any compression, with weights.
    pub data: Vec<(Box<[u8]>, u32)>,
}

impl Choice {
    /// The answer of these records, in this order.
    #[must_use]
    pub fn card(&self, ttl: u32, records: &[u16]) -> Vec<u8> {
        let data = records.iter().filter_map(|at| self.data.get(usize::from(*at)));
        let data: Vec<&[u8]> = data.map(|(data, _)| &**data).collect();
        ready_made(self.rtype, ttl, self.name_octets.into(), &data)
    }
}

/// The contents of a deck.
pub(super) struct Ready {
    /// The deck.
    pub undealt: Undealt,
    /// Whether it is only for questions of the length that it was made for.
    pub is_for_length: bool,
}

/// The records of `kind` at `label` (at least one) for questions whose name has `name_octets`.
/// `None` if no deck can hold the authority's answer.
pub(super) fn ready(
    zone: &Zone,
    soa: &[u8],
    label: &Label,
    kind: RecordKind,
    name_octets: u8,
) -> Option<Ready> {
    let ttl = zone.ttl_of(label, kind);
    let set = label.records(kind);
    let data = match kind {
        RecordKind::Soa => vec![(soa_data(soa).into(), 0)],
        _ => uncompressed(set),
    };
    if label.health.is_some() || data.len() > 0xffff {
        return None;
    }
    let most = if kind == RecordKind::Cname { 1 } else { label.max_hosts };
    let in_order = set.total_weight() == 0;
    if in_order || data.len() == 1 {
        return card(kind.number(), ttl, name_octets, &data);
    }
    let n = most.min(data.len());
    let mut lengths: Vec<usize> = data.iter().map(|(data, _)| FRONT_OCTETS + data.len()).collect();
    lengths.sort_unstable_by(|one, other| other.cmp(one));
    let longest: usize = lengths.iter().take(n).sum();
    if n == 0 || longest > Rrs::MOST {
        return None;
    }
    let has_names = matches!(kind, RecordKind::Ns | RecordKind::Ptr | RecordKind::Mx);
    let is_for_length = has_names && n > 1;
    let name_octets = if is_for_length { name_octets } else { 3 };
    let source = Source::Choice(Choice { rtype: kind.number(), name_octets, data });
    Some(Ready { undealt: Undealt { source, ttl, max_hosts: n }, is_for_length })
}

/// All of these records in their order.
fn card(rtype: u16, ttl: u32, name_octets: u8, data: &[(Box<[u8]>, u32)]) -> Option<Ready> {
    let longest = data.iter().map(|(data, _)| FRONT_OCTETS + data.len()).max()?;
    // No record is worth composing beside one that is too long, nor more than fit without any data.
    if longest > Rrs::MOST || data.len() > Rrs::MOST / FRONT_OCTETS {
        return None;
    }
    let data: Vec<&[u8]> = data.iter().map(|(data, _)| &**data).collect();
    let made = |octets: usize| ready_made(rtype, ttl, octets, &data);
    let octets = made(name_octets.into());
    if octets.len() > Rrs::MOST {
        return None;
    }
    let is_for_length = octets != made(usize::from(name_octets).max(2) + 1);
    let records = u8::try_from(data.len()).ok()?;
    let source = Source::Card(octets.into(), records);
    Some(Ready { undealt: Undealt { source, ttl, max_hosts: data.len() }, is_for_length })
}

/// The minimal answer to ANY.
pub(super) fn any(zone: &Zone) -> Undealt {
    let octets = ready_made(TYPE_HINFO, zone.ttl, 3, &[ANY_HINFO]);
    Undealt { source: Source::Card(octets.into(), 1), ttl: zone.ttl, max_hosts: 1 }
}
