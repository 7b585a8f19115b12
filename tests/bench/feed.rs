//! A whole node that follows a scorer: its CPU time, and the clients' view.
//!
//! It is measured while it is fed and while it isn't: what becomes of queries meanwhile, and how
//! late a change is in answers. The node is on the first CPU, at one end of a veth pair. Scorer
//! and clients are on the last CPU, the clients at the other end.

use std::fs;
use std::io::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, anyhow, bail};
use edge_tests::geoip::country_mmdb;
use edge_tests::netns::{COUNTRIES, PATIENCE, Rig};
use edge_tests::pool;
use edge_tests::volunteers::ORIGIN;
use edge_user::node::control::{self, Request};
use edge_user::node::status::Status;
use fastrand::Rng;

use crate::figures::Spread;
use crate::{machine, note};

mod cpu;
mod load;
mod scorer;
mod stream;

use cpu::Cpu;
pub(crate) use load::Seen;
use load::{Load, World};
use scorer::{Scored, Scorer, is_in};
use stream::Stream;

/// Changes a second.
const CHANGES: u32 = 100;
/// Between two servers that are put in or out to see how late that is answered.
const PROBE: Duration = Duration::from_secs(2);
/// Seconds of each part of a run of which the CPU time is reported by itself.
const PART: f64 = 5.0;
/// What is measured: the pool's own zones, from a file that grows and from an answer without end;
/// and zones by a policy by which weights move with scores.
const CASES: [Case; 3] = [
    Case { name: "the pool's own", policy: "", is_http: false },
    Case { name: "the same by HTTP", policy: "", is_http: true },
    Case { name: "ramp, stable_split", policy: RAMP, is_http: false },
];
/// A policy.
const RAMP: &str =
    "[policy]\nstable_split = true\nramp = { from = 10.0, to = 15.0, floor_percent = 5 }\n";

/// A way to be fed.
struct Case {
    name: &'static str,
    policy: &'static str,
    is_http: bool,
}

/// A node, fed or not, for some time.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Seconds that it took.
    pub seconds: f64,
    /// Seconds of CPU, of all threads.
    pub cpu: f64,
    /// The share of a core, part by part.
    pub parts: Spread,
    /// Seconds of CPU of each thread.
    pub threads: Vec<(String, f64)>,
    /// What became of queries.
    pub seen: Seen,
    /// Replies by XDP, and by the authority.
    pub answered: [u64; 2],
    /// Changes that were sent, and that the node took.
    pub changes: [u64; 2],
    /// Servers that came or went.
    pub crossed: u64,
    /// New generations, and publications that replaced decks alone.
    pub published: [u64; 2],
    /// Seconds until a server that came was in answers, until one that went wasn't; and how many
    /// never were.
    pub delays: [Spread; 2],
    pub never: u64,
}

impl Run {
    /// The share of a core.
    pub(crate) fn share(&self) -> f64 {
        self.cpu / self.seconds
    }
}

/// What came of a case.
pub(crate) struct Fed {
    /// What the report calls it.
    pub name: &'static str,
    /// Before any change.
    pub idle: Run,
    /// With changes.
    pub fed: Run,
}

/// A node with its scorer and clients.
struct Node {
    rig: Rig,
    scorer: Scorer,
    way: Way,
    world: World,
    load: Load,
}

/// How changes come to it.
enum Way {
    /// They are appended to a file.
    File(fs::File),
    /// They are sent.
    Http(Stream),
}

