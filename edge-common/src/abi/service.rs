//! Served addresses, and the interfaces whose frames are ours.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A served address and port; the seed in [`super::Control`] is chosen so that each stands in the
/// slot its hash points to. `port` 0: empty.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Service {
    /// The address as two words of wire octets in memory order; IPv4 as `::ffff:a.b.c.d`.
    pub address: [u64; 2],
    /// UDP port.
    pub port: u32,
    /// What is served there: [`Service::DNS`] or [`Service::NTP`].
    pub role: u32,
}

impl Service {
    /// DNS.
    pub const DNS: u32 = 0;
    /// NTP.
    pub const NTP: u32 = 1;
}

/// An interface and a link-layer address that its frames may be sent to. An interface has an entry
/// for each such address. The seed in [`super::Control`] is chosen so that each stands in the slot
/// its hash points to. `ifindex` 0: empty.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct Device {
    /// Link-layer address in the first six octets, two zero octets.
    pub address: [u8; 8],
    /// Interface index.
    pub ifindex: u32,
    /// Zero.
    pub reserved: u32,
}

const _: () = {
    assert!(size_of::<Service>() == 24);
    assert!(size_of::<Device>() == 16);
};
