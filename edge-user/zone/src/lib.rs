//! Zones in geodns's format, GeoIP databases, and their record data.
//!
//! This crate may use [`edge_common`] and [`edge_leaves`] and no other crate of the workspace. It
//! keeps no state of its own; its functions may be called from any thread. [`load`], [`read`],
//! [`target_health`] and [`geo::Databases::open`] block on the file system. Nothing else here does
//! I/O, and nothing here selects records by weight.
//!
//! The zone:
//!
//! - [`model`]: a zone, its labels, its SOA record
//! - [`record`]: record types, records and their weights
//! - [`name`]: domain names, as text and in wire format
//! - `parse`: reads the JSON of a zone file
//! - `presentation`: reads record data in presentation format (RFC 1035 §5.1)
//! - `check`: refuses alias loops and warns of oddities
//!
//! The client:
//!
//! - [`targets`]: targeting words, the place of a client, its targets
//! - [`countries`]: the continent of a country, the group of a region
//! - [`geo`]: GeoIP databases, client classes, their tries
//!
//! The answer:
//!
//! - [`resolve`]: the search for the label whose records are the answer
//! - [`variants`]: the names whose answers may differ from client to client
//! - [`target_health`]: the status files of servers
//! - [`judge`]: the zone without the records that aren't healthy
//! - [`special`]: labels that the authority answers itself
//! - [`rdata`]: record data in wire format
//!
//! The message:
//!
//! - [`wire`]: reads messages, and the names in them
//!
//! # Zone files
//!
//! A file is refused with one [`ZoneError`] for broken JSON, wrong types, bad addresses and names,
//! unknown targeting words, labels given twice and alias loops. What is suspicious but harmless is
//! accepted, and reported in [`Zone::warnings`].
//!
//! geodns loads a zone without a `data` key, or without an apex label `""`. Such a zone has only a
//! SOA record at the apex. So has ours, with a warning. A file without any possible apex is the
//! error [`ZoneError::NoApex`]: an empty file, a file that isn't a JSON object, and a file whose
//! name isn't a domain name (`.json`).
#![forbid(unsafe_code)]
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

mod check;
pub mod countries;
pub mod geo;
pub mod judge;
pub mod model;
pub mod name;
mod parse;
mod presentation;
pub mod rdata;
pub mod record;
pub mod resolve;
pub mod special;
pub mod target_health;
pub mod targets;
#[cfg(test)]
mod tests;
pub mod variants;
pub mod wire;

pub use model::{Label, Labels, Soa, Zone};
pub use name::Name;
pub use record::{Mx, Record, RecordKind, Records, Srv, WireRecord};
pub use resolve::{
    AnyPolicy, Found, Rules, ZoneCut, find, find_where, split, split_into, split_text,
};
pub use targets::{ClientPlace, Targeting, TargetingError, Targets};

/// The largest zone file that is read, in octets. A pool zone has about 10 MB.
pub const MAX_FILE_OCTETS: u64 = 256 * 1024 * 1024;

/// Why a zone file was refused. The message names the file, the place, the cause and the way out.
#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    /// The file can't be opened or read, or isn't a regular file.
    #[error("{}: cannot read the zone file: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file has more than [`MAX_FILE_OCTETS`].
    #[error(
        "{}: {octets} octets are more than the {MAX_FILE_OCTETS} a zone file may have; split the zone",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size as far as it was seen, in octets.
        octets: u64,
    },
    /// Nothing that could hold an apex: see the module's documentation.
    #[error("{}: no apex: {cause}", path.display())]
    NoApex {
        /// The file.
        path: PathBuf,
        /// What is missing, and the way out.
        cause: String,
    },
    /// The text is wrong at a line and column.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in octets, from 1: the end of what was read when the fault was seen.
        column: usize,
        /// Key path, cause and way out.
        message: String,
    },
    /// The text is well formed but the zone as a whole contradicts itself.
    #[error("{}: {message}", path.display())]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// Key path, cause and way out.
        message: String,
    },
}

