//! The BPF file system that maps and links are pinned into.
//!
//! It is the system's, or one that this program mounts.

use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statfs};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::KernelError;

/// `BPF_FS_MAGIC` of the kernel's `magic.h`.
const MAGIC: u64 = 0xcafe_4a11;
/// Where the system mounts it.
const SYSTEM: &str = "/sys/fs/bpf";

/// A mounted BPF file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bpffs {
    path: PathBuf,
    ours: bool,
}

impl Bpffs {
    /// Finds the system's. If there is none (as inside `ip netns exec`), mounts one on `own`.
    ///
    /// # Errors
    /// When `own` can't be made or mounted.
    pub fn find(own: &Path) -> Result<Self, KernelError> {
        for (path, ours) in [(Path::new(SYSTEM), false), (own, true)] {
            if is_bpffs(path) {
                return Ok(Self { path: path.to_path_buf(), ours });
            }
        }
        let error = |cause: String| KernelError::Path { path: own.to_path_buf(), cause };
        std::fs::create_dir_all(own).map_err(|cause| error(cause.to_string()))?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount("bpf", own, "bpf", flags, Some(c"mode=0750")).map_err(|cause| {
            error(format!(
                "mount a BPF file system: {cause}; root can mount one beforehand: `mount -t bpf bpf \
                 {SYSTEM}`"
            ))
        })?;
        Ok(Self { path: own.to_path_buf(), ours: true })
    }

    /// Those that are mounted already, the system's and one on `own`.
    pub(super) fn existing(own: &Path) -> Vec<Self> {
        [(Path::new(SYSTEM), false), (own, true)]
            .into_iter()
            .filter(|(path, _)| is_bpffs(path))
            .map(|(path, ours)| Self { path: path.to_path_buf(), ours })
            .collect()
    }

    /// Makes a folder for pins, unless it is there.
    ///
    /// # Errors
    /// When the file system refuses, above all to a user who isn't root and has no folder there.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf, KernelError> {
        let path = self.path.join(name);
        // A folder that can't be reached looks like one that is missing.
        let made = std::fs::create_dir_all(&path).and_then(|()| {
            access(&path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)?;
            Ok(path.clone())
        });
        made.map_err(|cause| {
            let way_out = match cause.kind() {
                io::ErrorKind::PermissionDenied => format!(
                    "; this user has to own it: as root, `chmod go+x {}` and `install -d -o USER \
                     {}`, as deploy/edge.service does",
                    self.path.display(),
                    path.display()
                ),
                _ => String::new(),
            };
            KernelError::Path { path, cause: format!("make the folder for pins: {cause}{way_out}") }
        })
    }

    /// Unmounts it and removes its folder, if we mounted it and it has no pins.
    ///
    /// # Errors
    /// When it is in use.
    pub fn unmount(&self) -> Result<(), KernelError> {
        // The kernel's own files (`maps.debug`) are always there; pins are in folders.
        let pinned = |entry: io::Result<DirEntry>| entry.is_ok_and(|at| at.path().is_dir());
        if !self.ours || std::fs::read_dir(&self.path).is_ok_and(|mut all| all.any(pinned)) {
            return Ok(());
        }
        unmount(&self.path, UnmountFlags::empty())
            .map_err(io::Error::from)
            .and_then(|()| std::fs::remove_dir(&self.path))
            .map_err(|cause| KernelError::Path {
                path: self.path.clone(),
                cause: cause.to_string(),
            })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether we mounted it.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        self.ours
    }
}

fn is_bpffs(path: &Path) -> bool {
    statfs(path).is_ok_and(|fs| u64::try_from(fs.f_type).is_ok_and(|kind| kind == MAGIC))
}
