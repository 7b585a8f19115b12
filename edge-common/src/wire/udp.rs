//! The UDP header (RFC 768).

/// Octets of the header.
pub const HEADER_OCTETS: usize = 8;
/// The protocol's number in the pseudo-header, as a 16-bit word on the wire.
pub const PSEUDO_PROTOCOL: u16 = 17_u16.to_be();
