//! The feed's zones come in, whenever they are ready; they are served.

use std::time::Instant;

use super::Node;
use crate::node::feed::Handoff;

/// Waits until the feed has zones; for ever without a feed.
pub(super) async fn told(handoff: Option<&Handoff>) {
    match handoff {
        Some(handoff) => handoff.wait_for_zones().await,
        None => std::future::pending().await,
    }
}

impl Node {
    /// Takes over what the feed has ready.
    pub(super) fn take_fed(&mut self, handoff: Option<&Handoff>) {
        let fed = handoff.map(Handoff::take).unwrap_or_default();
        if !fed.is_empty() {
            let begun = Instant::now();
            let refresh = self.controller.feed(fed);
            self.report(refresh);
            if let Some(handoff) = handoff {
                handoff.served_in(begun.elapsed());
            }
        }
    }
}
