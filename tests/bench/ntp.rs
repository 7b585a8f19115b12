//! NTP replies a second over a veth pair, in XDP and on sockets.
//!
//! In turn behind one generator: the bare reflector and `edge` in XDP; chronyd, ntpd and the
//! benchmark's own responder on sockets. What is in XDP gets a flood. A socket may give most at
//! less than a flood, which takes CPU time for datagrams that nobody will read. So each is first
//! asked at several loads, and then at the one that suited it best.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use aya::programs::XdpMode;
use edge_common::abi::Device;
use edge_tests::frames::SERVER_MAC;
use nix::net::if_::if_nametoindex;

use crate::figures::Spread;
use crate::link::{CLIENT, Link, Run, SERVER, connect4, exchange};
use crate::note;
use crate::pool::HOT;
use crate::subject::{Replies, Subject};

pub(crate) mod plain;
mod server;
pub(crate) mod stamps;
pub(crate) mod time;

pub(crate) use server::Kind;
use server::Server;

/// VN 4 and mode 3, which a reflector gives back.
const REQUEST: u8 = 0x23;
/// VN 4 and mode 4.
const REPLY: u8 = 0x24;
/// What a server on sockets is asked in the search for its load, in parts of the replies that it
/// gives in a flood.
const LOADS: [f64; 6] = [0.9, 1.05, 1.2, 1.5, 2.0, 3.0];
/// Frames of the run that finds out how fast a flood goes.
const FIRST: u32 = 50_000;

/// Runs of one server, one of each round.
pub(crate) struct Series {
    /// Whose.
    pub kind: Kind,
    /// Its version, if it is somebody's.
    pub version: String,
    /// Frames a second that it is sent; none in a flood.
    pub load: Option<f64>,
    /// What came of it.
    pub runs: Vec<Run>,
    /// Nanoseconds that its threads were on the CPU for each reply of a run; none in XDP.
    pub costs: Vec<f64>,
}

impl Series {
    /// Replies a second.
    pub(crate) fn rates(&self) -> Spread {
        Spread::of(self.runs.iter().map(Run::rate))
    }

    /// Frames a second that were sent.
    pub(crate) fn loads(&self) -> Spread {
        Spread::of(self.runs.iter().map(|run| run.sent as f64 / run.seconds))
    }

    /// Nanoseconds of CPU for each reply, if it answers from sockets.
    pub(crate) fn cost(&self) -> Option<Spread> {
        (!self.costs.is_empty()).then(|| Spread::of(self.costs.iter().copied()))
    }

    /// The share of frames without a reply.
    pub(crate) fn unanswered(&self) -> f64 {
        let sum = |of: fn(&Run) -> u64| self.runs.iter().map(of).sum::<u64>() as f64;
        1.0 - sum(|run| run.replies) / sum(|run| run.sent).max(1.0)
    }
}

/// Everybody's runs.
pub(crate) struct Ntp {
    /// One after the other.
    pub series: Vec<Series>,
}

impl Ntp {
    fn of(&self, kind: Kind) -> Option<&Series> {
        self.series.iter().find(|series| series.kind == kind)
    }

    /// `edge`'s rate in somebody else's, round by round.
    pub(crate) fn ratios(&self, other: &Series) -> Option<Spread> {
        let edge = self.of(Kind::Edge).filter(|_| other.kind != Kind::Edge)?;
        let pairs = edge.runs.iter().zip(&other.runs);
        Some(Spread::of(pairs.map(|(edge, other)| edge.rate() / other.rate())))
    }

    /// The same of the best runs of both: whatever disturbs a server, it does more than that.
    pub(crate) fn best(&self, other: &Series) -> Option<f64> {
        Some(self.of(Kind::Edge)?.rates().most / other.rates().most)
    }
}

/// What the runs need.
struct Rig {
    /// The client's end: generator and sink; and the reflector.
    bench: Subject,
    /// The server's.
    edge: Subject,
    // Before the link, in whose namespace they are.
    servers: Vec<Server>,
    link: Link,
    _folder: tempfile::TempDir,
}

