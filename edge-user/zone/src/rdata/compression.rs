//! Compression of names in record data (RFC 1035 §4.1.4).
//!
//! The longest end of a name that already stands in the message is replaced by a pointer. Only the
//! data of the first records are searched, and of these only the types of RFC 1035, since names in
//! other types may not be pointed to (RFC 3597 §4).
//!
//! The question is not searched. Its letters may have any case (RFC 4343), and an answer must not
//! depend on that. So an answer can be made in advance, by the length of the question's name alone.
//! Letters are written in the zone's case, and a name in another case is not pointed to.

use edge_common::wire::dns::{HEADER_OCTETS, POINTER, TYPE_CLASS_OCTETS, TYPE_SOA};
use hickory_proto::rr::RecordType;

/// Records whose names are looked at, so that a long answer doesn't take quadratic time.
const MOST_RECORDS: usize = 32;
/// Pointers on the way from where a pointer leads to a name's end. Some readers follow few.
const MOST_HOPS: usize = 2;
/// Octets of a record before its data, its owner being a pointer.
const FRONT_OCTETS: usize = 12;
/// A pointer's octets; nothing shorter is worth one.
const POINTER_OCTETS: usize = 2;

/// Appends `name` (wire format) to the message `out`, the data of whose last record are being
/// written.
pub(super) fn write(name: &[u8], out: &mut Vec<u8>) {
    let mut rest = name;
    while rest.len() > POINTER_OCTETS {
        if let Some(at) = find(rest, out).and_then(|at| u16::try_from(at).ok())
            && at & POINTER == 0
        {
            out.extend_from_slice(name.get(..name.len() - rest.len()).unwrap_or_default());
            out.extend((POINTER | at).to_be_bytes());
            return;
        }
        let label = 1 + rest.first().copied().map_or(0, usize::from);
        rest = rest.get(label..).unwrap_or_default();
    }
    out.extend_from_slice(name);
}

/// Octets of the name that `octets` begin with, a pointer being its end; no more than there are.
pub(super) fn octets(octets: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match octets.get(at) {
            None => return octets.len(),
            Some(0) => return at + 1,
            Some(0xc0..) => return (at + POINTER_OCTETS).min(octets.len()),
            Some(length) => at += 1 + usize::from(*length),
        }
    }
}

/// Where `name` stands in a message.
fn find(name: &[u8], message: &[u8]) -> Option<usize> {
    let question = HEADER_OCTETS;
    let mut at = question + octets(message.get(question..)?) + TYPE_CLASS_OCTETS;
    for _ in 0..MOST_RECORDS {
        let front: &[u8; FRONT_OCTETS] = message.get(at..)?.first_chunk()?;
        let [_, _, t0, t1, _, _, _, _, _, _, l0, l1] = *front;
        let (rtype, length) = (u16::from_be_bytes([t0, t1]), u16::from_be_bytes([l0, l1]));
        // The record that is being written has no length yet.
        if length == 0 {
            return None;
        }
        let data = at + FRONT_OCTETS;
        let first = match RecordType::from(rtype) {
            RecordType::NS | RecordType::CNAME | RecordType::PTR | RecordType::SOA => Some(data),
            RecordType::MX => Some(data + 2),
            _ => None,
        };
        let second = first
            .filter(|_| rtype == TYPE_SOA)
            .and_then(|first| Some(first + octets(message.get(first..)?)));
        for start in first.into_iter().chain(second) {
            if let Some(found) = find_in(name, message, start) {
                return Some(found);
            }
        }
        at = data + usize::from(length);
    }
    None
}

/// Where `name` is the end of the name at `at`, before any pointer of that: what is behind stood
/// there before.
fn find_in(name: &[u8], message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = *message.get(at)?;
        if length == 0 || length >= 0xc0 {
            return None;
        }
        if stands_at(name, message, at) {
            return Some(at);
        }
        at += 1 + usize::from(length);
    }
}

/// Whether the name at `at` is `name`. Pointers lead backwards only, so that this ends whatever
/// they say.
fn stands_at(mut name: &[u8], message: &[u8], mut at: usize) -> bool {
    let mut hops = 0;
    loop {
        match message.get(at..).unwrap_or_default() {
            [high @ 0xc0..=0xff, low, ..] => {
                let to = usize::from(u16::from_be_bytes([*high, *low]) & !POINTER);
                hops += 1;
                if to >= at || hops > MOST_HOPS {
                    return false;
                }
                at = to;
            }
            rest @ [length, ..] => {
                let end = 1 + usize::from(*length);
                let (Some(ours), Some(theirs)) = (rest.get(..end), name.get(..end)) else {
                    return false;
                };
                if ours != theirs {
                    return false;
                }
                if *length == 0 {
                    return true;
                }
                name = name.get(end..).unwrap_or_default();
                at += end;
            }
            [] => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{octets, write};
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
    fn a_name_ends_at_its_root_or_pointer() {
        for (name, expect) in
            [(&b"\0x"[..], 1), (b"\x01a\0x", 3), (b"\x01a\xc0\x0cx", 4), (b"\x09a", 2), (b"", 0)]
        {
            assert_eq!(octets(name), expect, "{name:?}");
        }
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
