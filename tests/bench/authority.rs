//! Queries a second over UDP sockets: `edge` without XDP, Knot DNS and NSD.
//!
//! All servers run all the time, each with one worker on the first CPU and an address of its own.
//! dnsperf is on the last CPU and asks one of them at a time.

use anyhow::{Context as _, Result, bail};

use crate::figures::Spread;
use crate::link::{Link, ip};
use crate::machine;

mod perf;
mod server;
mod zone;

pub(crate) use perf::Run;
use server::{Kind, Server};

/// Where servers are asked from.
const CLIENT: &str = "10.54.0.9";

/// A server's runs, one of each round.
pub(crate) struct Series {
    /// Its name.
    pub server: &'static str,
    /// Its version.
    pub version: String,
    /// What came of it.
    pub runs: Vec<Run>,
}

impl Series {
    /// Queries a second.
    pub(crate) fn rates(&self) -> Spread {
        Spread::of(self.runs.iter().map(Run::rate))
    }

    /// Nanoseconds of the server's CPU for each query.
    pub(crate) fn costs(&self) -> Spread {
        Spread::of(self.runs.iter().map(Run::cost))
    }

    /// Queries without an answer.
    pub(crate) fn lost(&self) -> u64 {
        self.runs.iter().map(|run| run.lost).sum()
    }

    /// This server's rates, and its costs, in those of another, round by round.
    fn to(&self, other: &Self) -> Ratios {
        let ratios = |of: fn(&Run) -> f64| {
            let pairs = self.runs.iter().zip(&other.runs);
            Spread::of(pairs.map(|(own, other)| of(own) / of(other)))
        };
        Ratios { rates: ratios(Run::rate), costs: ratios(Run::cost) }
    }
}

/// A server beside another.
pub(crate) struct Ratios {
    /// Of queries a second.
    pub rates: Spread,
    /// Of CPU time for each query.
    pub costs: Spread,
}

/// What came of one kind of queries.
pub(crate) struct Mix {
    /// What the report calls it.
    pub name: &'static str,
    /// `edge` first.
    pub servers: Vec<Series>,
}

impl Mix {
    /// `edge` and the server called `name`, if it took part.
    pub(crate) fn against(&self, name: &str) -> Option<Ratios> {
        let [edge, others @ ..] = self.servers.as_slice() else { return None };
        Some(edge.to(others.iter().find(|series| series.server == name)?))
    }
}

/// Asks all servers all mixes in `rounds` rounds of runs of `seconds` seconds.
pub(crate) fn measure(seconds: f64, rounds: u32, note: &dyn Fn(&str)) -> Result<Vec<Mix>> {
    let folder = tempfile::tempdir().context("make a folder")?;
    zone::write(folder.path())?;
    let link = Link::new()?;
    ip(&["address", "add", &format!("{CLIENT}/24"), "dev", crate::link::CLIENT])?;
    ip(&["link", "set", "lo", "up"])?;
    let servers = link.at_server(|| {
        ip(&["link", "set", "lo", "up"])?;
        let start = |kind: Kind| {
            let address = format!("{}/24", kind.address());
            ip(&["address", "add", &address, "dev", crate::link::SERVER])?;
            machine::on_first_cpu(|| Server::start(kind, folder.path()))
        };
        Kind::ALL.into_iter().map(start).collect::<Result<Vec<_>>>()
    })?;
    for server in &servers {
        server.wait()?;
    }
    let mut mixes: Vec<Mix> = zone::MIXES
        .iter()
        .map(|&name| {
            let series = |server: &Server| Series {
                server: server.kind.name(),
                version: server.version.clone(),
                runs: Vec::new(),
            };
            Mix { name, servers: servers.iter().map(series).collect() }
        })
        .collect();
    for round in 0..rounds as usize {
        for mix in &mut mixes {
            let queries = zone::queries(folder.path(), mix.name);
            // Whoever is first may find the machine in another state.
            for turn in 0..servers.len() {
                let at = (round + turn) % servers.len();
                let (Some(server), Some(series)) = (servers.get(at), mix.servers.get_mut(at))
                else {
                    bail!("a server without runs");
                };
                series.runs.push(perf::run(server, &queries, seconds)?);
            }
        }
        note(&format!("authority, round {}", round + 1));
    }
    Ok(mixes)
}
