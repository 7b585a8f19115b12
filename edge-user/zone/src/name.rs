//! Domain names: text to wire format and back, compared without letter case.
//!
//! Dots separate labels, `\.` and `\DDD` escape an octet (RFC 1035 §5.1). Refused are empty labels,
//! labels over 63 octets, names over 255 (RFC 1035 §2.3.4), and unescaped octets that don't print.

use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::iter;

use edge_common::wire::dns::NAME_OCTETS;

use crate::wire::{NameLabels, Reader};

/// Octets in the wire format of the longest name, its root label included (RFC 1035 §2.3.4).
pub const MAX_NAME_OCTETS: usize = NAME_OCTETS;
/// Octets in the longest label.
pub const MAX_LABEL_OCTETS: usize = 63;

/// A domain name. Names compare without regard to letter case and display as they were written.
#[derive(Clone)]
pub struct Name {
    wire: Box<[u8]>,
    folded: Box<[u8]>,
}

/// Why a text isn't a domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No text at all.
    #[error("it is empty")]
    Empty,
    /// Two dots in a row, or a dot in front.
    #[error("it has an empty label")]
    EmptyLabel,
    /// A label of more than 63 octets.
    #[error("a label has more than 63 octets")]
    LongLabel,
    /// More than 255 octets on the wire.
    #[error("it has more than 255 octets")]
    LongName,
    /// A space, a control character, or anything that isn't ASCII.
    #[error("octet {0:#04x} does not print in ASCII")]
    Octet(u8),
    /// A backslash with nothing sensible behind it.
    #[error("a backslash needs a character or three digits up to 255 behind it")]
    Escape,
}

/// A name as operators write it: without the dot of the root, unless it is the root.
#[must_use]
pub fn bare(name: &Name) -> String {
    let text = name.to_string();
    match text.strip_suffix('.') {
        Some("") | None => text,
        Some(bare) => bare.to_owned(),
    }
}

impl Name {
    /// Reads an absolute name; a dot at the end is optional.
    ///
    /// # Errors
    /// A [`NameError`] if `text` isn't a domain name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::read(text, &[0])
    }

    /// Reads a name that is relative to `apex` unless it ends with a dot.
    ///
    /// # Errors
    /// A [`NameError`] if the whole isn't a domain name.
    pub fn parse_under(text: &str, apex: &Self) -> Result<Self, NameError> {
        Self::read(text, &apex.wire)
    }

    /// The name in wire format, letters as written.
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// The name in wire format, letters lower case.
    #[must_use]
    pub fn folded(&self) -> &[u8] {
        &self.folded
    }

    fn read(text: &str, apex: &[u8]) -> Result<Self, NameError> {
        match text {
            "" => return Err(NameError::Empty),
            "." => return Ok(Self::of_wire(vec![0])),
            _ => {}
        }
        let mut wire = Vec::with_capacity(text.len() + 1 + apex.len());
        let mut label = Vec::with_capacity(MAX_LABEL_OCTETS);
        let mut octets = text.bytes();
        let mut is_absolute = false;
        while let Some(octet) = octets.next() {
            is_absolute = octet == b'.';
            match octet {
                b'.' => push_label(&mut wire, &mut label)?,
                b'\\' => label.push(unescape(&mut octets)?),
                0x21..=0x7e => label.push(octet),
                _ => return Err(NameError::Octet(octet)),
            }
        }
        if is_absolute {
            wire.push(0);
        } else {
            push_label(&mut wire, &mut label)?;
            wire.extend_from_slice(apex);
        }
        if wire.len() > MAX_NAME_OCTETS {
            return Err(NameError::LongName);
        }
        Ok(Self::of_wire(wire))
    }

    fn of_wire(wire: Vec<u8>) -> Self {
        // Length octets are at most 63, below 'A': folding leaves them alone.
        let folded = wire.to_ascii_lowercase().into();
        Self { wire: wire.into(), folded }
    }
}

fn push_label(wire: &mut Vec<u8>, label: &mut Vec<u8>) -> Result<(), NameError> {
    match u8::try_from(label.len()) {
        Ok(0) => return Err(NameError::EmptyLabel),
        Ok(length) if label.len() <= MAX_LABEL_OCTETS => wire.push(length),
        _ => return Err(NameError::LongLabel),
    }
    wire.append(label);
    Ok(())
}

fn unescape(octets: &mut std::str::Bytes<'_>) -> Result<u8, NameError> {
    let first = octets.next().ok_or(NameError::Escape)?;
    if !first.is_ascii_digit() {
        return if first.is_ascii_graphic() { Ok(first) } else { Err(NameError::Escape) };
    }
    let mut value = u16::from(first - b'0');
    for _ in 0..2 {
        let digit = octets.next().filter(u8::is_ascii_digit).ok_or(NameError::Escape)?;
        value = value * 10 + u16::from(digit - b'0');
    }
    u8::try_from(value).or(Err(NameError::Escape))
}