impl Rig {
    /// With those of the kinds that answer from sockets.
    fn new(sockets: &[Kind]) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder")?;
        let (mut bench, mut edge) = (Subject::bench(&[])?, Subject::shipped(&[])?);
        edge.program("pass")?.load().context("load pass")?;
        let link = Link::new()?;
        let (servers, ifindex) = link.at_server(|| {
            connect4()?;
            let start = |kind: &Kind| Server::start(*kind, folder.path());
            let servers = sockets.iter().map(start).collect::<Result<Vec<_>>>()?;
            servers.iter().try_for_each(Server::wait)?;
            Ok((servers, if_nametoindex(SERVER)?))
        })?;
        let [a, b, c, d, e, f] = SERVER_MAC;
        let device = Device { address: [a, b, c, d, e, f, 0, 0], ifindex, reserved: 0 };
        if let Err(most) = edge.store().set_devices(&[device]) {
            anyhow::bail!("no more than {most} interfaces fit");
        }
        bench.program("sink")?.attach(CLIENT, XdpMode::Driver).context("attach the sink")?;
        Ok(Self { bench, edge, servers, link, _folder: folder })
    }

    /// Nanoseconds that a server on sockets was on the CPU so far.
    fn cpu(&self, kind: Kind) -> Result<Option<u64>> {
        self.servers.iter().find(|server| server.kind == kind).map(Server::cpu).transpose()
    }

    /// Sends frames to a server, all at once or so many a second.
    fn run(&mut self, kind: Kind, load: Option<f64>, frames: u32) -> Result<Run> {
        let mut rng = fastrand::Rng::with_seed(5);
        let octets = self.bench.set_templates(|| {
            let client = SocketAddr::new(Ipv4Addr::new(198, 18, 0, 1).into(), rng.u16(1_024..));
            time::request(client, kind.address().into(), &mut rng)
        })?;
        let first = if kind == Kind::Reflector { REQUEST } else { REPLY };
        self.bench.set_state(HOT, octets, Replies { least: octets, first })?;
        if let Some(load) = load {
            self.bench.set_gap(rounded(1e9 / load).into())?;
        }
        time::publish(self.edge.store(), Some(&time::clock()));
        let (subject, name) = match kind {
            Kind::Reflector => (&mut self.bench, "reflector"),
            Kind::Edge => (&mut self.edge, "edge"),
            // A veth takes the generator's frames only where there is a program.
            _ => (&mut self.edge, "pass"),
        };
        let program = subject.program(name)?;
        let link = self.link.at_server(|| Ok(program.attach(SERVER, XdpMode::Driver)?))?;
        let ifindex = self.link.ifindex;
        let generator = if load.is_some() { "pacer" } else { "generator" };
        let send = |bench: &mut Subject| bench.send(generator, ifindex, octets, frames);
        let run = exchange(&mut self.bench, frames, send);
        let subject = if kind == Kind::Reflector { &mut self.bench } else { &mut self.edge };
        subject.program(name)?.detach(link)?;
        run
    }

    /// As [`Self::run`] in a flood, for about `seconds` seconds.
    fn flood(&mut self, kind: Kind, seconds: f64) -> Result<Run> {
        let first = self.run(kind, None, FIRST)?;
        self.run(kind, None, rounded(f64::from(FIRST) / first.seconds * seconds))
    }

    /// The load at which a server answers most.
    fn best_load(&mut self, kind: Kind, seconds: f64) -> Result<Option<f64>> {
        let flood = self.flood(kind, seconds)?;
        let mut best = (flood.rate(), None);
        for part in LOADS {
            let load = part * flood.rate().max(1_000.0);
            let run = self.run(kind, Some(load), rounded(load * seconds))?;
            if run.rate() > best.0 {
                best = (run.rate(), Some(load));
            }
        }
        Ok(best.1)
    }
}

/// A positive number of frames or nanoseconds.
fn rounded(number: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some millions")]
    let number = number.round() as u32;
    number.max(1)
}

/// Measures in `rounds` rounds of runs of about `seconds` seconds.
pub(crate) fn measure(seconds: f64, rounds: u32) -> Result<Ntp> {
    let mut sockets = Vec::new();
    let of =
        |kind, version| Series { kind, version, load: None, runs: Vec::new(), costs: Vec::new() };
    let mut series = vec![of(Kind::Reflector, String::new()), of(Kind::Edge, String::new())];
    for kind in Kind::SOCKETS {
        match kind.version() {
            Some(version) => {
                sockets.push(kind);
                series.push(of(kind, version));
            }
            None => note(format_args!("ntp: there is no {}", kind.name())),
        }
    }
    let mut rig = Rig::new(&sockets)?;
    let mut counts = Vec::new();
    for series in &mut series {
        if sockets.contains(&series.kind) {
            series.load = rig.best_load(series.kind, seconds / 3.0)?;
        }
        let load = match series.load {
            Some(load) => load,
            None => {
                let flood = rig.flood(series.kind, seconds / 3.0)?;
                flood.sent as f64 / flood.seconds
            }
        };
        counts.push(rounded(load * seconds));
    }
    for round in 0..rounds as usize {
        // Whoever is first may find the machine in another state.
        for turn in 0..series.len() {
            let at = (round + turn) % counts.len();
            if let (Some(series), Some(frames)) = (series.get_mut(at), counts.get(at)) {
                let before = rig.cpu(series.kind)?;
                let run = rig.run(series.kind, series.load, *frames)?;
                let spent = before.zip(rig.cpu(series.kind)?).map(|(then, now)| now - then);
                series.costs.extend(spent.map(|ns| ns as f64 / run.replies.max(1) as f64));
                series.runs.push(run);
            }
        }
        note(format_args!("ntp, round {}", round + 1));
    }
    Ok(Ntp { series })
}
