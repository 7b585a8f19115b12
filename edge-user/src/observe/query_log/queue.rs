//! The queue from the threads that answer to the one that writes.
//!
//! All memory is allocated at the start: entries go round between two queues of fixed length. No
//! thread waits for another.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;

use super::response::opt_start;

/// Octets of a response that an entry holds: any response over UDP.
pub(super) const OCTETS: usize = 1280;
/// The longest OPT record of ours is shorter.
const MOST_OPT: usize = 512;

/// A response, as it waits.
pub(super) struct Entry {
    /// When it was sent, in nanoseconds since 1970.
    pub(super) time_ns: u64,
    /// The client that it went to.
    pub(super) client: IpAddr,
    /// Whether it went over TCP.
    pub(super) is_tcp: bool,
    /// How many responses it stands for; 0 if it stands for itself.
    pub(super) weight: u32,
    octets: Vec<u8>,
    /// Where a response that was cut goes on with its OPT record.
    cut: Option<usize>,
}

impl Entry {
    fn new() -> Self {
        Self {
            time_ns: 0,
            client: Ipv4Addr::UNSPECIFIED.into(),
            is_tcp: false,
            weight: 0,
            octets: Vec::with_capacity(OCTETS),
            cut: None,
        }
    }

    /// Copies the octets of a response. Of one that is too long (over TCP) it copies the beginning
    /// and the OPT record.
    pub(super) fn copy(&mut self, response: &[u8]) {
        self.octets.clear();
        self.cut = None;
        if response.len() <= OCTETS {
            self.octets.extend_from_slice(response);
            return;
        }
        let opt = opt_start(response).and_then(|at| response.get(at..));
        let opt = opt.filter(|opt| opt.len() <= MOST_OPT).unwrap_or_default();
        let head = OCTETS - opt.len();
        self.octets.extend_from_slice(response.get(..head).unwrap_or_default());
        self.octets.extend_from_slice(opt);
        self.cut = Some(head);
    }

    /// The response, or its beginning, and then its OPT record.
    pub(super) fn parts(&self) -> (&[u8], &[u8]) {
        let cut = self.cut.unwrap_or(self.octets.len());
        self.octets.split_at_checked(cut).unwrap_or_default()
    }
}

/// The entries.
pub(super) struct Queue {
    free: ArrayQueue<Box<Entry>>,
    filled: ArrayQueue<Box<Entry>>,
    dropped: AtomicU64,
}

impl Queue {
    /// Of so many entries (at least one).
    pub(super) fn new(entries: usize) -> Self {
        let entries = entries.max(1);
        let free = ArrayQueue::new(entries);
        for _ in 0..entries {
            // The queue holds all entries.
            free.push(Box::new(Entry::new())).unwrap_or_default();
        }
        Self { free, filled: ArrayQueue::new(entries), dropped: AtomicU64::new(0) }
    }

    /// Fills an entry, or counts it as dropped if none is free.
    pub(super) fn put(&self, fill: impl FnOnce(&mut Entry)) {
        let Some(mut entry) = self.free.pop() else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        fill(&mut entry);
        // The queue holds all entries.
        self.filled.push(entry).unwrap_or_default();
    }

    /// The oldest filled entry.
    pub(super) fn take(&self) -> Option<Box<Entry>> {
        self.filled.pop()
    }

    /// Gives an entry back.
    pub(super) fn give_back(&self, entry: Box<Entry>) {
        // The queue holds all entries.
        self.free.push(entry).unwrap_or_default();
    }

    /// Entries dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Queue({} of {} filled)", self.filled.len(), self.filled.capacity())
    }
}
