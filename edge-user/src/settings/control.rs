//! `[control]`: where the control socket is.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::errors::{self, ConfigError};

/// Where the control socket is unless configured.
pub const SOCKET: &str = "/run/edge/edge.sock";

/// The control socket.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// Its path.
    pub socket: PathBuf,
}

impl Default for Control {
    fn default() -> Self {
        Self { socket: SOCKET.into() }
    }
}

/// The control socket that a configuration file names. Errors elsewhere in the file don't matter:
/// the node may run by an earlier version of it.
///
/// # Errors
/// When the file can't be read, isn't TOML, or `[control]` is wrong.
pub fn control_socket(path: &Path) -> Result<PathBuf, ConfigError> {
    #[derive(Deserialize)]
    struct Part {
        #[serde(default)]
        control: Control,
    }
    let part: Part = errors::read(&errors::text(path)?, path)?;
    Ok(path.parent().unwrap_or_else(|| Path::new("")).join(part.control.socket))
}

#[cfg(test)]
mod tests {
    use super::control_socket;

    #[test]
    fn the_socket_is_found_in_a_file_with_errors_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edge.toml");
        let found = |text: &str| {
            std::fs::write(&path, text).unwrap();
            control_socket(&path).map_err(|error| error.to_string())
        };
        assert_eq!(found("[dns]\nlisten = []\n").unwrap().to_str(), Some("/run/edge/edge.sock"));
        let given = found("[dns]\nlsten = 1\n[control]\nsocket = \"a.sock\"\n").unwrap();
        assert_eq!(given, folder.path().join("a.sock"));
        let error = found("[control]\nsocket = 1\n").unwrap_err();
        assert!(error.contains("edge.toml:2:10: "), "{error}");
    }
}
