//! The dealing of a deck into a free run of its arena.

use edge_common::abi::{Card4, Card6, Deck, Extent, Kind, Rrs, maps};
use edge_leaves::points::Composition;

use super::Unfit;
use super::cards;
use super::free::{Free, SOA_ENTRIES};
use crate::compile::{Source, Undealt};
use crate::deal::{Deal, Dealer};
use crate::store::Store;

/// Entries of `rrs` that the ready-made records of one zone take at most. Its next version needs as
/// many beside them, and other zones need some.
pub(super) const ZONE_ENTRIES: u32 = (maps::RRS_ENTRIES - 4 * SOA_ENTRIES) / 2;

/// A deck in the tables.
#[derive(Debug)]
pub(super) struct Dealt {
    /// Its dealer, if not all its deals are the same.
    pub dealer: Option<Dealer>,
    pub extent: Extent,
    /// Cells of its arena that it takes.
    pub cells: u32,
    /// For each of its addresses, the number of cards that it is on.
    pub standing: Vec<u32>,
    /// The same for the answer counts; `None` before the first answer.
    pub composition: Option<Composition>,
    /// Answers from it since its addresses or weights changed.
    pub answers: u64,
}

impl Dealt {
    /// A deck as dealt, before any answer, with no address.
    pub(super) const fn of(dealer: Option<Dealer>, extent: Extent, cells: u32) -> Self {
        Self { dealer, extent, cells, standing: Vec::new(), composition: None, answers: 0 }
    }

    /// A deck without cards of its own: it has those of a negative answer, or none at all.
    pub(super) const fn without_cells(extent: Extent) -> Self {
        Self::of(None, extent, 0)
    }
}

/// Cards that a newer deal has replaced.
#[derive(Debug)]
pub(super) struct Spent {
    pub kind: Kind,
    pub first: u32,
    pub cells: u32,
}

/// The kind of a deck's cards.
pub(super) const fn kind_of(source: &Source) -> Kind {
    match source {
        Source::A(_) => Kind::A,
        Source::Aaaa(_) => Kind::Aaaa,
        Source::Nodata => Kind::Nodata,
        Source::Nxdomain => Kind::Nxdomain,
        Source::Card(..) | Source::Choice(_) => Kind::Ready,
    }
}

/// Records to choose from.
pub(super) fn records(source: &Source) -> usize {
    match source {
        Source::A(records) => records.len(),
        Source::Aaaa(records) => records.len(),
        Source::Choice(choice) => choice.data.len(),
        Source::Nodata | Source::Nxdomain | Source::Card(..) => 0,
    }
}

/// Their weights.
pub(super) fn weights(source: &Source) -> Vec<u64> {
    fn each<T>(records: &[(T, u32)]) -> Vec<u64> {
        records.iter().map(|(_, weight)| u64::from(*weight)).collect()
    }
    match source {
        Source::A(records) => each(records),
        Source::Aaaa(records) => each(records),
        Source::Choice(choice) => each(&choice.data),
        Source::Nodata | Source::Nxdomain | Source::Card(..) => Vec::new(),
    }
}

/// Their data.
pub(super) fn data(source: &Source) -> Vec<&[u8]> {
    fn each<T: AsRef<[u8]>>(records: &[(T, u32)]) -> Vec<&[u8]> {
        records.iter().map(|(data, _)| data.as_ref()).collect()
    }
    match source {
        Source::A(records) => each(records),
        Source::Aaaa(records) => each(records),
        Source::Choice(choice) => each(&choice.data),
        Source::Nodata | Source::Nxdomain | Source::Card(..) => Vec::new(),
    }
}

/// Where each record is, in the order of their data.
pub(super) struct Places<'d>(Vec<(&'d [u8], usize)>);

/// The places of a deck's records.
pub(super) fn places(source: &Source) -> Places<'_> {
    let mut places: Vec<_> = data(source).into_iter().zip(0..).collect();
    // Addresses are in order already.
    places.sort_unstable();
    Places(places)
}

impl Places<'_> {
    /// The place of the record with these data.
    pub(super) fn get(&self, data: &[u8]) -> Option<usize> {
        let found = self.0.binary_search_by(|(known, _)| (*known).cmp(data));
        found.ok().and_then(|at| self.0.get(at)).map(|(_, place)| *place)
    }
}

