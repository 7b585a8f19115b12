//! The undealt decks of a zone and their numbers.
//!
//! Equal decks have the same number.

use std::collections::HashMap;

use edge_common::abi::{Card4, Card6, ClassRow};

use super::{Source, Undealt};
use edge_zone::{Label, RecordKind};

/// The decks of a zone.
pub(super) struct Decks {
    pub(super) decks: Vec<Undealt>,
    pub(super) keys: Vec<(Box<str>, RecordKind)>,
    /// Deck numbers by the decks' contents.
    by_content: HashMap<Undealt, u16>,
}

impl Decks {
    /// The decks of negative answers, which have the first numbers.
    pub(super) fn new() -> Self {
        let mut decks = Self { decks: Vec::new(), keys: Vec::new(), by_content: HashMap::new() };
        for source in [Source::Nodata, Source::Nxdomain] {
            decks.number("", RecordKind::Soa, Undealt { source, ttl: 0, max_hosts: 1 });
        }
        decks
    }

    /// The number of a deck for the records of `kind` at `label`; [`ClassRow::NONE`] if there are
    /// too many.
    pub(super) fn number(&mut self, label: &str, kind: RecordKind, undealt: Undealt) -> u16 {
        if let Some(deck) = self.by_content.get(&undealt) {
            return *deck;
        }
        let number = u16::try_from(self.decks.len()).unwrap_or(ClassRow::NONE);
        if number != ClassRow::NONE {
            self.decks.push(undealt.clone());
            self.keys.push((label.into(), kind));
            self.by_content.insert(undealt, number);
        }
        number
    }
}

/// The addresses of a label as a deck.
///
/// `None` if no deck can hold the authority's answer: there are more records than fit, or the
/// choice depends on more than the client's class. The records are sorted by address, because no
/// answer depends on their order: labels with the same addresses in another order share a deck.
pub(super) fn addresses(label: &Label, kind: RecordKind, ttl: u32) -> Option<Undealt> {
    let (source, n, most) = match kind {
        RecordKind::A => {
            let records = label.a.as_deref().unwrap_or_default();
            let mut source: Vec<_> = records.iter().map(|r| (r.data.octets(), r.weight)).collect();
            source.sort_unstable();
            (Source::A(source), records.len(), Card4::MOST)
        }
        RecordKind::Aaaa => {
            let records = label.aaaa.as_deref().unwrap_or_default();
            let mut source: Vec<_> = records.iter().map(|r| (r.data.octets(), r.weight)).collect();
            source.sort_unstable();
            (Source::Aaaa(source), records.len(), Card6::MOST)
        }
        _ => return None,
    };
    let max_hosts = label.max_hosts.min(n);
    let by_distance = label.closest && max_hosts < n;
    if max_hosts == 0 || max_hosts > most || by_distance || label.health.is_some() || n > 0xffff {
        return None;
    }
    Some(Undealt { source, ttl, max_hosts })
}
