//! A query and the records of its answer come in; the response's octets go out, within their limit.

use edge_common::cookie;
use edge_common::subnet;
use edge_common::wire::dns::{
    CLASS_IN, HEADER_OCTETS, POINTER, TYPE_CLASS_OCTETS, UDP_PAYLOAD_OCTETS,
};
use hickory_proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_proto::serialize::binary::{BinEncodable as _, BinEncoder};
use zerocopy::IntoBytes as _;

use super::message::{DNSSEC_OK, KEEPALIVE, NSID, Query};
use super::tcp;

/// A pointer to the question's name, which owns every record of an answer.
#[expect(clippy::cast_possible_truncation, reason = "the question begins at octet 12")]
const QNAME: u16 = POINTER | HEADER_OCTETS as u16;

/// A response in the making.
pub(super) struct Reply<'o> {
    out: &'o mut Vec<u8>,
    limit: usize,
    /// Octets up to the question's end.
    question_end: usize,
    answers: u16,
    authorities: u16,
    is_truncated: bool,
}

/// What a response says beside its records.
pub(super) struct Closing<'a> {
    pub(super) code: ResponseCode,
    /// AA.
    pub(super) authoritative: bool,
    /// The server's identifier, to be given if it was asked for; none if empty.
    pub(super) nsid: &'a str,
    /// SCOPE PREFIX-LENGTH, if the query had a client subnet.
    pub(super) scope: u8,
    /// Client and server cookie (octets in memory order), if the query had one.
    pub(super) cookie: Option<(u64, [u64; 2])>,
    /// Whether the answer goes over a stream.
    pub(super) stream: bool,
}

impl<'o> Reply<'o> {
    /// Begins a response of at most `limit` octets in `out`, whose content is replaced.
    pub(super) fn new(out: &'o mut Vec<u8>, query: &Query<'_>, limit: usize) -> Self {
        out.clear();
        out.resize(HEADER_OCTETS, 0);
        out.extend_from_slice(query.question);
        Self {
            question_end: out.len(),
            out,
            limit,
            answers: 0,
            authorities: 0,
            is_truncated: false,
        }
    }

    /// Adds a record of class IN owned by the question's name.
    pub(super) fn answer(&mut self, rtype: u16, ttl: u32, data: impl FnOnce(&mut Vec<u8>)) {
        self.record((rtype, CLASS_IN), ttl, data);
    }

    /// Adds a record of some type and class owned by the question's name.
    pub(super) fn record(
        &mut self,
        (rtype, class): (u16, u16),
        ttl: u32,
        data: impl FnOnce(&mut Vec<u8>),
    ) {
        if self.is_truncated {
            return;
        }
        self.out.extend(QNAME.to_be_bytes());
        self.out.extend(rtype.to_be_bytes());
        self.out.extend(class.to_be_bytes());
        self.out.extend(ttl.to_be_bytes());
        let at = self.out.len();
        self.out.extend([0, 0]);
        data(self.out);
        match (u16::try_from(self.out.len() - at - 2), self.out.get_mut(at..at + 2)) {
            (Ok(octets), Some(length)) => length.copy_from_slice(&octets.to_be_bytes()),
            // The reader of zones lets no such record pass.
            _ => self.is_truncated = true,
        }
        self.answers += 1;
        self.is_truncated |= self.out.len() > self.limit;
    }

    /// Adds the zone's SOA record to the authority section.
    pub(super) fn soa(&mut self, record: &[u8], apex: u16) {
        self.out.extend(apex.to_be_bytes());
        self.out.extend_from_slice(record.get(2..).unwrap_or_default());
        self.authorities += 1;
    }

    /// Completes the response. What doesn't fit is truncated: all records but OPT go, and TC says so.
    pub(super) fn finish(mut self, query: &Query<'_>, closing: &Closing<'_>) {
        let end = self.out.len();
        write_opt(self.out, query, closing, closing.nsid);
        self.is_truncated |= self.out.len() > self.limit;
        if self.is_truncated {
            self.out.truncate(self.question_end);
            write_opt(self.out, query, closing, closing.nsid);
            if self.out.len() > self.limit {
                self.out.truncate(self.question_end);
                write_opt(self.out, query, closing, "");
            }
            (self.answers, self.authorities) = (0, 0);
        }
        let mut metadata = Metadata::response_from_request(&query.metadata);
        metadata.authoritative = closing.authoritative;
        metadata.truncation = self.is_truncated && end > self.question_end;
        metadata.response_code = closing.code;
        let counts = HeaderCounts {
            queries: (!query.question.is_empty()).into(),
            answers: self.answers,
            authorities: self.authorities,
            additionals: query.edns.is_some().into(),
        };
        write_header(self.out, metadata, counts);
    }
}

