//! `edge import`: an `edge.toml` from geodns's configuration and flags.
//!
//! Every key and flag is carried over, or a comment gives the reason. geodns asks the host for its
//! addresses and the databases' directory if they aren't given; both are written out.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

mod carry;
mod flags;
mod gcfg;
mod host;
mod toml;

use carry::Carrying;
pub use flags::{FlagError, Flags};
pub use gcfg::GcfgError;
pub use host::{Address, Host};

/// What is imported, and from where.
#[derive(Clone, Debug)]
pub struct Import<'a> {
    /// The configuration file, to be named in comments and errors.
    pub path: &'a Path,
    /// Its text.
    pub text: &'a str,
    /// geodns's flags.
    pub flags: &'a Flags,
    /// The zones' directory, if it isn't the one that geodns has by its flags.
    pub zones: Option<&'a Path>,
    /// The directory that geodns runs in, which its relative paths start from; absolute.
    pub directory: &'a Path,
    /// What the host has.
    pub host: &'a Host,
}

/// Why there is nothing to write.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file isn't what geodns reads.
    #[error("{path}:{error}", path = .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        error: GcfgError,
    },
    /// A value that geodns would not take either.
    #[error("{path}:{line}: {key}: {reason}", path = .path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The section and key.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A flag's value that can't be carried over.
    #[error("-{flag}: {reason}")]
    Flag {
        /// The flag.
        flag: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// Makes the file.
///
/// # Errors
/// When the file or a flag is nothing that geodns would take, or there is no address to serve.
pub fn import(from: &Import<'_>) -> Result<String, ImportError> {
    let entries = gcfg::read(from.text)
        .map_err(|error| ImportError::Syntax { path: from.path.to_path_buf(), error })?;
    Carrying::new(from, entries).all()
}

/// Writes the file, for its owner only, since it may hold a password. One that is there is replaced
/// only by `force`.
///
/// # Errors
/// When it can't be written, or is there.
pub fn write(path: &Path, text: &str, force: bool) -> Result<(), OutputError> {
    let error = |cause: io::Error| match cause.kind() {
        io::ErrorKind::AlreadyExists => OutputError::Exists(path.to_path_buf()),
        _ => OutputError::Write { path: path.to_path_buf(), cause },
    };
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let mut file = options.open(path).map_err(error)?;
    // One that was there has the mode that it had.
    file.set_permissions(Permissions::from_mode(0o600)).map_err(error)?;
    file.write_all(text.as_bytes()).map_err(error)
}

/// Why the file isn't written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// There is such a file.
    #[error("{}: exists already; name another file, or replace it with --force", .0.display())]
    Exists(PathBuf),
    /// The system refuses.
    #[error("{path}: {cause}", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

#[cfg(test)]
mod tests;
