//! The slots of one side of the name tables.
//!
//! Owner names are placed so that every name is found within its probes.

use std::collections::hash_map::Entry as MapEntry;
use std::collections::{HashMap, HashSet};

use edge_common::abi::{
    Answer, ClassRow, Hits, LONG_WORDS, LongName, NAME_WORDS, NameTail, ShortName, TableId, maps,
};
use edge_common::name::{SHORT_OCTETS, long_hash, place, short_hash};
use edge_common::tables::GOLDEN;
use zerocopy::FromZeros as _;

use crate::store::Region;
use edge_zone::name::suffixes;

/// A name and the place of its answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'z> {
    /// On the wire, lower case.
    pub name: &'z [u8],
    pub table: TableId,
    pub trie: u32,
    pub a: Answer,
    pub aaaa: Answer,
    pub other: Answer,
    pub absent: u16,
    pub flags: u16,
    /// The counters of its zone's answers, if they are counted apart.
    pub hits: Option<u32>,
}

/// [`edge_common::abi::Side::labels`].
pub(super) fn labels(entries: &[Entry<'_>]) -> u64 {
    // A suffix for each label, and the root's.
    let labels = |entry: &Entry<'_>| suffixes(entry.name).count().saturating_sub(1);
    entries.iter().map(labels).max().map_or(0, |labels| labels as u64)
}

/// The words of [`edge_common::abi::Side::lengths`].
pub(super) fn lengths(entries: &[Entry<'_>]) -> [u64; 4] {
    let mut lengths = [0; 4];
    for entry in entries {
        if let Some(word) = lengths.get_mut(entry.name.len() / 64) {
            *word |= 1 << (entry.name.len() % 64);
        }
    }
    lengths
}

/// A slot without a name.
const UNUSED: NameTail = NameTail {
    hash: 0,
    octets: 0,
    table: TableId(0),
    trie: 0,
    a: Answer::NONE,
    aaaa: Answer::NONE,
    other: Answer::NONE,
    absent: ClassRow::NONE,
    flags: 0,
    hits: 0,
    hits_mask: 0,
};

/// Words of a name, aligned to their end.
fn words<const N: usize>(name: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, octets) in words.iter_mut().rev().zip(name.rchunks(8)) {
        let mut whole = [0; 8];
        for (to, from) in whole.iter_mut().rev().zip(octets.iter().rev()) {
            *to = *from;
        }
        *word = u64::from_ne_bytes(whole);
    }
    words
}

impl<'z> Entry<'z> {
    /// An entry for a name that the authority answers for, as it does for all names below it.
    pub(super) const fn marker(name: &'z [u8], table: TableId, trie: u32) -> Self {
        let NameTail { a, aaaa, other, absent, flags, .. } = UNUSED;
        Self { name, table, trie, a, aaaa, other, absent, flags, hits: None }
    }

    fn tail(&self, hash: u32) -> NameTail {
        NameTail {
            hash,
            octets: u32::try_from(self.name.len()).unwrap_or_default(),
            table: self.table,
            trie: self.trie,
            a: self.a,
            aaaa: self.aaaa,
            other: self.other,
            absent: self.absent,
            flags: self.flags,
            hits: self.hits.unwrap_or(Hits::REST),
            hits_mask: self.hits.map_or(0, |_| u32::MAX),
        }
    }

    fn is_short(&self) -> bool {
        self.name.len() <= SHORT_OCTETS
    }

    fn hash(&self, seed: u64) -> u64 {
        if self.is_short() {
            short_hash(seed, words::<NAME_WORDS>(self.name))
        } else {
            long_hash(seed, &words::<LONG_WORDS>(self.name), self.name.len())
        }
    }

    fn short(&self, tag: u32) -> ShortName {
        let letters =
            self.name.iter().map(|octet| if octet.is_ascii_lowercase() { 0x20 } else { 0 });
        let letters: Vec<u8> = letters.collect();
        ShortName {
            words: words(self.name),
            letters: words(&letters),
            tail: self.tail(tag),
            reserved: [0; 3],
        }
    }

    fn long(&self, tag: u32) -> LongName {
        LongName { words: words(self.name), tail: self.tail(tag) }
    }
}

/// Why names can't be arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// These two have the same hash whatever the seed is. A packet would find only the first.
    Clash(usize, usize),
    /// There are too many.
    Dense,
}

/// For each used slot the index of its entry, from the entries' hashes.
///
/// An error if an entry would stand too far from the slot that its hash points to, or if two
/// entries could be confused. The entry that is farther from that slot displaces the other ("Robin
/// Hood"), which keeps the largest distance small.
fn arrange(hashes: &[u64], slots: u32) -> Result<HashMap<u32, usize>, Misfit> {
    let mut taken: HashMap<u32, usize> = HashMap::with_capacity(hashes.len());
    let home = |at: usize| hashes.get(at).map(|hash| place(*hash, slots)).ok_or(Misfit::Dense);
    for newcomer in 0..hashes.len() {
        let mut at = newcomer;
        let mut slot = home(at)?.0;
        loop {
            let distance = slot.wrapping_sub(home(at)?.0) & (slots - 1);
            if distance >= maps::NAME_PROBES {
                return Err(Misfit::Dense);
            }
            let Some(resident) = taken.get_mut(&slot) else {
                taken.insert(slot, at);
                break;
            };
            let theirs = home(*resident)?;
            // A packet stops at the first equal tag: the second would never be found.
            if theirs.1 == home(at)?.1 {
                return Err(Misfit::Clash(at.min(*resident), at.max(*resident)));
            }
            if (slot.wrapping_sub(theirs.0) & (slots - 1)) < distance {
                std::mem::swap(&mut at, resident);
            }
            slot = (slot + 1) & (slots - 1);
        }
    }
    Ok(taken)
}

