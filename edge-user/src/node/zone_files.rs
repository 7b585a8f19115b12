//! The zone files of a directory, and beside them the zones of a feed.
//!
//! For each file this module keeps the last good zone and the present error. A file that can't be
//! read as a zone keeps its former zone. A file that is gone takes its zone along. A file has
//! changed if its size, times or inode differ in either direction; where these aren't enough, the
//! content is compared.
//!
//! With a feed there may be no directory. But if a directory that has been read is missing later,
//! that is an error. If a zone is in a file and in the feed, the file's is served: an operator's
//! change counts more than a machine's.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::settings as config;
use edge_leaves::file_fingerprint::{FileFingerprint, FileVersion};
use edge_zone::{self as zone, Name, Zone};

#[derive(Debug)]
struct File {
    seen: Option<FileVersion>,
    zone: Option<Arc<Zone>>,
    error: Option<String>,
}

/// The zone files of a directory.
#[derive(Debug)]
pub struct ZoneFiles {
    directory: Option<PathBuf>,
    /// Whether the directory may be missing until it is found.
    is_optional: bool,
    files: BTreeMap<PathBuf, File>,
    /// Those of the feed, by apex (on the wire, lower case).
    fed: BTreeMap<Box<[u8]>, Arc<Zone>>,
}

/// What a look at the directory found.
#[derive(Debug, Default)]
pub struct Look {
    /// Whether the zones are others than before.
    pub changed: bool,
    /// What is newly wrong, a line each.
    pub errors: Vec<String>,
    /// Warnings about the zones that were read again, a line each.
    pub warnings: Vec<String>,
    /// The zones that were read again.
    pub read: Vec<String>,
    /// The files that are gone.
    pub gone: Vec<PathBuf>,
}

impl ZoneFiles {
    /// Of a directory, not yet looked at; or of none.
    #[must_use]
    pub fn new(config: &config::Zones) -> Self {
        let (directory, is_optional) = (config.directory.clone(), config.is_optional);
        Self { directory, is_optional, files: BTreeMap::new(), fed: BTreeMap::new() }
    }

