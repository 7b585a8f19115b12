//! The thread of the query log.
//!
//! It takes entries and samples, and gives records to the files. If a file can't be written, it
//! drops records, counts them, and tries again after a second.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tracing::{error, info};

use super::avro::Container;
use super::files::{Limits, Sink};
use super::json::Lines;
use super::queue::{Entry, Queue};
use super::recover::recover;
use super::response::Account;
use super::{Numbers, Record, now_ns};
use crate::settings::{self as config, LogFormat};
use edge_authority::{Current, Serving};
use edge_common::time::SECOND;
use edge_tables::samples::{self, Samples};

/// The pause when nothing waits: short enough that the queue isn't full before it ends, at 200,000
/// queries a second.
const PAUSE: Duration = Duration::from_millis(10);
/// How long files are left alone after a error.
const RETRY_NS: u64 = SECOND;
const MEBIBYTE: u64 = 1 << 20;

/// The state of the thread.
pub(super) struct Writer {
    path: PathBuf,
    hostname: String,
    current: Arc<Current>,
    queue: Arc<Queue>,
    numbers: Arc<Numbers>,
    samples: Option<Box<dyn Samples>>,
    /// How many responses a sample stands for.
    sample_weight: u32,
    sink: Box<dyn Sink>,
    /// Until when files are left alone; 0 unless there was error.
    retry_ns: u64,
    is_troubled: bool,
}

impl Writer {
    pub(super) fn new(
        config: &config::Log,
        current: Arc<Current>,
        samples: Option<Box<dyn Samples>>,
        queue: Arc<Queue>,
        numbers: Arc<Numbers>,
    ) -> Self {
        let (size, age, keep) = match config.format {
            LogFormat::Json => (200, 0, 1),
            LogFormat::Avro => (5, 10, 0),
        };
        let size = config.max_size_mb.map_or(size, |size| size.get().into());
        let limits = Limits {
            octets: size * MEBIBYTE,
            age_ns: u64::from(config.max_age_seconds.unwrap_or(age)) * SECOND,
            keep: config.keep.unwrap_or(keep),
        };
        let has_weight = config.sample.get() > 1 || config.xdp_sample > 0;
        let path = config.path.clone();
        let sink: Box<dyn Sink> = match config.format {
            LogFormat::Json => Box::new(Lines::new(path.clone(), limits)),
            LogFormat::Avro => Box::new(Container::new(path.clone(), limits, has_weight)),
        };
        let mut writer = Self {
            path,
            hostname: config.hostname.clone(),
            current,
            queue,
            numbers,
            samples,
            sample_weight: config.xdp_sample,
            sink,
            retry_ns: 0,
            is_troubled: false,
        };
        if config.format == LogFormat::Avro
            && let Err(cause) = recover(&writer.path)
        {
            writer.despair(&cause, now_ns());
        }
        writer
    }

    /// Writes until `stop` is set, and then what still waits.
    pub(super) fn run(mut self, stop: &AtomicBool) {
        loop {
            let is_last = stop.load(Ordering::Acquire);
            let taken = self.turn(now_ns());
            if is_last {
                self.settle(now_ns(), |sink, now_ns| sink.close(now_ns));
                return;
            }
            if taken == 0 {
                thread::park_timeout(PAUSE);
            }
        }
    }

    /// Takes all that waits, but no more than the queue holds at a time; gives how many.
    pub(super) fn turn(&mut self, now_ns: u64) -> usize {
        if self.retry_ns <= now_ns || self.retry_ns - now_ns > RETRY_NS {
            // The time has come, or the clock was set back.
            self.retry_ns = 0;
        }
        let serving = self.current.get();
        let mut taken = 0;
        while taken < super::ENTRIES
            && let Some(entry) = self.queue.take()
        {
            self.add_entry(&serving, &entry, now_ns);
            self.queue.give_back(entry);
            taken += 1;
        }
        if let Some(mut samples) = self.samples.take() {
            samples.drain(&mut |octets| {
                taken += 1;
                if let Some((client, response)) = samples::response(octets) {
                    self.add_sample(&serving, client, response, now_ns);
                }
            });
            self.numbers.samples_lost.store(samples.lost(), Ordering::Relaxed);
            self.samples = Some(samples);
        }
        self.settle(now_ns, |sink, now_ns| sink.flush(now_ns));
        taken
    }

    fn add_entry(&mut self, serving: &Serving, entry: &Entry, now_ns: u64) {
        let (head, opt) = entry.parts();
        let Some(account) = Account::of(serving, head, opt, entry.client) else { return };
        let Entry { time_ns, is_tcp, weight, .. } = *entry;
        self.add(&account, (time_ns, is_tcp, weight), now_ns);
    }

    fn add_sample(&mut self, serving: &Serving, client: IpAddr, response: &[u8], now_ns: u64) {
        let Some(account) = Account::of(serving, response, &[], client) else { return };
        self.add(&account, (now_ns, false, self.sample_weight), now_ns);
    }

    fn add(&mut self, account: &Account, how: (u64, bool, u32), now_ns: u64) {
        if self.retry_ns > 0 {
            self.numbers.failed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let (time_ns, is_tcp, weight) = how;
        self.sink.add(&Record { time_ns, hostname: &self.hostname, account, is_tcp, weight });
        if self.sink.is_full() {
            self.settle(now_ns, |sink, now_ns| sink.flush(now_ns));
        }
    }

    /// Has the files written to, unless they are left alone, and counts.
    fn settle(&mut self, now_ns: u64, write: impl FnOnce(&mut dyn Sink, u64) -> io::Result<()>) {
        if self.retry_ns > 0 {
            return;
        }
        let before = self.sink.pending();
        let result = write(&mut *self.sink, now_ns);
        let written = before - self.sink.pending();
        self.numbers.written.fetch_add(written, Ordering::Relaxed);
        match result {
            Ok(()) if written > 0 && self.is_troubled => {
                self.is_troubled = false;
                self.numbers.set_trouble(String::new());
                info!("query log: {}: written again", self.path.display());
            }
            Ok(()) => {}
            Err(cause) => self.despair(&cause, now_ns),
        }
    }

    /// Drops the pending records, and leaves the files alone for [`RETRY_NS`]. Logs the cause once,
    /// and not again before the files can be written.
    fn despair(&mut self, cause: &io::Error, now_ns: u64) {
        self.numbers.failed.fetch_add(self.sink.pending(), Ordering::Relaxed);
        self.sink.abandon();
        self.retry_ns = now_ns.saturating_add(RETRY_NS);
        let text = format!("query log: {cause}; records are lost until it can be written");
        if !self.is_troubled {
            error!("{text}");
            self.is_troubled = true;
        }
        self.numbers.set_trouble(text);
    }
}
