//! The health of servers, from the status files of a directory.
//!
//! A file `NAME.json` holds `{"192.0.2.1": 2, "mx.example.net": 1}`. The status 2 is healthy. Any
//! other status, and a server that isn't in the file, is not. After an error in a file its former
//! statuses stay; they go when the file is removed. Addresses are compared as addresses, names
//! without regard to letter case and the dot at the end.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use edge_leaves::file_fingerprint::{FileFingerprint, FileVersion};

/// The status that lets a record answer.
const HEALTHY: u8 = 2;
/// Octets of the largest status file.
const MOST: u64 = 64 * 1024 * 1024;

#[derive(Debug, Default)]
struct File {
    seen: Option<FileVersion>,
    statuses: HashMap<Box<str>, u8>,
    error: Option<String>,
}

impl File {
    /// Notes what is wrong; gives it back if that is news.
    fn complain(&mut self, error: String) -> Option<String> {
        let is_new = self.error.as_ref() != Some(&error);
        self.error = Some(error.clone());
        is_new.then_some(error)
    }
}

/// The status files of a directory.
#[derive(Debug)]
pub struct TargetHealth {
    directory: Option<PathBuf>,
    files: BTreeMap<String, File>,
    error: Option<String>,
}

/// The result of a refresh.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HealthChanges {
    /// Whether anything has another status than before.
    pub changed: bool,
    /// What is newly wrong, a line each.
    pub errors: Vec<String>,
}

impl TargetHealth {
    /// The health from a directory, not read yet. Without one nothing is healthy.
    #[must_use]
    pub fn new(directory: Option<&Path>) -> Self {
        Self { directory: directory.map(Path::to_path_buf), files: BTreeMap::new(), error: None }
    }

    /// Whether there is a directory to be looked at.
    #[must_use]
    pub const fn is_configured(&self) -> bool {
        self.directory.is_some()
    }

    /// Whether `key` is healthy by the file called `file`, without `.json`.
    #[must_use]
    pub fn is_healthy(&self, file: &str, key: &str) -> bool {
        let statuses = self.files.get(file).map(|file| &file.statuses);
        statuses.and_then(|statuses| statuses.get(&*canonical(key))) == Some(&HEALTHY)
    }

    /// Reads the files that are new or changed. Blocks on the file system; one thread calls it.
    pub fn refresh(&mut self) -> HealthChanges {
        let mut changes = HealthChanges::default();
        let Some(directory) = &self.directory else { return changes };
        let paths = match paths(directory) {
            Ok(paths) => paths,
            Err(cause) => {
                let error = format!(
                    "{}: {cause}; make it, or remove health.directory; the statuses stay as they were",
                    directory.display()
                );
                if self.error.as_ref() != Some(&error) {
                    changes.errors.push(error.clone());
                }
                self.error = Some(error);
                return changes;
            }
        };
        self.error = None;
        let before = self.files.len();
        self.files.retain(|name, _| paths.contains_key(name));
        changes.changed = self.files.len() != before;
        for (name, path) in paths {
            let file = self.files.entry(name).or_default();
            let Some(stamp) = FileFingerprint::read(&path).ok().flatten() else { continue };
            if file.seen.is_some_and(|seen| seen.is_current(stamp)) {
                continue;
            }
            let text = match read(&path) {
                Ok(text) => text,
                Err(cause) => {
                    let error =
                        format!("{}: {cause}; make it readable or remove it", path.display());
                    changes.errors.extend(file.complain(error));
                    file.seen = None;
                    continue;
                }
            };
            let seen = FileVersion::new(stamp, &text);
            if file.seen.replace(seen).is_some_and(|former| former.is_same(&seen)) {
                continue;
            }
            match parse(&text) {
                Ok(statuses) => {
                    changes.changed |= statuses != file.statuses;
                    (file.statuses, file.error) = (statuses, None);
                }
                Err(cause) => changes.errors.extend(file.complain(format!(
                    "{}:{}:{}: {cause}; write it as {{\"192.0.2.1\": 2}}; the statuses stay as they were",
                    path.display(),
                    cause.line(),
                    cause.column()
                ))),
            }
        }
        changes
    }

    /// What is wrong now, a line each.
    pub fn errors(&self) -> impl Iterator<Item = &String> {
        self.error.iter().chain(self.files.values().filter_map(|file| file.error.as_ref()))
    }
}

