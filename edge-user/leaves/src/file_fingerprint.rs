//! Metadata of a file that show whether its content has changed.
//!
//! Metadata alone are not enough: a file system's clock ticks every 10 ms at worst, on some every 2
//! s, so that two changes within one tick look the same. [`FileVersion`] therefore trusts equal
//! metadata only if the last change was some seconds old when the content was read, and keeps a
//! digest of the content besides.

use std::fs::Metadata;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The age of the last change from which on another change has other metadata.
const SETTLED: Duration = Duration::from_secs(3);

/// Size, inode and times of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFingerprint {
    octets: u64,
    inode: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileFingerprint {
    /// The fingerprint in a file's metadata.
    #[must_use]
    pub fn of(data: &Metadata) -> Self {
        Self {
            octets: data.len(),
            inode: data.ino(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        }
    }

    /// The fingerprint of the file at `path`, links followed; `None` if there is no file. It blocks
    /// on the file system.
    ///
    /// # Errors
    /// When the metadata can't be read.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::metadata(path) {
            Ok(data) => Ok(Some(Self::of(&data))),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    /// Whether the last change is so old that another one would show.
    fn is_settled(&self) -> bool {
        let latest = self.changed.0.max(self.modified.0);
        let age = u64::try_from(latest).ok().and_then(|seconds| {
            SystemTime::now().duration_since(UNIX_EPOCH + Duration::from_secs(seconds)).ok()
        });
        age.is_some_and(|age| age > SETTLED)
    }
}

/// A content that was read, and the fingerprint of its file from just before.
#[derive(Clone, Copy, Debug)]
pub struct FileVersion {
    fingerprint: FileFingerprint,
    is_settled: bool,
    digest: u64,
}

impl FileVersion {
    /// The version of a content that was read after `fingerprint` had been taken. A change in
    /// between then shows the next time.
    #[must_use]
    pub fn new(fingerprint: FileFingerprint, content: &[u8]) -> Self {
        let mut digest = DefaultHasher::new();
        content.hash(&mut digest);
        Self { fingerprint, is_settled: fingerprint.is_settled(), digest: digest.finish() }
    }

    /// Whether a file that has this fingerprint now need not be read again.
    #[must_use]
    pub fn is_current(&self, fingerprint: FileFingerprint) -> bool {
        self.is_settled && self.fingerprint == fingerprint
    }

    /// Whether both have the same content.
    #[must_use]
    pub const fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest && self.fingerprint.octets == other.fingerprint.octets
    }
}

#[cfg(test)]
mod tests {
    use super::{FileFingerprint, FileVersion};
    use std::fs;

    #[test]
    fn a_file_that_has_just_changed_is_read_again_and_an_old_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, "one").unwrap();
        let fresh = FileFingerprint::read(&path).unwrap().unwrap();
        let one = FileVersion::new(fresh, b"one");
        assert!(!one.is_current(fresh));
        assert!(one.is_same(&FileVersion::new(fresh, b"one")));
        assert!(!one.is_same(&FileVersion::new(fresh, b"two")));
        let old = FileFingerprint { modified: (1, 0), changed: (1, 0), ..fresh };
        let one = FileVersion::new(old, b"one");
        assert!(one.is_current(old) && !one.is_current(fresh));
        assert_eq!(FileFingerprint::read(&folder.path().join("gone")).unwrap(), None);
    }
}
