//! The samples of frames that XDP sent or dropped.

mod frame;

pub use frame::{response, source};

/// A source of frames that XDP sent and sampled.
pub trait Samples: Send {
    /// Gives to `take` every frame that was sampled since the last call, or as much of its
    /// beginning as was kept.
    fn drain(&mut self, take: &mut dyn FnMut(&[u8]));

    /// Samples lost since the start, because they weren't taken in time.
    fn lost(&self) -> u64;
}
