//! Where the configuration and the node's control socket are, for all commands.

use std::path::{Path, PathBuf};

use crate::settings::{self as config, control_socket};

/// The configuration file.
#[derive(Debug, clap::Args)]
pub(super) struct ConfigFile {
    /// The configuration.
    #[arg(short = 'c', long = "config", value_name = "FILE", default_value = config::FILE)]
    pub(super) path: PathBuf,
}

/// The node that a command asks.
#[derive(Debug, clap::Args)]
pub(super) struct Node {
    /// The node's control socket [default: control.socket of the configuration].
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The node's configuration, if it isn't /etc/edge/edge.toml.
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Node {
    /// The node's control socket.
    ///
    /// # Errors
    /// When a configuration is named that can't be read. Without a name, a file that can't be read
    /// means the built-in path: who may open the socket need not be able to read the file.
    pub(super) fn socket(&self) -> anyhow::Result<PathBuf> {
        self.socket_or(Path::new(config::FILE))
    }

    fn socket_or(&self, usual: &Path) -> anyhow::Result<PathBuf> {
        Ok(match (&self.socket, &self.config) {
            (Some(socket), _) => socket.clone(),
            (None, Some(named)) => control_socket(named)?,
            (None, None) => control_socket(usual).unwrap_or_else(|_| config::SOCKET.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Node;

    #[test]
    fn the_socket_is_the_named_one_or_the_configurations_or_the_built_in_one() {
        let folder = tempfile::tempdir().unwrap();
        let [usual, other] = ["edge.toml", "other.toml"].map(|name| folder.path().join(name));
        std::fs::write(&usual, "[control]\nsocket = \"usual.sock\"\n").unwrap();
        std::fs::write(&other, "[control]\nsocket = \"/other.sock\"\n").unwrap();
        let found = |socket: Option<&str>, config: Option<&Path>, usual: &Path| {
            let node = Node { socket: socket.map(Into::into), config: config.map(Into::into) };
            node.socket_or(usual).map_err(|error| error.to_string())
        };
        let is = |path: &str| Ok(folder.path().join(path));
        assert_eq!(found(Some("/a.sock"), Some(&other), &usual), is("/a.sock"));
        assert_eq!(found(None, Some(&other), &usual), is("/other.sock"));
        assert_eq!(found(None, None, &usual), is("usual.sock"));
        let missing = folder.path().join("missing.toml");
        assert_eq!(found(None, None, &missing), is("/run/edge/edge.sock"));
        let error = found(None, Some(&missing), &usual).unwrap_err();
        assert!(error.contains("missing.toml: No such file"), "{error}");
    }
}