/// The octets of answers as they stand behind a question whose name has `name_octets`, 1 to 255.
pub(super) fn records(name_octets: usize, write: impl FnOnce(&mut Reply<'_>)) -> Vec<u8> {
    let mut out = vec![0; HEADER_OCTETS];
    // A name of this length, whichever: what follows doesn't depend on its letters.
    let mut rest = name_octets.saturating_sub(1);
    while rest > 0 {
        // What is left over must not be a label's length octet alone.
        let label = if rest == 65 { 63 } else { rest.min(64) };
        out.push(u8::try_from(label - 1).unwrap_or_default());
        out.resize(out.len() + label - 1, b'x');
        rest -= label;
    }
    out.resize(HEADER_OCTETS + name_octets + TYPE_CLASS_OCTETS, 0);
    let question_end = out.len();
    let limit = usize::from(u16::MAX);
    let mut reply = Reply {
        out: &mut out,
        limit,
        question_end,
        answers: 0,
        authorities: 0,
        is_truncated: false,
    };
    write(&mut reply);
    out.split_off(question_end)
}

/// Writes a response without any section into `out`, whose content is replaced.
pub(super) fn bare_header(out: &mut Vec<u8>, query: &Metadata, code: ResponseCode) {
    out.clear();
    out.resize(HEADER_OCTETS, 0);
    let mut metadata = Metadata::response_from_request(query);
    metadata.response_code = code;
    write_header(out, metadata, HeaderCounts::default());
}

/// Writes the header over the first octets of `out`.
fn write_header(out: &mut Vec<u8>, metadata: Metadata, counts: HeaderCounts) {
    // The encoder fails only for want of room, and there is.
    Header { metadata, counts }.emit(&mut BinEncoder::new(out)).unwrap_or_default();
}

/// Our OPT record, if the query had one.
fn write_opt(out: &mut Vec<u8>, query: &Query<'_>, closing: &Closing<'_>, nsid: &str) {
    let Some(edns) = &query.edns else { return };
    let flags = if edns.dnssec_ok { DNSSEC_OK } else { 0 };
    out.extend([0, 0, 41]);
    out.extend(UDP_PAYLOAD_OCTETS.to_be_bytes());
    out.extend([closing.code.high(), 0]);
    out.extend(flags.to_be_bytes());
    let at = out.len();
    out.extend([0, 0]);
    if edns.nsid && !nsid.is_empty() {
        write_option(out, NSID, &[nsid.as_bytes()]);
    }
    if let Some(subnet) = &edns.subnet {
        let [high, low] = subnet.family.to_be_bytes();
        let front = [high, low, subnet.source_prefix, closing.scope];
        let octets = subnet.octets();
        let given = octets.get(..usize::from(subnet.source_prefix.div_ceil(8)));
        write_option(out, subnet::OPTION, &[&front, given.unwrap_or_default()]);
    }
    if let Some((client, server)) = &closing.cookie {
        write_option(out, cookie::OPTION, &[client.as_bytes(), server.as_bytes()]);
    }
    if edns.keepalive && closing.stream {
        write_option(out, KEEPALIVE, &[&tcp::KEEPALIVE.to_be_bytes()]);
    }
    let octets = u16::try_from(out.len() - at - 2).unwrap_or_default();
    if let Some(length) = out.get_mut(at..at + 2) {
        length.copy_from_slice(&octets.to_be_bytes());
    }
}

fn write_option(out: &mut Vec<u8>, code: u16, parts: &[&[u8]]) {
    let octets: usize = parts.iter().map(|part| part.len()).sum();
    out.extend(code.to_be_bytes());
    out.extend(u16::try_from(octets).unwrap_or_default().to_be_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
}
