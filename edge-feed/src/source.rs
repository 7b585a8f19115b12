//! Where the scorer's word comes from: files, HTTP servers, NATS. What they say comes in; events go out, octets as
//! they came.
//!
//! A source judges only how its octets arrive: their number, their pace, their encoding. Whether a document is signed,
//! complete and newer is for those who take the event. Nothing here blocks the runtime, and no source holds more
//! than its limits say.

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
