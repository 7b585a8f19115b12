//! The layouts of the BPF maps.
//!
//! Userspace writes them and a packet reads them. Every type is `repr(C)`, consists of integers
//! without padding, and has a multiple of eight octets (the kernel rounds array elements up to
//! eight). Integers are in the machine's octet order unless a field says otherwise. A change to
//! any of them, or to [`maps`], moves [`VERSION`]; the pins of another version are never reused.

mod card;
mod clock;
mod control;
mod deck;
mod geo;
pub mod maps;
mod name;
mod sample;
mod service;
mod shared;

pub use card::{Card4, Card6, Rrs};
pub use clock::Clock;
pub use control::{
    Control, CookieKeys, CookieSecrets, Nsid, NtpLimits, RateLimits, Side, switches,
};
pub use deck::{Answer, ClassRow, Deck, Extent, Kind, TableId};
pub use geo::{GeoLeaf, Keys6, Leaves6, Node4, Root4, Tree6};
pub use name::{LONG_WORDS, LongName, NAME_WORDS, NameTail, ShortName, TypeRow};
pub use sample::Sample;
pub use service::{Device, Service};
pub use shared::{Cpu, Hits, Requests, Shared, ZoneTables};

/// The layout's version; part of the pin path.
pub const VERSION: u32 = 5;
