//! The switches that operators set, kept over crashes and restarts.
//!
//! They are in a file beside the control socket, written whole at each change. A file that can't be
//! read is reported once and written again at the next change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edge_tables::live::switches::Setting;
use serde::{Deserialize, Serialize};

use super::switch_table::same_switch;

/// The form of the file.
const SCHEMA: u32 = 1;

/// What is in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    schema: u32,
    switches: Vec<Setting>,
}

/// The kept switches, for the threads that set some.
pub type Kept = Arc<Mutex<KeptSwitches>>;

/// The kept switches, each at most once.
#[derive(Debug)]
pub struct KeptSwitches {
    path: PathBuf,
    all: Vec<Setting>,
}

/// The kept switches, held until the caller drops them.
pub fn lock(kept: &Kept) -> MutexGuard<'_, KeptSwitches> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KeptSwitches {
    /// Reads the file beside a control socket. Returns the reason, too, if that file can't be read.
    #[must_use]
    pub fn beside(socket: &Path) -> (Self, Option<String>) {
        let path = socket.with_file_name("switches.json");
        let (all, error) = match read(&path) {
            Ok(all) => (all, None),
            Err(cause) => {
                let text = "the switches that were set before the restart are lost";
                (Vec::new(), Some(format!("{}: {cause}; {text}", path.display())))
            }
        };
        (Self { path, all }, error)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Setting] {
        &self.all
    }

    /// Their names.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.all.iter().map(Setting::name).collect()
    }

    /// Keeps a switch as it is set now, or no longer.
    ///
    /// # Errors
    /// When the file can't be written, with its name. The switch isn't kept then.
    pub fn set(&mut self, setting: &Setting, is_kept: bool) -> Result<(), String> {
        let mut all = self.all.clone();
        all.retain(|other| !same_switch(other, setting));
        if is_kept {
            all.push(setting.clone());
        }
        self.replace(all)
    }

    /// Forgets the switches of the whole node; those of zones stay.
    ///
    /// # Errors
    /// When the file can't be written, with its name.
    pub fn forget_general(&mut self) -> Result<(), String> {
        let zones = self.all.iter().filter(|it| matches!(it, Setting::Zone { .. }));
        let zones = zones.cloned().collect();
        self.replace(zones)
    }

    fn replace(&mut self, all: Vec<Setting>) -> Result<(), String> {
        if all == self.all {
            return Ok(());
        }
        let written = if all.is_empty() { remove(&self.path) } else { write(&self.path, &all) };
        written.map_err(|cause| format!("{}: {cause}", self.path.display()))?;
        self.all = all;
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<Setting>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(cause.to_string()),
    };
    let content: Content = serde_json::from_str(&text).map_err(|cause| cause.to_string())?;
    if content.schema != SCHEMA {
        return Err(format!("it has schema {}, and this version knows {SCHEMA}", content.schema));
    }
    Ok(content.switches)
}

fn write(path: &Path, all: &[Setting]) -> io::Result<()> {
    let content = Content { schema: SCHEMA, switches: all.to_vec() };
    // Another file first: a crash leaves one of the two whole.
    let new = path.with_extension("json.new");
    std::fs::write(&new, serde_json::to_string_pretty(&content)?)?;
    std::fs::rename(&new, path)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::KeptSwitches;
    use edge_tables::live::switches::Setting;

    fn zone(name: &str, on: bool) -> Setting {
        Setting::Zone { name: name.into(), on }
    }

    #[test]
    fn what_was_set_last_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("edge.sock");
        let (mut kept, error) = KeptSwitches::beside(&socket);
        assert_eq!((kept.all(), error), (&[][..], None));
        for (setting, is_kept) in [
            (Setting::Bypass { on: false }, true),
            (Setting::Bypass { on: true }, true),
            (Setting::DryRun { on: true }, true),
            (Setting::DryRun { on: true }, false),
            (zone("Pool.Example.", true), true),
            (zone("pool.example", false), true),
        ] {
            kept.set(&setting, is_kept).unwrap();
        }
        let (mut kept, error) = KeptSwitches::beside(&socket);
        assert_eq!(error, None);
        assert_eq!(kept.all(), [Setting::Bypass { on: true }, zone("pool.example", false)]);
        assert_eq!(kept.names(), ["bypass", "zone pool.example"]);
        kept.forget_general().unwrap();
        assert_eq!(KeptSwitches::beside(&socket).0.all(), [zone("pool.example", false)]);
        kept.set(&zone("pool.example", true), false).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file without need");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_and_replaced_at_the_next_change() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("edge.sock");
        let file = folder.path().join("switches.json");
        for (text, wanted) in
            [("{", "EOF"), ("{\"schema\": 2, \"switches\": []}", "it has schema 2")]
        {
            std::fs::write(&file, text).unwrap();
            let (mut kept, error) = KeptSwitches::beside(&socket);
            let error = error.unwrap();
            assert!(error.contains("switches.json: ") && error.contains(wanted), "{error}");
            kept.set(&Setting::Bypass { on: true }, true).unwrap();
            assert_eq!(KeptSwitches::beside(&socket).0.all(), [Setting::Bypass { on: true }]);
        }
    }

    #[test]
    fn a_switch_that_cannot_be_written_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (mut kept, _) = KeptSwitches::beside(&folder.path().join("gone/edge.sock"));
        let error = kept.set(&Setting::Bypass { on: true }, true).unwrap_err();
        assert!(error.contains("gone/switches.json: "), "{error}");
        assert_eq!(kept.all(), []);
    }
}
