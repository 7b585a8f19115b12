//! The reading of the counters in the tables into the answer counts.
//!
//! What a deck's counters have counted since they were last read goes to the servers that were on
//! its cards. The counters are read before a deck's cards change. An answer goes to the new cards
//! if it is counted between the reading and the change, or dealt before the change and counted
//! after it: some microseconds' worth. A generation that ends is read once more when no packet can
//! be in it any more, so that none of its answers is lost.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use edge_common::abi::Hits;
use edge_leaves::audit::{Audit, AuditReport};

use super::Publisher;
use super::deals::Dealt;
use super::slots::{Slots, ZoneSlot};
use crate::answer_counts::AnswerCounts;
use crate::compile::{Source, Undealt};
use edge_zone::name::bare;
use edge_zone::targets::{NOWHERE, country};

/// The servers of a deck, by the indices that its cards have.
fn servers(source: &Source) -> Vec<IpAddr> {
    match source {
        Source::A(records) => records.iter().map(|(octets, _)| IpAddr::from(*octets)).collect(),
        Source::Aaaa(records) => records.iter().map(|(octets, _)| IpAddr::from(*octets)).collect(),
        Source::Nodata | Source::Nxdomain | Source::Card(..) | Source::Choice(_) => Vec::new(),
    }
}

/// Adds the share of a deck's answers that each of its servers is promised.
fn promise(audit: &mut Audit, undealt: &Undealt, dealt: &Dealt) {
    let servers = servers(&undealt.source);
    let Some(dealer) = dealt.dealer.as_ref().filter(|_| dealt.answers > 0) else { return };
    for (ip, share) in servers.into_iter().zip(dealer.inclusion()) {
        audit.promise(ip, dealt.answers, share);
    }
}

impl Slots {
    /// Adds to the answer counts what a zone's counters have counted since they were last read.
    pub(super) fn collect_counts(&mut self, zone: &mut ZoneSlot) {
        let Some(first) = zone.first_hit else { return };
        let now = self.store.hits(first, zone.hit_words());
        let last = self.read.iter_mut().skip(first as usize);
        let n_decks = zone.compiled.decks.len();
        let mut answers: BTreeMap<(u16, &str), [u64; 2]> = BTreeMap::new();
        zone.counted.resize(zone.hit_words() as usize, 0);
        for (word, (now, last)) in now.into_iter().zip(last).enumerate() {
            let ([xdp, own], [last_xdp, last_own]) = (now, *last);
            let [xdp, own] = [xdp.wrapping_sub(last_xdp), own.wrapping_sub(last_own)];
            if xdp == 0 && own == 0 {
                continue;
            }
            *last = now;
            if let Some(counted) = zone.counted.get_mut(word) {
                *counted += xdp + own;
            }
            let (deck, country) = match word.checked_sub(n_decks) {
                None => (u16::try_from(n_decks - 1 - word).unwrap_or(u16::MAX), NOWHERE),
                Some(entry) => {
                    let Some(deck) = zone.compiled.classes.get(entry) else { continue };
                    let class = entry.checked_rem(zone.compiled.n_classes).unwrap_or_default();
                    let targets = zone.source.trie.classes.get(class);
                    let country = targets.and_then(|targets| country(targets.iter()));
                    (*deck, country.unwrap_or(NOWHERE))
                }
            };
            let [sum_xdp, sum_own] = answers.entry((deck, country)).or_default();
            *sum_xdp += xdp;
            *sum_own += own;
        }
        if answers.is_empty() {
            return;
        }
        let counts = &mut *self.answer_counts.open();
        let points = Arc::make_mut(&mut counts.points);
        let answered = counts.zones.entry(bare(&zone.compiled.apex)).or_default();
        for ((deck, country), [xdp, own]) in answers {
            let Some(undealt) = zone.compiled.decks.get(usize::from(deck)) else { continue };
            let Some(dealt) = zone.decks.get_mut(usize::from(deck)) else { continue };
            if matches!(undealt.source, Source::Nxdomain) {
                answered.nxdomain += xdp;
            } else {
                answered.noerror += xdp;
            }
            if dealt.standing.is_empty() {
                continue;
            }
            dealt.answers += xdp + own;
            let composition = dealt.composition.get_or_insert_with(|| {
                let standing = dealt.standing.iter().copied();
                let servers = servers(&undealt.source).into_iter().zip(standing);
                points.composition(dealt.extent.cards, servers)
            });
            points.add(country, xdp + own, composition);
        }
    }

    /// The same for the answers that aren't counted by zone.
    pub(super) fn collect_rest(&mut self) {
        let now = self.store.hits(Hits::REST, 1);
        if let (Some(now), Some(last)) = (now.first(), self.read.get_mut(Hits::REST as usize)) {
            self.answer_counts.open().rest += now[0].wrapping_sub(last[0]);
            *last = *now;
        }
    }

    /// Settles a zone that is no longer in use.
    pub(super) fn close(&mut self, zone: &mut ZoneSlot) {
        self.collect_counts(zone);
        let promised = &mut self.answer_counts.open().promised;
        for (undealt, dealt) in zone.compiled.decks.iter().zip(&zone.decks) {
            promise(promised, undealt, dealt);
        }
    }

    /// Adds to the answer counts what a deck had promised that a deck of other records replaces.
    pub(super) fn close_deck(&self, undealt: &Undealt, dealt: &Dealt) {
        promise(&mut self.answer_counts.open().promised, undealt, dealt);
    }
}

impl Publisher {
    /// The answer counts, as of the last deal.
    #[must_use]
    pub fn answer_counts(&self) -> AnswerCounts {
        self.slots.answer_counts.clone()
    }

    /// Brings the answer counts up to now.
    pub fn collect_counts(&mut self) {
        for zone in self.zones.values_mut() {
            self.slots.collect_counts(zone);
        }
        self.slots.collect_rest();
    }

    /// The share of answers that each server was promised, and the share that it had. The answer
    /// counts keeps it, too.
    #[must_use]
    pub fn audit(&mut self) -> AuditReport {
        self.collect_counts();
        let mut counts = self.slots.answer_counts.open();
        let mut audit = counts.promised.clone();
        for zone in self.zones.values() {
            for (undealt, dealt) in zone.compiled.decks.iter().zip(&zone.decks) {
                promise(&mut audit, undealt, dealt);
            }
        }
        for (ip, answers) in counts.points.sums() {
            audit.deliver(ip, answers);
        }
        counts.audit = audit.report();
        counts.audit.clone()
    }

    /// The zones in the tables whose answers are not counted apart, because no counters were free.
    #[must_use]
    pub fn uncounted(&self) -> Vec<String> {
        let zones = self.zones.values().filter(|zone| zone.first_hit.is_none());
        zones.map(|zone| bare(&zone.compiled.apex)).collect()
    }
}
