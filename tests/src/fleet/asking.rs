//! A client of a node that asks all the time.
//!
//! It keeps what was answered, and when that changed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::scorer::{MARK, ORIGIN, Scorer, YO_YO, number};
use crate::message::{Ask, Reply, rcode, rtype};

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(4);
/// Labels that are asked for besides that of the marks, in turn.
const LABELS: [&str; 7] = [YO_YO, "", "0", "1", "3", "europe", "asia"];
/// Wrong answers that are reported at most.
const TOLD: usize = 20;

/// What one node answered.
#[derive(Debug, Default)]
pub struct Asked {
    /// Questions.
    pub asked: u64,
    /// Those that nobody answered.
    pub unanswered: u64,
    /// Each time that another mark was answered than before.
    pub changes: Vec<Change>,
    /// Addresses of each label.
    addresses: BTreeMap<&'static str, BTreeSet<Ipv4Addr>>,
    /// Answers that can't have been right at any time.
    wrong: Vec<String>,
}

/// From when on a mark was answered.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// When its first answer came.
    pub at: Instant,
    /// The mark.
    pub mark: u32,
}

impl Asked {
    /// When the first answer came that was of this mark or a later one.
    #[must_use]
    pub fn since(&self, mark: u32) -> Option<Instant> {
        self.changes.iter().find(|change| change.mark >= mark).map(|change| change.at)
    }

    /// How often an answer was older than the one before it.
    #[must_use]
    pub fn steps_back(&self) -> usize {
        let pairs = self.changes.iter().zip(self.changes.iter().skip(1));
        pairs.filter(|(before, after)| after.mark < before.mark).count()
    }

    /// What was answered wrongly: what can't have been right at any time of the scorer's history.
    #[must_use]
    pub fn wrong(&self, scorer: &Scorer) -> Vec<String> {
        let mut wrong = self.wrong.clone();
        for (&label, addresses) in &self.addresses {
            let within = if matches!(label, "0" | "1" | "3") { "" } else { label };
            let strange = addresses.iter().filter(|address| !scorer.was_ever(within, **address));
            wrong.extend(strange.map(|address| format!("{label:?}: {address} never was there")));
        }
        wrong.truncate(TOLD);
        wrong
    }

    /// Asks until `stop` is set, and stores at once which mark is answered. No mark can be answered
    /// that isn't made.
    pub(super) fn ask(
        socket: &UdpSocket,
        stop: &AtomicBool,
        made: &AtomicU32,
        answered: &AtomicU32,
    ) -> Self {
        let mut own = Self::default();
        let mut others = LABELS.into_iter().cycle();
        while !stop.load(Ordering::Relaxed) {
            if let Some(addresses) = own.addresses(socket, MARK) {
                let marks: Vec<_> = addresses.iter().map(|address| number(*address)).collect();
                let latest = made.load(Ordering::Relaxed);
                match marks[..] {
                    [Some(mark)] if mark <= latest => {
                        if own.changes.last().is_none_or(|last| last.mark != mark) {
                            own.changes.push(Change { at: Instant::now(), mark });
                            answered.store(mark, Ordering::Relaxed);
                        }
                    }
                    _ => own.wrong.push(format!("{MARK} is {addresses:?} at mark {latest}")),
                }
            }
            if let Some(label) = others.next()
                && let Some(addresses) = own.addresses(socket, label)
            {
                own.addresses.entry(label).or_default().extend(addresses);
            }
            thread::sleep(PAUSE);
        }
        own
    }

    /// Asks for a label's addresses. None came, or none that can be right, if there is none.
    fn addresses(&mut self, socket: &UdpSocket, label: &str) -> Option<Vec<Ipv4Addr>> {
        self.asked += 1;
        let id = u16::try_from(self.asked % 65_536).unwrap_or_default();
        let Some(reply) = ask(socket, id, label) else {
            self.unanswered += 1;
            return None;
        };
        let addresses = reply.as_ref().ok().and_then(addresses_of);
        if addresses.is_none() && self.wrong.len() < TOLD {
            let told = reply.map(|reply| (reply.rcode, reply.answers));
            self.wrong.push(format!("{label:?}: {told:?}"));
        }
        addresses
    }
}

/// The addresses of a good answer; there has to be one at least.
fn addresses_of(reply: &Reply) -> Option<Vec<Ipv4Addr>> {
    let address = |data: &str| data.parse().ok();
    let all: Option<Vec<Ipv4Addr>> =
        reply.answers.iter().map(|record| address(&record.data)).collect();
    all.filter(|all| reply.rcode == rcode::NOERROR && !all.is_empty())
}

/// Asks for a label's addresses once.
fn ask(socket: &UdpSocket, id: u16, label: &str) -> Option<Result<Reply, String>> {
    let name = if label.is_empty() { ORIGIN.to_owned() } else { format!("{label}.{ORIGIN}") };
    let question = Ask { id, ..Ask::new(&name, rtype::A) };
    socket.send(&question.octets()).expect("send");
    let mut buffer = [0; 2048];
    loop {
        match socket.recv(&mut buffer) {
            Ok(octets) => match Reply::read(&buffer[..octets]) {
                // Of a question that was given up.
                Ok(reply) if reply.id != id => {}
                reply => return Some(reply),
            },
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return None;
            }
            // Nobody listened, for a moment.
            Err(_) => return None,
        }
    }
}

/// All addresses of a label that has four at most.
///
/// # Panics
/// When there is no good answer.
pub(super) fn once(socket: &UdpSocket, id: u16, label: &str) -> BTreeSet<Ipv4Addr> {
    let reply = ask(socket, id, label);
    let addresses = reply.as_ref().and_then(|reply| reply.as_ref().ok()).and_then(addresses_of);
    addresses.unwrap_or_else(|| panic!("{label}: {reply:?}")).into_iter().collect()
}
