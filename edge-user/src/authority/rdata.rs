//! A zone's record data come in; RDATA as on the wire goes out.

use edge_common::wire::dns::{CLASS_IN, HEADER_OCTETS, POINTER, TYPE_SOA};

use crate::zone::{Mx, Name, Srv, Zone, record::character_strings};

/// The zone's SOA record as on the wire, uncompressed but for its owner: that is a pointer to the apex in the
/// question, here two zero octets in its place. The TTL is the lesser of the record's own and MINIMUM
/// (RFC 2308 §3), so that the record is fit for negative answers and the same in all.
#[must_use]
pub fn soa_record(zone: &Zone) -> Vec<u8> {
    let soa = zone.soa();
    let mut record = vec![0, 0];
    record.extend(TYPE_SOA.to_be_bytes());
    record.extend(CLASS_IN.to_be_bytes());
    record.extend(soa.ttl.min(soa.minimum).to_be_bytes());
    let at = record.len();
    record.extend([0, 0]);
    record.extend_from_slice(soa.mname.wire());
    record.extend_from_slice(soa.rname.wire());
    for number in [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum] {
        record.extend(number.to_be_bytes());
    }
    // Two names and five numbers are 530 octets at most.
    let octets = u16::try_from(record.len() - at - 2).unwrap_or_default();
    if let Some(length) = record.get_mut(at..at + 2) {
        length.copy_from_slice(&octets.to_be_bytes());
    }
    record
}

/// The zone apex inside a question: what names in the answer are compressed against.
#[derive(Clone, Copy)]
pub(super) struct Apex<'z> {
    folded: &'z [u8],
    /// The pointer to it.
    pub(super) pointer: u16,
}

impl<'z> Apex<'z> {
    /// Of the zone that a QNAME of `name_octets` belongs to.
    pub(super) fn new(zone: &'z Zone, name_octets: usize) -> Self {
        let folded = zone.apex.folded();
        let at = (HEADER_OCTETS + name_octets).saturating_sub(folded.len());
        // A name has 255 octets at most.
        Self { folded, pointer: POINTER | u16::try_from(at).unwrap_or_default() }
    }

    /// Writes a name in record data of a type of RFC 1035, where compression is allowed (RFC 3597 §4).
    pub(super) fn write(&self, name: &Name, out: &mut Vec<u8>) {
        let (wire, folded) = (name.wire(), name.folded());
        // Under a root apex nothing would be saved.
        let own = folded.len().checked_sub(self.folded.len()).filter(|_| self.folded.len() > 2);
        match own.and_then(|own| wire.get(..own)) {
            Some(labels) if folded.ends_with(self.folded) && is_whole(labels) => {
                out.extend_from_slice(labels);
                out.extend(self.pointer.to_be_bytes());
            }
            _ => out.extend_from_slice(wire),
        }
    }

    pub(super) fn write_mx(&self, mx: &Mx, out: &mut Vec<u8>) {
        out.extend(mx.preference.to_be_bytes());
        self.write(&mx.exchange, out);
    }
}

/// Whether the octets are whole labels, so that what follows them is a name.
fn is_whole(mut labels: &[u8]) -> bool {
    while let Some((&length, rest)) = labels.split_first() {
        let Some(rest) = rest.get(length.into()..) else { return false };
        labels = rest;
    }
    true
}

/// The target of an SRV record is never compressed (RFC 2782).
pub(super) fn write_srv(srv: &Srv, out: &mut Vec<u8>) {
    for number in [srv.priority, srv.weight, srv.port] {
        out.extend(number.to_be_bytes());
    }
    out.extend_from_slice(srv.target.wire());
}

/// A text, in as many character-strings as it needs; an empty one is one empty string.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    if text.is_empty() {
        out.push(0);
    }
    for string in character_strings(text) {
        out.push(u8::try_from(string.len()).unwrap_or_default());
        out.extend_from_slice(string);
    }
}

#[cfg(test)]
mod tests {
    use super::{Apex, soa_record, write_text};
    use crate::zone::{Name, Zone, parse};
    use std::path::Path;
    use std::time::UNIX_EPOCH;

    fn zone() -> Zone {
        let text = br#"{"serial": 258, "ttl": 30, "data": {"": {"ns": ["ns1.example.net."]}}}"#;
        parse("Example.com", text, UNIX_EPOCH, Path::new("z")).unwrap()
    }

    #[test]
    fn the_soa_record_is_uncompressed_behind_its_owner() {
        let mut expect = b"\0\0\0\x06\0\x01\0\0\x01\x2c\0\x40".to_vec();
        expect.extend_from_slice(b"\x03ns1\x07example\x03net\0\x0ahostmaster\x07Example\x03com\0");
        for number in [258_u32, 5400, 5400, 1_209_600, 3600] {
            expect.extend(number.to_be_bytes());
        }
        let record = soa_record(&zone());
        assert_eq!(usize::from(record[11]), record.len() - 12);
        expect[11] = record[11];
        assert_eq!(record, expect);
    }

    #[test]
    fn a_name_in_the_zone_ends_with_a_pointer_to_the_apex() {
        let zone = zone();
        let apex = Apex::new(&zone, 17);
        let written = |text: &str| {
            let mut out = Vec::new();
            apex.write(&Name::parse(text).unwrap(), &mut out);
            out
        };
        assert_eq!(apex.pointer, 0xc010);
        assert_eq!(written("Web.example.COM"), b"\x03Web\xc0\x10");
        assert_eq!(written("example.com"), b"\xc0\x10");
        assert_eq!(written("example.net"), b"\x07example\x03net\0");
        // The apex's octets at the end, but not at a label's border: 7 is an octet of the label.
        assert_eq!(written(r"a\007example.com"), b"\x09a\x07example\x03com\0");
    }

    #[test]
    fn a_text_has_at_least_one_string() {
        let mut out = Vec::new();
        write_text("", &mut out);
        assert_eq!(out, [0]);
        write_text(&"x".repeat(256), &mut out);
        assert_eq!((out.len(), out[1], out[257]), (259, 255, 1));
    }
}
