//! The free runs of entries in a table that many share.
//!
//! The first run that is long enough is taken. A run that is given back joins its free neighbours.

use std::collections::BTreeMap;

/// The free runs of a table.
#[derive(Clone, Debug)]
pub struct Extents {
    /// First entry and length of each run. No run touches another.
    free: BTreeMap<u32, u32>,
    entries: u32,
}

impl Extents {
    /// A table of `entries` entries, all free.
    #[must_use]
    pub fn new(entries: u32) -> Self {
        Self { free: BTreeMap::from([(0, entries)]), entries }
    }

    /// Takes a run of `n` entries; `None` if there is no such run. With `n` 0 it takes none, and
    /// returns 0.
    pub fn take(&mut self, n: u32) -> Option<u32> {
        if n == 0 {
            return Some(0);
        }
        let (first, length) = self.free.iter().find(|(_, length)| **length >= n)?;
        let (first, length) = (*first, *length);
        self.free.remove(&first);
        if length > n {
            self.free.insert(first + n, length - n);
        }
        Some(first)
    }

    /// Gives back `n` entries that were taken as a run.
    pub fn give(&mut self, first: u32, n: u32) {
        if n == 0 {
            return;
        }
        let (mut first, mut length) = (first, n);
        if let Some((before, len)) = self.free.range(..first).next_back().map(|(f, l)| (*f, *l))
            && before + len == first
        {
            self.free.remove(&before);
            first = before;
            length += len;
        }
        if let Some(len) = self.free.remove(&(first + length)) {
            length += len;
        }
        self.free.insert(first, length);
    }

    /// Entries that are taken.
    #[must_use]
    pub fn taken(&self) -> u32 {
        self.entries - self.left()
    }

    /// Entries that are free; not all of them are one run.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.free.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::Extents;

    #[test]
    fn runs_never_overlap_and_all_come_back() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut extents = Extents::new(1000);
        let mut owner = vec![None; 1000];
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for round in 0..20_000 {
            if rng.bool() {
                let n = rng.u32(1..60);
                if let Some(first) = extents.take(n) {
                    for entry in &mut owner[first as usize..(first + n) as usize] {
                        assert_eq!(entry.replace(round), None);
                    }
                    runs.push((first, n));
                }
            } else if !runs.is_empty() {
                let (first, n) = runs.swap_remove(rng.usize(..runs.len()));
                owner[first as usize..(first + n) as usize].fill(None);
                extents.give(first, n);
            }
            let taken: u32 = runs.iter().map(|(_, n)| n).sum();
            assert_eq!(extents.taken(), taken);
        }
        for (first, n) in runs {
            extents.give(first, n);
        }
        assert_eq!(extents.take(1000), Some(0));
        assert_eq!(extents.take(1), None);
    }
}
