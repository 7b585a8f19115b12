//! The time a change takes from the scorer to the XDP answers of three nodes.
//!
//! It goes over a NATS cluster of three servers, of which some fail, as do nodes. Everything runs
//! in namespaces of one machine and shares the same few CPUs.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use edge_tests::fleet::{Edge, Fleet, Node, Outcome, Scorer, Story};

/// Servers of the pool, and changes a second; the last one is the one in which things fail.
const SCALES: [(u32, u32); 3] = [(5_700, 100), (600, 1_000), (5_700, 1_000)];
/// Marks that are measured.
const MARKS: u32 = 120;
/// Marks that all nodes have to answer before anything else fails.
const CALM: u32 = 20;
/// How long a node is away that was killed, and how long another one sleeps.
const AWAY: Duration = Duration::from_secs(5);
const ASLEEP: Duration = Duration::from_secs(60);

/// What was measured of one scale.
pub(crate) struct Followed {
    /// Servers of the pool.
    pub servers: u32,
    /// Changes a second that were published.
    pub rate: f64,
    /// Of each node.
    pub nodes: Vec<Times>,
    /// What failed.
    pub faults: Vec<Fault>,
    /// What was wrong, a line each.
    pub wrong: Vec<String>,
}

/// A node's times while nothing failed.
pub(crate) struct Times {
    /// Seconds from each change to its answer, the shortest first.
    pub seconds: Vec<f64>,
    /// The share of a CPU that it took.
    pub cpu: f64,
}

/// What became of changes when something failed.
pub(crate) struct Fault {
    /// What failed.
    pub what: &'static str,
    /// The longest that NATS took no change, in seconds.
    pub nats: f64,
    /// The longest from a change to its answer, in seconds, at nodes that did not fail.
    pub others: f64,
    /// Seconds that the node that failed needed until it was up to date.
    pub itself: Option<f64>,
}

/// From when to when something failed and what came of it lasted, and which node it was.
struct Span {
    what: &'static str,
    from: Instant,
    to: Instant,
    node: Option<u8>,
    itself: Option<Duration>,
}

/// What happens while nothing fails: from when to when, and the CPU time of each node.
struct Calm {
    from: Instant,
    to: Instant,
    cpu: Vec<u64>,
}

fn calm(fleet: &Fleet, story: &Story) -> Calm {
    story.run_for(CALM);
    let (from, before) = (Instant::now(), fleet.nodes.iter().map(Node::cpu));
    let before: Vec<u64> = before.collect();
    story.run_for(MARKS);
    let cpu = fleet.nodes.iter().zip(before).map(|(node, before)| node.cpu() - before);
    Calm { cpu: cpu.collect(), from, to: Instant::now() }
}

/// All that may fail, one behind the other.
fn harm(fleet: &Fleet, story: &Story) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut span = |what, node, harm: &dyn Fn() -> Option<Duration>| {
        let from = Instant::now();
        let itself = harm();
        let to = Instant::now();
        // All that happened until then is answered before anything else fails.
        story.run_for(CALM);
        spans.push(Span { what, from, to, node, itself });
    };
    span("NATS server killed, and back", None, &|| {
        fleet.kill_leader(story);
        None
    });
    span("NATS server cut off, and back", None, &|| {
        fleet.cut_off_leader(story);
        None
    });
    span("node killed, back after 5 s", Some(0), &|| {
        let _leader = fleet.wait_for_leader();
        fleet.nodes[0].kill();
        thread::sleep(AWAY);
        let begun = Instant::now();
        fleet.nodes[0].start();
        let start = begun.elapsed();
        Some(start + story.catch_up(0))
    });
    span("node asleep for 60 s", Some(1), &|| {
        fleet.nodes[1].sleep(true);
        thread::sleep(ASLEEP);
        fleet.nodes[1].sleep(false);
        Some(story.catch_up(1))
    });
    spans
}

fn fault(outcome: &Outcome, span: &Span) -> Fault {
    let others = (0..3).filter(|node| Some(*node) != span.node);
    let latencies = others.flat_map(|node| outcome.latencies(node, span.from, span.to));
    Fault {
        what: span.what,
        nats: outcome.longest_wait(span.from, span.to),
        others: latencies.fold(0.0, f64::max),
        itself: span.itself.map(|time| time.as_secs_f64()),
    }
}

fn follow(servers: u32, rate: u32, is_harmed: bool) -> Result<Followed> {
    let (mut scorer, snapshot) = Scorer::new(servers);
    let edge = Edge { program: std::env::current_exe()?, words: vec!["--serve"] };
    let fleet = Fleet::start(edge, &snapshot);
    let (mut measured, mut spans) = (None, Vec::new());
    let outcome = Story::tell(&fleet, &mut scorer, rate, |story| {
        measured = Some(calm(&fleet, story));
        if is_harmed {
            spans = harm(&fleet, story);
        }
    });
    let (killed, asleep): (&[u8], &[u8]) = if is_harmed { (&[0], &[1]) } else { (&[], &[]) };
    let mut wrong = outcome.wrong(&scorer, &[killed, asleep].concat());
    wrong.extend(fleet.differences(&scorer, &outcome, killed, asleep));
    let Some(Calm { from, to, cpu }) = measured else { bail!("nothing was measured") };
    let nodes = (0..).zip(cpu).map(|(node, cpu)| {
        let mut seconds = outcome.latencies(node, from, to);
        seconds.sort_by(f64::total_cmp);
        Times { seconds, cpu: cpu as f64 / 1e9 / (to - from).as_secs_f64() }
    });
    let faults = spans.iter().map(|span| fault(&outcome, span)).collect();
    Ok(Followed { servers, rate: outcome.rate, nodes: nodes.collect(), faults, wrong })
}

/// Measures all scales, with what fails in the last one.
pub(crate) fn measure() -> Result<Vec<Followed>> {
    let last = SCALES.len() - 1;
    let scales = SCALES.into_iter().enumerate();
    scales
        .map(|(at, (servers, rate))| {
            crate::note(format_args!("fleet: {servers} servers, {rate} changes/s"));
            follow(servers, rate, at == last)
        })
        .collect()
}
