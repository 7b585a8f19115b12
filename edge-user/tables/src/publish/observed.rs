//! The answered questions for addresses of a zone, by name and client class.
//!
//! Names that are answered from one deck, such as aliases, are counted as the first of them. If a
//! name has no addresses of a type for anybody, it isn't known how often it was asked for that
//! type.

use std::collections::HashMap;

use edge_common::abi::Answer;

use super::Publisher;
use super::slots::ZoneSlot;
use crate::compile::{Compiled, Source};
use edge_zone::{Name, RecordKind, Targets};

/// A question for addresses, and how often it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The name on the wire, lower case.
    pub name: Box<[u8]>,
    /// A or AAAA.
    pub kind: RecordKind,
    /// The targets of the clients that asked; `None` if the answer doesn't depend on them.
    pub targets: Option<Targets>,
    /// Answers, by XDP and by the authority from the same tables.
    pub answers: u64,
}

/// What a counter counts: an owner, a type, and the class of clients if the answer depends on it.
type Question = (usize, RecordKind, Option<usize>);

/// For each counter of a zone its question, if that is one for addresses.
fn questions(compiled: &Compiled) -> Vec<Option<Question>> {
    let n_decks = compiled.decks.len();
    let mut questions: Vec<Option<Question>> = vec![None; n_decks + compiled.classes.len()];
    let mut put = |word: usize, question: Question| {
        if let Some(place) = questions.get_mut(word) {
            place.get_or_insert(question);
        }
    };
    for (at, owner) in compiled.owners.iter().enumerate() {
        for (answer, kind) in [(owner.a, RecordKind::A), (owner.aaaa, RecordKind::Aaaa)] {
            let index = answer.index() as usize;
            if answer == Answer::NONE {
                continue;
            }
            if answer.varies() {
                for class in 0..compiled.n_classes {
                    put(n_decks + index + class, (at, kind, Some(class)));
                }
            } else if let Some(deck) = compiled.decks.get(index)
                && matches!(deck.source, Source::A(_) | Source::Aaaa(_))
            {
                put(n_decks - 1 - index, (at, kind, None));
            }
        }
    }
    questions
}

/// A zone's questions with at least `least` answers, by the numbers of their counters.
fn asked(zone: &ZoneSlot, least: u64) -> impl Iterator<Item = (usize, Observed)> {
    let classes = &zone.source.trie.classes;
    let counters = questions(&zone.compiled).into_iter().zip(&zone.counted).enumerate();
    counters.filter_map(move |(word, (question, answers))| {
        let (owner, kind, class) = question.filter(|_| *answers >= least)?;
        let name = zone.compiled.owners.get(owner)?.name.clone();
        let targets = class.map(|class| classes.get(class).cloned().unwrap_or_default());
        Some((word, Observed { name, kind, targets, answers: *answers }))
    })
}

/// Adds the counts of a zone to the next version's counts of the same questions.
pub(super) fn carry(old: &ZoneSlot, next: &mut ZoneSlot) {
    if old.counted.is_empty() || next.first_hit.is_none() {
        return;
    }
    let mut before = HashMap::new();
    for (_, asked) in asked(old, 1) {
        *before.entry((asked.name, asked.kind, asked.targets)).or_insert(0) += asked.answers;
    }
    next.counted.resize(next.hit_words() as usize, 0);
    if before.is_empty() {
        return;
    }
    let carried: Vec<(usize, u64)> = asked(next, 0)
        .filter_map(|(word, asked)| {
            Some((word, before.remove(&(asked.name, asked.kind, asked.targets))?))
        })
        .collect();
    for (word, answers) in carried {
        if let Some(counted) = next.counted.get_mut(word) {
            *counted += answers;
        }
    }
}

impl Publisher {
    /// The questions for addresses that a zone has answered, over all its versions.
    ///
    /// `None` if the zone isn't in the tables, or its answers aren't counted apart.
    #[must_use]
    pub fn observed(&mut self, apex: &Name) -> Option<Vec<Observed>> {
        let zone = self.zones.get_mut(apex.folded())?;
        zone.first_hit?;
        self.slots.collect_counts(zone);
        Some(asked(zone, 1).map(|(_, asked)| asked).collect())
    }
}
