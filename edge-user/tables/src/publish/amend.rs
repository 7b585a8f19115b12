//! The publication of zones of which only some decks have changed.
//!
//! Those decks are dealt again and take the place of the old ones, each by one store. No name,
//! class or type moves, so no new generation is needed: a packet reads one deck, and that is the
//! old or the new one.

use std::mem::offset_of;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use edge_common::abi::{Deck, Extent, Kind};

use super::deals::{Dealt, Spent, kind_of};
use super::slots::{Slots, ZoneSlot};
use super::{Placed, Publishable, Publisher, cards};
use crate::compile::{Compiled, NODATA, Source, Undealt};

/// The zones of the last publication, in order, and what became of them.
#[derive(Debug, Default)]
pub(super) struct Last {
    pub apexes: Vec<Box<[u8]>>,
    pub others: Vec<Box<[u8]>>,
    pub placed: Vec<Placed>,
    /// Publications so far without a new generation.
    pub amended: u64,
}

impl Last {
    fn is_of(&self, zones: &[Publishable], others: &[&[u8]]) -> bool {
        self.apexes.len() == zones.len()
            && self.others.len() == others.len()
            && self
                .apexes
                .iter()
                .zip(zones)
                .all(|(apex, zone)| **apex == *zone.compiled.apex.folded())
            && self.others.iter().zip(others).all(|(apex, other)| **apex == **other)
    }
}

/// A zone's decks that are dealt but not yet visible: their numbers, and the decks that replace the
/// old.
type Fresh = Vec<(u32, Dealt)>;

impl Publisher {
    /// Publications so far without a new generation, because only decks had changed.
    #[must_use]
    pub const fn amended(&self) -> u64 {
        self.last.amended
    }

    /// Publishes zones without a new generation, if nothing but decks has changed.
    ///
    /// Otherwise, or if the new decks don't fit, it returns `None` and has published nothing.
    pub(super) fn amend(&mut self, zones: &[Publishable], others: &[&[u8]]) -> Option<Vec<Placed>> {
        if !self.last.is_of(zones, others) {
            return None;
        }
        let mut changed = Vec::new();
        for zone in zones {
            let placed = self.zones.get(zone.compiled.apex.folded())?;
            if placed.source.is_same(zone) {
                continue;
            }
            let is_amended = Arc::ptr_eq(&placed.source.trie, &zone.trie)
                && zone.compiled.is_of_the_same_shape(&placed.source.compiled);
            let whole = Arc::ptr_eq(&placed.compiled, &placed.source.compiled);
            let compiled = match &zone.compiled.plain {
                _ if !is_amended => return None,
                _ if whole => Arc::clone(&zone.compiled),
                Some(plain) => Arc::new(Compiled::clone(plain)),
                None => return None,
            };
            changed.push((zone, compiled));
        }
        // A caller publishes the same zones once more to get other names of them.
        if changed.is_empty() {
            return None;
        }
        let mut all_fresh: Vec<Fresh> = Vec::with_capacity(changed.len());
        for (zone, compiled) in &changed {
            let placed = self.zones.get(zone.compiled.apex.folded());
            match placed.and_then(|placed| self.slots.freshen(placed, compiled)) {
                Some(fresh) => all_fresh.push(fresh),
                None => {
                    // They have never been seen.
                    for ((_, compiled), fresh) in changed.iter().zip(&all_fresh) {
                        self.slots.give_back(compiled, fresh);
                    }
                    return None;
                }
            }
        }
        let mut spent = Vec::new();
        for ((source, compiled), fresh) in changed.into_iter().zip(all_fresh) {
            let Some(zone) = self.zones.get_mut(source.compiled.apex.folded()) else { continue };
            self.slots.collect_counts(zone);
            spent.extend(self.slots.show(zone, &compiled, fresh));
            zone.source = source.clone();
            zone.compiled = compiled;
        }
        self.spent.extend(spent);
        if let Err(cause) = self.barrier() {
            // Somebody may still be reading them: they are written again after the next barrier.
            self.errors.push(format!("wait for readers: {cause:#}"));
        }
        self.last.amended += 1;
        Some(self.last.placed.clone())
    }
}

