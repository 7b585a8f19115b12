//! The pins: maps and links under names that other programs can find.
//!
//! `bpftool` above all uses them. Their paths are `<bpffs>/<instance>/v<ABI>/maps/NAME`,
//! `…/zones/<apex>` and `…/links/<mode>/<interface>`.
//!
//! A node that starts pins its maps under `…/next` first. The names of the former run go when its
//! program is replaced: without them the kernel would empty that program's table of programs.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use aya::maps::MapData;
use edge_common::abi::{self, TableId};
use rustix::fs::{FlockOperation, Mode, OFlags, Stat, flock, fstat, major, minor, open, stat};
use rustix::io::Errno;

use super::{Bpffs, Kernel, KernelError};

/// The folder that a node pins into. While this value lives, no other process has it.
#[derive(Debug)]
pub struct Pins {
    root: PathBuf,
    lock: Mutex<Option<OwnedFd>>,
    /// Whether the maps are pinned under [`NEXT`], beside those of a former run.
    is_next: AtomicBool,
}

/// The folder for the maps of a node that starts.
const NEXT: &str = "next";
/// The folders that are named by it first.
const NAMES: [&str; 2] = ["maps", "zones"];

/// A DNS name as a file name on bpffs, which refuses dots.
///
/// Letters, digits and `-` stand for themselves; every other octet is `_` and two hexadecimal
/// digits. A name that is too long for a file name is cut, and ends in a hash.
#[must_use]
pub fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len() + 8);
    for octet in name.trim_end_matches('.').bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' => escaped.push(octet.into()),
            _ => escaped.push_str(&format!("_{octet:02x}")),
        }
    }
    if escaped.len() > MOST {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
        });
        escaped.truncate(MOST - 18);
        escaped.push_str(&format!("__{hash:016x}"));
    }
    escaped
}

/// Longest file name that bpffs takes.
const MOST: usize = 255;

impl Pins {
    /// Makes the folder of an instance and locks it, until the process ends. What is pinned there
    /// stays as it is. With `inherited`, the lock is another process's, which shares it.
    ///
    /// # Errors
    /// When another process has the instance, or the file system refuses.
    pub fn lock(
        bpffs: &Bpffs,
        instance: &str,
        inherited: Option<OwnedFd>,
    ) -> Result<Self, KernelError> {
        let folder = bpffs.folder(&escape(instance))?;
        let root = folder.join(format!("v{}", abi::VERSION));
        // A lock for another instance's folder is none for this one.
        let lock = match inherited.filter(|lock| is_of(lock, &folder)) {
            Some(lock) => lock,
            None => lock_folder(&folder, instance)?,
        };
        Ok(Self { root, lock: Mutex::new(Some(lock)), is_next: AtomicBool::new(true) })
    }

    /// The lock, for another process that is to have it, too. `None` after [`Self::unlock`], or
    /// when the system has no more files.
    #[must_use]
    pub fn share_lock(&self) -> Option<OwnedFd> {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        lock.as_ref().and_then(|lock| lock.try_clone().ok())
    }

    /// Gives the instance back, before the process ends: the lock holds its file system busy.
    pub fn unlock(&self) {
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Makes the folders. What a former run left stays until [`Self::commit`].
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn prepare(&self) -> Result<(), KernelError> {
        let next = self.root.join(NEXT);
        remove(&next)?;
        for folder in NAMES {
            create(&next.join(folder))?;
        }
        for mode in ["native", "generic"] {
            create(&self.root.join("links").join(mode))?;
        }
        self.is_next.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Gives the maps their lasting names, in place of a former run's. The program has to be
    /// attached: from now on the former run's misses its table of programs.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn commit(&self) -> Result<(), KernelError> {
        let next = self.root.join(NEXT);
        for folder in NAMES {
            let (from, to) = (next.join(folder), self.root.join(folder));
            remove(&to)?;
            std::fs::rename(&from, &to)
                .map_err(|cause| KernelError::Path { path: from, cause: cause.to_string() })?;
        }
        self.is_next.store(false, Ordering::Relaxed);
        remove(&next)
    }

    /// The folder that the maps are pinned under now.
    fn names(&self) -> PathBuf {
        match self.is_next.load(Ordering::Relaxed) {
            true => self.root.join(NEXT),
            false => self.root.clone(),
        }
    }

    /// Removes what a former run of an instance left pinned, and so takes its program off all
    /// interfaces. Returns whether there was anything. `inherited` is as for [`Self::lock`].
    ///
    /// # Errors
    /// When another process has the instance, or the file system refuses.
    pub fn clear(
        own: &Path,
        instance: &str,
        inherited: Option<OwnedFd>,
    ) -> Result<bool, KernelError> {
        let mut found = false;
        for bpffs in Bpffs::existing(own) {
            let folder = bpffs.path().join(escape(instance));
            if folder.is_dir() {
                let _lock = match inherited.as_ref().filter(|lock| is_of(lock, &folder)) {
                    Some(_inherited) => None,
                    None => Some(lock_folder(&folder, instance)?),
                };
                remove(&folder)?;
                found = true;
            }
        }
        Ok(found)
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the link of an interface is pinned that is attached in this mode.
    #[must_use]
    pub fn link(&self, mode: &str, interface: &str) -> PathBuf {
        self.root.join("links").join(mode).join(escape(interface))
    }

    /// Pins the maps that all zones share.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn pin_shared(&self, kernel: &Kernel) -> Result<(), KernelError> {
        for (name, map) in kernel.shared() {
            pin(map, &self.names().join("maps").join(name))?;
        }
        Ok(())
    }

    /// Pins a zone's tables. The tables in its former slot lose the name.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn pin_zone(&self, kernel: &Kernel, apex: &str, table: TableId) -> Result<(), KernelError> {
        let path = self.zone(apex);
        remove(&path)?;
        pin(kernel.inner.map(table).ok_or(KernelError::NoSlot(table.0))?, &path)
    }

