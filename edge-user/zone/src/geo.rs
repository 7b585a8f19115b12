//! GeoIP: the databases of MaxMind, and the client classes compiled from them.
//!
//! [`Databases`] finds the data of one address. [`compile`] partitions the whole address space into
//! the classes that a [`Distinctions`] distinguishes, in the layout of the BPF maps. Both read the
//! same decoded records, so that the kernel's class and the authority's lookup can't disagree.
//!
//! A file that is incomplete or corrupt is refused when it is opened, with a [`GeoError`] that
//! names it.

mod classes;
mod database;
#[cfg(any(test, feature = "testing"))]
#[expect(clippy::unwrap_used, reason = "only tests use it")]
pub mod fixture;
pub mod locator;
pub mod profile;
mod ranges;
mod record;
mod tree6;
mod trie4;

use std::path::PathBuf;

pub use classes::{Compiled, Distinctions, compile};
pub use database::{Database, DatabaseKind, Databases};
pub use locator::{ClientLocator, Coordinates, GeoLocator, Nowhere, full_prefix_len};
pub use profile::Profile;
pub use record::{GeoRecord, Needs, Region};
pub use tree6::Tree6Image;
pub use trie4::Trie4;

/// Why a database or a profile can't be used. What was in use before stays in use.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// The operating system can't read the file.
    #[error("read {}: {source}; make it readable or remove it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// Not a regular file, or larger than any database.
    #[error("{}: {reason}; put a MaxMind database there or remove it", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Truncated, corrupt, or not a MaxMind database.
    #[error(
        "{}: {reason}; the file is incomplete or corrupt: download it again or restore the last good one",
        path.display()
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, and at which octet if known.
        reason: String,
    },
    /// A sound database of something else.
    #[error(
        "{}: database type {found:?} has no {expected} data; put the right file under this name",
        path.display()
    )]
    WrongType {
        /// The file.
        path: PathBuf,
        /// The type that the file claims.
        found: String,
        /// The kind that the file's name promises.
        expected: DatabaseKind,
    },
    /// One profile's tables are larger than half of a map (the other half is for its successor).
    #[error(
        "compile client classes: more than {limit} {what} are needed, and no more fit; \
         name fewer regions, ASNs or addresses in the zone's labels"
    )]
    TooFine {
        /// What there are too many of.
        what: &'static str,
        /// How many there may be.
        limit: u32,
    },
}
