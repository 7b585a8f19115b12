//! What the numbers are from: processor, kernel, cores.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// A machine, in words.
pub(crate) struct Machine {
    /// The processor's name.
    pub processor: String,
    /// Processors that this process may use.
    pub cores: usize,
    /// The kernel's release.
    pub kernel: String,
    /// The compiler.
    pub rustc: String,
    /// The CPU that everything ran on.
    pub cpu: usize,
    /// Load averages when the report was written.
    pub load: String,
}

/// Binds this process to the last CPU, and says which that is. Whatever it starts is bound, too.
pub(crate) fn pin() -> Result<usize> {
    let cpu = cores().saturating_sub(1);
    bind(cpu)?;
    Ok(cpu)
}

/// Binds this thread to a CPU.
pub(crate) fn bind(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu).and_then(|()| sched_setaffinity(Pid::from_raw(0), &set)).context("bind to a CPU")
}

/// Does something on the first CPU, as if bound there: whatever it starts stays there.
pub(crate) fn on_first_cpu<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    bind(0)?;
    let result = work();
    pin()?;
    result
}

fn read_line(path: &str) -> String {
    std::fs::read_to_string(Path::new(path)).unwrap_or_default().trim().to_owned()
}

/// CPUs that are online.
pub(crate) fn cores() -> usize {
    let info = read_line("/proc/cpuinfo");
    info.lines().filter(|line| line.starts_with("processor")).count()
}

/// Describes this machine.
pub(crate) fn read(cpu: usize) -> Machine {
    let info = read_line("/proc/cpuinfo");
    let model = info.lines().find(|line| line.starts_with("model name"));
    let processor =
        model.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, name)| name);
    let rustc = Command::new("rustc").arg("--version").output().map(|output| output.stdout);
    Machine {
        processor: processor.to_owned(),
        cores: cores(),
        kernel: read_line("/proc/sys/kernel/osrelease"),
        rustc: String::from_utf8_lossy(&rustc.unwrap_or_default()).trim().to_owned(),
        cpu,
        load: read_line("/proc/loadavg"),
    }
}
