//! Names that publishers and readers of documents in NATS share.

use crate::source::document::DocumentKind;

/// The header that marks a value as deleted, as NATS has it.
pub(super) const KV_OPERATION: &str = "KV-Operation";
/// The header with the lines of a document's signature.
pub(super) const SIGNATURE: &str = "Edge-Minisig";

/// The key of a document of that kind.
pub(super) const fn key_of(kind: &DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Zone { .. } => "zone",
        DocumentKind::Snapshot => "snapshot",
    }
}
