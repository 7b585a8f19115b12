//! A story of faults: when each change was answered, and where.
//!
//! The scorer publishes and clients ask while servers and nodes fail.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use edge_feed::source::nats::Nats;

use super::asking::Asked;
use super::scorer::Scorer;
use super::{EACH, Fleet, SUBJECT, connect, runtime, until};

/// Between two messages of the scorer's.
const BATCH: Duration = Duration::from_millis(10);
/// The most changes of a message, after the scorer had to wait.
const MOST: u64 = 250;
/// Between two marks: at least, and what chance adds at most.
const MARKS: Duration = Duration::from_millis(200);
const JITTER: u64 = 100;
/// Before what NATS didn't take is published again.
const AGAIN: Duration = Duration::from_millis(50);

/// A mark.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// Its number.
    pub number: u32,
    /// When the change happened, even if it couldn't be published.
    pub due: Instant,
    /// When NATS had it.
    pub kept: Instant,
}

/// What happens, while it happens.
#[derive(Debug, Default)]
pub struct Story {
    is_published: AtomicBool,
    is_over: AtomicBool,
    made: AtomicU32,
    answered: [AtomicU32; EACH as usize],
    marks: Mutex<Vec<Mark>>,
    refused: AtomicU64,
    deltas: AtomicU64,
}

/// What happened.
#[derive(Debug)]
pub struct Outcome {
    /// All marks.
    pub marks: Vec<Mark>,
    /// What each node answered.
    pub nodes: Vec<Asked>,
    /// Times that NATS took no message.
    pub refused: u64,
    /// Changes a second, marks among them.
    pub rate: f64,
}

/// Ends the story when somebody panics, too.
struct End<'s>(&'s Story);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.is_published.store(true, Ordering::Relaxed);
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

impl Story {
    /// Publishes so many changes a second and asks all nodes while `plot` does what it does, and
    /// until all is answered.
    pub fn tell(
        fleet: &Fleet,
        scorer: &mut Scorer,
        rate: u32,
        plot: impl FnOnce(&Self),
    ) -> Outcome {
        let story = Self::default();
        let begun = Instant::now();
        let nodes = thread::scope(|scope| {
            let end = End(&story);
            let asking: Vec<_> = (fleet.nodes.iter().zip(&story.answered))
                .map(|(node, answered)| {
                    let socket = node.socket(&fleet.client);
                    let (over, made) = (&story.is_over, &story.made);
                    scope.spawn(move || Asked::ask(&socket, over, made, answered))
                })
                .collect();
            let publishing = scope.spawn(|| {
                let mut publish = async || {
                    let nats = connect(&fleet.urls()).await;
                    story.publish(&nats, scorer, rate).await;
                };
                fleet.outside(|| runtime().block_on(publish()));
            });
            plot(&story);
            story.is_published.store(true, Ordering::Relaxed);
            until("all is published", || publishing.is_finished());
            let made = story.made.load(Ordering::Relaxed);
            until("all nodes answer the last mark", || (0..EACH).all(|n| story.mark(n) == made));
            drop(end);
            asking.into_iter().map(|asking| asking.join().expect("no panic")).collect()
        });
        let marks = story.marks.into_inner().unwrap_or_else(PoisonError::into_inner);
        let deltas = story.deltas.into_inner();
        let rate = deltas as f64 / begun.elapsed().as_secs_f64();
        Outcome { marks, nodes, refused: story.refused.into_inner(), rate }
    }

    /// The mark that a node answers.
    fn mark(&self, node: u8) -> u32 {
        self.answered[usize::from(node)].load(Ordering::Relaxed)
    }

    /// Waits until these nodes answer a mark that is made after now.
    pub fn wait_for_answers(&self, nodes: &[u8]) {
        let made = self.made.load(Ordering::Relaxed);
        until(&format!("nodes {nodes:?} answer what comes after mark {made}"), || {
            nodes.iter().all(|node| self.mark(*node) > made)
        });
    }

