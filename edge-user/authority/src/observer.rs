//! The interface for an observer of the responses that are sent.

use super::asked::Asked;

/// An observer of responses. Each thread calls its own with every response that it sends.
///
/// It must neither wait nor allocate: the next query waits for its return.
pub trait Observer: Send + Sync {
    /// Sees `response` (a DNS message), which goes to the client that `asked`.
    fn answered(&mut self, asked: &Asked, response: &[u8]);

    /// An observer for one thread. Called once by each thread before it answers.
    fn for_thread(&self) -> Box<dyn Observer>;
}

/// An observer that ignores the responses.
impl Observer for () {
    fn answered(&mut self, _: &Asked, _: &[u8]) {}

    fn for_thread(&self) -> Box<dyn Observer> {
        Box::new(())
    }
}
