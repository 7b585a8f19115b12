//! Files that let a node serve after a restart without its feed.
//!
//! They hold the last good snapshot, the memory of the policy and of the scorer, and the zone of
//! each root.
//!
//! A file is replaced as a whole: it is written under another name in the same directory, synced
//! and renamed; then the directory is synced. After a crash at any moment the file has the old
//! content or the new one. A file that another program wrote, or that is incomplete, is refused
//! with an error that names it.
//!
//! All functions block on the disk. One writer at a time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The version of the files. Files of another version are refused.
pub const VERSION: u32 = 1;

/// The longest file that is read back, in octets.
const MOST_OCTETS: u64 = 1 << 30;

/// The files of a node's state, without the zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFile {
    /// The last good snapshot, deltas included.
    Snapshot,
    /// The memory of the policy.
    Policy,
    /// The state of the scorer.
    Scorer,
}

impl StateFile {
    const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Policy => "policy",
            Self::Scorer => "scorer",
        }
    }
}

/// Why a file can't be written or read.
#[derive(Debug, Error)]
pub enum DiskError {
    /// Writing failed; the old file is unchanged.
    #[error("{}: {cause}; free some space, or let the node write there", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Reading failed.
    #[error("{}: {cause}; let the node read it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file is incomplete or no JSON.
    #[error("{}: {cause}; move it away; the node then starts from its feed", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The error of the JSON reader, with line and column.
        cause: serde_json::Error,
    },
    /// The file is of another kind.
    #[error("{}: this is {found:?}, not {expected:?}; put the right one there, or move it away", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The kind in the file.
        found: String,
        /// The expected kind.
        expected: &'static str,
    },
    /// The file was written by another version of the node.
    #[error("{}: version {found}, this node reads {VERSION}; move it away, or run the node that wrote it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The file is longer than any that a node writes.
    #[error("{}: {octets} octets are too long for this node's files; move it away", path.display())]
    Octets {
        /// The file.
        path: PathBuf,
        /// Its length in octets.
        octets: u64,
    },
    /// A zone's name can't be used as a file name.
    #[error("zone {apex:?}: not a name for a file; name it with letters, digits, dots and hyphens")]
    Name {
        /// The name.
        apex: String,
    },
}

/// A directory of state files. Only one process may write: two would use the same temporary name.
#[derive(Clone, Debug)]
pub struct Disk {
    directory: PathBuf,
}

/// The content of a file.
#[derive(Deserialize, Serialize)]
struct Envelope<K, T> {
    version: u32,
    kind: K,
    value: T,
}

impl Disk {
    /// Opens this directory, and makes it if it doesn't exist.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn new(directory: &Path) -> Result<Self, DiskError> {
        let disk = Self { directory: directory.to_path_buf() };
        let zones = disk.zones();
        fs::create_dir_all(&zones).map_err(|cause| DiskError::Write { path: zones, cause })?;
        Ok(disk)
    }

    /// The directory of the zones, as the node serves them.
    #[must_use]
    pub fn zones(&self) -> PathBuf {
        self.directory.join("zones")
    }

    /// Writes a value in place of the old one.
    ///
    /// # Errors
    /// When it can't be written; then the old value is unchanged.
    pub fn keep<T: Serialize>(&self, kept: StateFile, value: &T) -> Result<(), DiskError> {
        let path = self.path(kept);
        let envelope = Envelope { version: VERSION, kind: kept.name(), value };
        let octets = serde_json::to_vec(&envelope)
            .map_err(|cause| DiskError::Write { path: path.clone(), cause: cause.into() })?;
        replace(&path, &octets)
    }

    /// Reads a value; `None` if the file doesn't exist.
    ///
    /// # Errors
    /// When the file can't be read, or isn't a complete file of this kind and version.
    pub fn read<T: DeserializeOwned>(&self, kept: StateFile) -> Result<Option<T>, DiskError> {
        let path = self.path(kept);
        let read = fs::metadata(&path).and_then(|metadata| {
            if metadata.len() > MOST_OCTETS {
                return Ok(Err(metadata.len()));
            }
            fs::read(&path).map(Ok)
        });
        let octets = match read {
            Ok(Ok(octets)) => octets,
            Ok(Err(octets)) => return Err(DiskError::Octets { path, octets }),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(DiskError::Read { path, cause }),
        };
        let broken = |cause| DiskError::Broken { path: path.clone(), cause };
        // Kind and version first: the value of another kind or version would only look broken.
        let head: Envelope<String, IgnoredAny> = serde_json::from_slice(&octets).map_err(broken)?;
        if head.kind != kept.name() {
            return Err(DiskError::Foreign { path, found: head.kind, expected: kept.name() });
        }
        if head.version != VERSION {
            return Err(DiskError::Version { path, found: head.version });
        }
        let envelope: Envelope<IgnoredAny, T> = serde_json::from_slice(&octets).map_err(broken)?;
        Ok(Some(envelope.value))
    }

    /// Writes a root's zone to the directory from which the node reads zones.
    ///
    /// # Errors
    /// When it can't be written, or its name can't be a file's.
    pub fn keep_zone(&self, apex: &str, json: &str) -> Result<(), DiskError> {
        replace(&self.zone_path(apex)?, json.as_bytes())
    }

    /// Removes a root's zone, if there is one.
    ///
    /// # Errors
    /// When it is there and can't be removed, or its name can't be a file's.
    pub fn remove_zone(&self, apex: &str) -> Result<(), DiskError> {
        let path = self.zone_path(apex)?;
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(DiskError::Write { path, cause })
            }
            _ => Ok(()),
        }
    }

    fn path(&self, kept: StateFile) -> PathBuf {
        self.directory.join(format!("{}.json", kept.name()))
    }

    /// Names come from the feed: none may lead out of the directory.
    fn zone_path(&self, apex: &str) -> Result<PathBuf, DiskError> {
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
        let named = !apex.is_empty() && apex.len() <= 240 && !apex.starts_with('.');
        if !named || !apex.bytes().all(fits) {
            return Err(DiskError::Name { apex: apex.to_owned() });
        }
        Ok(self.zones().join(format!("{}.json", apex.to_ascii_lowercase())))
    }
}