impl Way {
    fn tell(&mut self, id: u64, line: &str) -> Result<()> {
        match self {
            Self::File(file) => file.write_all(line.as_bytes()).context("write a change"),
            Self::Http(stream) => {
                stream.tell(id, line);
                Ok(())
            }
        }
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_secs().cast_signed()
}

impl Node {
    fn start(case: &Case) -> Result<Self> {
        let mut rig = Rig::new("native");
        // A file's zone is served instead of a feed's.
        fs::remove_file(rig.path(&format!("zones/{ORIGIN}.json")))?;
        let mut prefixes = pool::prefixes(&pool::POOL, &mut Rng::with_seed(2));
        prefixes.extend(COUNTRIES.map(|(net, country)| (net.to_owned(), country.to_owned())));
        let prefixes: Vec<_> =
            prefixes.iter().map(|(net, country)| (net.as_str(), country.as_str())).collect();
        rig.write("geoip/GeoLite2-Country.mmdb", &country_mmdb(&prefixes));
        let scorer = Scorer::new(1, now());
        rig.write("snapshot.json", &serde_json::to_vec(scorer.snapshot())?);
        let (way, deltas) = if case.is_http {
            let stream = rig.server.enter(Stream::start)?;
            let url = stream.url();
            (Way::Http(stream), url)
        } else {
            let path = rig.path("deltas.ndjson");
            (Way::File(fs::File::create(&path)?), path.display().to_string())
        };
        let feed = format!(
            "[feed]\nstate = \"state\"\nsnapshot = \"snapshot.json\"\ndeltas = {deltas:?}\n"
        );
        let config = format!("{}\n{feed}{}", rig.config(), case.policy);
        rig.write("edge.toml", config.as_bytes());
        let mut command = serve(&rig);
        machine::on_first_cpu(|| {
            rig.start_by(&mut command);
            Ok(())
        })?;
        let (world, load) = (World::new(&scorer.snapshot().servers), Load::new(&rig)?);
        let node = Self { rig, scorer, way, world, load };
        let end = Instant::now() + PATIENCE;
        while !node.status()?.zones.iter().any(|zone| zone.in_xdp && zone.name == ORIGIN) {
            if Instant::now() > end {
                bail!("edge doesn't serve {ORIGIN}: {:?}", node.status()?.errors);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(node)
    }

    fn status(&self) -> Result<Status> {
        let status = control::ask(&self.rig.path("edge.sock"), &Request::Status);
        Ok(serde_json::from_value(status.map_err(|error| anyhow!(error))?)?)
    }

    /// Has it asked for some time, and fed meanwhile or not.
    fn run(&mut self, seconds: f64, is_fed: bool) -> Result<Run> {
        let before = self.status()?;
        let process = self.rig.node().id();
        let stop = AtomicBool::new(false);
        let Self { scorer, way, world, load, .. } = self;
        let (seen, told, used) = thread::scope(|scope| {
            let asking = scope.spawn(|| load.run(world, &stop));
            let scoring = scope.spawn(|| match is_fed {
                true => feed(scorer, world, way, &stop),
                false => Ok(Told::default()),
            });
            let used = follow(process, seconds);
            stop.store(true, Ordering::Relaxed);
            (asking.join(), scoring.join(), used)
        });
        let gone = |_| anyhow!("a thread panicked");
        let (seen, told) = (seen.map_err(gone)??, told.map_err(gone)??);
        let Used { seconds, cpu, parts, threads } = used?;
        let after = self.caught_up(before.feed.deltas + told.changes)?;
        Ok(Run {
            seconds,
            cpu,
            parts,
            threads,
            seen,
            answered: [
                after.counters.xdp_answered - before.counters.xdp_answered,
                after.counters.authority_answered - before.counters.authority_answered,
            ],
            changes: [told.changes, after.feed.deltas - before.feed.deltas],
            crossed: told.crossed,
            published: [after.generation - before.generation, after.amended - before.amended],
            delays: [Spread::of(told.came), Spread::of(told.went)],
            never: told.never,
        })
    }

    /// What it says when it has taken so many changes, or doesn't for long.
    fn caught_up(&self, changes: u64) -> Result<Status> {
        let end = Instant::now() + PATIENCE;
        loop {
            let status = self.status()?;
            if status.feed.deltas >= changes || Instant::now() > end {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// `edge run`, which is this program itself, in the server's namespace; it ends with us.
fn serve(rig: &Rig) -> Command {
    let mut command = rig.command("setpriv");
    let own = std::env::current_exe().unwrap_or_default();
    command.args(["--pdeathsig", "TERM"]).arg(own).arg("--serve").arg(rig.path("edge.toml"));
    command
}

/// CPU time that a process has used.
struct Used {
    /// Seconds that it was followed.
    seconds: f64,
    /// Seconds of CPU.
    cpu: f64,
    /// The share of a core, part by part.
    parts: Spread,
    /// Seconds of CPU of each thread.
    threads: Vec<(String, f64)>,
}

/// Follows a process for some time.
fn follow(process: u32, seconds: f64) -> Result<Used> {
    let mut cpu = Cpu::new(process)?;
    let (begun, first) = (Instant::now(), cpu.total()?);
    let mut last = (begun, first);
    let mut parts = Vec::new();
    while begun.elapsed().as_secs_f64() < seconds {
        thread::sleep(Duration::from_secs_f64(PART.min(seconds)));
        cpu.look();
        let now = (Instant::now(), cpu.total()?);
        parts.push((now.1 - last.1) / (now.0 - last.0).as_secs_f64());
        last = now;
    }
    let threads = cpu.threads().iter().map(|(name, time)| (name.clone(), *time)).collect();
    Ok(Used {
        seconds: (last.0 - begun).as_secs_f64(),
        cpu: last.1 - first,
        parts: Spread::of(parts),
        threads,
    })
}

/// What the scorer has published.
#[derive(Debug, Default)]
struct Told {
    changes: u64,
    crossed: u64,
    /// Seconds until a server that came was in answers, and until one that went was in none.
    came: Vec<f64>,
    went: Vec<f64>,
    never: u64,
}

/// Publishes changes at a steady pace until it has to stop.
fn feed(scorer: &mut Scorer, world: &World, way: &mut Way, stop: &AtomicBool) -> Result<Told> {
    let begun = Instant::now();
    let mut told = Told::default();
    let mut probed = begun;
    let mut n_probes = 0;
    while !stop.load(Ordering::Relaxed) {
        let due = begun + Duration::from_secs(1).mul_f64(told.changes as f64 / f64::from(CHANGES));
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let is_probe = probed.elapsed() >= PROBE;
        let Scored { mut line, id, cursor } = if is_probe {
            probed = Instant::now();
            n_probes += 1;
            // Two of them take turns, each out and in again.
            scorer.probe((n_probes - 1) / 2 % 2, n_probes % 2 == 0, now())
        } else {
            scorer.next(now())
        };
        told.changes += 1;
        line.push('\n');
        if let Some(server) = scorer.snapshot().servers.get(id)
            && let Some(seen) = world.turn(server)
        {
            told.crossed += 1;
            // It was in before if it is out now.
            if is_probe && n_probes > 4 {
                let series = if is_in(server) { &mut told.went } else { &mut told.came };
                match seen {
                    Some(seen) => series.push(seen.as_secs_f64()),
                    None => told.never += 1,
                }
            }
        }
        way.tell(cursor, &line)?;
    }
    Ok(told)
}

/// Measures the first case for so many seconds and the others for a tenth, and each for a tenth of
/// that without changes.
pub(crate) fn measure(seconds: f64) -> Result<Vec<Fed>> {
    let times = std::iter::once(seconds).chain(std::iter::repeat(seconds / 10.0));
    let one = |(case, seconds): (Case, f64)| {
        note(format_args!("feed: {}", case.name));
        let seconds = seconds.max(4.0 * PART);
        let mut node = Node::start(&case)?;
        // What it does once is over after that.
        thread::sleep(Duration::from_secs(12));
        let idle = node.run((seconds / 10.0).max(2.0 * PART), false)?;
        let fed = node.run(seconds, true)?;
        Ok(Fed { name: case.name, idle, fed })
    };
    CASES.into_iter().zip(times).map(one).collect()
}