/// The seed and slots of one side.
pub(super) struct Side {
    pub seed: u64,
    short: HashMap<u32, usize>,
    long: HashMap<u32, usize>,
}

/// Seeds that are tried before the names are reported not to fit.
const SEEDS: u32 = 64;

/// Arranges names.
///
/// # Errors
/// When they don't fit. Two names that clash under two seeds are taken to clash under every seed:
/// by chance that happens once in many millions of publications.
pub(super) fn side(entries: &[Entry<'_>], rng: &mut fastrand::Rng) -> Result<Side, Misfit> {
    let of_table = |short: bool| -> Vec<usize> {
        let all = entries.iter().enumerate().filter(|(_, entry)| entry.is_short() == short);
        all.map(|(at, _)| at).collect()
    };
    let (short, long) = (of_table(true), of_table(false));
    let arranged = |of: &[usize], seed: u64, slots: u32| {
        let hashes = of.iter().filter_map(|at| entries.get(*at)).map(|entry| entry.hash(seed));
        let hashes: Vec<u64> = hashes.collect();
        arrange(&hashes, slots).map_err(|misfit| match misfit {
            Misfit::Clash(one, other) => match (of.get(one), of.get(other)) {
                (Some(one), Some(other)) => Misfit::Clash(*one, *other),
                _ => Misfit::Dense,
            },
            Misfit::Dense => Misfit::Dense,
        })
    };
    if short.len() >= maps::NAME_SLOTS as usize || long.len() >= maps::LONG_SLOTS as usize {
        return Err(Misfit::Dense);
    }
    let mut clashes = HashSet::new();
    for _ in 0..SEEDS {
        let seed = rng.u64(..);
        let both = arranged(&short, seed, maps::NAME_SLOTS)
            .and_then(|short| Ok((short, arranged(&long, seed, maps::LONG_SLOTS)?)));
        match both {
            Ok((short, long)) => return Ok(Side { seed, short, long }),
            Err(Misfit::Clash(one, other)) if !clashes.insert((one, other)) => {
                return Err(Misfit::Clash(one, other));
            }
            Err(_) => {}
        }
    }
    Err(Misfit::Dense)
}

/// The names that have the same hash as an earlier one whatever the seed is, each with the first
/// such name.
pub(super) fn clashes(names: &[&[u8]]) -> Vec<(usize, usize)> {
    let mut first = HashMap::with_capacity(names.len());
    let mut clashes = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let entry = Entry::marker(name, TableId(0), 0);
        // Three of any three seeds: by chance two names are never the same under all of them.
        let hash = |seed: u64| place(entry.hash(seed.wrapping_mul(GOLDEN)), maps::NAME_SLOTS).1;
        let key = (entry.is_short(), [1, 2, 3].map(hash));
        match first.entry(key) {
            MapEntry::Occupied(known) => clashes.push((*known.get(), at)),
            MapEntry::Vacant(place) => drop(place.insert(at)),
        }
    }
    clashes
}

impl Side {
    /// Writes the slots of side `side` (0 or 1), and empties all other slots of that side.
    pub(super) fn write(
        &self,
        entries: &[Entry<'_>],
        side: u32,
        names: &Region<ShortName>,
        long_names: &Region<LongName>,
    ) {
        let unused = ShortName { tail: UNUSED, ..ShortName::new_zeroed() };
        let mut slots = vec![unused; maps::NAME_SLOTS as usize];
        let short: Vec<_> = entries.iter().filter(|entry| entry.is_short()).collect();
        for (slot, at) in &self.short {
            if let (Some(to), Some(entry)) = (slots.get_mut(*slot as usize), short.get(*at)) {
                *to = entry.short(place(entry.hash(self.seed), maps::NAME_SLOTS).1);
            }
        }
        names.write(side * maps::NAME_SLOTS, &slots);
        let unused = LongName { tail: UNUSED, ..LongName::new_zeroed() };
        let mut slots = vec![unused; maps::LONG_SLOTS as usize];
        let long: Vec<_> = entries.iter().filter(|entry| !entry.is_short()).collect();
        for (slot, at) in &self.long {
            if let (Some(to), Some(entry)) = (slots.get_mut(*slot as usize), long.get(*at)) {
                *to = entry.long(place(entry.hash(self.seed), maps::LONG_SLOTS).1);
            }
        }
        long_names.write(side * maps::LONG_SLOTS, &slots);
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, labels, lengths, side, words};
    use edge_common::abi::TableId;

    #[test]
    fn words_end_where_the_name_ends() {
        let two: [u64; 2] = words(b"\x03abc\x02de\x01f\0");
        let octets: Vec<u8> = two.iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(octets, b"\0\0\0\0\0\0\x03abc\x02de\x01f\0"[..].get(..16).unwrap());
    }

    #[test]
    fn thirty_thousand_names_stand_within_their_probes() {
        let names: Vec<Vec<u8>> =
            (0..30_000).map(|n| format!("\x08{n:08}\x04pool\0").into_bytes()).collect();
        let entry = |name| Entry::marker(name, TableId::new(0, 0), 0);
        let entries: Vec<_> = names.iter().map(|name| entry(name)).collect();
        let side = side(&entries, &mut fastrand::Rng::with_seed(1)).unwrap();
        assert_eq!(side.short.len(), entries.len());
        assert_eq!(lengths(&entries), [1 << 15, 0, 0, 0]);
        assert_eq!((labels(&entries), labels(&[])), (2, 0));
    }
}
