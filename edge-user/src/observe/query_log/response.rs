//! The account of a response for the query log: what it holds, and why.
//!
//! Zone, targets and the label that answered aren't in the octets. The search that answers queries
//! finds them. The response is our own, and is read like anyone's: reading ends at the first octets
//! that can't be read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use edge_common::subnet::Subnet;
use edge_common::wire::dns;
use hickory_proto::rr::RecordType;

use edge_authority::{Client, Serving};
use edge_zone::name::{bare, text};
use edge_zone::wire::{NameLabels, Question, Reader, ResourceRecord};
use edge_zone::{Found, find_where, split};

/// NXDOMAIN.
const NXDOMAIN: u16 = 3;

/// The content of a response, its client, and the reason for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// The zone, without the root's dot.
    pub(super) origin: String,
    /// QNAME in lower case, with the root's dot.
    pub(super) name: String,
    /// QTYPE.
    pub(super) qtype: u16,
    /// RCODE, with EDNS's upper bits.
    pub(super) rcode: u16,
    /// Records in the answer section.
    pub(super) answers: u16,
    /// The client's targets, in the order tried.
    pub(super) targets: Vec<String>,
    /// The answers' data, for the types that have a short text.
    pub(super) data: Vec<String>,
    /// The label that answered; of a name that doesn't exist its first label; else empty.
    pub(super) label: String,
    /// The source of the query.
    pub(super) remote: IpAddr,
    /// The client that the answer was for, and the length of the prefix that the query gave of it.
    pub(super) client: (IpAddr, u8),
    /// Whether the query had a client subnet with an address.
    pub(super) has_subnet: bool,
}

impl Account {
    /// Of the response `head`, sent to `remote`. Its OPT record is in `opt`, or in `head` if that
    /// is empty: a response may be cut before it. `None` if it isn't a response about a zone in
    /// `serving`.
    #[must_use]
    pub(super) fn of(serving: &Serving, head: &[u8], opt: &[u8], remote: IpAddr) -> Option<Self> {
        let mut reader = Reader::new(head);
        let header = reader.header()?;
        let Question { name, rtype: qtype, .. } = reader.question()?;
        let records = (0..header.answers).map_while(|_| reader.record());
        let data = records.filter_map(|record| data_text(&record, head));
        let data: Vec<_> = data.filter(|text| !text.is_empty()).collect();
        let opt = if opt.is_empty() {
            let is_read = (0..header.authorities).all(|_| reader.record().is_some());
            is_read.then(|| reader.record()).flatten()
        } else {
            Reader::new(opt).record()
        };
        let has_opt = header.additionals > 0;
        let opt = opt.filter(|record| has_opt && record.rtype == u16::from(RecordType::OPT));
        let subnet = opt.as_ref().and_then(|opt| subnet_in(opt.data));
        // The upper eight bits of twelve (RFC 6891 §6.1.3).
        let [high, ..] = opt.map_or(0, |opt| opt.ttl).to_be_bytes();
        let rcode = header.rcode() | u16::from(high) << 4;

        let folded = name.to_ascii_lowercase();
        let served = serving.find(&folded, qtype == u16::from(RecordType::DS))?;
        let zone = &*served.zone;
        let label = split(zone, &folded)?;
        let client = Client::new(serving, zone, remote, subnet.as_ref());
        let answered = match find_where(zone, &label, &client.targets, qtype, served) {
            // Refused before it was looked for.
            _ if rcode > NXDOMAIN => String::new(),
            Found::Records { label, .. } | Found::Any { label } => label.name.to_string(),
            Found::NxDomain => label.split('.').next().unwrap_or_default().to_owned(),
            Found::NoData => String::new(),
        };
        let remote = remote.to_canonical();
        let bits = if remote.is_ipv4() { 32 } else { 128 };
        let prefix = match &subnet {
            Some(subnet) if subnet.ip() == Some(client.ip) => subnet.source_prefix,
            _ => bits,
        };
        Some(Self {
            origin: bare(&zone.apex),
            name: text(NameLabels::new(&folded))?,
            qtype,
            rcode,
            answers: header.answers,
            targets: client.targets.iter().map(str::to_owned).collect(),
            data,
            label: answered,
            remote,
            client: (client.ip, prefix),
            has_subnet: subnet.is_some_and(|subnet| subnet.ip().is_some()),
        })
    }
}

/// Where the OPT record of one of our responses begins: it is the last record. `None` if there is
/// none.
#[must_use]
pub(super) fn opt_start(response: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(response);
    let header = reader.header()?;
    reader.question()?;
    for _ in 0..u32::from(header.answers) + u32::from(header.authorities) {
        reader.record()?;
    }
    (header.additionals > 0).then_some(reader.offset())
}

/// The client subnet among an OPT record's options.
fn subnet_in(options: &[u8]) -> Option<Subnet> {
    let mut reader = Reader::new(options);
    loop {
        let (code, data) = reader.option()?;
        if code == dns::option::SUBNET {
            return Subnet::read(data);
        }
    }
}

/// A record's data as geodns logs them: of MX and SRV just the name, of TXT the strings with spaces
/// between.
fn data_text(record: &ResourceRecord<'_>, message: &[u8]) -> Option<String> {
    let name_at = |skip: usize| text(NameLabels::at(message, record.data_at + skip));
    match RecordType::from(record.rtype) {
        RecordType::A => Some(Ipv4Addr::from(*record.data.first_chunk::<4>()?).to_string()),
        RecordType::AAAA => Some(Ipv6Addr::from(*record.data.first_chunk::<16>()?).to_string()),
        RecordType::CNAME | RecordType::NS => name_at(0),
        RecordType::MX => name_at(2),
        RecordType::SRV => name_at(6),
        RecordType::TXT => {
            let mut reader = Reader::new(record.data);
            let mut texts = Vec::new();
            while !reader.rest().is_empty() {
                texts.push(String::from_utf8_lossy(reader.string()?));
            }
            Some(texts.join(" "))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
