//! The files of both formats: limits, names, and which old ones are removed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Record;

/// Only the operator and their group may read the addresses of clients.
const MODE: u32 = 0o640;

/// When files are closed and removed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Octets after which a file is closed.
    pub(super) octets: u64,
    /// Nanoseconds after which a file that isn't empty is closed; 0 for never.
    pub(super) age_ns: u64,
    /// Closed files that are kept; 0 for all.
    pub(super) keep: u32,
}

/// A writer for records.
pub(super) trait Sink: Send {
    /// Takes a record, in memory.
    fn add(&mut self, record: &Record<'_>);

    /// Records that are taken and not written.
    fn pending(&self) -> u64;

    /// Whether there is so much in memory that it should be written.
    fn is_full(&self) -> bool;

    /// Writes what is due at `now_ns` (nanoseconds since 1970), and closes files that are due.
    fn flush(&mut self, now_ns: u64) -> io::Result<()>;

    /// Writes everything and closes the file; the next record opens another.
    fn close(&mut self, now_ns: u64) -> io::Result<()>;

    /// Drops the pending records, and closes the file. The file stays as it was before the write
    /// that failed.
    fn abandon(&mut self);
}

/// How files are opened to be written.
pub(super) fn options() -> OpenOptions {
    let mut options = File::options();
    options.mode(MODE);
    options
}

/// Adds the path of the file to an error.
pub(super) fn at<T>(path: &Path, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|cause| io::Error::new(cause.kind(), format!("{}: {cause}", path.display())))
}

/// Removes the oldest of the files in `directory` whose names are `ours`, until `keep` are left; 0
/// keeps all.
pub(super) fn prune(directory: &Path, keep: u32, ours: impl Fn(&str) -> bool) -> io::Result<()> {
    if keep == 0 {
        return Ok(());
    }
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in at(directory, fs::read_dir(directory))? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&ours) {
            // One that has just gone needn't be removed.
            let Ok(metadata) = entry.metadata() else { continue };
            found.push((metadata.modified()?, entry.path()));
        }
    }
    found.sort_unstable();
    let surplus = found.len().saturating_sub(keep.try_into().unwrap_or(usize::MAX));
    for (_, path) in found.iter().take(surplus) {
        at(path, fs::remove_file(path))?;
    }
    Ok(())
}
