//! The GeoIP databases of a directory, opened again when a file changes.

use std::path::PathBuf;
use std::sync::Arc;

use edge_leaves::file_fingerprint::FileFingerprint;
use edge_zone::geo::{self, Databases};

use super::Refresh;

/// The databases of a directory.
#[derive(Debug)]
pub(super) struct GeoDatabases {
    directory: PathBuf,
    fingerprints: Vec<(PathBuf, Option<FileFingerprint>)>,
    pub(super) databases: Arc<Databases>,
    pub(super) error: Option<String>,
}

impl GeoDatabases {
    /// The databases of `directory`, which hasn't been looked at yet.
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, fingerprints: Vec::new(), databases: Arc::default(), error: None }
    }

    /// Opens the databases if their files changed. What can't be opened, or lacks a database that
    /// was there, replaces nothing. Returns whether the databases are others than before.
    pub(super) fn look(&mut self, refresh: &mut Refresh) -> bool {
        let first = self.fingerprints.is_empty();
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&self.directory)
            .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
            .unwrap_or_default();
        paths.retain(|path| path.extension().is_some_and(|end| end == "mmdb"));
        paths.sort();
        let mut fingerprints: Vec<_> = paths
            .into_iter()
            .map(|path| (path.clone(), FileFingerprint::read(&path).ok().flatten()))
            .collect();
        fingerprints.push((self.directory.clone(), None));
        if fingerprints == self.fingerprints {
            return false;
        }
        self.fingerprints = fingerprints;
        let opened = Databases::open(&self.directory).map_err(|error| error.to_string());
        let opened = opened.and_then(|opened| match lost(&self.databases, &opened) {
            Some(kind) => Err(format!(
                "{}: the {kind} database is missing; its last content stays in use; restore it, or restart",
                self.directory.display()
            )),
            None => Ok(opened),
        });
        match opened {
            Ok(databases) => {
                self.error = None;
                if databases.iter().next().is_none() && first {
                    refresh.warnings.push(format!(
                        "{}: no GeoIP databases; every client has only the target @",
                        self.directory.display()
                    ));
                }
                self.databases = Arc::new(databases);
                true
            }
            Err(error) => {
                refresh.errors.push(error.clone());
                self.error = Some(error);
                false
            }
        }
    }
}

/// A kind of database that was there before and is gone.
fn lost(old: &Databases, new: &Databases) -> Option<geo::DatabaseKind> {
    old.iter().map(geo::Database::kind).find(|kind| new.get(*kind).is_none())
}