/// Appends a wire label's octets as text in which only separators are bare dots; the inverse of
/// reading.
pub fn escape(label: &[u8], text: &mut String) {
    for &octet in label {
        match octet {
            b'.' | b'\\' => text.extend(['\\', char::from(octet)]),
            0x21..=0x7e => text.push(char::from(octet)),
            // Writing to a String can't fail.
            _ => write!(text, "\\{octet:03}").unwrap_or_default(),
        }
    }
}

/// A name as text with the root's dot; `None` if the octets aren't a name.
#[must_use]
pub fn text(labels: NameLabels<'_>) -> Option<String> {
    let mut text = String::with_capacity(MAX_NAME_OCTETS);
    for label in labels {
        if label.is_empty() {
            if text.is_empty() {
                text.push('.');
            }
            return Some(text);
        }
        escape(label, &mut text);
        text.push('.');
    }
    None
}

/// `text` in quotes for a message, shortened if it is very long.
pub(super) fn quote(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{:?}", format!("{}…", text.get(..at).unwrap_or_default())),
        None => format!("{text:?}"),
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A name's own octets are one.
        out.write_str(&text(NameLabels::new(&self.wire)).unwrap_or_default())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Name({self})")
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

/// A name in wire format and the names above it, the root last.
#[inline]
pub fn suffixes(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader::new(name);
    iter::successors(Some(name), move |_| {
        reader.label()?;
        Some(reader.rest())
    })
    .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Name, NameError, quote, suffixes};

    #[test]
    fn a_name_keeps_its_case_and_compares_without_it() {
        let name = Name::parse("Pool.NTP.org").unwrap();
        assert_eq!(name.wire(), b"\x04Pool\x03NTP\x03org\0");
        assert_eq!(name.folded(), b"\x04pool\x03ntp\x03org\0");
        assert_eq!(name, Name::parse("pool.ntp.ORG.").unwrap());
        assert_eq!(name.to_string(), "Pool.NTP.org.");
    }

    #[test]
    fn a_dot_alone_is_the_root() {
        assert_eq!(Name::parse(".").unwrap().wire(), b"\0");
        assert_eq!(Name::parse(".").unwrap().to_string(), ".");
    }

    #[test]
    fn a_relative_name_gets_the_apex_and_an_absolute_one_does_not() {
        let apex = Name::parse("example.com").unwrap();
        assert_eq!(Name::parse_under("bar", &apex).unwrap().to_string(), "bar.example.com.");
        assert_eq!(Name::parse_under("bar.", &apex).unwrap().to_string(), "bar.");
        assert_eq!(Name::parse_under(r"bar\.", &apex).unwrap().to_string(), r"bar\..example.com.");
    }

    #[test]
    fn escapes_survive_a_round_trip() {
        for text in [r"john\.doe.example.com.", r"a\032b.example.", r"back\\slash."] {
            assert_eq!(Name::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Name::parse(r"john\.doe").unwrap().wire(), b"\x08john.doe\0");
    }

    #[test]
    fn what_is_not_a_name_is_refused_with_its_reason() {
        let long_label = "a".repeat(64);
        let long_name = "abcdefg.".repeat(32);
        for (text, reason) in [
            ("", NameError::Empty),
            ("a..b", NameError::EmptyLabel),
            (".a", NameError::EmptyLabel),
            ("..", NameError::EmptyLabel),
            (&long_label, NameError::LongLabel),
            (&long_name, NameError::LongName),
            ("a b", NameError::Octet(0x20)),
            ("bücher", NameError::Octet(0xc3)),
            ("a\\", NameError::Escape),
            (r"a\25", NameError::Escape),
            (r"a\256", NameError::Escape),
        ] {
            assert_eq!(Name::parse(text), Err(reason), "{text:?}");
        }
        assert!(Name::parse(&"a".repeat(63)).is_ok());
        assert!(Name::parse(&"abcdefg.".repeat(31)).is_ok());
    }

    #[test]
    fn a_very_long_text_is_quoted_in_part() {
        assert_eq!(quote("a\"b"), r#""a\"b""#);
        assert_eq!(quote(&"ü".repeat(100)).chars().count(), 83);
    }

    #[test]
    fn a_names_suffixes_end_with_the_root() {
        let found: Vec<&[u8]> = suffixes(b"\x01a\x02bc\0").collect();
        assert_eq!(found, [&b"\x01a\x02bc\0"[..], b"\x02bc\0", b"\0"]);
        assert_eq!(suffixes(b"\x05a").count(), 1);
    }
}
