//! A watch on directories: it wakes its reader when something in one changes.
//!
//! It uses inotify, which may miss changes: network file systems report none. So whoever uses it
//! also looks at the directories every so often.

use std::path::Path;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use std::sync::Arc;

/// Watches directories.
#[derive(Debug)]
pub struct Watch {
    watcher: Option<RecommendedWatcher>,
    changed: Arc<Notify>,
}

impl Watch {
    /// Watches nothing yet. Without inotify, only the looks every so often are left; then the
    /// reason is returned, too.
    #[must_use]
    pub fn new() -> (Self, Option<String>) {
        let changed = Arc::new(Notify::new());
        let notified = Arc::clone(&changed);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.map_or(true, |event| !event.kind.is_access()) {
                notified.notify_one();
            }
        });
        match watcher {
            Ok(watcher) => (Self { watcher: Some(watcher), changed }, None),
            Err(error) => (Self { watcher: None, changed }, Some(error.to_string())),
        }
    }

    /// Adds a directory. One that can't be watched is only looked at every so often.
    pub fn add(&mut self, directory: &Path) -> Option<String> {
        let watched = self.watcher.as_mut()?.watch(directory, RecursiveMode::NonRecursive);
        watched.err().map(|error| error.to_string())
    }

    /// Something that resolves when something changed.
    #[must_use]
    pub fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }
}
