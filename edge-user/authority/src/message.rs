//! A reader for queries and their EDNS options.
//!
//! Everything but the header is read by [`edge_zone::wire`]. This module must distinguish between a
//! malformed option, a second OPT record and an unknown version. A general decoder has one error
//! for all of them, or writes a line to the log.

use edge_common::cookie::Cookie;
use edge_common::subnet::Subnet;
use edge_common::wire::dns::{HEADER_OCTETS, TYPE_OPT, option};
use hickory_proto::op::{Header, MessageType, Metadata, OpCode, ResponseCode};
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder};

use edge_zone::wire::{Question, Reader, ResourceRecord};

/// The TCP Keepalive option (RFC 7828 §3.1).
pub(super) const KEEPALIVE: u16 = 11;
/// Seconds for which a TCP connection may be idle.
pub(super) const IDLE_SECONDS: u16 = 8;
/// The same in the unit of the option: tenths of seconds (RFC 7828 §3.1).
pub(super) const KEEPALIVE_TIMEOUT: u16 = IDLE_SECONDS * 10;
/// DO in the extended flags (RFC 3225 §3).
pub(super) const DNSSEC_OK: u16 = 1 << 15;

/// A query with one question, or with none but a cookie.
#[derive(Clone, Debug)]
pub(super) struct Query<'m> {
    /// ID and flags.
    pub(super) metadata: Metadata,
    /// QNAME as received; empty without a question.
    pub(super) name: &'m [u8],
    /// QNAME, QTYPE and QCLASS as received; empty without a question.
    pub(super) question: &'m [u8],
    /// QTYPE.
    pub(super) rtype: u16,
    /// QCLASS.
    pub(super) class: u16,
    /// The content of its OPT record, if it has one.
    pub(super) edns: Option<Edns>,
}

/// The content of an OPT record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Edns {
    /// Octets of the largest UDP payload the client takes.
    pub(super) udp_payload: u16,
    /// The options of versions other than 0 aren't read.
    pub(super) version: u8,
    /// The DO bit.
    pub(super) dnssec_ok: bool,
    /// Whether the server's identifier is asked for.
    pub(super) nsid: bool,
    /// The client's subnet; of several the last.
    pub(super) subnet: Option<Subnet>,
    /// The cookie; of several the first (RFC 7873 §5.2).
    pub(super) cookie: Option<Cookie>,
    /// Whether it is asked how long a connection may be idle.
    pub(super) keepalive: bool,
    /// More than one OPT record, or an option that isn't what it should be.
    pub(super) is_malformed: bool,
}

/// The fate of a message that can't be answered from its question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Refusal {
    /// No answer: a response, or not a message at all.
    Silence,
    /// A bare header.
    Header(Metadata, ResponseCode),
}

/// Reads a message.
pub(super) fn read(message: &[u8]) -> Result<Query<'_>, Refusal> {
    let Ok(header) = Header::read(&mut BinDecoder::new(message)) else {
        return Err(Refusal::Silence);
    };
    if header.message_type == MessageType::Response {
        return Err(Refusal::Silence);
    }
    let metadata = header.metadata;
    if metadata.op_code != OpCode::Query {
        return Err(Refusal::Header(metadata, ResponseCode::NotImp));
    }
    read_sections(message, &header).ok_or(Refusal::Header(metadata, ResponseCode::FormErr))
}

fn read_sections<'m>(message: &'m [u8], header: &Header) -> Option<Query<'m>> {
    let counts = header.counts;
    if counts.queries > 1 || counts.answers > 1 || counts.authorities > 1 || counts.additionals > 2
    {
        return None;
    }
    let mut reader = Reader::at(message, HEADER_OCTETS);
    let mut query = Query {
        metadata: header.metadata,
        name: &[],
        question: &[],
        rtype: 0,
        class: 0,
        edns: None,
    };
    if counts.queries == 1 {
        let Question { name, rtype, class, octets } = reader.question()?;
        (query.name, query.rtype, query.class, query.question) = (name, rtype, class, octets);
    }
    for _ in 0..counts.answers + counts.authorities {
        reader.record()?;
    }
    for _ in 0..counts.additionals {
        let record = reader.record()?;
        if record.rtype != TYPE_OPT {
            continue;
        }
        match &mut query.edns {
            Some(first) => first.is_malformed = true,
            None => query.edns = Some(read_opt(&record)),
        }
    }
    // Without a question there must be a cookie to talk about (RFC 7873 §5.4).
    let has_cookie = query.edns.as_ref().is_some_and(|edns| edns.cookie.is_some());
    (counts.queries == 1 || has_cookie).then_some(query)
}

fn read_opt(record: &ResourceRecord<'_>) -> Edns {
    let [_, version, high, low] = record.ttl.to_be_bytes();
    let mut edns = Edns {
        udp_payload: record.class,
        version,
        dnssec_ok: u16::from_be_bytes([high, low]) & DNSSEC_OK != 0,
        is_malformed: record.owner != [0],
        ..Edns::default()
    };
    if version == 0 && read_options(record.data, &mut edns).is_none() {
        edns.is_malformed = true;
    }
    edns
}

fn read_options(options: &[u8], edns: &mut Edns) -> Option<()> {
    let mut reader = Reader::new(options);
    while !reader.rest().is_empty() {
        let (code, data) = reader.option()?;
        match code {
            option::NSID => edns.nsid = true,
            option::SUBNET => edns.subnet = Some(Subnet::read(data)?),
            KEEPALIVE => edns.keepalive = true,
            option::COOKIE => {
                let cookie = Cookie::read(data)?;
                edns.cookie.get_or_insert(cookie);
            }
            _ => {}
        }
    }
    Some(())
}
