//! Record data in presentation format (RFC 1035 §5.1), translated to RDATA.
//!
//! The data are one text, or a value for each field. This is for the types that only clients look
//! into. Numbers are decimal, digests hexadecimal. A name without a dot at its end is relative to
//! the zone. Refused are fields that are missing, too many or out of range, and digests whose
//! length isn't their algorithm's.

use std::borrow::Cow;

use super::name::{Name, quote};
use super::record::RecordKind;

mod error;
mod svcb;

use error::{FieldError, ParamsError, TextError, WordsError};

pub(super) use error::DataError;

/// One field of a type's data.
pub(super) struct Field {
    /// Its name as a key of an object.
    pub(super) name: &'static str,
    kind: FieldKind,
    /// What it is when it isn't given.
    default: Option<&'static str>,
}

enum FieldKind {
    U8,
    U16,
    /// One character-string.
    Text,
    /// A property's name: letters and digits behind a length.
    Tag,
    /// Text up to the end.
    Value,
    Name,
    /// A digest up to the end, and its octets by the octet in front of it.
    Hex(&'static [(u8, usize)]),
    /// Service parameters up to the end.
    Params,
}

/// How a type's data are written.
pub(super) struct Layout {
    /// The type.
    pub(super) kind: RecordKind,
    /// Its key in a label.
    pub(super) key: &'static str,
    /// What to write, with an example.
    pub(super) expect: &'static str,
    /// The fields in the order of the presentation format.
    pub(super) fields: &'static [Field],
}

const fn field(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind, default: None }
}

const fn optional(name: &'static str, kind: FieldKind, default: &'static str) -> Field {
    Field { name, kind, default: Some(default) }
}

const SHA1: usize = 20;
const SHA256: usize = 32;
const SHA384: usize = 48;
const SHA512: usize = 64;

const SERVICE: &[Field] = &[
    field("priority", FieldKind::U16),
    field("target", FieldKind::Name),
    optional("params", FieldKind::Params, ""),
];

/// The types that are written so.
pub(super) static LAYOUTS: [Layout; 7] = [
    Layout {
        kind: RecordKind::Caa,
        key: "caa",
        expect: r#"a text such as "0 issue \"ca.example.net\"", an object such as {"tag": "issue", "value": "ca.example.net"}, or a list of them"#,
        fields: &[
            optional("flags", FieldKind::U8, "0"),
            field("tag", FieldKind::Tag),
            field("value", FieldKind::Value),
        ],
    },
    Layout {
        kind: RecordKind::Ds,
        key: "ds",
        expect: r#"a text such as "60485 13 2 d4b7d520…" (key tag, algorithm, digest type, digest), an object of "key_tag", "algorithm", "digest_type" and "digest", or a list of them"#,
        fields: &[
            field("key_tag", FieldKind::U16),
            field("algorithm", FieldKind::U8),
            field("digest_type", FieldKind::U8),
            field("digest", FieldKind::Hex(&[(1, SHA1), (2, SHA256), (4, SHA384)])),
        ],
    },
    Layout {
        kind: RecordKind::Naptr,
        key: "naptr",
        expect: r#"a text such as "10 100 \"s\" \"SIP+D2U\" \"\" _sip._udp", an object of "order", "preference", "flags", "service", "regexp" and "replacement", or a list of them"#,
        fields: &[
            field("order", FieldKind::U16),
            field("preference", FieldKind::U16),
            optional("flags", FieldKind::Text, ""),
            optional("service", FieldKind::Text, ""),
            optional("regexp", FieldKind::Text, ""),
            optional("replacement", FieldKind::Name, "."),
        ],
    },
    Layout {
        kind: RecordKind::Tlsa,
        key: "tlsa",
        expect: r#"a text such as "3 1 1 8bd1da95…" (usage, selector, matching type, data), an object of "usage", "selector", "matching_type" and "data", or a list of them"#,
        fields: &[
            field("usage", FieldKind::U8),
            field("selector", FieldKind::U8),
            field("matching_type", FieldKind::U8),
            field("data", FieldKind::Hex(&[(1, SHA256), (2, SHA512)])),
        ],
    },
    Layout {
        kind: RecordKind::Sshfp,
        key: "sshfp",
        expect: r#"a text such as "4 2 123456789abcdef6…" (algorithm, type, fingerprint), an object of "algorithm", "type" and "fingerprint", or a list of them"#,
        fields: &[
            field("algorithm", FieldKind::U8),
            field("type", FieldKind::U8),
            field("fingerprint", FieldKind::Hex(&[(1, SHA1), (2, SHA256)])),
        ],
    },
    Layout {
        kind: RecordKind::Https,
        key: "https",
        expect: r#"a text such as "1 . alpn=h2,h3", an object such as {"priority": 1, "target": ".", "params": {"alpn": "h2,h3"}}, or a list of them"#,
        fields: SERVICE,
    },
    Layout {
        kind: RecordKind::Svcb,
        key: "svcb",
        expect: r#"a text such as "1 svc alpn=h2 port=8443", an object such as {"priority": 1, "target": "svc", "params": {"port": 8443}}, or a list of them"#,
        fields: SERVICE,
    },
];

