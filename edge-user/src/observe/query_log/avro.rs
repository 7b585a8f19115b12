//! Avro object container files with geodns's schema, compressed by Snappy.
//!
//! A file is called `log.<UTC time>.<n>.avro.tmp` until it is closed, then the same without `.tmp`.
//! A block has 10,000 records, the last one fewer. If answers are sampled, the schema has one more
//! field, `Weight`. Readers with geodns's schema pass over it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::Record;
use super::files::{Limits, Sink, at, options, prune};
use super::utc;

/// Records in a block.
pub(super) const BLOCK_RECORDS: u64 = 10_000;
/// Octets of the marker at the end of a block.
pub(super) const SYNC_OCTETS: usize = 16;
/// The octets at the beginning of a file.
pub(super) const MAGIC: &[u8; 4] = b"Obj\x01";
/// The end of the names of files that are being written.
pub(super) const UNFINISHED: &str = ".avro.tmp";

/// The schema, as its text.
pub(super) fn schema(has_weight: bool) -> String {
    let strings = r#"{"type":"array","items":"string","default":[]}"#;
    let fields = [
        ("Time", r#""long","logicalType":"timestamp-micros""#),
        ("Hostname", r#""string""#),
        ("Origin", r#""string""#),
        ("Name", r#""string","default":"""#),
        ("Qtype", r#""int""#),
        ("Rcode", r#""int""#),
        ("AnswerCount", r#""int""#),
        ("Targets", strings),
        ("AnswerData", strings),
        ("LabelName", r#""string""#),
        ("RemoteAddr", r#""string""#),
        ("ClientAddr", r#""string""#),
        ("HasECS", r#""boolean""#),
        ("IsTCP", r#""boolean""#),
        ("Version", r#""string""#),
        ("Weight", r#""long","default":1"#),
    ];
    let n = if has_weight { fields.len() } else { fields.len() - 1 };
    let fields =
        fields.iter().take(n).map(|(name, of)| format!(r#"{{"name":"{name}","type":{of}}}"#));
    let fields = fields.collect::<Vec<_>>().join(",");
    format!(
        r#"{{"type":"record","name":"GeodnsQuery","namespace":"develooper","fields":[{fields}]}}"#
    )
}

/// A number, in zig-zag and then seven bits an octet.
fn put_long(n: i64, out: &mut Vec<u8>) {
    let mut rest = (n << 1 ^ n >> 63).cast_unsigned();
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn put_octets(octets: &[u8], out: &mut Vec<u8>) {
    put_long(i64::try_from(octets.len()).unwrap_or_default(), out);
    out.extend_from_slice(octets);
}

fn put_strings(strings: &[String], out: &mut Vec<u8>) {
    if !strings.is_empty() {
        put_long(i64::try_from(strings.len()).unwrap_or_default(), out);
        for string in strings {
            put_octets(string.as_bytes(), out);
        }
    }
    put_long(0, out);
}

/// Files of records in a directory.
pub(super) struct Container {
    directory: PathBuf,
    limits: Limits,
    has_weight: bool,
    block: Vec<u8>,
    pending: u64,
    text: String,
    file: Option<Open>,
    files: u64,
}

struct Open {
    file: File,
    path: PathBuf,
    sync: [u8; SYNC_OCTETS],
    octets: u64,
    blocks: u64,
    opened_ns: u64,
}

impl Container {
    pub(super) const fn new(directory: PathBuf, limits: Limits, has_weight: bool) -> Self {
        Self {
            directory,
            limits,
            has_weight,
            block: Vec::new(),
            pending: 0,
            text: String::new(),
            file: None,
            files: 0,
        }
    }

    /// Begins a file.
    fn open(&mut self, now_ns: u64) -> io::Result<()> {
        let moment = utc::compact(now_ns);
        let (file, path) = loop {
            self.files += 1;
            let name = format!("log.{moment}.{}{UNFINISHED}", self.files);
            let path = self.directory.join(name);
            if finished(&path).try_exists()? {
                continue;
            }
            match options().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                file => break (at(&path, file)?, path),
            }
        };
        // The lock shows that the file isn't a leftover.
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let sync = fastrand::u128(..).to_le_bytes();
        let mut header = MAGIC.to_vec();
        put_long(2, &mut header);
        for (key, value) in [("avro.schema", &*schema(self.has_weight)), ("avro.codec", "snappy")] {
            put_octets(key.as_bytes(), &mut header);
            put_octets(value.as_bytes(), &mut header);
        }
        put_long(0, &mut header);
        header.extend(sync);
        let open =
            self.file.insert(Open { file, path, sync, octets: 0, blocks: 0, opened_ns: now_ns });
        open.append(&header)
    }

    /// Writes what is pending as a block.
    fn write_block(&mut self) -> io::Result<()> {
        let Some(open) = self.file.as_mut().filter(|_| self.pending > 0) else { return Ok(()) };
        let compressed = snap::raw::Encoder::new().compress_vec(&self.block);
        let mut compressed = compressed.map_err(io::Error::other)?;
        compressed.extend(crc32fast::hash(&self.block).to_be_bytes());
        let mut block = Vec::with_capacity(compressed.len() + 32);
        put_long(i64::try_from(self.pending).unwrap_or_default(), &mut block);
        put_octets(&compressed, &mut block);
        block.extend(open.sync);
        open.append(&block)?;
        open.blocks += 1;
        self.block.clear();
        self.pending = 0;
        Ok(())
    }
}

impl Open {
    /// Writes all, or leaves the file as it was.
    fn append(&mut self, octets: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(octets);
        if written.is_err() {
            self.file.set_len(self.octets).unwrap_or_default();
        } else {
            self.octets += u64::try_from(octets.len()).unwrap_or_default();
        }
        at(&self.path, written)
    }

    /// Gives the file its name; one without records is removed.
    fn finish(self) -> io::Result<()> {
        if self.blocks == 0 {
            return at(&self.path, fs::remove_file(&self.path));
        }
        at(&self.path, self.file.sync_data())?;
        at(&self.path, fs::rename(&self.path, finished(&self.path)))
    }
}

/// The name of a file that is closed.
pub(super) fn finished(path: &Path) -> PathBuf {
    path.with_extension("")
}

/// Whether a name is one of ours.
pub(super) fn is_ours(name: &str, suffix: &str) -> bool {
    let between = name.strip_prefix("log.").and_then(|name| name.strip_suffix(suffix));
    between.is_some_and(|name| name.bytes().all(|b| b.is_ascii_digit() || b"-.".contains(&b)))
}

impl Sink for Container {
    fn add(&mut self, record: &Record<'_>) {
        let Self { block, text, .. } = self;
        let account = record.account;
        put_long(i64::try_from(record.time_ns).unwrap_or(i64::MAX), block);
        for string in [record.hostname, &account.origin, &account.name] {
            put_octets(string.as_bytes(), block);
        }
        for number in [account.qtype, account.rcode, account.answers] {
            put_long(number.into(), block);
        }
        put_strings(&account.targets, block);
        put_strings(&account.data, block);
        put_octets(account.label.as_bytes(), block);
        let (ip, prefix) = account.client;
        for args in [format_args!("{}", account.remote), format_args!("{ip}/{prefix}")] {
            text.clear();
            // Writing to a String can't fail.
            text.write_fmt(args).unwrap_or_default();
            put_octets(text.as_bytes(), block);
        }
        block.extend([account.has_subnet, record.is_tcp].map(u8::from));
        put_octets(env!("CARGO_PKG_VERSION").as_bytes(), block);
        if self.has_weight {
            put_long(record.weight.max(1).into(), &mut self.block);
        }
        self.pending += 1;
    }

    fn pending(&self) -> u64 {
        self.pending
    }

    fn is_full(&self) -> bool {
        self.pending >= BLOCK_RECORDS
    }

    fn flush(&mut self, now_ns: u64) -> io::Result<()> {
        if self.pending > 0 && self.file.is_none() {
            self.open(now_ns)?;
        }
        if self.is_full() {
            self.write_block()?;
        }
        let Limits { octets, age_ns, .. } = self.limits;
        let Some(open) = &self.file else { return Ok(()) };
        let is_old = age_ns > 0 && now_ns.saturating_sub(open.opened_ns) >= age_ns;
        if is_old || open.octets >= octets { self.close(now_ns) } else { Ok(()) }
    }

    fn close(&mut self, now_ns: u64) -> io::Result<()> {
        if self.pending > 0 && self.file.is_none() {
            self.open(now_ns)?;
        }
        self.write_block()?;
        if let Some(open) = self.file.take() {
            open.finish()?;
            prune(&self.directory, self.limits.keep, |name| is_ours(name, ".avro"))?;
        }
        Ok(())
    }

    fn abandon(&mut self) {
        self.block.clear();
        self.pending = 0;
        if let Some(open) = self.file.take() {
            // It stays unfinished if the directory won't have it; the next start finishes it.
            open.finish().unwrap_or_default();
        }
    }
}
