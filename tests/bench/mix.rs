//! A pool's mix at saturation, alone and in a flood of random subdomains.
//!
//! Measured are replies a second over a veth pair, how many of them XDP gave, and what that left
//! to the authority. One end of two links sends prepared frames and counts what comes back by
//! RCODE. At the other end of one link is a whole node, of the other the bare reflector. They
//! take turns.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use aya::programs::XdpMode;
use edge_user::node::status::Counters;

use crate::figures::Spread;
use crate::link::{CLIENT, Link};
use crate::machine;
use crate::note;
use crate::subject::{self, Subject};

mod node;
mod queries;

use node::Node;
use queries::Deck;
pub(crate) use queries::{FRAMES, Sent};

/// The ends of the reflector's link.
const MIRROR: [&str; 2] = ["mirror-client", "mirror-server"];
/// Random subdomains of the decks: a pool's mix, and a flood.
const RANDOM: [f64; 2] = [0.0, 0.9];
/// Frames of the run that finds out how fast it goes.
const FIRST: u32 = 200_000;

/// One run over one of the links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Frames sent.
    pub sent: u64,
    /// Seconds that it took.
    pub seconds: f64,
    /// Replies by RCODE; the last number is of frames that were no replies.
    pub replies: [u64; subject::KINDS],
}

impl Run {
    /// Replies that there was something at the name.
    pub(crate) const fn hot(&self) -> u64 {
        self.replies[0]
    }

    /// Replies that the name doesn't exist.
    pub(crate) const fn missing(&self) -> u64 {
        self.replies[3]
    }

    /// All replies.
    pub(crate) fn answered(&self) -> u64 {
        self.replies.iter().sum::<u64>() - self.replies[subject::KINDS - 1]
    }

    /// Replies a second.
    pub(crate) fn rate(&self) -> f64 {
        self.answered() as f64 / self.seconds
    }
}

/// A node's run, the reflector's beside it, and what the node did meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    /// The node.
    pub edge: Run,
    /// The reflector, of the same frames.
    pub reflector: Run,
    /// What the node counted.
    pub counters: Counters,
    /// Seconds of CPU of the node's first thread, which watches and deals.
    pub controller: f64,
    /// Seconds of CPU of the authority's threads.
    pub authority: f64,
}

/// What came of a deck.
pub(crate) struct Flood {
    /// The share of random subdomains, without those of a pool's mix.
    pub random: f64,
    /// The share of queries for names that exist.
    pub hot: f64,
    /// One by one.
    pub rounds: Vec<Round>,
}

impl Flood {
    /// Frames that XDP ruled on: those answered, those that passed, by reason.
    pub(crate) fn verdicts(&self) -> Counters {
        let mut sum = Counters::default();
        for counters in self.rounds.iter().map(|round| &round.counters) {
            sum.xdp_answered += counters.xdp_answered;
            sum.authority_answered += counters.authority_answered;
            for (all, some) in
                [(&mut sum.passed, &counters.passed), (&mut sum.dropped, &counters.dropped)]
            {
                for (reason, n) in some.iter().filter(|(_, n)| **n > 0) {
                    *all.entry(reason.clone()).or_default() += n;
                }
            }
        }
        sum
    }

    /// The share that XDP answered of all frames that came to it.
    pub(crate) fn in_xdp(&self) -> f64 {
        let verdicts = self.verdicts();
        let others: u64 = verdicts.passed.values().chain(verdicts.dropped.values()).sum();
        verdicts.xdp_answered as f64 / (verdicts.xdp_answered + others).max(1) as f64
    }

    /// A figure of each round.
    pub(crate) fn spread(&self, figure: impl Fn(&Round) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(figure))
    }

    /// Replies for names that exist, by second, of the node's runs; in parts of the queries that
    /// were for them.
    fn hot_rate(&self, run: &Run) -> f64 {
        run.hot() as f64 / run.seconds / self.hot
    }
}

/// Both decks' runs.
pub(crate) struct Mix {
    /// A pool's mix.
    pub usual: Flood,
    /// The flood.
    pub flood: Flood,
}

impl Mix {
    /// What the flood leaves of the hot names' replies a second, in parts of what their share
    /// leaves: 1 if a random subdomain costs what a hot name does. Of the node, round by round.
    pub(crate) fn kept(&self) -> Spread {
        let pairs = self.usual.rounds.iter().zip(&self.flood.rounds);
        Spread::of(pairs.map(|(usual, flood)| {
            self.flood.hot_rate(&flood.edge) / self.usual.hot_rate(&usual.edge)
        }))
    }

