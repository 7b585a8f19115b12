//! A check of the log's configuration: whether the log can be written.
//!
//! It changes nothing.

use std::path::Path;

use rustix::fs::{Access, access};

use crate::settings::{self as config, LogFormat};

/// Checks whether a log can be written.
///
/// # Errors
/// Why not, and the way out.
pub fn check(config: &config::Log) -> Result<(), String> {
    let path = &config.path;
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    let refused = |reason: &str| Err(format!("{}: log.path: {reason}", path.display()));
    let directory = match config.format {
        LogFormat::Avro if path.is_dir() => path.as_path(),
        LogFormat::Avro => return refused("not a directory; Avro files need one, make it first"),
        LogFormat::Json if path.is_dir() => {
            return refused("a directory; name a file in it, or set log.format = \"avro\"");
        }
        LogFormat::Json => path.parent().unwrap_or_else(|| Path::new(".")),
    };
    if !directory.is_dir() {
        return refused("there is no such directory; make it first");
    }
    match access(directory, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Ok(()),
        Err(cause) => refused(&format!("{cause}; let the user that runs edge write there")),
    }
}
