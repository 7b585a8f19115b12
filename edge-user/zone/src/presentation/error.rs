//! Errors of presentation format.
//!
//! Each reads as a cause, and where there is one, a way out. Texts of the file are in them as
//! [`quote`](crate::name::quote) shows them. No error leaves the crate: `parse` puts file, line,
//! column and key path before it and makes a [`ZoneError`](crate::ZoneError) of it.

use crate::name::NameError;

/// Why data aren't a record's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DataError {
    /// The text can't be split into fields.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// More fields than the type has; the text.
    #[error("{text} has too many fields; write {expect}")]
    TooManyFields { text: String, expect: &'static str },
    /// Fewer fields than the type needs; the text.
    #[error("{text} has too few fields; write {expect}")]
    TooFewFields { text: String, expect: &'static str },
    /// An object without this field.
    #[error("{field:?} is missing; write {expect}")]
    Missing { field: &'static str, expect: &'static str },
    /// A field is wrong.
    #[error("{field}: {cause}")]
    Field { field: &'static str, cause: FieldError },
    /// RDLENGTH has 16 bits.
    #[error("the data have more than 65535 octets; shorten them")]
    TooLong,
}

/// Why a text can't be split at its white space.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WordsError {
    /// A backslash at the end.
    #[error("a backslash needs something behind it")]
    LoneBackslash,
    /// A quote without its partner; the text.
    #[error("{0} has a quote that doesn't end")]
    OpenQuote(String),
}

/// Why a text isn't a number or a character-string.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TextError {
    /// Not decimal digits, or too large a number; the text.
    #[error("{text} is not a number from 0 to {most}")]
    Number { text: String, most: u16 },
    /// The octets of a string that is too long for its length octet.
    #[error("it has {0} octets; 255 are the most")]
    StringLength(usize),
    /// A backslash with nothing sensible behind it; the text.
    #[error("{0}: a backslash needs a character or three digits up to 255")]
    Escape(String),
}

/// Why a text isn't a field's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FieldError {
    /// Not a number or a string.
    #[error(transparent)]
    Text(#[from] TextError),
    /// Not a property's name (RFC 8659 §4.1); the text.
    #[error("{0} is not a tag; use 1 to 15 letters and digits, such as issue")]
    Tag(String),
    /// Not a domain name; the text.
    #[error("{text} is not a domain name: {cause}")]
    Name { text: String, cause: NameError },
    /// Not hexadecimal digits in pairs; the text.
    #[error("{0} is not hexadecimal")]
    Hex(String),
    /// Not as many octets as a digest of this type has.
    #[error("it has {octets} octets; type {digest_type} has {expected}")]
    DigestLength { octets: usize, digest_type: u8, expected: usize },
    /// Not service parameters.
    #[error(transparent)]
    Params(#[from] ParamsError),
}

/// Why service parameters can't be written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParamsError {
    /// The text can't be split into parameters.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// No parameter has this name.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The same parameter twice; its name.
    #[error("{0} is given twice; keep one")]
    Twice(String),
    /// A value that isn't its parameter's; the parameter's name.
    #[error("{name}: {cause}")]
    Value { name: String, cause: ValueError },
    /// RFC 9460 §7.1.1.
    #[error("no-default-alpn needs alpn beside it")]
    NoDefaultAlpn,
    /// A mandatory parameter that isn't given, or `mandatory` itself (RFC 9460 §8); its number.
    #[error("mandatory names key{0}, which isn't there")]
    Mandatory(u16),
    /// A value's length has 16 bits.
    #[error("the values are too long")]
    TooLong,
}

/// A name that no service parameter has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text} is not a parameter; the names are {} and keyNNNNN", names.join(", "))]
pub(crate) struct KeyError {
    /// The name.
    pub(super) text: String,
    /// All that have a name.
    pub(super) names: &'static [&'static str],
}

/// Why a text isn't the value of a service parameter.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ValueError {
    /// Not a number or a string.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A mandatory parameter without a known name.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A value where none may be.
    #[error("it has no value; leave it out")]
    NoValue,
    /// No value where there must be one.
    #[error("it needs a value")]
    Missing,
    /// An empty item in a list of protocols.
    #[error("a protocol is empty; write them with single commas between")]
    EmptyProtocol,
    /// Octets that aren't UTF-8.
    #[error("the value isn't text")]
    NotText,
    /// Not base64; the text.
    #[error("{0} is not base64")]
    Base64(String),
    /// Not an IPv4 address; the text.
    #[error("{0} is not an IPv4 address")]
    Ipv4(String),
    /// Not an IPv6 address; the text.
    #[error("{0} is not an IPv6 address")]
    Ipv6(String),
}
