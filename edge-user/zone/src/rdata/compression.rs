//! Compression of names in record data (RFC 1035 §4.1.4).
//!
//! The longest end of a name that already stands in the message is replaced by a pointer. Only the
//! data of the first records are searched, and of these only the types of RFC 1035, since names in
//! other types may not be pointed to (RFC 3597 §4).
//!
//! The question is not searched. Its letters may have any case (RFC 4343), and an answer must not
//! depend on that. So an answer can be made in advance, by the length of the question's name alone.
//! Letters are written in the zone's case, and a name in another case is not pointed to.

use edge_common::wire::dns::{HEADER_OCTETS, POINTER, TYPE_CLASS_OCTETS};
use hickory_proto::rr::RecordType;

use crate::name::suffixes;
use crate::wire::{NameLabels, Reader};

/// Records whose names are looked at, so that a long answer doesn't take quadratic time.
const MOST_RECORDS: usize = 32;
/// Pointers on the way from where a pointer leads to a name's end. Some readers follow few.
const MOST_HOPS: usize = 2;
/// A pointer's octets; nothing shorter is worth one.
const POINTER_OCTETS: usize = 2;

/// Appends `name` (wire format) to the message `out`, the data of whose last record are being
/// written.
pub(super) fn write(name: &[u8], out: &mut Vec<u8>) {
    for end in suffixes(name).take_while(|end| end.len() > POINTER_OCTETS) {
        if let Some(at) = find(end, out).and_then(|at| u16::try_from(at).ok())
            && at & POINTER == 0
        {
            out.extend_from_slice(name.get(..name.len() - end.len()).unwrap_or_default());
            out.extend((POINTER | at).to_be_bytes());
            return;
        }
    }
    out.extend_from_slice(name);
}

/// Where `name` stands in a message.
fn find(name: &[u8], message: &[u8]) -> Option<usize> {
    let mut reader = Reader::at(message, HEADER_OCTETS);
    reader.skip_name()?;
    reader.take(TYPE_CLASS_OCTETS)?;
    for _ in 0..MOST_RECORDS {
        let record = reader.record()?;
        // The record that is being written has no length yet.
        if record.data.is_empty() {
            return None;
        }
        let (before, names) = match RecordType::from(record.rtype) {
            RecordType::NS | RecordType::CNAME | RecordType::PTR => (0, 1),
            RecordType::MX => (2, 1),
            RecordType::SOA => (0, 2),
            _ => continue,
        };
        let mut data = Reader::at(message, record.data_at + before);
        for _ in 0..names {
            if let Some(found) = find_in(name, message, data) {
                return Some(found);
            }
            data.skip_name()?;
        }
    }
    None
}

