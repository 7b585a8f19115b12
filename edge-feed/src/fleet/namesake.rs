//! Detection of two nodes that have one name.
//!
//! A node's heartbeat replaces the one before. If that is another process's, somebody else uses the
//! name. Once it may be the process that this one has replaced, so it counts when it is there twice
//! within four heartbeats.

use super::Heartbeat;

/// Heartbeats that are looked back at, a bit each.
const LOOKS: u8 = 0b1111;

/// Another process of this node's name.
#[derive(Clone, Debug, Default)]
pub(super) struct Namesake {
    /// Whether we have sent a heartbeat: what was there before may be of our former process.
    has_begun: bool,
    /// At which of the last heartbeats the other's was there, the newest in the lowest bit.
    seen: u8,
    is_there: bool,
    last: Option<Heartbeat>,
}

impl Namesake {
    /// Takes what is in the bucket before a heartbeat of `process` replaces it.
    pub(super) fn look(&mut self, process: &str, before: Option<&[u8]>) {
        let other = before
            .filter(|_| std::mem::replace(&mut self.has_begun, true))
            .and_then(|octets| serde_json::from_slice::<Heartbeat>(octets).ok())
            .filter(|heartbeat| heartbeat.process != process);
        self.seen = (self.seen << 1 | u8::from(other.is_some())) & LOOKS;
        self.is_there = self.seen.count_ones() > 1 || self.is_there && self.seen > 0;
        self.last = other.or_else(|| self.last.take()).filter(|_| self.seen > 0);
        self.has_begun = true;
    }

    /// Its last heartbeat, while it is there.
    pub(super) fn get(&self) -> Option<&Heartbeat> {
        self.last.as_ref().filter(|_| self.is_there)
    }
}

#[cfg(test)]
mod tests {
    use super::{Heartbeat, Namesake};

    fn of(process: &str) -> Vec<u8> {
        let heartbeat = Heartbeat { process: process.to_owned(), ..Heartbeat::default() };
        serde_json::to_vec(&heartbeat).unwrap()
    }

    /// Whether there is a namesake after each of these was found.
    fn found(looks: &[&str]) -> Vec<bool> {
        let mut namesake = Namesake::default();
        let look = |process: &&str| {
            let before = of(process);
            namesake.look("ours", Some(&*before).filter(|_| !process.is_empty()));
            namesake.get().is_some_and(|other| other.process == "other")
        };
        looks.iter().map(look).collect()
    }

    #[test]
    fn another_process_is_noticed_when_it_is_there_twice_and_forgotten_when_it_is_gone() {
        assert_eq!(found(&["other", "other", "other"]), [false, false, true]);
        assert_eq!(found(&["", "other", "ours", "other"]), [false, false, false, true]);
        let gone = ["", "other", "other", "ours", "ours", "ours", "ours"];
        assert_eq!(found(&gone), [false, false, true, true, true, true, false]);
    }

    #[test]
    fn the_process_before_this_one_is_no_namesake() {
        assert_eq!(found(&["other", "ours", "", "ours"]), [false; 4]);
        let taken_over = ["", "other", "ours", "ours", "ours", "other"];
        assert_eq!(found(&taken_over), [false; 6]);
    }
}
