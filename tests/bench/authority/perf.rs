//! One run of dnsperf: its figures, and the CPU time of the server.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::server::Server;

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Queries answered.
    pub answered: u64,
    /// Queries not answered within a second.
    pub lost: u64,
    /// Seconds that it took.
    pub seconds: f64,
    /// Nanoseconds that the server's threads were on the CPU.
    pub cpu: u64,
}

impl Run {
    /// Queries answered a second.
    pub(crate) fn rate(&self) -> f64 {
        self.answered as f64 / self.seconds
    }

    /// Nanoseconds of CPU for each query.
    pub(crate) fn cost(&self) -> f64 {
        self.cpu as f64 / self.answered.max(1) as f64
    }
}

/// The number behind a label.
fn number(report: &str, label: &str) -> Result<f64> {
    let behind = report.split_once(label).map(|(_, behind)| behind);
    let word = behind.and_then(|behind| behind.split_whitespace().next());
    word.and_then(|word| word.parse().ok())
        .with_context(|| format!("dnsperf doesn't say {label:?}: {report}"))
}

/// Asks a server for `seconds`.
pub(super) fn run(server: &Server, queries: &Path, seconds: f64) -> Result<Run> {
    let before = server.cpu()?;
    let output = Command::new("dnsperf")
        .args(["-s", server.kind.address(), "-q", "100", "-c", "1", "-t", "1", "-l"])
        .arg(format!("{seconds}"))
        .arg("-d")
        .arg(queries)
        .output()
        .context("start dnsperf")?;
    let cpu = server.cpu()? - before;
    let report = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("dnsperf: {report}{}", String::from_utf8_lossy(&output.stderr));
    }
    let refused = ["SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"];
    if let Some(code) = refused.into_iter().find(|code| report.contains(code)) {
        bail!("{} answers {code}: {report}", server.kind.name());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let count = |label| number(&report, label).map(|n| n as u64);
    Ok(Run {
        answered: count("Queries completed:")?,
        lost: count("Queries lost:")?,
        seconds: number(&report, "Run time (s):")?,
        cpu,
    })
}
