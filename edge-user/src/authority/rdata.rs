//! A zone's record data come in; RDATA as on the wire goes out.

use edge_common::wire::dns::{CLASS_IN, HEADER_OCTETS, POINTER, TYPE_SOA};

use super::compression;
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

/// The pointer to the zone's apex in a question whose QNAME, of `name_octets`, is in the zone.
pub(super) fn apex_pointer(zone: &Zone, name_octets: usize) -> u16 {
    let at = (HEADER_OCTETS + name_octets).saturating_sub(zone.apex.folded().len());
    // A name has 255 octets at most.
    POINTER | u16::try_from(at).unwrap_or_default()
}

/// A name in the data of a type of RFC 1035, where compression is allowed (RFC 3597 §4).
pub(super) fn write_name(name: &Name, out: &mut Vec<u8>) {
    compression::write(name.wire(), out);
}

pub(super) fn write_mx(mx: &Mx, out: &mut Vec<u8>) {
    out.extend(mx.preference.to_be_bytes());
    write_name(&mx.exchange, out);
}

/// The data of a SOA record, of which [`soa_record`] is the whole.
pub(super) fn write_soa(record: &[u8], out: &mut Vec<u8>) {
    let mut rest = record.get(12..).unwrap_or_default();
    for _ in 0..2 {
        let Some((name, behind)) = rest.split_at_checked(compression::octets(rest)) else { return };
        compression::write(name, out);
        rest = behind;
    }
    out.extend_from_slice(rest);
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
    use super::{apex_pointer, soa_record, write_soa, write_text};
    use crate::zone::{Zone, parse};
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
    fn the_apex_is_the_end_of_the_question() {
        assert_eq!(apex_pointer(&zone(), 17), 0xc010);
        assert_eq!(apex_pointer(&zone(), 13), 0xc00c);
    }

    #[test]
    fn the_names_of_a_soa_record_are_compressed_in_an_answer() {
        let mut out = vec![0; 12];
        out.extend_from_slice(b"\x07Example\x03com\0\0\x06\0\x01");
        let question = out.len();
        let record = soa_record(&zone());
        write_soa(&record, &mut out);
        let rest = &record[record.len() - 20..];
        assert_eq!(
            out[question..],
            [b"\x03ns1\x07example\x03net\0\x0ahostmaster\xc0\x0c", rest].concat()
        );
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
