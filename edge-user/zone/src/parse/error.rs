//! Errors of single texts of a zone file.
//!
//! Each reads as cause and way out. Serde takes the message only; [`super::read`] puts file, line,
//! column and key path before it.

use super::MAX_TEXT_OCTETS;
use crate::name::{NameError, quote};

/// Why a text isn't a record's data, or a key not a label. Texts are in quotes, and shortened if
/// they are very long.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TextError {
    /// No address at all where an IPv4 address is due.
    #[error("{0} is not an IPv4 address; write it as \"192.0.2.1\"")]
    NotIpv4(String),
    /// An IPv6 address where an IPv4 address is due.
    #[error("{0} is an IPv6 address; put it under \"aaaa\"")]
    Ipv6Here(String),
    /// No address at all where an IPv6 address is due.
    #[error("{0} is not an IPv6 address; write it as \"2001:db8::1\"")]
    NotIpv6(String),
    /// An IPv4 address where an IPv6 address is due.
    #[error("{0} is an IPv4 address; put it under \"a\"")]
    Ipv4Here(String),
    /// Not a domain name.
    #[error("{text} is not a domain name: {cause}; write it as \"host.example.com.\"")]
    Name { text: String, cause: NameError },
    /// A TXT record without text.
    #[error("the text is empty; write one, or leave the record out")]
    Empty,
    /// The octets of a TXT record that RDATA can't hold.
    #[error("the text has {0} octets, more than the {MAX_TEXT_OCTETS} of a record; shorten it")]
    TooLong(usize),
    /// A character that no label has.
    #[error("a label can't have {0:?} in it; use printing ASCII without spaces and backslashes")]
    LabelCharacter(char),
    /// A part of a label without a character.
    #[error("a label can't begin or end with a dot or have two in a row; remove it")]
    LabelDots,
}

impl TextError {
    pub(super) fn name(text: &str, cause: NameError) -> Self {
        Self::Name { text: quote(text), cause }
    }
}
