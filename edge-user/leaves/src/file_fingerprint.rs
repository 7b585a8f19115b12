//! What a file's metadata say of its content: enough to know that it changed, whichever way.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long after its last change a file's metadata can't be the same after another one. Their clock ticks every
/// 10 ms at worst, but every 2 s on some file systems.
const SETTLED: Duration = Duration::from_secs(3);

/// Size, inode and times of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFingerprint {
    octets: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileFingerprint {
    /// Of the file at `path`; `None` if there is none.
    pub fn of(path: &Path) -> Option<Self> {
        let data = std::fs::metadata(path).ok()?;
        Some(Self {
            octets: data.len(),
            inode: data.ino(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        })
    }

    /// Whether the last change was so long ago that another one would show.
    fn is_settled(&self) -> bool {
        let latest = self.changed.0.max(self.modified.0);
        let age = u64::try_from(latest).ok().and_then(|seconds| {
            SystemTime::now().duration_since(UNIX_EPOCH + Duration::from_secs(seconds)).ok()
        });
        age.is_some_and(|age| age > SETTLED)
    }
}

/// A content that was read, and how its file looked just before.
#[derive(Clone, Copy, Debug)]
pub struct ReadFile {
    fingerprint: FileFingerprint,
    is_settled: bool,
    digest: u64,
}

impl ReadFile {
    /// Of what was read after `fingerprint` had been taken.
    pub fn new(fingerprint: FileFingerprint, content: &[u8]) -> Self {
        let mut digest = DefaultHasher::new();
        content.hash(&mut digest);
        Self { fingerprint, is_settled: fingerprint.is_settled(), digest: digest.finish() }
    }

    /// Whether a file that looks like `fingerprint` now need not be read again.
    pub fn is_current(&self, fingerprint: FileFingerprint) -> bool {
        self.is_settled && self.fingerprint == fingerprint
    }

    /// Whether both are of the same content.
    pub const fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest && self.fingerprint.octets == other.fingerprint.octets
    }
}

#[cfg(test)]
mod tests {
    use super::{FileFingerprint, ReadFile};
    use std::fs;

    #[test]
    fn a_file_that_has_just_changed_is_read_again_and_an_old_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, "one").unwrap();
        let fingerprint = FileFingerprint::of(&path).unwrap();
        let one = ReadFile::new(fingerprint, b"one");
        assert!(!one.is_current(fingerprint));
        assert!(
            one.is_same(&ReadFile::new(fingerprint, b"one"))
                && !one.is_same(&ReadFile::new(fingerprint, b"two"))
        );
        let old = FileFingerprint { modified: (1, 0), changed: (1, 0), ..fingerprint };
        let one = ReadFile::new(old, b"one");
        assert!(one.is_current(old) && !one.is_current(fingerprint));
        assert_eq!(FileFingerprint::of(&folder.path().join("gone")), None);
    }
}
