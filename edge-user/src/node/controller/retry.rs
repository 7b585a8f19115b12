//! The next try of a publication that failed or left something out.

use std::time::{Duration, Instant};

use edge_leaves::error_chain::error_chain;
use edge_tables::publish::{Placed, PublishError};

/// The time from the first try to the second.
const SOONEST: Duration = Duration::from_secs(1);
/// The time between two tries at most. Until then it doubles.
const LATEST: Duration = Duration::from_secs(60);

/// A publication that is to be tried again.
#[derive(Debug)]
pub(super) struct Retry {
    due: Instant,
    delay: Duration,
    /// Why it failed; none if only some zones were left out, which the errors name.
    failure: Option<String>,
    /// Whether that try runs.
    is_running: bool,
}

impl Retry {
    /// Notes how a publication ended, and passes that on. With `is_pending` it left something out
    /// that another may not. A publication for another reason doesn't put the next try off.
    pub(super) fn note(
        retry: &mut Option<Self>,
        published: Result<Vec<Placed>, PublishError>,
        is_pending: bool,
    ) -> Result<Vec<Placed>, PublishError> {
        let failure = published.as_ref().err().map(|cause| {
            format!("publish: {}; what was served before is still served", error_chain(cause))
        });
        let (delay, due) = match retry.as_ref() {
            Some(former) if !former.is_running => (former.delay, former.due),
            former => {
                let longer = former.map(|former| former.delay * 2);
                let delay = longer.unwrap_or(SOONEST).min(LATEST);
                (delay, Instant::now() + delay)
            }
        };
        let is_needed = failure.is_some() || is_pending;
        *retry = is_needed.then_some(Self { due, delay, failure, is_running: false });
        published
    }

    /// Begins the next try, if it is time for it. Returns whether it is.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        self.is_running = now >= self.due;
        self.is_running
    }

    /// What is wrong until the next try, if that isn't said of a zone.
    pub(super) fn error(&self) -> Option<String> {
        let seconds = self.delay.as_secs();
        self.failure.as_ref().map(|text| format!("{text}; it is tried again within {seconds} s"))
    }
}
