//! Record data in wire format.
//!
//! Names in the data of the types of RFC 1035 are compressed (RFC 3597 §4), but a pointer never
//! leads into the question. So an answer can be made in advance; it depends on the question only by
//! the length of its name.

use edge_common::wire::dns::{CLASS_IN, HEADER_OCTETS, POINTER, TYPE_SOA};

use hickory_proto::rr::RecordType;

mod compression;
mod writer;

pub use writer::RecordWriter;
use writer::records;

use crate::wire::Reader;
use crate::{Mx, Name, Record, Records, Srv, Zone, record::character_strings};

/// The zone's SOA record as on the wire, uncompressed except for its owner, which is a pointer to
/// the apex in the question, here two zero octets in its place. The TTL is the lesser of the
/// record's own and MINIMUM (RFC 2308 §3), so that the record is fit for negative answers and the
/// same in all.
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
pub fn apex_pointer(zone: &Zone, name_octets: usize) -> u16 {
    let at = (HEADER_OCTETS + name_octets).saturating_sub(zone.apex.folded().len());
    // A name has 255 octets at most.
    POINTER | u16::try_from(at).unwrap_or_default()
}

/// A name in the data of a type of RFC 1035, where compression is allowed (RFC 3597 §4).
pub fn write_name(name: &Name, out: &mut Vec<u8>) {
    compression::write(name.wire(), out);
}

/// The data of an MX record.
pub fn write_mx(mx: &Mx, out: &mut Vec<u8>) {
    out.extend(mx.preference.to_be_bytes());
    write_name(&mx.exchange, out);
}

/// The data of a SOA record.
pub fn write_soa(data: &[u8], out: &mut Vec<u8>) {
    let mut reader = Reader::new(data);
    for _ in 0..2 {
        let Some(name) = reader.name() else { return };
        compression::write(name, out);
    }
    out.extend_from_slice(reader.rest());
}

/// The data of the record that [`soa_record`] makes.
pub fn soa_data(record: &[u8]) -> &[u8] {
    record.get(12..).unwrap_or_default()
}

/// The target of an SRV record is never compressed (RFC 2782).
pub fn write_srv(srv: &Srv, out: &mut Vec<u8>) {
    for number in [srv.priority, srv.weight, srv.port] {
        out.extend(number.to_be_bytes());
    }
    out.extend_from_slice(srv.target.wire());
}

/// A text, in as many character-strings as it needs; an empty one is one empty string.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    if text.is_empty() {
        out.push(0);
    }
    for string in character_strings(text) {
        out.push(u8::try_from(string.len()).unwrap_or_default());
        out.extend_from_slice(string);
    }
}

/// The data of a set's records without any compression, with their weights; none of the SOA record.
pub fn uncompressed(records: Records<'_>) -> Vec<(Box<[u8]>, u32)> {
    fn each<T>(records: &[Record<T>], write: impl Fn(&T, &mut Vec<u8>)) -> Vec<(Box<[u8]>, u32)> {
        let data = |record: &Record<T>| {
            let mut data = Vec::new();
            write(&record.data, &mut data);
            (data.into_boxed_slice(), record.weight)
        };
        records.iter().map(data).collect()
    }
    match records {
        Records::None | Records::Soa => Vec::new(),
        Records::A(records) => each(records, |ip, out| out.extend_from_slice(&ip.octets())),
        Records::Aaaa(records) => each(records, |ip, out| out.extend_from_slice(&ip.octets())),
        Records::Ns(records) | Records::Cname(records) | Records::Ptr(records) => {
            each(records, |name, out| out.extend_from_slice(name.wire()))
        }
        Records::Mx(records) => each(records, |mx, out| {
            out.extend(mx.preference.to_be_bytes());
            out.extend_from_slice(mx.exchange.wire());
        }),
        Records::Srv(records) => each(records, write_srv),
        Records::Txt(records) | Records::Spf(records) => {
            each(records, |text, out| write_text(text, out))
        }
        Records::Wire(records) => each(records, |data, out| out.extend_from_slice(data)),
    }
}

/// Records of a type with these data (as [`uncompressed`]), complete, as they stand in the answer
/// section behind a question whose name has `name_octets`.
pub fn ready_made(rtype: u16, ttl: u32, name_octets: usize, data: &[&[u8]]) -> Vec<u8> {
    records(name_octets, |writer| {
        for &data in data {
            writer.answer(rtype, ttl, |out| match RecordType::from(rtype) {
                RecordType::NS | RecordType::CNAME | RecordType::PTR => {
                    compression::write(data, out);
                }
                RecordType::MX => {
                    let (preference, exchange) = data.split_at_checked(2).unwrap_or((data, &[]));
                    out.extend_from_slice(preference);
                    compression::write(exchange, out);
                }
                RecordType::SOA => write_soa(data, out),
                _ => out.extend_from_slice(data),
            });
        }
    })
}

/// What answers ANY (RFC 8482 §4.2): a HINFO record that names the RFC.
pub const ANY_HINFO: &[u8] = b"\x07RFC8482\0";

#[cfg(test)]
mod tests {
    use super::{apex_pointer, ready_made, soa_data, soa_record, write_text};
    use crate::{Zone, parse};
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
    fn a_soa_record_answers_with_the_data_of_negative_answers() {
        let record = soa_record(&zone());
        let answer = ready_made(6, 300, 13, &[soa_data(&record)]);
        assert_eq!(answer[..2], [0xc0, 12]);
        assert_eq!(answer[2..], record[2..]);
    }

    #[test]
    fn ready_made_records_point_to_data_before_them_by_the_questions_length() {
        let names: [&[u8]; 2] = [b"\x01a\x03org\0", b"\x01b\x03org\0"];
        for octets in [1_u8, 3, 17, 64, 65, 66, 67, 130, 200] {
            let answer = ready_made(2, 7, octets.into(), &names);
            // Behind header, question, the first record's front and `a`.
            let org = 12 + u16::from(octets) + 4 + 12 + 2;
            assert_eq!(
                answer[19..][12..],
                [&[1, b'b'][..], &(0xc000 | org).to_be_bytes()].concat()
            );
        }
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
