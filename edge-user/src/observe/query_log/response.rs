//! The account of a response for the query log: what it holds, and why.
//!
//! Zone, targets and the label that answered aren't in the octets. The search that answers queries
//! finds them. The response is our own, and is read like anyone's: reading ends at the first octets
//! that can't be read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use edge_common::subnet::Subnet;
use edge_common::wire::dns::{self, POINTER};
use hickory_proto::rr::RecordType;

use edge_authority::{Client, Serving};
use edge_zone::name::{MAX_NAME_OCTETS, bare, escape};
use edge_zone::{Found, find_where, split};

/// The RCODE in a header's flags.
const RCODE_BITS: u16 = 0xf;
/// NXDOMAIN.
const NXDOMAIN: u16 = 3;
/// Pointers followed in one name; our own names need one.
const MOST_POINTERS: usize = 4;

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
        let mut reader = Reader { message: head, at: 0 };
        let Header { rcode, answers, authorities, additional } = reader.header()?;
        let wire = reader.plain_name()?;
        let qtype = reader.u16()?;
        reader.u16()?;
        let records = (0..answers).map_while(|_| reader.record());
        let data = records.filter_map(|record| record.text(head));
        let data: Vec<_> = data.filter(|text| !text.is_empty()).collect();
        let opt = if opt.is_empty() {
            (0..authorities).all(|_| reader.record().is_some()).then(|| reader.record()).flatten()
        } else {
            Reader { message: opt, at: 0 }.record()
        };
        let opt = opt.filter(|record| additional > 0 && record.rtype == u16::from(RecordType::OPT));
        let subnet = opt.as_ref().and_then(|opt| subnet_in(opt.data));
        // The upper eight bits of twelve (RFC 6891 §6.1.3).
        let [high, ..] = opt.map_or(0, |opt| opt.ttl).to_be_bytes();
        let rcode = rcode | u16::from(high) << 4;

        let folded = wire.to_ascii_lowercase();
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
            name: text_of(&folded),
            qtype,
            rcode,
            answers,
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
    let mut reader = Reader { message: response, at: 0 };
    let Header { answers, authorities, additional, .. } = reader.header()?;
    reader.plain_name()?;
    reader.take(4)?;
    for _ in 0..u32::from(answers) + u32::from(authorities) {
        reader.record()?;
    }
    (additional > 0).then_some(reader.at)
}

/// The client subnet among an OPT record's options.
fn subnet_in(options: &[u8]) -> Option<Subnet> {
    let mut reader = Reader { message: options, at: 0 };
    loop {
        let code = reader.u16()?;
        let length = reader.u16()?;
        let data = reader.take(length.into())?;
        if code == dns::option::SUBNET {
            return Subnet::read(data);
        }
    }
}

/// A name's text, with the root's dot.
fn text_of(mut wire: &[u8]) -> String {
    let mut text = String::with_capacity(wire.len() + 1);
    while let Some((&length, rest)) = wire.split_first() {
        let Some((label, rest)) = rest.split_at_checked(length.into()) else { break };
        if length == 0 {
            break;
        }
        escape(label, &mut text);
        text.push('.');
        wire = rest;
    }
    if text.is_empty() {
        text.push('.');
    }
    text
}

/// Octets of a message, read one after another.
struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

/// What of a header is wanted here.
struct Header {
    rcode: u16,
    answers: u16,
    authorities: u16,
    additional: u16,
}

/// A resource record.
struct Record<'m> {
    rtype: u16,
    ttl: u32,
    data: &'m [u8],
    /// Where the data begin in the message.
    at: usize,
}

impl<'m> Reader<'m> {
    fn take(&mut self, n: usize) -> Option<&'m [u8]> {
        let taken = self.message.get(self.at..self.at.checked_add(n)?)?;
        self.at += n;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.take(2)?.first_chunk()?))
    }

    fn header(&mut self) -> Option<Header> {
        let [_id, flags, _questions, answers, authorities, additional] =
            [self.u16()?, self.u16()?, self.u16()?, self.u16()?, self.u16()?, self.u16()?];
        Some(Header { rcode: flags & RCODE_BITS, answers, authorities, additional })
    }

    /// An uncompressed name, such as the question's.
    fn plain_name(&mut self) -> Option<&'m [u8]> {
        let start = self.at;
        loop {
            match *self.take(1)?.first()? {
                0 => return self.message.get(start..self.at),
                length @ 1..=63 => self.take(length.into())?,
                _ => return None,
            };
        }
    }

    fn skip_name(&mut self) -> Option<()> {
        loop {
            match *self.take(1)?.first()? {
                0 => return Some(()),
                length @ 1..=63 => drop(self.take(length.into())?),
                0xc0.. => return self.take(1).map(drop),
                _ => return None,
            }
        }
    }

    fn record(&mut self) -> Option<Record<'m>> {
        self.skip_name()?;
        let rtype = self.u16()?;
        self.u16()?;
        let ttl = u32::from_be_bytes(*self.take(4)?.first_chunk()?);
        let length = self.u16()?;
        let at = self.at;
        Some(Record { rtype, ttl, data: self.take(length.into())?, at })
    }

    /// A name that may be compressed, as text.
    fn name(mut self) -> Option<String> {
        let mut wire = Vec::with_capacity(MAX_NAME_OCTETS);
        let mut pointers = 0;
        while wire.len() < MAX_NAME_OCTETS {
            match *self.take(1)?.first()? {
                0 => return Some(text_of(&wire)),
                length @ 1..=63 => {
                    wire.push(length);
                    wire.extend_from_slice(self.take(length.into())?);
                }
                0xc0.. if pointers < MOST_POINTERS => {
                    pointers += 1;
                    self.at -= 1;
                    self.at = usize::from(self.u16()? & !POINTER);
                }
                _ => return None,
            }
        }
        None
    }
}

impl Record<'_> {
    /// The record's data as geodns logs them: of MX and SRV just the name, of TXT the strings with
    /// spaces between.
    fn text(&self, message: &[u8]) -> Option<String> {
        let name_at = |skip: usize| Reader { message, at: self.at + skip }.name();
        match RecordType::from(self.rtype) {
            RecordType::A => Some(Ipv4Addr::from(*self.data.first_chunk::<4>()?).to_string()),
            RecordType::AAAA => Some(Ipv6Addr::from(*self.data.first_chunk::<16>()?).to_string()),
            RecordType::CNAME | RecordType::NS => name_at(0),
            RecordType::MX => name_at(2),
            RecordType::SRV => name_at(6),
            RecordType::TXT => {
                let mut reader = Reader { message: self.data, at: 0 };
                let mut texts = Vec::new();
                while let Some(&[length]) = reader.take(1) {
                    texts.push(String::from_utf8_lossy(reader.take(length.into())?));
                }
                Some(texts.join(" "))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
