//! A reader of DNS messages and of the names in them (RFC 1035 §4.1).
//!
//! It takes any octets, copies nothing and allocates nothing. `None` means that the octets end too
//! early, or that a name isn't one; where the reader then stands is not defined. Numbers are
//! returned in host order. Any thread may call everything here.

use edge_common::wire::dns::{NAME_OCTETS, POINTER};

/// The RCODE's bits in a header's flags (RFC 1035 §4.1.1).
const RCODE: u16 = 0x000f;

/// A position in a message.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

/// The header without its ID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// QR to RCODE.
    pub flags: u16,
    /// QDCOUNT.
    pub questions: u16,
    /// ANCOUNT.
    pub answers: u16,
    /// NSCOUNT.
    pub authorities: u16,
    /// ARCOUNT.
    pub additionals: u16,
}

/// A question (RFC 1035 §4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'m> {
    /// QNAME, uncompressed.
    pub name: &'m [u8],
    /// QTYPE.
    pub rtype: u16,
    /// QCLASS.
    pub class: u16,
    /// All of it: QNAME, QTYPE and QCLASS.
    pub octets: &'m [u8],
}

/// A resource record (RFC 1035 §4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceRecord<'m> {
    /// The owner up to its root label or its first pointer. Its length and its pointer are not
    /// checked: [`NameLabels`] does that for a caller who wants the labels.
    pub owner: &'m [u8],
    /// TYPE.
    pub rtype: u16,
    /// CLASS.
    pub class: u16,
    /// TTL, in seconds; of an OPT record the extended RCODE, the version and the flags.
    pub ttl: u32,
    /// RDATA.
    pub data: &'m [u8],
    /// The offset of RDATA in the message.
    pub data_at: usize,
}

/// One element of a name.
enum Element<'m> {
    /// A label that isn't the root's: 1 to 63 octets.
    Label(&'m [u8]),
    Root,
    /// A pointer to an offset in the message.
    Pointer(usize),
}

impl Header {
    /// The RCODE without the upper bits, which are in an OPT record.
    #[must_use]
    pub const fn rcode(&self) -> u16 {
        self.flags & RCODE
    }
}

impl<'m> Reader<'m> {
    /// Stands at the first octet of a message, or of a part of one.
    #[must_use]
    #[inline]
    pub const fn new(message: &'m [u8]) -> Self {
        Self::at(message, 0)
    }

    /// Stands at an offset, which may be behind the end.
    #[must_use]
    #[inline]
    pub const fn at(message: &'m [u8], at: usize) -> Self {
        Self { message, at }
    }

