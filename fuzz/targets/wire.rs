//! Octets as a DNS message: the product's reader against two others.
//!
//! Every reader of `edge_zone::wire` ends, whatever the octets are. hickory-proto reads a name at
//! every offset, the tests' own reader the records. What is read is written again, and is the same.
#![no_main]

use edge_tests::message::Reply;
use edge_zone::Name;
use edge_zone::name::{MAX_NAME_OCTETS, text};
use edge_zone::rdata::write_name;
use edge_zone::wire::{Header, NameLabels, Reader, ResourceRecord};
use hickory_proto::op;
use hickory_proto::rr;
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder, DecodeError};
use libfuzzer_sys::fuzz_target;

/// Names are read at each octet, each of them up to its end.
const MOST: usize = 512;

fuzz_target!(init: edge_fuzz::seed("wire"), |input: &[u8]| {
    let message = &input[..input.len().min(MOST)];
    for at in 0..=message.len() {
        name(message, at);
    }
    numbers(message);
    let Some(header) = header(message) else { return };
    let records = sections(message, &header);
    if let Ok(reply) = Reply::read(message) {
        compare(message, &header, records.as_deref(), &reply);
    }
});

/// A name at an offset: compressed, uncompressed and skipped.
fn name(message: &[u8], at: usize) {
    let mut decoder = BinDecoder::new(message).clone(u16::try_from(at).expect("a short message"));
    let other = rr::Name::read(&mut decoder);
    let mut labels = NameLabels::at(message, at);
    let read: Vec<&[u8]> = labels.by_ref().collect();
    let octets: usize = read.iter().map(|label| 1 + label.len()).sum();
    assert!(octets <= MAX_NAME_OCTETS, "{octets} octets");
    let mut reader = Reader::at(message, at);
    let skipped = reader.skip_name();
    let plain = Reader::at(message, at).name();
    let Some(([], labels_before)) = read.split_last() else {
        assert!(other.is_err(), "{other:?} at {at}");
        assert_eq!((text(labels), plain), (None, None), "at {at}");
        return;
    };
    match other {
        Ok(other) => assert!(other.iter().eq(labels_before.iter().copied()), "{other:?} at {at}"),
        // Labels behind a pointer run into those before it: no harm to us, since this ends.
        Err(DecodeError::LabelOverlapsWithOther { .. }) => {}
        Err(other) => panic!("{read:?} at {at}, and {other}"),
    }
    let skipped = skipped.expect("a name that was read");
    assert_eq!(skipped, &message[at..reader.offset()]);
    let wire: Vec<u8> = read
        .iter()
        .flat_map(|label| [&[u8::try_from(label.len()).expect("a label")], *label].concat())
        .collect();
    assert_eq!(plain, (labels.pointers() == 0).then_some(wire.as_slice()), "at {at}");
    if labels.pointers() == 0 {
        assert_eq!(skipped, wire);
    }
    let presentation = text(NameLabels::at(message, at)).expect("the text of a name");
    let parsed = Name::parse(&presentation).expect("a name's text");
    assert_eq!(parsed.wire(), wire, "{presentation}");
    let mut out = message.to_vec();
    write_name(&parsed, &mut out);
    let mut written = Reader::at(&out, message.len());
    assert_eq!(text(NameLabels::at(&out, message.len())), Some(presentation));
    assert!(written.skip_name().is_some() && written.rest().is_empty());
}

/// Numbers, options and character-strings, each to the end of the octets.
fn numbers(octets: &[u8]) {
    let mut reader = Reader::new(octets);
    let mut again = Vec::new();
    while let Some((code, data)) = reader.option() {
        let length = u16::try_from(data.len()).expect("sixteen bits");
        again.extend([code.to_be_bytes(), length.to_be_bytes()].concat());
        again.extend_from_slice(data);
    }
    assert!(octets.starts_with(&again));
    let mut reader = Reader::new(octets);
    let mut again = Vec::new();
    while let Some(string) = reader.string() {
        again.push(u8::try_from(string.len()).expect("eight bits"));
        again.extend_from_slice(string);
    }
    assert!(octets.starts_with(&again));
    let mut reader = Reader::new(octets);
    let read = (reader.u8(), reader.u16(), reader.u32(), reader.offset());
    if let [a, b, c, d, e, f, g, ..] = *octets {
        let numbers = (u16::from_be_bytes([b, c]), u32::from_be_bytes([d, e, f, g]));
        assert_eq!(read, (Some(a), Some(numbers.0), Some(numbers.1), 7));
    }
    assert_eq!(Reader::at(octets, usize::MAX).take(1), None);
    assert_eq!(Reader::at(octets, usize::MAX).rest(), b"");
}

fn header(message: &[u8]) -> Option<Header> {
    let header = Reader::new(message).header();
    let other = op::Header::read(&mut BinDecoder::new(message));
    assert_eq!(header.is_some(), message.len() >= 12);
    if let (Some(header), Ok(other)) = (header, other) {
        let counts = other.counts;
        assert_eq!(
            [header.questions, header.answers, header.authorities, header.additionals],
            [counts.queries, counts.answers, counts.authorities, counts.additionals]
        );
        assert_eq!(header.rcode(), u16::from(other.metadata.response_code) & 0xf);
    }
    header
}

/// All records, if all of the message can be read.
fn sections<'m>(message: &'m [u8], header: &Header) -> Option<Vec<ResourceRecord<'m>>> {
    let mut reader = Reader::at(message, 12);
    for _ in 0..header.questions {
        let start = reader.offset();
        let question = reader.question()?;
        let numbers = [question.rtype, question.class].map(u16::to_be_bytes).concat();
        assert_eq!(question.octets, [question.name, &numbers].concat());
        assert_eq!(question.octets, &message[start..reader.offset()]);
    }
    let counts = [header.answers, header.authorities, header.additionals];
    let mut records = Vec::new();
    for _ in 0..counts.map(u32::from).into_iter().sum() {
        let start = reader.offset();
        let record = reader.record()?;
        let length = u16::try_from(record.data.len()).expect("sixteen bits");
        let again = [
            record.owner,
            &record.rtype.to_be_bytes(),
            &record.class.to_be_bytes(),
            &record.ttl.to_be_bytes(),
            &length.to_be_bytes(),
            record.data,
        ];
        assert_eq!(again.concat(), &message[start..reader.offset()]);
        assert_eq!(record.data, &message[record.data_at..reader.offset()]);
        numbers(record.data);
        records.push(record);
    }
    Some(records)
}

/// The tests' reader reads only whole messages, but labels of any length in the question.
fn compare(message: &[u8], header: &Header, records: Option<&[ResourceRecord<'_>]>, reply: &Reply) {
    let is_question = header.questions == 0 || Reader::at(message, 12).question().is_some();
    assert_eq!(records.is_some(), is_question);
    let Some(records) = records else { return };
    let others = reply.answers.iter().chain(&reply.authorities);
    let mut owner_at = 12 + reply.question.len();
    assert!(records.len() >= reply.answers.len() + reply.authorities.len());
    for (record, other) in records.iter().zip(others) {
        assert_eq!((record.rtype, record.class), (other.rtype, other.class));
        assert_eq!(record.ttl, other.ttl);
        match text(NameLabels::at(message, owner_at)) {
            Some(owner) => assert_eq!(owner.replace('"', "\\\""), other.owner),
            None => assert!(other.owner.len() >= MAX_NAME_OCTETS, "{}", other.owner),
        }
        owner_at = record.data_at + record.data.len();
    }
}
