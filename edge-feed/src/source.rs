//! Sources of the feed: files, HTTP servers and NATS.
//!
//! A source gives events; documents in them are unmodified octets, decompressed. A source checks
//! only how octets arrive: their number, their pace, their encoding. The receiver of the event
//! checks whether a document is signed, complete and newer.
//!
//! Nothing here blocks the runtime, and no source holds more memory than its limits allow.

pub mod document;
mod driver;
mod error;
mod event;
mod gzip;
pub mod http;
mod limits;
mod lines;
mod link;
pub mod nats;
mod pace;
mod status;
pub mod stream;
pub mod tail;
mod tls;
mod token;

pub use document::{DocumentKind, FileDocument, HttpDocument};
pub use driver::{Next, Source, drive};
pub use error::SourceError;
pub use event::Event;
pub use limits::SourceLimits;
pub use status::{SourceStatus, StatusHandle};
pub use stream::HttpStream;
pub use tail::Tail;
