//! The reader of a reply: its sections, or what is wrong with them.

use super::data;
use super::reader::{Malformed, Reader};
use super::rtype::OPT;

/// A reply taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// All of it.
    pub octets: Vec<u8>,
    /// Message ID.
    pub id: u16,
    /// The header's flags word.
    pub flags: u16,
    /// With its upper bits from the OPT record.
    pub rcode: u16,
    /// The question as it stands, letter case included; empty without one.
    pub question: Vec<u8>,
    /// Answer section.
    pub answers: Vec<Record>,
    /// Authority section.
    pub authorities: Vec<Record>,
    /// Additional section without the OPT record.
    pub additionals: Vec<Record>,
    /// The OPT record.
    pub opt: Option<Opt>,
}

/// A resource record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// Owner with its final dot, in the reply's letter case.
    pub owner: String,
    /// Type.
    pub rtype: u16,
    /// Class.
    pub class: u16,
    /// Seconds.
    pub ttl: u32,
    /// As zone files write it (RFC 1035 §5.1); unknown types as RFC 3597 §5 does.
    pub data: String,
}

/// A reply's OPT record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opt {
    /// Octets of UDP payload that the server takes.
    pub size: u16,
    /// EDNS version.
    pub version: u8,
    /// DO and Z.
    pub flags: u16,
    /// Options: code and data.
    pub options: Vec<(u16, Vec<u8>)>,
}

impl Opt {
    /// The data of an option, if it is there.
    #[must_use]
    pub fn option(&self, code: u16) -> Option<&[u8]> {
        self.options.iter().find(|(is, _)| *is == code).map(|(_, data)| data.as_slice())
    }
}

impl Reply {
    /// Takes a message apart.
    ///
    /// # Errors
    /// What is wrong with it; octets behind its end are.
    pub fn read(message: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader { message, at: 0 };
        let (id, flags) = (reader.word()?, reader.word()?);
        let [questions, answers, authorities, additionals] =
            [reader.word()?, reader.word()?, reader.word()?, reader.word()?];
        let mut reply =
            Self { octets: message.to_vec(), id, flags, rcode: flags & 0xf, ..Self::default() };
        if questions > 1 {
            return Err(format!("{questions} questions"));
        } else if questions == 1 {
            let start = reader.at;
            while let length @ 1.. = reader.octet()? {
                let _label = reader.take(usize::from(length))?;
            }
            let _type_and_class = reader.take(4)?;
            reply.question = message[start..reader.at].to_vec();
        }
        for _ in 0..answers {
            reply.answers.push(record(&mut reader)?);
        }
        for _ in 0..authorities {
            reply.authorities.push(record(&mut reader)?);
        }
        for _ in 0..additionals {
            if message.get(reader.at..reader.at + 3) != Some(&[0, 0, 41]) {
                reply.additionals.push(record(&mut reader)?);
                continue;
            }
            let (opt, extended) = opt(&mut reader)?;
            reply.rcode |= u16::from(extended) << 4;
            if reply.opt.replace(opt).is_some() {
                return Err("two OPT records".to_owned());
            }
        }
        if reader.at != message.len() {
            return Err(format!("{} octets behind its end", message.len() - reader.at));
        }
        Ok(reply)
    }

    /// The answers' data in their order.
    #[must_use]
    pub fn data(&self) -> Vec<&str> {
        self.answers.iter().map(|record| record.data.as_str()).collect()
    }

    /// The answers' data, sorted.
    #[must_use]
    pub fn sorted(&self) -> Vec<&str> {
        let mut data = self.data();
        data.sort_unstable();
        data
    }

    /// Whether all of some flags are set.
    #[must_use]
    pub const fn has(&self, flags: u16) -> bool {
        self.flags & flags == flags
    }
}

fn record(reader: &mut Reader<'_>) -> Result<Record, Malformed> {
    let owner = reader.name()?;
    let (rtype, class, ttl) = (reader.word()?, reader.word()?, reader.long()?);
    if rtype == OPT {
        return Err(format!("an OPT record of {owner}, or outside the additional section"));
    }
    let octets = usize::from(reader.word()?);
    let end = reader.at + octets;
    let data = data::text(rtype, reader, end)?;
    if reader.at != end {
        return Err(format!("{owner} type {rtype}: its data end at {}, not {end}", reader.at));
    }
    Ok(Record { owner, rtype, class, ttl, data })
}

fn opt(reader: &mut Reader<'_>) -> Result<(Opt, u8), Malformed> {
    let _owner_and_type = reader.take(3)?;
    let size = reader.word()?;
    let (extended, version) = (reader.octet()?, reader.octet()?);
    let flags = reader.word()?;
    let end = usize::from(reader.word()?) + reader.at;
    let mut opt = Opt { size, version, flags, options: Vec::new() };
    while reader.at < end {
        let (code, octets) = (reader.word()?, reader.word()?);
        opt.options.push((code, reader.take(octets.into())?.to_vec()));
    }
    if reader.at == end { Ok((opt, extended)) } else { Err("an option is too long".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::super::{Ask, rtype};
    use super::*;

    fn message(tail: &[u8], counts: [u8; 4]) -> Vec<u8> {
        let mut message = vec![0x2a, 0x17, 0x84, 0];
        message.extend(counts.iter().flat_map(|count| [0, *count]));
        message.extend(b"\x01a\x07Example\0\0\x01\0\x01");
        message.extend(tail);
        message
    }

    #[test]
    fn a_reply_is_read_whole() {
        let tail = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\0\x01\
                     \xc0\x0e\0\x02\0\x01\0\0\0\x3c\0\x04\x01n\xc0\x0c\
                     \0\0\x29\x04\xd0\x01\0\x80\0\0\x06\0\x03\0\x02id";
        let reply = Reply::read(&message(tail, [1, 1, 1, 1])).unwrap();
        assert_eq!((reply.id, reply.flags, reply.rcode), (0x2a17, 0x8400, 16));
        assert_eq!(
            (reply.answers[0].owner.as_str(), reply.data()),
            ("a.Example.", vec!["10.0.0.1"])
        );
        assert_eq!(reply.authorities[0].data, "n.a.Example.");
        assert_eq!(reply.opt.unwrap().option(3), Some(&b"id"[..]));
    }

    #[test]
    fn what_is_not_a_message_is_said() {
        for (tail, counts, word) in [
            (&b"x"[..], [1, 0, 0, 0], "behind"),
            (b"", [1, 1, 0, 0], "early"),
            (b"\xc0\x1b\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\0\x01", [1, 1, 0, 0], "forward"),
            (b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x05\x0a\0\0\x01x", [1, 1, 0, 0], "length"),
        ] {
            let error = Reply::read(&message(tail, counts)).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_question_is_written_as_it_is_asked() {
        let ask = Ask::new("a.Example", rtype::A).subnet("192.0.2.128/25");
        let octets = ask.octets();
        assert_eq!(octets[..12], [0x2a, 0x17, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
        assert_eq!(octets[12..27], *b"\x01a\x07Example\0\0\x01\0\x01");
        let opt = [0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 12, 0, 8, 0, 8, 0, 1, 25, 0, 192, 0, 2, 128];
        assert_eq!(octets[27..], opt);
    }
}
