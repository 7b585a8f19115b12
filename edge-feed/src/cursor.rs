//! The point of a feed of changes that the servers have reached.
//!
//! Identifiers of changes grow. They fall once the scorer's database has been restored or made
//! again: then changes of the time before, with higher identifiers, may still be in a file or a
//! stream. [`Discarded`] tells the two apart by their times.

use serde::{Deserialize, Serialize};

/// Where a feed of changes goes on. The pool has it; a source begins there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The last change that was taken.
    pub id: u64,
    /// The time of the newest change or document that was taken, in seconds since 1970.
    pub time: i64,
    /// The changes above `id` that don't count, if there are any.
    pub discarded: Option<Discarded>,
}

impl From<u64> for Cursor {
    /// After that change, in a history that has never gone back.
    fn from(id: u64) -> Self {
        Self { id, time: i64::MAX, discarded: None }
    }
}

/// Changes of a history that an operator has given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Discarded {
    /// The time of the newest of them, in seconds since 1970.
    pub until: i64,
    /// The first of them in that second.
    pub from: u64,
    /// The last of them.
    pub through: u64,
}

impl Discarded {
    /// Whether a change is of that history. A new one is newer. Within the last second the
    /// identifier decides.
    #[must_use]
    pub const fn contains(&self, id: u64, ts: i64) -> bool {
        id <= self.through && (ts < self.until || ts == self.until && id >= self.from)
    }

    /// Both histories.
    pub(crate) fn and(self, earlier: Option<Self>) -> Self {
        let Some(earlier) = earlier else { return self };
        let through = self.through.max(earlier.through);
        let newer = if earlier.until > self.until { earlier } else { self };
        Self { through, ..newer }
    }
}

/// How much newer a change below the cursor has to be before it counts as a sign that the feed has
/// gone back, in seconds: clocks differ, and scores overtake each other.
const NEWER: i64 = 60;

impl Cursor {
    /// Whether a change is above it.
    #[must_use]
    pub fn is_before(&self, id: u64, ts: i64) -> bool {
        id > self.id && !self.discarded.is_some_and(|discarded| discarded.contains(id, ts))
    }

    /// Whether a change that isn't above it shows that identifiers have fallen.
    #[must_use]
    pub const fn has_fallen(&self, id: u64, ts: i64) -> bool {
        id <= self.id && ts > self.time.saturating_add(NEWER)
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Discarded};

    #[test]
    fn a_discarded_change_is_one_of_the_old_time_or_of_its_last_second() {
        let discarded = Discarded { until: 100, from: 1008, through: 1010 };
        let cursor = Cursor { id: 900, time: 50, discarded: Some(discarded) };
        let cases = [
            ((899, 101), false),
            ((901, 99), false),
            ((1007, 99), false),
            ((1008, 100), false),
            ((1010, 100), false),
            ((901, 100), true),
            ((901, 101), true),
            ((1010, 101), true),
            ((1011, 100), true),
        ];
        for ((id, ts), is_new) in cases {
            assert_eq!(cursor.is_before(id, ts), is_new, "{id} at {ts}");
        }
        assert!(cursor.has_fallen(900, 111) && !cursor.has_fallen(900, 110));
        assert!(!cursor.has_fallen(901, 111));
        assert!(!Cursor::from(900).has_fallen(1, i64::MAX));
        let earlier = Discarded { until: 120, from: 5, through: 7 };
        let both = discarded.and(Some(earlier));
        assert_eq!(both, Discarded { until: 120, from: 5, through: 1010 });
        assert_eq!(discarded.and(None), discarded);
    }
}
