//! Events of a source.

use crate::Delta;
use crate::scorer::Row;

/// What a source has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A zone as geodns reads it, built by somebody else.
    Zone {
        /// The zone's name, without a final dot.
        apex: String,
        /// The JSON as it came, decompressed.
        text: Vec<u8>,
        /// The content of the detached signature (`.minisig`), if there is one.
        signature: Option<Vec<u8>>,
    },
    /// All servers.
    Snapshot {
        /// The JSON as it came, decompressed.
        octets: Vec<u8>,
        /// The content of the detached signature (`.minisig`), if there is one.
        signature: Option<Vec<u8>>,
    },
    /// Changes, in the feed's order, all of them above the cursor that the source began with.
    Deltas(Vec<Delta>),
    /// Monitors' results, in the feed's order, all of them above the cursor that the source began with.
    Results(Vec<Row>),
    /// The source is well and has nothing new.
    Unchanged,
}
