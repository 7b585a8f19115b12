//! Pauses between requests of a source; they grow with each error in a row.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::StatusHandle;

/// The pause after the first error.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause of our own.
const MOST: Duration = Duration::from_secs(60);
/// The longest pause that a server can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The time of a source's next request.
#[derive(Debug)]
pub(crate) struct Pace {
    every: Duration,
    most: Duration,
    due: Instant,
    errors: u32,
    /// Ends a pause at once.
    waker: Arc<Notify>,
}

impl Pace {
    /// The first request at once, then with this interval while there is no error, or as soon as
    /// [`StatusHandle::retry`] is called.
    pub(crate) fn new(every: Duration, status: &StatusHandle) -> Self {
        let waker = Arc::clone(status.waker());
        Self { every, most: MOST, due: Instant::now(), errors: 0, waker }
    }

    /// With pauses of at most that much.
    pub(crate) fn at_most(self, most: Duration) -> Self {
        Self { most, ..self }
    }

    /// Waits until the next request is due, or somebody asks for it.
    pub(crate) async fn wait(&self) {
        tokio::select! {
            () = sleep_until(self.due) => {}
            () = self.waker.notified() => {}
        }
    }

    /// After a success. A tenth of the interval is random, so that the nodes of a fleet don't ask
    /// at the same time.
    pub(crate) fn well(&mut self) {
        self.errors = 0;
        self.due = Instant::now() + jitter(self.every, 0.9, self.every);
    }

    /// After an error. `retry_after` is the pause that the server asked for, if any.
    pub(crate) fn wrong(&mut self, retry_after: Option<Duration>) {
        let pause = pause(self.errors).min(self.most);
        self.errors = self.errors.saturating_add(1);
        let retry_after = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
        self.due = Instant::now()
            + jitter(pause, 0.5, pause).max(jitter(retry_after, 1.0, retry_after.mul_f64(1.1)));
    }

    /// The next request is due now.
    pub(crate) fn now(&mut self) {
        self.due = Instant::now();
    }

    /// After an end that is no error: soon, but not in a tight loop.
    pub(crate) fn again(&mut self) {
        self.errors = 0;
        self.due = Instant::now() + jitter(FIRST, 0.5, FIRST);
    }
}

/// The pause after that many errors before.
fn pause(errors: u32) -> Duration {
    FIRST.saturating_mul(1 << errors.min(16)).min(MOST)
}

/// Some time between a share of `least` and `most`.
fn jitter(least: Duration, share: f64, most: Duration) -> Duration {
    let least = least.mul_f64(share);
    least + most.saturating_sub(least).mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::{Duration, FIRST, Instant, MAX_RETRY_AFTER, MOST, Pace, StatusHandle, pause};

    fn pace(every: Duration) -> Pace {
        Pace::new(every, &StatusHandle::new("x", None))
    }

    #[tokio::test]
    async fn a_pause_ends_when_somebody_asks_for_another_attempt() {
        let status = StatusHandle::new("x", None);
        let mut pace = Pace::new(MOST, &status);
        pace.wrong(Some(MAX_RETRY_AFTER));
        let begun = Instant::now();
        tokio::join!(pace.wait(), async { status.retry() });
        assert!(begun.elapsed() < FIRST);
        // Once is once.
        assert!(tokio::time::timeout(Duration::from_millis(20), pace.wait()).await.is_err());
    }

    #[test]
    fn pauses_double_up_to_a_minute() {
        let pauses: Vec<u64> = (0..9).map(|errors| pause(errors).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause(u32::MAX), MOST);
    }

    #[test]
    fn half_of_a_pause_is_left_to_chance_and_a_server_may_ask_for_more_but_not_for_a_day() {
        let mut seen = Vec::new();
        for _ in 0..200 {
            let mut pace = pace(MOST);
            let before = Instant::now();
            pace.wrong(None);
            let pause = pace.due - before;
            assert!(pause >= FIRST / 2 && pause < FIRST + MOST / 10, "{pause:?}");
            seen.push(pause);
            let before = Instant::now();
            pace.wrong(Some(Duration::from_secs(120)));
            let pause = pace.due - before;
            assert!(pause >= Duration::from_secs(120) && pause < Duration::from_secs(140));
            let before = Instant::now();
            pace.wrong(Some(Duration::from_secs(86_400)));
            assert!(pace.due - before < MAX_RETRY_AFTER.mul_f64(1.2));
        }
        seen.sort();
        assert!(seen[199] - seen[0] > FIRST / 4, "no jitter: {seen:?}");
    }

    #[test]
    fn after_an_answer_the_interval_counts_again() {
        let mut pace = pace(Duration::from_secs(30));
        for _ in 0..10 {
            pace.wrong(None);
        }
        let before = Instant::now();
        pace.well();
        let pause = pace.due - before;
        assert!(pause >= Duration::from_secs(27) && pause < Duration::from_secs(31));
        assert_eq!(pace.errors, 0);
    }
}
