//! A frame that was sent, for the query log.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// An entry of `SAMPLES`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Sample {
    /// Octets of [`Sample::frame`] that mean something; at most all.
    pub octets: u32,
    /// Zero.
    pub reserved: u32,
    /// The frame as it was sent, or its beginning.
    pub frame: [u8; Self::FRAME_OCTETS],
}

impl Sample {
    /// Octets of a frame that are kept: all of any answer to a name of up to 255 octets.
    pub const FRAME_OCTETS: usize = 632;
}

const _: () = assert!(size_of::<Sample>() == 640);
