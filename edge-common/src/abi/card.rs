//! Cards: the records of one answer, with their partial checksum.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Up to four A records. A card of more has its last four in its first cell, the four before them
/// in its second, and so on. In a cell that is not full the addresses are in the last places.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Card4 {
    /// Addresses as on the wire.
    pub addresses: [[u8; 4]; Self::RECORDS],
    /// One's-complement sum of the cell's complete resource records (owner a pointer to the
    /// question), as if they began at an even offset; folded to 16 bits.
    pub sum: u32,
    /// Zero.
    pub reserved: u32,
}

impl Card4 {
    /// Records a cell.
    pub const RECORDS: usize = 4;
    /// Octets of one resource record: owner pointer, type, class, TTL, length, address.
    pub const RECORD_OCTETS: usize = 16;
    /// Records that fit into the head room.
    pub const MOST: usize = 12;
}

/// Up to four AAAA records; as [`Card4`].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Card6 {
    /// Addresses as on the wire.
    pub addresses: [[u8; 16]; Self::RECORDS],
    /// As [`Card4::sum`].
    pub sum: u32,
    /// Zero.
    pub reserved: u32,
}

impl Card6 {
    /// Records a cell.
    pub const RECORDS: usize = 4;
    /// Octets of one resource record.
    pub const RECORD_OCTETS: usize = 28;
    /// Records that fit into the head room.
    pub const MOST: usize = 7;
}

/// Ready-made resource records. Of a negative answer (NODATA, NXDOMAIN) it is one, owned by the
/// zone apex: its first two octets are a pointer that depends on the question and is written at
/// answering.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Rrs {
    /// The records as on the wire, ending at the array's end; zero before them.
    pub octets: [u8; Self::MOST],
    /// One's-complement sum of the records, as if they began at an even offset; folded to 16 bits.
    /// Of a negative answer's without the owner pointer.
    pub sum: u32,
    /// Octets of the records, 2 to [`Rrs::MOST`].
    pub octets_used: u32,
}

impl Rrs {
    /// Octets that fit into the head room of native drivers (256 less `struct xdp_frame`),
    /// rounded down to whole copies of 32.
    pub const MOST: usize = 192;
}

const _: () = {
    assert!(size_of::<Card4>() == 24);
    assert!(size_of::<Card6>() == 72);
    assert!(size_of::<Rrs>() == Rrs::MOST + 8);
    assert!(Card4::MOST * Card4::RECORD_OCTETS <= 208);
    assert!(Card6::MOST * Card6::RECORD_OCTETS <= 208);
};
