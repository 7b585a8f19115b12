//! A running DNS server of each kind, with its zone.
//!
//! It runs on the CPU and in the namespace of the caller.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::zone::APEX;
use crate::process::{self, PATIENCE, Process};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `edge` with `xdp.mode = "off"`.
    Edge,
    /// Knot DNS.
    Knot,
    /// NSD.
    Nsd,
}

impl Kind {
    /// The subject first.
    pub(super) const ALL: [Self; 3] = [Self::Edge, Self::Knot, Self::Nsd];

    /// What the report calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Knot => "knot",
            Self::Nsd => "nsd",
        }
    }

    /// Where it listens, on port 53.
    pub(super) const fn address(self) -> &'static str {
        match self {
            Self::Edge => "10.54.0.1",
            Self::Knot => "10.54.0.2",
            Self::Nsd => "10.54.0.3",
        }
    }

    /// One worker, no limits, nothing that the others don't do.
    fn config(self, folder: &Path) -> String {
        let (address, folder) = (self.address(), folder.display());
        match self {
            Self::Edge => format!(
                "[dns]\nlisten = [\"{address}\"]\nworkers = 1\nserver_id = \"bench\"\n\
                 [xdp]\nmode = \"off\"\n\
                 [zones]\ndirectory = \"{folder}/zones\"\n\
                 [geoip]\ndirectory = \"{folder}/geoip\"\n\
                 [control]\nsocket = \"{folder}/edge.sock\"\n"
            ),
            Self::Knot => format!(
                "server:\n    rundir: \"{folder}\"\n    listen: {address}@53\n\
                 \x20   udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n\
                 database:\n    storage: \"{folder}/knot\"\n\
                 zone:\n  - domain: {APEX}\n    storage: \"{folder}\"\n    file: \"{APEX}.zone\"\n\
                 \x20   zonefile-sync: -1\n    journal-content: none\n"
            ),
            Self::Nsd => format!(
                "server:\n    ip-address: {address}\n    server-count: 1\n    username: \"\"\n\
                 \x20   zonesdir: \"{folder}\"\n    xfrdir: \"{folder}\"\n    database: \"\"\n\
                 \x20   pidfile: \"{folder}/nsd.pid\"\n    xfrdfile: \"{folder}/xfrd.state\"\n\
                 \x20   zonelistfile: \"{folder}/zone.list\"\n    minimal-responses: yes\n\
                 \x20   rrl-ratelimit: 0\nremote-control:\n    control-enable: no\n\
                 zone:\n    name: {APEX}\n    zonefile: {APEX}.zone\n"
            ),
        }
    }

    fn command(self, config: &Path) -> Result<Command> {
        let (program, before): (_, &[&str]) = match self {
            Self::Edge => return process::edge(config),
            Self::Knot => ("knotd", &["--config"]),
            Self::Nsd => ("nsd", &["-d", "-c"]),
        };
        let mut command = Command::new(program);
        command.args(before).arg(config);
        Ok(command)
    }

    fn version(self) -> String {
        let asked = match self {
            Self::Edge => return env!("CARGO_PKG_VERSION").to_owned(),
            Self::Knot => Command::new("knotd").arg("--version").output(),
            Self::Nsd => Command::new("nsd").arg("-v").output(),
        };
        let text = asked.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let line = text.lines().next().unwrap_or_default();
        line.rsplit(' ').next().unwrap_or_default().to_owned()
    }
}

/// A running server; it ends when it is dropped.
pub(super) struct Server {
    pub(super) kind: Kind,
    pub(super) version: String,
    process: Process,
}

impl Server {
    /// Starts it, with its configuration and its log in `folder`.
    pub(super) fn start(kind: Kind, folder: &Path) -> Result<Self> {
        let config = folder.join(format!("{}.conf", kind.name()));
        fs::write(&config, kind.config(folder))?;
        let process = Process::start(&mut kind.command(&config)?, folder, kind.name())?;
        Ok(Self { kind, version: kind.version(), process })
    }

    /// Waits until it answers.
    pub(super) fn wait(&self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        let socket = UdpSocket::bind((super::CLIENT, 0)).context("bind")?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        socket.connect((self.kind.address(), 53))?;
        let mut query = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in APEX.split('.') {
            query.push(u8::try_from(label.len())?);
            query.extend_from_slice(label.as_bytes());
        }
        query.extend([0, 0, 6, 0, 1]);
        while Instant::now() < end {
            let mut answer = [0; 512];
            // Nobody listens yet, or there is no zone yet: RCODE isn't 0.
            if socket.send(&query).and_then(|_| socket.recv(&mut answer)).is_ok()
                && answer[3] & 0xf == 0
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("{} doesn't answer: {}", self.kind.name(), self.process.log());
    }

    /// Nanoseconds that its threads were on the CPU so far.
    pub(super) fn cpu(&self) -> Result<u64> {
        let (first, others) = self.process.cpu();
        Ok(first + others)
    }
}