    /// Takes a zone's pins away.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn unpin_zone(&self, apex: &str) -> Result<(), KernelError> {
        remove(&self.zone(apex))
    }

    /// The links for an interface that other versions of this program left pinned.
    #[must_use]
    pub fn other_links(&self, mode: &str, interface: &str) -> Vec<PathBuf> {
        let name = Path::new("links").join(mode).join(escape(interface));
        let versions = self.root.parent().map(|instance| other_versions(instance, &self.root));
        let links = versions.into_iter().flatten().map(|version| version.join(&name));
        links.filter(|link| link.exists()).collect()
    }

    /// Removes the links that former runs left, except those pinned at `keep`. The interfaces of
    /// the removed ones are no longer served. The folders of other versions go with their links.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn keep_links(&self, keep: &[PathBuf]) -> Result<(), KernelError> {
        for mode in ["native", "generic"] {
            let folder = self.root.join("links").join(mode);
            let entries = std::fs::read_dir(&folder).into_iter().flatten();
            for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
                if !keep.contains(&path) {
                    remove(&path)?;
                }
            }
        }
        let instance = self.root.parent();
        let versions = instance.map(|instance| other_versions(instance, &self.root));
        versions.into_iter().flatten().try_for_each(|version| remove(&version))
    }

    fn zone(&self, apex: &str) -> PathBuf {
        self.names().join("zones").join(escape(&apex.to_ascii_lowercase()))
    }

    /// Takes this process's maps' and zones' pins away, and the folders if nothing else is in them.
    /// Links stay, and what a former run or another version pinned.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn remove_but_links(&self) -> Result<(), KernelError> {
        match self.is_next.load(Ordering::Relaxed) {
            true => remove(&self.root.join(NEXT))?,
            false => NAMES.iter().try_for_each(|folder| remove(&self.root.join(folder)))?,
        }
        // Each goes if it is empty.
        let links = self.root.join("links");
        for folder in [links.join("native"), links.join("generic"), links, self.root.clone()] {
            drop(std::fs::remove_dir(folder));
        }
        if let Some(instance) = self.root.parent() {
            drop(std::fs::remove_dir(instance));
        }
        Ok(())
    }

    /// Takes all pins away, and the folders.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn remove(&self) -> Result<(), KernelError> {
        remove(&self.root)?;
        // The instance's folder goes too, unless another version of the layout lives in it.
        if let Some(instance) = self.root.parent() {
            drop(std::fs::remove_dir(instance));
        }
        Ok(())
    }
}

fn pin(map: &MapData, path: &Path) -> Result<(), KernelError> {
    // A node that gave up its takeover may have removed it.
    path.parent().map_or(Ok(()), create)?;
    map.pin(path).map_err(|error| KernelError::Path {
        path: path.to_path_buf(),
        cause: super::error::chain(&error),
    })
}

pub(super) fn create(path: &Path) -> Result<(), KernelError> {
    std::fs::create_dir_all(path)
        .map_err(|cause| KernelError::Path { path: path.to_path_buf(), cause: cause.to_string() })
}

/// Removes a file or folder, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), KernelError> {
    let removed = match std::fs::symlink_metadata(path) {
        Ok(kind) if kind.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(_) => Ok(()),
    };
    removed
        .map_err(|cause| KernelError::Path { path: path.to_path_buf(), cause: cause.to_string() })
}

/// The folders of other versions in an instance's folder.
fn other_versions(instance: &Path, own: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(instance).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_version = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.strip_prefix('v').is_some_and(|n| n.parse::<u32>().is_ok()) && path != own
    };
    paths.filter(is_version).collect()
}

/// Locks an instance's folder. The lock lasts as long as the result, and ends with the process.
fn lock_folder(folder: &Path, instance: &str) -> Result<OwnedFd, KernelError> {
    let refused =
        |cause: Errno| KernelError::Path { path: folder.to_path_buf(), cause: cause.to_string() };
    loop {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let lock = open(folder, flags, Mode::empty()).map_err(refused)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let instance = instance.to_owned();
                let holder = fstat(&lock).ok().and_then(|of| holder(of.st_dev, of.st_ino));
                let holder = holder.map_or_else(String::new, |id| format!(" (process {id})"));
                return Err(KernelError::Locked { instance, holder });
            }
            Err(cause) => return Err(refused(cause)),
        }
        // Whoever had it may have removed the folder between the two calls.
        if is_of(&lock, folder) {
            return Ok(lock);
        }
        create(folder)?;
    }
}

