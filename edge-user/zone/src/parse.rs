//! The reader of zone files.
//!
//! It reads in one pass, directly into the model. Each part of the file has a reader that knows
//! what may stand there, so that an error has its line and column. While they read, the readers
//! keep the key path of the present place (`data."0.us".a[3]`) in [`Context`].
//!
//! Functions that read one text return an error of their own, of which serde keeps the message.
//! [`read`] adds file, line, column and key path and makes a [`ZoneError`] of it, the only error
//! that leaves this module.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt::{self, Write as _};
use std::path::Path;

use serde::de::Deserializer as _;
use serde_json::error::Category;

use super::check::{self, AliasFault};
use super::model::{Label, Labels, Zone};
use super::name::{Name, quote};
use super::targets::Targeting;
use super::{MAX_FILE_OCTETS, ZoneError};

mod error;
mod label;
mod line;
mod list;
mod scalar;
mod top;
mod wire;

/// How many warnings of a file are kept; the rest are counted.
const MAX_WARNINGS: usize = 100;
/// The most characters of one error message.
const MAX_CAUSE_CHARS: usize = 500;
/// The longest TTL, in seconds (RFC 2181 §8).
const MAX_TTL: u64 = 0x7fff_ffff;
/// Octets of the longest TXT text: with its length octets it just fits RDATA's 65535.
const MAX_TEXT_OCTETS: usize = 65_279;

/// Reads a zone called `apex`. The caller has made sure that `text` is an object, if it is JSON at
/// all.
pub(super) fn read(text: &str, apex: Name, mtime: u32, path: &Path) -> Result<Zone, ZoneError> {
    debug_assert!(text.len() as u64 <= MAX_FILE_OCTETS, "the caller's limit");
    let context = Context::new(apex);
    let mut json = serde_json::Deserializer::from_str(text);
    let top = json
        .deserialize_map(top::TopReader(&context))
        .and_then(|top| json.end().map(|()| top))
        .map_err(|fault| at(&fault, &context, path))?;
    let Context { apex, warnings, n_warnings, .. } = context;

    let max_hosts = top.max_hosts.unwrap_or(2);
    let closest = top.closest.unwrap_or(false);
    let has_data = top.labels.is_some();
    let mut labels = Vec::new();
    let mut has_apex = false;
    let mut has_closest = closest;
    let mut has_health = false;
    for read in top.labels.unwrap_or_default() {
        let mut label = read.label;
        label.max_hosts = read.max_hosts.unwrap_or(max_hosts);
        label.closest = read.closest.unwrap_or(closest);
        has_closest |= label.closest;
        has_health |= label.health.is_some();
        has_apex |= label.name.is_empty();
        labels.push(label);
    }
    let defaults = Label { max_hosts, closest, ..Label::default() };
    let contact = match top.contact {
        Some(contact) => contact,
        // Only an apex of more than 244 octets is too long for the label.
        None => Name::parse_under("hostmaster", &apex).unwrap_or_else(|_| apex.clone()),
    };
    let mut zone = Zone {
        apex,
        serial: top.serial.unwrap_or(mtime),
        ttl: top.ttl.unwrap_or(120),
        max_hosts,
        contact,
        targeting: top.targeting.unwrap_or_default(),
        has_closest,
        has_health,
        labels: Labels::new(labels, &defaults),
        warnings: warnings.into_inner(),
    };
    check::aliases(&mut zone).map_err(|AliasFault { label, message }| {
        let path = path.to_owned();
        match line::of_alias(text, &label) {
            Some((line, column)) => ZoneError::Text { path, line, column, message },
            None => ZoneError::Contradiction { path, message },
        }
    })?;
    check::oddities(&mut zone, has_data, has_apex);
    if let Some(more) = n_warnings.get().checked_sub(MAX_WARNINGS).filter(|&more| more > 0) {
        zone.warnings.push(format!("and {more} more warnings of this kind"));
    }
    Ok(zone)
}

