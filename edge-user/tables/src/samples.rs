//! Samples of the frames that XDP sent or dropped.

mod frame;

pub use frame::{response, source};

/// Frames that XDP sampled of what it sent.
pub trait Samples: Send {
    /// Gives every frame, or as much of its beginning as was kept, that has come since the last
    /// call.
    fn drain(&mut self, take: &mut dyn FnMut(&[u8]));

    /// Samples lost since the start because nobody took them in time.
    fn lost(&self) -> u64;
}
