//! The query log: records of responses, written to files.
//!
//! A thread that answers copies the response's octets into a free entry of a bounded queue, and
//! goes on. Without a free entry the record is dropped and counted. One thread takes the entries
//! out, works out why the answer was what it was ([`Account`]), and writes: whatever the disk does,
//! answering never waits for it. Frames that XDP sampled come to the same thread. FORMERR, NOTIMP
//! and REFUSED aren't logged, as in geodns.
#![forbid(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::settings::{self as config, LogFormat};
use edge_authority::{Asked, Current};

mod avro;
mod check;
mod files;
mod json;
mod queue;
mod recover;
mod response;
#[cfg(test)]
mod tests;
mod utc;
mod writer;

pub use check::check;
use edge_tables::samples::Samples;
use queue::Queue;
use response::Account;
use writer::Writer;

/// Records that wait to be written; further ones are dropped.
const ENTRIES: usize = 4096;
/// The RCODEs in a header that are logged: NOERROR (and those whose upper bits are in the OPT
/// record), SERVFAIL, NXDOMAIN.
const LOGGED: [u8; 3] = [0, 2, 3];

/// Nanoseconds since 1970.
fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A thread that answers gives its responses to a sender. A sender does nothing unless it comes
/// from a [`Log`].
#[derive(Clone, Debug, Default)]
pub struct Sender {
    queue: Option<Arc<Queue>>,
    /// One in so many is logged.
    sample: u32,
    random: fastrand::Rng,
}

impl Sender {
    /// Logs `response`, which goes to the client in `asked`. Neither waits nor allocates.
    pub fn send(&mut self, asked: &Asked, response: &[u8]) {
        let Some(queue) = &self.queue else { return };
        if !response.get(3).is_some_and(|flags| LOGGED.contains(&(flags & 0xf))) {
            return;
        }
        let weight = match self.sample {
            0 | 1 => 0,
            n if self.random.u32(..n) > 0 => return,
            n => n,
        };
        queue.put(|entry| {
            entry.time_ns = now_ns();
            entry.client = asked.client.ip();
            entry.is_tcp = asked.stream;
            entry.weight = weight;
            entry.copy(response);
        });
    }
}

/// The logged data of a response.
struct Record<'a> {
    /// Nanoseconds since 1970.
    time_ns: u64,
    /// Ours; empty for none.
    hostname: &'a str,
    account: &'a Account,
    is_tcp: bool,
    /// How many responses it stands for; 0 if it stands for itself.
    weight: u32,
}

/// The counters of the log, which only grow, and its error.
#[derive(Debug, Default)]
struct Numbers {
    written: AtomicU64,
    failed: AtomicU64,
    samples_lost: AtomicU64,
    /// What is wrong with the files; empty if nothing is.
    error: Mutex<String>,
}

impl Numbers {
    fn error(&self) -> String {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_trouble(&self, text: String) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

/// The query log, as `edge status` shows it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LogStatus {
    /// `off`, `json` or `avro`.
    pub format: String,
    /// The file, or the directory; empty when off.
    pub path: String,
    /// Records written.
    pub written: u64,
    /// Records dropped because they came faster than they are written.
    pub dropped: u64,
    /// Records lost because the file couldn't be written.
    pub failed: u64,
    /// Samples that XDP lost because they came faster than they are taken.
    pub samples_lost: u64,
    /// What is wrong with the files now; empty if nothing is.
    pub error: String,
}

/// The query log of a node. Stopped when dropped.
#[derive(Debug)]
pub struct Log {
    config: config::Log,
    queue: Arc<Queue>,
    numbers: Arc<Numbers>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Log {
    /// Begins to log by `config`, of zones in `current`; does nothing if `config` has no path. If a
    /// file can't be written, that is logged and its records are counted, and it is tried again.
    ///
    /// # Errors
    /// The system has no more threads.
    pub fn start(
        config: &config::Log,
        current: Arc<Current>,
        samples: Option<Box<dyn Samples>>,
    ) -> io::Result<Self> {
        let is_on = !config.path.as_os_str().is_empty();
        let queue = Arc::new(Queue::new(if is_on { ENTRIES } else { 1 }));
        let mut log = Self {
            config: config.clone(),
            queue,
            numbers: Arc::default(),
            stop: Arc::default(),
            thread: None,
        };
        if is_on {
            let (queue, numbers) = (Arc::clone(&log.queue), Arc::clone(&log.numbers));
            let writer = Writer::new(config, current, samples, queue, numbers);
            let stop = Arc::clone(&log.stop);
            let run = move || writer.run(&stop);
            log.thread = Some(thread::Builder::new().name("querylog".into()).spawn(run)?);
        }
        Ok(log)
    }

    /// A sender for a thread that answers.
    #[must_use]
    pub fn sender(&self) -> Sender {
        let queue = self.thread.is_some().then(|| Arc::clone(&self.queue));
        Sender { queue, sample: self.config.sample.get(), random: fastrand::Rng::new() }
    }

    /// The log's status.
    #[must_use]
    pub fn status(&self) -> LogStatus {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let format = match self.config.format {
            _ if self.config.path.as_os_str().is_empty() => "off",
            LogFormat::Json => "json",
            LogFormat::Avro => "avro",
        };
        LogStatus {
            format: format.to_owned(),
            path: self.config.path.display().to_string(),
            written: get(&self.numbers.written),
            dropped: self.queue.dropped(),
            failed: get(&self.numbers.failed),
            samples_lost: get(&self.numbers.samples_lost),
            error: self.numbers.error(),
        }
    }

    /// Writes what waits, closes the file, and logs no more.
    pub fn stop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.stop.store(true, Ordering::Release);
        thread.thread().unpark();
        // A thread that panicked has nothing left to wait for.
        thread.join().unwrap_or_default();
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.stop();
    }
}
