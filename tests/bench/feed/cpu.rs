//! The CPU time of a process: of all of it, and of each thread by its name.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use anyhow::{Context as _, Result};
use edge_tests::threads::threads;

/// A process's CPU time, followed.
pub(crate) struct Cpu {
    process: u32,
    /// Ticks a second.
    ticks: f64,
    /// Nanoseconds of each thread at the last look.
    known: HashMap<u32, u64>,
    /// Seconds by the threads' names. What a thread used between the last look and its end is in
    /// none.
    threads: BTreeMap<String, f64>,
}

impl Cpu {
    /// Follows a process from now on.
    pub(crate) fn new(process: u32) -> Result<Self> {
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let (known, threads) = Default::default();
        let mut cpu = Self { process, ticks, known, threads };
        cpu.look();
        cpu.threads.clear();
        Ok(cpu)
    }

    /// Seconds that the process has used since its start, in user and kernel mode, threads that
    /// have ended included.
    pub(crate) fn total(&self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.process);
        let text = fs::read_to_string(&path).context(path)?;
        // The name, in parentheses, may have spaces in it.
        let behind = text.rsplit_once(") ").map_or("", |(_, behind)| behind);
        let times: Vec<f64> =
            behind.split(' ').skip(11).take(2).filter_map(|time| time.parse().ok()).collect();
        Ok(times.iter().sum::<f64>() / self.ticks)
    }

    /// Adds what each thread has used since the last look.
    pub(crate) fn look(&mut self) {
        for thread in threads(self.process) {
            let before = self.known.insert(thread.id, thread.nanoseconds).unwrap_or_default();
            let is_first = thread.id == self.process;
            let name = if is_first { "(first)".to_owned() } else { thread.name };
            *self.threads.entry(name).or_default() += (thread.nanoseconds - before) as f64 / 1e9;
        }
    }

    /// Seconds by the threads' names so far.
    pub(crate) const fn threads(&self) -> &BTreeMap<String, f64> {
        &self.threads
    }
}