/// Replaces a file as a whole.
///
/// # Errors
/// When it can't be written. The old file is then unchanged; only if the last step failed, the file
/// may be the old one or the new one, but complete.
pub fn replace(path: &Path, octets: &[u8]) -> Result<(), DiskError> {
    for step in steps(path, octets) {
        step.run().map_err(|cause| DiskError::Write { path: path.to_path_buf(), cause })?;
    }
    Ok(())
}

/// A step of replacing a file.
#[derive(Debug)]
enum ReplaceStep<'a> {
    Write(PathBuf, &'a [u8]),
    Sync(PathBuf),
    Rename(PathBuf, &'a Path),
}

/// The temporary file is in the same directory, so that the rename is atomic. Its name begins with
/// a dot, so that readers of the directory ignore it.
fn steps<'a>(path: &'a Path, octets: &'a [u8]) -> [ReplaceStep<'a>; 4] {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = directory.join(format!(".{name}.new"));
    [
        ReplaceStep::Write(beside.clone(), octets),
        ReplaceStep::Sync(beside.clone()),
        ReplaceStep::Rename(beside, path),
        ReplaceStep::Sync(directory.to_path_buf()),
    ]
}

impl ReplaceStep<'_> {
    fn run(&self) -> io::Result<()> {
        match self {
            Self::Write(path, octets) => fs::write(path, octets),
            Self::Sync(path) => File::open(path)?.sync_all(),
            Self::Rename(from, to) => fs::rename(from, to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Disk, DiskError, ReplaceStep, StateFile, steps};
    use std::fs;

    fn disk() -> (tempfile::TempDir, Disk) {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::new(&folder.path().join("state")).unwrap();
        (folder, disk)
    }

    #[test]
    fn what_is_kept_comes_back_and_nothing_is_not_an_error() {
        let (_folder, disk) = disk();
        assert_eq!(disk.read::<Vec<u32>>(StateFile::Scorer).unwrap(), None);
        for value in [vec![1_u32, 2], vec![], (0..10_000).collect()] {
            disk.keep(StateFile::Scorer, &value).unwrap();
            assert_eq!(disk.read(StateFile::Scorer).unwrap(), Some(value));
        }
        let snapshot = crate::Snapshot { serial: 7, cursor: 9, ..crate::Snapshot::default() };
        disk.keep(StateFile::Snapshot, &snapshot).unwrap();
        assert_eq!(disk.read(StateFile::Snapshot).unwrap(), Some(snapshot));
    }

    #[test]
    fn a_crash_between_any_two_steps_or_in_the_midst_of_writing_leaves_the_old_or_the_new() {
        let (_folder, disk) = disk();
        let path = disk.path(StateFile::Scorer);
        for (old, new) in [(None, 1_u32), (Some(1), 2), (Some(2), 3_000_000)] {
            let octets = format!(r#"{{"version":1,"kind":"scorer","value":{new}}}"#).into_bytes();
            // What a crash leaves of the first step, octet by octet.
            for end in 0..=octets.len() {
                let [first, ..] = steps(&path, &octets[..end]);
                first.run().unwrap();
                assert_eq!(disk.read::<u32>(StateFile::Scorer).unwrap(), old, "{end} octets");
            }
            for count in 0..=4 {
                for step in &steps(&path, &octets)[..count] {
                    step.run().unwrap();
                }
                let expect = if count < 3 { old } else { Some(new) };
                assert_eq!(disk.read::<u32>(StateFile::Scorer).unwrap(), expect, "{count} steps");
                // And the next one goes through whatever was left.
                if let Some(old) = old {
                    disk.keep(StateFile::Scorer, &old).unwrap();
                } else {
                    fs::remove_file(&path).unwrap_or_default();
                }
            }
            disk.keep(StateFile::Scorer, &new).unwrap();
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_written_is_synced_before_it_takes_the_name_and_the_name_after() {
        let path = std::path::Path::new("/state/scorer.json");
        let [first, second, third, fourth] = steps(path, b"new");
        let ReplaceStep::Write(beside, b"new") = first else { panic!("{first:?}") };
        assert_eq!(beside.parent(), path.parent());
        assert!(matches!(second, ReplaceStep::Sync(synced) if synced == beside));
        assert!(matches!(third, ReplaceStep::Rename(from, to) if from == beside && to == path));
        assert!(
            matches!(fourth, ReplaceStep::Sync(synced) if Some(synced.as_path()) == path.parent())
        );
        let [.., last] = steps(std::path::Path::new("cursor.json"), b"");
        assert!(matches!(last, ReplaceStep::Sync(synced) if synced == std::path::Path::new(".")));
    }

    #[test]
    fn truncated_and_foreign_files_are_named_and_stay_as_they_are() {
        let (_folder, disk) = disk();
        disk.keep(StateFile::Snapshot, &crate::Snapshot::default()).unwrap();
        let path = disk.path(StateFile::Snapshot);
        let good = fs::read(&path).unwrap();
        let check = |octets: &[u8], expect: &str| {
            fs::write(&path, octets).unwrap();
            let error = disk.read::<crate::Snapshot>(StateFile::Snapshot).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{}: ", path.display())), "{error}");
            assert!(error.contains(expect), "{error}");
            assert_eq!(fs::read(&path).unwrap(), octets);
        };
        for end in 0..good.len() {
            check(&good[..end], "; move it away");
        }
        check(&[0xff; 100], "; move it away");
        check("[".repeat(100_000).as_bytes(), "; move it away");
        check(br#"{"serial":1,"servers":[]}"#, "; move it away");
        check(
            br#"{"version":1,"kind":"policy","value":{}}"#,
            r#"this is "policy", not "snapshot""#,
        );
        check(br#"{"version":2,"kind":"snapshot","value":[]}"#, "version 2, this node reads 1");
        check(br#"{"version":1,"kind":"snapshot","value":[]}"#, "; move it away");
        let huge = fs::File::create(&path).unwrap();
        huge.set_len(super::MOST_OCTETS + 1).unwrap();
        let error = disk.read::<crate::Snapshot>(StateFile::Snapshot).unwrap_err();
        assert!(matches!(error, DiskError::Octets { .. }), "{error}");
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_named_and_what_was_there_stays() {
        let (folder, disk) = disk();
        disk.keep(StateFile::Scorer, &1).unwrap();
        fs::create_dir(folder.path().join("state/.scorer.json.new")).unwrap();
        let error = disk.keep(StateFile::Scorer, &2).unwrap_err();
        assert!(matches!(error, DiskError::Write { .. }), "{error}");
        assert_eq!(disk.read(StateFile::Scorer).unwrap(), Some(1));
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(Disk::new(&folder.path().join("file/state")).is_err());
    }

    #[test]
    fn zones_are_kept_under_their_names_and_no_name_leads_elsewhere() {
        let (_folder, disk) = disk();
        disk.keep_zone("Pool.Example", "{}").unwrap();
        let path = disk.zones().join("pool.example.json");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
        disk.remove_zone("pool.example").unwrap();
        disk.remove_zone("pool.example").unwrap();
        assert!(!path.exists());
        for apex in ["", "../x", "a/b", ".hidden", "a\0b", "ä.example", &"a".repeat(300)] {
            assert!(matches!(disk.keep_zone(apex, "{}"), Err(DiskError::Name { .. })));
            assert!(matches!(disk.remove_zone(apex), Err(DiskError::Name { .. })));
        }
    }
}
