//! Events of a source.

use crate::Delta;
use crate::scorer::Row;

/// An event of a source.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A zone in the JSON of geodns, built elsewhere.
    Zone {
        /// The zone's name, without a final dot.
        apex: String,
        /// The JSON, decompressed and otherwise unmodified.
        text: Vec<u8>,
        /// The content of the detached signature (`.minisig`), if there is one.
        signature: Option<Vec<u8>>,
    },
    /// All servers.
    Snapshot {
        /// The JSON, decompressed and otherwise unmodified.
        octets: Vec<u8>,
        /// The content of the detached signature (`.minisig`), if there is one.
        signature: Option<Vec<u8>>,
    },
    /// Changes, in the feed's order, all of them above the cursor that the source began with.
    Deltas(Vec<Delta>),
    /// Monitors' results, in the feed's order, all of them above the cursor that the source began
    /// with.
    Results(Vec<Row>),
    /// The source works and has nothing new.
    Unchanged,
}