    /// The offset of the next octet.
    #[must_use]
    #[inline]
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// The octets that are not read yet.
    #[must_use]
    #[inline]
    pub fn rest(&self) -> &'m [u8] {
        self.message.get(self.at..).unwrap_or_default()
    }

    /// The next `n` octets.
    #[inline]
    pub fn take(&mut self, n: usize) -> Option<&'m [u8]> {
        let end = self.at.checked_add(n)?;
        let taken = self.message.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    #[inline]
    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }

    /// A number of one octet.
    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        self.chunk().map(u8::from_be_bytes)
    }

    /// A number of two octets.
    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        self.chunk().map(u16::from_be_bytes)
    }

    /// A number of four octets.
    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        self.chunk().map(u32::from_be_bytes)
    }

    /// A character-string (RFC 1035 §3.3).
    pub fn string(&mut self) -> Option<&'m [u8]> {
        let octets = self.u8()?;
        self.take(octets.into())
    }

    /// Other types of labels are obsolete (RFC 6891 §5).
    #[inline]
    fn element(&mut self) -> Option<Element<'m>> {
        match self.u8()? {
            0 => Some(Element::Root),
            octets @ 1..=63 => self.take(octets.into()).map(Element::Label),
            high @ 0xc0.. => {
                let to = u16::from_be_bytes([high, self.u8()?]) & !POINTER;
                Some(Element::Pointer(to.into()))
            }
            _ => None,
        }
    }

    /// The next label of a name, without its length; `None` at the root's label and at a pointer.
    #[inline]
    pub fn label(&mut self) -> Option<&'m [u8]> {
        match self.element()? {
            Element::Label(label) => Some(label),
            Element::Root | Element::Pointer(_) => None,
        }
    }

    /// An uncompressed name of at most 255 octets, with its root label.
    #[inline]
    pub fn name(&mut self) -> Option<&'m [u8]> {
        let start = self.at;
        loop {
            match self.element()? {
                // The root's label must fit as well.
                Element::Label(_) if self.at - start < NAME_OCTETS => {}
                Element::Root => return self.message.get(start..self.at),
                Element::Label(_) | Element::Pointer(_) => return None,
            }
        }
    }

    /// A name as it stands, up to its root label or its first pointer. Neither its length nor the
    /// pointer is checked.
    #[inline]
    pub fn skip_name(&mut self) -> Option<&'m [u8]> {
        let start = self.at;
        while let Element::Label(_) = self.element()? {}
        self.message.get(start..self.at)
    }

    /// The header.
    pub fn header(&mut self) -> Option<Header> {
        let _id = self.u16()?;
        Some(Header {
            flags: self.u16()?,
            questions: self.u16()?,
            answers: self.u16()?,
            authorities: self.u16()?,
            additionals: self.u16()?,
        })
    }

    /// A question.
    #[inline]
    pub fn question(&mut self) -> Option<Question<'m>> {
        let start = self.at;
        let (name, rtype, class) = (self.name()?, self.u16()?, self.u16()?);
        Some(Question { name, rtype, class, octets: self.message.get(start..self.at)? })
    }

    /// A resource record.
    #[inline]
    pub fn record(&mut self) -> Option<ResourceRecord<'m>> {
        let owner = self.skip_name()?;
        let (rtype, class, ttl) = (self.u16()?, self.u16()?, self.u32()?);
        let octets = self.u16()?;
        let data_at = self.at;
        Some(ResourceRecord { owner, rtype, class, ttl, data: self.take(octets.into())?, data_at })
    }

    /// An option of an OPT record's data: its code and its data (RFC 6891 §6.1.2).
    #[inline]
    pub fn option(&mut self) -> Option<(u16, &'m [u8])> {
        let (code, octets) = (self.u16()?, self.u16()?);
        Some((code, self.take(octets.into())?))
    }
}

/// The labels of a name that may be compressed, without their lengths.
///
/// The root's label, which is empty, is the last one of a whole name. If the labels end without it,
/// the octets aren't a name. A pointer must lead to an octet before the name's first octet; behind
/// a pointer, to an octet before the one that this pointer led to (RFC 1035 §4.1.4). A name has at
/// most 255 octets (RFC 1035 §3.1). So this ends, whatever the octets are.
#[derive(Clone, Copy, Debug)]
pub struct NameLabels<'m> {
    /// `None` behind the end.
    reader: Option<Reader<'m>>,
    /// Pointers lead to octets before this one.
    start: usize,
    /// Octets that the name may still have.
    left: usize,
    pointers: usize,
}

impl<'m> NameLabels<'m> {
    /// The labels of the name at the first octet.
    #[must_use]
    pub const fn new(name: &'m [u8]) -> Self {
        Self::at(name, 0)
    }

    /// The labels of the name at an offset in a message.
    #[must_use]
    pub const fn at(message: &'m [u8], at: usize) -> Self {
        let reader = Some(Reader::at(message, at));
        Self { reader, start: at, left: NAME_OCTETS, pointers: 0 }
    }

    /// Pointers that were followed up to now.
    #[must_use]
    pub const fn pointers(&self) -> usize {
        self.pointers
    }

    fn read(&mut self, reader: &mut Reader<'m>) -> Option<&'m [u8]> {
        loop {
            match reader.element()? {
                Element::Pointer(to) if to < self.start => {
                    (reader.at, self.start) = (to, to);
                    self.pointers += 1;
                }
                Element::Pointer(_) => return None,
                Element::Root => {
                    self.left = self.left.checked_sub(1)?;
                    return Some(&[]);
                }
                Element::Label(label) => {
                    self.left = self.left.checked_sub(1 + label.len())?;
                    return Some(label);
                }
            }
        }
    }
}

impl<'m> Iterator for NameLabels<'m> {
    type Item = &'m [u8];

    fn next(&mut self) -> Option<&'m [u8]> {
        let mut reader = self.reader.take()?;
        let label = self.read(&mut reader)?;
        self.reader = Some(reader).filter(|_| !label.is_empty());
        Some(label)
    }
}

#[cfg(test)]
mod tests {
    use super::{NameLabels, Reader};
    use crate::name::text;

    fn name_octets(octets: &[u8]) -> Option<usize> {
        Reader::new(octets).name().map(<[u8]>::len)
    }