impl Slots {
    /// Deals the decks of a zone that differ into free runs. `None`, with nothing taken, if they
    /// don't fit, or if more than a deck's place has to change.
    fn freshen(&mut self, zone: &ZoneSlot, compiled: &Compiled) -> Option<Fresh> {
        let mut fresh = Vec::new();
        let least = zone.allotment.least;
        let is_negative =
            |undealt: &Undealt| matches!(undealt.source, Source::Nodata | Source::Nxdomain);
        if compiled.soa != zone.compiled.soa {
            // All negative answers have one card, which the first of their decks holds.
            let soa = cards::negative(&compiled.soa)?;
            let first = self.put_soa(&soa)?;
            let negative = (0..).zip(&compiled.decks).filter(|(_, undealt)| is_negative(undealt));
            fresh.extend(negative.map(|(number, _)| {
                (number, Dealt::without_cells(Extent { first, cards: 1, deal: 0 }))
            }));
        }
        let pairs = zone.compiled.decks.iter().zip(&zone.decks).zip(&compiled.decks);
        for (number, ((was, dealt), undealt)) in (0..).zip(pairs) {
            if was == undealt || is_negative(undealt) {
                continue;
            }
            match self.fresh_deck(was, dealt, undealt, least) {
                Some(deck) => fresh.push((number, deck)),
                None => {
                    self.give_back(compiled, &fresh);
                    return None;
                }
            }
        }
        Some(fresh)
    }

    /// A deck that replaces another in the same row.
    fn fresh_deck(
        &mut self,
        was: &Undealt,
        dealt: &Dealt,
        undealt: &Undealt,
        least: usize,
    ) -> Option<Dealt> {
        if was.ttl != undealt.ttl || kind_of(&was.source) != kind_of(&undealt.source) {
            return None;
        }
        let deal = dealt.extent.deal.wrapping_add(1);
        match (&was.source, &undealt.source) {
            // A deck that didn't fit has no cards in its row either.
            (Source::Card(_, before), Source::Card(octets, records)) if before == records => {
                if dealt.cells == 0 {
                    return None;
                }
                let first = self.put(octets)?;
                let extent = Extent { first, cards: 1, deal };
                Some(Dealt::of(None, extent, 1))
            }
            (Source::A(_), Source::A(_)) | (Source::Aaaa(_), Source::Aaaa(_)) => {
                let (mut fresh, records) =
                    self.first_deal(undealt, Some((was, dealt)), least).ok()?;
                fresh.extent.deal = deal;
                if dealt.dealer.as_ref().is_some_and(|dealer| dealer.records() == records) {
                    return Some(fresh);
                }
                self.give(&Spent {
                    kind: kind_of(&undealt.source),
                    first: fresh.extent.first,
                    cells: fresh.cells,
                });
                None
            }
            _ => None,
        }
    }

    /// Gives back decks that were never visible.
    fn give_back(&mut self, compiled: &Compiled, fresh: &Fresh) {
        for spent in cells_of(compiled, fresh.iter().map(|(number, deck)| (*number, deck))) {
            self.give(&spent);
        }
    }

    /// Puts decks into the place of a zone's old ones. Returns the old ones' cards.
    fn show(&self, zone: &mut ZoneSlot, compiled: &Compiled, fresh: Fresh) -> Vec<Spent> {
        let Some(table) = self.store.zone(zone.table).copied() else { return Vec::new() };
        let mut old = Vec::with_capacity(fresh.len());
        for (number, deck) in fresh {
            let Some(place) = zone.decks.get_mut(number as usize) else { continue };
            if let Some(word) = table.decks.word(number, offset_of!(Deck, cards)) {
                word.store(deck.extent.pack(), Ordering::Release);
            }
            let was = std::mem::replace(place, deck);
            if let Some(undealt) = zone.compiled.decks.get(number as usize) {
                self.close_deck(undealt, &was);
            }
            old.push((number, was));
        }
        if old.first().is_some_and(|(number, _)| *number == u32::from(NODATA))
            && let Some(negative) = zone.decks.first()
        {
            zone.move_soa(negative.extent.first);
        }
        cells_of(compiled, old.iter().map(|(number, deck)| (*number, deck)))
    }
}

/// The cells that decks take. Negative decks share a cell, which counts for the first of them.
fn cells_of<'d, D: Iterator<Item = (u32, &'d Dealt)>>(compiled: &Compiled, decks: D) -> Vec<Spent> {
    let of = |(number, deck): (u32, &Dealt)| {
        let source = &compiled.decks.get(number as usize)?.source;
        let (kind, cells) = match source {
            Source::Nodata if number == u32::from(NODATA) => (Kind::Ready, 1),
            _ => (kind_of(source), deck.cells),
        };
        Some(Spent { kind, first: deck.extent.first, cells })
    };
    decks.filter_map(of).collect()
}
