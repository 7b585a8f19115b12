//! A running server whose log is kept and whose CPU time is counted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use edge_tests::threads::threads;
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to start or to end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; it ends when it is dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

/// The command that is `edge run` with a configuration: this program itself.
pub(crate) fn edge(config: &Path) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--serve").arg(config);
    Ok(command)
}

impl Process {
    /// Starts it, with its log in `folder`.
    pub(crate) fn start(command: &mut Command, folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(format!("{name}.log"));
        let log = fs::File::create(&path)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {name}: run `cargo xtask setup --bench`"))?;
        Ok(Self { child, log: path })
    }

    /// What it has said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Nanoseconds that its first thread was on the CPU so far, and that all others were, its
    /// children's among them.
    pub(crate) fn cpu(&self) -> (u64, u64) {
        let mut processes = vec![self.child.id()];
        let (mut first, mut others) = (0, 0);
        while let Some(process) = processes.pop() {
            for thread in threads(process) {
                let is_first = thread.id == self.child.id();
                *(if is_first { &mut first } else { &mut others }) += thread.nanoseconds;
                processes.extend(thread.children);
            }
        }
        (first, others)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // NSD has children, whom only its own end ends.
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM).unwrap_or_default();
        }
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