    #[test]
    fn a_name_ends_at_its_root_label_and_is_never_compressed() {
        assert_eq!(name_octets(b"\0rest"), Some(1));
        assert_eq!(name_octets(b"\x01a\x02bc\0\0\x01"), Some(6));
        for octets in [&b""[..], b"\x01", b"\x01a", b"\xc0\x0c", b"\x40", b"\x01a\xc0\x0c"] {
            assert_eq!(name_octets(octets), None, "{octets:?}");
        }
    }

    #[test]
    fn a_name_to_be_skipped_ends_at_its_root_label_or_pointer() {
        for (octets, expect) in [
            (&b"\0x"[..], Some(&b"\0"[..])),
            (b"\x01a\0x", Some(b"\x01a\0")),
            (b"\x01a\xc0\x0cx", Some(b"\x01a\xc0\x0c")),
            (b"\x01a\xc0", None),
            (b"\x09a", None),
            (b"", None),
        ] {
            assert_eq!(Reader::new(octets).skip_name(), expect, "{octets:?}");
        }
    }

    #[test]
    fn a_name_has_255_octets_at_most() {
        let mut longest = b"\x0f123456789012345".repeat(15);
        longest.extend_from_slice(b"\x0d1234567890123\0");
        assert_eq!(name_octets(&longest), Some(255));
        assert_eq!(NameLabels::new(&longest).last(), Some(&[][..]));
        // In two parts: `a` before a pointer to the whole, which is too long then.
        let pointed = [&longest[..], b"\x01a\xc0\x00"].concat();
        assert_eq!(text(NameLabels::at(&pointed, 255)), None);
        assert_eq!(NameLabels::at(&pointed, 257).count(), 17);
        longest.splice(240..241, *b"\x0e1");
        assert_eq!(name_octets(&longest), None);
        assert_eq!(text(NameLabels::new(&longest)), None);
    }

    #[test]
    fn a_compressed_name_is_read_to_its_end() {
        let message = b"..\x03Ntp\x03org\0\x01a\xc0\x06\x01b\xc0\x0b";
        for (at, expect, pointers) in
            [(2, "Ntp.org.", 0), (11, "a.org.", 1), (15, "b.a.org.", 2), (10, ".", 0)]
        {
            let mut labels = NameLabels::at(message, at);
            assert_eq!(text(labels).as_deref(), Some(expect));
            assert_eq!(labels.by_ref().last(), Some(&[][..]));
            assert_eq!(labels.pointers(), pointers);
        }
    }

    #[test]
    fn a_pointer_leads_strictly_backwards() {
        for (message, at) in [
            // To itself, forward, to its own name, and out of the message.
            (&b"\0\xc0\x01"[..], 1),
            (b"\xc0\x02\0", 0),
            (b"\x01a\xc0\x00", 0),
            (b"\xc0\xff", 0),
            // Two that lead to each other.
            (b"\xc0\x02\xc0\x00", 2),
            (b"\x01a\xc0\x04\x01b\xc0\x00", 4),
        ] {
            assert_eq!(text(NameLabels::at(message, at)), None, "{message:?}");
        }
        assert_eq!(text(NameLabels::at(b"\0\xc0\x00", 1)).as_deref(), Some("."));
    }

    #[test]
    fn a_message_is_read_section_by_section() {
        let message = b"\0\x07\x84\x03\0\x01\0\x01\0\0\0\0\x01a\0\0\x10\0\x01\
            \xc0\x0c\0\x10\0\x01\0\0\0\x1e\0\x03\x02hi";
        let mut reader = Reader::new(message);
        let header = reader.header().unwrap();
        assert_eq!((header.rcode(), header.questions, header.answers), (3, 1, 1));
        let question = reader.question().unwrap();
        assert_eq!((question.name, question.rtype, question.class), (&b"\x01a\0"[..], 16, 1));
        assert_eq!(question.octets, b"\x01a\0\0\x10\0\x01");
        let record = reader.record().unwrap();
        assert_eq!((record.owner, record.rtype, record.ttl), (&b"\xc0\x0c"[..], 16, 30));
        assert_eq!(record.data, &message[record.data_at..]);
        assert_eq!(Reader::new(record.data).string(), Some(&b"hi"[..]));
        assert_eq!((reader.offset(), reader.rest()), (message.len(), &[][..]));
        assert_eq!(reader.record(), None);
    }
}
