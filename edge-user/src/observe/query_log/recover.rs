//! The recovery of Avro files that a crash left unfinished.
//!
//! Each is cut behind its last whole block, and renamed to the name of a finished file. One without
//! a whole block is removed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::avro::{MAGIC, SYNC_OCTETS, UNFINISHED, finished, is_ours};
use super::files::at;

/// Finishes what is unfinished in `directory`; files without a whole block are removed. Files that
/// another process is writing are left alone.
///
/// # Errors
/// The first file that couldn't be finished.
pub(super) fn recover(directory: &Path) -> io::Result<()> {
    for entry in at(directory, fs::read_dir(directory))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| is_ours(name, UNFINISHED)) {
            at(&path, finish(&path))?;
        }
    }
    Ok(())
}

fn finish(path: &Path) -> io::Result<()> {
    let mut file = File::options().read(true).write(true).open(path)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(());
    }
    let mut octets = Vec::new();
    file.read_to_end(&mut octets)?;
    let Some(end) = whole_octets(&octets) else { return fs::remove_file(path) };
    file.set_len(u64::try_from(end).unwrap_or_default())?;
    file.sync_data()?;
    fs::rename(path, finished(path))
}

/// Octets up to the end of the last whole block; `None` if there is none.
fn whole_octets(octets: &[u8]) -> Option<usize> {
    let mut rest = octets.strip_prefix(MAGIC)?;
    loop {
        let entries = take_long(&mut rest)?;
        if entries == 0 {
            break;
        }
        for _ in 0..entries.checked_mul(2)? {
            let length = take_long(&mut rest)?;
            take(&mut rest, length)?;
        }
    }
    let sync = rest.get(..SYNC_OCTETS)?;
    rest = rest.get(SYNC_OCTETS..)?;
    let mut whole = None;
    while take_block(&mut rest, sync).is_some() {
        whole = Some(octets.len() - rest.len());
    }
    whole
}

fn take_block(rest: &mut &[u8], sync: &[u8]) -> Option<()> {
    take_long(rest)?;
    let length = take_long(rest)?;
    take(rest, length)?;
    *rest = rest.strip_prefix(sync)?;
    Some(())
}

fn take(rest: &mut &[u8], n: u64) -> Option<()> {
    *rest = rest.get(usize::try_from(n).ok()?..)?;
    Some(())
}

/// A number that isn't negative.
fn take_long(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&octet, behind) = rest.split_first()?;
        *rest = behind;
        number |= u64::from(octet & 0x7f) << shift;
        if octet & 0x80 == 0 {
            return (number & 1 == 0).then_some(number >> 1);
        }
    }
    None
}