    /// Waits until a node answers a mark that was made before now; gives how long that took.
    pub fn catch_up(&self, node: u8) -> Duration {
        let (begun, made) = (Instant::now(), self.made.load(Ordering::Relaxed));
        until(&format!("node {node} answers mark {made}"), || self.mark(node) >= made);
        begun.elapsed()
    }

    /// Waits until all nodes have answered so many more marks.
    pub fn run_for(&self, marks: u32) {
        let wanted = self.made.load(Ordering::Relaxed) + marks;
        until(&format!("all nodes answer mark {wanted}"), || {
            (0..EACH).all(|node| self.mark(node) >= wanted)
        });
    }

    /// Publishes until that is enough, and then a last mark: who answers that has all that came
    /// before it.
    async fn publish(&self, nats: &Nats, scorer: &mut Scorer, rate: u32) {
        let begun = Instant::now();
        let (mut made, mut due) = (0, begun + MARKS);
        let mut is_last = false;
        while !is_last {
            is_last = self.is_published.load(Ordering::Relaxed);
            let passed = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            let owed = (passed.saturating_mul(rate.into()) / 1_000_000).saturating_sub(made);
            let count = usize::try_from(owed.min(MOST)).unwrap_or_default();
            let mut deltas = scorer.scores(count);
            let mark = (is_last || Instant::now() >= due).then(|| scorer.mark());
            if let Some((number, changes)) = &mark {
                deltas.extend(changes.iter().cloned());
                self.made.store(*number, Ordering::Relaxed);
            }
            while nats.publish(SUBJECT, &deltas).await.is_err() {
                self.refused.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(AGAIN).await;
            }
            made += u64::try_from(deltas.len()).unwrap_or_default();
            self.deltas.store(made, Ordering::Relaxed);
            if let Some((number, _)) = mark {
                let kept = Instant::now();
                let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
                marks.push(Mark { number, due, kept });
                while due <= kept {
                    due += MARKS + Duration::from_millis(fastrand::u64(..JITTER));
                }
            }
            if owed <= MOST {
                tokio::time::sleep(BATCH).await;
            }
        }
    }
}

impl Outcome {
    /// How long it took until each mark of a time was answered by a node, in seconds.
    #[must_use]
    pub fn latencies(&self, node: u8, from: Instant, to: Instant) -> Vec<f64> {
        let asked = &self.nodes[usize::from(node)];
        let marks = self.marks.iter().filter(|mark| (from..to).contains(&mark.due));
        marks
            .filter_map(|mark| Some((asked.since(mark.number)? - mark.due).as_secs_f64()))
            .collect()
    }

    /// The longest time that a mark of a time waited for NATS to take it, in seconds.
    #[must_use]
    pub fn longest_wait(&self, from: Instant, to: Instant) -> f64 {
        let marks = self.marks.iter().filter(|mark| (from..to).contains(&mark.due));
        marks.map(|mark| (mark.kept - mark.due).as_secs_f64()).fold(0.0, f64::max)
    }

    /// All that was wrong, a line each: answers that never were right; and, except of nodes that
    /// were killed or asleep, questions without a reply, and older answers behind newer ones.
    #[must_use]
    pub fn wrong(&self, scorer: &Scorer, touched: &[u8]) -> Vec<String> {
        let mut all = Vec::new();
        for (n, asked) in (0..).zip(&self.nodes) {
            all.extend(asked.wrong(scorer).into_iter().map(|line| format!("node {n}: {line}")));
            let (unanswered, back) = (asked.unanswered, asked.steps_back());
            if touched.contains(&n) {
                continue;
            }
            if unanswered > 0 {
                all.push(format!("node {n}: {unanswered} of {} have no reply", asked.asked));
            }
            if back > 0 {
                all.push(format!("node {n}: {back} times an older answer behind a newer one"));
            }
        }
        all
    }
}
