//! A real NTP client in the client's namespace.
//!
//! It is a daemon that asks some servers for the time and reports which of them it believes. None
//! can set this machine's clock: they lack the capability.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::source::{KEY, chronyc, folder, harmless, own, own_copy};
use super::{Process, Rig, find};

/// Which client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// chrony.
    Chrony,
    /// The same, which asks for the interleaved mode.
    Interleaved,
    /// The same, which signs its requests.
    Signed,
    /// `NTPsec`.
    Ntpsec,
    /// systemd-timesyncd; it asks one server at a time.
    Timesyncd,
    /// ntpd-rs. It doesn't run where it can't set the clock: strace lets it believe that it does.
    NtpdRs,
}

/// System calls that set a clock.
const SETTING: &str = "clock_adjtime,adjtimex,clock_settime,settimeofday";

/// A running client; it ends when it is dropped.
#[derive(Debug)]
pub struct TimeClient {
    process: Process,
    kind: Kind,
    folder: TempDir,
}

impl Kind {
    fn config(self, servers: &[&str], folder: &Path) -> String {
        let options = match self {
            Self::Interleaved => "xleave",
            Self::Signed => "key 1",
            _ => "",
        };
        let line =
            |server: &&str| format!("server {server} iburst minpoll 0 maxpoll 0 {options}\n");
        let lines: String = servers.iter().map(line).collect();
        match self {
            Self::Chrony | Self::Interleaved | Self::Signed => {
                format!("{lines}port 0\n{}", own(folder))
            }
            Self::Ntpsec => format!("{lines}disable ntp\nrestrict 127.0.0.1\nrestrict ::1\n"),
            Self::Timesyncd => format!(
                "[Time]\nNTP={}\nFallbackNTP=\nPollIntervalMinSec=16\nPollIntervalMaxSec=16\n",
                servers.join(" ")
            ),
            Self::NtpdRs => {
                let folder = folder.display();
                let observed =
                    format!("[observability]\nobservation-path = \"{folder}/observe\"\n");
                let limits = "[synchronization]\nminimum-agreeing-sources = 1\n[source-defaults]\n\
                     poll-interval-limits = { min = 4, max = 4 }\ninitial-poll-interval = 4\n";
                let source = |server: &&str| {
                    format!("[[source]]\nmode = \"server\"\naddress = \"{}\"\n", with_port(server))
                };
                let sources: String = servers.iter().map(source).collect();
                format!("{observed}{sources}{limits}")
            }
        }
    }

    fn command(self, rig: &Rig, folder: &Path) -> Command {
        let config = folder.join("config");
        match self {
            Self::Chrony | Self::Interleaved | Self::Signed => {
                let mut command = harmless(rig.client.command("setpriv"));
                command.arg(own_copy("chronyd", folder)).args(["-x", "-d", "-f"]).arg(config);
                command
            }
            Self::Ntpsec => {
                let mut command = harmless(rig.client.command("setpriv"));
                command.arg(own_copy("ntpd", folder)).args(["-n", "-c"]).arg(config);
                command
            }
            // It reads no configuration but the system's, and wants to write where only root may.
            Self::Timesyncd => {
                let mut command = rig.client.command("unshare");
                let words = "mount -t tmpfs -o mode=755 tmpfs /run && \
                     mkdir -p /run/systemd/timesync /run/systemd/timesyncd.conf.d && \
                     chown 65534 /run/systemd/timesync && \
                     cp \"$0\" /run/systemd/timesyncd.conf.d/test.conf && \
                     exec setpriv --pdeathsig TERM --reuid 65534 --regid 65534 --clear-groups \
                     --bounding-set -all --inh-caps -all \"$1\"";
                command.args(["--mount", "--propagation", "private", "sh", "-c", words]);
                command.arg(config).arg(find("systemd-timesyncd"));
                command.env("SYSTEMD_LOG_TARGET", "console").env("SYSTEMD_LOG_LEVEL", "debug");
                command
            }
            // Without strace it would end, or have no right to do what it asks for.
            Self::NtpdRs => {
                let mut command = harmless(rig.client.command("setpriv"));
                command.arg("strace").args(["-f", "--seccomp-bpf", "-o", "/dev/null", "-e"]);
                command.arg(format!("trace={SETTING}")).arg("-e");
                command.arg(format!("inject={SETTING}:retval=0"));
                command.args(["setpriv", "--pdeathsig", "KILL"]).arg(find("ntp-daemon"));
                command.arg("-c").arg(config);
                command
            }
        }
    }
}

/// An address with NTP's port.
fn with_port(server: &str) -> String {
    if server.contains(':') { format!("[{server}]:123") } else { format!("{server}:123") }
}