/// Where `name` is the end of the name at `reader`, before any pointer of that: what is behind
/// stood there before.
fn find_in(name: &[u8], message: &[u8], mut reader: Reader<'_>) -> Option<usize> {
    loop {
        let at = reader.offset();
        reader.label()?;
        let mut labels = NameLabels::at(message, at);
        if labels.by_ref().eq(NameLabels::new(name)) && labels.pointers() <= MOST_HOPS {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::Name;

    /// A message with a question for `example.com` and these records: type, octets before the name,
    /// the name.
    fn message(records: &[(u16, &[u8], &str)]) -> Vec<u8> {
        let mut out = vec![0; 12];
        out.extend_from_slice(b"\x04pool\x07example\x03com\0\0\x02\0\x01");
        for (rtype, before, name) in records {
            record(*rtype, before, name, &mut out);
        }
        out
    }

    fn record(rtype: u16, before: &[u8], name: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\xc0\x0c");
        out.extend(rtype.to_be_bytes());
        out.extend_from_slice(b"\0\x01\0\0\0\0\0\0");
        let at = out.len();
        out.extend_from_slice(before);
        write(Name::parse(name).unwrap().wire(), out);
        let length = u16::try_from(out.len() - at).unwrap();
        out[at - 2..at].copy_from_slice(&length.to_be_bytes());
    }

    /// The octets of the last record's data.
    fn last(records: &[(u16, &[u8], &str)]) -> Vec<u8> {
        let (_, others) = records.split_last().unwrap();
        message(records)[message(others).len() + 12..].to_vec()
    }

    #[test]
    fn what_stands_in_the_question_is_not_pointed_to() {
        for name in ["Web.example.com", "example.com", "pool.example.com", "com", "."] {
            assert_eq!(last(&[(2, &[], name)]), Name::parse(name).unwrap().wire(), "{name}");
        }
    }

    #[test]
    fn the_longest_end_that_stands_in_data_before_is_pointed_to() {
        let before = (2, &b""[..], "ns.example.org");
        // `ns`, `example` and `org` begin here.
        let at = u8::try_from(message(&[]).len() + 12).unwrap();
        let (example, org) = (at + 3, at + 11);
        for (name, expect) in [
            ("Web.example.org", [b"\x03Web\xc0", &[example][..]].concat()),
            ("Web.Example.org", [b"\x03Web\x07Example\xc0", &[org][..]].concat()),
            ("example.org", vec![0xc0, example]),
            ("a.ns.example.org", [b"\x01a\xc0", &[at][..]].concat()),
            ("org", vec![0xc0, org]),
            ("example.net", b"\x07example\x03net\0".to_vec()),
            (".", b"\0".to_vec()),
            // The octets of a name, but not at a label's border.
            (r"a\007example.org", [b"\x09a\x07example\xc0", &[org][..]].concat()),
        ] {
            assert_eq!(last(&[before, (2, b"", name)]), expect, "{name}");
        }
    }

    #[test]
    fn names_of_records_before_are_pointed_to() {
        let first = (2, &b""[..], "a.ntpns.org");
        let at = u8::try_from(message(&[]).len() + 12).unwrap();
        assert_eq!(last(&[first, (2, b"", "b.ntpns.org")]), [1, b'b', 0xc0, at + 2]);
        assert_eq!(last(&[first, (15, b"\0\x05", "a.ntpns.org")]), [0, 5, 0xc0, at]);
        // A name whose end is a pointer itself: to `ntpns`.
        let second = (15, &b"\0\x05"[..], "mail.ntpns.org");
        let mail = u8::try_from(message(&[first]).len() + 12 + 2).unwrap();
        assert_eq!(
            last(&[first, second, (15, b"\0\x06", "x.mail.ntpns.org")]),
            [0, 6, 1, b'x', 0xc0, mail]
        );
    }

    #[test]
    fn a_name_takes_no_more_than_three_pointers() {
        let names = ["org", "d.org", "c.d.org", "b.c.d.org", "a.b.c.d.org"];
        let records = names.map(|name| (2, &b""[..], name));
        let org = u8::try_from(message(&[]).len() + 12).unwrap();
        let d = org + 5 + 12;
        let c = d + 4 + 12;
        assert_eq!(last(&records[..2]), [1, b'd', 0xc0, org]);
        assert_eq!(last(&records[..3]), [1, b'c', 0xc0, d]);
        assert_eq!(last(&records[..4]), [1, b'b', 0xc0, c]);
        assert_eq!(last(&records), [1, b'a', 1, b'b', 0xc0, c]);
    }

    #[test]
    fn names_in_data_of_other_types_are_not_pointed_to() {
        let srv = (33, &b"\0\0\0\0\0\x7b"[..], "a.ntpns.org");
        assert_eq!(last(&[srv, (2, b"", "ntpns.org")]), b"\x05ntpns\x03org\0");
    }

    #[test]
    fn only_the_first_records_are_searched() {
        let mut records: Vec<(u16, &[u8], &str)> = vec![(16, b"\x03", "abc"); 32];
        records.extend([(2, &b""[..], "ntpns.org"), (2, b"", "ntpns.org")]);
        assert_eq!(last(&records), b"\x05ntpns\x03org\0");
        assert_eq!(last(&records[1..]).len(), 2);
    }

    #[test]
    fn a_name_too_far_behind_is_not_pointed_to() {
        let mut out = message(&[]);
        let filler = vec![b'x'; 0x3fff];
        record(16, &filler, ".", &mut out);
        record(2, b"", "ntpns.org", &mut out);
        let octets = out.len();
        record(2, b"", "ntpns.org", &mut out);
        assert_eq!(out[octets + 12..], *b"\x05ntpns\x03org\0");
    }

    #[test]
    fn random_octets_are_searched_without_harm() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..20_000 {
            let mut out: Vec<u8> = (0..random.usize(0..80)).map(|_| random.u8(..)).collect();
            let before = out.len();
            write(b"\x03abc\x01d\0", &mut out);
            assert!((2..=7).contains(&(out.len() - before)));
        }
    }
}
