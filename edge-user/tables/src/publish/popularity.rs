//! The popularity of names, by which the publisher chooses when not all fit.

use foldhash::HashMap;

/// How often names were asked for lately, in queries. Older queries count less.
#[derive(Clone, Debug, Default)]
pub struct Popularity {
    queries: HashMap<Vec<u8>, u64>,
    clear: u64,
}

impl Popularity {
    /// The popularity of names (on the wire, lower case) by numbers of queries. A difference of
    /// `clear` queries is no chance.
    #[must_use]
    pub fn new(queries: impl IntoIterator<Item = (Vec<u8>, u64)>, clear: u64) -> Self {
        Self { queries: queries.into_iter().collect(), clear }
    }

    /// Queries for a name (on the wire, lower case); 0 if there were too few to be seen.
    #[must_use]
    pub fn of(&self, name: &[u8]) -> u64 {
        self.queries.get(name).copied().unwrap_or_default()
    }

    /// Names that were asked for.
    #[must_use]
    pub fn names(&self) -> usize {
        self.queries.len()
    }

    /// The least difference that isn't chance, in queries.
    #[must_use]
    pub const fn clear(&self) -> u64 {
        self.clear
    }

    /// Whether no name was asked for.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.queries.is_empty()
    }
}