impl TimeClient {
    /// Starts one that asks these servers.
    #[must_use]
    pub fn start(kind: Kind, rig: &Rig, servers: &[&str]) -> Self {
        Self::start_with(kind, rig, servers, "")
    }

    /// The same with more lines of configuration.
    #[must_use]
    pub fn start_with(kind: Kind, rig: &Rig, servers: &[&str], lines: &str) -> Self {
        let folder = folder();
        let path = folder.path();
        let config = kind.config(servers, path) + lines;
        std::fs::write(path.join("config"), config).expect("write");
        std::fs::write(path.join("keys"), KEY).expect("write");
        let process = Process::start(&mut kind.command(rig, path));
        Self { process, kind, folder }
    }

    /// Whether it would set its clock by this server.
    #[must_use]
    pub fn believes(&self, rig: &Rig, server: &str) -> bool {
        match self.kind {
            Kind::Chrony | Kind::Interleaved | Kind::Signed => {
                let report = chronyc(self.folder.path(), "sources").unwrap_or_default();
                // Selected, or combined with whom is selected.
                report.lines().any(|line| {
                    let columns: Vec<_> = line.split(',').collect();
                    matches!(columns[..], [_, "*" | "+", address, ..] if address == server)
                })
            }
            Kind::Ntpsec => {
                let mut command = rig.client.command(find("ntpq"));
                let report = command.args(["-p", "-n", "-w", "127.0.0.1"]).output().expect("ntpq");
                let report = String::from_utf8_lossy(&report.stdout).into_owned();
                report.lines().any(|line| {
                    let address = line.get(1..).and_then(|line| line.split_whitespace().next());
                    line.starts_with(['*', '+']) && address == Some(server)
                })
            }
            Kind::Timesyncd => {
                let is_of = |line: &String, words: &str| {
                    line.strip_prefix(words).is_some_and(|rest| rest.contains(server))
                };
                let log = self.process.log();
                let last = log.iter().rev().find(|line| {
                    is_of(line, "Contacted time server")
                        || is_of(line, "Timed out waiting")
                        || line.starts_with("Server is not synchronized")
                });
                last.is_some_and(|line| line.starts_with("Contacted"))
            }
            Kind::NtpdRs => {
                let mut command = Command::new(find("ntp-ctl"));
                let config = self.folder.path().join("config");
                let report = command.arg("status").arg("-c").arg(config).output().expect("ntp-ctl");
                let report = String::from_utf8_lossy(&report.stdout).into_owned();
                let mut blocks = report.split("\n\n");
                let is_synchronised = blocks
                    .next()
                    .is_some_and(|own| !own.contains("16") && own.contains("Stratum:"));
                is_synchronised
                    && blocks.any(|block| {
                        block.trim_start().starts_with(&with_port(server))
                            && block.contains("Missing polls:\t\t0")
                    })
            }
        }
    }

    /// A column of a report of chronyd's about a server.
    #[must_use]
    pub fn column(&self, report: &str, server: &str, at: usize) -> Option<String> {
        let report = chronyc(self.folder.path(), report)?;
        let line = report.lines().find(|line| line.split(',').any(|column| column == server))?;
        line.split(',').nth(at).map(str::to_owned)
    }

    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.process.log()
    }
}

impl Rig {
    /// Runs `ntpdig` once in the client's namespace.
    ///
    /// # Errors
    /// What it prints when it takes no time from this server.
    pub fn ntpdig(&self, server: &str) -> Result<Value, String> {
        let mut command = self.client.command(find("ntpdig"));
        let printed = command.args(["-j", "-t", "1", server]).output().expect("ntpdig runs");
        // It ends well whatever comes.
        let text = String::from_utf8_lossy(&printed.stderr);
        serde_json::from_slice(&printed.stdout).map_err(|error| format!("{error}: {text}"))
    }

    /// Runs `rdate`, which asks by SNTP, once in the client's namespace; gives the offset in
    /// seconds.
    ///
    /// # Errors
    /// What it prints when it takes no time from this server.
    pub fn rdate(&self, server: &str) -> Result<f64, String> {
        let mut command = harmless(self.client.command("setpriv"));
        // It only prints the offset.
        command.arg(find("rdate")).args(["-n", "-p", "-v", server]);
        let printed = command.output().expect("rdate runs");
        let text =
            String::from_utf8_lossy(&printed.stdout) + String::from_utf8_lossy(&printed.stderr);
        let offset = text
            .split_once("adjust local clock by ")
            .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
        offset.filter(|_| printed.status.success()).ok_or_else(|| text.into_owned())
    }
}
