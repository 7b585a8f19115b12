//! Entries of the ring `SAMPLES`: frames that were sent or dropped.
//!
//! The query log and the popularity estimate read those that were sent. Those that were dropped
//! say which clients are limited.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// An entry of `SAMPLES`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Sample {
    /// Octets of [`Sample::frame`] that mean something; at most all.
    pub octets: u32,
    /// The index of its [`crate::verdict::Verdict`].
    pub verdict: u32,
    /// The frame as it was sent, or unmodified if it was dropped; or its beginning.
    pub frame: [u8; Self::FRAME_OCTETS],
}

impl Sample {
    /// Octets of a frame that are kept: all of any answer to a name of up to 255 octets.
    pub const FRAME_OCTETS: usize = 632;
}

const _: () = assert!(size_of::<Sample>() == 640);