    /// Looks whether the directory can be read, and reads no file.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn look_at_directory(&mut self) -> Result<(), String> {
        self.paths().map(drop)
    }

    /// Reads what is new or changed.
    ///
    /// # Errors
    /// When the directory can't be read; then nothing has changed.
    pub fn look(&mut self) -> Result<Look, String> {
        let mut look = Look::default();
        let paths = self.paths()?;
        let gone: Vec<PathBuf> =
            self.files.keys().filter(|path| !paths.contains(path)).cloned().collect();
        for path in gone {
            look.changed |= self.files.remove(&path).is_some_and(|file| file.zone.is_some());
            look.gone.push(path);
        }
        for path in paths {
            // Taken before the content is read, so that a change in between shows the next time.
            let stamp = FileFingerprint::read(&path).ok().flatten();
            let seen = self.files.get(&path).and_then(|file| file.seen);
            if let (Some(seen), Some(stamp)) = (&seen, stamp)
                && seen.is_current(stamp)
            {
                continue;
            }
            let read = zone::read(&path);
            let now = read
                .as_ref()
                .ok()
                .zip(stamp)
                .map(|((text, _), stamp)| FileVersion::new(stamp, text));
            if let (Some(seen), Some(now), Some(file)) = (seen, now, self.files.get_mut(&path))
                && seen.is_same(&now)
            {
                file.seen = Some(now);
                continue;
            }
            let parsed = read
                .and_then(|(text, mtime)| zone::parse(zone::zone_name(&path), &text, mtime, &path));
            let known = self.files.remove(&path);
            let file = match parsed {
                Ok(zone) => {
                    look.changed = true;
                    look.warnings.extend(
                        zone.warnings.iter().map(|text| format!("{}: {text}", path.display())),
                    );
                    look.read.push(zone.apex.to_string());
                    File { seen: now, zone: Some(Arc::new(zone)), error: None }
                }
                Err(error) => {
                    let error = error.to_string();
                    if known.as_ref().and_then(|file| file.error.as_ref()) != Some(&error) {
                        look.errors.push(error.clone());
                    }
                    File { seen: now, zone: known.and_then(|file| file.zone), error: Some(error) }
                }
            };
            self.files.insert(path, file);
        }
        Ok(look)
    }

    /// Takes over a zone of the feed, in place of the feed's former version of it.
    pub fn feed(&mut self, zone: Arc<Zone>) {
        self.fed.insert(zone.apex.folded().into(), zone);
    }

    /// Forgets a zone of the feed.
    pub fn forget(&mut self, apex: &Name) {
        self.fed.remove(apex.folded());
    }

    /// What is odd between files and feed, a line each.
    #[must_use]
    pub fn shadowed(&self) -> Vec<String> {
        let files = self.files.iter().filter_map(|(path, file)| Some((path, file.zone.as_ref()?)));
        let twice = files.filter(|(_, zone)| self.fed.contains_key(zone.apex.folded()));
        twice
            .map(|(path, zone)| {
                format!(
                    "zone {}: the feed has it, too; {} is served, remove that file to serve the feed's",
                    zone.apex,
                    path.display()
                )
            })
            .collect()
    }

    /// The files that may hold zones: `*.json` in any letter case, no dotfiles.
    fn paths(&mut self) -> Result<Vec<PathBuf>, String> {
        let mut paths = Vec::new();
        let Some(directory) = &self.directory else { return Ok(paths) };
        let error = |cause: io::Error| {
            format!("{}: {cause}; make it, or set zones.directory", directory.display())
        };
        let entries = match std::fs::read_dir(directory) {
            Err(cause) if self.is_optional && cause.kind() == io::ErrorKind::NotFound => {
                return Ok(paths);
            }
            entries => entries.map_err(error)?,
        };
        self.is_optional = false;
        for entry in entries {
            let path = entry.map_err(error)?.path();
            let name = path.file_name().unwrap_or_default();
            let json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
            if json && !name.as_encoded_bytes().starts_with(b".") && !path.is_dir() {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// The zones to be served, in the order of their files' names, then those that only the feed
    /// has. Of two files for one zone the first counts.
    #[must_use]
    pub fn zones(&self) -> Vec<Arc<Zone>> {
        let mut zones: Vec<Arc<Zone>> = Vec::new();
        let files = self.files.values().filter_map(|file| file.zone.as_ref());
        for zone in files.chain(self.fed.values()) {
            if !zones.iter().any(|other| other.apex == zone.apex) {
                zones.push(Arc::clone(zone));
            }
        }
        zones
    }

    /// What is wrong with files now, a line each.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        self.files.values().filter_map(|file| file.error.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::ZoneFiles;
    use crate::settings::Zones;
    use edge_zone::parse;
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    const GOOD: &str = r#"{"serial":1,"data":{"":{"ns":["ns1.example."]}}}"#;

    fn of(directory: &Path) -> ZoneFiles {
        ZoneFiles::new(&Zones { directory: Some(directory.to_path_buf()), ..Zones::default() })
    }

    #[test]
    fn a_broken_file_keeps_what_it_held_and_is_picked_up_when_mended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.example.json");
        fs::write(&path, GOOD).unwrap();
        fs::write(folder.path().join(".hidden.json"), "nonsense").unwrap();
        fs::write(folder.path().join("README"), "nonsense").unwrap();
        let mut zone_files = of(folder.path());
        assert!(zone_files.look().unwrap().changed);
        assert!(!zone_files.look().unwrap().changed);

        fs::write(&path, "{").unwrap();
        let look = zone_files.look().unwrap();
        assert!(!look.changed);
        assert_eq!(look.errors.len(), 1);
        assert!(look.errors[0].starts_with(&format!("{}:1:", path.display())), "{look:?}");
        assert_eq!(zone_files.zones()[0].serial, 1);
        assert_eq!(zone_files.errors().len(), 1);

        fs::write(&path, GOOD.replace('1', "2")).unwrap();
        let earlier = SystemTime::now() - Duration::from_secs(86_400);
        fs::File::open(&path).unwrap().set_modified(earlier).unwrap();
        assert!(zone_files.look().unwrap().changed);
        assert_eq!(zone_files.zones()[0].serial, 2);
        assert!(zone_files.errors().is_empty());

        fs::remove_file(&path).unwrap();
        let look = zone_files.look().unwrap();
        assert!(look.changed);
        assert_eq!(look.gone, [path]);
        assert!(zone_files.zones().is_empty());
    }

    #[test]
    fn a_file_that_is_replaced_by_a_rename_is_read_and_what_is_written_beside_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.example.json");
        fs::write(&path, GOOD).unwrap();
        let mut zone_files = of(folder.path());
        zone_files.look().unwrap();
        for serial in ["2", "3"] {
            for beside in ["a.example.json.tmp", ".a.example.json"] {
                let beside = folder.path().join(beside);
                fs::write(&beside, GOOD.get(..20).unwrap()).unwrap();
                assert!(!zone_files.look().unwrap().changed);
                fs::write(&beside, GOOD.replace('1', serial)).unwrap();
                fs::File::open(&beside).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
            }
            fs::rename(folder.path().join(".a.example.json"), &path).unwrap();
            let look = zone_files.look().unwrap();
            assert!(look.changed && look.errors.is_empty());
            assert_eq!(zone_files.zones()[0].serial.to_string(), serial);
        }
    }

    #[test]
    fn a_zone_whose_first_file_was_broken_is_served_once_it_is_mended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.example.json");
        fs::write(&path, GOOD.replace(':', ";")).unwrap();
        let mut zone_files = of(folder.path());
        assert_eq!(zone_files.look().unwrap().errors.len(), 1);
        assert!(zone_files.look().unwrap().errors.is_empty());
        assert!(zone_files.zones().is_empty());
        // As long as the broken one, within the same moment, and older by its own word.
        fs::write(&path, GOOD).unwrap();
        fs::File::open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert!(zone_files.look().unwrap().changed);
        assert_eq!(zone_files.zones().len(), 1);
    }

    #[test]
    fn a_file_of_the_same_content_is_not_another_zone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.example.json");
        fs::write(&path, r#"{"data":{"":{}}}"#).unwrap();
        let mut zone_files = of(folder.path());
        zone_files.look().unwrap();
        let serial = zone_files.zones()[0].serial;
        fs::File::open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert!(!zone_files.look().unwrap().changed);
        assert_eq!(zone_files.zones()[0].serial, serial);
    }

    #[test]
    fn a_zone_of_the_feed_is_served_unless_a_file_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("A.example.json");
        let mut zone_files = of(folder.path());
        let fed = |serial: u32| {
            let text = GOOD.replace('1', &serial.to_string());
            Arc::new(parse("a.example", text.as_bytes(), SystemTime::UNIX_EPOCH, &path).unwrap())
        };
        let serials = |zone_files: &ZoneFiles| -> Vec<u32> {
            zone_files.zones().iter().map(|zone| zone.serial).collect()
        };
        zone_files.feed(fed(7));
        zone_files.feed(fed(8));
        assert!(!zone_files.look().unwrap().changed && zone_files.shadowed().is_empty());
        assert_eq!(serials(&zone_files), [8]);
        fs::write(&path, GOOD).unwrap();
        assert!(zone_files.look().unwrap().changed);
        assert_eq!(serials(&zone_files), [1]);
        let odd = zone_files.shadowed();
        assert!(odd[0].starts_with("zone A.example.: the feed has it, too;"), "{odd:?}");
        fs::remove_file(&path).unwrap();
        zone_files.look().unwrap();
        assert_eq!(serials(&zone_files), [8]);
        zone_files.forget(&fed(8).apex);
        assert!(zone_files.zones().is_empty());
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let mut zone_files = of(Path::new("/nowhere/zones"));
        let error = zone_files.look().unwrap_err();
        assert!(error.starts_with("/nowhere/zones: No such file"), "{error}");
    }

    #[test]
    fn a_directory_that_need_not_be_there_is_missed_only_after_it_was_found() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("zones");
        let zones = Zones { directory: Some(directory.clone()), is_optional: true, share: None };
        let mut zone_files = ZoneFiles::new(&zones);
        assert!(!zone_files.look().unwrap().changed);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("a.example.json"), GOOD).unwrap();
        assert!(zone_files.look().unwrap().changed);
        fs::rename(&directory, folder.path().join("away")).unwrap();
        let error = zone_files.look().unwrap_err();
        assert!(error.contains("/zones: No such file"), "{error}");
        assert_eq!(zone_files.zones().len(), 1, "nothing has changed");
        let mut none = ZoneFiles::new(&Zones::default());
        assert!(!none.look().unwrap().changed && none.zones().is_empty());
    }
}
