//! The pins: maps and links under names that other programs can find.
//!
//! `bpftool` above all uses them. Their paths are `<bpffs>/<instance>/v<ABI>/maps/NAME`,
//! `…/zones/<apex>` and `…/links/<mode>/<interface>`.

use std::path::{Path, PathBuf};

use aya::maps::MapData;
use edge_common::abi::{self, TableId};

use super::{Bpffs, Kernel, KernelError};

/// The folder that a node pins into.
#[derive(Debug)]
pub struct Pins {
    root: PathBuf,
}

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
    /// Makes the folder of an instance, and removes what a former run of the same instance left.
    ///
    /// The links of this version stay. Other versions lose their links, too: nobody could use their
    /// maps.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn new(bpffs: &Bpffs, instance: &str) -> Result<Self, KernelError> {
        let instance = bpffs.folder(&escape(instance))?;
        let root = instance.join(format!("v{}", abi::VERSION));
        remove_other_versions(&instance, &root)?;
        let pins = Self { root };
        for folder in ["maps", "zones"] {
            remove(&pins.root.join(folder))?;
            create(&pins.root.join(folder))?;
        }
        for mode in ["native", "generic"] {
            create(&pins.root.join("links").join(mode))?;
        }
        Ok(pins)
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
            pin(map, &self.root.join("maps").join(name))?;
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

    /// Removes the links that a former run left, except those pinned at `keep`. The interfaces of
    /// the removed ones are no longer served.
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
        Ok(())
    }

    fn zone(&self, apex: &str) -> PathBuf {
        self.root.join("zones").join(escape(&apex.to_ascii_lowercase()))
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
    map.pin(path).map_err(|error| KernelError::Path {
        path: path.to_path_buf(),
        cause: super::error::chain(&error),
    })
}

fn create(path: &Path) -> Result<(), KernelError> {
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

/// Removes the folders of other versions from an instance's folder. A link in one of them would
/// hold the interface.
fn remove_other_versions(instance: &Path, own: &Path) -> Result<(), KernelError> {
    let Ok(entries) = std::fs::read_dir(instance) else { return Ok(()) };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_version = name.strip_prefix('v').is_some_and(|n| n.parse::<u32>().is_ok());
        if is_version && path != own {
            remove(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{escape, remove_other_versions};

    #[test]
    fn what_another_version_left_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["v2/links/native", "v3/maps", "v10", "var", "v2x"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        remove_other_versions(folder.path(), &folder.path().join("v3")).unwrap();
        let left = |name: &str| folder.path().join(name).exists();
        assert_eq!(
            ["v2", "v3/maps", "v10", "var", "v2x"].map(left),
            [false, true, false, true, true]
        );
        remove_other_versions(&folder.path().join("nowhere"), folder.path()).unwrap();
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
