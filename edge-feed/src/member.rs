//! A server's membership in an area: its weight, and whether it helps out.
//!
//! A leaf under both [`policy`](crate::policy), which computes weights, and [`zone`](crate::zone),
//! which writes them.

/// How many numbered names an area has: `0` to `3`.
pub(crate) const GROUPS: usize = 4;

/// The smallest area that is split. With fewer servers each number has them all.
pub(crate) const MIN_TO_SPLIT: usize = 8;

/// A server in an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The pool's identifier of the server.
    pub id: u64,
    /// Its weight in the area, in kbit/s; 1 at least.
    pub weight: u32,
    /// Whether it is from another area, and helps out.
    pub helps: bool,
    /// Index of its record's text in the zone builder.
    pub(crate) slot: usize,
}

/// A server in one of its own areas.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnServer {
    /// Its weight.
    pub(crate) weighting: Weighting,
    /// Index of its record's text in the zone builder.
    pub(crate) slot: usize,
}

/// The weight of a server that is in the zones, in kbit/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weighting {
    /// Its weight at a full score.
    pub(crate) nominal: u32,
    /// Its weight now: 1 at least, `nominal` at most.
    pub(crate) weight: u32,
}
