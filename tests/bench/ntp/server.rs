//! A running NTP server of each kind, at an address of its own.
//!
//! It runs on the first CPU and in the namespace of the caller. None can set the clock.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::link::{SERVER, ip};
use crate::machine;
use crate::process::{PATIENCE, Process};

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The bare reflector, in XDP.
    Reflector,
    /// `edge`, in XDP.
    Edge,
    /// The benchmark's own responder, with one thread.
    Plain,
    /// The same with a thread for each CPU, the generator's included.
    PlainAll,
    /// chronyd.
    Chrony,
    /// `ntpd` of `NTPsec`.
    Ntpsec,
}

impl Kind {
    /// Those that answer from sockets.
    pub(super) const SOCKETS: [Self; 4] = [Self::Plain, Self::PlainAll, Self::Chrony, Self::Ntpsec];

    /// What the report calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Reflector => "reflector",
            Self::Edge => "edge",
            Self::Plain => "plain sockets, 1 thread",
            Self::PlainAll => "plain sockets, all CPUs",
            Self::Chrony => "chronyd",
            Self::Ntpsec => "ntpd (NTPsec)",
        }
    }

    /// Where it is asked.
    pub(super) const fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(
            10,
            53,
            0,
            match self {
                Self::Reflector | Self::Edge => 1,
                Self::Plain => 11,
                Self::PlainAll => 12,
                Self::Chrony => 13,
                Self::Ntpsec => 14,
            },
        )
    }

    /// The program, where it isn't the benchmark's own.
    const fn program(self) -> Option<&'static str> {
        match self {
            Self::Chrony => Some("chronyd"),
            Self::Ntpsec => Some("ntpd"),
            _ => None,
        }
    }

    /// Its version; `None` if it isn't there.
    pub(super) fn version(self) -> Option<String> {
        let Some(program) = self.program() else { return Some(String::new()) };
        let output = Command::new(program).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut words = text.split_whitespace();
        let word = words.find(|word| word.contains(|c: char| c.is_ascii_digit()))?;
        Some(word.trim_start_matches("ntpsec-").to_owned())
    }

    /// A server of the local clock, without limits and without memory of its clients.
    fn config(self, folder: &Path) -> String {
        let (address, folder) = (self.address(), folder.display());
        if self == Self::Chrony {
            format!(
                "local stratum 2\nallow\nbindaddress {address}\nnoclientlog\ncmdport 0\n\
                 bindcmdaddress /\npidfile {folder}/chronyd.pid\n"
            )
        } else {
            format!(
                "disable ntp kernel monitor\nrestrict default nomodify nopeer noquery\n\
                 interface ignore wildcard\ninterface listen {address}\n\
                 refclock local stratum 1\ntos orphan 2\n"
            )
        }
    }

    fn command(self, folder: &Path) -> Result<Command> {
        let Some(program) = self.program() else {
            let threads = if self == Self::PlainAll { machine::cores() } else { 1 };
            let mut command = Command::new(std::env::current_exe()?);
            command.arg(format!("--answer={}:123", self.address()));
            command.arg(format!("--threads={threads}"));
            return Ok(command);
        };
        let config = folder.join(format!("{program}.conf"));
        fs::write(&config, self.config(folder))?;
        // Whatever a daemon means to do, the clock is not its own here.
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-sys_time", "--inh-caps=-sys_time", program]);
        match self {
            Self::Chrony => command.args(["-x", "-d", "-u", "root", "-f"]).arg(config),
            _ => command.args(["-n", "-c"]).arg(config),
        };
        Ok(command)
    }
}

/// A running server; it ends when it is dropped.
pub(super) struct Server {
    pub(super) kind: Kind,
    process: Process,
}

impl Server {
    /// Starts it, with its configuration and its log in `folder`, and gives the server's end its
    /// address.
    pub(super) fn start(kind: Kind, folder: &Path) -> Result<Self> {
        ip(&["address", "add", &format!("{}/24", kind.address()), "dev", SERVER])?;
        let name = format!("{kind:?}");
        let start = || Process::start(&mut kind.command(folder)?, folder, &name);
        Ok(Self { kind, process: machine::on_first_cpu(start)? })
    }

    /// Nanoseconds that its threads were on the CPU so far.
    pub(super) fn cpu(&self) -> Result<u64> {
        let (first, others) = self.process.cpu();
        Ok(first + others)
    }

    /// Waits until it answers, in its own namespace.
    pub(super) fn wait(&self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        let socket = UdpSocket::bind((self.kind.address(), 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        socket.connect(SocketAddrV4::new(self.kind.address(), 123))?;
        let mut request = [0; 48];
        request[0] = 0x23;
        while Instant::now() < end {
            let mut reply = [0; 512];
            if socket.send(&request).and_then(|_| socket.recv(&mut reply)).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("{} doesn't answer: {}", self.kind.name(), self.process.log());
    }
}
