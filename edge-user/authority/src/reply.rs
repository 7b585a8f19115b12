//! A writer for responses: it keeps to the limit, and sets TC beyond it.

use edge_common::wire::dns::{HEADER_OCTETS, UDP_PAYLOAD_OCTETS, option};
use hickory_proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_proto::serialize::binary::{BinEncodable as _, BinEncoder};
use zerocopy::IntoBytes as _;

use super::message::{DNSSEC_OK, KEEPALIVE, KEEPALIVE_TIMEOUT, Query};
use edge_zone::rdata::RecordWriter;

/// A response in the making.
pub(super) struct Reply<'o> {
    records: RecordWriter<'o>,
    limit: usize,
    /// Octets up to the question's end.
    question_end: usize,
    authorities: u16,
}

/// The content of a response beside its records.
pub(super) struct Closing<'a> {
    pub(super) code: ResponseCode,
    /// AA.
    pub(super) authoritative: bool,
    /// The server's identifier, written if the query asks for it; empty for none.
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
        let question_end = out.len();
        Self { records: RecordWriter::new(out, limit), limit, question_end, authorities: 0 }
    }

    /// Adds a record of class IN owned by the question's name.
    pub(super) fn answer(&mut self, rtype: u16, ttl: u32, data: impl FnOnce(&mut Vec<u8>)) {
        self.records.answer(rtype, ttl, data);
    }

    /// Adds a record of some type and class owned by the question's name.
    pub(super) fn record(
        &mut self,
        rtype_and_class: (u16, u16),
        ttl: u32,
        data: impl FnOnce(&mut Vec<u8>),
    ) {
        self.records.record(rtype_and_class, ttl, data);
    }

    /// Adds the zone's SOA record to the authority section.
    pub(super) fn soa(&mut self, record: &[u8], apex: u16) {
        let out = &mut self.records.out;
        out.extend(apex.to_be_bytes());
        out.extend_from_slice(record.get(2..).unwrap_or_default());
        self.authorities += 1;
    }

    /// Completes the response. If it doesn't fit, it is truncated: all records except OPT are
    /// removed, and TC is set.
    pub(super) fn finish(self, query: &Query<'_>, closing: &Closing<'_>) {
        let Self { records, limit, question_end, mut authorities } = self;
        let (mut answers, mut is_truncated) = (records.answers(), records.is_truncated());
        let out = records.out;
        let end = out.len();
        write_opt(out, query, closing, closing.nsid);
        is_truncated |= out.len() > limit;
        if is_truncated {
            out.truncate(question_end);
            write_opt(out, query, closing, closing.nsid);
            if out.len() > limit {
                out.truncate(question_end);
                write_opt(out, query, closing, "");
            }
            (answers, authorities) = (0, 0);
        }
        let mut metadata = Metadata::response_from_request(&query.metadata);
        metadata.authoritative = closing.authoritative;
        metadata.truncation = is_truncated && end > question_end;
        metadata.response_code = closing.code;
        let counts = HeaderCounts {
            queries: (!query.question.is_empty()).into(),
            answers,
            authorities,
            additionals: query.edns.is_some().into(),
        };
        write_header(out, metadata, counts);
    }
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
    // The encoder fails only if `out` is too short, and it isn't.
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
        write_option(out, option::NSID, &[nsid.as_bytes()]);
    }
    if let Some(subnet) = &edns.subnet {
        let [high, low] = subnet.family.to_be_bytes();
        let front = [high, low, subnet.source_prefix, closing.scope];
        let octets = subnet.octets();
        let given = octets.get(..usize::from(subnet.source_prefix.div_ceil(8)));
        write_option(out, option::SUBNET, &[&front, given.unwrap_or_default()]);
    }
    if let Some((client, server)) = &closing.cookie {
        write_option(out, option::COOKIE, &[client.as_bytes(), server.as_bytes()]);
    }
    if edns.keepalive && closing.stream {
        write_option(out, KEEPALIVE, &[&KEEPALIVE_TIMEOUT.to_be_bytes()]);
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