/// What is given for a field.
#[derive(Clone, Debug)]
pub(super) enum Given<'a> {
    /// As in a zone file: with escapes, without quotes.
    Escaped(Cow<'a, str>),
    /// The very octets.
    Literal(Cow<'a, str>),
    /// Parameters by name; one without a value is the name alone.
    Params(Vec<(String, Option<String>)>),
}

impl Given<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Escaped(text) | Self::Literal(text) => text,
            Self::Params(_) => "",
        }
    }

    fn octets(&self) -> Result<Vec<u8>, TextError> {
        match self {
            Self::Escaped(text) => unescape(text),
            _ => Ok(self.text().into()),
        }
    }
}

impl Layout {
    /// Reads data in presentation format.
    ///
    /// # Errors
    /// Any [`DataError`] but [`DataError::Missing`].
    pub(super) fn parse(&self, text: &str, apex: &Name) -> Result<Box<[u8]>, DataError> {
        let mut words = words(text)?;
        if let Some(last) = self.fields.len().checked_sub(1)
            && words.len() > self.fields.len()
        {
            let joint = match self.fields.get(last).map(|field| &field.kind) {
                Some(FieldKind::Hex(_)) => "",
                Some(FieldKind::Params) => " ",
                _ => {
                    let (text, expect) = (quote(text), self.expect);
                    return Err(DataError::TooManyFields { text, expect });
                }
            };
            let joined = words.split_off(last).join(joint);
            words.push(joined);
        }
        // Nothing is left out but at the end, and there only parameters are.
        let n_needed =
            self.fields.iter().rposition(|field| !matches!(field.kind, FieldKind::Params));
        if n_needed.is_some_and(|last| words.len() <= last) {
            return Err(DataError::TooFewFields { text: quote(text), expect: self.expect });
        }
        let mut given = words.into_iter().map(|word| Some(Given::Escaped(word.into())));
        self.build(|_| given.next().flatten(), apex)
    }

    /// Builds the data of what is given for each field.
    ///
    /// # Errors
    /// [`DataError::Missing`], [`DataError::Field`] and [`DataError::TooLong`].
    pub(super) fn build<'a>(
        &self,
        mut given: impl FnMut(usize) -> Option<Given<'a>>,
        apex: &Name,
    ) -> Result<Box<[u8]>, DataError> {
        let mut out = Vec::new();
        for (at, field) in self.fields.iter().enumerate() {
            let default = || field.default.map(|text| Given::Escaped(text.into()));
            let Some(given) = given(at).or_else(default) else {
                return Err(DataError::Missing { field: field.name, expect: self.expect });
            };
            field
                .write(&given, apex, &mut out)
                .map_err(|cause| DataError::Field { field: field.name, cause })?;
        }
        match u16::try_from(out.len()) {
            Ok(_) => Ok(out.into()),
            Err(_) => Err(DataError::TooLong),
        }
    }
}

