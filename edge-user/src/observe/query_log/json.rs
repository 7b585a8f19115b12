//! Files of JSON lines, with geodns's keys in geodns's order.
//!
//! A record is one object on one line. A file that is too large or too old is renamed to
//! `<name>-<UTC time>.<extension>`, and a new one is begun. A new file is also begun if somebody
//! else renamed or removed the old one.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Record;
use super::files::{Limits, Sink, at, options, prune};
use super::utc;
use edge_common::time::SECOND;

/// Octets in memory that are written at once.
const FULL_OCTETS: usize = 1 << 16;
/// How often it is looked whether the file is still where it was.
const LOOK_NS: u64 = SECOND;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Line<'a> {
    time: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    hostname: &'a str,
    origin: &'a str,
    name: &'a str,
    qtype: u16,
    rcode: u16,
    answers: u16,
    targets: &'a [String],
    answer_data: Option<&'a [String]>,
    label_name: &'a str,
    remote_addr: IpAddr,
    client_addr: String,
    #[serde(rename = "HasECS")]
    has_ecs: bool,
    #[serde(rename = "IsTCP")]
    is_tcp: bool,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<u32>,
}

/// Appends a record's line.
pub(super) fn write_line(record: &Record<'_>, out: &mut Vec<u8>) {
    let account = record.account;
    let (ip, prefix) = account.client;
    let line = Line {
        time: record.time_ns,
        hostname: record.hostname,
        origin: &account.origin,
        name: &account.name,
        qtype: account.qtype,
        rcode: account.rcode,
        answers: account.answers,
        targets: &account.targets,
        answer_data: (!account.data.is_empty()).then_some(&account.data),
        label_name: &account.label,
        remote_addr: account.remote,
        client_addr: format!("{ip}/{prefix}"),
        has_ecs: account.has_subnet,
        is_tcp: record.is_tcp,
        version: env!("CARGO_PKG_VERSION"),
        weight: (record.weight > 0).then_some(record.weight),
    };
    // Strings and numbers are always JSON, and memory always takes them.
    serde_json::to_writer(&mut *out, &line).unwrap_or_default();
    out.push(b'\n');
}

/// A file of lines.
pub(super) struct Lines {
    path: PathBuf,
    limits: Limits,
    buffer: Vec<u8>,
    pending: u64,
    file: Option<Open>,
}

struct Open {
    file: File,
    octets: u64,
    opened_ns: u64,
    looked_ns: u64,
}

impl Open {
    /// Opens a file to append to it. A line that a crash left unfinished is finished.
    fn new(path: &Path, now_ns: u64) -> io::Result<Self> {
        let mut file = at(path, options().read(true).append(true).create(true).open(path))?;
        let mut octets = file.metadata()?.len();
        if octets > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                at(path, file.write_all(b"\n"))?;
                octets += 1;
            }
        }
        Ok(Self { file, octets, opened_ns: now_ns, looked_ns: now_ns })
    }

    /// Whether the file is still the one at `path`.
    fn is_at(&self, path: &Path) -> io::Result<bool> {
        let own = self.file.metadata()?;
        Ok(fs::metadata(path).is_ok_and(|it| (it.dev(), it.ino()) == (own.dev(), own.ino())))
    }
}

impl Lines {
    pub(super) const fn new(path: PathBuf, limits: Limits) -> Self {
        Self { path, limits, buffer: Vec::new(), pending: 0, file: None }
    }

    /// The file to write to.
    fn open(&mut self, now_ns: u64) -> io::Result<&mut Open> {
        let file = match self.file.take() {
            Some(file) => file,
            None => Open::new(&self.path, now_ns)?,
        };
        Ok(self.file.insert(file))
    }

    /// Gives the file up if it isn't at its path any more.
    fn look(&mut self, now_ns: u64) -> io::Result<()> {
        if let Some(open) = &mut self.file
            && now_ns.saturating_sub(open.looked_ns) >= LOOK_NS
        {
            open.looked_ns = now_ns;
            if !open.is_at(&self.path)? {
                self.file = None;
            }
        }
        Ok(())
    }

    /// Renames the file if it is due.
    fn rotate(&mut self, now_ns: u64) -> io::Result<()> {
        let Limits { octets, age_ns, keep } = self.limits;
        let Some(open) = &self.file else { return Ok(()) };
        let is_old = age_ns > 0 && now_ns.saturating_sub(open.opened_ns) >= age_ns;
        let coming = u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        let is_large = open.octets.saturating_add(coming) > octets;
        if open.octets == 0 || !(is_old || is_large) {
            return Ok(());
        }
        self.file = None;
        let directory = self.path.parent().unwrap_or_else(|| Path::new("."));
        let name = Names::of(&self.path);
        let mut moment_ns = now_ns;
        let old = loop {
            let old = directory.join(name.at(moment_ns));
            if !old.try_exists()? {
                break old;
            }
            moment_ns += 1_000_000;
        };
        at(&self.path, fs::rename(&self.path, old))?;
        prune(directory, keep, |file| name.is_old(file))
    }

    fn write(&mut self, now_ns: u64) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let buffer = std::mem::take(&mut self.buffer);
        let path = self.path.clone();
        let open = self.open(now_ns)?;
        let written = open.file.write_all(&buffer);
        if written.is_err() {
            // Half a line is worse than none.
            open.file.set_len(open.octets).unwrap_or_default();
        } else {
            open.octets += u64::try_from(buffer.len()).unwrap_or_default();
        }
        self.buffer = buffer;
        at(&path, written)?;
        self.buffer.clear();
        self.pending = 0;
        Ok(())
    }
}

impl Sink for Lines {
    fn add(&mut self, record: &Record<'_>) {
        write_line(record, &mut self.buffer);
        self.pending += 1;
    }

    fn pending(&self) -> u64 {
        self.pending
    }

    fn is_full(&self) -> bool {
        self.buffer.len() >= FULL_OCTETS
    }

    fn flush(&mut self, now_ns: u64) -> io::Result<()> {
        self.look(now_ns)?;
        if !self.buffer.is_empty() {
            // What is in the file already counts for its size, whoever wrote it.
            self.open(now_ns)?;
        }
        self.rotate(now_ns)?;
        self.write(now_ns)
    }

    fn close(&mut self, now_ns: u64) -> io::Result<()> {
        self.write(now_ns)?;
        self.file = None;
        Ok(())
    }

    fn abandon(&mut self) {
        self.buffer.clear();
        self.pending = 0;
        self.file = None;
    }
}

/// The names of a log's files.
struct Names {
    stem: String,
    /// With its dot.
    extension: String,
}

impl Names {
    fn of(path: &Path) -> Self {
        let text = |part: Option<&OsStr>| {
            part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default()
        };
        let extension = path.extension().map(|it| format!(".{}", it.to_string_lossy()));
        Self { stem: text(path.file_stem()), extension: extension.unwrap_or_default() }
    }

    /// Of a file that was closed at a moment.
    fn at(&self, moment_ns: u64) -> String {
        format!("{}-{}{}", self.stem, utc::dashed(moment_ns), self.extension)
    }

    /// Whether a name is one of a closed file.
    fn is_old(&self, name: &str) -> bool {
        let between = name
            .strip_prefix(&*self.stem)
            .and_then(|name| name.strip_prefix('-'))
            .and_then(|name| name.strip_suffix(&*self.extension));
        between.is_some_and(|between| {
            between.len() == "2026-11-22T14-04-43.123".len()
                && between.bytes().all(|b| b.is_ascii_digit() || b"-T.".contains(&b))
        })
    }
}
