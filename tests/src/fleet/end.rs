//! The check at the end: each node against the scorer's whole history.
//!
//! Answers, counters and files are compared.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use edge_feed::disk::{Disk, StateFile};
use edge_feed::{Server, Snapshot};

use super::asking::once;
use super::scorer::{ORIGIN, Scorer, labels};
use super::{EACH, Fleet, Outcome, until};

/// Addresses of an answer.
const MAX_HOSTS: usize = 4;

impl Fleet {
    /// Compares and stops all nodes; what is wrong, a line each. Those that were killed haven't
    /// counted everything, and while one sleeps for long its program lets queries pass.
    ///
    /// # Panics
    /// When a node doesn't say how it is, doesn't end well, or has kept nothing.
    #[must_use]
    pub fn differences(
        &self,
        scorer: &Scorer,
        outcome: &Outcome,
        restarted: &[u8],
        asleep: &[u8],
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        for n in 0..EACH {
            let at = usize::from(n);
            let mut own = self.counted(at, scorer, restarted.contains(&n));
            if !restarted.contains(&n) && !asleep.contains(&n) {
                own.extend(self.by_xdp(at, outcome.nodes[at].asked));
            }
            let answers = self.answered(at, scorer);
            self.nodes[at].stop();
            let all = own.into_iter().chain(answers).chain(self.kept(at, scorer));
            wrong.extend(all.map(|line| format!("node {n}: {line}")));
        }
        wrong
    }

    /// Every change has come, and nothing was broken or refused.
    fn counted(&self, n: usize, scorer: &Scorer, is_restarted: bool) -> Vec<String> {
        let cursor = scorer.cursor();
        let status = || self.nodes[n].status().unwrap_or_default();
        until("the last change has come", || status()["feed"]["cursor"] == cursor);
        let status = status();
        let feed = &status["feed"];
        let mut wrong = Vec::new();
        // The snapshot is of change 1.
        if !is_restarted && feed["deltas"] != cursor - 1 {
            wrong.push(format!("{} changes of {}", feed["deltas"], cursor - 1));
        }
        for key in ["deltas_broken", "deltas_unknown"] {
            if feed[key] != 0 {
                wrong.push(format!("{key}: {}", feed[key]));
            }
        }
        let sources = feed["sources"].as_array().into_iter().flatten();
        if sources.clone().count() != 2 || sources.clone().any(|source| source["lost"] != 0) {
            wrong.push(format!("messages were lost: {}", feed["sources"]));
        }
        let refusals = feed["refusals"].as_object().into_iter().flatten();
        if refusals.clone().any(|(_, n)| *n != 0) {
            wrong.push(format!("refusals: {}", feed["refusals"]));
        }
        wrong
    }

    /// XDP alone has answered all that was asked.
    fn by_xdp(&self, n: usize, asked: u64) -> Option<String> {
        let status = self.nodes[n].status().unwrap_or_default();
        let counters = &status["counters"];
        let is_all = counters["xdp_answered"].as_u64() >= Some(asked);
        let is_good = is_all && counters["authority_answered"] == 0;
        (!is_good).then(|| format!("not all of {asked} queries were answered in XDP: {counters}"))
    }

    /// What is answered for each small label is exactly what is there at the end.
    fn answered(&self, n: usize, scorer: &Scorer) -> Vec<String> {
        let socket = self.nodes[n].socket(&self.client);
        let mut wrong = Vec::new();
        for (id, (label, records)) in (0..).zip(scorer.labels()) {
            let expected: BTreeSet<Ipv4Addr> =
                records.iter().filter_map(|(address, _)| address.parse().ok()).collect();
            if !(1..=MAX_HOSTS).contains(&expected.len()) {
                continue;
            }
            let got = once(&socket, id, &label);
            if got != expected {
                wrong.push(format!("{label:?} is {got:?}, expected {expected:?}"));
            }
        }
        wrong
    }

    /// What a node that has ended has kept is what the history comes to.
    fn kept(&self, n: usize, scorer: &Scorer) -> Vec<String> {
        let mut wrong = Vec::new();
        let disk = Disk::new(&self.state(n)).expect("the node's folder");
        let kept: Option<Snapshot> = disk.read(StateFile::Snapshot).expect("a snapshot");
        let (kept, expected) = (kept.expect("a snapshot"), scorer.snapshot());
        if kept.cursor != expected.cursor {
            wrong.push(format!("kept change {}, expected {}", kept.cursor, expected.cursor));
        }
        let differs = |(one, other): &(&Server, &Server)| one != other;
        let pairs = kept.servers.iter().zip(&expected.servers);
        let different = pairs.filter(differs).count();
        if different > 0 || kept.servers.len() != expected.servers.len() {
            wrong.push(format!("{different} servers have other scores or addresses"));
        }
        let file = disk.zones().join(format!("{ORIGIN}.json"));
        let zone = labels(&std::fs::read_to_string(file).expect("a zone"));
        let expected = scorer.labels();
        let names: BTreeSet<_> = zone.keys().chain(expected.keys()).collect();
        let different: Vec<_> =
            names.into_iter().filter(|name| zone.get(*name) != expected.get(*name)).collect();
        if !different.is_empty() {
            wrong.push(format!("the zone differs at {different:?}"));
        }
        wrong
    }
}