impl Field {
    fn write(&self, given: &Given<'_>, apex: &Name, out: &mut Vec<u8>) -> Result<(), FieldError> {
        let text = given.text();
        match self.kind {
            FieldKind::U8 => out.push(number(text)?),
            FieldKind::U16 => out.extend(number::<u16>(text)?.to_be_bytes()),
            FieldKind::Text => push_string(&given.octets()?, out)?,
            FieldKind::Tag => {
                if !(1..=15).contains(&text.len())
                    || !text.bytes().all(|o| o.is_ascii_alphanumeric())
                {
                    return Err(FieldError::Tag(quote(text)));
                }
                push_string(text.as_bytes(), out)?;
            }
            FieldKind::Value => out.extend(given.octets()?),
            FieldKind::Name => {
                let name = Name::parse_under(text, apex)
                    .map_err(|cause| FieldError::Name { text: quote(text), cause })?;
                out.extend_from_slice(name.wire());
            }
            FieldKind::Hex(lengths) => {
                let digest_type = out.last().copied().unwrap_or_default();
                let digest = hex(text)?;
                if let Some((_, expected)) = lengths.iter().find(|(own, _)| *own == digest_type)
                    && *expected != digest.len()
                {
                    let (octets, expected) = (digest.len(), *expected);
                    return Err(FieldError::DigestLength { octets, digest_type, expected });
                }
                out.extend(digest);
            }
            FieldKind::Params => match given {
                Given::Params(params) => svcb::write(params, out)?,
                _ => svcb::write(&svcb::split(text).map_err(ParamsError::from)?, out)?,
            },
        }
        Ok(())
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, TextError> {
    let is_plain = text.bytes().all(|octet| octet.is_ascii_digit());
    let number = if is_plain { text.parse().ok() } else { None };
    number.ok_or_else(|| {
        let most = if size_of::<T>() == 1 { u16::from(u8::MAX) } else { u16::MAX };
        TextError::Number { text: quote(text), most }
    })
}

fn push_string(octets: &[u8], out: &mut Vec<u8>) -> Result<(), TextError> {
    let Ok(length) = u8::try_from(octets.len()) else {
        return Err(TextError::StringLength(octets.len()));
    };
    out.push(length);
    out.extend_from_slice(octets);
    Ok(())
}

fn hex(text: &str) -> Result<Vec<u8>, FieldError> {
    let fault = || FieldError::Hex(quote(text));
    let digits = text.chars().filter(|each| !each.is_ascii_whitespace());
    let digits: Option<Vec<u32>> = digits.map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| !digits.is_empty()).ok_or_else(fault)?;
    let (pairs, []) = digits.as_chunks::<2>() else { return Err(fault()) };
    Ok(pairs.iter().filter_map(|[high, low]| u8::try_from(high << 4 | low).ok()).collect())
}

/// The words of a line: white space between, unless quoted or escaped. Quotes are gone, escapes are
/// not.
fn words(text: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut chars = text.chars();
    while let Some(each) = chars.next() {
        match each {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            '\\' => {
                let escaped = chars.next().ok_or(WordsError::LoneBackslash)?;
                word.get_or_insert_default().extend(['\\', escaped]);
            }
            each if each.is_whitespace() && !is_quoted => words.extend(word.take()),
            // Inside quotes white space is text, for those who split the word again, too.
            each if each.is_ascii_whitespace() => {
                word.get_or_insert_default().push_str(&format!("\\{:03}", u32::from(each)));
            }
            each => word.get_or_insert_default().push(each),
        }
    }
    if is_quoted {
        return Err(WordsError::OpenQuote(quote(text)));
    }
    words.extend(word);
    Ok(words)
}

/// The octets of a text with `\X` and `\DDD`.
fn unescape(text: &str) -> Result<Vec<u8>, TextError> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'\\' {
            octets.push(octet);
            continue;
        }
        let fault = || TextError::Escape(quote(text));
        let first = rest.next().ok_or_else(fault)?;
        if !first.is_ascii_digit() {
            octets.push(first);
            continue;
        }
        let digits = [Some(first), rest.next(), rest.next()];
        let value = digits
            .into_iter()
            .try_fold(0_u32, |value, digit| Some(value * 10 + char::from(digit?).to_digit(10)?));
        octets.push(value.and_then(|value| u8::try_from(value).ok()).ok_or_else(fault)?);
    }
    Ok(octets)
}

#[cfg(test)]
mod tests;