/// Whether a descriptor is the folder itself.
fn is_of(lock: &OwnedFd, folder: &Path) -> bool {
    let same = |held: Stat| {
        stat(folder).is_ok_and(|now| (now.st_dev, now.st_ino) == (held.st_dev, held.st_ino))
    };
    fstat(lock).is_ok_and(same)
}

/// The process that has the lock of a file, by `/proc/locks`. That is the one that took it first:
/// it may have ended, while another one has its descriptor.
fn holder(device: u64, inode: u64) -> Option<u32> {
    let holder = holder_in(&std::fs::read_to_string("/proc/locks").ok()?, device, inode)?;
    Path::new("/proc").join(holder.to_string()).exists().then_some(holder)
}

fn holder_in(locks: &str, device: u64, inode: u64) -> Option<u32> {
    let file = format!("{:02x}:{:02x}:{inode}", major(device), minor(device));
    locks.lines().find_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        match *words {
            [_, "FLOCK", _, _, process, found, ..] if found == file => process.parse().ok(),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;

    use super::{Pins, escape, holder_in, is_of, lock_folder, other_versions};

    #[test]
    fn names_of_a_former_run_stay_until_those_of_the_next_take_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("v1");
        for name in ["maps/old", "zones/old", "links/native/eth0", "next/maps/half"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        let pins =
            Pins { root: root.clone(), lock: Mutex::new(None), is_next: AtomicBool::new(false) };
        pins.prepare().unwrap();
        assert!(!root.join("next/maps/half").exists());
        std::fs::create_dir(pins.names().join("maps/new")).unwrap();
        std::fs::create_dir(pins.zone("New")).unwrap();
        assert!(root.join("maps/old").exists() && root.join("zones/old").exists());

        // A start that fails takes its own away, and no more.
        pins.remove_but_links().unwrap();
        assert!(!root.join("next").exists());
        assert!(root.join("maps/old").exists() && root.join("links/native/eth0").exists());

        pins.prepare().unwrap();
        std::fs::create_dir(pins.names().join("maps/new")).unwrap();
        pins.commit().unwrap();
        assert!(root.join("maps/new").exists() && !root.join("maps/old").exists());
        assert!(!root.join("zones/old").exists() && !root.join("next").exists());
        assert_eq!(pins.zone("New"), root.join("zones/new"));
    }

    #[test]
    fn a_lock_that_is_shared_holds_until_the_last_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock_folder(folder.path(), "edge").unwrap();
        let second = first.try_clone().unwrap();
        assert!(is_of(&second, folder.path()) && !is_of(&second, &folder.path().join("..")));
        drop(first);
        lock_folder(folder.path(), "edge").unwrap_err();
        drop(second);
        lock_folder(folder.path(), "edge").unwrap();
    }

    #[test]
    fn folders_of_other_versions_are_found_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["v2/links/native", "v3/maps", "v10", "var", "v2x"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let mut found = other_versions(folder.path(), &folder.path().join("v3"));
        found.sort();
        assert_eq!(found, ["v10", "v2"].map(|name| folder.path().join(name)));
        assert!(other_versions(&folder.path().join("nowhere"), folder.path()).is_empty());
    }

    #[test]
    fn an_instance_is_one_process_s_until_that_ends() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock_folder(folder.path(), "edge").unwrap();
        let refused = lock_folder(folder.path(), "edge").unwrap_err().to_string();
        let own = format!("instance \"edge\": another edge (process {})", std::process::id());
        assert!(refused.starts_with(&own), "{refused}");
        assert!(refused.contains("xdp.instance"), "{refused}");
        drop(first);
        lock_folder(folder.path(), "edge").unwrap();
    }

    #[test]
    fn the_process_that_has_a_lock_is_found_by_device_and_inode() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 00:1a:7 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 12 00:1a:8 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 13 00:1a:7 0 EOF\n";
        let device = rustix::fs::makedev(0, 0x1a);
        assert_eq!(holder_in(locks, device, 7), Some(13));
        assert_eq!(holder_in(locks, device, 9), None);
        assert_eq!(holder_in("nonsense", device, 7), None);
    }

    #[test]
    fn dots_are_escaped_so_that_the_name_can_be_told() {
        assert_eq!(escape("pool.ntp.org"), "pool_2entp_2eorg");
        assert_eq!(escape("_sip._tcp.example.com."), "_5fsip_2e_5ftcp_2eexample_2ecom");
    }

    #[test]
    fn a_long_name_is_cut_and_stays_its_own() {
        let names = [1, 2].map(|n| escape(&format!("{}{n}", "a.".repeat(120))));
        assert!(names.iter().all(|name| name.len() <= 255));
        assert_ne!(names[0], names[1]);
    }
}