/// Whether a deck is dealt again and again. It is not if each card has all ready-made records: a
/// reader doesn't depend on their order.
pub(super) fn is_dealt_again(undealt: &Undealt, dealer: &Dealer) -> bool {
    let is_order =
        matches!(&undealt.source, Source::Choice(choice) if choice.data.len() <= undealt.max_hosts);
    !dealer.is_constant() && !is_order
}

/// The row of a deck.
pub(super) fn row(undealt: &Undealt, records: usize, extent: Extent, apex_octets: u8) -> Deck {
    Deck {
        cards: extent.pack(),
        ttl: undealt.ttl,
        records: u8::try_from(records).unwrap_or_default(),
        kind: kind_of(&undealt.source) as u8,
        apex_octets,
        reserved: 0,
    }
}

/// Writes the only card of a deck that has one; `None` if there is no free place.
pub(super) fn put(store: &Store, free: &mut Free, octets: &[u8]) -> Option<u32> {
    let card = cards::ready_made(octets)?;
    let first = free.take_ready(1)?;
    store.rrs.write(first, &[card]);
    Some(first)
}

/// For each of `n` records, the number of cards that it is on.
fn standing(n: usize, cards: &[u16]) -> Vec<u32> {
    let mut standing = vec![0; n];
    for record in cards {
        if let Some(cards) = standing.get_mut(usize::from(*record)) {
            *cards += 1;
        }
    }
    standing
}

/// The cells of all cards of a deck. `put` writes the cells of one card.
fn cells_of<T: Copy, C>(
    deal: &Deal,
    records: &[T],
    most: usize,
    put: impl Fn(&[T], &mut Vec<C>),
) -> Vec<C> {
    let each = deal.records.max(1);
    let mut card = Vec::with_capacity(each);
    let mut cells = Vec::with_capacity(deal.cards.len() / each * each.div_ceil(most));
    for places in deal.cards.chunks_exact(each) {
        card.clear();
        card.extend(places.iter().filter_map(|at| records.get(usize::from(*at)).copied()));
        put(&card, &mut cells);
    }
    cells
}

/// Deals a deck's cards into a free run of its arena. Returns the run's first cell, its length, and
/// for each address the number of cards that it is on.
pub(super) fn deal(
    store: &Store,
    free: &mut Free,
    undealt: &Undealt,
    dealer: &mut Dealer,
    rng: &mut fastrand::Rng,
) -> Result<(u32, u32, Vec<u32>), Unfit> {
    let deal = dealer.deal(rng);
    let n = |cells: usize| u32::try_from(cells).unwrap_or(u32::MAX);
    match &undealt.source {
        Source::A(source) => {
            let records = cards::summed4(undealt.ttl, source.iter().map(|(address, _)| *address));
            let cells = cells_of(&deal, &records, Card4::RECORDS, |card, cells| {
                cells.extend(cards::card4(card));
            });
            let first = free.cards_a.take(n(cells.len())).ok_or(Unfit::Full("cards_a"))?;
            store.cards_a.write(first, &cells);
            Ok((first, n(cells.len()), standing(source.len(), &deal.cards)))
        }
        Source::Aaaa(source) => {
            let records = cards::summed6(undealt.ttl, source.iter().map(|(address, _)| *address));
            let cells = cells_of(&deal, &records, Card6::RECORDS, |card, cells| {
                cells.extend(cards::card6(card));
            });
            let first = free.cards_aaaa.take(n(cells.len())).ok_or(Unfit::Full("cards_aaaa"))?;
            store.cards_aaaa.write(first, &cells);
            Ok((first, n(cells.len()), standing(source.len(), &deal.cards)))
        }
        Source::Choice(choice) => {
            let cards = deal.cards.chunks_exact(deal.records.max(1));
            let cells: Option<Vec<Rrs>> =
                cards.map(|card| cards::ready_made(&choice.card(undealt.ttl, card))).collect();
            let cells = cells.ok_or(Unfit::Full("rrs"))?;
            let first = free.take_ready(n(cells.len())).ok_or(Unfit::Full("rrs"))?;
            store.rrs.write(first, &cells);
            Ok((first, n(cells.len()), Vec::new()))
        }
        Source::Nodata | Source::Nxdomain | Source::Card(..) => Ok((0, 0, Vec::new())),
    }
}