    /// The same of the reflector, to whom all frames of a length are one.
    pub(crate) fn kept_by_reflector(&self) -> Spread {
        let pairs = self.usual.rounds.iter().zip(&self.flood.rounds);
        Spread::of(pairs.map(|(usual, flood)| flood.reflector.rate() / usual.reflector.rate()))
    }
}

/// What the runs need.
struct Rig {
    // Before the link, whose end its process is attached to.
    node: Node,
    /// Generator and counter, and the reflector.
    bench: Subject,
    link: Link,
    mirror: u32,
    _folder: tempfile::TempDir,
}

impl Rig {
    fn new(decks: &[Deck]) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder")?;
        let mut bench = Subject::bench(&[])?;
        for (at, deck) in (0..).zip(decks) {
            bench.set_deck(at, &deck.frames)?;
        }
        let link = Link::new()?;
        let mirror = link.pair(MIRROR[0], MIRROR[1])?;
        for end in [CLIENT, MIRROR[0]] {
            bench.program("tally")?.attach(end, XdpMode::Driver).context("attach the counter")?;
        }
        link.at_server(|| {
            let program = bench.program("reflector")?;
            program.attach(MIRROR[1], XdpMode::Driver).context("attach the reflector")?;
            Ok(())
        })?;
        let start = || machine::on_first_cpu(|| Node::start(folder.path()));
        let node = link.at_server(start)?;
        Ok(Self { node, bench, link, mirror, _folder: folder })
    }

    /// Sends frames of a deck over one of the links. Replies are counted until no more come.
    fn run(&mut self, deck: u64, ifindex: u32, frames: u32) -> Result<Run> {
        let before = self.bench.tally()?;
        let started = Instant::now();
        self.bench.send_deck(deck, ifindex, frames)?;
        let seconds = started.elapsed().as_secs_f64();
        let mut counted = self.bench.tally()?;
        loop {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.bench.tally()?;
            if now == counted {
                break;
            }
            counted = now;
        }
        for (now, before) in counted.iter_mut().zip(before) {
            *now -= before;
        }
        Ok(Run { sent: frames.into(), seconds, replies: counted })
    }

    fn edge(&mut self, deck: u64, frames: u32) -> Result<(Run, node::Done)> {
        let before = self.node.done()?;
        let run = self.run(deck, self.link.ifindex, frames)?;
        Ok((run, self.node.done()?.since(&before)))
    }

    fn round(&mut self, deck: u64, frames: u32, edge_first: bool) -> Result<Round> {
        let early = if edge_first { None } else { Some(self.run(deck, self.mirror, frames)?) };
        let (edge, done) = self.edge(deck, frames)?;
        let reflector = match early {
            Some(run) => run,
            None => self.run(deck, self.mirror, frames)?,
        };
        if edge.hot() == 0 || edge.hot() + edge.missing() != edge.answered() {
            bail!("replies of other RCODEs than NOERROR and NXDOMAIN: {edge:?}");
        }
        let seconds = |time: u64| Duration::from_nanos(time).as_secs_f64();
        Ok(Round {
            edge,
            reflector,
            counters: done.counters,
            controller: seconds(done.controller),
            authority: seconds(done.authority),
        })
    }
}

/// Measures in `rounds` rounds of runs of about `seconds` seconds.
pub(crate) fn measure(seconds: f64, rounds: u32) -> Result<Mix> {
    let decks = RANDOM.map(queries::deck);
    let decks = decks.into_iter().collect::<Result<Vec<_>>>()?;
    let mut rig = Rig::new(&decks)?;
    let mut frames = Vec::new();
    for deck in [0, 1] {
        let first = rig.run(deck, rig.link.ifindex, FIRST)?;
        let wanted = (f64::from(FIRST) / first.seconds * seconds).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "millions")]
        frames.push(wanted as u32);
    }
    let mut floods: Vec<Flood> = RANDOM
        .iter()
        .zip(&decks)
        .map(|(random, deck)| {
            let hot = deck.hot as f64 / deck.frames.len() as f64;
            Flood { random: *random, hot, rounds: Vec::new() }
        })
        .collect();
    for round in 0..rounds {
        for ((deck, flood), frames) in (0..).zip(&mut floods).zip(&frames) {
            // Whoever is first may find the machine in another state.
            flood.rounds.push(rig.round(deck, *frames, round % 2 == 0)?);
        }
        note(format_args!("mix, round {}", round + 1));
    }
    match <[Flood; 2]>::try_from(floods) {
        Ok([usual, flood]) => Ok(Mix { usual, flood }),
        Err(_) => bail!("two decks"),
    }
}