/// Reads the zone file at `path`; the zone's name is the file's name without `.json` (in any letter
/// case).
///
/// # Errors
/// Any [`ZoneError`]; nothing of a refused zone is kept.
pub fn load(path: &Path) -> Result<Zone, ZoneError> {
    let (text, mtime) = read(path)?;
    parse(zone_name(path), &text, mtime, path)
}

/// The text of the zone file at `path`, and when it was last changed.
///
/// # Errors
/// [`ZoneError::Read`] and [`ZoneError::TooLarge`].
pub fn read(path: &Path) -> Result<(Vec<u8>, SystemTime), ZoneError> {
    let unreadable = |source| ZoneError::Read { path: path.to_owned(), source };
    // Asked before opening: opening a FIFO would wait for a writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("not a regular file")));
    }
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let too_large = |octets| ZoneError::TooLarge { path: path.to_owned(), octets };
    if metadata.len() > MAX_FILE_OCTETS {
        return Err(too_large(metadata.len()));
    }
    let mut text = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    // A file may grow while it is read; the limit holds all the same.
    let n_octets = file.take(MAX_FILE_OCTETS + 1).read_to_end(&mut text).map_err(unreadable)?;
    if n_octets as u64 > MAX_FILE_OCTETS {
        return Err(too_large(n_octets as u64));
    }
    Ok((text, metadata.modified().map_err(unreadable)?))
}

/// Reads a zone called `name` from `text`; `mtime` gives the serial if the text has none, `path` is
/// for messages.
///
/// # Errors
/// Any [`ZoneError`] but `Read` and `TooLarge`.
pub fn parse(name: &str, text: &[u8], mtime: SystemTime, path: &Path) -> Result<Zone, ZoneError> {
    let no_apex = |cause| ZoneError::NoApex { path: path.to_owned(), cause };
    let apex = Name::parse(name).map_err(|cause| {
        let name = name::quote(name);
        let way_out = "name the file after its zone, such as pool.example.com.json";
        no_apex(format!("{name} is not a domain name: {cause}; {way_out}"))
    })?;
    let text = std::str::from_utf8(text).map_err(|fault| not_utf8(text, &fault, path))?;
    let found = match text.trim_ascii_start().bytes().next() {
        Some(b'{') => None,
        None => Some("is empty"),
        Some(b'[') => Some("holds a list, not an object"),
        Some(b'"') => Some("holds a string, not an object"),
        Some(b'0'..=b'9' | b'-') => Some("holds a number, not an object"),
        // Words and garbage: the JSON reader says what is wrong with them.
        Some(_) if text.trim_ascii() == "null" => Some("holds null, not an object"),
        Some(_) => None,
    };
    if let Some(found) = found {
        let way_out = r#"write at least {"data": {"": {"ns": ["ns1.example.net."]}}}"#;
        return Err(no_apex(format!("the file {found}; {way_out}")));
    }
    parse::read(text, apex, serial_of(mtime), path)
}

/// The zone's name in a path: the file's name without `.json`; empty if there is none.
#[must_use]
pub fn zone_name(path: &Path) -> &str {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name.len().checked_sub(5).and_then(|at| name.split_at_checked(at)) {
        Some((stem, suffix)) if suffix.eq_ignore_ascii_case(".json") => stem,
        _ => name,
    }
}

/// Seconds since 1970, modulo 2^32 as serials are (RFC 1982); 0 before 1970.
fn serial_of(mtime: SystemTime) -> u32 {
    let seconds = mtime.duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
    u32::try_from(seconds & u64::from(u32::MAX)).unwrap_or(0)
}

fn not_utf8(text: &[u8], fault: &std::str::Utf8Error, path: &Path) -> ZoneError {
    let (good, rest) = text.split_at_checked(fault.valid_up_to()).unwrap_or((text, &[]));
    let line_start = good.iter().rposition(|&octet| octet == b'\n').map_or(0, |at| at + 1);
    let octet = rest.first().copied().unwrap_or_default();
    ZoneError::Text {
        path: path.to_owned(),
        line: good.iter().filter(|&&octet| octet == b'\n').count() + 1,
        column: good.len() - line_start + 1,
        message: format!("octet {octet:#04x} is not UTF-8; save the file as UTF-8"),
    }
}