/// The status files by name: `*.json` in any letter case, no dotfiles.
fn paths(directory: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let mut paths = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
        if let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
            && is_json
            && !name.starts_with('.')
            && !path.is_dir()
        {
            paths.insert(name.to_owned(), path);
        }
    }
    Ok(paths)
}

/// The content of a status file; what is no file or too large to be one is an error.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let data = fs::metadata(path)?;
    if !data.is_file() || data.len() > MOST {
        return Err(io::Error::other(format!("not a regular file of at most {MOST} octets")));
    }
    let mut text = Vec::new();
    fs::File::open(path)?.take(MOST).read_to_end(&mut text)?;
    Ok(text)
}

fn parse(text: &[u8]) -> serde_json::Result<HashMap<Box<str>, u8>> {
    let statuses: HashMap<String, u8> = serde_json::from_slice(text)?;
    Ok(statuses.into_iter().map(|(key, status)| (canonical(&key), status)).collect())
}

fn canonical(key: &str) -> Box<str> {
    match key.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().to_string().into(),
        Err(_) => key.strip_suffix('.').unwrap_or(key).to_ascii_lowercase().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::TargetHealth;
    use std::fs;

    #[test]
    fn only_what_a_file_says_is_healthy_is() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"192.0.2.1": 2, "192.0.2.2": 1, "192.0.2.3": 0, "2001:DB8:0::1": 2, "Mx.example.net.": 2}"#;
        fs::write(folder.path().join("pool.JSON"), text).unwrap();
        fs::write(folder.path().join(".pool2.json"), text).unwrap();
        let mut health = TargetHealth::new(Some(folder.path()));
        assert!(!health.is_healthy("pool", "192.0.2.1"));
        assert!(health.refresh().changed);
        for (file, key, expect) in [
            ("pool", "192.0.2.1", true),
            ("pool", "192.0.2.2", false),
            ("pool", "192.0.2.3", false),
            ("pool", "192.0.2.4", false),
            ("pool", "2001:db8::1", true),
            ("pool", "mx.EXAMPLE.net", true),
            ("pool2", "192.0.2.1", false),
            (".pool2", "192.0.2.1", false),
        ] {
            assert_eq!(health.is_healthy(file, key), expect, "{file} {key}");
        }
        assert_eq!(health.refresh(), super::HealthChanges::default());
    }

    #[test]
    fn a_broken_file_keeps_its_statuses_and_is_reported_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.json");
        let mut health = TargetHealth::new(Some(folder.path()));
        fs::write(&path, r#"{"a": 2}"#).unwrap();
        health.refresh();
        for broken in ["{", r#"{"a": "down"}"#] {
            fs::write(&path, broken).unwrap();
            let changes = health.refresh();
            assert!(!changes.changed);
            assert!(
                changes.errors[0].starts_with(&format!("{}:1:", path.display())),
                "{changes:?}"
            );
            assert!(health.refresh().errors.is_empty());
            assert_eq!(health.errors().count(), 1);
            assert!(health.is_healthy("f", "a"));
        }
        // Of the same length and within the same moment as what was there before.
        fs::write(&path, r#"{"a": 2}"#).unwrap();
        health.refresh();
        fs::write(&path, r#"{"a": 1}"#).unwrap();
        assert!(health.refresh().changed);
        assert!(!health.is_healthy("f", "a"));
        assert_eq!(health.errors().count(), 0);
    }

    #[test]
    fn a_file_that_is_gone_takes_its_statuses_along_but_a_directory_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let (directory, aside) = (folder.path().join("health"), folder.path().join("aside"));
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("f.json"), r#"{"a": 2}"#).unwrap();
        let mut health = TargetHealth::new(Some(&directory));
        health.refresh();
        fs::rename(&directory, &aside).unwrap();
        let changes = health.refresh();
        assert!(!changes.changed && changes.errors[0].contains("No such file"), "{changes:?}");
        assert!(health.refresh().errors.is_empty());
        assert!(health.is_healthy("f", "a"));
        fs::rename(&aside, &directory).unwrap();
        fs::remove_file(directory.join("f.json")).unwrap();
        assert!(health.refresh().changed);
        assert!(!health.is_healthy("f", "a"));
    }

    #[test]
    fn without_a_directory_nothing_is_healthy() {
        let mut health = TargetHealth::new(None);
        assert_eq!(health.refresh(), super::HealthChanges::default());
        assert!(!health.is_healthy("f", "a") && !health.is_configured());
    }
}