/// One label of `data`, before the zone's defaults are known.
#[derive(Default)]
struct ReadLabel {
    label: Label,
    max_hosts: Option<usize>,
    closest: Option<bool>,
}

/// The file's top level.
#[derive(Default)]
struct Top {
    serial: Option<u32>,
    ttl: Option<u32>,
    max_hosts: Option<usize>,
    contact: Option<Name>,
    closest: Option<bool>,
    targeting: Option<Targeting>,
    labels: Option<Vec<ReadLabel>>,
}

/// What the readers share: the zone's name, the place being read, and the warnings.
struct Context {
    apex: Name,
    /// Key at the top level; empty between keys.
    top: Cell<&'static str>,
    /// Label within `data`.
    label: RefCell<Option<String>>,
    /// Key within the label.
    key: Cell<&'static str>,
    /// Place within the key's list.
    index: Cell<Option<usize>>,
    /// Field within the object in the list.
    field: Cell<&'static str>,
    warnings: RefCell<Vec<String>>,
    n_warnings: Cell<usize>,
    /// Names of the labels so far.
    seen: RefCell<HashSet<Box<str>>>,
}

impl Context {
    fn new(apex: Name) -> Self {
        Self {
            apex,
            top: Cell::new(""),
            label: RefCell::default(),
            key: Cell::new(""),
            index: Cell::new(None),
            field: Cell::new(""),
            warnings: RefCell::default(),
            n_warnings: Cell::new(0),
            seen: RefCell::default(),
        }
    }

    /// Notes that the key `unknown` is ignored at the present place.
    fn warn_unknown(&self, unknown: &str) {
        self.warn(&format!("unknown key {} is ignored", quote(unknown)));
    }

    fn warn(&self, message: &str) {
        self.n_warnings.set(self.n_warnings.get() + 1);
        if self.n_warnings.get() <= MAX_WARNINGS {
            self.warnings.borrow_mut().push(format!("{self}{message}"));
        }
    }
}

/// The present place with `: ` behind it; empty at the top level.
impl fmt::Display for Context {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.top.get().is_empty() {
            return Ok(());
        }
        out.write_str(self.top.get())?;
        if let Some(label) = &*self.label.borrow() {
            write!(out, ".{}", quote(label))?;
        }
        if !self.key.get().is_empty() {
            write!(out, ".{}", self.key.get())?;
        }
        if let Some(index) = self.index.get() {
            write!(out, "[{index}]")?;
        }
        if !self.field.get().is_empty() {
            write!(out, ".{}", self.field.get())?;
        }
        out.write_str(": ")
    }
}

/// A fault of the reader with its place: the position is `serde_json`'s, the key path ours.
fn at(fault: &serde_json::Error, context: &Context, path: &Path) -> ZoneError {
    let (line, column) = (fault.line(), fault.column());
    let text = fault.to_string();
    let suffix = format!(" at line {line} column {column}");
    let cause = text.strip_suffix(&suffix).unwrap_or(&text);
    // It may quote a value of the file, which may be as long as the file.
    let end = cause.char_indices().nth(MAX_CAUSE_CHARS).map_or(cause.len(), |(at, _)| at);
    let cause = cause.get(..end).unwrap_or_default();
    let mut message = String::new();
    // Writing to a String can't fail.
    match fault.classify() {
        Category::Data => write!(message, "{context}{cause}"),
        Category::Eof => {
            write!(
                message,
                "{context}broken JSON: the file ends too early ({cause}); write it again, whole"
            )
        }
        Category::Io | Category::Syntax => {
            write!(message, "{context}broken JSON: {cause}; correct it, or write the file again")
        }
    }
    .unwrap_or_default();
    // At the very start of a line the column is 0; an editor counts from 1.
    ZoneError::Text { path: path.to_owned(), line: line.max(1), column: column.max(1), message }
}
